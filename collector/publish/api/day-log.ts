/** Batches of one day from a position on: what a page of records begins with. */

import type { LoggedBatch } from '../../log/entry.ts';
import type { LogReader, OnDamaged } from '../../log/reader.ts';

export class DayLog {
  readonly #reader: LogReader;

  constructor(reader: LogReader) {
    this.#reader = reader;
  }

  /**
   * Ascending, from a position to another, both included, a few in memory at a time; those that are damaged are told and left
   * out. What the archive looks up is not waited for with the thread. Throws `BadDatabase`.
   */
  ofDay(day: number, from: number, upTo: number, onDamaged: OnDamaged = () => {}): AsyncIterable<LoggedBatch> {
    return this.#reader.ofDayLater({ day, from, upTo }, onDamaged);
  }
}
