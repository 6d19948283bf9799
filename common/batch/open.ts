/** From bytes that anybody may have made to a batch in memory (format.ts). */

import { createHash } from 'node:crypto';
import { constants, crc32, zstdDecompressSync } from 'node:zlib';
import { freeMemory } from '../memory.ts';
import { HOUR_MICROS } from '../time.ts';
import type { Batch, BatchHeader } from './batch.ts';
import { decodeColumns, timeMaxOf, viewRecords } from './columns.ts';
import { BadBatch, check, columnBytes, VERSION, windowLogMax } from './format.ts';
import { type Head, readHead, versionOf } from './head.ts';

export interface OpenedBatch extends Batch {
  /** Of the canonical bytes, in lower-case hexadecimal. */
  readonly sha256: string;
}

/** What the head alone says. */
export interface BatchLook extends BatchHeader {
  readonly family: 4 | 6;
  readonly count: number;
}

interface Reader {
  readonly head: (bytes: Uint8Array) => Head;
  readonly open: (bytes: Uint8Array) => OpenedBatch;
}

/** Ours and the one before it; version 1 is the first. */
const READERS: ReadonlyMap<number, Reader> = new Map([[VERSION, { head: readHead, open }]]);

/** The smallest piece zlib decompresses into. */
const chunkBytesMin = 64;

const chunkBytes = (size: number): number => Math.max(size + 1, chunkBytesMin);

/** The whole batch; its columns are views of memory that nobody else has. Throws `BadBatch`, and nothing else. */
export const openBatch = (bytes: Uint8Array): OpenedBatch => readerOf(bytes).open(bytes);

/** Whose it is and what it counts, without its records: these may still be bad. Throws `BadBatch`, and nothing else. */
export function readBatchHeader(bytes: Uint8Array): BatchLook {
  const { header, family, count } = readerOf(bytes).head(bytes);
  return { ...header, family, count };
}

function readerOf(bytes: Uint8Array): Reader {
  const version = versionOf(bytes);
  const reader = READERS.get(version);
  check(reader !== undefined, `version ${version}, where ${[...READERS.keys()].join(' and ')} can be read`);
  return reader;
}

function open(bytes: Uint8Array): OpenedBatch {
  const { header, family, count, columnsCrc, bytes: headBytes } = readHead(bytes);
  const size = columnBytes(family, count);
  const canonical = new Uint8Array(headBytes + size);
  const columns = canonical.subarray(headBytes);
  canonical.set(bytes.subarray(0, headBytes));
  const coded = decompressed(bytes.subarray(headBytes), size);
  decodeColumns(coded, columns, family, count);
  if (coded.buffer.byteLength === chunkBytes(size)) freeMemory(coded.buffer as ArrayBuffer); // else it is a pool's
  check(crc32(columns) === columnsCrc, "the records' checksum disagrees");
  const records = viewRecords(family, count, header.hour, canonical.buffer, headBytes);
  check(timeMaxOf(records) < HOUR_MICROS, 'a record beyond its hour');
  return { header, records, sha256: createHash('sha256').update(canonical).digest('hex') };
}

/** `size` is bounded by the head's checks; nothing beyond it is decompressed, and no larger window is kept. */
function decompressed(frame: Uint8Array, size: number): Uint8Array {
  if (size === 0) {
    check(frame.length === 0, 'bytes after the last record');
    return frame;
  }
  const { buffer, engine } = decompress(frame, size);
  check(buffer.length === size, 'fewer records than announced');
  check(engine.bytesWritten === frame.length, 'bytes after the last record');
  return buffer;
}

/** `engine.bytesWritten` is what was read of the frame: zlib stops at its end. */
function decompress(frame: Uint8Array, size: number): { buffer: Buffer; engine: { bytesWritten: number } } {
  try {
    const options = {
      maxOutputLength: size,
      chunkSize: chunkBytes(size), // where the output fills it, zlib goes on to what follows the frame
      params: { [constants.ZSTD_d_windowLogMax]: windowLogMax },
      info: true,
    };
    return zstdDecompressSync(frame, options) as unknown as ReturnType<typeof decompress>;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error; // memory that is not there is not the batch's fault
    throw new BadBatch(
      code === 'ERR_BUFFER_TOO_LARGE' ? 'more records than announced' : 'records that cannot be decompressed',
    );
  }
}
