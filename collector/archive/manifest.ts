/**
 * Which parts the archive has, and what of the log is in it: what is not in here is not there.
 *
 *   parts    one row a part: whose files are whole, synced and read back before it is added
 *   days     a day's batches up to this position of the log are in its parts
 *   damaged  batches that were damaged in the log, with what was left of them: they are in no part
 *   geo      the log's entries of geographies that were in files that are gone
 *   gone     one row: the log's files up to this position are gone, or may go; and which log that is
 *
 * Of a part whose records were kept long enough, the records' file is removed, and the part says when; its heads stay, so that
 * the keys of its batches and what they tell are known for ever.
 */
import fs from 'node:fs';
import path from 'node:path';
import { damageNamed, openDatabase, type SqliteDatabase } from '../../common/sqlite/open.ts';
import type { GeoEntry } from '../log/entry.ts';
import { headsFile, MANIFEST, recordsFile } from './layout.ts';

const MIGRATIONS = [
  `CREATE TABLE parts (
     part INTEGER PRIMARY KEY,
     day INTEGER NOT NULL,
     first INTEGER NOT NULL CHECK (first > 0),
     last INTEGER NOT NULL CHECK (last >= first),
     batches INTEGER NOT NULL,
     records INTEGER NOT NULL,
     bytes INTEGER NOT NULL,
     records_sha256 TEXT NOT NULL,
     heads_sha256 TEXT NOT NULL,
     geo TEXT NOT NULL,
     made_ms INTEGER NOT NULL,
     expired_ms INTEGER
   ) STRICT;
   CREATE INDEX parts_by_day ON parts (day, first);
   CREATE INDEX parts_by_last ON parts (last);
   CREATE TABLE days (
     day INTEGER PRIMARY KEY,
     reached INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE damaged (
     position INTEGER PRIMARY KEY,
     day INTEGER NOT NULL,
     message TEXT NOT NULL,
     bytes BLOB
   ) STRICT;
   CREATE TABLE geo (
     position INTEGER PRIMARY KEY,
     entry TEXT NOT NULL
   ) STRICT;
   CREATE TABLE gone (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     position INTEGER NOT NULL,
     log TEXT NOT NULL
   ) STRICT;
   INSERT INTO gone VALUES (1, 0, '');`,
];

export interface Part {
  /** From 1; given again only where parts were forgotten with the log that they were of (`takeLog`). */
  readonly part: number;
  /** Days since 1970. */
  readonly day: number;
  /** Positions in the log of its first and last batch. */
  readonly first: number;
  readonly last: number;
  readonly batches: number;
  readonly records: number;
  /** Of both files. */
  readonly bytes: number;
  /** Of the files, in hexadecimal. */
  readonly recordsSha256: string;
  readonly headsSha256: string;
  /** SHA-256 of the geography that its countries are by. */
  readonly geo: string;
  readonly madeMs: number;
  /** When its records were removed; null while they are there. */
  readonly expiredMs: number | null;
}

export interface DamagedRow {
  readonly position: number;
  readonly day: number;
  readonly message: string;
  /** What was left of it. */
  readonly bytes: Uint8Array | null;
}

const PART_COLUMNS = `part, day, first, last, batches, records, bytes, records_sha256 AS recordsSha256,
  heads_sha256 AS headsSha256, geo, made_ms AS madeMs, expired_ms AS expiredMs`;

export class Manifest {
  readonly #database: SqliteDatabase;
  readonly #file: string;

  private constructor(database: SqliteDatabase, file: string) {
    this.#database = database;
    this.#file = file;
  }

  /** `dir` is the archive's. Throws `BadDatabase`. */
  static open(dir: string, { readonly = false } = {}): Manifest {
    const file = path.join(dir, MANIFEST);
    return new Manifest(openDatabase(file, { migrations: MIGRATIONS, readonly, check: !readonly }), file);
  }

  static isThere = (dir: string): boolean => fs.existsSync(path.join(dir, MANIFEST));

