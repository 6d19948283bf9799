/** Open days as they were read from their states, kept: pages ask for the same days again and again. */
import type { DayRows, Row, RowTable } from '../reduce/rows.ts';

export interface OpenDaysOptions {
  /**
   * A day that took long to read is told again for ten times as long, and at the most for so many milliseconds, though it has
   * grown. 0 unless given: it is always read anew.
   */
  readonly againMsMax?: number;
  /** Milliseconds of any clock that does not jump. */
  readonly now?: () => number;
}

/** Which day, and what it had come to when it was read. */
export interface OpenDay {
  readonly day: number;
  readonly revision: number;
  readonly packets: number;
}

/** A day read, and what it takes of memory. */
export interface ReadDay {
  readonly rows: DayRows;
  /** Cells and sources. */
  readonly cells: number;
}

interface Kept extends OpenDay, ReadDay {
  /** When it was read, and how long that took. */
  readonly atMs: number;
  readonly tookMs: number;
}

/** What takes less is read again whenever it has grown. */
const quickMs = 100;
const againTimes = 10;
/** Of the days kept, some 200 MB; the one read last is kept whatever it has, for it is the one that takes long. */
const cellsMax = 1_000_000;

export class OpenDays {
  /** The least recently made first. */
  readonly #kept = new Map<number, Kept>();
  readonly #againMsMax: number;
  readonly #now: () => number;

  constructor({ againMsMax = 0, now = () => performance.now() }: OpenDaysOptions = {}) {
    this.#againMsMax = againMsMax;
    this.#now = now;
  }

  /** Undefined if `read` has none. */
  rows({ day, revision, packets }: OpenDay, read: () => ReadDay | undefined): DayRows | undefined {
    const known = this.#known({ day, revision, packets });
    if (known !== undefined) return known;
    const beganMs = this.#now();
    const one = read();
    if (one === undefined) return undefined;
    const rows = onceEach(one.rows);
    const atMs = this.#now();
    this.#kept.set(day, { day, revision, packets, rows, cells: one.cells, atMs, tookMs: atMs - beganMs });
    let cells = [...this.#kept.values()].reduce((sum, other) => sum + other.cells, 0);
    for (const [oldest, other] of this.#kept) {
      if (cells <= cellsMax || oldest === day) break;
      this.#kept.delete(oldest);
      cells -= other.cells;
    }
    return rows;
  }

  /** One that will not do is kept no more: it would be in memory beside the one that is read. */
  #known(now: OpenDay): DayRows | undefined {
    const known = this.#kept.get(now.day);
    if (known !== undefined && this.#isToldAgain(known, now)) return known.rows;
    this.#kept.delete(now.day);
    return undefined;
  }

  /** Of another revision, or with fewer packets, it is another day. */
  #isToldAgain({ revision, packets, atMs, tookMs }: Kept, now: OpenDay): boolean {
    if (revision !== now.revision || packets > now.packets) return false;
    if (packets === now.packets) return true;
    const againMs = tookMs < quickMs ? 0 : Math.min(againTimes * tookMs, this.#againMsMax);
    return this.#now() - atMs < againMs;
  }
}

/** The same, each table made once. */
function onceEach(day: DayRows): DayRows {
  const made = new Map<RowTable, Row[]>();
  const whole = (table: RowTable): Row[] => {
    const rows = made.get(table) ?? day.rows(table);
    made.set(table, rows);
    return rows;
  };
  return {
    ...day,
    rows: (table, a) => (a === undefined ? [...whole(table)] : whole(table).filter(row => row.a === a)),
  };
}
