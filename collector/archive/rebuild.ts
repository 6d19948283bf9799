/**
 * Batches out of a part, as they came. A part is read once through, in the order it is sorted, and each value is put where its
 * batch and its record say, in memory for all of the part's batches; then each batch's canonical bytes lie there (its head and
 * its columns, common/batch/format.ts), whose SHA-256 is the batch's name.
 */
import { createHash } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { codeColumns } from '../../common/batch/columns.ts';
import { columnBytes } from '../../common/batch/format.ts';
import { readBatchHeader } from '../../common/batch/open.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { HOUR_MICROS } from '../../common/time.ts';
import type { LoggedBatch } from '../log/entry.ts';
import { quoted } from './duck.ts';
import type { BatchHead } from './heads.ts';
import type { ColumnName } from './layout.ts';

/** What a batch is made of. */
const PLACE = ['batch', 'record', 'time'] as const satisfies ColumnName[];
const WORDS = { 4: ['src4', 'dst4'], 6: ['src6_high', 'src6_low', 'dst6_high', 'dst6_low'] } as const;
const HALVES = ['src_port', 'dst_port', 'length', 'win', 'seq_fold'] as const satisfies ColumnName[];
const BYTES = ['protocol', 'flags', 'ttl', 'tool'] as const satisfies ColumnName[];

const WORD = 2 ** 32;
/** For a moment, and not for a wire. */
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: -50 } };

/** Where a batch of the part lies, in elements of 32, 16 and 8 bits. */
interface Places {
  /** Hours since 1970. */
  readonly hour: Float64Array;
  readonly count: Uint32Array;
  readonly family: Uint8Array;
  readonly words: Uint32Array;
  readonly halves: Uint32Array;
  readonly bytes: Uint32Array;
}

/** The batches of one part, in memory. */
export class PartBatches {
  readonly heads: readonly BatchHead[];
  readonly #buffer: ArrayBuffer;
  readonly #ends: readonly number[];

  private constructor(heads: readonly BatchHead[], buffer: ArrayBuffer, ends: readonly number[]) {
    this.heads = heads;
    this.#buffer = buffer;
    this.#ends = ends;
  }

