/** Batches of one day from a position on: what a page of records begins with. */

import type { LoggedBatch } from '../../log/entry.ts';
import { DayFiles } from '../../log/files.ts';

export class DayLog {
  readonly #files: DayFiles;

  constructor(dir: string) {
    this.#files = new DayFiles(dir);
  }

  /** Ascending, from a position to another, both included, one in memory at a time. Throws `BadDatabase`. */
  *ofDay(day: number, from: number, upTo: number): Generator<LoggedBatch> {
    const names = this.#files.names();
    if (names.length === 0 || from > upTo) return;
    const at = Math.max(this.#files.open(names[0]!).first, from);
    for (const name of names.slice(this.#files.find(names, at))) {
      let next = Math.max(at, this.#files.open(name).first);
      while (next <= upTo) {
        // Opened each time: others may have used the reader between two batches.
        const batch = this.#files.open(name).nextOfDay(day, next, upTo);
        if (batch === undefined) break;
        yield batch;
        next = batch.position + 1;
      }
    }
  }

  close(): void {
    this.#files.close();
  }
}
