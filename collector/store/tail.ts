/**
 * Follows the log into the store: batches are folded as they are logged and committed now and then; a day that must be counted
 * anew (a sensor was excluded, or a late batch came for a day whose state is gone) is folded again from the log up to where
 * the store is. Each step is done when it returns, so that a stop between two of them loses nothing but what is not committed.
 */

import type { LogReader } from '../log/reader.ts';
import type { Exclusion } from '../registry/registry.ts';
import { openLogged } from './batch.ts';
import { type ClosingOptions, closeDays, daysToClose } from './closing.ts';
import type { DeltaOptions } from './delta.ts';
import { type Geographies, LoggedGeographies } from './geography.ts';
import { refoldDay } from './refold.ts';
import { keepRollups } from './rollup.ts';
import { Store } from './store.ts';

/** Read at a time: a few megabytes of memory, and many batches settled together. */
const readMax = { batches: 128, bytes: 8 * 2 ** 20 };
/** With as many read at once there is a backlog, and days are closed later. */
const backlogMin = 32;
/** Folded and not committed. */
const pendingMax = 2_000_000;

export interface Progress {
  /** Of the last batch in the store. */
  readonly position: number;
  /** Records committed since the start. */
  readonly records: number;
  /** Receive time of the oldest logged batch that is not in the store. */
  readonly oldestUnfoldedMs: number | null;
  readonly lastCheckpointMs: number;
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

export class Tail {
  readonly #options: TailOptions;
  readonly #geographies: Geographies;
  readonly #store: Store;
  #exclusions: readonly Exclusion[];
  #exclusionsText: string;
  #committed: number;
  #records = 0;
  #oldestMs: number | null = null;
  #lastCheckpointMs: number;
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
    this.#lastCheckpointMs = options.now();
    try {
      this.#committed = this.#begin();
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
    };
  }

  /** Returns whether there may be more to do at once. */
  step(): boolean {
    const { reader, checkpointMs, now } = this.#options;
    const logged = reader.after(this.#store.reached, readMax);
    this.#oldestMs ??= logged[0]?.receivedMs ?? null;
    this.#store.fold(logged.map(openLogged));
    const due = now() - this.#lastCheckpointMs >= checkpointMs || this.#store.pending >= pendingMax;
    if (due) this.commit();
    const ms = now();
    if (ms >= this.#nextExclusionsMs) {
      this.#nextExclusionsMs = ms + exclusionsMs;
      this.#noticeExclusions();
    }
    const stale = this.#refoldOne();
    if (ms >= this.#nextClosingMs && logged.length < backlogMin) {
      this.#nextClosingMs = ms + closingMs;
      this.#close();
    }
    return logged.length > 0 || stale;
  }

  /** Keeps what is folded. */
  commit(): void {
    if (this.#store.reached === this.#committed) return;
    const { reader, now } = this.#options;
    this.#records += this.#store.pending;
    this.#store.commit(reader.id);
    this.#committed = this.#store.reached;
    this.#lastCheckpointMs = now();
    this.#oldestMs = reader.after(this.#committed, { batches: 1, bytes: 1 })[0]?.receivedMs ?? null;
  }

  /** What is not committed comes from the log again. */
  close(): void {
    this.#store.close();
  }

  /** Goes on where the store is, or begins anew if the log is not the one that it counted. */
  #begin(): number {
    const { reader, say } = this.#options;
    const position = this.#store.position();
    if (position !== undefined && position.log === reader.id) {
      const there = position.position === 0 ? position.sha256 : reader.sha256At(position.position);
      if (there !== undefined && Buffer.compare(there, position.sha256) === 0) return position.position;
    }
    if (this.#store.begun) say('the store was counted from another log or by other rules: everything is folded again');
    this.#store.reset();
    return 0;
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
    const excluded = excludedOn(this.#exclusions, day);
    const { state } = refoldDay({
      reader,
      day,
      upTo: this.#committed,
      geoAt: position => this.#geographies.at(position),
      excluded: new Set(excluded),
      hashKey,
      ...(sourcesMax !== undefined && { sourcesMax }),
    });
    this.#store.replace(day, state, excluded);
    say(`${new Date(day * 86_400_000).toISOString().slice(0, 10)} was folded again from the log`);
    return true;
  }

  #close(): void {
    const { closing, now, sourcesMax } = this.#options;
    // A day that has just got something is not quiet: what is pending is committed first.
    if (daysToClose(this.#store.database, now(), closing).length > 0) this.commit();
    for (const day of closeDays(this.#store.database, now(), closing, sourcesMax)) this.#store.forget(day);
    keepRollups(this.#store.database, now());
  }
}
