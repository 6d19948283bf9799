/** The book of what is pushed where (schema.ts). Any number of processes may have it open; one at a time delivers (round.ts). */
import { createHash, randomUUID } from 'node:crypto';
import { openDatabase, type SqliteDatabase } from '../../common/sqlite/open.ts';
import { MIGRATIONS } from './schema.ts';
import { checkTarget, type NewTarget, PushError, type Target } from './targets.ts';

export const STATES = ['waiting', 'sending', 'delivered', 'empty', 'superseded', 'withdrawn', 'given-up'] as const;
export type State = (typeof STATES)[number];

/** What a file is of. */
export interface FileOf {
  /** Days since 1970. */
  readonly day: number;
  /** Two letters; `ZZ`: of the member's networks. */
  readonly country: string;
  readonly format: string;
  readonly revision: number;
}

export interface Delivery extends FileOf {
  readonly id: number;
  /** Id of the target. */
  readonly target: number;
  readonly state: State;
  readonly tries: number;
  /** How often it was cut short by the end of the process. */
  readonly interrupted: number;
  /** How often it was sent and no answer told that it was not taken. */
  readonly unheard: number;
  readonly queuedMs: number;
  readonly nextMs: number;
  readonly lastMs: number | null;
  readonly bytes: number | null;
  /** Hexadecimal. */
  readonly sha256: string | null;
  readonly why: string | null;
}

/** Files that are still to be delivered, of all targets. */
export interface Waiting {
  readonly files: number;
  /** Since when the oldest of them is to be: milliseconds since 1970; null if there is none. */
  readonly sinceMs: number | null;
}

export interface LogEntry extends Delivery {
  readonly targetName: string;
  /** Before this nothing goes to the target; 0 if it may at any time. */
  readonly targetNextMs: number;
  readonly member: string;
}

export interface LogQuery {
  readonly target?: string;
  /** Only of these states. */
  readonly states?: readonly State[];
  readonly max: number;
}

interface TargetRow extends Omit<Target, 'formats' | 'empty'> {
  readonly formats: string;
  readonly empty: number;
}

const TARGET = `SELECT id, uuid, name, member, kind, address, formats, shape, empty, ca, from_day AS fromDay,
  created_ms AS createdMs, failures, next_ms AS nextMs FROM targets`;
const DELIVERY = `d.id, d.target, d.day, d.country, d.format, d.revision, d.state, d.tries, d.interrupted, d.unheard,
  d.queued_ms AS queuedMs, d.next_ms AS nextMs, d.last_ms AS lastMs, d.bytes, d.sha256, d.why`;

const wholeTarget = ({ formats, empty, ...row }: TargetRow): Target => ({
  ...row,
  formats: JSON.parse(formats),
  empty: empty === 1,
});

/**
 * Names a file for a target, whatever becomes of the attempt: who gets the same twice, after an interruption, can tell. The digest of
 * its bytes is in it, for a collector that lost what it knew (a restored backup) may give a revision's number again.
 */
export const deliveryKey = (
  { uuid }: Pick<Target, 'uuid'>,
  { day, country, format, revision }: FileOf,
  sha256: string,
): string =>
  `enaga-${createHash('sha256')
    .update(JSON.stringify([uuid, day, country, format, revision, sha256]))
    .digest('hex')
    .slice(0, 32)}`;

/** Whatever its revision. */
export const fileName = ({ day, country, format }: Omit<FileOf, 'revision'>): string => `${day} ${country} ${format}`;

export class Book {
  readonly #database: SqliteDatabase;

  private constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  /** Makes the file if there is none. Throws `BadDatabase`. */
  static open(file: string): Book {
    return new Book(openDatabase(file, { migrations: MIGRATIONS }));
  }

