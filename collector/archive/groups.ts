/**
 * A part's row groups: which countries each has, where it lies, and what its bytes' checksum is. They stand in the file of the
 * part's heads, so that rows of one country can be taken out of the groups that have them, and the rest is not read; what is read
 * without being put together to whole batches is at least what was written.
 */
import fs from 'node:fs';
import { crc32 } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { quoted } from './duck.ts';

export interface RowGroup {
  /** Its rows' lowest and highest country. */
  readonly first: string;
  readonly last: string;
  readonly rows: number;
  /** Where it lies in the file. */
  readonly offset: number;
  readonly bytes: number;
  /** CRC-32 of these. */
  readonly crc: number;
}

/** Rows of a file, by their numbers in it. */
export interface RowRange {
  readonly from: number;
  /** Not one of them. */
  readonly to: number;
}

/** As they lie in a file that was just written, in their order. */
export async function groupsOf(connection: DuckDBConnection, file: string): Promise<RowGroup[]> {
  const start = 'coalesce(dictionary_page_offset, data_page_offset)';
  const found = await connection.runAndReadAll(
    `SELECT any_value(row_group_num_rows)::DOUBLE, min(${start})::DOUBLE, max(${start} + total_compressed_size)::DOUBLE,
       min(stats_min_value) FILTER (path_in_schema = 'country'), max(stats_max_value) FILTER (path_in_schema = 'country')
     FROM parquet_metadata(${quoted(file)}) GROUP BY row_group_id ORDER BY row_group_id`,
  );
  const handle = fs.openSync(file, 'r');
  try {
    return (found.getRows() as [number, number, number, string, string][]).map(([rows, offset, end, first, last]) => {
      const bytes = end - offset;
      return { first, last, rows, offset, bytes, crc: checksum(handle, offset, bytes) };
    });
  } finally {
    fs.closeSync(handle);
  }
}

/**
 * Where rows of any of the countries may be: the ranges of the groups that may have some, those beside one another as one. Throws
 * `BadDatabase` if one of these is not what was written.
 */
export function rangesOf(file: string, groups: readonly RowGroup[], countries: readonly string[]): RowRange[] {
  const ranges: RowRange[] = [];
  const handle = fs.openSync(file, 'r');
  try {
    let from = 0;
    for (const { first, last, rows, offset, bytes, crc } of groups) {
      const to = from + rows;
      if (countries.some(country => country >= first && country <= last)) {
        if (checksum(handle, offset, bytes) !== crc) throw new BadDatabase(`${file} is damaged at byte ${offset}`);
        const before = ranges.at(-1)?.to === from ? ranges.pop() : undefined;
        ranges.push({ from: before?.from ?? from, to });
      }
      from = to;
    }
    return ranges;
  } finally {
    fs.closeSync(handle);
  }
}

const pieceBytes = 2 ** 18;

function checksum(handle: number, offset: number, bytes: number): number {
  const piece = new Uint8Array(Math.min(bytes, pieceBytes));
  let crc = 0;
  for (let at = 0; at < bytes; ) {
    const read = fs.readSync(handle, piece, 0, Math.min(piece.length, bytes - at), offset + at);
    if (read === 0) break; // it was cut short, and the sum will be another
    crc = crc32(piece.subarray(0, read), crc);
    at += read;
  }
  return crc;
}
