/** The folding thread, killed again and again: whatever it was at, the store says in the end what the log says. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { StoreReader } from '../../collector/store/query.ts';
import { writeTraffic } from '../bench/traffic.ts';
import { newSeed } from '../support/random.ts';
import { seeded } from '../support/records.ts';
import { HASH_KEY, partsOf, readCapture, SealedLog } from '../support/sealed-log.ts';

const OPEN = { graceMs: 1e15, quietMs: 0, segmentsMs: 0 };
const made = new SealedLog();
afterAll(() => made.remove());

/** Killed a moment after it has committed so many times. */
function run(toEnd: boolean, commits = 0, killMs = 0): Promise<number | null> {
  const options = path.join(made.dir, 'options.json');
  const given = { data: made.data, hashKey: HASH_KEY, checkpointMs: 1, closing: OPEN };
  fs.writeFileSync(options, JSON.stringify({ options: given, toEnd }));
  const script = path.resolve(import.meta.dirname, '../support/fold-log.ts');
  const child = spawn(process.execPath, [script, options], { stdio: ['ignore', 'pipe', 'inherit'] });
  let seen = 0;
  child.stdout.on('data', () => {
    if (!toEnd && ++seen === commits) setTimeout(() => child.kill('SIGKILL'), killMs);
  });
  return new Promise(resolve => child.on('close', resolve));
}

function position(): number {
  const store = StoreReader.open(made.data.store);
  const found = store.position()?.position ?? 0;
  store.close();
  return found;
}

test('fault 1: killed at any moment it loses nothing and counts nothing twice', async () => {
  const seed = newSeed();
  const random = seeded(seed);
  const file = path.join(made.dir, 'traffic.pcap');
  writeTraffic(file, 20_000);
  const { blocks } = await readCapture(file);
  // More batches than are read at a time in each run.
  const small = blocks.flatMap(block => partsOf(block, 4));
  const kills = 20;
  const each = Math.floor(small.length / kills);
  let early = 0;
  for (let kill = 0; kill < kills; kill++) {
    made.appendMixed(seed + kill, small.slice(each * kill, each * (kill + 1)));
    expect(await run(false, 1 + random(2), random(30))).toBeNull();
    early += position() < made.log.head() ? 1 : 0;
  }
  expect(await run(true)).toBe(0);
  const { differences, records } = made.recount();
  expect(differences).toEqual([]);
  expect(records).toBe(small.slice(0, each * kills).reduce((sum, { count }) => sum + count, 0));
  // Kills that came before all was folded: without some the test would show nothing.
  expect(early).toBeGreaterThan(0);
}, 90_000);
