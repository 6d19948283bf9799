/**
 * What each revision of a day said when it was closed, kept when the store is counted anew (after a restored backup, say): so that a
 * day never has a number again that another content had, and that a revised day can say what changed. A day that is closed with
 * just the content of its last revision is that revision: counting again changes nothing for those who have it.
 */
import { createHash } from 'node:crypto';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { ROW_TABLES } from '../reduce/rows.ts';
import type { DayRange } from './query.ts';

/** SQL of its table, which is not among those that are folded (schema.ts). Days closed before it have no content to compare. */
export const REVISIONS_TABLE = `
  CREATE TABLE revisions (
    day INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    closed_ms INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    batches INTEGER NOT NULL, -- received of the day, also of sensors left out
    records INTEGER NOT NULL,
    left_out TEXT NOT NULL, -- sensors, JSON
    content TEXT NOT NULL, -- SHA-256
    PRIMARY KEY (day, revision)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO revisions SELECT day, revision, coalesce(closed_ms, 0), packets, 0, 0, '[]', '' FROM days
   WHERE closed_ms IS NOT NULL OR revision > 1;`;

/** Of a day, for its totals; `leftOut` are indices of sensors. */
export interface Revision {
  readonly day: number;
  readonly revision: number;
  readonly closedMs: number;
  readonly packets: number;
  readonly batches: number;
  readonly records: number;
  readonly leftOut: readonly number[];
}

const SELECT = `SELECT day, revision, closed_ms AS closedMs, packets, batches, records, left_out AS leftOut, content
  FROM revisions`;

type Kept = Omit<Revision, 'leftOut'> & { readonly leftOut: string; readonly content: string };

/** Of a day that is counted from nothing: 1, or the one after the last that there ever was. */
export const firstRevision = (database: SqliteDatabase, day: number): number =>
  database.prepare('SELECT coalesce(max(revision), 0) + 1 FROM revisions WHERE day = ?').pluck().get(day) as number;

/** To be called in the transaction that closes the day, after its rows are written. */
export function noteClosed(database: SqliteDatabase, day: number, nowMs: number): void {
  const [now] = database
    .prepare(
      `SELECT revision, packets, changed_ms AS changedMs, geo,
         (SELECT json_group_array(sensor) FROM (SELECT sensor FROM excluded WHERE day = days.day ORDER BY sensor)) AS leftOut,
         (SELECT coalesce(sum(batches), 0) FROM accounts WHERE day = days.day AND misdated = 0) AS batches,
         (SELECT coalesce(sum(records), 0) FROM accounts WHERE day = days.day AND misdated = 0) AS records
       FROM days WHERE day = ?`,
    )
    .all(day) as [Omit<Kept, 'content'> & { readonly changedMs: number; readonly geo: string }];
  const { revision, packets, batches, records, leftOut, changedMs, geo } = now;
  const content = contentOf(database, day, [packets, batches, records, leftOut, changedMs, geo]);
  const last = database.prepare(`${SELECT} WHERE day = ? ORDER BY revision DESC LIMIT 1`).get(day) as Kept | undefined;
  if (last?.content === content) {
    database.prepare('UPDATE days SET revision = ? WHERE day = ?').run(last.revision, day);
    return;
  }
  database
    .prepare('INSERT OR REPLACE INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
    .run(day, revision, nowMs, packets, batches, records, leftOut, content);
}

/** Tables that came later and say nothing that the same batches would not say again. */
const LATER = (['portKinds', 'countryKinds', 'countryAsns'] as const).map(name => ROW_TABLES.indexOf(name));

/**
 * Of all that is told of the day: its rows, and from when they are. Tables that came later are left out, so that a day counted again
 * for their sake is the revision that it was.
 */
function contentOf(database: SqliteDatabase, day: number, facts: readonly unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(facts));
  const rows = database
    .prepare(
      `SELECT name, sensor, part, bytes FROM rows WHERE day = ? AND name NOT IN (${LATER.join()}) ORDER BY name, sensor, part`,
    )
    .iterate(day) as Iterable<{
    name: number;
    sensor: number;
    part: number;
    bytes: Uint8Array;
  }>;
  for (const { name, sensor, part, bytes } of rows)
    hash.update(`${name} ${sensor} ${part} ${bytes.length} `).update(bytes);
  return hash.digest('hex');
}

/** Closed revisions of a range of days, ascending. */
export function readRevisions(database: SqliteDatabase, { from, to }: DayRange): Revision[] {
  const rows = database.prepare(`${SELECT} WHERE day BETWEEN ? AND ? ORDER BY day, revision`).all(from, to) as Kept[];
  return rows.map(({ content: _, leftOut, ...row }) => ({ ...row, leftOut: JSON.parse(leftOut) }));
}
