/**
 * Whether the store says what the log says: a day is folded from the log again, from nothing and up to where the store is, and
 * every row of every table is compared with the store's, from its segments and from its rows, whichever there are.
 */

import { isDeepStrictEqual } from 'node:util';
import type { GeoTable } from '../../common/geo/table.ts';
import { DAY_MS } from '../../common/time.ts';
import type { LogReader } from '../log/reader.ts';
import { BadState, encodeDay } from '../reduce/codec.ts';
import { COUNTRY_KINDS, Day, KINDS } from '../reduce/day.ts';
import type { HashKey } from '../reduce/hash.ts';
import { countryCode, networkOf, targetOf } from '../reduce/result.ts';
import {
  type DayRows,
  dayRows,
  ROW_TABLES,
  type Row,
  type RowTable,
  SENSOR_ROW_TABLES,
  sensorRows,
  totalOf,
} from '../reduce/rows.ts';
import type { Account, Watch } from './account.ts';
import { topPorts } from './closed-day.ts';
import { hourlyDays } from './closing.ts';
import { countPortAsns } from './count-asns.ts';
import type { Geographies, KeptPlaces } from './geography.ts';
import { readPortAsns } from './port-asns.ts';
import { isCountedFrom } from './position.ts';
import type { StoreReader } from './query.ts';
import { type Damage, type Refolded, refoldDay } from './refold.ts';

/** What one of them says and the other does not, or says otherwise; absent where it says nothing. */
export interface Difference {
  readonly what: string;
  readonly store?: string;
  readonly log?: string;
}

export interface RecountOptions {
  readonly reader: LogReader;
  readonly store: StoreReader;
  readonly geographies: Geographies;
  readonly hashKey: HashKey;
  /** Sensors that the operator wants left out of the day. */
  readonly excluded: readonly number[];
  /** Days since 1970. */
  readonly day: number;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly onProgress?: (records: number) => void;
}

export interface Recounted {
  /** Records of the day in the log, of sensors not excluded. */
  readonly records: number;
  /** Rows compared. */
  readonly rows: number;
  readonly differences: Difference[];
  /** Batches of the day that are damaged in the log: they were in neither count, unless damaged since. */
  readonly damaged: readonly Damage[];
}

/** The store was counted from another log, or the day's records are gone: there is nothing to compare. */
export class OtherLog extends Error {
  override readonly name = 'OtherLog';
}

/** Throws `OtherLog`, `BadLog`, `BadDatabase`, `BadState`. */
export function recountDay(options: RecountOptions): Recounted {
  const { reader, store, geographies, hashKey, excluded, day, nowMs, onProgress } = options;
  const position = store.position();
  if (position === undefined) throw new OtherLog('the store has counted nothing yet');
  if (!isCountedFrom(reader, position))
    throw new OtherLog('the store was counted from another log: `enaga serve` folds everything again when it starts');
  if (reader.isExpired(day))
    throw new OtherLog('the records of that day were removed for their age: its figures cannot be counted again');
  const again = refoldDay({
    reader,
    day,
    upTo: position.position,
    geoAt: at => geographies.at(at),
    excluded: new Set(excluded),
    hashKey,
    sourcesMax: store.sourcesMax(),
    ...(onProgress !== undefined && { onProgress }),
  });
  const comparison = new Comparison();
  compareAccounts(comparison, store, day, again);
  comparison.value('geography', store.geoOf(day), again.geo?.sha256);
  if (again.geo !== undefined)
    comparison.value('excluded sensors', store.excludedOn(day).join(' '), excluded.toSorted((a, b) => a - b).join(' '));
  const hoursFrom = Math.floor(nowMs / DAY_MS) - hourlyDays;
  if (again.geo !== undefined) {
    compareDays(comparison, { store, hoursFrom }, again.state ?? new Day(day, 16), again.geo);
    comparePortAsns(comparison, options, position.position, again.geo);
  }
  const records = again.state === undefined ? 0 : (totalOf(again.state.tables.total)?.packets ?? 0);
  return { records, rows: comparison.rows, differences: comparison.differences, damaged: again.damaged };
}

