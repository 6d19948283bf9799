/** The program that archives, killed again and again: whatever it was at, every batch is there once in the end. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Manifest } from '../../collector/archive/manifest.ts';
import { verifyArchive } from '../../collector/archive/verify.ts';
import { startArchiving } from '../../collector/commands/archiving.ts';
import { root } from '../support/enaga.ts';
import { newSeed } from '../support/random.ts';
import { seeded } from '../support/records.ts';
import { RECEIVED_MS } from '../support/sealed-log.ts';
import { ArchivedLog, blocksOfRows, DAY_MS, randomRows } from './support.ts';

const program = path.join(root, 'collector', 'main.ts');
const DAYS = 6;
const made = new ArchivedLog();
afterAll(() => made.remove());

/** Killed a moment after something new lies in the archive's directory. Returns its exit code, null if it was killed. */
function run(killMs?: number): Promise<number | null> {
  const args = [program, 'archive', 'run', '--data', made.dir];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (killMs !== undefined) {
    const before = seen();
    const timer = setInterval(() => {
      if (seen() === before) return;
      clearInterval(timer);
      setTimeout(() => child.kill('SIGKILL'), killMs);
    }, 2);
    child.on('exit', () => clearInterval(timer));
  }
  return new Promise(resolve => child.on('exit', resolve));
}

const seen = (): string =>
  [made.archive, made.data.log]
    .flatMap(dir => (fs.existsSync(dir) ? (fs.readdirSync(dir, { recursive: true }) as string[]) : []))
    .filter(name => /tmp|parquet|heads|^\d{4}-/.test(name))
    .join();

const names = (): string[] => {
  const reader = made.reader();
  const first = Math.floor(RECEIVED_MS / DAY_MS) - 3;
  try {
    return Array.from({ length: DAYS }, (_, n) => first + n).flatMap(day =>
      Array.from(
        reader.ofDay(day, reader.head()),
        ({ position, sha256 }) => `${position} ${Buffer.from(sha256).toString('hex')}`,
      ),
    );
  } finally {
    reader.close();
  }
};

test('killed at any moment it loses nothing and has nothing twice', async () => {
  const seed = newSeed();
  const random = seeded(seed);
  for (let n = 0; n < DAYS; n++) {
    const rows = randomRows(seed + n, 200, DAYS);
    made.append(...blocksOfRows(rows).map(one => ({ ...one, historic: true, receivedMs: RECEIVED_MS + n * DAY_MS })));
  }
  made.goOn(RECEIVED_MS + 10 * DAY_MS);
  made.count();
  const before = names();
  let killed = 0;
  for (let kill = 0; kill < 12; kill++) {
    if ((await run(random(60))) === null) killed++;
    expect(names(), `seed ${seed}, kill ${kill}`).toEqual(before);
  }
  expect(killed).toBeGreaterThan(2);
  expect(await run()).toBe(0);
  expect(names()).toEqual(before);
  expect(made.logFiles()).toEqual(['2026-03-15.db']);
  expect(await verifyArchive(made.archive)).toMatchObject({ damaged: [], records: DAYS * 200 });
  const manifest = Manifest.open(made.archive, { readonly: true });
  const batches = manifest.parts().reduce((sum, part) => sum + part.batches, 0);
  const files = manifest.parts().length;
  manifest.close();
  expect([batches, made.partFiles().length]).toEqual([before.length + 1, files]);
  const left = (fs.readdirSync(made.archive, { recursive: true }) as string[]).filter(name => name.endsWith('.tmp'));
  expect(left).toEqual([]);
}, 120_000);

test('beside a collector it runs by itself, and says what it did', async () => {
  made.append(...blocksOfRows(randomRows(9, 50, 1)).map(one => ({ ...one, receivedMs: RECEIVED_MS + 11 * DAY_MS })));
  made.goOn(RECEIVED_MS + 12 * DAY_MS);
  made.count();
  const said: string[] = [];
  const heard = Promise.withResolvers<void>();
  const stop = startArchiving({
    root: made.dir,
    program,
    firstMs: 0,
    say: (level, facts, text) => {
      said.push(`${level} ${text} ${JSON.stringify(facts)}`);
      if (said.length === 2) heard.resolve();
    },
  });
  await heard.promise;
  await stop();
  expect(said[0]).toMatch(/^info archived {"days":\["2026-03-02".*"records":50}$/);
  expect(said[1]).toContain('2026-03-15.db');
}, 60_000);
