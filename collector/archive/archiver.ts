/**
 * Moves days that are closed from the log to the archive. Whatever it is stopped at, nothing is lost and nothing is there twice:
 *
 * 1. A day's batches behind the position that it is archived to become parts, of one file of the log each. A part is read back,
 *    batch by batch by its SHA-256, and synced, before the manifest has it, together with the day's new position.
 * 2. The oldest file of the log goes when all it holds is in parts that are still what was written, and the store has counted
 *    beyond it. The manifest says that it may go before it does. A file that stays keeps those after it.
 * 3. Parts of days that are older than records are to be kept go the same way.
 *
 * The newest file of the log stays, and the last that has a batch: the log goes on from them.
 */
import fs from 'node:fs';
import path from 'node:path';
import { isFull } from '../../common/sqlite/full.ts';
import { takeLock } from '../../common/sqlite/lock.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { DAY_MS } from '../../common/time.ts';
import type { DamagedEntry } from '../log/day-file.ts';
import type { LoggedBatch } from '../log/entry.ts';
import { DayFiles } from '../log/files.ts';
import { syncDirectory } from '../log/identity.ts';
import type { DayRange, LogReader } from '../log/reader.ts';
import { BadLog } from '../store/batch.ts';
import type { Geographies } from '../store/geography.ts';
import { isCountedFrom } from '../store/position.ts';
import type { StoreReader } from '../store/query.ts';
import { checkBegin, clean, clearSpills } from './clean.ts';
import { Commits, type Pending } from './commits.ts';
import { fileSha256 } from './file-sha256.ts';
import { readHeads } from './heads.ts';
import { headsFile, LOCK, recordsFile, SPILL } from './layout.ts';
import { type DamagedRow, Manifest, type Part } from './manifest.ts';
import { type BatchSource, NotArchived, type PartRows, stagePart } from './part.ts';
import { assertRoom, hasRoom, roomOf } from './room.ts';
import { WritingThread } from './writing.ts';

export interface ArchiverOptions {
  /** The archive's directory, and the log's. */
  readonly dir: string;
  readonly logDir: string;
  readonly reader: LogReader;
  readonly store: StoreReader;
  readonly geographies: Geographies;
  /** Days since 1970: no other. */
  readonly day?: number;
  /** Records are kept for so many days after their own; for ever unless given. */
  readonly recordsDays?: number;
  readonly nowMs: number;
  readonly onPart?: (part: Part) => void;
}

export interface Archived {
  readonly parts: readonly Part[];
  /** Batches that were damaged in the log. */
  readonly damaged: readonly DamagedRow[];
  /** Names of the log's files that went. */
  readonly files: readonly string[];
  readonly expired: readonly Part[];
  /** What lies in the archive's folders and is not its own, by its names there. */
  readonly strange: readonly string[];
}

/** Throws `Locked` if another does it, `NotArchived`, `BadDatabase`, `BadLog`. */
export async function archive(options: ArchiverOptions): Promise<Archived> {
  try {
    return await archiveLocked(options);
  } catch (error) {
    throw isFull(error) ? new NotArchived(`${options.dir} has no room: ${(error as Error).message}`) : error;
  }
}

async function archiveLocked(options: ArchiverOptions): Promise<Archived> {
  const { dir } = options;
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  const lock = takeLock(path.join(dir, LOCK));
  try {
    const manifest = Manifest.open(dir);
    try {
      checkBegin(dir, options.logDir, manifest);
      const { id } = options.reader;
      if (manifest.log() !== id) manifest.takeLog(id, isOther(options, manifest));
      const strange = clean(dir, manifest);
      clearSpills(dir, options.nowMs);
      return { ...(await new Run(options, manifest).all()), strange };
    } finally {
      manifest.close();
    }
  } finally {
    fs.rmSync(path.join(dir, SPILL), { recursive: true, force: true });
    lock.release();
  }
}

/** Whether the log, where it still has files, says another thing than what was archived of them. */
function isOther({ dir, reader }: ArchiverOptions, manifest: Manifest): boolean {
  return manifest.partsWithin(manifest.gone() + 1, Number.MAX_SAFE_INTEGER).some(({ day, part }) => {
    const file = path.join(dir, headsFile(day, part));
    return readHeads(fs.readFileSync(file), file).heads.some(
      ({ position, sha256 }) => Buffer.compare(reader.sha256At(position) ?? new Uint8Array(0), sha256) !== 0,
    );
  });
}

interface StoredDay {
  readonly geo: string;
  readonly settled: boolean;
}

/** Batches of a day, read from the log. */
interface Read extends Pick<Pending, 'day' | 'damaged' | 'reached'> {
  /** Undefined if all were damaged. */
  readonly rows: PartRows | undefined;
  /** SHA-256 of the geography that their countries are by. */
  readonly geo: string;
}

