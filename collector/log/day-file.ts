/**
 * One file of the log: what was received on one UTC day, as a SQLite database named after it (`2026-03-02.db`).
 *
 *   head     one row: the position of the file's first entry. A file's entries are `first`, `first + 1`, ... without gaps,
 *            and the next file goes on where it ends, so that files sorted by name are sorted by position.
 *   batches  one row a batch: its key, what the collector noted on receipt, and the batch's bytes as they travelled.
 *   geo      one row a change of the geography database.
 *
 * Rows are only ever added, by one writer. A group of batches goes into one file, that of the last one's receive time: those
 * received across midnight lie together in the later day's. When the clock steps back, the newest file is kept on with.
 *
 * SQLite does not notice a flipped bit in a value. So each row has a CRC-32: of position, sensor, epoch, sequence, receivedMs,
 * clockOffsetMs, historic (0 or 1), day and records as little-endian doubles, the SHA-256, then the bytes; for a geo entry of
 * `position`, sha256, name, built and files as they stand, joined by line feeds. It is looked at whenever a row is read.
 */
import fs from 'node:fs';
import { crc32 } from 'node:zlib';
import { BadDatabase, damageNamed, openDatabase, type SqliteDatabase } from '../../common/sqlite/open.ts';
import type { GeoEntry, LoggedBatch } from './entry.ts';

const MIGRATIONS = [
  `CREATE TABLE head (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     first INTEGER NOT NULL CHECK (first > 0)
   ) STRICT;
   CREATE TABLE batches (
     position INTEGER PRIMARY KEY,
     sensor INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     sequence INTEGER NOT NULL,
     sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
     received_ms INTEGER NOT NULL,
     clock_offset_ms INTEGER NOT NULL,
     historic INTEGER NOT NULL,
     day INTEGER NOT NULL,
     records INTEGER NOT NULL,
     checksum INTEGER NOT NULL,
     bytes BLOB NOT NULL
   ) STRICT;
   CREATE INDEX batches_by_day ON batches (day);
   CREATE TABLE geo (
     position INTEGER PRIMARY KEY,
     sha256 TEXT NOT NULL,
     name TEXT NOT NULL,
     built TEXT NOT NULL,
     files TEXT NOT NULL,
     checksum INTEGER NOT NULL
   ) STRICT;`,
];

/** Up to here a file is read through when it is opened for writing (a tenth of a second); a larger one row by row in use. */
const checkBytesMax = 64 * 2 ** 20;
/** Pages in the write-ahead log before they are moved to their places: 16 MiB, several groups of batches. */
const checkpointPages = 4096;
const walBytesMax = 64 * 2 ** 20;

/** Each is named: where a bit of the schema has flipped, a name may begin with a capital, which is the same to SQLite alone. */
const COLUMNS = `position AS position, sensor AS sensor, epoch AS epoch, sequence AS sequence, sha256 AS sha256,
  received_ms AS receivedMs, clock_offset_ms AS clockOffsetMs, historic AS historic, day AS day, records AS records,
  checksum AS checksum, bytes AS bytes`;

/** What became of one entry: those around it can be read. */
export class DamagedEntry extends BadDatabase {
  readonly position: number;

  constructor(path: string, position: number) {
    super(`${path} is damaged: the entry at position ${position} is not what was written`);
    this.position = position;
  }
}

export const lacking = (path: string, from: number, to: number) =>
  new BadDatabase(`${path} lacks entries: some of positions ${from} to ${to} are missing`);

export interface DayWithin {
  /** Days since 1970, of the records. */
  readonly day: number;
  /** Position of its last batch. */
  readonly last: number;
}

type BatchRow = Omit<LoggedBatch, 'historic'> & { readonly historic: 0 | 1; readonly checksum: number };
type GeoRow = Omit<GeoEntry, 'files'> & { readonly files: string; readonly checksum: number };

export class DayFile {
  readonly path: string;
  /** Position of its first entry, there already or not. */
  readonly first: number;
  readonly #database: SqliteDatabase;
  readonly #statements: ReturnType<typeof prepare>;

  private constructor(path: string, database: SqliteDatabase, first: number) {
    this.path = path;
    this.first = first;
    this.#database = database;
    this.#statements = prepare(database);
  }

