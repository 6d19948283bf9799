/**
 * Ports and countries of a week, a month or a quarter: all of them, ranked, with their ranks in the period before. Kept once the
 * period is over and its days are closed, together with the revisions of the days it was made from; else made when asked for.
 *
 * Packets of days add up; distinct sources do not. Where each day keeps the set of sources (all countries; of each day the
 * busiest ports) they are merged to the sources of the period; elsewhere there are only `sourceDays`, the sum of the days' counts.
 */

import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { DAY_MS } from '../../common/time.ts';
import { CellTable } from '../reduce/cells.ts';
import { BadState } from '../reduce/codec.ts';
import { TARGET_MASK } from '../reduce/day.ts';
import { countryRowsOf, portRowsOf, type Row, totalOf } from '../reduce/rows.ts';
import { type DayNow, madeSet } from './made-day.ts';
import type { MadeRanks } from './open-days.ts';
import { NumberReader, NumberWriter } from './packed.ts';
import { PERIODS, type Period, periodOf, previousPeriod } from './periods.ts';
import { type Choice, StoreReader } from './query.ts';
import { readState, STATES, type StateName } from './segments.ts';

export const ROLLUP_TABLES = ['total', 'countries', 'ports'] as const satisfies readonly StateName[];
export type RollupTable = (typeof ROLLUP_TABLES)[number];

export interface RollupRow {
  /** As in reduce/rows.ts: a target, a country's number, or 0. */
  readonly a: number;
  /** From 1, by packets, ties by `a`. */
  readonly rank: number;
  readonly packets: number;
  readonly sourceDays: number;
  /** Of the whole period; null where not every day kept its set. */
  readonly sources: number | null;
  readonly scanningSources: number | null;
}

export interface RankedRow extends RollupRow {
  /** Null if it was not there. */
  readonly previousRank: number | null;
}

/** The period's rows in the order of their ranks. Of sensors chosen, sources are of days alone. Throws `BadState`. */
export function rankedRows(store: StoreReader, period: Period, table: RollupTable, sensors?: Choice): RankedRow[] {
  const before = new Map(rollup(store, previousPeriod(period), table, sensors).map(({ a, rank }) => [a, rank]));
  return rollup(store, period, table, sensors).map(row => ({ ...row, previousRank: before.get(row.a) ?? null }));
}

/** The first of them without the ranks before, of all sensors, and what all came to. Throws `BadState`. */
export function topOfPeriod(
  store: StoreReader,
  period: Period,
  table: RollupTable,
  most: number,
): { readonly rows: RollupRow[]; readonly packets: number } {
  const sum = (counted: readonly { readonly packets: number }[]) => counted.reduce((all, one) => all + one.packets, 0);
  if (isKept(store, period)) return { rows: keptRanks(store, period, table, most), packets: sum(store.daysBy(period)) };
  const rows = madeRanks(store, period, table); // all of them: of an open day what was made of it
  return { rows: rows.slice(0, most), packets: sum(rows) };
}

function rollup(store: StoreReader, period: Period, table: RollupTable, sensors: Choice): RollupRow[] {
  if (sensors !== undefined) return makeRollup(store, period, table, sensors);
  return isKept(store, period) ? keptRanks(store, period, table) : madeRanks(store, period, table);
}

/** The first `most`. */
function keptRanks(store: StoreReader, { kind, from }: Period, table: RollupTable, most = Infinity): RollupRow[] {
  const bytes = store.database
    .prepare('SELECT bytes FROM rollups WHERE kind = ? AND day = ? AND name = ?')
    .pluck()
    .get(kind, from, table);
  return unpackRollup(bytes as Uint8Array, most);
}

const isKept = (store: StoreReader, period: Period): boolean =>
  signatureOf(store, period) ===
  store.database
    .prepare('SELECT signature FROM rollup_periods WHERE kind = ? AND day = ?')
    .pluck()
    .get(period.kind, period.from);

/**
 * Rows as bytes, in the order of their ranks, numbers as in packed.ts: `a`, how many packets less than the row before (the first:
 * how many), source-days, and distinct sources and scanning ones, each plus one, or 0 where it is not known.
 */