/** One being written, one being read back; the next is read from the log meanwhile. */
const pendingMax = 2;

class Run {
  readonly #options: ArchiverOptions;
  readonly #manifest: Manifest;
  readonly #thread: WritingThread;
  #nextPart: number;
  /** As the manifest will have it. */
  readonly #reached = new Map<number, number>();
  readonly #files: DayFiles;
  /** Counted up to here. */
  readonly #upTo: number;
  readonly #days: ReadonlyMap<number, StoredDay>;

  constructor(options: ArchiverOptions, manifest: Manifest) {
    const { store, reader, logDir } = options;
    this.#options = options;
    this.#manifest = manifest;
    this.#thread = new WritingThread(options.dir);
    this.#nextPart = manifest.nextPart();
    this.#files = new DayFiles(logDir);
    const { position, days } = store.together(() => ({ position: store.position(), days: storedDays(store) }));
    if (position === undefined || !isCountedFrom(reader, position))
      throw new NotArchived('the store has not counted this log: enaga serve counts it');
    this.#upTo = position.position;
    this.#days = days;
  }

  async all(): Promise<Omit<Archived, 'strange'>> {
    try {
      const written = await this.#writeParts().catch(waitedFor);
      const { day } = this.#options;
      // Also when something waits: for room, what goes now may be what makes it.
      const files = day === undefined ? this.#removeFiles() : [];
      const expired = day === undefined ? this.#expire() : [];
      if (written instanceof Error) throw written;
      return { ...written, files, expired };
    } finally {
      await this.#thread.end();
      this.#files.close();
    }
  }

  async #writeParts(): Promise<Pick<Archived, 'parts' | 'damaged'>> {
    const commits = new Commits(this.#manifest, this.#options.onPart);
    try {
      for (const day of this.#daysToArchive()) {
        for (const read of this.#readDay(day)) {
          await this.#begin(read, commits);
          if (commits.waiting > pendingMax) await commits.one();
        }
      }
    } catch (error) {
      // What was begun is whole all the same. If it is not, the next run will say so.
      await commits.all().catch(() => {});
      throw error;
    }
    await commits.all();
    return { parts: commits.parts, damaged: commits.damaged };
  }