  /** Made under another name, so that nobody ever opens one half made. */
  static create(path: string, first: number): void {
    const unfinished = `${path}.tmp`;
    const remove = () => {
      for (const name of [unfinished, `${unfinished}-wal`, `${unfinished}-shm`]) fs.rmSync(name, { force: true });
    };
    remove(); // of a process that was killed
    try {
      const database = openDatabase(unfinished, { migrations: MIGRATIONS });
      try {
        database.prepare('INSERT INTO head VALUES (1, ?)').run(first);
      } finally {
        database.close();
      }
      fs.renameSync(unfinished, path);
    } catch (error) {
      remove();
      throw error;
    }
  }

  /** `begins`: where the file is to begin if it has no entry yet. Throws `BadDatabase`. */
  static open(path: string, { readonly, begins }: { readonly readonly: boolean; readonly begins?: number }): DayFile {
    const check = !readonly && fs.statSync(path).size <= checkBytesMax;
    let database: SqliteDatabase | undefined;
    try {
      database = openDatabase(path, { migrations: MIGRATIONS, readonly, check });
      if (!readonly) {
        database.pragma(`wal_autocheckpoint = ${checkpointPages}`);
        database.pragma(`journal_size_limit = ${walBytesMax}`);
      }
      const first = database.prepare('SELECT first FROM head').pluck().get();
      if (typeof first !== 'number') throw new BadDatabase(`${path} is damaged: its head is missing`);
      if (begins !== undefined && first !== begins) beginAt(database, path, begins);
      return new DayFile(path, database, begins ?? first);
    } catch (error) {
      database?.close();
      throw damageNamed(error, path);
    }
  }

  /** `first - 1` while it is empty. */
  last(): number {
    return this.#reading(() => (this.#statements.last.get() as number | null) ?? this.first - 1);
  }

  /** All or none, durable on return. The caller gives positions that go on from `last`. */
  append(batches: readonly LoggedBatch[]): void {
    const { addBatch } = this.#statements;
    this.#database
      .transaction(() => {
        for (const batch of batches)
          addBatch.run({ ...batch, historic: batch.historic ? 1 : 0, checksum: batchChecksum(batch) });
      })
      .immediate();
  }

  appendGeo(entry: GeoEntry): void {
    const row = { ...entry, files: JSON.stringify(entry.files) };
    this.#statements.addGeo.run({ ...row, checksum: geoChecksum(row) });
  }

  /**
   * From `from` on, ascending; at least one if there is any, then while there is room and up to one that is damaged. Throws
   * `DamagedEntry` if the first is, and `BadDatabase`.
   */
  batches(from: number, max: { readonly batches: number; readonly bytes: number }): LoggedBatch[] {
    return this.#reading(() => {
      const found: LoggedBatch[] = [];
      let bytes = 0;
      for (const row of this.#statements.from.iterate(from, max.batches) as IterableIterator<BatchRow>) {
        const batch = checked(row);
        if (batch === undefined && found.length > 0) break;
        if (batch === undefined) throw this.#damage(from, row.position);
        bytes += batch.bytes.length;
        if (found.length > 0 && bytes > max.bytes) break;
        found.push(batch);
      }
      return found;
    });
  }

  /** The next batch of a day from `from` to `to`, both included. Throws `DamagedEntry`, and `BadDatabase`. */
  nextOfDay(day: number, from: number, to: number): LoggedBatch | undefined {
    return this.#reading(() => {
      const row = this.#statements.ofDay.get(day, from, to) as BatchRow | undefined;
      if (row === undefined) return undefined;
      const batch = checked(row);
      if (batch === undefined) throw new DamagedEntry(this.path, row.position);
      return batch;
    });
  }

  sha256At(position: number): Uint8Array | undefined {
    return this.#reading(() => {
      const found: unknown = this.#statements.sha256.get(position);
      return found instanceof Uint8Array ? found : undefined;
    });
  }

  /** Of the batch at this position, whatever they are: nothing is checked. */
  bytesAt(position: number): Uint8Array | undefined {
    return this.#reading(() => {
      const found: unknown = this.#statements.bytes.get(position);
      return found instanceof Uint8Array ? found : undefined;
    });
  }

  /** Days that it has batches of up to a position, with the last of each. */
  days(upTo: number): DayWithin[] {
    return this.#reading(() => this.#statements.days.all(upTo) as DayWithin[]);
  }

  /** Geo entries from `from` to `to`, both included, ascending. Throws `BadDatabase`. */
  geo(from = 0, to = Number.MAX_SAFE_INTEGER): GeoEntry[] {
    return this.#reading(() =>
      (this.#statements.geo.all(from, to) as GeoRow[]).map(row => {
        const { checksum, ...entry } = row;
        if (checksum !== geoChecksum(entry)) throw new DamagedEntry(this.path, entry.position);
        return { ...entry, files: JSON.parse(entry.files) };
      }),
    );
  }

  /** Nothing more is added: all of it is moved into the file itself, and the write-ahead log beside it is empty. */
  finish(): void {
    try {
      this.#database.pragma('wal_checkpoint(TRUNCATE)');
    } catch {
      // The disk is full, say. What is in the write-ahead log is as good there.
    }
    this.#database.close();
  }

  close(): void {
    this.#database.close();
  }

  /** Which entry it is, is certain only if all before it are there; else it could be any, and is not gone past. */
  #damage(from: number, position: number): BadDatabase {
    const next = Math.max(from, this.first);
    const before = this.#statements.geo.all(next, position - 1).length;
    return before === position - next ? new DamagedEntry(this.path, position) : lacking(this.path, next, position);
  }

  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw damageNamed(error, this.path);
    }
  }
}

