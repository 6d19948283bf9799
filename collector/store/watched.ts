/** What sensors watched of days, kept: an hour a row, that is 2,400 rows a day of 100 sensors, and every mean asks for it. */
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { readWatchedDay } from './accounts-file.ts';
import { perFile } from './statements.ts';

/** Some megabytes with 100 sensors. */
const daysMax = 1024;

const madeOf = perFile(database =>
  database.prepare(
    "SELECT day, revision || ' ' || changed_ms AS made FROM days WHERE day BETWEEN ? AND ? ORDER BY day",
  ),
);

export class WatchedDays {
  readonly #database: SqliteDatabase;
  /** Of which revision and last batch they are. */
  readonly #days = new Map<number, { readonly made: string; readonly bySensor: ReadonlyMap<number, number> }>();

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  /** Of each sensor of each day from one to another, both included, in microseconds. */
  days(from: number, to: number): Map<number, ReadonlyMap<number, number>> {
    const days = madeOf(this.#database).all(from, to) as { day: number; made: string }[];
    return new Map(days.map(({ day, made }) => [day, this.#day(day, made)]));
  }

  #day(day: number, made: string): ReadonlyMap<number, number> {
    const known = this.#days.get(day);
    if (known?.made === made) return known.bySensor;
    const bySensor = readWatchedDay(this.#database, day);
    if (this.#days.size >= daysMax) this.#days.clear();
    this.#days.set(day, { made, bySensor });
    return bySensor;
  }
}
