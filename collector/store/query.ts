/**
 * What the store answers, read beside the one that writes it, from any process. An open day is answered from its segments, a
 * closed one from its rows; of some sensors a closed day is answered from its segments while it has any, for rows cannot tell the
 * sources of two sensors apart.
 */
import { BadDatabase, type SqliteDatabase } from '../../common/sqlite/open.ts';
import { BadState, STATE_VERSION } from '../reduce/codec.ts';
import type { Day } from '../reduce/day.ts';
import { dateOf, resultOf } from '../reduce/result.ts';
import type { DayResult, GeoSource, Results, ScanCount } from '../reduce/results.ts';
import { byPackets, type DayRows, dayRows, type Row, type RowTable, sensorRows, totalOf } from '../reduce/rows.ts';
import { readAccounts, readLost, readSenders, readWatchedHours, readWatches } from './accounts-file.ts';
import { ALL_SENSORS } from './closed-day.ts';
import { readRows, readSensorRows, readSensorSources } from './closing.ts';
import { daysNow, daysWithStates } from './days-now.ts';
import { type KeptPlaces, readPlaces } from './geography.ts';
import { type DayNow, type MadeDay, madeRows, makeDay } from './made-day.ts';
import { type OpenDay, OpenDays, type OpenDaysOptions } from './open-days.ts';
import { type KeptProgress, type Position, readProgress } from './position.ts';
import { openStoreFile } from './schema.ts';
import { readDay, readState, statesOf } from './segments.ts';
import { perFile } from './statements.ts';
import { WatchedDays } from './watched.ts';

/** A day of the list. */
export interface DaySummary extends ScanCount {
  /** Days since 1970; and UTC, YYYY-MM-DD. */
  readonly day: number;
  readonly date: string;
  /** From 1: another one when a closed day changed, or a sensor was left out. */
  readonly revision: number;
  readonly closed: boolean;
  /** It is about to be folded again: the next revision is on its way. */
  readonly stale: boolean;
}

/** Days from one to another, both included, by their numbers since 1970. */
export interface DayRange {
  readonly from: number;
  readonly to: number;
}

export const ALL_DAYS: DayRange = { from: 0, to: 2 ** 31 };

/** Only what these sensors counted: their indices. */
export type Choice = ReadonlySet<number> | undefined;

interface DayRow {
  readonly day: number;
  readonly geo: string;
  readonly revision: number;
  readonly packets: number;
  readonly stale: number;
  readonly closed_ms: number | null;
  readonly level: number | null;
}

const SELECT_DAY = 'SELECT day, geo, revision, packets, stale, closed_ms, level FROM days';

/** What is asked of every day of a year. */
const statementsOf = perFile(database => ({
  together: database.transaction((queries: () => unknown) => queries()),
  day: database.prepare(`${SELECT_DAY} WHERE day = ?`),
  days: database.prepare(`${SELECT_DAY} WHERE day BETWEEN ? AND ? AND packets > 0 ORDER BY day`),
  emptied: database.prepare(
    `${SELECT_DAY} WHERE day BETWEEN ? AND ? AND packets = 0 AND day IN (SELECT day FROM excluded) ORDER BY day`,
  ),
  excluded: database.prepare("SELECT day || ' ' || sensor FROM excluded WHERE day BETWEEN ? AND ?").pluck(),
  segment: database.prepare('SELECT 1 FROM segments WHERE day = ?'),
}));

export class StoreReader {
  readonly database: SqliteDatabase;
  readonly #places = new Map<string, KeptPlaces>();
  readonly made: OpenDays;
  readonly #watched: WatchedDays;

  private constructor(database: SqliteDatabase, options?: OpenDaysOptions) {
    this.database = database;
    this.made = new OpenDays(options);
    this.#watched = new WatchedDays(database);
  }

  /** Throws `BadDatabase`, and SQLite's own error if there is no such file. */
  static open(file: string, options?: OpenDaysOptions): StoreReader {
    return new StoreReader(openStoreFile(file, true), options);
  }

  /** The same over a file that is open. */
  static over(database: SqliteDatabase): StoreReader {
    return new StoreReader(database);
  }

  close(): void {
    this.database.close();
  }

  /** How far the log is counted; undefined if nothing is yet. */
  position(): Position | undefined {
    const kept = readProgress(this.database);
    return kept === undefined ? undefined : { log: kept.log, position: kept.position, sha256: kept.sha256 };
  }

  /** Runs queries that all see the same state of the store. */
  together<T>(queries: () => T): T {
    return this.#statements.together(queries) as T;
  }

