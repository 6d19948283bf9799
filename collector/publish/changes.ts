/**
 * What rose: for each target and country the day on which it stood out most against its own other days. The usual level is
 * the median of the other days, so one event does not hide itself; a partial first or last day only lowers it.
 */

import type { DayResult } from '../reduce/results.ts';

export interface Rise {
  key: string;
  /** YYYY-MM-DD. */
  date: string;
  packets: number;
  /** Median packets of the other days. */
  usual: number;
}

export interface Rises {
  /** A day must reach this many times the usual level. */
  factorMin: number;
  /** The excess must be at least this part of the day's packets. */
  partMin: number;
  /** How many to return. */
  max: number;
}

/** Fewer days have no usual level. */
const riseDaysMin = 4;
/** A row further down a day's table cannot hold partMin of its packets while partMin is 1% or more. */
const candidatesMax = 100;

const median = (sorted: readonly number[]): number => {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** Largest excess first; every key once, with its strongest day. */
export function rises<Row extends { packets: number }>(
  days: readonly DayResult[],
  rowsOf: (day: DayResult) => readonly Row[],
  keyOf: (row: Row) => string,
  { factorMin, partMin, max }: Rises = { factorMin: 3, partMin: 0.01, max: 3 },
): Rise[] {
  if (days.length < riseDaysMin) return [];
  const candidates = new Set(days.flatMap(day => rowsOf(day).slice(0, candidatesMax).map(keyOf)));
  const packets = new Map([...candidates].map(key => [key, new Float64Array(days.length)]));
  days.forEach((day, index) => {
    for (const row of rowsOf(day)) {
      const values = packets.get(keyOf(row));
      if (values !== undefined) values[index] += row.packets;
    }
  });
  const found: Rise[] = [];
  for (const [key, values] of packets) {
    const peak = values.indexOf(Math.max(...values));
    const usual = median([...values].toSpliced(peak, 1).sort((a, b) => a - b));
    const rose = values[peak] >= factorMin * usual && values[peak] - usual >= partMin * days[peak].packets;
    if (rose) found.push({ key, date: days[peak].date, packets: values[peak], usual });
  }
  return found.sort((a, b) => b.packets - b.usual - (a.packets - a.usual) || (a.key < b.key ? -1 : 1)).slice(0, max);
}
