/**
 * What a live run has seen since its last batch: noted each second, so that a run that is killed leaves a number with a time. The
 * note is not flushed to the disk by itself (a spool on a memory card would not live long): it survives a kill, and a power
 * failure may take the last seconds' with it.
 */
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { momentOf } from '../capture/shift.ts';
import { NOTHING, skippedTotal } from './counters.ts';
import type { Spool } from './spool.ts';

/** `seen = kernelDrops + sum of skipped + recorded`. */
export interface OpenCounts {
  readonly seen: number;
  readonly kernelDrops: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly recorded: number;
}

export const NOTHING_OPEN: OpenCounts = { seen: 0, kernelDrops: 0, skipped: {}, recorded: 0 };

export function readOpen(database: SqliteDatabase): OpenCounts & { readonly atMs: number } {
  const row = database.prepare('SELECT at_ms, counts FROM open').get() as { at_ms: number; counts: string } | undefined;
  return row === undefined ? { ...NOTHING_OPEN, atMs: 0 } : { ...JSON.parse(row.counts), atMs: row.at_ms };
}

export function noteOpen({ database }: Spool, counts: OpenCounts, atMs: number): void {
  database.pragma('synchronous = NORMAL');
  try {
    database
      .prepare(
        'INSERT INTO open VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms, counts = excluded.counts',
      )
      .run(atMs, JSON.stringify(counts));
  } finally {
    database.pragma('synchronous = FULL');
  }
}

/** At a start: a run that was killed had seen this and sealed it not. A batch tells it, that watched nothing. Returns its packets. */
export function tellInterrupted(spool: Spool): number {
  const { seen, kernelDrops, skipped, recorded, atMs } = readOpen(spool.database);
  if (seen === 0) return 0;
  const { hour, micros } = momentOf(atMs);
  const counters = { ...NOTHING, seen, kernelDrops, skipped, interrupted: seen - kernelDrops - skippedTotal(skipped) };
  spool.commit([{ hour, from: micros, to: micros, historic: false, counters }]);
  return recorded;
}
