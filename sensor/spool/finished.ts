/**
 * Whether the last run ended because it had read all its captures: one that does not run is then in order, and any other is not. And
 * which of them were damaged. Two notes among the places of captures, which outlive a damaged database as they do.
 */
import { isFull } from '../../common/sqlite/full.ts';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import type { Failure } from '../capture/place.ts';

/** No capture is called so: their names are digests. */
const FINISHED = 'finished';
const DAMAGED = 'damaged';

/** Damaged captures that are named; of more there is the number. */
const damagedNamedMax = 20;

/** Captures that could not be read, or not to their end: how many, and the first of them. */
export interface Damaged {
  readonly captures: number;
  readonly first: readonly Failure[];
}

/** What is known of the last run. */
export interface Finished {
  /** It ended because it had read all its captures. */
  readonly finished: boolean;
  readonly damaged: Damaged;
}

/** At its start: it is to be known that it has not finished. A disk without room may leave the notes of the run before. */
export function noteStarted(database: SqliteDatabase): void {
  try {
    database.prepare('DELETE FROM reading WHERE capture IN (?, ?)').run(FINISHED, DAMAGED);
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}

/** Both notes or none: without room for the second it would look well. */
export function noteFinished(database: SqliteDatabase, failures: readonly Failure[], nowMs: number): void {
  const damaged: Damaged = { captures: failures.length, first: failures.slice(0, damagedNamedMax) };
  const note = database.prepare('INSERT OR REPLACE INTO reading VALUES (?, ?, ?)');
  try {
    database.transaction(() => {
      note.run(DAMAGED, JSON.stringify(damaged), nowMs);
      note.run(FINISHED, new Date(nowMs).toISOString(), nowMs);
    })();
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}

export function readFinished(database: SqliteDatabase): Finished {
  const sql = 'SELECT capture, place FROM reading WHERE capture IN (?, ?)'; // one statement: of one moment
  const rows = database.prepare(sql).all(FINISHED, DAMAGED) as { capture: string; place: string }[];
  const { [FINISHED]: finished, [DAMAGED]: damaged } = Object.fromEntries(rows.map(row => [row.capture, row.place]));
  return {
    finished: finished !== undefined,
    damaged: damaged === undefined ? { captures: 0, first: [] } : JSON.parse(damaged),
  };
}
