/**
 * Makes a store as it is after a year, in a collector's data directory. Some days are folded at the full rate and closed by the
 * store's own code; the others are copies of these under their own dates, row for row and state for state, since a year's 3.9
 * billion records would take eleven hours to fold. What is kept of weeks, months and quarters is made of all of them by the store's
 * own code. Three things are not as a real year's: copied days repeat the sources and ports of those they are copies of, so that a
 * quarter's sets do not grow as they would; no batch is late; and there is no log beside the store.
 */
import fs from 'node:fs';
import { ROW_TABLES } from '../../collector/reduce/rows.ts';
import { closeDays, hourlyDays } from '../../collector/store/closing.ts';
import { keepRollups } from '../../collector/store/rollup.ts';
import { Store } from '../../collector/store/store.ts';
import { loadGeo } from '../../common/geo/load.ts';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { DAY_MS } from '../../common/time.ts';
import { Darknet } from './year-traffic.ts';

export const addressesPerSensor = 16;
const secondsPerPacket = 13;
const hoursPerDay = 24;
export const packetsPerDay = (sensors: number): number => sensors * hoursPerDay * packetsPerHour;
const packetsPerHour = Math.round((addressesPerSensor * 3600) / secondsPerPacket);
/** As in tail.ts: what is folded and not committed. */
const pendingMax = 2_000_000;
/** Days whose segments are there still, as closing.ts keeps them. */
const segmentDays = 8;
export const LOG = 'year';
export const HASH_KEY = { low: 1, high: 2 };

export interface YearOptions {
  /** Path of the store. */
  readonly file: string;
  readonly sensors: number;
  /** Of the year, the open one among them; so many of them are folded, the rest copied. */
  readonly days: number;
  readonly folded: number;
  /** Since 1970: the open day. */
  readonly lastDay: number;
  readonly say: (text: string) => void;
}

export interface YearFacts {
  readonly recordsPerSecond: number;
  readonly closeSeconds: number;
  /** Of the slowest period. */
  readonly rollupSeconds: number;
  /** What a closed day adds to the file: for good, and for 90 and for 8 days. */
  readonly bytesPerDay: {
    readonly rows: number;
    readonly hours: number;
    readonly states: number;
    readonly segments: number;
  };
  readonly bytes: number;
}

/** The last day stays open, the days before it are closed; segments are kept of the last eight. */
export function makeYear({ file, sensors, days, folded, lastDay, say }: YearOptions): YearFacts {
  const geo = loadGeo();
  const geographies = { at: () => geo, named: () => geo };
  const store = Store.open(file, { hashKey: HASH_KEY, geographies, excluded: () => [] });
  const { database } = store;
  database.pragma('synchronous = OFF'); // nothing here is to survive a power failure
  const [foldMs, closeMs]: [number[], number[]] = [[], []];
  let position = 0;
  const firstFolded = lastDay - folded + 1;
  for (let day = firstFolded; day <= lastDay; day++) {
    const started = performance.now();
    position = foldDay(store, sensors, day, position);
    foldMs.push(performance.now() - started);
    if (day === lastDay) break;
    const folding = performance.now();
    closeDays(database, (day + 1) * DAY_MS, { graceMs: 0, quietMs: 0, segmentsMs: 365 * DAY_MS });
    closeMs.push(performance.now() - folding);
    say(
      `day ${day - firstFolded + 1} of ${folded} folded in ${seconds(foldMs.at(-1)!)}, closed in ${seconds(closeMs.at(-1)!)}`,
    );
  }
  const bytesPerDay = bytesOf(database, lastDay - 1);
  for (let n = 0; n < days - folded; n++) {
    const day = firstFolded - 1 - n;
    copyDay(database, firstFolded + (n % (folded - 1)), day, lastDay);
    if (n % 50 === 49) say(`${n + 1} of ${days - folded} days copied`);
  }
  const rolling = performance.now();
  keepRollups(database, (lastDay + 1) * DAY_MS);
  say(`weeks, months and quarters made in ${seconds(performance.now() - rolling)}`);
  const again = performance.now();
  database.exec(
    "DELETE FROM rollup_periods WHERE kind = 'quarter' AND day = (SELECT max(day) FROM rollup_periods WHERE kind = 'quarter')",
  );
  keepRollups(database, (lastDay + 1) * DAY_MS);
  const rollupSeconds = (performance.now() - again) / 1000;
  database.pragma('wal_checkpoint(TRUNCATE)');
  store.close();
  return {
    recordsPerSecond: (1000 * folded * packetsPerDay(sensors)) / sum(foldMs),
    closeSeconds: sum(closeMs) / closeMs.length / 1000,
    rollupSeconds,
    bytesPerDay,
    bytes: fs.statSync(file).size,
  };
}

