/**
 * Days that are over become rows: what they say is kept when their state is not. A day is closed some time after it ended and
 * when nothing has come for it for a while; its segments stay for some days more, so that a late batch is merged, and then go.
 */

import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { DAY_MS } from '../../common/time.ts';
import type { DayRows, Row, RowTable } from '../reduce/rows.ts';
import { sourcesMaxDefault } from '../reduce/sources.ts';
import { ALL_SENSORS, closedDay, keepClosed, numberOf } from './closed-day.ts';
import type { Closer } from './closer.ts';
import { mostPacketsFirst, type Part, topRows, unpackRows } from './packed.ts';
import { perFile } from './statements.ts';

export interface ClosingOptions {
  /** After the end of a day. */
  readonly graceMs: number;
  /** Without a batch of the day. */
  readonly quietMs: number;
  /** For how long a closed day keeps its segments. */
  readonly segmentsMs: number;
}

export const CLOSING: ClosingOptions = { graceMs: DAY_MS, quietMs: 3_600_000, segmentsMs: 8 * DAY_MS };

/** Ports by the hour are millions of rows: kept for so many days. */
export const hourlyDays = 90;

/** Days that are to be closed by now, ascending. */
export const daysToClose = (database: SqliteDatabase, nowMs: number, { graceMs, quietMs }: ClosingOptions): number[] =>
  database
    .prepare(
      `SELECT day FROM days WHERE closed_ms IS NULL AND stale = 0 AND (day + 1) * ${DAY_MS} + ? <= ? AND changed_ms + ? <= ?
       ORDER BY day`,
    )
    .pluck()
    .all(graceMs, nowMs, quietMs, nowMs) as number[];

/** When an open day is closed at the earliest, milliseconds since 1970: later if more comes of it. Undefined of a day without any. */
export function closesMs(
  database: SqliteDatabase,
  day: number,
  { graceMs, quietMs }: ClosingOptions = CLOSING,
): number | undefined {
  const changedMs = database.prepare('SELECT changed_ms FROM days WHERE day = ?').pluck().get(day) as
    | number
    | undefined;
  return changedMs === undefined ? undefined : Math.max((day + 1) * DAY_MS + graceMs, changedMs + quietMs);
}

/** Closes a day that is to be closed. Throws `BadState`. */
export function closeDay(database: SqliteDatabase, day: number, nowMs: number, sourcesMax = sourcesMaxDefault): void {
  const closed = closedDay(database, day, sourcesMax);
  if (closed !== undefined) keepClosed(database, closed, nowMs);
}

/**
 * Closes what is to be closed by now, and drops what is kept no longer. Returns the days it changed. What is large the closer is
 * given, one day at a time: whoever takes it from there closes it.
 */
export function closeDays(
  database: SqliteDatabase,
  nowMs: number,
  options: ClosingOptions,
  { sourcesMax = sourcesMaxDefault, closer }: { readonly sourcesMax?: number; readonly closer?: Closer } = {},
): number[] {
  const over = daysToClose(database, nowMs, options);
  const large = over.filter(day => closer?.isFor(database, day));
  const small = over.filter(day => !large.includes(day));
  for (const day of small) closeDay(database, day, nowMs, sourcesMax);
  if (large[0] !== undefined && closer?.isBusy === false) closer.start(database.name, { day: large[0], sourcesMax });
  const done = database
    .prepare(
      'SELECT day FROM days WHERE closed_ms + ? <= ? AND stale = 0 AND EXISTS (SELECT 1 FROM segments s WHERE s.day = days.day)',
    )
    .pluck()
    .all(options.segmentsMs, nowMs) as number[];
  database.transaction(() => {
    for (const day of done) database.prepare('DELETE FROM segments WHERE day = ?').run(day);
    dropHours(database, Math.floor(nowMs / DAY_MS) - hourlyDays);
  })();
  return [...small, ...done];
}

