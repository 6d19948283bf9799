/**
 * The log: every batch that was acknowledged, once, in the order it came. One writer, whose process holds the data directory's
 * lock; any number of readers (reader.ts).
 *
 * A group of batches is one transaction in a day file (day-file.ts), synced before `append` returns. The ledger (ledger.ts)
 * follows in a transaction of its own that is not waited for; when that fails, the batches are logged all the same, and the
 * ledger catches up before the next group. So the ledger never knows more than the files, unless files were taken away: the
 * log has lost entries then, gives their positions to others, and takes a new name.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { SequenceRange } from '../../common/protocol/messages.ts';
import { isFull } from '../../common/sqlite/full.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { DamagedEntry, DayFile } from './day-file.ts';
import type { GeoEntry, LoggedBatch, NewBatch } from './entry.ts';
import { DayFiles, dayFileName } from './files.ts';
import { readIdentity, renewIdentity, syncDirectory } from './identity.ts';
import { LEDGER, Ledger } from './ledger.ts';
import { ARCHIVE, type Reconciled } from './left-out.ts';
import type { LogPast } from './past.ts';

export type Appended =
  | { readonly kind: 'logged' | 'duplicate'; readonly position: number }
  /** The key is another batch's, which stays; an epoch for the sensor to begin. */
  | { readonly kind: 'conflict'; readonly nextEpoch: number };

/** Nothing was logged, and may be later: the disk is full, or another program has the file. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
  readonly code: 'SQLITE_FULL' | 'SQLITE_BUSY';

  constructor(code: 'SQLITE_FULL' | 'SQLITE_BUSY', message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** What is read at a time when the ledger catches up. */
const catchUpMax = { batches: 10_000, bytes: 16 * 2 ** 20 };
const YEAR_10000_MS = 253_402_300_800_000;

export class Log {
  /** What became of the ledger when this was opened: to be told (`ledgerWarnings`). */
  readonly reconciled: Reconciled;
  #id: string;
  readonly #dir: string;
  readonly #files: DayFiles;
  readonly #ledger: Ledger;
  readonly #past: LogPast | undefined;
  /** The newest file, undefined in an empty log. */
  #file: DayFile | undefined;
  #head: number;
  /** After it nothing is certain any more: whoever has the log must end, and begin again. */
  #failure: Error | undefined;
  /** Where each sensor's last list of gaps was cut off, so that the next one asks for the rest. */
  readonly #gapsTold = new Map<number, { readonly epoch: number; readonly from: number }>();

