/**
 * Reads the log, in any number of threads and processes, beside the one that writes it. What it gives is durable: SQLite shows
 * a commit only after it is on the disk. A damaged file throws `BadDatabase` with its name; nothing of it is guessed. Of one
 * entry that is damaged (`DamagedEntry`) the position is told, so that the others can be read.
 *
 * The oldest files go when the archive has what they held; it is asked for what lies before the first that is there (past.ts),
 * and gives the same. Without a past that is an error.
 */
import assert from 'node:assert/strict';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { DamagedEntry, lacking } from './day-file.ts';
import type { GeoEntry, LoggedBatch } from './entry.ts';
import { DayFiles } from './files.ts';
import { readIdentity } from './identity.ts';
import type { LogPast, PastAnswer, PastQuestion, PickedBatch, Wanted } from './past.ts';

/** Batches of a day from one position to another, both included. */
export interface DayRange {
  readonly day: number;
  readonly from: number;
  readonly upTo: number;
}

/** Told of batches that are damaged, and left out. */
export type OnDamaged = (damage: DamagedEntry) => void;

/** Asked of the past at a time: little, for who reads a page may want no more. */
const pastMax = { batches: 16, bytes: 2 * 2 ** 20 };
/** A batch's head, or what is picked of it, is a hundredth of it. */
const partlyMax = { batches: 1024, bytes: 2 * 2 ** 20 };

/** What of the batches is wanted: all, their heads, or some of their records, as far as the past can tell these apart. */
type How = Pick<PastQuestion, 'headsOnly' | 'wanted'>;

export class LogReader {
  /** The log's name; positions mean something only together with it. */
  readonly id: string;
  readonly #files: DayFiles;
  readonly #past: LogPast | undefined;

  private constructor(dir: string, id: string, past?: LogPast) {
    this.id = id;
    this.#files = new DayFiles(dir);
    this.#past = past;
  }

