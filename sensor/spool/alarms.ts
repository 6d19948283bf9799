/**
 * What somebody should look at, kept in the state database until it is over. A full disk takes none, and that is no failure: what
 * goes on is said again, and that the disk is full others notice.
 */
import { isFull } from '../../common/sqlite/full.ts';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';

export type AlarmName =
  | 'clock'
  | 'collector'
  | 'configuration'
  | 'conflict'
  | 'disk'
  | 'drops'
  | 'interface'
  | 'quarantine'
  | 'silence'
  | 'spool'
  | 'tripwire';

/** Letters of an alarm: part of it may come from somebody else's answer. */
const alarmLengthMax = 300;

export class Alarms {
  readonly #database: SqliteDatabase;
  readonly #now: () => number;

  constructor(database: SqliteDatabase, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  /** Without `forMs` it stays until it is cleared. Returns whether there was room for it. */
  raise(name: AlarmName, text: string, forMs?: number): boolean {
    const nowMs = this.#now();
    return this.#run(
      `INSERT INTO alarm VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET text = excluded.text, until_ms = excluded.until_ms`,
      name,
      text.slice(0, alarmLengthMax),
      nowMs,
      forMs === undefined ? null : nowMs + forMs,
    );
  }

  clear(name: AlarmName): void {
    this.#run('DELETE FROM alarm WHERE name = ?', name);
  }

  has(name: AlarmName): boolean {
    return this.#database.prepare('SELECT 1 FROM alarm WHERE name = ?').get(name) !== undefined;
  }

  /** A transaction that it is part of must hear of a full disk: SQLite may have rolled it back. */
  #run(sql: string, ...values: unknown[]): boolean {
    const isPart = this.#database.inTransaction;
    try {
      this.#database.prepare(sql).run(...values);
      return true;
    } catch (error) {
      if (isPart || !isFull(error)) throw error;
      return false;
    }
  }
}