  private constructor(dir: string, { ledger, madeAnew }: OpenedLedger, past?: LogPast) {
    this.#dir = dir;
    this.#ledger = ledger;
    this.#past = past;
    this.#files = new DayFiles(dir);
    const newest = this.#files.names().at(-1);
    this.#file = newest === undefined ? undefined : DayFile.open(path.join(dir, newest), { readonly: false });
    this.#head = this.#file?.last() ?? 0;
    const trimmed = this.#trimLedger();
    this.#id = trimmed === undefined ? (readIdentity(dir) ?? renewIdentity(dir)) : renewIdentity(dir);
    this.#catchUp(() => {
      this.#id = renewIdentity(dir);
    });
    this.#files.close(); // reading is over: the write-ahead log of a file is kept while anyone has it open
    const isFirst = madeAnew === 'missing' && this.#head === 0;
    this.reconciled = {
      madeAnew: trimmed === 'disagreed' ? trimmed : isFirst ? undefined : madeAnew,
      gone: trimmed === 'disagreed' ? undefined : trimmed,
      leftOut: { batch: ledger.leftOut('batch'), losses: ledger.leftOut('losses') },
    };
  }

  /**
   * Makes the directory if need be; reconciles the ledger, of what the archive has too if that is given. Throws `BadDatabase`
   * when the newest day file is damaged.
   */
  static open(dir: string, past?: LogPast): Log {
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
    const opened = openLedger(dir);
    try {
      return new Log(dir, opened, past);
    } catch (error) {
      opened.ledger.close();
      throw error;
    }
  }

  /** Random; another one after entries were lost. */
  get id(): string {
    return this.#id;
  }

  /** The last position, 0 if there is none. */
  head(): number {
    return this.#head;
  }

  /**
   * Logs what is new, all of it or nothing, and returns when it is on the disk: what became of each batch, in their order.
   * Throws `LogUnavailable`, or what the disk did wrong: then, and at every call after it, this log is at its end.
   */
  append(batches: readonly NewBatch[]): Appended[] {
    for (const batch of batches) assertBatch(batch);
    this.#assertSound();
    this.#catchUp();
    const fresh = new Map<string, LoggedBatch>();
    const outcomes = batches.map(batch => this.#place(batch, fresh));
    this.#write([...fresh.values()]);
    // Only now, for a group may itself open an epoch.
    return outcomes.map((outcome, n) => outcome ?? { kind: 'conflict', nextEpoch: this.nextEpoch(batches[n]!.sensor) });
  }

  /** Returns its position. Throws as `append` does. */
  appendGeo(entry: Omit<GeoEntry, 'position'>, receivedMs = Date.now()): number {
    this.#assertSound();
    this.#catchUp();
    const position = this.#head + 1;
    this.#guarded(() => this.#fileAt(receivedMs).appendGeo({ ...entry, position }));
    this.#head = position;
    return position;
  }

  /**
   * What is missing of 1 to `sealed` of each epoch and was not told as lost: up to `max` ranges, ascending. When there are
   * more, the next call for the same sensor goes on behind them.
   */
  gaps(
    sensor: number,
    epochs: readonly { readonly epoch: number; readonly sealed: number }[],
    max: number,
  ): SequenceRange[] {
    const ascending = epochs.toSorted((a, b) => a.epoch - b.epoch);
    const told = this.#gapsTold.get(sensor);
    const found = this.#gapsFrom(sensor, ascending, told, max);
    const from = found.at(-1);
    if (found.length === max && from !== undefined)
      this.#gapsTold.set(sensor, { epoch: from.epoch, from: from.to + 1 });
    else this.#gapsTold.delete(sensor);
    // Behind the last there was nothing more: from the start again, rather than at the next heartbeat.
    return found.length === 0 && told !== undefined ? this.gaps(sensor, epochs, max) : found;
  }

  /** An epoch this sensor has sent nothing of, beyond all it has. */
  nextEpoch(sensor: number): number {
    return this.#ledger.lastEpoch(sensor) + 1;
  }

  close(): void {
    this.#file?.close();
    this.#files.close();
    this.#ledger.close();
  }

  /** Undefined for a conflict; what is new is added to `fresh`. */
  #place(batch: NewBatch, fresh: Map<string, LoggedBatch>): Appended | undefined {
    const { sensor, epoch, sequence } = batch;
    const key = `${sensor}/${epoch}/${sequence}`;
    const there = this.#ledger.find(sensor, epoch, sequence) ?? fresh.get(key);
    if (there === undefined) {
      const position = this.#head + 1 + fresh.size;
      fresh.set(key, { ...batch, position });
      return { kind: 'logged', position };
    }
    return Buffer.compare(there.sha256, batch.sha256) === 0
      ? { kind: 'duplicate', position: there.position }
      : undefined;
  }

  #write(batches: readonly LoggedBatch[]): void {
    if (batches.length === 0) return;
    this.#guarded(() => this.#fileAt(batches.at(-1)!.receivedMs).append(batches));
    this.#head = batches.at(-1)!.position;
    const place = path.basename(this.#file!.path);
    try {
      this.#guarded(() => this.#ledger.add({ batches, reached: this.#head, place }));
    } catch {
      // They are logged. The ledger catches up before the next group, or that one fails.
    }
  }

  /** The file to add to: the newest, or one for the day of this time if that is later. */
  #fileAt(ms: number): DayFile {
    const name = dayFileName(ms);
    if (this.#file !== undefined && path.basename(this.#file.path) >= name) return this.#file;
    const file = path.join(this.#dir, name);
    const begins = this.#head + 1;
    if (!fs.existsSync(file)) DayFile.create(file, begins);
    syncDirectory(this.#dir);
    // There already if it could not be opened the last time; then another file may have been kept on with meanwhile.
    const next = DayFile.open(file, { readonly: false, begins });
    this.#file?.finish();
    this.#file = next;
    return next;
  }

  /** Has the ledger forget what is not in the files: what lay behind their last entry, or all it knew. Undefined if nothing. */
  #trimLedger(): Reconciled['gone'] | 'disagreed' {
    const reached = this.#ledger.reached();
    const gone = reached > this.#head ? { from: this.#head + 1, to: reached } : undefined;
    if (gone !== undefined) this.#ledger.trim(this.#head);
    const last = this.#ledger.lastBatch();
    if (last === undefined) return gone;
    const there = this.#files.sha256At(last.position);
    if (there !== undefined && Buffer.compare(there, last.sha256) === 0) return gone;
    this.#ledger.trim(0); // the files are of another past
    return 'disagreed';
  }

  /**
   * Gives the ledger what it lacks of the files. A damaged batch it does without: that one is missing like any other, its
   * sensor is asked for it, and it is logged again. Whoever counted it before must count anew, so the log has lost an entry:
   * `onDamaged` is to say so before the ledger goes on, which keeps where it was.
   */
  #catchUp(onDamaged?: () => void): void {
    const reached = this.#ledger.reached();
    if (reached === this.#head) return;
    const names = this.#files.names();
    this.#catchUpPast(reached + 1, this.#files.open(names[0]!).first - 1);
    let from = Math.max(reached + 1, this.#files.open(names[0]!).first);
    for (const name of names.slice(this.#files.find(names, from))) {
      for (;;) {
        const batches = this.#soundFrom(name, from);
        if (batches instanceof DamagedEntry) {
          if (onDamaged === undefined) throw batches;
          onDamaged();
          const { position } = batches;
          this.#guarded(() => this.#ledger.add({ damaged: [position], reached: position, place: name }));
          from = position + 1;
          continue;
        }
        if (batches.length === 0) break;
        from = batches.at(-1)!.position + 1;
        this.#guarded(() => this.#ledger.add({ batches, reached: from - 1, place: name }));
      }
    }
    this.#guarded(() => this.#ledger.add({ reached: this.#head, place: names.at(-1)! })); // entries that are no batches
    this.#files.close();
  }

  /** Keys of batches whose files are gone: with a ledger that does not know them, they would be logged again. */
  #catchUpPast(start: number, upTo: number): void {
    if (this.#past === undefined) return;
    for (let from = start; from <= upTo; ) {
      const found = this.#past.ask({ from, upTo, headsOnly: true, max: catchUpMax });
      const { batches, next } = found;
      const damaged = found.damaged.map(({ position }) => position);
      this.#guarded(() => this.#ledger.add({ batches, damaged, reached: next - 1, place: ARCHIVE }));
      from = next;
    }
  }

  #soundFrom(name: string, from: number): LoggedBatch[] | DamagedEntry {
    try {
      return this.#files.open(name).batches(from, catchUpMax);
    } catch (error) {
      if (error instanceof DamagedEntry) return error;
      throw error;
    }
  }

  #gapsFrom(
    sensor: number,
    epochs: readonly { readonly epoch: number; readonly sealed: number }[],
    start: { readonly epoch: number; readonly from: number } = { epoch: 0, from: 1 },
    max: number,
  ): SequenceRange[] {
    const found: SequenceRange[] = [];
    for (const { epoch, sealed } of epochs) {
      if (epoch < start.epoch) continue;
      if (found.length === max) break;
      const from = epoch === start.epoch ? start.from : 1;
      const between = this.#ledger.gaps(sensor, epoch, from, max - found.length);
      const behind = { epoch, from: Math.max(from, this.#ledger.highest(sensor, epoch) + 1), to: sealed };
      for (const gap of [...between, ...this.#ledger.notLost(sensor, behind)]) {
        const to = Math.min(gap.to, sealed);
        if (gap.from <= to && found.length < max) found.push({ epoch, from: gap.from, to });
      }
    }
    return found;
  }

  /** Tells a disk that is full from one that fails. */
  #guarded(write: () => void): void {
    try {
      write();
    } catch (error) {
      const { code = '', message } = error as { code?: string; message: string };
      const passing = isFull(error) ? 'SQLITE_FULL' : PASSING[code];
      if (passing !== undefined) throw new LogUnavailable(passing, `${this.#dir} cannot be written: ${message}`, error);
      this.#failure = error as Error;
      throw error;
    }
  }

  /** After a sync that failed the kernel may call the next one a success (fsyncgate): nothing more is acknowledged. */
  #assertSound(): void {
    if (this.#failure !== undefined)
      throw new Error(`the log is at its end since a write failed: ${this.#failure.message}`, { cause: this.#failure });
  }
}

/** What leaves the files as they were and may be over soon, as a full disk does. */
const PASSING: Readonly<Record<string, 'SQLITE_BUSY'>> = {
  SQLITE_BUSY: 'SQLITE_BUSY',
  SQLITE_BUSY_SNAPSHOT: 'SQLITE_BUSY',
  SQLITE_CANTOPEN: 'SQLITE_BUSY', // a day's file could not be made: no room for it, or too many files open
};

function assertBatch({ sensor, epoch, sequence, sha256, receivedMs, clockOffsetMs, day, records }: NewBatch): void {
  for (const [name, value, min] of [
    ['sensor', sensor, 0],
    ['epoch', epoch, 1],
    ['sequence', sequence, 1],
    ['receivedMs', receivedMs, 0],
    ['clockOffsetMs', clockOffsetMs, Number.MIN_SAFE_INTEGER],
    ['day', day, 0],
    ['records', records, 0],
  ] as const)
    assert(Number.isSafeInteger(value) && value >= min, `${name} ${value} is out of range`);
  assert(receivedMs < YEAR_10000_MS, 'files sorted by name are sorted by time');
  assert.equal(sha256.length, 32);
}

interface OpenedLedger {
  readonly ledger: Ledger;
  readonly madeAnew: 'missing' | 'damaged' | undefined;
}

/** A damaged one is put aside and made again, of what the day files say. */
function openLedger(dir: string): OpenedLedger {
  const file = path.join(dir, LEDGER);
  const bytes = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  try {
    return { ledger: Ledger.open(file, { bytes }), madeAnew: bytes > 0 ? undefined : 'missing' };
  } catch (error) {
    if (!(error instanceof BadDatabase)) throw error;
    for (const suffix of ['', '-wal', '-shm']) {
      if (fs.existsSync(file + suffix)) fs.renameSync(file + suffix, `${file}.damaged${suffix}`);
    }
    return { ledger: Ledger.open(file), madeAnew: 'damaged' };
  }
}
