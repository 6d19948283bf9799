/**
 * Values in a few levels by their quantiles: as many values in each as can be, so that a few large ones leave differences among
 * the others. Nothing is a level of its own, and what is not known is none.
 */
import { LEVELS_MAX } from './ink.ts';

export interface Levels {
  /** The least value of each level above nothing, ascending. */
  readonly from: readonly number[];
  /** The largest value of each. */
  readonly to: readonly number[];
}

/** Levels of the values above 0; equal values are in one level, so there may be fewer than `max`. */
export function levelsOf(values: Iterable<number>, max = LEVELS_MAX): Levels {
  const sorted = [...values].filter(value => value > 0).sort((a, b) => a - b);
  const starts = new Set(Array.from({ length: max }, (_, n) => sorted[Math.floor((n * sorted.length) / max)]!));
  const from = sorted.length === 0 ? [] : [...starts];
  const to = from.map((_, n) => sorted.findLast(value => n + 1 === from.length || value < from[n + 1]!)!);
  return { from, to };
}

/** 0 for nothing, else from 1. */
export const levelOf = (value: number, { from }: Levels): number =>
  value <= 0 ? 0 : Math.max(1, from.findLastIndex(least => value >= least) + 1);
