/** Weeks, months, quarters; hours; what was watched: against plain sums over records. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countryNumber } from '../../collector/reduce/rows.ts';
import { closeDays } from '../../collector/store/closing.ts';
import { PERIODS, type Period, periodOf, previousPeriod } from '../../collector/store/periods.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { keepRollups, packRollup, rankedRows, unpackRollup } from '../../collector/store/rollup.ts';
import { completeness, coverageOf, hourlySeries, meanPerAddress, meanPerSensor } from '../../collector/store/series.ts';
import { Store } from '../../collector/store/store.ts';
import { GEO, HASH_KEY, type PlainRecord, placeOf, seeded } from '../support/records.ts';
import { blocksOf, noRecords, openAll, Sealer } from '../support/sealed-log.ts';

const DAY_MS = 86_400_000;
/** 2026-03-30, a Monday: the next week, month and quarter begin within the days after. */
const MONDAY = Date.UTC(2026, 2, 30) / DAY_MS;
const CLOSING = { graceMs: 0, quietMs: 0, segmentsMs: 0 };
const TCP = 6;

/** SYNs of 40 sources to 12 ports over three weeks, more to some ports than to others, and to others in other weeks. */
const list: PlainRecord[] = (() => {
  const random = seeded(5);
  return Array.from({ length: 4000 }, () => {
    const day = MONDAY - 7 + random(21);
    return {
      sensor: random(3),
      family: 4 as const,
      hour: 24 * day + random(24),
      time: 0,
      src: [[0x01000000, 0x2d000000, 0xc8000000][random(3)]! + random(random(40) + 1)],
      dst: [0xc0000201],
      protocol: TCP,
      srcPort: 1024,
      dstPort: 1 + random(1 + random(12)) + (day < MONDAY ? 3 : 0),
      flags: 2,
      window: 1024,
      seqFold: 0,
      tool: 0,
    };
  });
})();

let folder: string;
let store: Store;
let reader: StoreReader;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-periods-'));
  const file = path.join(folder, 'store.db');
  const geographies = { at: () => GEO, named: () => GEO };
  store = Store.open(file, { hashKey: HASH_KEY, geographies, excluded: () => [] });
  const sealer = new Sealer();
  store.append(openAll(blocksOf(list, 1).map(block => sealer.seal(block))), 'a log');
  reader = StoreReader.open(file);
});
afterAll(() => {
  reader.close();
  store.close();
  fs.rmSync(folder, { recursive: true });
});

const within = ({ from, to }: { from: number; to: number }) =>
  list.filter(({ hour }) => from <= Math.floor(hour / 24) && Math.floor(hour / 24) <= to);

/** Packets, sources and ranks by what names a record, with no table but Maps. */
function plainRanks(period: Period, nameOf: (one: PlainRecord) => number) {
  const rank = (period: Period) =>
    [...Map.groupBy(within(period), nameOf)]
      .map(([a, group]) => ({
        a,
        packets: group.length,
        sources: new Set(group.map(({ src }) => src[0])).size,
        sourceDays: new Set(group.map(({ src, hour }) => `${src[0]} ${Math.floor(hour / 24)}`)).size,
      }))
      .sort((x, y) => y.packets - x.packets || x.a - y.a);
  const before = rank(previousPeriod(period)).map(({ a }) => a);
  return rank(period).map((row, n) => ({
    ...row,
    scanningSources: row.sources,
    rank: n + 1,
    previousRank: before.includes(row.a) ? before.indexOf(row.a) + 1 : null,
  }));
}

const NAMES = {
  ports: ({ protocol, dstPort }: PlainRecord) => (protocol << 16) | dstPort,
  countries: ({ src }: PlainRecord) => countryNumber(placeOf(src).country),
  total: () => 0,
} as const;

interface RollupBytes {
  readonly kind: string;
  readonly day: number;
  readonly name: string;
  readonly bytes: Uint8Array;
}

const compareAll = () => {
  for (const kind of PERIODS)
    for (const day of [MONDAY - 1, MONDAY, MONDAY + 7])
      for (const table of ['ports', 'countries', 'total'] as const) {
        const period = periodOf(kind, day);
        expect(rankedRows(reader, period, table)).toEqual(plainRanks(period, NAMES[table]));
      }
};

