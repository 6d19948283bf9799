/** Who may read what is written: state is its owner's alone, and what somebody asked for is as his umask has it. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { writeTraffic } from '../bench/traffic.ts';
import { root } from '../support/enaga.ts';

const MAIN = path.join(root, 'collector', 'main.ts');

function folder(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-mode-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true }));
  return dir;
}

function enagaWith(umask: string, ...args: string[]): void {
  const shell = ['-c', `umask ${umask}; exec "$@"`, 'sh', process.execPath, MAIN, ...args];
  const { status, stderr } = spawnSync('sh', shell, { encoding: 'utf8', timeout: 60_000 });
  expect(status, stderr).toBe(0);
}

/** Paths within, with the bits of their modes in octal. */
function modesOf(dir: string): Record<string, string> {
  const names = fs.readdirSync(dir, { recursive: true }) as string[];
  return Object.fromEntries(
    names.sort().map(name => [name, (fs.statSync(path.join(dir, name)).mode & 0o777).toString(8)]),
  );
}

it('a collector’s state is its own, however lax the umask', () => {
  const dir = folder();
  enagaWith('000', 'init', '--data', path.join(dir, 'data'));
  enagaWith('000', 'org', 'add', 'csirt', '--data', path.join(dir, 'data'));
  const modes = modesOf(dir);
  expect(Object.keys(modes)).toContain('data/registry.db');
  for (const [name, mode] of Object.entries(modes))
    expect([name, mode]).toEqual([name, fs.statSync(path.join(dir, name)).isDirectory() ? '700' : '600']);
});

it('a researcher’s files are as his umask has them', () => {
  const dir = folder();
  const capture = path.join(dir, 'traffic.pcap');
  writeTraffic(capture, 2000);
  const out = path.join(dir, 'out');
  fs.mkdirSync(out, { mode: 0o755 });
  for (const umask of ['022', '027']) {
    const to = path.join(out, umask);
    const files = ['--parquet', path.join(to, 'parquet'), '--json', path.join(to, 'day.json')];
    fs.mkdirSync(to);
    enagaWith(umask, 'replay', '-q', ...files, capture);
  }
  const modes = Object.entries(modesOf(out));
  const of = (umask: string, end: string) =>
    modes.filter(([name]) => name.startsWith(umask) && name.endsWith(end)).map(([, mode]) => mode);
  expect([of('022', '.parquet'), of('022', '.json')]).toEqual([['644'], ['644']]);
  expect([of('027', '.parquet'), of('027', '.json')]).toEqual([['640'], ['640']]);
});
