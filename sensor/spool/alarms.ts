/** What somebody should look at, kept in the state database until it is over. */
import type { SqliteDatabase } from '../../common/sqlite/open.ts';

export type AlarmName = 'clock' | 'collector' | 'conflict' | 'disk' | 'quarantine' | 'spool';

/** Letters of an alarm: part of it may come from somebody else's answer. */
const alarmLengthMax = 300;

export class Alarms {
  readonly #database: SqliteDatabase;
  readonly #now: () => number;

  constructor(database: SqliteDatabase, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  /** Without `forMs` it stays until it is cleared. */
  raise(name: AlarmName, text: string, forMs?: number): void {
    const nowMs = this.#now();
    this.#database
      .prepare(
        `INSERT INTO alarm VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET text = excluded.text, until_ms = excluded.until_ms`,
      )
      .run(name, text.slice(0, alarmLengthMax), nowMs, forMs === undefined ? null : nowMs + forMs);
  }

  clear(name: AlarmName): void {
    this.#database.prepare('DELETE FROM alarm WHERE name = ?').run(name);
  }

  has(name: AlarmName): boolean {
    return this.#database.prepare('SELECT 1 FROM alarm WHERE name = ?').get(name) !== undefined;
  }
}
