/**
 * Follows the log into the store: batches are folded as they are logged and committed now and then; a day that must be counted
 * anew (a sensor was excluded, or a late batch came for a day whose state is gone) is folded again from the log up to where
 * the store is. Each step is done when it returns, so that a stop between two of them loses nothing but what is not committed.
 * A batch that is damaged in the log is told, noted and gone past: all others count.
 */

import { freeMemory } from '../../common/memory.ts';
import { DamagedEntry } from '../log/day-file.ts';
import type { LoggedBatch } from '../log/entry.ts';
import type { LogReader } from '../log/reader.ts';
import { dateOf } from '../reduce/result.ts';
import type { Exclusion } from '../registry/exclusions.ts';
import { DamagedBatch, type OpenedBatch, openOrDamaged } from './batch.ts';
import { keepClosed } from './closed-day.ts';
import type { Closer } from './closer.ts';
import { type ClosingOptions, closeDay, closeDays, daysToClose } from './closing.ts';
import type { DeltaOptions } from './delta.ts';
import { type Geographies, LoggedGeographies } from './geography.ts';
import type { Handed } from './handed.ts';
import type { Merging } from './merging.ts';
import { PendingAsns } from './pending-asns.ts';
import { isCountedFrom } from './position.ts';
import { type Damage, refoldDay } from './refold.ts';
import { keepRollups } from './rollup.ts';
import { Store } from './store.ts';

/** Read at a time: a few megabytes of memory, and many batches settled together. */
const readMax = { batches: 128, bytes: 8 * 2 ** 20 };
/** With as many read at once there is a backlog, and days are closed later. */
const backlogMin = 32;
/** Records folded and not committed. */
const pendingMax = 4_000_000;
/**
 * With so many, more come than 250,000 a second, and commits are so many times further apart: they take a third of all work then,
 * and less the fewer there are, since what was counted of a port, a source or a country is written once a commit.
 */
const rushMin = 500_000;
const rushCheckpoints = 5;
/** So many are committed as soon as no more have come for a while. */
const manyMin = 100_000;
const quietMs = 50;

export interface Progress {
  /** Of the last batch in the store. */
  readonly position: number;
  /** Records committed since the start. */
  readonly records: number;
  /** Receive time of the oldest logged batch that is not in the store. */
  readonly oldestUnfoldedMs: number | null;
  readonly lastCheckpointMs: number;
  /** Batches of the log known to be damaged: in no count. */
  readonly damaged: number;
}

export interface TailOptions extends DeltaOptions {
  readonly reader: LogReader;
  /** store.db. */
  readonly file: string;
  /** Directory with the copies of the geographies that the log names. */
  readonly geoDir: string;
  readonly exclusions: () => readonly Exclusion[];
  readonly checkpointMs: number;
  readonly closing: ClosingOptions;
  /** Batches that need not be read from the log. */
  readonly handed?: Handed;
  /** Where large segments are merged and large days closed, beside. */
  readonly merging?: Merging;
  readonly closer?: Closer;
  readonly now: () => number;
  readonly say: (text: string) => void;
}

/** How often exclusions are looked at, and days closed. */
const exclusionsMs = 1000;
const closingMs = 60_000;

/** Sensors to leave out of a day. */
export const excludedOn = (exclusions: readonly Exclusion[], day: number): number[] => [
  ...new Set(exclusions.filter(({ from, to }) => from <= day && day <= to).map(({ sensor }) => sensor)),
];

/** The next batch behind a position and when it came, which nobody knows of a damaged one. */
export function nextAfter(
  reader: LogReader,
  position: number,
): { readonly position: number; readonly receivedMs: number | null } | undefined {
  try {
    return reader.after(position, { batches: 1, bytes: 1 })[0];
  } catch (error) {
    if (error instanceof DamagedEntry) return { position: error.position, receivedMs: null };
    throw error;
  }
}

