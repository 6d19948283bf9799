/**
 * Batches handed to the folding thread as they were verified, so that it need not read, decompress and decode them a second time.
 * The log stays what is counted: a batch is handed after it is durable, and what was not handed, for too much was on its way or
 * the collector began anew, comes from the log.
 */
import type { OpenedBatch } from './batch.ts';

/** On their way at a time: of 28 bytes a record, some seconds of the fastest sensors. */
export const handedBytesMax = 64 * 2 ** 20;

/** What a batch takes: all its columns are views of one buffer. */
export const handedBytes = ({ records }: OpenedBatch): number => records.src.buffer.byteLength;

/** The folding thread's end: batches in the order of their positions. */
export class Handed {
  #batches: OpenedBatch[] = [];
  #bytesDone = 0;

  /** Of all that were handed, what is held no longer. */
  get bytesDone(): number {
    return this.#bytesDone;
  }

  add(batch: OpenedBatch): void {
    this.#batches.push(batch);
  }

  /** Takes up to `max` of the batches that follow a position with none left out; what lies before it is let go. */
  take(position: number, max: number): OpenedBatch[] {
    const from = this.#batches.findIndex(batch => batch.position > position);
    const before = from < 0 ? this.#batches.length : from;
    let to = before;
    while (to - before < max && this.#batches[to]?.position === position + 1 + to - before) to++;
    const taken = this.#batches.slice(before, to);
    for (const batch of this.#batches.slice(0, to)) this.#bytesDone += handedBytes(batch);
    this.#batches = this.#batches.slice(to);
    return taken;
  }
}
