/**
 * A month as a collector lives it: every day batches come, are committed several times, and the days before are closed, lose their
 * states and become weeks and months, all at the times at which they do in use. Then every answer is held against a recount of the
 * records that uses no table of ours, and the file against what a day may take. (test/bench/year.ts makes a year at the full rate.)
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countryNumber, ROW_TABLES } from '../../collector/reduce/rows.ts';
import { CLOSING, closeDays } from '../../collector/store/closing.ts';
import { periodOf } from '../../collector/store/periods.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { keepRollups, rankedRows } from '../../collector/store/rollup.ts';
import { completeness, hourlySeries, sensorsWatching } from '../../collector/store/series.ts';
import { Store } from '../../collector/store/store.ts';
import { DAY_MS } from '../../common/time.ts';
import { GEO, HASH_KEY, type PlainRecord, placeOf, seeded } from '../support/records.ts';
import { recount } from '../support/recount.ts';
import { blocksOf, openAll, Sealer } from '../support/sealed-log.ts';

/** 2026-03-01, a Sunday. */
const FIRST = Date.UTC(2026, 2, 1) / DAY_MS;
const days = 31;
const sensors = 6;
const recordsPerDay = 1500;
const commitsPerDay = 4;
const TCP = 6;
const MONTH = { from: FIRST, to: FIRST + days - 1 };
const LAST = MONTH.to;

/** What a row of a closed day takes, and what a day adds to the file when one loses its segments for each that comes. */
const rowBytesMax = 6;
const dayBytesMax = 65_000;

/** Some ports are for all, others for few; sources come and go. */
function recordsOf(day: number): PlainRecord[] {
  const random = seeded(day);
  return Array.from({ length: recordsPerDay }, () => {
    const own = random(120);
    return {
      sensor: random(sensors),
      family: 4 as const,
      hour: 24 * day + random(24),
      time: random(3600) * 1_000_000,
      src: [[0x01000000, 0x2d000000, 0x7f000000, 0xc8000000][own & 3]! + own + 40 * (day - FIRST)],
      dst: [0xc0000200 + random(64)],
      protocol: random(8) === 0 ? 17 : TCP,
      srcPort: 1024,
      dstPort: random(3) === 0 ? 1 + random(400) : [23, 80, 443, 8080][random(4)]!,
      flags: random(10) === 0 ? 0x12 : 2,
      window: 1024,
      seqFold: random(3),
      tool: random(6) === 0 ? 1 : 0,
    };
  }).map(one => (one.protocol === TCP ? one : { ...one, flags: 0, window: 0, seqFold: 0, tool: 0 }));
}

const all: PlainRecord[] = Array.from({ length: days }, (_, n) => recordsOf(FIRST + n)).flat();
const byDay = Map.groupBy(all, ({ hour }) => Math.floor(hour / 24));
const byHour = Map.groupBy(all, ({ hour }) => hour);

let folder: string;
let reader: StoreReader;
/** Bytes of the file in use when each day was over. */
const sizes: number[] = [];

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-month-'));
  const file = path.join(folder, 'store.db');
  const geographies = { at: () => GEO, named: () => GEO };
  const store = Store.open(file, { hashKey: HASH_KEY, geographies, excluded: () => [] });
  store.database.pragma('synchronous = OFF'); // nothing here is to survive a power failure
  const sealer = new Sealer();
  let position = 0;
  for (let day = FIRST; day <= LAST; day++) {
    const sealed = blocksOf(byDay.get(day)!, day).map(block =>
      sealer.seal({ ...block, receivedMs: (day + 0.5) * DAY_MS }),
    );
    const batches = openAll(sealed).map(batch => ({ ...batch, position: ++position }));
    const each = Math.ceil(batches.length / commitsPerDay);
    for (let n = 0; n < commitsPerDay; n++) store.append(batches.slice(n * each, (n + 1) * each), 'a log');
    const nowMs = (day + 1) * DAY_MS;
    closeDays(store.database, nowMs, CLOSING);
    keepRollups(store.database, nowMs);
    sizes.push(bytesOf(store));
  }
  store.close();
  reader = StoreReader.open(file);
});
afterAll(() => {
  reader.close();
  fs.rmSync(folder, { recursive: true });
});

function bytesOf({ database }: Store): number {
  const pages = (name: string) => database.pragma(name, { simple: true }) as number;
  return (pages('page_count') - pages('freelist_count')) * pages('page_size');
}

