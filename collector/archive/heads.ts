/**
 * What the log says of each batch beside its records, and the batch's own head (common/batch/format.ts), which has what its
 * sensor watched, skipped and lost: a line of JSON each, in the order of the part, all compressed with zstd.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { headBytesOf } from '../../common/batch/format.ts';
import { readBatchHeader } from '../../common/batch/open.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import type { LoggedBatch } from '../log/entry.ts';
import { partBatchesMax } from './layout.ts';

/** What of a logged batch is no record. Its `bytes` are its head alone. */
export type BatchHead = LoggedBatch;

/** Of `partBatchesMax` heads as long as a head may be, which none will be. */
const textBytesMax = partBatchesMax * 6000;

/** The head that a batch travelled with. */
export function headOf(batch: LoggedBatch): BatchHead {
  const { counters } = readBatchHeader(batch.bytes);
  const length = headBytesOf(Object.keys(counters.skipped).length, counters.lost.length);
  return { ...batch, bytes: batch.bytes.slice(0, length) };
}

const text = (bytes: Uint8Array, encoding: 'hex' | 'base64'): string => Buffer.from(bytes).toString(encoding);

export const writeHeads = (heads: readonly BatchHead[]): Uint8Array =>
  zstdCompressSync(
    heads
      .map(({ sha256, bytes, ...rest }) => {
        const line = { ...rest, sha256: text(sha256, 'hex'), head: text(bytes, 'base64') };
        return `${JSON.stringify(line)}\n`;
      })
      .join(''),
  );

/** Throws `BadDatabase`, which names the `file`. */
export function readHeads(bytes: Uint8Array, file: string): BatchHead[] {
  try {
    const lines = zstdDecompressSync(bytes, { maxOutputLength: textBytesMax }).toString().split('\n').slice(0, -1);
    return lines.map(line => {
      const { sha256, head, ...rest } = JSON.parse(line);
      return {
        ...rest,
        sha256: new Uint8Array(Buffer.from(sha256, 'hex')),
        bytes: new Uint8Array(Buffer.from(head, 'base64')),
      };
    });
  } catch (error) {
    throw new BadDatabase(`${file} is damaged: ${(error as Error).message}`);
  }
}