/** Ports by the hour of days before this one, day by day: the key of the rows begins with the day, and most have none left. */
function dropHours(database: SqliteDatabase, before: number): void {
  const key = [numberOf('portHours'), ALL_SENSORS];
  const days = database
    .prepare(
      `SELECT day FROM days
       WHERE day < ? AND EXISTS (SELECT 1 FROM rows r WHERE r.day = days.day AND r.name = ? AND r.sensor = ?)`,
    )
    .pluck()
    .all(before, ...key) as number[];
  const remove = database.prepare('DELETE FROM rows WHERE day = ? AND name = ? AND sensor = ?');
  for (const day of days) remove.run(day, ...key);
}

/** What reads rows of a file: a year's series asks 365 times. */
const statementsOf = perFile(database => {
  const where = 'FROM rows WHERE day = ? AND name = ? AND sensor = ?';
  return {
    all: database.prepare(`SELECT part, bytes ${where} ORDER BY part`),
    one: database.prepare(`SELECT part, bytes ${where} AND part <= ? ORDER BY part DESC LIMIT 1`),
    any: database.prepare(`SELECT 1 ${where} LIMIT 1`),
    // `ALL_SENSORS` is below every sensor.
    bySensor: database.prepare(
      'SELECT sensor, part, bytes FROM rows WHERE day = ? AND name = ? AND sensor > ? ORDER BY sensor, part',
    ),
    top: database.prepare('SELECT source FROM top_sources WHERE day = ? ORDER BY rank').pluck(),
  };
});

/** What is kept of each sensor of a closed day alone, ascending by sensor, then name. Throws `BadState`. */
export function readSensorRows(database: SqliteDatabase, day: number, name: RowTable): Map<number, Row[]> {
  const { bySensor } = statementsOf(database);
  const parts = bySensor.all(day, numberOf(name), ALL_SENSORS) as (Part & { readonly sensor: number })[];
  const rows = new Map<number, Row[]>();
  for (const { sensor, ...part } of parts) {
    const known = rows.get(sensor) ?? [];
    rows.set(sensor, known);
    unpackRows(name, part, known);
  }
  return rows;
}

/** Distinct sources of each sensor of a closed day. */
export const readSensorSources = (database: SqliteDatabase, day: number): Map<number, number> =>
  new Map([...readSensorRows(database, day, 'total')].map(([sensor, [total]]) => [sensor, total?.sources ?? 0]));

/** Of a closed day, all sensors together: the busiest ports or countries, without reading what the others are. Throws `BadState`. */
export const readTop = (database: SqliteDatabase, day: number, name: 'ports' | 'countries', most: number) =>
  topRows(name, statementsOf(database).all.all(day, numberOf(name), ALL_SENSORS) as Part[], most);

/** A closed day from its rows; `sensor` is `ALL_SENSORS` or one of them. Its tables throw `BadState`. */
export function readRows(database: SqliteDatabase, day: number, level: number, sensor: number): DayRows {
  const { all, one, any, top } = statementsOf(database);
  const isAll = sensor === ALL_SENSORS;
  const read = (name: RowTable, a?: number) => {
    const of = [day, numberOf(name), sensor];
    const rows: Row[] = [];
    const parts = (a === undefined ? all.all(...of) : one.all(...of, a)) as Part[];
    for (const part of parts) unpackRows(name, part, rows, a);
    return mostPacketsFirst(rows);
  };
  let total: Row[] | undefined; // whether there is one, what it is, what shares are of: asked for several times
  return {
    day,
    level: isAll ? level : 0,
    rows: (name, a) => {
      if (name !== 'total' || a !== undefined) return read(name, a);
      total ??= read(name);
      return [...total];
    },
    has: name => any.get(day, numberOf(name), sensor) !== undefined,
    topSources: () => (isAll ? (top.all(day) as string[]).map(source => JSON.parse(source)) : []),
  };
}