/** Of a file without entries. */
function beginAt(database: SqliteDatabase, path: string, first: number): void {
  const entries = 'SELECT 1 FROM batches UNION ALL SELECT 1 FROM geo';
  if (database.prepare(`${entries} LIMIT 1`).get() !== undefined)
    throw new BadDatabase(`${path} is damaged: it does not begin where the file before it ends`);
  database.prepare('UPDATE head SET first = ?').run(first);
}

function prepare(database: SqliteDatabase) {
  return {
    last: database
      .prepare(
        'SELECT max(position) FROM (SELECT max(position) position FROM batches UNION ALL SELECT max(position) FROM geo)',
      )
      .pluck(),
    addBatch: database.prepare(
      `INSERT INTO batches VALUES (@position, @sensor, @epoch, @sequence, @sha256, @receivedMs, @clockOffsetMs, @historic,
         @day, @records, @checksum, @bytes)`,
    ),
    addGeo: database.prepare('INSERT INTO geo VALUES (@position, @sha256, @name, @built, @files, @checksum)'),
    from: database.prepare(`SELECT ${COLUMNS} FROM batches WHERE position >= ? ORDER BY position LIMIT ?`),
    ofDay: database.prepare(
      `SELECT ${COLUMNS} FROM batches WHERE day = ? AND position BETWEEN ? AND ? ORDER BY position LIMIT 1`,
    ),
    sha256: database.prepare('SELECT sha256 FROM batches WHERE position = ?').pluck(),
    bytes: database.prepare('SELECT bytes FROM batches WHERE position = ?').pluck(),
    days: database.prepare('SELECT day, max(position) AS last FROM batches WHERE position <= ? GROUP BY day'),
    geo: database.prepare('SELECT * FROM geo WHERE position BETWEEN ? AND ? ORDER BY position'),
  };
}

/** SQLite holds to a column's type only when it writes. */
const hasTypes = ({ sha256, bytes, historic: _, ...numbers }: LoggedBatch): boolean =>
  sha256 instanceof Uint8Array &&
  sha256.length === 32 &&
  bytes instanceof Uint8Array &&
  Object.values(numbers).every(Number.isSafeInteger);

/** Undefined if it is not what was written. */
function checked({ historic, checksum, ...rest }: BatchRow): LoggedBatch | undefined {
  const batch = { ...rest, historic: historic === 1 };
  return hasTypes(batch) && checksum === batchChecksum(batch) ? batch : undefined;
}

const checksumHead = new DataView(new ArrayBuffer(9 * 8 + 32));
const checksumHeadBytes = new Uint8Array(checksumHead.buffer);

function batchChecksum(batch: LoggedBatch): number {
  const { position, sensor, epoch, sequence, receivedMs, clockOffsetMs, historic, day, records } = batch;
  const numbers = [position, sensor, epoch, sequence, receivedMs, clockOffsetMs, historic ? 1 : 0, day, records];
  for (let i = 0; i < numbers.length; i++) checksumHead.setFloat64(8 * i, numbers[i]!, true);
  checksumHeadBytes.set(batch.sha256, 9 * 8);
  return crc32(batch.bytes, crc32(checksumHeadBytes));
}

const geoChecksum = ({ position, sha256, name, built, files }: Omit<GeoRow, 'checksum'>): number =>
  crc32([position, sha256, name, built, files].join('\n'));
