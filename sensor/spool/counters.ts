/**
 * Arithmetic of what a batch's header counts. Every batch balances by itself:
 * `seen = kernelDrops + interrupted + sum of skipped + records + records lost`, so any set of batches does.
 */
import type { Counters, LostRange } from '../../common/batch/batch.ts';
import { lostRangesMax } from '../../common/limits.ts';

export const NOTHING: Counters = { seen: 0, kernelDrops: 0, interrupted: 0, skipped: {}, lost: [] };

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const skippedTotal = (skipped: Readonly<Record<string, number>>): number => sum(Object.values(skipped));
export const lostRecords = (lost: readonly LostRange[]): number => sum(lost.map(({ records }) => records));

const isNothing = (counters: Counters): boolean => counters.seen === 0 && counters.lost.length === 0;

export const balances = (counters: Counters, records: number): boolean =>
  counters.seen ===
  counters.kernelDrops + counters.interrupted + skippedTotal(counters.skipped) + records + lostRecords(counters.lost);

export function addSkipped(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const skipped: Record<string, number> = { ...a };
  for (const [reason, count] of Object.entries(b)) skipped[reason] = (skipped[reason] ?? 0) + count;
  return skipped;
}

export const addCounters = (a: Counters, b: Counters): Counters => ({
  seen: a.seen + b.seen,
  kernelDrops: a.kernelDrops + b.kernelDrops,
  interrupted: a.interrupted + b.interrupted,
  skipped: addSkipped(a.skipped, b.skipped),
  lost: joinRanges([...a.lost, ...b.lost]),
});

/** What is to be told in place of a batch that is lost: all that it told, and that its records are gone. */
export const countersOfLost = (
  told: Counters,
  { epoch, sequence, records }: { readonly epoch: number; readonly sequence: number; readonly records: number },
): Counters => addCounters(told, { ...NOTHING, lost: [{ epoch, from: sequence, to: sequence, records }] });

/**
 * Ranges in order, neighbours joined, and nothing else: a range that spanned a batch which is not lost would tell the collector
 * not to ask for it. However many there are, each batch tells as many as its header has room for (`partTold`); there are at most
 * as many as the spool had batches.
 */
export function joinRanges(ranges: readonly LostRange[]): LostRange[] {
  const sorted = [...ranges].sort((a, b) => a.epoch - b.epoch || a.from - b.from);
  const joined: LostRange[] = [];
  for (const range of sorted) {
    const before = joined.at(-1);
    if (before !== undefined && before.epoch === range.epoch && range.from <= before.to + 1)
      joined[joined.length - 1] = span(before, range);
    else joined.push(range);
  }
  return joined;
}

const span = (a: LostRange, b: LostRange): LostRange => ({
  epoch: a.epoch,
  from: a.from,
  to: Math.max(a.to, b.to),
  records: a.records + b.records,
});

/** What one header has room for, and what must wait for the next: ranges beyond those that it may list. */
export function partTold(counters: Counters): { readonly now: Counters; readonly later: Counters } {
  const lost = counters.lost.slice(0, lostRangesMax);
  const rest = counters.lost.slice(lostRangesMax);
  const untold = lostRecords(rest);
  return {
    now: { ...counters, lost, seen: counters.seen - untold },
    later: { ...NOTHING, lost: rest, seen: untold },
  };
}

/** How many headers it takes to tell them. */
export const batchesToTell = (counters: Counters): number =>
  isNothing(counters) ? 0 : Math.max(1, Math.ceil(counters.lost.length / lostRangesMax));
