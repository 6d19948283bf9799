/**
 * Sizes and SHA-256 of files that a day has, by revision: files are made when they are asked for, and a closed day's stay the
 * same, so that what they are is found once. In files.db of the data directory, which may be removed at any time.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { BadDatabase, openDatabase, type SqliteDatabase } from '../../../common/sqlite/open.ts';
import type { DayRange } from '../../store/query.ts';

const MIGRATIONS = [
  `CREATE TABLE digests (
     day INTEGER NOT NULL,
     scope TEXT NOT NULL,
     name TEXT NOT NULL,
     made TEXT NOT NULL,
     size INTEGER NOT NULL,
     sha256 TEXT NOT NULL,
     PRIMARY KEY (scope, day, name)
   ) STRICT, WITHOUT ROWID;`,
];

/** Files remembered: those of the oldest days are forgotten first. Some 100 bytes each. */
const filesMax = 1_000_000;
const checkEvery = 10_000;

export interface FileFacts {
  /** Bytes, without Content-Encoding. */
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** A file of a day: `scope` says for whom it is made, and `made` of what: the day's revision, and what else its bytes have in them. */
export interface FileKey {
  /** Days since 1970. */
  readonly day: number;
  readonly scope: string;
  readonly name: string;
  readonly made: string;
}

export interface KeptFacts extends FileFacts {
  readonly made: string;
}

export class Digests {
  readonly #database: SqliteDatabase;
  #kept = 0;

  private constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  /** Kept for as long as it is open, without a file. One that is found to be damaged is made anew; all of it is looked at if `check`. */
  static open(file = ':memory:', { check = true }: { readonly check?: boolean } = {}): Digests {
    try {
      return Digests.#opened(file, check);
    } catch (error) {
      if (!(error instanceof BadDatabase)) throw error;
      for (const end of ['', '-wal', '-shm']) fs.rmSync(file + end, { force: true });
      return Digests.#opened(file, true);
    }
  }

  static #opened(file: string, check: boolean): Digests {
    const database = openDatabase(file, { migrations: MIGRATIONS, check });
    database.pragma('synchronous = NORMAL'); // what a power failure takes back is measured again
    return new Digests(database);
  }

  get({ day, scope, name, made }: FileKey): FileFacts | undefined {
    return this.#database
      .prepare('SELECT size, sha256 FROM digests WHERE scope = ? AND day = ? AND name = ? AND made = ?')
      .get(scope, day, name, made) as FileFacts | undefined;
  }

  /** By day, then by name; of whatever they were made. */
  ofDays(scope: string, { from, to }: DayRange): Map<number, Map<string, KeptFacts>> {
    const rows = this.#database
      .prepare('SELECT day, name, made, size, sha256 FROM digests WHERE scope = ? AND day BETWEEN ? AND ?')
      .all(scope, from, to) as (KeptFacts & { day: number; name: string })[];
    const days = new Map<number, Map<string, KeptFacts>>();
    for (const { day, name, ...facts } of rows) {
      const names = days.get(day);
      if (names === undefined) days.set(day, new Map([[name, facts]]));
      else names.set(name, facts);
    }
    return days;
  }

  /** What cannot be kept (the disk is full, say) is found again another time: no file fails for it. */
  keep(key: FileKey, facts: FileFacts): void {
    try {
      this.#put(key, facts);
      if (++this.#kept % checkEvery === 0) this.#forget();
    } catch (error) {
      if (!(error instanceof Database.SqliteError)) throw error;
    }
  }

  #put({ day, scope, name, made }: FileKey, { size, sha256 }: FileFacts): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?)')
      .run(day, scope, name, made, size, sha256);
  }

  #forget(): void {
    const count = this.#database.prepare('SELECT count(*) FROM digests').pluck().get() as number;
    if (count > filesMax)
      this.#database
        .prepare('DELETE FROM digests WHERE day <= (SELECT day FROM digests ORDER BY day LIMIT 1 OFFSET ?)')
        .run(count - filesMax);
  }

  close(): void {
    this.#database.close();
  }
}

export function factsOf(text: string): FileFacts {
  const bytes = Buffer.from(text);
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** The same pieces; once they were all taken, what they were together is told. One that was broken off tells nothing. */
export async function* measured(
  pieces: AsyncIterable<string>,
  tell: (facts: FileFacts) => void,
): AsyncGenerator<string> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of pieces) {
    hash.update(piece);
    size += Buffer.byteLength(piece);
    yield piece;
  }
  tell({ size, sha256: hash.digest('hex') });
}
