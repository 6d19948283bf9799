/**
 * Reads the log, in any number of threads and processes, beside the one that writes it. What it gives is durable: SQLite shows
 * a commit only after it is on the disk. A damaged file throws `BadDatabase` with its name; nothing of it is guessed. Of one
 * entry that is damaged (`DamagedEntry`) the position is told, so that the others can be read.
 */
import assert from 'node:assert/strict';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { DamagedEntry, lacking } from './day-file.ts';
import type { GeoEntry, LoggedBatch } from './entry.ts';
import { DayFiles } from './files.ts';
import { readIdentity } from './identity.ts';

export class LogReader {
  /** The log's name; positions mean something only together with it. */
  readonly id: string;
  readonly #files: DayFiles;

  private constructor(dir: string, id: string) {
    this.id = id;
    this.#files = new DayFiles(dir);
  }

  /** Throws `BadDatabase` if the directory holds no log. */
  static open(dir: string): LogReader {
    const id = readIdentity(dir);
    if (id === undefined) throw new BadDatabase(`${dir} holds no log`);
    return new LogReader(dir, id);
  }

  /** The last position, 0 if there is none. */
  head(): number {
    return this.#files.head();
  }

  /**
   * Batches beyond `position`, ascending, none left out: at least one if there is any, then while there is room and the day's
   * file has more that is sound. Throws `DamagedEntry` if the next one is damaged, and `BadDatabase` if it is gone.
   */
  after(position: number, max: { readonly batches: number; readonly bytes: number }): LoggedBatch[] {
    assert(max.batches > 0 && position >= 0);
    const names = this.#files.names();
    if (names.length === 0) return [];
    let from = position + 1;
    for (let n = this.#files.find(names, from); n < names.length; n++) {
      const found = this.#files.open(names[n]!).batches(from, max);
      // Looked at after the batches were read: a writer that went on to the next file is done with this one.
      const next = n + 1 < names.length ? this.#files.open(names[n + 1]!).first : undefined;
      if (found.length > 0) return this.#whole(names[n]!, from, found);
      if (next === undefined) return [];
      from = this.#end(names[n]!, next);
    }
    return [];
  }

  /**
   * All batches with records of this day (days since 1970) up to a position, ascending, one in memory at a time. `onDamaged`
   * is told of those that are damaged, and left out; without it the first of them throws `DamagedEntry`.
   */
  *ofDay(day: number, upTo: number, onDamaged?: (damage: DamagedEntry) => void): IterableIterator<LoggedBatch> {
    for (const name of this.#files.names()) {
      let from = this.#files.open(name).first;
      while (from <= upTo) {
        const batch = this.#nextOfDay(name, { day, from, upTo });
        if (batch === undefined) break;
        from = batch.position + 1;
        if (!(batch instanceof DamagedEntry)) yield batch;
        else if (onDamaged === undefined) throw batch;
        else onDamaged(batch);
      }
    }
  }

  /** Of the batch at this position; undefined if there is none, or another kind of entry. */
  sha256At(position: number): Uint8Array | undefined {
    return this.#files.sha256At(position);
  }

  /** All of them, ascending: there is one each time the operator gives another database. */
  geoEntries(): GeoEntry[] {
    return this.#files.names().flatMap(name => this.#files.open(name).geo());
  }

  close(): void {
    this.#files.close();
  }

  /** The file is opened each time: others may have used the reader between two batches. */
  #nextOfDay(
    name: string,
    { day, from, upTo }: { readonly day: number; readonly from: number; readonly upTo: number },
  ): LoggedBatch | DamagedEntry | undefined {
    try {
      return this.#files.open(name).nextOfDay(day, from, upTo);
    } catch (error) {
      if (error instanceof DamagedEntry) return error;
      throw error;
    }
  }

  /** Batches and geo entries together have every position from `from` to the last batch's. */
  #whole(name: string, from: number, batches: LoggedBatch[]): LoggedBatch[] {
    const last = batches.at(-1)!.position;
    const missing = last - from + 1 - batches.length;
    if (missing > 0) {
      const geo = this.#files.open(name).geo(from, last).length;
      if (geo !== missing) throw lacking(this.#files.open(name).path, from, last);
    }
    return batches;
  }

  /** The position after the file's last, which must be where the next file begins. */
  #end(name: string, next: number): number {
    const file = this.#files.open(name);
    if (file.last() + 1 !== next) throw lacking(file.path, file.last() + 1, next - 1);
    return next;
  }
}
