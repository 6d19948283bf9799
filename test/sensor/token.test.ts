/** A token typed at a terminal: a pseudo-terminal, by script(1), shows what an operator's would. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { root } from '../support/enaga.ts';
import { FakeCollector } from '../support/fake-collector.ts';
import { temporary } from './support.ts';

const why = ['script', 'stty'].find(tool => spawnSync(tool, ['--version']).error !== undefined);
if (why !== undefined) console.warn(`test/sensor/token: ${why} is missing`);

/** What the terminal is like is written down before and after; script turns its echo off where it has no terminal itself. */
const LINE = `stty echo; stty -a > "$FOLDER/before"
  sh -c 'echo $$ > "$FOLDER/pid"; exec "$NODE" "$MAIN" enrol --collector "$URL" --token-file - --state "$FOLDER/state"'
  echo "ended with $?"; stty -a > "$FOLDER/after"`;
const waitMsMax = 20_000;

interface Terminal {
  readonly folder: string;
  readonly collector: FakeCollector;
  readonly child: ChildProcess;
  /** Resolves with all that was shown, once that is in it. */
  readonly shows: (words: string) => Promise<string>;
}

async function enrolAtTerminal(): Promise<Terminal> {
  const collector = await new FakeCollector().start();
  const folder = temporary();
  const env = { NODE: process.execPath, MAIN: path.join(root, 'sensor/main.ts'), URL: collector.url, FOLDER: folder };
  const child = spawn('script', ['-qefc', LINE, '/dev/null'], { env: { ...process.env, ...env, SHELL: '/bin/sh' } });
  onTestFinished(() => {
    child.kill('SIGKILL');
    return collector.stop();
  });
  let shown = '';
  let look = () => {};
  child.stdout.on('data', piece => {
    shown += piece;
    look();
  });
  const shows = (words: string) =>
    new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`it does not show ${words}: ${shown}`)), waitMsMax);
      look = () => {
        if (!shown.includes(words)) return;
        clearTimeout(timer);
        resolve(shown);
      };
      look();
    });
  return { folder, collector, child, shows };
}

describe.skipIf(why !== undefined)('a token typed at a terminal', { timeout: 60_000 }, () => {
  /** The terminal is as it was. Gives what was shown. */
  async function ended({ folder, child, shows }: Terminal, code: number): Promise<string> {
    const closed = new Promise(resolve => child.on('close', resolve));
    const shown = await shows(`ended with ${code}`);
    await closed;
    const [before, after] = ['before', 'after'].map(name => fs.readFileSync(path.join(folder, name), 'utf8'));
    expect(before).toMatch(/(?<!-)\becho\b/);
    expect(after).toBe(before);
    return shown;
  }

  it('is not shown, and can be mended as it is typed', async () => {
    const terminal = await enrolAtTerminal();
    await terminal.shows('Token');
    terminal.child.stdin!.write(`good-canary${'\x7f'.repeat(7)}\r`);
    const shown = await ended(terminal, 0);
    expect(shown).toContain('Enrolled as test');
    expect(shown).not.toMatch(/canary|good/);
  });

  it('may be thought better of: Ctrl-C ends the command by a signal, and no token was spent', async () => {
    const terminal = await enrolAtTerminal();
    await terminal.shows('Token');
    terminal.child.stdin!.write('good-canary\x03');
    expect(await ended(terminal, 130)).not.toMatch(/canary|good|holds no token/);
    expect(fs.existsSync(path.join(terminal.folder, 'state'))).toBe(false);
  });

  it('leaves the terminal as it was also when the command is ended from outside, or gets no token', async () => {
    const killed = await enrolAtTerminal();
    await killed.shows('Token');
    process.kill(Number(fs.readFileSync(path.join(killed.folder, 'pid'), 'utf8')), 'SIGTERM');
    await ended(killed, 143);
    const empty = await enrolAtTerminal();
    await empty.shows('Token');
    empty.child.stdin!.write('\x04');
    expect(await ended(empty, 1)).toContain('enaga-sensor enrol: standard input holds no token');
  });
});
