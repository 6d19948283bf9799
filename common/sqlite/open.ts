/**
 * Opens a SQLite database as all of ours are: write-ahead log, every commit on the disk before it returns, strict about what
 * it is given.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';

export type SqliteDatabase = Database.Database;

/** Before this, a WAL database could be damaged when a write met a checkpoint (sqlite.org/wal.html, the WAL-reset bug). */
const versionMin = [3, 51, 3];
/** For how long a statement waits while another process writes. */
const busyMsMax = 5000;

export interface OpenOptions {
  /** SQL of each version of the schema after the one before it; `user_version` counts those that are in. */
  readonly migrations: readonly string[];
  readonly readonly?: boolean;
  /** Reads the whole file before use (PRAGMA quick_check). */
  readonly check?: boolean;
  /** The same, and holds each index against its table (PRAGMA integrity_check): of many rows that takes long. */
  readonly checkIndexes?: boolean;
}

/** The file is no sound database, or one of a newer program. */
export class BadDatabase extends Error {
  override readonly name = 'BadDatabase';
}

/** Throws `BadDatabase`, or SQLite's own error if the file cannot be opened at all. */
export function openDatabase(
  file: string,
  { migrations, readonly = false, check = false, checkIndexes = false }: OpenOptions,
): SqliteDatabase {
  if (!readonly) createPrivate(file);
  const database = new Database(file, { readonly, fileMustExist: readonly, timeout: busyMsMax });
  try {
    assertVersion(database);
    database.pragma('trusted_schema = OFF');
    if (!readonly) {
      database.pragma('journal_mode = WAL');
      // A WAL database otherwise runs at NORMAL, and may take back an acknowledged commit when the power fails.
      database.pragma('synchronous = FULL');
    }
    database.pragma('foreign_keys = ON');
    const pragma = checkIndexes ? 'integrity_check(1)' : check ? 'quick_check(1)' : undefined;
    if (pragma !== undefined && database.pragma(pragma, { simple: true }) !== 'ok')
      throw new BadDatabase(`${file} is damaged`);
    database.prepare('SELECT count(*) FROM sqlite_schema').get(); // a header or a schema that cannot be read is damage
  } catch (error) {
    database.close();
    throw damageNamed(error, file);
  }
  try {
    migrate(database, file, migrations, readonly);
    return database;
  } catch (error) {
    database.close();
    // An error of the migration itself is ours, and not the file's.
    throw (error as { code?: string }).code === 'SQLITE_ERROR' ? error : damageNamed(error, file);
  }
}

/** Nobody else's to read, whatever the umask: SQLite gives what it puts beside the file the mode of the file. */
export function createPrivate(file: string): void {
  // Where there is no directory, SQLite says so.
  if (file === ':memory:' || fs.existsSync(file) || !fs.existsSync(path.dirname(file))) return;
  fs.closeSync(fs.openSync(file, 'a', 0o600));
}

/**
 * What SQLite threw as `BadDatabase` if it tells of damage: its own error does not name the file. For statements that are
 * right, of which a plain SQLITE_ERROR tells that the header or the schema is not what it was. Any other error as it is.
 */
export function damageNamed(error: unknown, file: string): unknown {
  const { code, message } = error as { code?: string; message: string };
  const damaged = code === 'SQLITE_ERROR' || code === 'SQLITE_NOTADB' || code?.startsWith('SQLITE_CORRUPT');
  return damaged ? new BadDatabase(`${file} is damaged: ${message}`) : error;
}

function migrate(database: SqliteDatabase, file: string, migrations: readonly string[], readonly: boolean): void {
  const version = () => database.pragma('user_version', { simple: true }) as number;
  if (version() > migrations.length) throw new BadDatabase(`${file} was written by a newer version of this program`);
  if (version() === migrations.length) return;
  const isNew = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (version() < 0 || (version() === 0 && !isNew))
    throw new BadDatabase(`${file} is damaged, or of another program: it has tables and no version`);
  if (readonly)
    throw new BadDatabase(`${file} was written by an older version: let the program that writes it start once`);
  database
    .transaction(() => {
      for (const sql of migrations.slice(version())) database.exec(sql);
      database.pragma(`user_version = ${migrations.length}`);
    })
    .immediate();
}

/**
 * Throws `BadDatabase` if the tables are not those that the migrations make: a letter of a name may have become another, which
 * SQLite's check cannot know.
 */
export function checkSchema(database: SqliteDatabase, file: string, migrations: readonly string[]): void {
  const schemaOf = (one: SqliteDatabase) =>
    JSON.stringify(one.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name').all());
  const made = new Database(':memory:');
  try {
    for (const sql of migrations) made.exec(sql);
    if (schemaOf(database) !== schemaOf(made)) throw new BadDatabase(`${file} is damaged: its tables are not its own`);
  } finally {
    made.close();
  }
}

function assertVersion(database: SqliteDatabase): void {
  const text = database.prepare('SELECT sqlite_version()').pluck().get() as string;
  const parts = text.split('.').map(Number);
  const difference = versionMin.map((part, n) => parts[n]! - part).find(part => part !== 0) ?? 0;
  assert(difference >= 0, `SQLite ${text} is older than ${versionMin.join('.')}`);
}
