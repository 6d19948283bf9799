/** A collector that is killed at any moment: what was acknowledged is there once, and ledger and files agree. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { Log } from '../../collector/log/log.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { newSeed } from '../support/random.ts';
import { hasStrace, runTraced, SYNCS } from '../support/strace.ts';
import { newFolder } from './batches.ts';

const kills = 20;
/** A batch each at the least: so many are acknowledged however slow the disk is. */
const manyLines = 25;

interface Kill {
  /** Of its lines. */
  readonly lines: number;
  readonly afterMs: number;
}

/** What it told before it was killed, some time after so many lines. */
async function appendUntilKilled(dir: string, seed: number, first: number, kill: Kill): Promise<number[][]> {
  const program = path.join(import.meta.dirname, 'appender.ts');
  const child = spawn(process.execPath, [program, dir, String(seed), String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  let isDoomed = false;
  child.stdout.on('data', piece => {
    text += piece;
    if (isDoomed || text.split('\n').length <= kill.lines) return;
    isDoomed = true;
    setTimeout(() => child.kill('SIGKILL'), kill.afterMs);
  });
  const signal = await new Promise(resolve => child.on('close', (_, by) => resolve(by)));
  expect(signal).toBe('SIGKILL');
  const lines = text.split('\n').slice(0, -1); // the last may be cut, or was never told
  return lines.flatMap(line => JSON.parse(line) as number[][]);
}

function logged(dir: string): number[][] {
  const reader = LogReader.open(dir);
  const found: number[][] = [];
  for (;;) {
    const more = reader.after(found.at(-1)?.[1] ?? 0, { batches: 1000, bytes: 1e8 });
    if (more.length === 0) break;
    found.push(...more.map(({ sequence, position }) => [sequence, position]));
  }
  reader.close();
  return found;
}

it('fault 1: keeps all that was acknowledged, once, at its position, however often it is killed', async () => {
  const seed = newSeed();
  const dir = newFolder();
  const acknowledged = new Map<number, number>();
  for (let n = 0; n < kills; n++) {
    const first = n === 0 ? 1 : (logged(dir).at(-1)?.[0] ?? 0) + 1;
    const kill = { lines: n % 2 === 0 ? 1 : manyLines, afterMs: ((seed + n * 37) % 60) * (n % 3) };
    const told = await appendUntilKilled(dir, seed + n, first, kill);
    const where = `seed ${seed}, kill ${n}`;
    for (const [sequence, position] of told) {
      expect(acknowledged.get(sequence!) ?? position, where).toBe(position);
      acknowledged.set(sequence!, position!);
    }
    const found = logged(dir);
    expect(new Set(found.map(([sequence]) => sequence)).size, where).toBe(found.length);
    expect(
      found.map(([, position]) => position),
      where,
    ).toEqual(found.map((_, i) => i + 1));
    const positions = new Map(found as [number, number][]);
    for (const [sequence, position] of acknowledged) expect(positions.get(sequence), where).toBe(position);
  }
  expect(acknowledged.size, `seed ${seed}`).toBeGreaterThan(kills * 10);

  Log.open(dir).close(); // reconciles
  const ledger = new Database(path.join(dir, 'ledger.db'), { readonly: true });
  const rows = ledger.prepare('SELECT sequence, position FROM batches ORDER BY position').raw().all();
  const sums = ledger.prepare('SELECT batches FROM sensors').pluck().get();
  ledger.close();
  expect(rows, `seed ${seed}`).toEqual(logged(dir));
  expect(sums).toBe(rows.length);
  fs.rmSync(dir, { recursive: true });
});

it.skipIf(!hasStrace)(
  'fault 5: acknowledges nothing after a sync has failed, though the next one would not',
  async () => {
    for (const failing of [60, 81]) {
      const dir = newFolder();
      const program = path.join(import.meta.dirname, 'appender.ts');
      const { stdout, stderr } = await runTraced(SYNCS, `error=EIO:when=${failing}`, [program, dir, '5', '1']);
      const lines = stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line));
      const { failed } = lines.pop();
      expect(failed, stderr).toEqual([
        expect.stringMatching(/^SQLITE_IOERR_(DIR_)?FSYNC$|^EIO$/),
        expect.stringContaining('the log is at its end since a write failed'),
      ]);
      Log.open(dir).close();
      const positions = new Map(logged(dir) as [number, number][]);
      for (const [sequence, position] of lines.flat()) expect(positions.get(sequence)).toBe(position);
      expect(lines.length).toBeGreaterThan(10);
      fs.rmSync(dir, { recursive: true });
    }
  },
);
