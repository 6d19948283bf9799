/** What is aimed at one side: pure, from the busiest ports of each. */
import { labelOf, type TargetKeys } from './rows.ts';

export type Side = 'domestic' | 'overseas';
export const SIDES = ['domestic', 'overseas'] as const;

export interface PortRow extends TargetKeys {
  readonly side: Side;
  readonly rank: number;
  readonly packets: number;
  readonly meanPerSensor: number | null;
  readonly share: number;
}

export type BySide = Record<Side, readonly PortRow[]>;

/** So many times the other side's share, and so much of the side, is worth a line. */
const aimedTimes = 2;
const aimedShareMin = 0.005;
const aimedMax = 4;

export interface Aimed {
  readonly key: string;
  readonly side: Side;
  readonly here: number;
  /** Undefined where it is not among what is listed of the other side. */
  readonly there: number | undefined;
}

/** Ports with a much larger share of one side than of the other, by the difference. */
export function aimedOf(bySide: BySide): Aimed[] {
  return SIDES.flatMap(side => {
    const other = bySide[side === 'domestic' ? 'overseas' : 'domestic'];
    const shares = new Map(other.map(row => [labelOf(row), row.share]));
    return bySide[side].map((row): Aimed => {
      const key = labelOf(row);
      return { key, side, here: row.share, there: shares.get(key) };
    });
  })
    .filter(({ here, there = 0 }) => here >= aimedShareMin && here >= aimedTimes * there)
    .sort((a, b) => b.here - (b.there ?? 0) - (a.here - (a.there ?? 0)) || (a.key < b.key ? -1 : 1))
    .slice(0, aimedMax);
}
