/** Whether a disk has room for a part: what is received meanwhile, and acknowledged, is written to the same. */
import fs from 'node:fs';
import { NotArchived } from './part.ts';

/** Left to the log: of a small disk a part. */
const leftBytesMin = 256 * 2 ** 20;
const leftShare = 1 / 50;

/**
 * A part takes about as much as its batches did as they travelled; of records that are all alike more, for each says which it was.
 * Twice that is certainly enough.
 */
export const roomOf = (batchBytes: number, records: number): number => 2 * batchBytes + 4 * records + 2 ** 18;

/** Whether so much is free, and some. */
export const hasRoom = (dir: string, bytes: number): boolean => freeOf(dir, bytes).isEnough;

/** Throws `NotArchived` unless it is. */
export function assertRoom(dir: string, bytes: number): void {
  const { free, needed, isEnough } = freeOf(dir, bytes);
  if (isEnough) return;
  throw new NotArchived(
    `${dir} has ${megabytes(free)} MB left on its disk: with ${megabytes(needed)} MB days are archived; until then the log keeps them`,
  );
}

function freeOf(dir: string, bytes: number): { free: number; needed: number; isEnough: boolean } {
  const { bavail, blocks, bsize } = fs.statfsSync(dir);
  const free = bavail * bsize;
  const needed = bytes + Math.min(leftBytesMin, blocks * bsize * leftShare);
  return { free, needed, isEnough: free >= needed };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
