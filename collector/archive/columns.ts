/** What a batch is made of as DuckDB gives it, chunk by chunk, and how it becomes rows (rows.ts). */
import type { DuckDBDataChunk } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { COLUMNS, type ColumnName } from './layout.ts';

const OF_ALL = [
  ...(['batch', 'record', 'time', 'src4', 'dst4', 'src_port', 'dst_port', 'length', 'win', 'seq_fold'] as const),
  ...(['protocol', 'flags', 'ttl', 'tool'] as const),
] as const satisfies ColumnName[];
const OF_IPV6 = ['src6_high', 'src6_low', 'dst6_high', 'dst6_low'] as const satisfies ColumnName[];

const WORD = 2 ** 32;

/** What is to be selected, in this order. */
export const columnNames = (hasIpv6: boolean): readonly ColumnName[] => (hasIpv6 ? [...OF_ALL, ...OF_IPV6] : OF_ALL);

/** 64-bit values as pairs of words, the lower first. */
export interface Columns {
  readonly batch: Uint16Array;
  readonly record: Uint16Array;
  readonly time: Uint32Array;
  readonly src4: Uint32Array;
  readonly dst4: Uint32Array;
  readonly src_port: Uint16Array;
  readonly dst_port: Uint16Array;
  readonly length: Uint16Array;
  readonly win: Uint16Array;
  readonly seq_fold: Uint16Array;
  readonly protocol: Uint8Array;
  readonly flags: Uint8Array;
  readonly ttl: Uint8Array;
  readonly tool: Uint8Array;
  /** Only if they were selected. */
  readonly src6_high?: Uint32Array;
  readonly src6_low?: Uint32Array;
  readonly dst6_high?: Uint32Array;
  readonly dst6_low?: Uint32Array;
}

const TYPES = Object.fromEntries(COLUMNS) as Record<ColumnName, (typeof COLUMNS)[number][1]>;

/** Views of the chunk's vectors, whose columns are these. */
export function columnsOf({ chunk }: DuckDBDataChunk, rows: number, names: readonly ColumnName[]): Columns {
  const columns: Partial<Record<ColumnName, Uint8Array | Uint16Array | Uint32Array>> = {};
  for (const [index, name] of names.entries()) {
    const vector = duckdb.data_chunk_get_vector(chunk, index);
    const view = (bytes: number) => duckdb.vector_get_data(vector, bytes * rows);
    const type = TYPES[name];
    if (type === 'UTINYINT') columns[name] = view(1);
    else if (type === 'USMALLINT') columns[name] = new Uint16Array(...placeOf(view(2)), rows);
    else if (type === 'UINTEGER') columns[name] = new Uint32Array(...placeOf(view(4)), rows);
    else columns[name] = new Uint32Array(...placeOf(view(8)), 2 * rows);
  }
  return columns as unknown as Columns;
}

const placeOf = ({ buffer, byteOffset }: Uint8Array) => [buffer, byteOffset] as const;

/** Row `i` of the chunk to word `at`; `start` is when its batch's hour began, microseconds since 1970. */
export function packRow(columns: Columns, i: number, start: number, to: Uint32Array, at: number): void {
  const { time, src_port, dst_port, length, win, protocol, flags, ttl, tool } = columns;
  to[at] = columns.src4[i]!;
  to[at + 1] = columns.dst4[i]!;
  to[at + 2] = time[2 * i]! + WORD * time[2 * i + 1]! - start;
  to[at + 3] = src_port[i]! | (dst_port[i]! << 16);
  to[at + 4] = length[i]! | (win[i]! << 16);
  to[at + 5] = columns.seq_fold[i]!;
  to[at + 6] = protocol[i]! | (flags[i]! << 8) | (ttl[i]! << 16) | (tool[i]! << 24);
}

/** Its IPv6 addresses. */
export function packRowWide(columns: Columns, i: number, to: Uint32Array, at: number): void {
  const { src6_high, src6_low, dst6_high, dst6_low } = columns;
  packHalf(src6_high!, i, to, at);
  packHalf(src6_low!, i, to, at + 2);
  packHalf(dst6_high!, i, to, at + 4);
  packHalf(dst6_low!, i, to, at + 6);
}

function packHalf(half: Uint32Array, i: number, to: Uint32Array, at: number): void {
  to[at] = half[2 * i + 1]!;
  to[at + 1] = half[2 * i]!;
}
