/** Batches for the log's tests: what the log keeps of one does not matter to it, so the bytes are any. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { NewBatch } from '../../collector/log/entry.ts';

/** 2026-03-02, noon. */
export const NOON = Date.UTC(2026, 2, 2, 12);
export const DAY_MS = 86_400_000;
export const DAY = Math.floor(NOON / DAY_MS);

export interface BatchOptions extends Partial<NewBatch> {
  /** Another content under the same key. */
  readonly content?: string;
  readonly length?: number;
}

/** The same arguments give the same batch. */
export function batch(sequence: number, { content = '', length = 200, ...rest }: BatchOptions = {}): NewBatch {
  const { sensor = 0, epoch = 1 } = rest;
  const seed = createHash('sha256').update(`${sensor}/${epoch}/${sequence}/${content}`).digest();
  const bytes = Buffer.alloc(length, seed);
  return {
    sensor,
    epoch,
    sequence,
    sha256: createHash('sha256').update(bytes).digest(),
    receivedMs: NOON,
    clockOffsetMs: -12,
    historic: false,
    day: DAY,
    records: 10,
    bytes,
    ...rest,
  };
}

export const batches = (from: number, to: number, options?: BatchOptions): NewBatch[] =>
  Array.from({ length: to - from + 1 }, (_, n) => batch(from + n, options));

export const newFolder = (): string => fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-log-'));
