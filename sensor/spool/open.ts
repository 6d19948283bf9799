/**
 * What a live run has seen since its last batch: noted each second, so that a run that is killed leaves a number with a time. The
 * note is not flushed to the disk by itself (a spool on a memory card would not live long): it survives a kill, and a power
 * failure may take the last seconds' with it.
 */
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { momentOf } from '../capture/shift.ts';
import { addSkipped, NOTHING, skippedTotal } from './counters.ts';
import { readReserve } from './reserve.ts';
import type { Spool } from './spool.ts';
import type { Draft, Noted, OpenCounts } from './types.ts';

export const NOTHING_OPEN: OpenCounts = { seen: 0, kernelDrops: 0, skipped: {}, recorded: 0 };

/** What is noted in the spool, or in the reserve (reserve.ts) where that has more: counts of the same account only grow. */
export function readOpen(database: SqliteDatabase): Noted {
  const row = database.prepare('SELECT at_ms, counts FROM open').get() as { at_ms: number; counts: string } | undefined;
  const noted = row === undefined ? { ...NOTHING_OPEN, atMs: 0 } : { ...JSON.parse(row.counts), atMs: row.at_ms };
  const reserved = readReserve(database);
  return reserved !== undefined && reserved.seen > noted.seen ? reserved : { ...noted, inReserve: false };
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

/** What is open, and drafts that could not be kept. */
export const untold = (open: OpenCounts, drafts: readonly Draft[]): OpenCounts =>
  drafts.reduce(
    ({ seen, kernelDrops, skipped, recorded }, { counters, records }) => ({
      seen: seen + counters.seen,
      kernelDrops: kernelDrops + counters.kernelDrops,
      skipped: addSkipped(skipped, counters.skipped),
      recorded: recorded + (records?.count ?? 0),
    }),
    open,
  );

/**
 * At a start: a run that was killed, or ended on a full disk, had seen this and sealed it not. A batch tells it, that watched
 * nothing. Returns what it tells.
 */
export function tellInterrupted(spool: Spool): Noted {
  const noted = readOpen(spool.database);
  const { seen, kernelDrops, skipped, atMs } = noted;
  if (seen === 0) return noted;
  const { hour, micros } = momentOf(atMs);
  const counters = { ...NOTHING, seen, kernelDrops, skipped, interrupted: seen - kernelDrops - skippedTotal(skipped) };
  spool.commit([{ hour, from: micros, to: micros, historic: false, counters }]);
  if (noted.inReserve) spool.database.prepare('UPDATE contact SET lost_ms = ?').run(atMs);
  return noted;
}