class Comparison {
  readonly differences: Difference[] = [];
  rows = 0;

  value(what: string, store: string | number | undefined, log: string | number | undefined): void {
    this.rows++;
    if (store === log) return;
    this.differences.push({
      what,
      ...(store !== undefined && { store: String(store) }),
      ...(log !== undefined && { log: String(log) }),
    });
  }

  /** What the store has; undefined, and a difference, if it is damaged. */
  readable<T>(what: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof BadState)) throw error;
      this.differences.push({ what, store: `damaged: ${error.message}` });
      return undefined;
    }
  }

  table(where: string, name: RowTable | 'portAsns', store: readonly Row[], log: readonly Row[]): void {
    const keyOf = ({ a, b }: Row) => `${a} ${b}`;
    const expected = new Map(log.map(row => [keyOf(row), row]));
    for (const row of store) {
      const other = expected.get(keyOf(row));
      expected.delete(keyOf(row));
      this.rows++;
      if (!isDeepStrictEqual(row, other))
        this.value(`${where}${name} ${label(name, row)}`, text(row), other && text(other));
    }
    for (const row of expected.values()) this.value(`${where}${name} ${label(name, row)}`, undefined, text(row));
  }
}

const text = ({ packets, sources, scanningSources }: Row): string =>
  `${packets} packets, ${sources} sources, ${scanningSources} scanning`;

function targetText(number: number): string {
  const target = targetOf(number);
  return 'type' in target ? `${target.protocol} ${target.type}/${target.code}` : `${target.protocol}/${target.port}`;
}

function label(table: RowTable | 'portAsns', { a, b }: Row): string {
  switch (table) {
    case 'ports':
      return targetText(a);
    case 'portAsns':
      return `${targetText(a)} AS${b}`;
    case 'portKinds':
      return `${targetText(a)} ${KINDS[b]}`;
    case 'countryKinds':
      return `${countryCode(a)} ${COUNTRY_KINDS[b]}`;
    case 'countryAsns':
      return `${countryCode(a)} AS${b}`;
    case 'portHours':
      return `${targetText(a)} hour ${b}`;
    case 'countries':
      return countryCode(a);
    case 'countryHours':
      return `${countryCode(a)} hour ${b}`;
    case 'portCountries':
      return `${targetText(b)} ${countryCode(a)}`;
    case 'networks':
      return networkOf({ a, b });
    default:
      return String(a);
  }
}

function compareAccounts(comparison: Comparison, store: StoreReader, day: number, { accounts }: Refolded): void {
  const range = { from: day, to: day };
  const textOf = (account: Account | undefined) =>
    account && JSON.stringify({ ...account, skipped: [...account.skipped].sort() });
  const kept = new Map(
    store
      .accounts(range)
      .filter(one => !one.misdated)
      .map(one => [one.sensor, one]),
  );
  const logged = new Map(accounts.accounts().map(one => [one.sensor, one]));
  for (const sensor of new Set([...kept.keys(), ...logged.keys()]))
    comparison.value(`account of sensor ${sensor}`, textOf(kept.get(sensor)), textOf(logged.get(sensor)));
  const watchName = ({ sensor, hour }: Watch) => `watch of sensor ${sensor}, hour ${hour % 24}`;
  const keptWatches = new Map(store.watches(range).map(one => [watchName(one), JSON.stringify(one.spans)]));
  const loggedWatches = new Map(accounts.watches().map(one => [watchName(one), JSON.stringify(one.spans)]));
  for (const name of new Set([...keptWatches.keys(), ...loggedWatches.keys()]))
    comparison.value(name, keptWatches.get(name), loggedWatches.get(name));
}

/** The store, and the first day that still has its ports by the hour. */
interface Kept {
  readonly store: StoreReader;
  readonly hoursFrom: number;
}

