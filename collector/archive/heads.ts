/**
 * What the log says of each batch beside its records, and the batch's own head (common/batch/format.ts), which has what its
 * sensor watched, skipped and lost: a line of JSON each, in the order of the part; then a line with the row groups of the part's
 * other file and their footer (groups.ts), which parts of before there were any lack. All is compressed with zstd.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { headBytesOf } from '../../common/batch/format.ts';
import { readBatchHeader } from '../../common/batch/open.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import type { LoggedBatch } from '../log/entry.ts';
import type { RowGroups } from './groups.ts';
import { partBatchesMax } from './layout.ts';

/** What of a logged batch is no record. Its `bytes` are its head alone. */
export type BatchHead = LoggedBatch;

/** Of `partBatchesMax` heads as long as a head may be, which none will be. */
const textBytesMax = partBatchesMax * 6000;

/** The head that a batch travelled with: copied, for a Buffer's slice would keep all of its batch. */
export function headOf(batch: LoggedBatch): BatchHead {
  const { counters } = readBatchHeader(batch.bytes);
  const length = headBytesOf(Object.keys(counters.skipped).length, counters.lost.length);
  return { ...batch, bytes: new Uint8Array(batch.bytes.subarray(0, length)) };
}

const text = (bytes: Uint8Array, encoding: 'hex' | 'base64'): string => Buffer.from(bytes).toString(encoding);

export interface PartHeads {
  readonly heads: readonly BatchHead[];
  /** Undefined where they were not written down. */
  readonly groups: RowGroups | undefined;
}

export function writeHeads({ heads, groups }: PartHeads): Uint8Array {
  const lines = heads.map(({ sha256, bytes, ...rest }) =>
    JSON.stringify({ ...rest, sha256: text(sha256, 'hex'), head: text(bytes, 'base64') }),
  );
  return zstdCompressSync(`${[...lines, JSON.stringify({ ...groups })].join('\n')}\n`);
}

/** Throws `BadDatabase`, which names the `file`. */
export function readHeads(bytes: Uint8Array, file: string): PartHeads {
  try {
    const lines = zstdDecompressSync(bytes, { maxOutputLength: textBytesMax }).toString().split('\n').slice(0, -1);
    const parsed = lines.map(line => JSON.parse(line));
    const { groups, footer } = parsed.at(-1);
    const heads: BatchHead[] = (groups === undefined ? parsed : parsed.slice(0, -1)).map(headFrom);
    for (const one of heads) readBatchHeader(one.bytes); // whoever has heads can read them
    return { heads, groups: footer === undefined ? undefined : { groups, footer } };
  } catch (error) {
    throw new BadDatabase(`${file} is damaged: ${(error as Error).message}`);
  }
}

const headFrom = ({
  sha256,
  head,
  ...rest
}: { sha256: string; head: string } & Omit<BatchHead, 'sha256' | 'bytes'>) => ({
  ...rest,
  sha256: new Uint8Array(Buffer.from(sha256, 'hex')),
  bytes: new Uint8Array(Buffer.from(head, 'base64')),
});