  /** Reads the Parquet file. Throws `BadDatabase` if it cannot be read, or is no part with these heads. */
  static async read(connection: DuckDBConnection, file: string, heads: readonly BatchHead[]): Promise<PartBatches> {
    const { places, buffer, ends } = layOut(heads);
    const families = new Set(places.family);
    const records = places.count.reduce((sum, count) => sum + count, 0);
    const names = [...PLACE, ...WORDS[4], ...(families.has(6) ? WORDS[6] : []), ...HALVES, ...BYTES];
    let rows = 0;
    try {
      const result = await connection.stream(`SELECT ${names.join(', ')} FROM read_parquet(${quoted(file)})`);
      const views = { words: new Uint32Array(buffer), halves: new Uint16Array(buffer), bytes: new Uint8Array(buffer) };
      for (;;) {
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) break;
        rows += chunk.rowCount;
        scatter(columnsOf(chunk, names), chunk.rowCount, places, views);
      }
    } catch (error) {
      throw new BadDatabase(`${file} cannot be read: ${(error as Error).message}`);
    }
    if (rows !== records) throw new BadDatabase(`${file} has ${rows} records, where its batches have ${records}`);
    return new PartBatches(heads, buffer, ends);
  }

  /** Bytes of the canonical form: views of this memory. */
  canonical(index: number): Uint8Array {
    const start = index === 0 ? 0 : aligned(this.#ends[index - 1]!);
    return new Uint8Array(this.#buffer, start, this.#ends[index]! - start);
  }

  /** Whether it is the batch that came. */
  isSound = (index: number): boolean =>
    Buffer.compare(createHash('sha256').update(this.canonical(index)).digest(), this.heads[index]!.sha256) === 0;

  /** As the log would give it. What is not the batch that came does not open either. */
  logged(index: number): LoggedBatch {
    const head = this.heads[index]!;
    const { family, count } = readBatchHeader(head.bytes);
    if (count === 0) return head;
    const columns = this.canonical(index).subarray(head.bytes.length);
    const coded = new Uint8Array(columns.length);
    codeColumns(columns, coded, family, count);
    return { ...head, bytes: Buffer.concat([head.bytes, zstdCompressSync(coded, FAST)]) };
  }
}

const aligned = (at: number): number => (at + 7) & ~7;

function layOut(heads: readonly BatchHead[]): { places: Places; buffer: ArrayBuffer; ends: number[] } {
  const number = heads.length;
  const places: Places = {
    hour: new Float64Array(number),
    count: new Uint32Array(number),
    family: new Uint8Array(number),
    words: new Uint32Array(number),
    halves: new Uint32Array(number),
    bytes: new Uint32Array(number),
  };
  const ends: number[] = [];
  let at = 0;
  for (const [n, { bytes }] of heads.entries()) {
    const { family, count, hour } = readBatchHeader(bytes);
    const words = aligned(at) + bytes.length;
    const halves = words + 4 * count * (family === 4 ? 3 : 9);
    places.hour[n] = hour;
    places.count[n] = count;
    places.family[n] = family;
    places.words[n] = words / 4;
    places.halves[n] = halves / 2;
    places.bytes[n] = halves + 10 * count;
    at = words + columnBytes(family, count);
    ends.push(at);
  }
  const buffer = new ArrayBuffer(aligned(at));
  const all = new Uint8Array(buffer);
  for (const [n, { bytes }] of heads.entries()) all.set(bytes, 4 * places.words[n]! - bytes.length);
  return { places, buffer, ends };
}

type Columns = Partial<Record<ColumnName, Uint8Array | Uint16Array | Uint32Array>>;
const WIDTHS: Partial<Record<ColumnName, 1 | 2 | 8>> = {
  time: 8,
  ...{ src6_high: 8, src6_low: 8, dst6_high: 8, dst6_low: 8, batch: 2, record: 2 },
  ...Object.fromEntries(HALVES.map(name => [name, 2])),
  ...Object.fromEntries(BYTES.map(name => [name, 1])),
};

/** Views of the chunk's vectors; 64-bit values as pairs of words. */
function columnsOf(chunk: DuckDBDataChunk, names: readonly ColumnName[]): Columns {
  const rows = chunk.rowCount;
  const columns: Columns = {};
  for (const [index, name] of names.entries()) {
    const width = WIDTHS[name] ?? 4;
    const { buffer, byteOffset } = duckdb.vector_get_data(
      duckdb.data_chunk_get_vector(chunk.chunk, index),
      width * rows,
    );
    if (width === 1) columns[name] = new Uint8Array(buffer, byteOffset, rows);
    else if (width === 2) columns[name] = new Uint16Array(buffer, byteOffset, rows);
    else columns[name] = new Uint32Array(buffer, byteOffset, (width / 4) * rows);
  }
  return columns;
}

interface Views {
  readonly words: Uint32Array;
  readonly halves: Uint16Array;
  readonly bytes: Uint8Array;
}

/** Each value to where its batch has it. A row that says a place that is not there is left out: the batch's name will tell. */
function scatter(columns: Columns, rows: number, places: Places, views: Views): void {
  const batch = columns.batch!;
  const record = columns.record!;
  const time = columns.time!;
  const { hour, count, family, words } = places;
  for (let i = 0; i < rows; i++) {
    const b = batch[i]!;
    const r = record[i]!;
    const n = count[b];
    if (n === undefined || r >= n) continue;
    const at = words[b]!;
    const micros = time[2 * i]! + WORD * time[2 * i + 1]! - hour[b]! * HOUR_MICROS;
    if (family[b] === 4) {
      views.words[at + r] = columns.src4![i]!;
      views.words[at + n + r] = columns.dst4![i]!;
      views.words[at + 2 * n + r] = micros;
    } else {
      scatter6(columns, i, views.words, at + 4 * r, at + 4 * (n + r));
      views.words[at + 8 * n + r] = micros;
    }
  }
  for (const [k, name] of HALVES.entries())
    scatterHalves(columns[name] as Uint16Array, k, rows, columns as Placed, places, views.halves);
  for (const [k, name] of BYTES.entries())
    scatterBytes(columns[name] as Uint8Array, k, rows, columns as Placed, places, views.bytes);
}

type Placed = Record<'batch' | 'record', Uint16Array>;

/** Twice, so that each is of one kind of array to the compiler. */
function scatterHalves(
  from: Uint16Array,
  k: number,
  rows: number,
  { batch, record }: Placed,
  { count, halves }: Places,
  to: Uint16Array,
): void {
  for (let i = 0; i < rows; i++) {
    const b = batch[i]!;
    const n = count[b]!;
    const r = record[i]!;
    if (r < n) to[halves[b]! + k * n + r] = from[i]!;
  }
}

function scatterBytes(
  from: Uint8Array,
  k: number,
  rows: number,
  { batch, record }: Placed,
  { count, bytes }: Places,
  to: Uint8Array,
): void {
  for (let i = 0; i < rows; i++) {
    const b = batch[i]!;
    const n = count[b]!;
    const r = record[i]!;
    if (r < n) to[bytes[b]! + k * n + r] = from[i]!;
  }
}

function scatter6(columns: Columns, i: number, words: Uint32Array, src: number, dst: number): void {
  for (const [at, high, low] of [
    [src, columns.src6_high!, columns.src6_low!],
    [dst, columns.dst6_high!, columns.dst6_low!],
  ] as const) {
    words[at] = high[2 * i + 1]!;
    words[at + 1] = high[2 * i]!;
    words[at + 2] = low[2 * i + 1]!;
    words[at + 3] = low[2 * i]!;
  }
}
