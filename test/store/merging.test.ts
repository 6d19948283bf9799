/** Segments merged in a thread beside the folding one: whatever happens meanwhile, the day is what a reducer says. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeDay } from '../../collector/reduce/codec.ts';
import { Reducer } from '../../collector/reduce/reducer.ts';
import type { OpenedBatch } from '../../collector/store/batch.ts';
import { Merging } from '../../collector/store/merging.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { keepMerged, mergeTier } from '../../collector/store/segments.ts';
import { Store } from '../../collector/store/store.ts';
import { DAY, GEO, HASH_KEY, record, toBlock } from '../support/records.ts';
import { openAll, Sealer } from '../support/sealed-log.ts';

const LOG = 'a log';
/** As many segments of a tier become one; as many are not left to a thread that does not get to them. */
const FAN_IN = 8;
const WAITING = 32;
const BATCHES = WAITING - 2;

let folder: string;
let file: string;
let merging: Merging;
let store: Store;
let batches: OpenedBatch[];
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-merging-'));
  file = path.join(folder, 'store.db');
  merging = new Merging({ bytesMin: 0 });
  store = Store.open(file, {
    hashKey: HASH_KEY,
    geographies: { at: () => GEO, named: () => GEO },
    excluded: () => [],
    merging,
  });
  const sealer = new Sealer();
  const list = fc.sample(record, { seed: 5, numRuns: WAITING + FAN_IN - 1 });
  const block = (n: number) => toBlock([{ ...list[n]!, sensor: 0, hour: 24 * DAY }]);
  batches = openAll(list.map((_, n) => sealer.seal({ sensor: 0, records: block(n) })));
});
afterEach(() => {
  store.close();
  fs.rmSync(folder, { recursive: true });
});

const segments = (): number => store.database.prepare('SELECT count(*) FROM segments').pluck().get() as number;
const append = (from: number, to: number) => {
  for (const batch of batches.slice(from, to)) store.append([batch], LOG);
};

/** Until something is merged. */
async function merged(): Promise<void> {
  for (const before = segments(); segments() >= before; store.keepMerged()) await sleep(20);
}

/** Until the thread has ended, and what it made is dealt with. */
async function ended(): Promise<void> {
  for (; merging.isBusy; store.keepMerged()) await sleep(20);
}

function state(): Uint8Array | undefined {
  const reader = StoreReader.open(file);
  const day = reader.state(DAY);
  reader.close();
  return day && encodeDay(day);
}

function reduced(some: readonly OpenedBatch[]): Uint8Array {
  const reducer = new Reducer({ geo: GEO, hashKey: HASH_KEY, tableSeed: 1, perSensor: true });
  for (const { records, sensor } of some) reducer.fold(records, sensor);
  return encodeDay(reducer.days()[0]!);
}

test('commits go on while segments are merged, and lose nothing by it', async () => {
  append(0, FAN_IN);
  expect(merging.isBusy).toBe(true);
  append(FAN_IN, BATCHES);
  expect(segments()).toBe(BATCHES);
  await merged();
  expect(segments()).toBe(BATCHES - FAN_IN + 1);
  await merged(); // all that came meanwhile together
  expect(segments()).toBe(2);
  expect(merging.isBusy).toBe(false);
  expect(state()).toEqual(reduced(batches.slice(0, BATCHES)));
});

test('many segments are merged at once, and what the thread is at is given up', async () => {
  append(0, WAITING);
  expect(segments()).toBe(1);
  append(WAITING, WAITING + FAN_IN - 1); // segments that bear the numbers of those that the thread was given
  await ended();
  expect(segments()).toBe(FAN_IN);
  expect(state()).toEqual(reduced(batches));
});

test('what is merged of a day that was counted anew meanwhile is dropped', async () => {
  append(0, FAN_IN);
  expect(merging.isBusy).toBe(true);
  const reducer = new Reducer({ geo: GEO, hashKey: HASH_KEY, tableSeed: 1, perSensor: true });
  reducer.fold(batches[0]!.records, 0);
  store.replace(DAY, reducer.takeDays()[0], []);
  append(FAN_IN, 2 * FAN_IN - 1); // segments that may bear the numbers of those that were merged
  expect(merging.isBusy).toBe(false);
  await sleep(1500); // the thread that was given up would have ended by now
  store.keepMerged();
  expect(segments()).toBe(FAN_IN);
  expect(state()).toEqual(reduced([batches[0]!, ...batches.slice(FAN_IN, 2 * FAN_IN - 1)]));
});

test('what is merged of segments that went meanwhile is dropped', () => {
  store.close();
  store = Store.open(file, { hashKey: HASH_KEY, geographies: { at: () => GEO, named: () => GEO }, excluded: () => [] });
  append(0, FAN_IN - 1);
  const { database } = store;
  const ids = database.prepare('SELECT id FROM segments').pluck().all() as number[];
  const tier = { day: DAY, tier: 0, ids, bytes: 0 };
  const segment = mergeTier(database, tier, 1024)!;
  const before = segments();
  database.exec('UPDATE segments SET day = day + 1'); // another day's may bear their numbers
  keepMerged(database, tier, segment);
  expect(segments()).toBe(before);
  database.exec('DELETE FROM segments');
  keepMerged(database, tier, segment);
  expect(segments()).toBe(0);
});

test('a segment that is damaged is told of where it can be', async () => {
  append(0, FAN_IN - 1);
  store.database.exec("UPDATE segments SET bytes = x'00' WHERE id = 3");
  append(FAN_IN - 1, FAN_IN);
  expect(merging.isBusy).toBe(true);
  await expect(ended()).rejects.toMatchObject({ name: 'BadState' });
});