export function packRollup(rows: readonly RollupRow[]): Uint8Array {
  const writer = new NumberWriter();
  for (const [n, { a, packets, sourceDays, sources, scanningSources }] of rows.entries()) {
    writer.put(a);
    writer.put(n === 0 ? packets : rows[n - 1]!.packets - packets);
    writer.put(sourceDays);
    writer.put(sources === null ? 0 : sources + 1);
    writer.put(scanningSources === null ? 0 : scanningSources + 1);
  }
  return writer.take();
}

export function unpackRollup(bytes: Uint8Array, most = Infinity): RollupRow[] {
  const rows: RollupRow[] = [];
  const reader = new NumberReader(bytes);
  const orNull = (value: number) => (value === 0 ? null : value - 1);
  let packets = 0;
  for (let rank = 1; !reader.isDone && rank <= most; rank++) {
    const a = reader.next();
    packets = rank === 1 ? reader.next() : packets - reader.next();
    const sourceDays = reader.next();
    const sources = orNull(reader.next());
    rows.push({ a, rank, packets, sourceDays, sources, scanningSources: orNull(reader.next()) });
  }
  return rows;
}

export interface RunningPeriod {
  /** Of its ranks (open-days.ts). */
  readonly name: string;
  readonly period: Period;
  readonly table: RollupTable;
  /** Those of it that there are. */
  readonly days: readonly DayNow[];
}

const nameOf = ({ kind, from }: Period, table: RollupTable): string => `${kind} ${from} ${table}`;

/** Weeks, months and quarters that the last day is in, and those before them where they are not kept yet. */
export function runningPeriods(store: StoreReader): RunningPeriod[] {
  const last = store.lastDay();
  if (last === undefined) return [];
  const current = PERIODS.map(kind => periodOf(kind, last));
  return [...current, ...current.map(previousPeriod)].flatMap(period =>
    isKept(store, period)
      ? []
      : (['ports', 'countries'] as const).map(table => ({
          ...{ name: nameOf(period, table), period, table, days: store.daysBy(period) },
        })),
  );
}

export const makeRanks = (store: StoreReader, { name, period, table, days }: RunningPeriod): MadeRanks => ({
  ...{ name, days: days.map(day => asTold(store, day)) },
  bytes: packRollup(makeRollup(store, period, table, undefined)),
});

/** With the packets that are told of it: an open one may be told as it was some time ago. */
const asTold = (store: StoreReader, day: DayNow): DayNow => ({
  ...day,
  packets: store.rows(day.day)?.rows('total')[0]?.packets ?? 0,
});

/** Throws `BadState` while a long period that runs is made first. */
function madeRanks(store: StoreReader, period: Period, table: RollupTable): RollupRow[] {
  const name = nameOf(period, table);
  const running = { name, period, table, days: store.daysBy(period) };
  const bytes = store.made.ranks(name, running.days, () => makeRanks(store, running));
  if (bytes !== undefined) return unpackRollup(bytes);
  if (runningPeriods(store).some(one => one.name === name)) throw new BadState('the ranks are being made');
  return makeRollup(store, period, table, undefined); // it is over and will be kept: nobody makes it meanwhile
}

/** Which revision of which days it is made from. */
const signatureOf = (store: StoreReader, { from, to }: Period): string =>
  store.database
    .prepare(
      `SELECT coalesce(group_concat(day || ':' || revision || ':' || packets, ' '), '')
       FROM (SELECT * FROM days WHERE day BETWEEN ? AND ? ORDER BY day)`,
    )
    .pluck()
    .get(from, to) as string;

