/**
 * Batches out of a part, as they came. A part is read once through, in the order it is sorted, and each row is put where its
 * batch and its record say (rows.ts), in memory for all of the part's batches; a batch's rows are turned into its canonical bytes
 * (its head and its columns, common/batch/format.ts), whose SHA-256 is the batch's name, when it is asked for.
 */
import { createHash } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import { codeColumns, viewRecords } from '../../common/batch/columns.ts';
import { columnBytes } from '../../common/batch/format.ts';
import { readBatchHeader } from '../../common/batch/open.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { HOUR_MICROS } from '../../common/time.ts';
import type { LoggedBatch } from '../log/entry.ts';
import { type Columns, columnNames, columnsOf, packRow, packRowWide } from './columns.ts';
import { quoted } from './duck.ts';
import type { BatchHead } from './heads.ts';
import { ROW_WORDS, unpackRows, unpackWide, WIDE_WORDS } from './rows.ts';

/** For a moment, and not for a wire. */
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: -50 } };

/** Of each batch of the part. */
interface Places {
  /** Where its hour begins, microseconds since 1970. */
  readonly start: Float64Array;
  readonly count: Uint32Array;
  readonly family: Uint8Array;
  /** Its first row. */
  readonly row: Uint32Array;
  /** The first of its IPv6 addresses. */
  readonly wide: Uint32Array;
}

/** The batches of one part, in memory. */
export class PartBatches {
  readonly heads: readonly BatchHead[];
  readonly #places: Places;
  readonly #rows: Uint32Array;
  readonly #wide: Uint32Array;

  private constructor(heads: readonly BatchHead[], places: Places, rows: Uint32Array, wide: Uint32Array) {
    this.heads = heads;
    this.#places = places;
    this.#rows = rows;
    this.#wide = wide;
  }

  /** Reads the Parquet file. Throws `BadDatabase` if it cannot be read, or is no part with these heads. */
  static async read(connection: DuckDBConnection, file: string, heads: readonly BatchHead[]): Promise<PartBatches> {
    const { places, records, wideRecords } = layOut(heads);
    const rows = new Uint32Array(ROW_WORDS * records);
    const wide = new Uint32Array(WIDE_WORDS * wideRecords);
    const names = columnNames(wideRecords > 0);
    let found = 0;
    try {
      const result = await connection.stream(`SELECT ${names.join(', ')} FROM read_parquet(${quoted(file)})`);
      for (;;) {
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) break;
        const { rowCount } = chunk;
        const columns = columnsOf(chunk, rowCount, names);
        found += rowCount;
        scatter(columns, rowCount, places, rows);
        if (wideRecords > 0) scatterWide(columns, rowCount, places, wide);
      }
    } catch (error) {
      throw new BadDatabase(`${file} cannot be read: ${(error as Error).message}`);
    }
    if (found !== records) throw new BadDatabase(`${file} has ${found} records, where its batches have ${records}`);
    return new PartBatches(heads, places, rows, wide);
  }

  /** Its canonical bytes. */
  canonical(index: number): Uint8Array {
    const { bytes: head } = this.heads[index]!;
    const { count, family, row, wide } = this.#places;
    const [n, version] = [count[index]!, family[index] === 4 ? 4 : 6] as const;
    const bytes = new Uint8Array(head.length + columnBytes(version, n));
    bytes.set(head);
    const records = viewRecords(version, n, 0, bytes.buffer, head.length);
    unpackRows(this.#rows, ROW_WORDS * row[index]!, ROW_WORDS, records);
    if (version === 6) unpackWide(this.#wide, WIDE_WORDS * wide[index]!, records);
    return bytes;
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

function layOut(heads: readonly BatchHead[]): { places: Places; records: number; wideRecords: number } {
  const number = heads.length;
  const places: Places = {
    start: new Float64Array(number),
    count: new Uint32Array(number),
    family: new Uint8Array(number),
    row: new Uint32Array(number),
    wide: new Uint32Array(number),
  };
  let [records, wideRecords] = [0, 0];
  for (const [n, { bytes }] of heads.entries()) {
    const { family, count, hour } = readBatchHeader(bytes);
    places.start[n] = hour * HOUR_MICROS;
    places.count[n] = count;
    places.family[n] = family;
    places.row[n] = records;
    places.wide[n] = wideRecords;
    records += count;
    if (family === 6) wideRecords += count;
  }
  return { places, records, wideRecords };
}

/** Each row to where its batch has it. One that says a place that is not there is left out: the batch's name will tell. */
function scatter(columns: Columns, rows: number, { start, count, row }: Places, to: Uint32Array): void {
  const { batch, record } = columns;
  for (let i = 0; i < rows; i++) {
    const n = batch[i]!;
    const r = record[i]!;
    if (n < count.length && r < count[n]!) packRow(columns, i, start[n]!, to, ROW_WORDS * (row[n]! + r));
  }
}

/** The addresses of IPv6. */
function scatterWide(columns: Columns, rows: number, { family, count, wide }: Places, to: Uint32Array): void {
  const { batch, record } = columns;
  for (let i = 0; i < rows; i++) {
    const n = batch[i]!;
    const r = record[i]!;
    if (family[n] === 6 && r < count[n]!) packRowWide(columns, i, to, WIDE_WORDS * (wide[n]! + r));
  }
}