  /** By day, then position. */
  parts = (day?: number): Part[] =>
    this.#reading(
      () =>
        this.#database
          .prepare(`SELECT ${PART_COLUMNS} FROM parts WHERE day = coalesce(?, day) ORDER BY day, first`)
          .all(day ?? null) as Part[],
    );

  /** Parts that have, or lie around, positions from one to another, by their first. */
  partsWithin = (from: number, upTo: number): Part[] =>
    this.#reading(
      () =>
        this.#database
          .prepare(`SELECT ${PART_COLUMNS} FROM parts WHERE last >= ? AND first <= ? ORDER BY first`)
          .all(from, upTo) as Part[],
    );

  /** The number for the next part. */
  nextPart = (): number =>
    this.#database.prepare('SELECT coalesce(max(part), 0) + 1 FROM parts').pluck().get() as number;

  /** Batches of the day up to this position of the log are in the archive; 0 of a day of which it has nothing. */
  reached = (day: number): number =>
    (this.#database.prepare('SELECT reached FROM days WHERE day = ?').pluck().get(day) as number | undefined) ?? 0;

  /** A part whose files are on the disk, the batches of the day that could not be in it, and up to where that is all. */
  add(day: number, part: Part | undefined, damaged: readonly DamagedRow[], reached: number): void {
    this.#database
      .transaction(() => {
        if (part !== undefined)
          this.#database
            .prepare(
              `INSERT INTO parts VALUES (@part, @day, @first, @last, @batches, @records, @bytes, @recordsSha256,
                 @headsSha256, @geo, @madeMs, @expiredMs)`,
            )
            .run(part);
        for (const row of damaged)
          this.#database.prepare('INSERT OR IGNORE INTO damaged VALUES (@position, @day, @message, @bytes)').run(row);
        this.#database.prepare('INSERT OR REPLACE INTO days VALUES (?, ?)').run(day, reached);
      })
      .immediate();
  }

  damaged = (from: number, upTo: number, day?: number): DamagedRow[] =>
    this.#reading(
      () =>
        this.#database
          .prepare('SELECT * FROM damaged WHERE position BETWEEN ? AND ? AND day = coalesce(?, day) ORDER BY position')
          .all(from, upTo, day ?? null) as DamagedRow[],
    );

  /** The log's files up to here are gone, or may go. */
  gone = (): number => this.#reading(() => this.#database.prepare('SELECT position FROM gone').pluck().get() as number);

  /** Its name when it was last archived from; empty before. */
  log = (): string => this.#database.prepare('SELECT log FROM gone').pluck().get() as string;

  /**
   * It has another name now. `isOther`: entries behind those that are gone were lost, and others have their positions; what was
   * archived of files that are there is forgotten, and archived again.
   */
  takeLog(log: string, isOther: boolean): void {
    const gone = this.gone();
    this.#database
      .transaction(() => {
        if (isOther) {
          this.#database.prepare('DELETE FROM parts WHERE last > ?').run(gone);
          this.#database.prepare('DELETE FROM damaged WHERE position > ?').run(gone);
          this.#database.prepare('UPDATE days SET reached = min(reached, ?)').run(gone);
        }
        this.#database.prepare('UPDATE gone SET log = ?').run(log);
      })
      .immediate();
  }

  /** Before the file is removed that ends at this position; with the geographies it names. */
  noteGone(position: number, geo: readonly GeoEntry[]): void {
    this.#database
      .transaction(() => {
        const insert = this.#database.prepare('INSERT OR IGNORE INTO geo VALUES (?, ?)');
        for (const entry of geo) insert.run(entry.position, JSON.stringify(entry));
        this.#database.prepare('UPDATE gone SET position = max(position, ?)').run(position);
      })
      .immediate();
  }

  geo = (): GeoEntry[] =>
    this.#reading(() =>
      (this.#database.prepare('SELECT entry FROM geo ORDER BY position').pluck().all() as string[]).map(entry =>
        JSON.parse(entry),
      ),
    );

  /** Before the file of its records is removed. */
  expire({ part }: Part, nowMs: number): void {
    this.#database.prepare('UPDATE parts SET expired_ms = ? WHERE part = ?').run(nowMs, part);
  }

  /** Days of which records were removed, ascending. */
  expiredDays = (): number[] =>
    this.#reading(
      () =>
        this.#database
          .prepare('SELECT DISTINCT day FROM parts WHERE expired_ms IS NOT NULL ORDER BY day')
          .pluck()
          .all() as number[],
    );

  close(): void {
    this.#database.close();
  }

  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw damageNamed(error, this.#file);
    }
  }
}

/** Of a part, within the archive's directory. */
export const filesOf = ({ day, part, expiredMs }: Part): string[] =>
  expiredMs === null ? [recordsFile(day, part), headsFile(day, part)] : [headsFile(day, part)];

/** All that the archive is, within its directory: the manifest, then what it names. */
export function archivedFiles(dir: string): string[] {
  if (!Manifest.isThere(dir)) return [];
  const manifest = Manifest.open(dir, { readonly: true });
  try {
    return [MANIFEST, ...manifest.parts().flatMap(filesOf)];
  } finally {
    manifest.close();
  }
}