  /** Days with records, ascending, with their totals. */
  days({ from, to }: DayRange = ALL_DAYS): DaySummary[] {
    return this.together(() =>
      this.daysWithRecords({ from, to }).map(day => {
        const { sources = 0, scanningSources = 0 } = this.#totalOf(day) ?? {};
        return { ...day, sources, scanningSources };
      }),
    );
  }

  /** Of a closed day its row, which is read sooner than the sketches of its state are counted. */
  #totalOf({ day, closed }: { readonly day: number; readonly closed: boolean }): ScanCount | undefined {
    const [row] = closed ? this.closedRows(day).rows('total') : [];
    if (row !== undefined) return row;
    const total = readState(this.database, day, 'total');
    return total === undefined ? undefined : totalOf(total);
  }

  /** The same days without counts of sources, at the cost of no more than a look. */
  daysWithRecords = ({ from, to }: DayRange = ALL_DAYS): Omit<DaySummary, 'sources' | 'scanningSources'>[] =>
    this.#dayRows(from, to).map(rowSummary);

  /** Days that batches came of, that sensors are left out of, and of which nothing counts; ascending. */
  emptiedDays = ({ from, to }: DayRange = ALL_DAYS): Omit<DaySummary, 'sources' | 'scanningSources'>[] =>
    (this.#statements.emptied.all(from, to) as DayRow[]).map(rowSummary);

  /** Sensors whose records of a day are in no count of it, as an admin decided, by day. */
  leftOut({ from, to }: DayRange = ALL_DAYS, sensors?: Choice): Map<number, number[]> {
    const excluded = this.excluded({ from, to });
    const left = new Map<number, number[]>();
    for (const { sensor, day, misdated, records } of this.accounts({ from, to }, sensors))
      if (!misdated && records > 0 && excluded.has(`${day} ${sensor}`))
        left.set(day, [...(left.get(day) ?? []), sensor]);
    return left;
  }

  /** Everything a day has to say, of all sensors or a choice of them; undefined without records. Throws `BadState`. */
  day(day: number, sensors?: Choice): DayResult | undefined {
    return this.together(() => {
      const rows = this.rows(day, sensors);
      return rows === undefined ? undefined : resultOf(rows);
    });
  }

  /** The same as rows in numbers. */
  rows(day: number, sensors?: Choice): DayRows | undefined {
    const row = this.#dayRow(day);
    if (row === undefined || row.packets === 0) return undefined;
    const rows = (sensors === undefined ? this.#allRows(row) : undefined) ?? this.#rowsOf(row, sensors);
    return rows.rows('total').length === 0 ? undefined : rows;
  }

  /** Of all sensors: a closed day from its rows though it has segments, for a state takes a second to read. */
  #allRows(row: DayRow): DayRows | undefined {
    if (row.closed_ms === null) return this.#openRows(row);
    const rows = this.#closedRows(row, undefined);
    if (rows.rows('total').length === 0) return undefined;
    return rows.has('portHours') || this.addsSources(row.day) ? rows : this.#withHours(row, rows);
  }

  /** Of a day of long ago that was counted again lately its states have the hours that its rows have no more: read when asked for. */
  #withHours = (row: DayRow, rows: DayRows): DayRows => ({
    ...rows,
    rows: (table, a) => (table === 'portHours' ? this.#rowsOf(row, undefined) : rows).rows(table, a),
    has: table => table === 'portHours' || rows.has(table),
  });

  #rowsOf(row: DayRow, sensors: Choice): DayRows {
    const state = this.state(row.day);
    return state === undefined ? this.#closedRows(row, sensors) : rowsOf(state, this.places(row.geo), sensors);
  }

  /** Of all sensors; while a day that was closed before is made, as it was then. Throws `BadState`. */
  #openRows(row: DayRow): DayRows {
    const made = this.openDay(row.day);
    if (made !== undefined) return madeRows(made);
    const before = this.#closedRows(row, undefined);
    if (!before.has('total')) throw new BadState('the day is being read');
    return before;
  }

  /** An open day as it was made last (open-days.ts); undefined of others, and while it is made first. Throws `BadState`. */
  openDay = (day: number): MadeDay | undefined => (this.#dayRow(day)?.closed_ms === null ? this.#made(day) : undefined);

  #made(day: number): MadeDay | undefined {
    const [now] = daysWithStates(this.database, 'day = ?', day);
    return now && this.made.day(now, () => this.together(() => this.#makeNow(day)));
  }

  #makeNow(day: number): MadeDay | undefined {
    const [now] = daysWithStates(this.database, 'day = ?', day);
    if (now === undefined) return undefined;
    const { bytes: _, geo, ...counted } = now;
    const states = statesOf(this.database, day, this.sourcesMax());
    return makeDay(states, this.places(geo), { ...counted, position: this.position()!.position });
  }

  /**
   * Distinct sources of each sensor of a day; of several together there is no more than a sum, for a closed day keeps no sets of
   * a sensor's. Undefined while an open one is made first.
   */
  sensorSources = (day: number): ReadonlyMap<number, number> | undefined =>
    this.#dayRow(day)?.closed_ms === null ? this.openDay(day)?.sensorSources : readSensorSources(this.database, day);

  /**
   * How many packets are told of an open day, and when the last batch among them was received; undefined of others, and while nothing
   * is told of it.
   */
  told(day: number): Pick<MadeDay, 'packets' | 'untilMs'> | undefined {
    const [now] = daysWithStates(this.database, 'day = ? AND closed_ms IS NULL', day);
    return now && this.made.isLarge(now) ? this.made.knownDay(now) : now;
  }

  /** Those that have packets, the last first. */
  openDays = (): OpenDay[] => daysWithStates(this.database, 'closed_ms IS NULL AND packets > 0');

  lastDay = (): number | undefined =>
    (this.database.prepare('SELECT max(day) FROM days WHERE packets > 0').pluck().get() as number | null) ?? undefined;

  /** What days have come to, ascending. */
  daysBy = (range: DayRange): DayNow[] => daysNow(this.database, range);

  /** Whether sources of several sensors can only be added up, since the day's state is not kept any more. */
  addsSources = (day: number): boolean => this.#statements.segment.get(day) === undefined;

  /** The day's state; undefined where it has none any more. Throws `BadState`. */
  state(day: number): Day | undefined {
    return readDay(this.database, day, this.sourcesMax());
  }

  /** What is kept of a closed day as rows, of one sensor or of all together. */
  closedRows(day: number, sensor = ALL_SENSORS): DayRows {
    const level = sensor === ALL_SENSORS ? (this.#dayRow(day)?.level ?? 0) : 0;
    return readRows(this.database, day, level, sensor);
  }

  /** What of a table is kept of each sensor of a closed day alone, ascending by sensor, then name. */
  sensorRows = (day: number, table: RowTable): Map<number, Row[]> => readSensorRows(this.database, day, table);

  /** Sources a day is exact to. */
  sourcesMax = (): number => this.#rules().sourcesMax;

  /**
   * Several days as replay tells them: `packets` are the records of the days and what was skipped beside them. The databases
   * named are those of the last day. Sensors excluded on a day count neither way.
   */
  results(range: DayRange = ALL_DAYS, sensors?: Choice): Results {
    return this.together(() => {
      const numbers = this.#dayRows(range.from, range.to).map(({ day }) => day);
      const days = numbers.flatMap(day => this.day(day, sensors) ?? []);
      const skipped = this.skipped(range, sensors);
      const records = days.reduce((sum, { packets }) => sum + packets, 0);
      return {
        packets: records + Object.values(skipped).reduce((sum, packets) => sum + packets, 0),
        records,
        skipped,
        ...this.#databases(numbers.at(-1)),
        days,
      };
    });
  }

  /** Packets that became no record, by reason. */
  skipped({ from, to }: DayRange = ALL_DAYS, sensors?: Choice): Record<string, number> {
    const skipped: Record<string, number> = {};
    const left = this.excluded({ from, to });
    for (const account of this.accounts({ from, to }, sensors)) {
      if (account.misdated || left.has(`${account.day} ${account.sensor}`)) continue;
      for (const [reason, packets] of account.skipped) skipped[reason] = (skipped[reason] ?? 0) + packets;
    }
    return skipped;
  }

  /** What sensors saw, day by day. */
  accounts = ({ from, to }: DayRange = ALL_DAYS, sensors?: Choice) =>
    readAccounts(this.database, from, to).filter(({ sensor }) => sensors?.has(sensor) ?? true);

  /** Packets of sensors whose clocks were off by over a day, under the dates of their receipt: in no total. */
  misdated = (range: DayRange = ALL_DAYS): { sensor: number; day: number; packets: number }[] =>
    this.accounts(range)
      .filter(({ misdated, records }) => misdated && records > 0)
      .map(({ sensor, day, records }) => ({ sensor, day, packets: records }));

  /** What each sensor watched of each day, in microseconds. */
  watchedDays = ({ from, to }: DayRange) => this.#watched.days(from, to);

  /** Sensors with the days that they sent something of, ascending by sensor, then day. */
  senders = ({ from, to }: DayRange) => readSenders(this.database, from, to);

  /** What sensors watched of each hour, all together, in microseconds; those excluded on a day watched nothing of it. */
  watchedHours = ({ from, to }: DayRange, sensors?: Choice) =>
    readWatchedHours(this.database, 24 * from, 24 * to + 23, sensors);

  /** What sensors watched, hour by hour. */
  watches = ({ from, to }: DayRange, sensors?: Choice) =>
    readWatches(this.database, 24 * from, 24 * to + 23).filter(({ sensor }) => sensors?.has(sensor) ?? true);

  /** Batches of the log that are damaged, ascending: in no count. */
  damaged = (): { position: number; why: string }[] =>
    this.database.prepare('SELECT position, why FROM damaged ORDER BY position').all() as {
      position: number;
      why: string;
    }[];

  /** Ranges of batches that a sensor lost. */
  lost = (sensor: number) => readLost(this.database, sensor);

  /** Sensors that a day was counted without, ascending. */
  excludedOn = (day: number): number[] =>
    this.database.prepare('SELECT sensor FROM excluded WHERE day = ? ORDER BY sensor').pluck().all(day) as number[];

  /** SHA-256 of the geography a day is counted with; undefined if no batch of it came. */
  geoOf = (day: number): string | undefined => this.#dayRow(day)?.geo;

  places(sha256: string): KeptPlaces {
    const known = this.#places.get(sha256) ?? readPlaces(this.database, sha256);
    this.#places.set(sha256, known);
    return known;
  }

  /** From rows. Several sensors' sources cannot be told apart any more: theirs are added up, and so are the most there can be. */
  #closedRows({ day, level }: DayRow, sensors: Choice): DayRows {
    const read = (sensor: number) => readRows(this.database, day, level ?? 0, sensor);
    if (sensors === undefined) return read(ALL_SENSORS);
    return addedUp(day, [...sensors].map(read));
  }

  #databases(day: number | undefined): { geo: GeoSource; asn?: GeoSource } {
    const sha256 = day === undefined ? undefined : this.#dayRow(day)?.geo;
    if (sha256 === undefined) return { geo: { name: 'none', built: 'unknown' } };
    const { geo, asn } = this.places(sha256);
    return { geo, ...(asn !== undefined && { asn }) };
  }

  get #statements() {
    return statementsOf(this.database);
  }

  #dayRow = (day: number) => this.#statements.day.get(day) as DayRow | undefined;

  #dayRows = (from: number, to: number) => this.#statements.days.all(from, to) as DayRow[];

  /** Days and sensors that these were counted without, in one text each. */
  excluded = ({ from, to }: DayRange = ALL_DAYS): ReadonlySet<string> =>
    new Set(this.#statements.excluded.all(from, to) as string[]);

  #rules(): KeptProgress {
    const kept = readProgress(this.database);
    if (kept === undefined || kept.stateVersion !== STATE_VERSION)
      throw new BadDatabase('the store was counted by another version: it is folded again when `enaga serve` starts');
    return kept;
  }
}

const rowSummary = ({ day, packets, revision, closed_ms, stale }: DayRow) => ({
  day,
  date: dateOf(day),
  packets,
  revision,
  closed: closed_ms !== null,
  stale: stale === 1,
});

const rowsOf = (state: Day, places: KeptPlaces, sensors: Choice): DayRows =>
  sensors === undefined ? dayRows(state, places) : sensorRows(state, places, sensors);

function addedUp(day: number, parts: readonly DayRows[]): DayRows {
  const rows = (name: RowTable, a?: number): Row[] => {
    const sums = new Map<string, Row>();
    for (const row of parts.flatMap(part => part.rows(name, a))) {
      const key = `${row.a} ${row.b}`;
      const before = sums.get(key) ?? { ...row, packets: 0, sources: 0, scanningSources: 0 };
      sums.set(key, {
        ...before,
        packets: before.packets + row.packets,
        sources: before.sources + row.sources,
        scanningSources: before.scanningSources + row.scanningSources,
      });
    }
    return [...sums.values()].sort(byPackets);
  };
  return { day, level: 0, rows, has: name => parts.some(part => part.has(name)), topSources: () => [] };
}
