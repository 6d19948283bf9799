/**
 * Whether the last run ended because it had read all its captures: one that does not run is then in order, and any other is not. A
 * note among the places of captures, which outlives a damaged database as they do.
 */
import { isFull } from '../../common/sqlite/full.ts';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';

/** No capture is called so: their names are digests. */
const FINISHED = 'finished';

/** At its start: it is to be known that it has not finished. A disk without room may leave the note of the run before. */
export function noteStarted(database: SqliteDatabase): void {
  try {
    database.prepare('DELETE FROM reading WHERE capture = ?').run(FINISHED);
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}

export function noteFinished(database: SqliteDatabase, nowMs: number): void {
  const place = new Date(nowMs).toISOString();
  try {
    database.prepare('INSERT OR REPLACE INTO reading VALUES (?, ?, ?)').run(FINISHED, place, nowMs);
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}

export const hasFinished = (database: SqliteDatabase): boolean =>
  database.prepare('SELECT 1 FROM reading WHERE capture = ?').get(FINISHED) !== undefined;