function compareDays(comparison: Comparison, kept: Kept, log: Day, places: KeptPlaces): void {
  const { store } = kept;
  const { day } = log;
  const expected = dayRows(log, places);
  const [summary] = comparison.readable('totals of the day', () => store.days({ from: day, to: day })) ?? [];
  const total = totalOf(log.tables.total);
  for (const key of ['packets', 'sources', 'scanningSources'] as const)
    comparison.value(`list of days: ${key}`, summary?.[key], total?.[key]);
  const state = comparison.readable('the state', () => store.state(day));
  const sensors = new Set<number>([...sensorsOf(log), ...(state === undefined ? [] : sensorsOf(state))]);
  if (state !== undefined) {
    compareRows(comparison, '', dayRows(state, places), expected);
    for (const sensor of sensors) {
      const one = new Set([sensor]);
      compareRows(comparison, `sensor ${sensor} `, sensorRows(state, places, one), sensorRows(log, places, one));
    }
    const agree = comparison.differences.length === 0;
    if (agree && Buffer.compare(encodeDay(state), encodeDay(log)) !== 0)
      comparison.value('the state, in what no row tells (which sources)', 'another', 'this');
  }
  if (summary?.closed !== true) {
    const said = comparison.differences.some(({ what }) => what === 'the state');
    if (state === undefined && total !== undefined && !said)
      comparison.value('the state', undefined, `${total.packets} packets`);
    return;
  }
  compareClosed(comparison, kept, expected);
  for (const sensor of sensors) compareClosed(comparison, kept, sensorRows(log, places, new Set([sensor])), sensor);
}

/** The rows of a closed day keep less: a sensor's busiest ports, and no hourly ports of long ago. */
function compareClosed(comparison: Comparison, { store, hoursFrom }: Kept, log: DayRows, sensor?: number): void {
  const kept = store.closedRows(log.day, sensor);
  const where = sensor === undefined ? 'closed ' : `closed sensor ${sensor} `;
  const isOld = log.day < hoursFrom;
  compareRows(comparison, where, kept, {
    ...log,
    rows: name => {
      if (name === 'portHours' && isOld) return kept.rows(name);
      const rows = log.rows(name);
      return name === 'ports' && sensor !== undefined ? rows.slice(0, topPorts) : rows;
    },
  });
}

/** Where they are kept: from which ASes the packets to each port came. */
function comparePortAsns(
  comparison: Comparison,
  { store, reader, day, excluded }: RecountOptions,
  upTo: number,
  geo: GeoTable,
): void {
  const [head] = store.daysWithRecords({ from: day, to: day });
  if (head?.closed !== true) return;
  const kept = comparison.readable('ports by AS', () => readPortAsns(store.database, head));
  if (kept === undefined) return;
  const rows = store.closedRows(day);
  const [ports, asns] = [rows.rows('ports'), rows.rows('asns').length];
  const counting = countPortAsns({ reader, day, upTo, geo, excluded: new Set(excluded), ports, asns });
  let step = counting.next();
  while (step.done !== true) step = counting.next();
  comparison.table('closed ', 'portAsns', kept, step.value ?? []);
}

function compareRows(comparison: Comparison, where: string, store: DayRows, log: DayRows): void {
  for (const name of where.includes('sensor') ? SENSOR_ROW_TABLES : ROW_TABLES)
    comparison.table(where, name, store.rows(name), log.rows(name));
  comparison.value(`${where}sample`, store.level, log.level);
  const sources = log.topSources();
  for (const [rank, source] of store.topSources().entries())
    comparison.value(`${where}topSources ${rank + 1}`, JSON.stringify(source), JSON.stringify(sources[rank]));
  if (store.topSources().length < sources.length)
    comparison.value(`${where}topSources`, store.topSources().length, sources.length);
}

const sensorsOf = ({ tables: { sensorTotal } }: Day): number[] =>
  Array.from({ length: sensorTotal.size }, (_, n) => sensorTotal.nameB(n) >>> 1);
