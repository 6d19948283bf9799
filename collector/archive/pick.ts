/**
 * Rows of some countries out of a part, by their batches: of the part's row groups those are read that may have some. What comes is
 * in no batch's SHA-256, which is of all of its records; the groups' checksums stand for them (groups.ts).
 */
import assert from 'node:assert/strict';
import type { DuckDBConnection } from '@duckdb/node-api';
import { viewRecords } from '../../common/batch/columns.ts';
import { columnBytes } from '../../common/batch/format.ts';
import { type BatchLook, readBatchHeader } from '../../common/batch/open.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { HOUR_MICROS } from '../../common/time.ts';
import type { PickedRecords } from '../log/past.ts';
import { type Columns, columnNames, columnsOf, packRow, packRowWide } from './columns.ts';
import { quoted } from './duck.ts';
import { type RowGroups, rangesOf } from './groups.ts';
import type { BatchHead } from './heads.ts';
import { partBatchesMax, partRecordsMax } from './layout.ts';
import { ROW_WORDS, unpackRows, unpackWide, WIDE_WORDS } from './rows.ts';

/** Batch, record and row in one number: 16, 16 and 21 bits. */
const ROW_SPAN = 2 ** 21;
const RECORD_SPAN = 2 ** 16;
assert(partRecordsMax <= ROW_SPAN && partBatchesMax <= RECORD_SPAN, 'every row of a part has a number');

export interface PickedPart {
  readonly heads: readonly BatchHead[];
  readonly groups: RowGroups;
}

export class PickedRows {
  readonly #looks: readonly BatchLook[];
  /** By batch, then record; of each the number of its row. */
  readonly #keys: Float64Array;
  /** Where each batch's begin. */
  readonly #starts: Uint32Array;
  readonly #rows: Uint32Array;
  readonly #wide: Uint32Array | undefined;

  private constructor(looks: readonly BatchLook[], { keys, rows, wide }: Found) {
    this.#looks = looks;
    this.#keys = keys.sort();
    this.#starts = startsOf(keys, looks.length);
    this.#rows = rows;
    this.#wide = wide;
  }

  /** Throws `BadDatabase` if what is to be read is not what was written. */
  static async read(
    connection: DuckDBConnection,
    file: string,
    { heads, groups }: PickedPart,
    countries: readonly string[],
  ): Promise<PickedRows> {
    try {
      const looks = heads.map(({ bytes }) => readBatchHeader(bytes));
      return new PickedRows(looks, await find(connection, file, looks, groups, countries));
    } catch (error) {
      throw error instanceof BadDatabase
        ? error
        : new BadDatabase(`${file} cannot be read: ${(error as Error).message}`);
    }
  }

  /** Of a batch, ascending by their numbers; undefined if it has none. */
  of(index: number): PickedRecords | undefined {
    const keys = this.#keys.subarray(this.#starts[index]!, this.#starts[index + 1]!);
    if (keys.length === 0) return undefined;
    const { family, hour } = this.#looks[index]!;
    const records = viewRecords(family, keys.length, hour, new ArrayBuffer(columnBytes(family, keys.length)), 0);
    const rows = Uint32Array.from(keys, key => key % ROW_SPAN);
    unpackRows(gathered(this.#rows, rows, ROW_WORDS), 0, ROW_WORDS, records);
    if (family === 6) unpackWide(gathered(this.#wide!, rows, WIDE_WORDS), 0, records);
    return { records, numbers: Uint16Array.from(keys, key => Math.floor(key / ROW_SPAN) % RECORD_SPAN) };
  }
}

interface Found {
  readonly keys: Float64Array;
  readonly rows: Uint32Array;
  readonly wide: Uint32Array | undefined;
}

async function find(
  connection: DuckDBConnection,
  file: string,
  looks: readonly BatchLook[],
  groups: RowGroups,
  countries: readonly string[],
): Promise<Found> {
  const ranges = rangesOf(file, groups, countries);
  const most = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  if (most > ROW_SPAN) throw new BadDatabase(`${file} says that it has ${most} rows`);
  const hasIpv6 = looks.some(({ family }) => family === 6);
  const keys = new Float64Array(most);
  const rows = new Uint32Array(ROW_WORDS * most);
  const wide = hasIpv6 ? new Uint32Array(WIDE_WORDS * most) : undefined;
  if (most === 0) return { keys, rows, wide };
  const names = columnNames(hasIpv6);
  const within = ranges.map(({ from, to }) => `file_row_number BETWEEN ${from} AND ${to - 1}`).join(' OR ');
  const result = await connection.stream(
    `SELECT ${names.join(', ')} FROM read_parquet(${quoted(file)}, file_row_number = true)
     WHERE country IN (${countries.map(quoted).join(', ')}) AND (${within})`,
  );
  let count = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    count = take(columnsOf(chunk, chunk.rowCount, names), chunk.rowCount, looks, { keys, rows, wide }, count);
  }
  return { keys: keys.subarray(0, count), rows, wide };
}

/** Returns how many rows there are with these. */
function take(columns: Columns, rows: number, looks: readonly BatchLook[], to: Found, from: number): number {
  const { batch, record } = columns;
  for (let i = 0; i < rows; i++) {
    const look = looks[batch[i]!];
    const at = from + i;
    if (look === undefined || record[i]! >= look.count) throw new BadDatabase('a row of no batch');
    to.keys[at] = (RECORD_SPAN * batch[i]! + record[i]!) * ROW_SPAN + at;
    packRow(columns, i, look.hour * HOUR_MICROS, to.rows, ROW_WORDS * at);
    if (look.family === 6) packRowWide(columns, i, to.wide!, WIDE_WORDS * at);
  }
  return from + rows;
}

function startsOf(keys: Float64Array, batches: number): Uint32Array {
  const starts = new Uint32Array(batches + 1);
  for (const key of keys) starts[Math.floor(key / (ROW_SPAN * RECORD_SPAN)) + 1]!++;
  for (let n = 1; n <= batches; n++) starts[n]! += starts[n - 1]!;
  return starts;
}

/** These rows, one after the other. */
function gathered(all: Uint32Array, rows: Uint32Array, words: number): Uint32Array {
  const found = new Uint32Array(words * rows.length);
  for (const [n, row] of rows.entries()) found.set(all.subarray(words * row, words * (row + 1)), words * n);
  return found;
}
