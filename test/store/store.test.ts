/** The store against a reducer over the same batches, at its seam: batches in, results out. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeDay } from '../../collector/reduce/codec.ts';
import { Reducer } from '../../collector/reduce/reducer.ts';
import { resultOf } from '../../collector/reduce/result.ts';
import { dayResult, sensorRows } from '../../collector/reduce/rows.ts';
import { closeDays } from '../../collector/store/closing.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { completeness, watchedShares } from '../../collector/store/series.ts';
import { Store } from '../../collector/store/store.ts';
import {
  burst,
  DAY,
  foldAll,
  GEO,
  HASH_KEY,
  manySources,
  type PlainRecord,
  records,
  seeded,
  shuffled,
} from '../support/records.ts';
import { blocksOf, noRecords, openAll, RECEIVED_MS, Sealer } from '../support/sealed-log.ts';

let folder: string;
let files = 0;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-store-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const newFile = () => path.join(folder, `store-${files++}.db`);
const DAY_MS = 86_400_000;
const LOG = 'a log';

const openStore = (file: string, sourcesMax?: number): Store =>
  Store.open(file, {
    hashKey: HASH_KEY,
    geographies: { at: () => GEO, named: () => GEO },
    excluded: () => [],
    ...(sourcesMax !== undefined && { sourcesMax }),
  });

const traffic = fc.tuple(records, fc.array(burst(1, 20, 300), { maxLength: 2 }), fc.nat());
const listOf = ([few, bursts, seed]: [PlainRecord[], Parameters<typeof manySources>[0][], number]) =>
  shuffled([...few, ...bursts.flatMap(manySources)], seeded(seed));

const sealAll = (list: readonly PlainRecord[], seed: number) => {
  const sealer = new Sealer();
  return openAll(blocksOf(list, seed).map(block => sealer.seal(block)));
};

const reducedDays = (list: readonly PlainRecord[], sourcesMax?: number) => {
  const reducer = new Reducer({ geo: GEO, hashKey: HASH_KEY, tableSeed: 1, perSensor: true, sourcesMax });
  foldAll(reducer, list);
  return reducer.days();
};

const whole = (result: ReturnType<typeof dayResult>): string => {
  const { portCountries, portHours, portKinds, countryHours, countryKinds, countryAsns, ...rest } = result;
  const finer = [portCountries, portHours, portKinds, countryHours, countryKinds, countryAsns];
  return JSON.stringify([rest, ...finer.map(rows => rows())]);
};

describe('the store', () => {
  test('says of any batches, committed anywhere, opened again anywhere, what a reducer says of all of them', () => {
    fc.assert(
      fc.property(traffic, fc.constantFrom(16, undefined), (some, sourcesMax) => {
        const list = listOf(some);
        const random = seeded(some[2]);
        const batches = sealAll(list, some[2]);
        const file = newFile();
        let store = openStore(file, sourcesMax);
        for (let from = 0; from < batches.length; ) {
          const to = from + 1 + random(4);
          // What was there before comes again, too.
          store.fold(batches.slice(Math.max(0, from - random(3)), to));
          if (random(2) === 0) store.commit(LOG);
          if (random(5) === 0) {
            store.close(); // forgets what is not committed
            store = openStore(file, sourcesMax);
          }
          from = store.reached;
        }
        store.commit(LOG);
        store.close();
        const reader = StoreReader.open(file);
        const days = reducedDays(list, sourcesMax);
        expect(reader.days().map(({ day }) => day)).toEqual(days.map(({ day }) => day));
        for (const day of days) {
          expect(Buffer.compare(encodeDay(reader.state(day.day)!), encodeDay(day))).toBe(0);
          expect(whole(reader.day(day.day)!)).toBe(whole(dayResult(day, GEO)));
          const sensors = new Set(list.slice(0, 3).map(({ sensor }) => sensor));
          const ofSensors = reader.day(day.day, sensors);
          const expected = resultOf(sensorRows(day, GEO, sensors));
          if (expected.packets === 0) expect(ofSensors).toBeUndefined();
          else expect(whole(ofSensors!)).toBe(whole(expected));
        }
        for (const { date, packets, sources, scanningSources } of reader.days())
          expect(dayResult(days.find(one => dayResult(one, GEO).date === date)!, GEO)).toMatchObject({
            packets,
            sources,
            scanningSources,
          });
        reader.close();
      }),
      { numRuns: 12 },
    );
  });

  test('keeps few segments of a day, however many commits', () => {
    const batches = sealAll(fc.sample(records, { numRuns: 60, seed: 2 }).flat(), 1);
    expect(batches.length).toBeGreaterThan(150);
    const store = openStore(newFile());
    for (const batch of batches) store.append([batch], LOG);
    const most = store.database
      .prepare('SELECT max(n) FROM (SELECT count(*) AS n FROM segments GROUP BY day)')
      .pluck()
      .get();
    expect(most).toBeLessThanOrEqual(7 * 3);
    store.close();
  });

  test('ignores what it has, and keeps how far it came', () => {
    const file = newFile();
    const batches = sealAll(fc.sample(records, { numRuns: 3, seed: 1 }).flat(), 1);
    const store = openStore(file);
    expect(store.position()).toBeUndefined();
    for (let run = 0; run < 3; run++) store.append(batches, LOG);
    expect(store.position()).toEqual({
      log: LOG,
      position: batches.length,
      sha256: Buffer.from(batches.at(-1)!.sha256),
    });
    const counted = store.database.prepare('SELECT sum(records) FROM accounts').pluck().get();
    expect(counted).toBe(batches.reduce((sum, batch) => sum + batch.records.count, 0));
    store.close();
  });

  test('knows no position of a store that was made with another hash key', () => {
    const file = newFile();
    const store = openStore(file);
    store.append(sealAll(fc.sample(records, { numRuns: 3, seed: 1 }).flat(), 1), LOG);
    store.close();
    const other = Store.open(file, {
      hashKey: { low: 1, high: 2 },
      geographies: { at: () => GEO, named: () => GEO },
      excluded: () => [],
    });
    expect([other.begun, other.position()]).toEqual([true, undefined]);
    other.close();
  });
});

describe('beside the days', () => {
  const hour = 24 * DAY + 5;
  const one = fc.sample(records, { numRuns: 20, seed: 9 }).flat()[0]!;
  const block = (count: number, at = hour) =>
    blocksOf(
      manySources({ one: { ...one, sensor: 1, family: 4, src: [0x01000000], dst: [0xc0000201], hour: at }, count }),
      0,
    )[0]!.records;

  test('fault 16: a batch of a clock that is off by over a day counts under its receive date, outside all totals', () => {
    const sealer = new Sealer();
    const late = { clockOffsetMs: -(DAY_MS + 1) };
    const batches = openAll([
      sealer.seal({ sensor: 1, records: block(3) }),
      sealer.seal({ sensor: 1, records: block(5), ...late, counters: { skipped: { arp: 2 } } }),
      sealer.seal({ sensor: 1, records: block(7), ...late, historic: true }),
      sealer.seal({ sensor: 1, records: block(11), clockOffsetMs: DAY_MS }),
    ]);
    const file = newFile();
    const store = openStore(file);
    store.append(batches, LOG);
    store.close();
    const reader = StoreReader.open(file);
    const results = reader.results();
    const counted = [3, 7, 11].map(count => blockPackets(block(count))).reduce((a, b) => a + b);
    expect([results.records, results.packets, results.skipped]).toEqual([counted, counted, {}]);
    expect(reader.misdated()).toEqual([{ sensor: 1, day: RECEIVED_MS / DAY_MS, packets: blockPackets(block(5)) }]);
    expect(reader.accounts().map(({ day, misdated, seen }) => [day, misdated, seen])).toEqual([
      [DAY, false, counted],
      [RECEIVED_MS / DAY_MS, true, blockPackets(block(5)) + 2],
    ]);
    const range = { from: DAY, to: RECEIVED_MS / DAY_MS };
    const shares = completeness(reader, range).map(({ sensor, day, watched, excluded }) => ({
      sensor,
      day,
      watched,
      excluded,
    }));
    expect([shares.length, watchedShares(reader, range)]).toEqual([1, shares]);
    reader.close();
  });
  const blockPackets = ({ count }: { count: number }) => count;

  test('accounts add up, coverage is the union of what was watched, in any order and any commits', () => {
    const sealer = new Sealer();
    const spans: [number, number][] = [
      [0, 10],
      [5, 20],
      [20, 30],
      [40, 50],
      [45, 47],
      [60, 60],
    ];
    const batches = spans.map(([from, to], n) =>
      sealer.seal({
        sensor: 1,
        records: noRecords(hour),
        from,
        to,
        counters: {
          seen: 10,
          kernelDrops: 1,
          interrupted: 2,
          skipped: { arp: 3, [`r${n}`]: 1 },
          lost: [{ epoch: 1, from: n + 10, to: n + 11, records: 3 }],
        },
      }),
    );
    for (let run = 0; run < 6; run++) {
      const file = newFile();
      const store = openStore(file);
      for (const batch of openAll(shuffled(batches, seeded(run)))) {
        store.fold([batch]);
        if (batch.position % (run + 1) === 0) store.commit(LOG);
      }
      store.commit(LOG);
      store.close();
      const reader = StoreReader.open(file);
      expect(reader.watches({ from: DAY, to: DAY })).toEqual([
        {
          sensor: 1,
          hour,
          spans: [
            [0, 30],
            [40, 50],
          ],
        },
      ]);
      const [account] = reader.accounts();
      expect(account).toMatchObject({
        seen: 60,
        kernelDrops: 6,
        interrupted: 12,
        lostRecords: 18,
        lostBatches: 12,
        records: 0,
      });
      expect(account!.skipped.get('arp')).toBe(18);
      expect(reader.lost(1)).toHaveLength(6);
      expect(reader.days()).toEqual([]);
      reader.close();
    }
  });

  test('sums stop where numbers are no longer exact, and nothing fails', () => {
    const sealer = new Sealer();
    const seen = Number.MAX_SAFE_INTEGER;
    const batches = [1, 2, 3].map(() =>
      sealer.seal({ sensor: 1, records: noRecords(hour), counters: { seen, skipped: { arp: seen } } }),
    );
    const file = newFile();
    const store = openStore(file);
    for (const batch of openAll(batches)) store.append([batch], LOG);
    store.close();
    const reader = StoreReader.open(file);
    expect(reader.accounts()[0]!.seen).toBe(seen);
    expect(reader.skipped()).toEqual({ arp: seen });
    reader.close();
  });
});

describe('a closed day', () => {
  const NOW = (DAY + 10) * DAY_MS;
  const CLOSING = { graceMs: DAY_MS, quietMs: 0, segmentsMs: 8 * DAY_MS };

  test('fault 20: says from its rows what it said from its segments; a late batch opens it again as another revision', () => {
    fc.assert(
      fc.property(traffic, some => {
        const list = listOf(some);
        const batches = sealAll(list, some[2]);
        if (batches.length < 2) return;
        const file = newFile();
        const store = openStore(file);
        store.append(batches.slice(0, -1), LOG);
        const reader = StoreReader.open(file);
        const sensors = [...new Set(list.map(({ sensor }) => sensor))];
        const answers = () =>
          reader
            .days()
            .map(({ day }) => [
              whole(reader.day(day)!),
              ...sensors.map(sensor => reader.day(day, new Set([sensor]))).map(one => one && whole(one)),
            ]);
        const before = answers();
        closeDays(store.database, NOW, CLOSING);
        expect(reader.days().every(({ closed, revision }) => closed && revision === 1)).toBe(true);
        expect(answers()).toEqual(before);
        for (const day of closeDays(store.database, NOW + 9 * DAY_MS, CLOSING)) store.forget(day);
        expect(store.database.prepare('SELECT count(*) FROM segments').pluck().get()).toBe(0);
        expect(answers()).toEqual(before);
        const late = batches.at(-1)!;
        store.append([late], LOG);
        // Its state is gone if the day was there: to be folded again from the log.
        const known = batches.slice(0, -1).some(({ day }) => day === late.day);
        expect(store.staleDays()).toEqual(known ? [late.day] : []);
        reader.close();
        store.close();
      }),
      { numRuns: 8 },
    );
  });

  test('that has its segments still takes a late batch itself', () => {
    const list = fc
      .sample(records, { numRuns: 20, seed: 5 })
      .flat()
      .map(one => ({ ...one, hour: 24 * DAY }));
    const batches = sealAll(list, 1);
    const file = newFile();
    const store = openStore(file);
    store.append(batches.slice(0, -1), LOG);
    closeDays(store.database, NOW, CLOSING);
    store.append(batches.slice(-1), LOG);
    const reader = StoreReader.open(file);
    expect(reader.days()).toMatchObject([{ day: DAY, revision: 2, closed: false, stale: false }]);
    expect(whole(reader.day(DAY)!)).toBe(whole(dayResult(reducedDays(list)[0]!, GEO)));
    closeDays(store.database, NOW, CLOSING);
    expect(reader.days()).toMatchObject([{ day: DAY, revision: 2, closed: true }]);
    reader.close();
    store.close();
  });
});