function foldDay(store: Store, sensors: number, day: number, from: number): number {
  const darknet = new Darknet(1);
  let position = from;
  for (let hour = hoursPerDay * day; hour < hoursPerDay * (day + 1); hour++)
    for (let sensor = 0; sensor < sensors; sensor++) {
      const records = darknet.hour(sensor, hour, packetsPerHour);
      const counters = {
        seen: records.count,
        kernelDrops: 0,
        interrupted: 0,
        skipped: { arp: 1 + (hour % 3) },
        lost: [],
      };
      const key = { sensor: '00000000-0000-4000-8000-000000000000', epoch: 1, sequence: ++position };
      const header = { ...key, hour, from: 0, to: 3.6e9, historic: false, counters };
      const at = { position, sensor, sha256: new Uint8Array(32), receivedMs: day * DAY_MS, day, misdated: false };
      store.fold([{ ...at, header, records }]);
      if (store.pending >= pendingMax) store.commit(LOG);
    }
  store.commit(LOG);
  return position;
}

/** What closing.ts would have left of the day by the last one. */
function copyDay(database: SqliteDatabase, from: number, to: number, lastDay: number): void {
  const isOld = to < lastDay - hourlyDays;
  const shift = { from, to };
  database.transaction(() => {
    const run = (sql: string) => database.prepare(sql).run(shift);
    run(`INSERT INTO days SELECT :to, geo, revision, packets, changed_ms + (:to - :from) * ${DAY_MS}, stale,
         closed_ms + (:to - :from) * ${DAY_MS}, level FROM days WHERE day = :from`);
    const hours = isOld ? `AND NOT (name = ${PORT_HOURS} AND sensor = -1)` : '';
    run(`INSERT INTO rows SELECT name, sensor, :to, part, bytes FROM rows WHERE day = :from ${hours}`);
    run('INSERT INTO states SELECT :to, name, bytes FROM states WHERE day = :from');
    run('INSERT INTO top_sources SELECT :to, rank, source FROM top_sources WHERE day = :from');
    run(`INSERT INTO accounts SELECT sensor, :to, misdated, batches, records, seen, kernel_drops, interrupted, lost_batches,
         lost_records FROM accounts WHERE day = :from`);
    run('INSERT INTO skipped SELECT sensor, :to, misdated, reason, packets FROM skipped WHERE day = :from');
    run(`INSERT INTO coverage SELECT sensor, hour + 24 * (:to - :from), watched, spans FROM coverage
         WHERE hour BETWEEN 24 * :from AND 24 * :from + 23`);
    if (to >= lastDay - segmentDays)
      run('INSERT INTO segments (day, tier, bytes) SELECT :to, tier, bytes FROM segments WHERE day = :from');
  })();
}

/** Bytes that the rows and states of a day hold; the file's pages take a little more. */
function bytesOf(database: SqliteDatabase, day: number): YearFacts['bytesPerDay'] {
  const bytes = (sql: string) =>
    database.prepare(`SELECT coalesce(sum(length(bytes)), 0) FROM ${sql}`).pluck().get(day) as number;
  const hours = `name = ${PORT_HOURS} AND sensor = -1`;
  return {
    rows: bytes(`rows WHERE day = ? AND NOT (${hours})`),
    hours: bytes(`rows WHERE day = ? AND ${hours}`),
    states: bytes('states WHERE day = ?'),
    segments: bytes('segments WHERE day = ?'),
  };
}

const PORT_HOURS = ROW_TABLES.indexOf('portHours');
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
