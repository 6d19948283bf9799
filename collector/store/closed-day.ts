/**
 * What is kept of a day when it is closed: its rows and those of each sensor, its busiest sources, and the tables that distinct
 * sources of several days are told from. It is made of the day's state, which takes long, and written if the day is still the same.
 */
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { CellTable } from '../reduce/cells.ts';
import { type Day, TABLES, TARGET_MASK } from '../reduce/day.ts';
import {
  countryNumber,
  type DayRows,
  dayRows,
  ROW_TABLES,
  type RowTable,
  SENSOR_ROW_TABLES,
  sensorRows,
} from '../reduce/rows.ts';
import { readPlaces } from './geography.ts';
import { packRows } from './packed.ts';
import { noteClosed } from './revisions.ts';
import { readDay, type StateName, stateOf, writeState } from './segments.ts';

/** Ports of which a closed day keeps sources, and a sensor's day rows. */
export const topPorts = 1000;
/** `rows.sensor` of all sensors together. */
export const ALL_SENSORS = -1;

/** `rows.name` of a table. */
export const numberOf = (name: RowTable): number => ROW_TABLES.indexOf(name);

/** What a day is: once any of it is another, what was made of the day is of no use. */
interface Version {
  readonly geo: string;
  readonly revision: number;
  readonly packets: number;
  readonly changedMs: number;
}

interface PackedRows {
  /** `numberOf` its table. */
  readonly name: number;
  readonly sensor: number;
  readonly part: number;
  readonly bytes: Uint8Array;
}

export interface ClosedDay {
  readonly day: number;
  readonly version: Version;
  readonly level: number;
  readonly rows: readonly PackedRows[];
  /** The busiest first, as JSON. */
  readonly topSources: readonly string[];
  readonly states: readonly (readonly [StateName, Uint8Array])[];
}

/** Undefined if the day is not to be closed: it is, or is to be folded again. Throws `BadState`. */
export function closedDay(database: SqliteDatabase, number: number, sourcesMax: number): ClosedDay | undefined {
  const version = versionOf(database, number);
  if (version === undefined) return undefined;
  const day = readDay(database, number, sourcesMax);
  const nothing = { day: number, version, level: 0, rows: [], topSources: [], states: [] };
  if (day === undefined) return nothing;
  const places = readPlaces(database, version.geo);
  const all = dayRows(day, places);
  const rows = packedRows(all, ALL_SENSORS);
  for (const sensor of sensorsOf(day)) rows.push(...packedRows(sensorRows(day, places, new Set([sensor])), sensor));
  return {
    ...nothing,
    level: day.sources.level,
    rows,
    topSources: all.topSources().map(source => JSON.stringify(source)),
    states: [
      ['countries', stateOf(countriesByCode(day.tables.countries, places.countries))],
      ['ports', stateOf(busiest(day.tables.ports))],
    ],
  };
}

/** Writes it, in one transaction with the note that the day is closed. Returns whether the day was still what it was made of. */
export function keepClosed(database: SqliteDatabase, closed: ClosedDay, nowMs: number): boolean {
  const { day, version, level, rows, topSources, states } = closed;
  return database
    .transaction(() => {
      if (!isSame(version, versionOf(database, day))) return false;
      for (const table of ['rows', 'top_sources']) database.prepare(`DELETE FROM ${table} WHERE day = ?`).run(day);
      const insert = database.prepare('INSERT INTO rows VALUES (?, ?, ?, ?, ?)');
      for (const { name, sensor, part, bytes } of rows) insert.run(name, sensor, day, part, bytes);
      const insertTop = database.prepare('INSERT INTO top_sources VALUES (?, ?, ?)');
      for (const [rank, source] of topSources.entries()) insertTop.run(day, rank, source);
      for (const [name, state] of states) writeState(database, day, name, state);
      database.prepare('UPDATE days SET closed_ms = ?, level = ? WHERE day = ?').run(nowMs, level, day);
      noteClosed(database, day, nowMs);
      return true;
    })
    .immediate();
}

const versionOf = (database: SqliteDatabase, day: number): Version | undefined =>
  database
    .prepare(
      `SELECT geo, revision, packets, changed_ms AS changedMs FROM days
       WHERE day = ? AND closed_ms IS NULL AND stale = 0`,
    )
    .get(day) as Version | undefined;

const isSame = (one: Version, other: Version | undefined): boolean =>
  other !== undefined &&
  one.geo === other.geo &&
  one.revision === other.revision &&
  one.packets === other.packets &&
  one.changedMs === other.changedMs;

function packedRows(day: DayRows, sensor: number): PackedRows[] {
  return (sensor === ALL_SENSORS ? ROW_TABLES : SENSOR_ROW_TABLES).flatMap(name => {
    const rows = day.rows(name);
    if (sensor !== ALL_SENSORS && name === 'ports') rows.splice(topPorts);
    return packRows(name, rows).map(({ part, bytes }) => ({ name: numberOf(name), sensor, part, bytes }));
  });
}

const sensorsOf = ({ tables: { sensorTotal } }: Day): number[] => {
  const sensors = new Set<number>();
  for (let n = 0; n < sensorTotal.size; n++) sensors.add(sensorTotal.nameB(n) >>> 1);
  return [...sensors].sort((a, b) => a - b);
};

/** Countries by the numbers of their codes: those of a geography mean nothing to another. */
export function countriesByCode(table: CellTable, countries: readonly string[]): CellTable {
  const into = new CellTable(TABLES.countries);
  for (let n = 0; n < table.size; n++)
    into.mergeCell(table, n, countryNumber(countries[table.nameA(n)]!), table.nameB(n));
  return into;
}

/** The cells, both sides, of the ports with most packets; ties by number. */
export function busiest(table: CellTable): CellTable {
  const packets = new Map<number, number>();
  for (let n = 0; n < table.size; n++) {
    const target = table.nameA(n) & TARGET_MASK;
    packets.set(target, (packets.get(target) ?? 0) + table.packets(n));
  }
  const top = [...packets].sort(([a, m], [b, n]) => n - m || a - b).slice(0, topPorts);
  const kept = new Set(top.map(([target]) => target));
  const into = new CellTable(TABLES.ports);
  for (let n = 0; n < table.size; n++)
    if (kept.has(table.nameA(n) & TARGET_MASK)) into.mergeCell(table, n, table.nameA(n), table.nameB(n));
  return into;
}