export class Tail {
  readonly #options: TailOptions;
  readonly #geographies: Geographies;
  readonly #store: Store;
  readonly #asns: PendingAsns;
  #exclusions: readonly Exclusion[];
  #exclusionsText: string;
  #committed: number;
  #records = 0;
  #damaged = 0;
  #oldestMs: number | null = null;
  #lastCheckpointMs: number;
  /** When something was folded last. */
  #lastBatchMs = 0;
  #nextExclusionsMs = 0;
  #nextClosingMs = 0;

  /** Throws `BadDatabase`, `BadLog`. */
  constructor(options: TailOptions) {
    this.#options = options;
    this.#exclusions = options.exclusions();
    this.#exclusionsText = JSON.stringify(this.#exclusions);
    const { reader, geoDir } = options;
    this.#geographies = new LoggedGeographies(
      geoDir,
      () => reader.geoEntries(),
      () => reader.head(),
    );
    this.#store = Store.open(options.file, {
      ...options,
      geographies: this.#geographies,
      excluded: day => excludedOn(this.#exclusions, day),
    });
    this.#asns = new PendingAsns({
      ...{ reader, database: this.#store.database, geographies: this.#geographies },
      ...{ now: options.now, say: options.say },
    });
    this.#lastCheckpointMs = options.now();
    try {
      this.#committed = this.#begin();
      this.#damaged = this.#store.damaged;
      this.#store.markStale();
    } catch (error) {
      this.#store.close();
      throw error;
    }
  }

  get progress(): Progress {
    return {
      position: this.#committed,
      records: this.#records,
      oldestUnfoldedMs: this.#oldestMs,
      lastCheckpointMs: this.#lastCheckpointMs,
      damaged: this.#damaged,
    };
  }

  /** Returns whether there may be more to do at once. */
  step(): boolean {
    const { now } = this.#options;
    const batches = this.#foldNext();
    if (batches > 0) this.#lastBatchMs = now();
    if (this.#isDue()) this.commit();
    this.#store.keepMerged();
    this.#keepClosed();
    const ms = now();
    if (ms >= this.#nextExclusionsMs) {
      this.#nextExclusionsMs = ms + exclusionsMs;
      this.#noticeExclusions();
    }
    const stale = this.#refoldOne();
    if (ms >= this.#nextClosingMs && batches < backlogMin) {
      this.#nextClosingMs = ms + closingMs;
      this.#close();
    }
    const more = batches < backlogMin && this.#asns.step(this.#committed);
    return batches > 0 || stale || more;
  }

  /** Keeps what is folded. */
  commit(): void {
    if (this.#store.reached === this.#committed) return;
    const { reader, now } = this.#options;
    this.#records += this.#store.pending;
    this.#store.commit(reader.id);
    this.#committed = this.#store.reached;
    this.#lastCheckpointMs = now();
    this.#oldestMs = nextAfter(reader, this.#committed)?.receivedMs ?? null;
  }

  /** What is not committed comes from the log again. */
  close(): void {
    this.#options.closer?.stop();
    this.#store.close();
  }

  /** Goes on where the store is, or begins anew if the log is not the one that it counted. */
  #begin(): number {
    const { reader, say } = this.#options;
    const position = this.#store.position();
    if (position !== undefined && isCountedFrom(reader, position)) return position.position;
    if (this.#store.begun) say('the store was counted from another log or by other rules: everything is folded again');
    this.#store.reset(reader.expired());
    return 0;
  }

  /** Returns how many batches it folded or went past. */
  #foldNext(): number {
    const handed = this.#options.handed?.take(this.#store.reached, readMax.batches) ?? [];
    if (handed.length > 0) {
      this.#oldestMs ??= handed[0]!.receivedMs;
      this.#store.fold(handed);
      for (const { records } of handed) freeMemory(records.src.buffer as ArrayBuffer);
      return handed.length;
    }
    return this.#foldLogged();
  }

  #foldLogged(): number {
    const logged = this.#readNext();
    if (logged instanceof DamagedEntry) {
      this.#pass(logged);
      return 1;
    }
    this.#oldestMs ??= logged[0]?.receivedMs ?? null;
    let opened: OpenedBatch[] = [];
    for (const one of logged) {
      const batch = openOrDamaged(one);
      if (!(batch instanceof DamagedBatch)) {
        opened.push(batch);
        continue;
      }
      this.#store.fold(opened);
      opened = [];
      this.#pass(batch);
    }
    this.#store.fold(opened);
    return logged.length;
  }

  /** Whether what is folded is to be kept now. */
  #isDue(): boolean {
    const { checkpointMs, now } = this.#options;
    const { pending } = this.#store;
    const ms = now();
    if (pending >= pendingMax) return true;
    if (pending >= manyMin && ms - this.#lastBatchMs >= quietMs) return true;
    return ms - this.#lastCheckpointMs >= (pending < rushMin ? checkpointMs : rushCheckpoints * checkpointMs);
  }

  #readNext(): LoggedBatch[] | DamagedEntry {
    try {
      return this.#options.reader.after(this.#store.reached, readMax);
    } catch (error) {
      if (error instanceof DamagedEntry) return error;
      throw error;
    }
  }

  #pass({ position, message }: Damage): void {
    this.#store.pass(position, this.#options.reader.sha256At(position) ?? new Uint8Array(0), message);
    this.#tellDamaged(message);
  }

  #tellDamaged(message: string): void {
    this.#damaged = this.#store.damaged;
    this.#options.say(`${message}: it is in no count`);
  }

  #noticeExclusions(): void {
    const exclusions = this.#options.exclusions();
    const text = JSON.stringify(exclusions);
    if (text === this.#exclusionsText) return;
    this.commit();
    this.#exclusions = exclusions;
    this.#exclusionsText = text;
    this.#store.markStale();
  }

  /** Folds one day again that asks for it. */
  #refoldOne(): boolean {
    const [day] = this.#store.staleDays();
    if (day === undefined) return false;
    const { reader, say, hashKey, sourcesMax } = this.#options;
    this.commit();
    if (reader.isExpired(day)) {
      this.#store.leave(day);
      say(`${dateOf(day)} cannot be folded again: its records were removed for their age. What is kept of it stays`);
      return true;
    }
    const excluded = excludedOn(this.#exclusions, day);
    const { state, damaged } = refoldDay({
      reader,
      day,
      upTo: this.#committed,
      geoAt: () => this.#geographies.named(this.#store.geoOf(day)!),
      excluded: new Set(excluded),
      hashKey,
      ...(sourcesMax !== undefined && { sourcesMax }),
    });
    for (const { position, message } of damaged)
      if (this.#store.noteDamaged(position, message)) this.#tellDamaged(message);
    this.#store.replace(day, state, excluded);
    say(`${dateOf(day)} was folded again from the log`);
    return true;
  }

  /** Closes the day that was made ready for it beside, unless it is another by now; then the next one. */
  #keepClosed(): void {
    const { closer, closing, now, sourcesMax } = this.#options;
    const done = closer?.take();
    if (done === undefined) return;
    this.commit();
    this.#nextClosingMs = 0;
    const { made, work } = done;
    const { database } = this.#store;
    if (!daysToClose(database, now(), closing).includes(work.day)) return; // something has come for it
    if (made === undefined) closeDay(database, work.day, now(), sourcesMax);
    else keepClosed(database, made, now());
    this.#store.forget(work.day);
  }

  #close(): void {
    const { closing, now } = this.#options;
    // A day that has just got something is neither quiet nor done with: what is pending is committed first.
    this.commit();
    for (const day of closeDays(this.#store.database, now(), closing, this.#options)) this.#store.forget(day);
    keepRollups(this.#store.database, now());
    this.#asns.look();
  }
}