  /** Throws `BadDatabase` if the directory holds no log. The past is closed with it. */
  static open(dir: string, past?: LogPast): LogReader {
    const id = readIdentity(dir);
    if (id === undefined) throw new BadDatabase(`${dir} holds no log`);
    return new LogReader(dir, id, past);
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
    return this.#retried(names => {
      if (names.length === 0) return [];
      let from = position + 1;
      const first = this.#files.open(names[0]!).first;
      if (this.#past !== undefined && from < first) {
        const found = afterInPast(this.#past, { from, upTo: first - 1, max });
        if (found.length > 0) return found;
        from = first;
      }
      return this.#afterInFiles(names, from, max);
    });
  }

  /**
   * All batches with records of this day (days since 1970) up to a position, ascending, one in memory at a time. `onDamaged`
   * is told of those that are damaged, and left out; without it the first of them throws `DamagedEntry`.
   */
  ofDay(day: number, upTo: number, onDamaged?: OnDamaged, from = 1): IterableIterator<LoggedBatch> {
    return this.#now({ day, from, upTo }, onDamaged, {});
  }

  /** The same; their bytes may be their heads alone. */
  headsOfDay(day: number, upTo: number, onDamaged?: OnDamaged): IterableIterator<LoggedBatch> {
    return this.#now({ day, from: 1, upTo }, onDamaged, { headsOnly: true });
  }

  *#now(range: DayRange, onDamaged: OnDamaged | undefined, how: How): Generator<LoggedBatch> {
    const walk = this.#walk(range, onDamaged, how);
    for (let step = walk.next(); !step.done; ) {
      if ('question' in step.value) {
        step = walk.next(this.#past!.ask(step.value.question));
        continue;
      }
      yield step.value;
      step = walk.next();
    }
  }

  /**
   * The same, for a thread that others wait for: what the past has to look up is not waited for with the whole thread. Where only
   * some records are `wanted`, the past gives these, if it can without reading all.
   */
  async *ofDayLater(
    range: DayRange,
    onDamaged?: OnDamaged,
    wanted?: Wanted,
  ): AsyncGenerator<LoggedBatch | PickedBatch> {
    const walk = this.#walk(range, onDamaged, wanted === undefined ? {} : { wanted });
    for (let step = walk.next(); !step.done; ) {
      if ('question' in step.value) {
        step = walk.next(await this.#past!.askLater(step.value.question));
        continue;
      }
      yield step.value;
      step = walk.next();
    }
  }

  /** Of the batch at this position; undefined if there is none, or another kind of entry. */
  sha256At(position: number): Uint8Array | undefined {
    const past = this.#past;
    return this.#retried(names => {
      const isPast = past !== undefined && names.length > 0 && position < this.#files.open(names[0]!).first;
      if (!isPast || position < 1) return this.#files.sha256At(position);
      const one = { from: position, upTo: position, headsOnly: true, max: { batches: 1, bytes: 1 } };
      return past.ask(one).batches[0]?.sha256;
    });
  }

  /** All of them, ascending: there is one each time the operator gives another database. */
  geoEntries(): GeoEntry[] {
    return this.#retried(names => {
      const isWhole = names.length === 0 || this.#files.open(names[0]!).first === 1;
      const past = isWhole ? [] : (this.#past?.facts().geo ?? []);
      const present = names.flatMap(name => this.#files.open(name).geo());
      const from = present[0]?.position ?? Number.MAX_SAFE_INTEGER;
      return [...past.filter(({ position }) => position < from), ...present];
    });
  }

  /** Days of which records were kept long enough, and are gone: they cannot be folded again. */
  expired(): readonly number[] {
    return this.#retried(names => {
      const isWhole = names.length === 0 || this.#files.open(names[0]!).first === 1;
      return isWhole ? [] : (this.#past?.facts().expired ?? []);
    });
  }

  isExpired = (day: number): boolean => this.expired().includes(day);

  close(): void {
    this.#files.close();
    this.#past?.close();
  }

  /** The day's batches, and what the past is to be asked for meanwhile. */
  *#walk(
    range: DayRange,
    onDamaged: OnDamaged | undefined,
    how: How,
  ): Generator<LoggedBatch | PickedBatch | { question: PastQuestion }, void, PastAnswer> {
    const { day, upTo } = range;
    const max = Object.keys(how).length === 0 ? pastMax : partlyMax;
    const damaged = (error: DamagedEntry) => {
      if (onDamaged === undefined) throw error;
      onDamaged(error);
    };
    for (let from = range.from; from <= upTo; ) {
      const names = this.#files.names();
      try {
        if (names.length === 0) return;
        const first = this.#files.open(names[0]!).first;
        while (this.#past !== undefined && from <= Math.min(upTo, first - 1)) {
          const answer = yield { question: { day, from, upTo: Math.min(upTo, first - 1), max, ...how } };
          for (const one of answer.damaged) damaged(new DamagedEntry('the archive', one.position));
          yield* answer.picked ?? answer.batches;
          from = answer.next;
        }
        for (const name of names.slice(this.#files.find(names, from))) {
          from = Math.max(from, this.#files.open(name).first);
          while (from <= upTo) {
            // Opened each time: others may have used the reader between two batches.
            const batch = this.#nextOfDay(name, { day, from, upTo });
            if (batch === undefined) break;
            from = batch.position + 1;
            if (batch instanceof DamagedEntry) damaged(batch);
            else yield batch;
          }
        }
        return;
      } catch (error) {
        if (!this.#files.wentMeanwhile(names, error)) throw error;
      }
    }
  }

  #nextOfDay(name: string, { day, from, upTo }: DayRange): LoggedBatch | DamagedEntry | undefined {
    try {
      return this.#files.open(name).nextOfDay(day, from, upTo);
    } catch (error) {
      if (error instanceof DamagedEntry) return error;
      throw error;
    }
  }

  /** Again, if the archive took over the oldest file just when it was to be read. */
  #retried<T>(read: (names: string[]) => T): T {
    for (;;) {
      const names = this.#files.names();
      try {
        return read(names);
      } catch (error) {
        if (!this.#files.wentMeanwhile(names, error)) throw error;
      }
    }
  }

  #afterInFiles(
    names: string[],
    start: number,
    max: { readonly batches: number; readonly bytes: number },
  ): LoggedBatch[] {
    let from = start;
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

  /** Batches and geo entries together have every position from `from` to the last batch's. */
  #whole(name: string, from: number, batches: LoggedBatch[]): LoggedBatch[] {
    const last = batches.at(-1)!.position;
    const missing = last - from + 1 - batches.length;
    // A page that is taken for another gives entries twice.
    const isAscending = batches.every(({ position }, n) => n === 0 || position > batches[n - 1]!.position);
    if (missing !== 0 || !isAscending) {
      const geo = this.#files.open(name).geo(from, last).length;
      if (geo !== missing || !isAscending) throw lacking(this.#files.open(name).path, from, last);
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

/** Empty when the past has nothing more. Throws `DamagedEntry` if the next one is damaged. */
function afterInPast(past: LogPast, question: PastQuestion): LoggedBatch[] {
  for (let { from } = question; from <= question.upTo; ) {
    const { batches, damaged, next } = past.ask({ ...question, from });
    const [bad] = damaged;
    const sound = bad === undefined ? [...batches] : batches.filter(({ position }) => position < bad.position);
    if (sound.length > 0) return sound;
    if (bad !== undefined) throw new DamagedEntry('the archive', bad.position);
    from = next;
  }
  return [];
}
