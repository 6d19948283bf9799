/** Batches of one day from a position on: what a page of records begins with. */

import type { LoggedBatch } from '../../log/entry.ts';
import type { PickedBatch, Wanted } from '../../log/past.ts';
import type { LogReader, OnDamaged } from '../../log/reader.ts';

export class DayLog {
  readonly #reader: LogReader;

  constructor(reader: LogReader) {
    this.#reader = reader;
  }

  /**
   * Ascending, from a position to another, both included, a few in memory at a time; those that are damaged are told and left
   * out; or, of what is wanted alone, what the archive can pick out. What it looks up is not waited for with the thread. Throws `BadDatabase`.
   */
  ofDay(
    day: number,
    from: number,
    upTo: number,
    onDamaged: OnDamaged = () => {},
    wanted?: Wanted,
  ): AsyncIterable<LoggedBatch | PickedBatch> {
    return this.#reader.ofDayLater({ day, from, upTo }, onDamaged, wanted);
  }
}