  /** Throws `NotArchived` where there is no room for it, not even when all before it is written. */
  async #begin({ day, rows, geo, damaged, reached }: Read, commits: Commits): Promise<void> {
    if (rows === undefined) return commits.add({ day, part: undefined, damaged, reached, room: 0 });
    const { dir } = this.#options;
    const room = roomOf(rows.bytes, rows.staged.order.length);
    while (commits.waiting > 0 && !hasRoom(dir, room + commits.room)) await commits.one();
    assertRoom(dir, room + commits.room);
    commits.add({ day, part: this.#written(day, rows, geo), damaged, reached, room });
  }

  /** Days that have batches in the log and not in the archive, and will get no more unless one is late; ascending. */
  #daysToArchive(): number[] {
    const days = new Set<number>();
    for (const name of this.#files.names())
      for (const { day, last } of this.#files.open(name).days(this.#upTo))
        if (last > this.#manifest.reached(day) && this.#isOver(day)) days.add(day);
    const { day: only } = this.#options;
    return [...days].filter(day => only === undefined || day === only).sort((a, b) => a - b);
  }

  /** A day that the store does not have has batches of wrong clocks alone, or damaged ones: nothing is waited for. */
  #isOver = (day: number): boolean => this.#days.get(day)?.settled ?? true;

  /** File by file, so that what is in a part goes from the log together. */
  *#readDay(day: number): Generator<Read> {
    for (const name of this.#files.names()) {
      const last = Math.min(this.#files.open(name).last(), this.#upTo);
      const from = (this.#reached.get(day) ?? this.#manifest.reached(day)) + 1;
      if (from > last) continue;
      for (const read of this.#readOf({ day, from, upTo: last })) {
        this.#reached.set(day, read.reached);
        yield read;
      }
    }
  }

  *#readOf({ day, from, upTo }: DayRange): Generator<Read> {
    const { reader, geographies } = this.#options;
    const found: DamagedRow[] = [];
    const note = ({ position, message }: DamagedEntry) =>
      found.push({ position, day, message, bytes: this.#bytesAt(position) });
    const source = new Source(reader.ofDay(day, upTo, note, from));
    for (let first = source.peek(); first !== undefined; first = source.peek()) {
      const stored = this.#days.get(day);
      const geo = stored === undefined ? geographies.at(first.position) : geographies.named(stored.geo);
      const rows = stagePart(day, geo, source);
      // What lies before the next batch is in this part, damaged, or none of this day.
      const reached = (source.peek()?.position ?? upTo + 1) - 1;
      const damaged = [...found.splice(0), ...rows.damaged];
      yield { day, rows: rows.heads.length === 0 ? undefined : rows, geo: geo.sha256, damaged, reached };
    }
    if (found.length > 0) yield { day, rows: undefined, geo: '', damaged: found, reached: upTo };
  }

  async #written(day: number, { heads, staged }: PartRows, geo: string): Promise<Part> {
    const part = this.#nextPart++;
    const facts = await this.#thread.write({ part, day, heads, staged });
    const [first, last] = [heads[0]!.position, heads.at(-1)!.position];
    const records = heads.reduce((sum, one) => sum + one.records, 0);
    const { nowMs: madeMs } = this.#options;
    return { part, day, first, last, batches: heads.length, records, ...facts, geo, madeMs, expiredMs: null };
  }

  #bytesAt(position: number): Uint8Array | null {
    const names = this.#files.names();
    return this.#files.open(names[this.#files.find(names, position)]!).bytesAt(position) ?? null;
  }

  /** Returns the names of those that went. */
  #removeFiles(): string[] {
    const { logDir } = this.#options;
    const gone: string[] = [];
    const names = this.#files.names();
    const lastWithBatch = names.findLastIndex(name => this.#files.open(name).days(Number.MAX_SAFE_INTEGER).length > 0);
    for (const name of names.slice(0, Math.max(0, lastWithBatch))) {
      const file = this.#files.open(name);
      const last = file.last();
      if (last >= this.#upTo || !this.#holdsAll(file.days(last), file.first, last)) break;
      this.#manifest.noteGone(last, file.geo());
      this.#files.close();
      for (const end of ['', '-wal', '-shm']) fs.rmSync(path.join(logDir, name + end), { force: true });
      gone.push(name);
    }
    if (gone.length > 0) syncDirectory(logDir);
    return gone;
  }

  /** Throws `BadDatabase` if a part is no more what was written. */
  #holdsAll(days: readonly { readonly day: number; readonly last: number }[], from: number, upTo: number): boolean {
    if (days.some(({ day, last }) => this.#manifest.reached(day) < last)) return false;
    for (const part of this.#manifest.partsWithin(from, upTo)) this.#check(part);
    return true;
  }

  readonly #checked = new Set<number>();

  #check({ part, day, recordsSha256, headsSha256, expiredMs }: Part): void {
    if (this.#checked.has(part) || expiredMs !== null) return;
    for (const [file, sha256] of [
      [recordsFile(day, part), recordsSha256],
      [headsFile(day, part), headsSha256],
    ] as const) {
      const full = path.join(this.#options.dir, file);
      if (!fs.existsSync(full)) throw new BadDatabase(`${full} is gone`);
      if (fileSha256(full) !== sha256) throw new BadDatabase(`${full} is damaged: it is not what was written`);
    }
    this.#checked.add(part);
  }

  #expire(): Part[] {
    const { dir, recordsDays, nowMs } = this.#options;
    if (recordsDays === undefined) return [];
    const before = Math.floor(nowMs / DAY_MS) - recordsDays;
    // A part whose batches are in the log too would be made again.
    const gone = this.#manifest.gone();
    const expired = this.#manifest
      .parts()
      .filter(({ day, last, expiredMs }) => day < before && last <= gone && expiredMs === null);
    for (const part of expired) {
      this.#manifest.expire(part, nowMs);
      fs.rmSync(path.join(dir, recordsFile(part.day, part.part)), { force: true });
    }
    return expired;
  }
}

/** What an operator can wait for or mend, and no fault of the archive. Throws what is. */
function waitedFor(error: unknown): Error {
  if (error instanceof NotArchived || error instanceof BadLog || isFull(error)) return error as Error;
  throw error;
}

/** Days as the store has them: a settled one is closed, and not to be counted again. */
const storedDays = ({ database }: StoreReader): Map<number, StoredDay> =>
  new Map(
    (
      database.prepare('SELECT day, geo, closed_ms IS NOT NULL AND stale = 0 AS settled FROM days').all() as {
        day: number;
        geo: string;
        settled: 0 | 1;
      }[]
    ).map(({ day, geo, settled }) => [day, { geo, settled: settled === 1 }]),
  );

class Source implements BatchSource {
  readonly #batches: Iterator<LoggedBatch>;
  #next: IteratorResult<LoggedBatch>;

  constructor(batches: Iterator<LoggedBatch>) {
    this.#batches = batches;
    this.#next = batches.next();
  }

  peek(): LoggedBatch | undefined {
    return this.#next.done ? undefined : this.#next.value;
  }

  take(): void {
    this.#next = this.#batches.next();
  }
}