  /** `secret` signs what goes to a URL. Throws `PushError`. */
  add(target: NewTarget, secret: string | null, nowMs: number): Target {
    checkTarget(target);
    return this.#change(() => {
      if (this.find(target.name) !== undefined) throw new PushError(`there is a target ${target.name} already`);
      const { name, member, kind, address, formats, shape, empty, ca, fromDay } = target;
      this.#run(
        `INSERT INTO targets (uuid, name, member, kind, address, formats, shape, empty, secret, ca, from_day, created_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[randomUUID(), name, member, kind, address, JSON.stringify(formats), shape, Number(empty), secret, ca],
        ...[fromDay, nowMs],
      );
      return this.find(name)!;
    });
  }

  /** What waits for it is withdrawn; its secret is forgotten. Throws `PushError`. */
  remove(name: string, nowMs: number): Target {
    return this.#change(() => {
      const target = this.existing(name);
      this.#run('UPDATE targets SET removed_ms = ?, secret = NULL WHERE id = ?', nowMs, target.id);
      this.#run(
        `UPDATE deliveries SET state = 'withdrawn', why = 'the target was removed', last_ms = ?
         WHERE target = ? AND state IN ('waiting', 'sending')`,
        nowMs,
        target.id,
      );
      return target;
    });
  }

  /** By name. */
  targets(): Target[] {
    const rows = this.#database.prepare(`${TARGET} WHERE removed_ms IS NULL ORDER BY name`).all() as TargetRow[];
    return rows.map(wholeTarget);
  }

  find(name: string): Target | undefined {
    const row = this.#get(`${TARGET} WHERE removed_ms IS NULL AND name = ?`, name) as TargetRow | undefined;
    return row === undefined ? undefined : wholeTarget(row);
  }

  /** Throws `PushError`. */
  existing(name: string): Target {
    const target = this.find(name);
    if (target === undefined) throw new PushError(`there is no target ${name}: enaga push list shows all`);
    return target;
  }

  secretOf = ({ id }: Target): string | null =>
    this.#database.prepare('SELECT secret FROM targets WHERE id = ?').pluck().get(id) as string | null;

  /**
   * Takes files to be delivered into the book, those that are in it already left as they are; of those that were never sent,
   * older revisions give way, and one that gave way is to go after all if it is the day's last again. Returns how many are new.
   */
  queue(target: Target, files: readonly FileOf[], nowMs: number): number {
    return this.#change(() => {
      let added = 0;
      for (const { day, country, format, revision } of files) {
        const key = [target.id, day, country, format];
        added += this.#run(
          `INSERT INTO deliveries (target, day, country, format, revision, state, queued_ms, next_ms)
           SELECT ?, ?, ?, ?, ?, 'waiting', ?, 0 WHERE NOT EXISTS (
             SELECT 1 FROM deliveries WHERE target = ? AND day = ? AND country = ? AND format = ? AND revision >= ?)`,
          ...[...key, revision, nowMs, ...key, revision],
        );
        added += this.#run(
          `UPDATE deliveries SET state = 'waiting', queued_ms = ?, next_ms = 0, why = NULL
           WHERE target = ? AND day = ? AND country = ? AND format = ? AND revision = ? AND state = 'superseded' AND NOT EXISTS (
             SELECT 1 FROM deliveries WHERE target = ? AND day = ? AND country = ? AND format = ? AND revision > ?)`,
          ...[nowMs, ...key, revision, ...key, revision],
        );
        this.#run(
          `UPDATE deliveries SET state = 'superseded', last_ms = ?
           WHERE target = ? AND day = ? AND country = ? AND format = ? AND revision < ? AND state = 'waiting'`,
          ...[nowMs, ...key, revision],
        );
      }
      return added;
    });
  }

  /** What waits for a target, the oldest day first; what is to wait longer only where `all` is asked for. */
  waiting(target: Target, nowMs: number, all = false): Delivery[] {
    return this.#database
      .prepare(
        `SELECT ${DELIVERY} FROM deliveries d WHERE target = ? AND state = 'waiting' AND next_ms <= ?
         ORDER BY day, country, format`,
      )
      .all(target.id, all ? Number.MAX_SAFE_INTEGER : nowMs) as Delivery[];
  }

  /** Whether anything is to be tried now. */
  isDue = (nowMs: number): boolean =>
    this.#get(
      `SELECT 1 FROM deliveries d JOIN targets t ON t.id = d.target
       WHERE t.removed_ms IS NULL AND t.next_ms <= ? AND
         (d.state = 'sending' OR (d.state = 'waiting' AND d.next_ms <= ?)) LIMIT 1`,
      nowMs,
      nowMs,
    ) !== undefined;

  outstanding = (): Waiting =>
    this.#get(
      `SELECT count(*) AS files, min(d.queued_ms) AS sinceMs FROM deliveries d JOIN targets t ON t.id = d.target
       WHERE t.removed_ms IS NULL AND d.state IN ('waiting', 'sending')`,
    ) as Waiting;

  /** The last revision of each file that a target has or is not to have, by `fileName`; what gave way may go after all. */
  done(target: Target): Map<string, number> {
    const rows = this.#database
      .prepare(
        `SELECT day, country, format, max(revision) AS revision FROM deliveries
         WHERE target = ? AND state NOT IN ('waiting', 'superseded') GROUP BY day, country, format`,
      )
      .all(target.id) as FileOf[];
    return new Map(rows.map(row => [fileName(row), row.revision]));
  }

  /** By the one that delivers, before it begins: what was being sent when the one before it ended. */
  recover = (): number =>
    this.#run(
      `UPDATE deliveries SET state = 'waiting', interrupted = interrupted + 1, next_ms = 0,
         why = 'interrupted: it may have arrived' WHERE state = 'sending'`,
    );

  /** Those that were given up wait again. */
  revive = (target: Target): number =>
    this.#run(
      "UPDATE deliveries SET state = 'waiting', next_ms = 0 WHERE target = ? AND state = 'given-up'",
      target.id,
    );

  /** Whether an earlier revision of it is at the target, or may be. */
  hasEarlier = ({ target, day, country, format, revision }: Delivery): boolean =>
    this.#get(
      `SELECT 1 FROM deliveries WHERE target = ? AND day = ? AND country = ? AND format = ? AND revision < ?
       AND (state = 'delivered' OR interrupted > 0 OR unheard > 0) LIMIT 1`,
      ...[target, day, country, format, revision],
    ) !== undefined;

  /** To be called before anything leaves. */
  begin = ({ id }: Delivery, nowMs: number): void =>
    void this.#run("UPDATE deliveries SET state = 'sending', tries = tries + 1, last_ms = ? WHERE id = ?", nowMs, id);

  /** It is done with; what was told of the attempt before is forgotten, unless there is more to say. */
  settle(
    { id }: Delivery,
    state: Exclude<State, 'waiting' | 'sending'>,
    nowMs: number,
    { bytes, sha256, why }: { readonly bytes?: number; readonly sha256?: string; readonly why?: string } = {},
  ): void {
    this.#run(
      'UPDATE deliveries SET state = ?, last_ms = ?, bytes = ?, sha256 = ?, why = ? WHERE id = ?',
      ...[state, nowMs, bytes ?? null, sha256 ?? null, why ?? null, id],
    );
  }

  /** It may have arrived. */
  noteUnheard = ({ id }: Delivery): void =>
    void this.#run('UPDATE deliveries SET unheard = unheard + 1 WHERE id = ?', id);

  /** It is tried again, not before. */
  postpone = ({ id }: Delivery, nextMs: number, why: string): void =>
    void this.#run("UPDATE deliveries SET state = 'waiting', next_ms = ?, why = ? WHERE id = ?", nextMs, why, id);

  /** The target answers, or it does not: then nothing goes there for a while. */
  noteTarget = ({ id }: Target, failures: number, nextMs: number): void =>
    void this.#run('UPDATE targets SET failures = ?, next_ms = ? WHERE id = ?', failures, nextMs, id);

  /** The last day on whose morning days were looked through; -1 before the first. */
  queuedDay = (): number =>
    (this.#database.prepare("SELECT value FROM state WHERE name = 'queued'").pluck().get() as number | undefined) ?? -1;

  noteQueued = (day: number): void => void this.#run("INSERT OR REPLACE INTO state VALUES ('queued', ?)", day);

  /** Forgets deliveries of days before this one: targets have none of them any more (plan.ts). */
  forget = (day: number): number =>
    this.#run("DELETE FROM deliveries WHERE day < ? AND state NOT IN ('waiting', 'sending')", day);

  /** The last tried first, then what was not tried yet. */
  log({ target, states = STATES, max }: LogQuery): LogEntry[] {
    return this.#database
      .prepare(
        `SELECT ${DELIVERY}, t.name AS targetName, t.member, t.next_ms AS targetNextMs FROM deliveries d JOIN targets t ON t.id = d.target
         WHERE (? IS NULL OR t.name = ?) AND d.state IN (SELECT value FROM json_each(?))
         ORDER BY d.last_ms IS NULL, d.last_ms DESC, d.id DESC LIMIT ?`,
      )
      .all(target ?? null, target ?? null, JSON.stringify(states), max) as LogEntry[];
  }

  close(): void {
    this.#database.close();
  }

  #change = <T>(change: () => T): T => this.#database.transaction(change).immediate();
  #get = (sql: string, ...values: unknown[]): unknown => this.#database.prepare(sql).get(...values);
  #run = (sql: string, ...values: unknown[]): number => this.#database.prepare(sql).run(...values).changes;
}
