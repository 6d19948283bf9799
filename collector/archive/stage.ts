/**
 * What becomes one file, in memory and in its order: rows (rows.ts) as their batches come, then an order of them by country and
 * time. Sorted here and not by DuckDB: its sort moves each of 24 columns of its own, and is the most of what it does.
 *
 * A row of its own beyond rows.ts: the number of the record in its batch in the upper half of word 5, and
 *
 *   7  the number of the batch, and 2^16 times the country's place among the codes in their order
 *   8  the AS number
 *
 * Word 0 of an IPv6 record says which of the wide addresses are its own.
 */
import assert from 'node:assert/strict';
import { type GeoTable, lookup4, lookup6 } from '../../common/geo/table.ts';
import type { Records } from '../../common/record/record.ts';
import { partBatchesMax } from './layout.ts';
import { orderOf } from './order.ts';
import { packRows, packWide, ROW_WORDS, WIDE_WORDS } from './rows.ts';

export const STAGED_WORDS = ROW_WORDS + 2;
const HOURS = 24;

/** A batch as its rows are made from it. */
export interface StagedBatch {
  /** In the part, from 0. */
  readonly number: number;
  readonly sensor: number;
  /** Milliseconds since 1970; null of what nobody received. */
  readonly receivedMs: number | null;
  readonly historic: boolean;
  readonly misdated: boolean;
  readonly records: Records;
}

/** What is the same of all rows of a batch. */
export interface BatchFacts extends Omit<StagedBatch, 'number' | 'records'> {
  readonly family: 4 | 6;
  /** Hours since 1970. */
  readonly hour: number;
}

/** All rows of a file, in memory that another thread may be given. */
export interface Staged {
  /** Country codes in their order. */
  readonly codes: readonly string[];
  readonly rows: Uint32Array<ArrayBuffer>;
  /** IPv6 addresses; undefined where there are none. */
  readonly wide: Uint32Array<ArrayBuffer> | undefined;
  /** Numbers of the rows by country, then time, then as they came. */
  readonly order: Uint32Array<ArrayBuffer>;
  /** By their numbers; none where a batch has no records. */
  readonly batches: readonly BatchFacts[];
}

/** Of one day, for up to so many records. The memory is the system's until it is written to. */
export class Stage {
  readonly #geo: GeoTable;
  readonly #capacity: number;
  readonly #codes: readonly string[];
  /** Country of the geography -> its place among the codes in their order. */
  readonly #ranks: Uint8Array;
  readonly #rows: Uint32Array<ArrayBuffer>;
  #wide: Uint32Array<ArrayBuffer> | undefined;
  readonly #batches: BatchFacts[] = [];
  #count = 0;
  #wideCount = 0;
  /** What each row is sorted by: its country and hour, and the time within. */
  readonly #tops: Uint16Array;
  readonly #times: Uint32Array;

  constructor(geo: GeoTable, capacity: number) {
    this.#geo = geo;
    this.#capacity = capacity;
    this.#codes = geo.countries.toSorted();
    this.#ranks = Uint8Array.from(geo.countries, code => this.#codes.indexOf(code));
    this.#rows = new Uint32Array(STAGED_WORDS * capacity);
    this.#tops = new Uint16Array(capacity);
    this.#times = new Uint32Array(capacity);
  }

  add(batch: StagedBatch): void {
    const { records, number, ...facts } = batch;
    assert(this.#count + records.count <= this.#capacity && number < partBatchesMax);
    this.#batches[number] = { ...facts, family: records.family, hour: records.hour };
    const at = STAGED_WORDS * this.#count;
    packRows(records, this.#rows, at, STAGED_WORDS);
    if (records.family === 6) this.#addWide(records, at);
    this.#times.set(records.time.subarray(0, records.count), this.#count);
    place(batch, this.#geo, this.#ranks, this.#rows, at, this.#tops.subarray(this.#count));
    this.#count += records.count;
  }

  /** Nothing is added afterwards. */
  sorted(): Staged {
    const [tops, times] = [this.#tops.subarray(0, this.#count), this.#times.subarray(0, this.#count)];
    const order = orderOf(tops, times, HOURS * this.#codes.length);
    return { codes: this.#codes, rows: this.#rows, wide: this.#wide, order, batches: this.#batches };
  }

  #addWide(records: Records, at: number): void {
    this.#wide ??= new Uint32Array(WIDE_WORDS * this.#capacity);
    packWide(records, this.#wide, WIDE_WORDS * this.#wideCount);
    for (let i = 0; i < records.count; i++) this.#rows[at + STAGED_WORDS * i] = this.#wideCount + i;
    this.#wideCount += records.count;
  }
}

/** What of a row is the batch's and the geography's, and what it is sorted by. */
function place(
  { number, records }: StagedBatch,
  geo: GeoTable,
  ranks: Uint8Array,
  rows: Uint32Array,
  at: number,
  tops: Uint16Array,
): void {
  const { family, src, count, hour } = records;
  const { placeCountry, placeAsn } = geo;
  for (let i = 0, to = at; i < count; i++, to += STAGED_WORDS) {
    const found =
      family === 4
        ? lookup4(geo, src[i]!)
        : lookup6(geo, src[4 * i]!, src[4 * i + 1]!, src[4 * i + 2]!, src[4 * i + 3]!);
    const rank = ranks[placeCountry[found]!]!;
    rows[to + 5] = rows[to + 5]! | (i << 16);
    rows[to + 7] = number | (rank << 16);
    rows[to + 8] = placeAsn[found]!;
    tops[i] = HOURS * rank + (hour % HOURS);
  }
}
