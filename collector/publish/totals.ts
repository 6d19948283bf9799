/**
 * Several days' rows of one table added up. Packets add; distinct sources of different days do not, so what is kept is the
 * sum of the days' counts, named source-days, to be read as a mean per day.
 */

import type { Count, DayResult } from '../reduce/results.ts';
import { exactSourcesMax } from './names.ts';

export interface Total<Row> {
  key: string;
  /** The row of the first day that had it, for its names. */
  row: Row;
  packets: number;
  sourceDays: number;
  /** One day's count at least was an estimate. */
  estimated: boolean;
}

/** Every key of the days, most packets first, ties by key. */
export function totals<Row extends Count>(
  days: readonly DayResult[],
  rowsOf: (day: DayResult) => readonly Row[],
  keyOf: (row: Row) => string,
): Total<Row>[] {
  const byKey = new Map<string, Total<Row>>();
  for (const day of days) {
    for (const row of rowsOf(day)) {
      const key = keyOf(row);
      let total = byKey.get(key);
      if (total === undefined) {
        total = { key, row, packets: 0, sourceDays: 0, estimated: false };
        byKey.set(key, total);
      }
      total.packets += row.packets;
      total.sourceDays += row.sources;
      total.estimated ||= row.sources > exactSourcesMax;
    }
  }
  return [...byKey.values()].sort((a, b) => b.packets - a.packets || (a.key < b.key ? -1 : 1));
}

/** Skip reasons, most packets first, ties by name: an object has no order one could rely on. */
export const skippedRows = (skipped: Readonly<Record<string, number>>): [reason: string, packets: number][] =>
  Object.entries(skipped).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
