/** What days have come to, as the store's file has it: at the cost of a look, so that it may be asked each time. */
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import type { DayNow } from './made-day.ts';
import type { OpenDay } from './open-days.ts';

/** `DayNow.by`. */
const BY = `geo || (SELECT ' ' || log || ' ' || state_version || ' ' || sources_max || ' ' || key_print FROM progress) AS by`;

/** Days with packets, ascending. */
export const daysNow = (database: SqliteDatabase, range: { readonly from: number; readonly to: number }): DayNow[] =>
  database
    .prepare(
      `SELECT day, revision, packets, ${BY} FROM days WHERE day BETWEEN :from AND :to AND packets > 0 ORDER BY day`,
    )
    .all({ from: range.from, to: range.to }) as DayNow[];

interface DayWithState extends OpenDay {
  /** When its last batch was received. */
  readonly untilMs: number;
  /** SHA-256 of its geography. */
  readonly geo: string;
}

/** Those that have states, the last first. `which` is a condition in SQL on the days. */
export const daysWithStates = (database: SqliteDatabase, which: string, ...values: number[]): DayWithState[] =>
  database
    .prepare(
      `SELECT * FROM (SELECT day, revision, packets, changed_ms AS untilMs, geo, ${BY},
         (SELECT sum(length(bytes)) FROM segments WHERE segments.day = days.day) AS bytes
       FROM days WHERE ${which}) WHERE bytes IS NOT NULL ORDER BY day DESC`,
    )
    .all(...values) as DayWithState[];
