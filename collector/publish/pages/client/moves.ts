/** What moved most from one week to the next: pure, from two rankings, by packets per sensor. */
import type { Ranked } from './rows.ts';

export interface Move {
  readonly key: string;
  /** Mean packets per sensor in each week. */
  readonly now: number;
  readonly before: number;
  /** Of the week it is not listed in, `before` or `now` is the most it can have been. */
  readonly listed: 'both' | 'now' | 'before';
}

/** A change below this part is the week's noise. */
const partMin = 0.2;
/** What is no part of the whole to speak of is not told. */
const wholePartMin = 0.004;

/**
 * Those that rose or fell, the largest difference first. A list of `listMax` rows may go on: who is not in it can have had as
 * much as its last, so that only what is beyond that is a move. Weeks in which nothing was watched have no moves.
 */
export function movesOf(now: readonly Ranked[], before: readonly Ranked[], listMax: number, max: number): Move[] {
  const [later, earlier] = [meansOf(now, listMax), meansOf(before, listMax)];
  if (later.means.size === 0 || earlier.means.size === 0) return [];
  const whole = Math.max(sumOf(later.means.values()), sumOf(earlier.means.values()));
  return [...new Set([...later.means.keys(), ...earlier.means.keys()])]
    .map((key): Move => {
      const listed = !earlier.means.has(key) ? 'now' : later.means.has(key) ? 'both' : 'before';
      return { key, now: later.means.get(key) ?? later.floor, before: earlier.means.get(key) ?? earlier.floor, listed };
    })
    .filter(({ now: a, before: b, listed }) => (listed === 'both' ? true : listed === 'now' ? a > b : b > a))
    .filter(move => difference(move) >= partMin * move.before && difference(move) >= wholePartMin * whole)
    .sort((a, b) => difference(b) - difference(a) || (a.key < b.key ? -1 : 1))
    .slice(0, max);
}

function meansOf(rows: readonly Ranked[], listMax: number): { means: Map<string, number>; floor: number } {
  const means = new Map(
    rows.flatMap(({ key, meanPerSensor }) => (meanPerSensor === null ? [] : [[key, meanPerSensor] as const])),
  );
  return { means, floor: rows.length < listMax ? 0 : Math.min(...means.values()) };
}

export const difference = ({ now, before }: Pick<Move, 'now' | 'before'>): number => Math.abs(now - before);

const sumOf = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0);