function makeRollup(store: StoreReader, { from, to }: Period, name: RollupTable, sensors: Choice): RollupRow[] {
  const sums = new Map<number, { packets: number; sourceDays: number; days: number }>();
  const sets = new Sets(name);
  for (const one of store.daysWithRecords({ from, to })) {
    for (const { a, packets, sources } of store.rows(one.day, sensors)?.rows(name) ?? []) {
      const sum = sums.get(a);
      if (sum === undefined) sums.set(a, { packets, sourceDays: sources, days: 1 });
      else {
        sum.packets += packets;
        sum.sourceDays += sources;
        sum.days++;
      }
    }
    if (sensors === undefined) sets.add(setsOf(store, one, name));
  }
  const merged = sets.rows();
  return [...sums]
    .map(([a, { days, ...sum }]) => {
      const set = merged.get(a);
      const whole = set !== undefined && set.days === days;
      return {
        a,
        ...sum,
        sources: whole ? set.row.sources : null,
        scanningSources: whole ? set.row.scanningSources : null,
      };
    })
    .sort((x, y) => y.packets - x.packets || x.a - y.a)
    .map((row, n) => ({ ...row, rank: n + 1 }));
}

/** The sets of sources that a day keeps, or would if it were closed. */
function setsOf(
  store: StoreReader,
  { day, closed }: { readonly day: number; readonly closed: boolean },
  name: RollupTable,
): CellTable | undefined {
  const made = closed ? undefined : store.openDay(day);
  return made === undefined ? readState(store.database, day, name) : madeSet(made, name);
}

const rowsOf = (name: RollupTable, table: CellTable): Row[] => {
  if (name === 'total') return [totalOf(table)].flatMap(total => total ?? []).map(total => ({ a: 0, b: 0, ...total }));
  return name === 'ports' ? portRowsOf(table) : countryRowsOf(table);
};

/** As the rows name them, whichever sides they have. */
function namesIn(table: CellTable, name: RollupTable): Set<number> {
  const names = new Set<number>();
  for (let n = 0; n < table.size; n++)
    names.add(name === 'total' ? 0 : name === 'ports' ? table.nameA(n) & TARGET_MASK : table.nameA(n));
  return names;
}

/** Sets of sources of several days merged, and how many days each is of. */
class Sets {
  readonly #name: RollupTable;
  readonly #merged: CellTable;
  readonly #days = new Map<number, number>();

  constructor(name: RollupTable) {
    this.#name = name;
    this.#merged = new CellTable(STATES[name]);
  }

  add(table: CellTable | undefined): void {
    if (table === undefined) return;
    for (const a of namesIn(table, this.#name)) this.#days.set(a, (this.#days.get(a) ?? 0) + 1);
    this.#merged.merge(table);
  }

  rows = (): Map<number, { row: Row; days: number }> =>
    new Map(rowsOf(this.#name, this.#merged).map(row => [row.a, { row, days: this.#days.get(row.a)! }]));
}

/** Keeps the roll-ups of periods that are over and whose days are all closed, where they are not kept already. */
export function keepRollups(database: SqliteDatabase, nowMs: number): void {
  const store = StoreReader.over(database);
  const days = store.daysWithRecords();
  for (const kind of PERIODS) {
    const byPeriod = Map.groupBy(days, ({ day }) => periodOf(kind, day).from);
    for (const [from, list] of byPeriod) {
      const period = periodOf(kind, from);
      if ((period.to + 1) * DAY_MS > nowMs || !list.every(({ closed, stale }) => closed && !stale)) continue;
      keepRollup(store, period);
    }
  }
}

function keepRollup(store: StoreReader, period: Period): void {
  const { kind, from } = period;
  const { database } = store;
  const signature = signatureOf(store, period);
  const kept = database.prepare('SELECT signature FROM rollup_periods WHERE kind = ? AND day = ?').pluck();
  if (kept.get(kind, from) === signature) return;
  const tables = ROLLUP_TABLES.map(name => [name, makeRollup(store, period, name, undefined)] as const);
  database
    .transaction(() => {
      database.prepare('DELETE FROM rollups WHERE kind = ? AND day = ?').run(kind, from);
      const insert = database.prepare('INSERT INTO rollups VALUES (?, ?, ?, ?)');
      for (const [name, rows] of tables) insert.run(kind, from, name, packRollup(rows));
      database.prepare('INSERT OR REPLACE INTO rollup_periods VALUES (?, ?, ?)').run(kind, from, signature);
    })
    .immediate();
}
