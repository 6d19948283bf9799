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
import { takeLock } from '../../common/sqlite/lock.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { DAY_MS } from '../../common/time.ts';
import type { DamagedEntry } from '../log/day-file.ts';
import type { LoggedBatch } from '../log/entry.ts';
import { DayFiles } from '../log/files.ts';
import { syncDirectory } from '../log/identity.ts';
import type { DayRange, LogReader } from '../log/reader.ts';
import type { Geographies } from '../store/geography.ts';
import type { StoreReader } from '../store/query.ts';
import { isCountedFrom } from '../store/store.ts';
import { readHeads } from './heads.ts';
import { headsFile, LOCK, recordsFile, SPILL } from './layout.ts';
import { type DamagedRow, filesOf, Manifest, type Part } from './manifest.ts';
import { type BatchSource, fileSha256, NotArchived, type WrittenPart, writePart } from './part.ts';

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
}

/** Throws `Locked` if another does it, `NotArchived`, `BadDatabase`, `BadLog`. */
export async function archive(options: ArchiverOptions): Promise<Archived> {
  const { dir } = options;
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  const lock = takeLock(path.join(dir, LOCK));
  try {
    const manifest = Manifest.open(dir);
    try {
      const { id } = options.reader;
      if (manifest.log() !== id) manifest.takeLog(id, isOther(options, manifest));
      clean(dir, manifest);
      clearSpills(dir, options.nowMs);
      return await new Run(options, manifest).all();
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
    return readHeads(fs.readFileSync(file), file).some(
      ({ position, sha256 }) => Buffer.compare(reader.sha256At(position) ?? new Uint8Array(0), sha256) !== 0,
    );
  });
}

/** Removes what a run that was stopped did not commit, and what it had no time to remove. */
function clean(dir: string, manifest: Manifest): void {
  const kept = new Set(manifest.parts().flatMap(filesOf));
  for (const folder of fs.readdirSync(dir).filter(name => name.startsWith('date='))) {
    for (const name of fs.readdirSync(path.join(dir, folder)))
      if (!kept.has(path.join(folder, name))) fs.rmSync(path.join(dir, folder, name));
    if (fs.readdirSync(path.join(dir, folder)).length === 0) fs.rmdirSync(path.join(dir, folder));
  }
}

/** No question of anybody's takes so long. */
const spillMsMax = DAY_MS;

/** Removes what readers left that were killed (`ownSpillOf`). */
function clearSpills(dir: string, nowMs: number): void {
  for (const name of fs.readdirSync(dir).filter(one => one.startsWith(`${SPILL}-`))) {
    const changedMs = fs.statSync(path.join(dir, name), { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
    if (nowMs - changedMs > spillMsMax) fs.rmSync(path.join(dir, name), { recursive: true, force: true });
  }
}

interface StoredDay {
  readonly geo: string;
  readonly settled: boolean;
}

class Run {
  readonly #options: ArchiverOptions;
  readonly #manifest: Manifest;
  readonly #files: DayFiles;
  /** Counted up to here. */
  readonly #upTo: number;
  readonly #days: ReadonlyMap<number, StoredDay>;

  constructor(options: ArchiverOptions, manifest: Manifest) {
    const { store, reader, logDir } = options;
    this.#options = options;
    this.#manifest = manifest;
    this.#files = new DayFiles(logDir);
    const { position, days } = store.together(() => ({ position: store.position(), days: storedDays(store) }));
    if (position === undefined || !isCountedFrom(reader, position))
      throw new NotArchived('the store has not counted this log: enaga serve counts it');
    this.#upTo = position.position;
    this.#days = days;
  }

  async all(): Promise<Archived> {
    const parts: Part[] = [];
    const damaged: DamagedRow[] = [];
    try {
      for (const day of this.#daysToArchive()) {
        for await (const written of this.#archiveDay(day)) {
          if (written.part !== undefined) parts.push(written.part);
          damaged.push(...written.damaged);
        }
      }
      const { day } = this.#options;
      const files = day === undefined ? this.#removeFiles() : [];
      const expired = day === undefined ? this.#expire() : [];
      return { parts, damaged, files, expired };
    } finally {
      this.#files.close();
    }
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
  async *#archiveDay(day: number): AsyncGenerator<WrittenPart> {
    for (const name of this.#files.names()) {
      const last = Math.min(this.#files.open(name).last(), this.#upTo);
      const from = this.#manifest.reached(day) + 1;
      if (from <= last) yield* this.#archiveOf({ day, from, upTo: last });
    }
  }

  async *#archiveOf({ day, from, upTo }: DayRange): AsyncGenerator<WrittenPart> {
    const { dir, reader, geographies, nowMs, onPart } = this.#options;
    const found: DamagedRow[] = [];
    const note = ({ position, message }: DamagedEntry) =>
      found.push({ position, day, message, bytes: this.#bytesAt(position) });
    const source = new Source(reader.ofDay(day, upTo, note, from));
    for (let first = source.peek(); first !== undefined; first = source.peek()) {
      const stored = this.#days.get(day);
      const geo = stored === undefined ? geographies.at(first.position) : geographies.named(stored.geo);
      const number = this.#manifest.nextPart();
      const { part, damaged } = await writePart({ dir, part: number, day, geo, batches: source, nowMs });
      const rows = [...found.splice(0), ...damaged];
      // What lies before the next batch is in this part, damaged, or none of this day.
      this.#manifest.add(day, part, rows, (source.peek()?.position ?? upTo + 1) - 1);
      if (part !== undefined) onPart?.(part);
      yield { part, damaged: rows };
    }
    if (found.length === 0) return;
    this.#manifest.add(day, undefined, found, upTo);
    yield { part: undefined, damaged: found };
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
