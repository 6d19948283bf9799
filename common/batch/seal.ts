/** From a batch in memory to its bytes (format.ts). */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import { HOUR_MICROS } from '../time.ts';
import type { Batch } from './batch.ts';
import { codeColumns, copyRecords, timeMaxOf, viewRecords } from './columns.ts';
import { columnBytes } from './format.ts';
import { writeHead } from './head.ts';

export interface Sealed {
  /** As it lies on disk and travels. */
  readonly bytes: Uint8Array;
  /** Of the canonical bytes, in lower-case hexadecimal. */
  readonly sha256: string;
  readonly records: number;
}

/** The level that takes 14.1 bytes a record in 1 ms a batch of 8,192 (format.ts). */
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/** Reasons for skipping that have no packets are left out. The batch must keep to its limits: whoever fills it sees to that. */
export function sealBatch({ header, records }: Batch): Sealed {
  const { family, count } = records;
  assert(count === 0 || records.hour === header.hour, 'records of another hour than their batch');
  assert(timeMaxOf(records) < HOUR_MICROS, 'a record beyond its hour');
  const columns = new Uint8Array(columnBytes(family, count));
  copyRecords(records, viewRecords(family, count, header.hour, columns.buffer, 0));
  const head = writeHead(header, family, count, crc32(columns));
  return {
    bytes: Buffer.concat([head, compressed(columns, family, count)]),
    sha256: createHash('sha256').update(head).update(columns).digest('hex'),
    records: count,
  };
}

function compressed(columns: Uint8Array, family: 4 | 6, count: number): Uint8Array {
  if (count === 0) return columns;
  const coded = new Uint8Array(columns.length);
  codeColumns(columns, coded, family, count);
  return zstdCompressSync(coded, LEVEL);
}
