/**
 * A part's row groups: which countries each has, where it lies, and what its bytes' checksum is. They stand in the file of the
 * part's heads, so that rows of one country can be taken out of the groups that have them, and the rest is not read; what is read
 * without being put together to whole batches is at least what was written. So is what lies behind the groups, by which DuckDB
 * itself leaves groups out: their lowest and highest values, and filters.
 */
import fs from 'node:fs';
import { crc32 } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { quoted } from './duck.ts';

/** Some of a file's bytes, and their CRC-32. */
interface Summed {
  readonly offset: number;
  readonly bytes: number;
  readonly crc: number;
}

export interface RowGroup extends Summed {
  /** Its rows' lowest and highest country. */
  readonly first: string;
  readonly last: string;
  readonly rows: number;
}

export interface RowGroups {
  readonly groups: readonly RowGroup[];
  /** From the last group to the file's end. */
  readonly footer: Summed;
}

/** Rows of a file, by their numbers in it. */
export interface RowRange {
  readonly from: number;
  /** Not one of them. */
  readonly to: number;
}

/** As they lie in a file that was just written, in their order. */
export async function groupsOf(connection: DuckDBConnection, file: string): Promise<RowGroups> {
  const start = 'coalesce(dictionary_page_offset, data_page_offset)';
  const found = await connection.runAndReadAll(
    `SELECT any_value(row_group_num_rows)::DOUBLE, min(${start})::DOUBLE, max(${start} + total_compressed_size)::DOUBLE,
       min(stats_min_value) FILTER (path_in_schema = 'country'), max(stats_max_value) FILTER (path_in_schema = 'country')
     FROM parquet_metadata(${quoted(file)}) GROUP BY row_group_id ORDER BY row_group_id`,
  );
  const handle = fs.openSync(file, 'r');
  try {
    const summed = (offset: number, end: number): Summed => {
      const bytes = end - offset;
      return { offset, bytes, crc: checksum(handle, offset, bytes) };
    };
    const rows = found.getRows() as [number, number, number, string, string][];
    const groups = rows.map(([rows, offset, end, first, last]) => ({ first, last, rows, ...summed(offset, end) }));
    const { offset, bytes } = groups.at(-1) ?? { offset: 0, bytes: 0 };
    return { groups, footer: summed(offset + bytes, fs.fstatSync(handle).size) };
  } finally {
    fs.closeSync(handle);
  }
}

/**
 * Where rows of any of the countries may be: the ranges of the groups that may have some, those beside one another as one. Throws
 * `BadDatabase` if one of these, or the footer, is not what was written.
 */
export function rangesOf(file: string, { groups, footer }: RowGroups, countries: readonly string[]): RowRange[] {
  const ranges: RowRange[] = [];
  const handle = fs.openSync(file, 'r');
  const check = ({ offset, bytes, crc }: Summed) => {
    if (checksum(handle, offset, bytes) !== crc) throw new BadDatabase(`${file} is damaged at byte ${offset}`);
  };
  try {
    check(footer);
    if (fs.fstatSync(handle).size !== footer.offset + footer.bytes) throw new BadDatabase(`${file} has another length`);
    let from = 0;
    for (const group of groups) {
      const { first, last, rows } = group;
      const to = from + rows;
      if (countries.some(country => country >= first && country <= last)) {
        check(group);
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
