/** Counts the ASes of closed days (count-asns.ts), a little at a time, beside what the folding thread does otherwise. */
import { GeoError } from '../../common/geo/error.ts';
import { BadDatabase, type SqliteDatabase } from '../../common/sqlite/open.ts';
import type { LogReader } from '../log/reader.ts';
import { BadState } from '../reduce/codec.ts';
import { dateOf } from '../reduce/result.ts';
import type { Row } from '../reduce/rows.ts';
import { BadLog } from './batch.ts';
import { ALL_SENSORS } from './closed-day.ts';
import { readRows } from './closing.ts';
import { countPortAsns } from './count-asns.ts';
import type { Geographies } from './geography.ts';
import { type ClosedDay, daysWithoutAsns, isStill, keepPortAsns } from './port-asns.ts';

/** Records counted in a step: a tenth of a second. */
const stepRecords = 200_000;

export interface PendingAsnsOptions {
  readonly reader: LogReader;
  readonly database: SqliteDatabase;
  readonly geographies: Geographies;
  readonly now: () => number;
  readonly say: (text: string) => void;
}

interface Job extends ClosedDay {
  readonly counting: Generator<number, Row[] | undefined>;
}

export class PendingAsns {
  readonly #options: PendingAsnsOptions;
  #waiting: ClosedDay[] = [];
  #job: Job | undefined;
  /** Revisions that cannot be counted. */
  readonly #given = new Set<string>();

  constructor(options: PendingAsnsOptions) {
    this.#options = options;
  }

  /** Looks which days there are to count. */
  look(): void {
    const { database, reader, now } = this.#options;
    const current = this.#job && nameOf(this.#job);
    const days = daysWithoutAsns(database, now()).filter(
      one => nameOf(one) !== current && !this.#given.has(nameOf(one)),
    );
    const expired = days.length === 0 ? [] : reader.expired();
    this.#waiting = days.filter(({ day }) => !expired.includes(day));
  }

  /** Goes on counting, of a log that is in the store up to this position. Returns whether there is more to do. */
  step(upTo: number): boolean {
    const one = this.#job ?? this.#waiting.shift();
    if (one === undefined) return false;
    try {
      this.#job ??= this.#begin(one, upTo);
      const rows = this.#job && count(this.#job.counting);
      if (rows === 'more') return true;
      if (this.#job !== undefined) this.#end(one, rows);
    } catch (error) {
      if (!isExpected(error)) throw error;
      this.#giveUp(one, error.message);
    }
    this.#job = undefined;
    return this.#waiting.length > 0;
  }

  /** Undefined of a day that was opened again since it was looked at. */
  #begin(one: ClosedDay, upTo: number): Job | undefined {
    const { reader, database, geographies } = this.#options;
    if (!isStill(database, one)) return undefined;
    const { day, geo } = one;
    const rows = readRows(database, day, 0, ALL_SENSORS);
    const [ports, asns] = [rows.rows('ports'), rows.rows('asns').length];
    const excluded = database.prepare('SELECT sensor FROM excluded WHERE day = ?').pluck().all(day) as number[];
    const from = { reader, day, upTo, geo: geographies.named(geo), excluded: new Set(excluded), ports, asns };
    return { ...one, counting: countPortAsns(from) };
  }

  /** A day that changed meanwhile is looked at again when it is closed again. */
  #end(job: ClosedDay, rows: readonly Row[] | undefined): void {
    const { database, now } = this.#options;
    if (rows === undefined) this.#giveUp(job, 'the log has not all that the day was counted from');
    else keepPortAsns(database, job, rows, now());
  }

  #giveUp(one: ClosedDay, why: string): void {
    this.#given.add(nameOf(one));
    this.#options.say(`of ${dateOf(one.day)} no AS is told of a port: ${why}`);
  }
}

/**
 * What concerns this figure alone: a copy of an old database that is gone, a log that lacks something, rows of the day that cannot be
 * read. Without it all else is told.
 */
const isExpected = (error: unknown): error is Error =>
  [BadDatabase, BadLog, BadState, GeoError].some(kind => error instanceof kind);

/** Some records more; the rows when all are counted. */
function count(counting: Job['counting']): readonly Row[] | undefined | 'more' {
  for (let records = 0; records < stepRecords; ) {
    const { done, value } = counting.next();
    if (done === true) return value;
    records += value;
  }
  return 'more';
}

const nameOf = ({ day, revision }: ClosedDay): string => `${day} ${revision}`;
