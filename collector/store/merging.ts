/**
 * Merges segments of a day in a thread of its own, while the folding thread counts on: of a day of ten million packets that takes
 * seconds, in which nothing would be counted. The thread ends with its work, so that its memory is given back.
 */
import { Worker } from 'node:worker_threads';
import type { FullTier } from './segments.ts';

/** What a thread is given. */
export interface MergingStart {
  /** Path of the store. */
  readonly file: string;
  readonly tier: FullTier;
  readonly sourcesMax: number;
}

/** What came of a thread. */
export interface Merged {
  readonly tier: FullTier;
  /** Undefined if the thread failed, or found the segments gone. */
  readonly segment: Uint8Array | undefined;
}

/** Compressed segments that take half a second to merge. */
const bytesMinDefault = 8 * 2 ** 20;

export class Merging {
  readonly #bytesMin: number;
  #worker: Worker | undefined;
  #merged: Merged | undefined;

  constructor({ bytesMin = bytesMinDefault } = {}) {
    this.#bytesMin = bytesMin;
  }

  /** Whether these are so large that they are worth a thread. */
  isFor(tier: FullTier): boolean {
    return tier.bytes >= this.#bytesMin;
  }

  /** One at a time: from `start` until what came of it is taken, or given up. */
  get isBusy(): boolean {
    return this.#worker !== undefined || this.#merged !== undefined;
  }

  start(start: MergingStart): void {
    const worker = new Worker(new URL('./merging-thread.ts', import.meta.url), { workerData: start, execArgv: [] });
    this.#worker = worker;
    let segment: Uint8Array | undefined;
    worker.once('message', one => {
      segment = one;
    });
    worker.once('error', () => {}); // whoever merges it after that meets the same fault, where it can be told
    worker.once('exit', () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#merged = { tier: start.tier, segment };
    });
  }

  /** What has come of it since, if anything. */
  take(): Merged | undefined {
    const merged = this.#merged;
    this.#merged = undefined;
    return merged;
  }

  /** Gives up what is being merged. */
  stop(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
    this.#merged = undefined;
  }
}