describe('a week, a month, a quarter', () => {
  test('begin and end where the calendar says', () => {
    const text = (day: number) => new Date(day * DAY_MS).toISOString().slice(0, 10);
    const ends = (kind: (typeof PERIODS)[number], date: string) => {
      const { from, to } = periodOf(kind, Date.parse(date) / DAY_MS);
      return [text(from), text(to)];
    };
    expect(ends('week', '2026-03-30')).toEqual(['2026-03-30', '2026-04-05']);
    expect(ends('week', '1970-01-01')).toEqual(['1969-12-29', '1970-01-04']);
    expect(ends('week', '2026-04-05')).toEqual(['2026-03-30', '2026-04-05']);
    expect(ends('month', '2028-02-10')).toEqual(['2028-02-01', '2028-02-29']);
    expect(ends('quarter', '2026-12-31')).toEqual(['2026-10-01', '2026-12-31']);
    expect(previousPeriod(periodOf('quarter', MONDAY))).toEqual(periodOf('quarter', Date.UTC(2025, 9, 1) / DAY_MS));
  });

  test('have all ports and countries, ranked, with distinct sources: of open days, closed days, kept, and changed since', () => {
    compareAll();
    const now = (MONDAY + 400) * DAY_MS;
    closeDays(store.database, (MONDAY + 3) * DAY_MS, CLOSING); // some of the days, and drops their states
    compareAll();
    closeDays(store.database, (MONDAY + 60) * DAY_MS, CLOSING);
    compareAll();
    keepRollups(store.database, now);
    const kept = store.database.prepare('SELECT count(*) FROM rollup_periods').pluck();
    expect(kept.get()).toBe(3 + 2 + 2);
    compareAll();
    // What is kept is what is read, while the days are those it was made from.
    const change = store.database.prepare('UPDATE rollups SET bytes = ? WHERE kind = ? AND day = ? AND name = ?');
    for (const { kind, day, name, bytes } of store.database.prepare('SELECT * FROM rollups').all() as RollupBytes[]) {
      const more = unpackRollup(bytes).map(row => ({ ...row, packets: row.packets + 1 }));
      if (name === 'total') change.run(packRollup(more), kind, day, name);
    }
    expect(() => compareAll()).toThrow();
    store.database.exec('UPDATE days SET revision = 2');
    compareAll();
    keepRollups(store.database, now);
    compareAll();
    expect(kept.get()).toBe(7);
  });

  test('of some sensors have ranks, and no sources beyond a day', () => {
    const period = periodOf('week', MONDAY);
    const [first] = rankedRows(reader, period, 'ports', new Set([1]));
    const own = within(period).filter(({ sensor }) => sensor === 1);
    const [most] = [...Map.groupBy(own, NAMES.ports)].sort(([a, x], [b, y]) => y.length - x.length || a - b);
    expect(first).toMatchObject({ a: most![0], packets: most![1].length, rank: 1, sources: null });
  });
});

describe('hour by hour', () => {
  const range = { from: MONDAY, to: MONDAY + 1 };
  const plain = (matches: (one: PlainRecord) => boolean) =>
    Array.from({ length: 48 }, (_, n) => {
      const hour = 24 * MONDAY + n;
      const group = list.filter(one => one.hour === hour && matches(one));
      return { hour, packets: group.length, sources: new Set(group.map(({ src }) => src[0])).size };
    });

  test('the total, a port and a country, of all sensors or one', () => {
    expect(hourlySeries(reader, range, { table: 'total' })).toEqual(plain(() => true));
    expect(hourlySeries(reader, range, { table: 'ports', a: (TCP << 16) | 1 })).toEqual(
      plain(one => one.dstPort === 1),
    );
    const country = { table: 'countries', a: countryNumber('JP') } as const;
    expect(hourlySeries(reader, range, country)).toEqual(plain(one => placeOf(one.src).country === 'JP'));
    expect(hourlySeries(reader, range, country, new Set([2]))).toEqual(
      plain(one => placeOf(one.src).country === 'JP' && one.sensor === 2),
    );
  });

  test('null where a table is kept no longer, or not for a sensor alone', () => {
    const port = { table: 'ports', a: (TCP << 16) | 1 } as const;
    expect(hourlySeries(reader, range, port, new Set([2])).every(({ packets }) => packets === null)).toBe(true);
    closeDays(store.database, (MONDAY + 92) * DAY_MS, CLOSING);
    const days = { from: MONDAY - 1, to: MONDAY + 4 };
    const kept = hourlySeries(reader, days, port).map(({ packets }) => packets !== null);
    expect(kept.indexOf(true)).toBe(24 * 3);
    expect(kept.lastIndexOf(false)).toBe(24 * 3 - 1);
  });
});

describe('what was watched', () => {
  const range = { from: MONDAY, to: MONDAY };
  test('gives means per sensor and per address; none where nothing was', () => {
    const file = path.join(folder, 'watched.db');
    const options = { hashKey: HASH_KEY, geographies: { at: () => GEO, named: () => GEO } };
    const watched = Store.open(file, { ...options, excluded: () => [2] });
    const sealer = new Sealer();
    const hours = (sensor: number, count: number) =>
      Array.from({ length: count }, (_, n) => sealer.seal({ sensor, records: noRecords(24 * MONDAY + n) }));
    const half = sealer.seal({ sensor: 1, records: noRecords(24 * MONDAY + 20), from: 0, to: 1.8e9 });
    watched.append(openAll([...hours(0, 24), ...hours(1, 5), half, ...hours(2, 24)]), 'a log');
    watched.close();
    const store = StoreReader.open(file);
    const rows = completeness(store, range);
    expect(rows.map(({ sensor, watched, excluded, batches }) => [sensor, watched, excluded, batches])).toEqual([
      [0, 1, false, 24],
      [1, 5.5 / 24, false, 6],
      [2, 1, true, 24],
    ]);
    const coverage = coverageOf(rows, range, sensor => 256 * (sensor + 1));
    expect(coverage).toEqual({ hours: 24, sensorHours: 29.5, addressHours: 256 * 24 + 512 * 5.5 });
    expect(meanPerSensor(2950, coverage)).toBeCloseTo(2400);
    expect(meanPerAddress(1, coverage)).toBeCloseTo(24 / (256 * 24 + 512 * 5.5));
    const none = coverageOf([], range, () => 256);
    expect([meanPerSensor(0, none), meanPerAddress(5, none)]).toEqual([null, null]);
    store.close();
  });
});
