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

export const isNothing = (counters: Counters): boolean => counters.seen === 0 && counters.lost.length === 0;

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
 * Ranges in order, neighbours joined. Beyond `max` the closest of an epoch are joined over what lies between them, so that a
 * range may span batches that are not lost; its records are those of the lost ones alone.
 */
export function joinRanges(ranges: readonly LostRange[], max = lostRangesMax): LostRange[] {
  const sorted = [...ranges].sort((a, b) => a.epoch - b.epoch || a.from - b.from);
  const joined: LostRange[] = [];
  for (const range of sorted) {
    const before = joined.at(-1);
    if (before !== undefined && gapBetween(before, range) <= 0) joined[joined.length - 1] = span(before, range);
    else joined.push(range);
  }
  while (joined.length > max) {
    const gaps = joined.slice(1).map((range, n) => gapBetween(joined[n]!, range));
    const smallest = Math.min(...gaps);
    if (smallest === Number.POSITIVE_INFINITY) break; // each of another epoch
    const at = gaps.indexOf(smallest);
    joined.splice(at, 2, span(joined[at]!, joined[at + 1]!));
  }
  return joined;
}

const gapBetween = (a: LostRange, b: LostRange): number =>
  a.epoch === b.epoch ? b.from - a.to - 1 : Number.POSITIVE_INFINITY;

const span = (a: LostRange, b: LostRange): LostRange => ({
  epoch: a.epoch,
  from: a.from,
  to: Math.max(a.to, b.to),
  records: a.records + b.records,
});

/** What one header has room for, and what must wait for the next: ranges of more epochs than it may list. */
export function partTold(counters: Counters): { readonly now: Counters; readonly later: Counters } {
  const lost = counters.lost.slice(0, lostRangesMax);
  const rest = counters.lost.slice(lostRangesMax);
  const untold = lostRecords(rest);
  return {
    now: { ...counters, lost, seen: counters.seen - untold },
    later: { ...NOTHING, lost: rest, seen: untold },
  };
}