describe('after a month', () => {
  it('days are closed a day after they ended, and lose their states eight days later', () => {
    const closed = reader.days().filter(one => one.closed);
    expect(closed.map(({ day }) => day)).toEqual(Array.from({ length: days - 1 }, (_, n) => FIRST + n));
    const withState = closed.filter(({ day }) => !reader.addsSources(day)).map(({ day }) => day);
    expect(withState).toEqual(Array.from({ length: 8 }, (_, n) => LAST - 8 + n));
  });

  it('every table of every day is what a recount of its records gives', () => {
    for (const [day, list] of byDay) {
      const { portCountries, portHours, portKinds, countryHours, countryKinds, countryAsns, ...rest } =
        reader.day(day)!;
      const expected = recount(day, list);
      expect({
        ...rest,
        portCountries: portCountries(),
        portHours: portHours(),
        portKinds: portKinds(),
        countryHours: countryHours(),
        countryKinds: countryKinds(),
        countryAsns: countryAsns(),
      }).toEqual(expected);
      const { packets, sources, scanningSources } = expected;
      expect(reader.days({ from: day, to: day })[0]).toMatchObject({ packets, sources, scanningSources });
    }
  });

  it('so are the ports of one sensor, and of one country', () => {
    for (const day of [FIRST, FIRST + 15, LAST - 1]) {
      const list = byDay.get(day)!;
      const plain = (some: readonly PlainRecord[]) =>
        [...Map.groupBy(some, one => (one.protocol << 16) | one.dstPort)]
          .map(([target, group]) => ({ target, packets: group.length, sources: sourcesOf(group) }))
          .sort((x, y) => y.packets - x.packets || x.target - y.target);
      const told = (rows: readonly { packets: number; sources: number }[], target: (n: number) => number) =>
        rows.map(({ packets, sources }, n) => ({ target: target(n), packets, sources }));
      const ofSensor = reader.closedRows(day, 3).rows('ports');
      expect(told(ofSensor, n => ofSensor[n]!.a)).toEqual(plain(list.filter(({ sensor }) => sensor === 3)));
      const ofCountry = reader.rows(day)!.rows('portCountries', countryNumber('TH'));
      expect(told(ofCountry, n => ofCountry[n]!.b)).toEqual(
        plain(list.filter(({ src }) => placeOf(src).country === 'TH')),
      );
    }
  });

  it('and the sources of each sensor, of closed days and of the open one', () => {
    for (const [day, list] of byDay) {
      const bySensor = Map.groupBy(list, ({ sensor }) => sensor);
      const expected = new Map([...bySensor].map(([sensor, own]) => [sensor, sourcesOf(own)]));
      expect(new Map([...reader.sensorSources(day)!].sort())).toEqual(new Map([...expected].sort()));
    }
  });

  it('hours of the month are, of all, of a port and of a country', () => {
    const plain = (matches: (one: PlainRecord) => boolean) =>
      Array.from({ length: 24 * days }, (_, n) => {
        const group = (byHour.get(24 * FIRST + n) ?? []).filter(matches);
        return { hour: 24 * FIRST + n, packets: group.length, sources: sourcesOf(group) };
      });
    const isTelnet = ({ protocol, dstPort }: PlainRecord) => protocol === TCP && dstPort === 23;
    expect(hourlySeries(reader, MONTH, { table: 'total' })).toEqual(plain(() => true));
    expect(hourlySeries(reader, MONTH, { table: 'ports', a: (TCP << 16) | 23 })).toEqual(plain(isTelnet));
    const japan = { table: 'countries', a: countryNumber('JP') } as const;
    expect(hourlySeries(reader, MONTH, japan)).toEqual(plain(({ src }) => placeOf(src).country === 'JP'));
  });

  it('ranks of weeks that are over, of the one that runs and of the month are, with their sources', () => {
    for (const period of [
      periodOf('week', FIRST + 3),
      periodOf('week', FIRST + 12),
      periodOf('week', LAST),
      periodOf('month', LAST),
    ]) {
      const within = all.filter(
        ({ hour }) => period.from <= Math.floor(hour / 24) && Math.floor(hour / 24) <= period.to,
      );
      const expected = [...Map.groupBy(within, one => (one.protocol << 16) | one.dstPort)]
        .map(([a, group]) => ({ a, packets: group.length, sources: sourcesOf(group) }))
        .sort((x, y) => y.packets - x.packets || x.a - y.a);
      const found = rankedRows(reader, period, 'ports').map(({ a, packets, sources }) => ({ a, packets, sources }));
      expect(found).toEqual(expected);
    }
  });

  it('what was watched is', () => {
    const rows = completeness(reader, MONTH);
    expect(rows.length).toBe(days * sensors);
    for (const { sensor, day, records, watched } of rows) {
      const own = byDay.get(day)!.filter(one => one.sensor === sensor);
      expect([records, watched]).toEqual([own.length, new Set(own.map(({ hour }) => hour)).size / 24]);
    }
    const watching = sensorsWatching(reader, MONTH);
    for (const [hour, count] of watching)
      expect(count).toBe(new Set(byHour.get(hour)!.map(({ sensor }) => sensor)).size);
  });
});

describe('the file', () => {
  it('has few bytes a row, and grows by so much a day once states are dropped', () => {
    const bytes = reader.database
      .prepare('SELECT sum(length(bytes)) FROM rows WHERE day = ?')
      .pluck()
      .get(FIRST) as number;
    const kept = [reader.closedRows(FIRST), ...Array.from({ length: sensors }, (_, n) => reader.closedRows(FIRST, n))];
    const rows = kept
      .flatMap(one => ROW_TABLES.map(name => one.rows(name).length))
      .reduce((sum, count) => sum + count, 0);
    expect(rows).toBeGreaterThan(2000);
    expect(bytes / rows).toBeLessThan(rowBytesMax);
    const [from, to] = [12, days - 1];
    expect((sizes[to]! - sizes[from]!) / (to - from)).toBeLessThan(dayBytesMax);
  });
});

function sourcesOf(group: readonly PlainRecord[]): number {
  return new Set(group.map(({ src }) => src[0])).size;
}
