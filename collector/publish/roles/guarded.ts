/**
 * Figures for the public, out of what each sensor counted alone. What fewer than `sensorsMin` sensors of `ownersMin`
 * organisations saw is not shown: neither as a cell, nor as a part of one. So no sensor counts for more in a cell than the
 * `sensorsMin`-th busiest of its sensors does: whoever floods a few addresses to see which figure rises sees none rise. (A
 * threshold of packets would be one that the sender decides on.) For the same reason there are no distinct sources: sources can
 * be made up, and a union of them cannot be taken apart by sensor.
 */
import type { PublicRule } from './roles.ts';

/** What one sensor counted in a cell; `a` and `b` are its name, as in reduce/rows.ts. */
export interface SensorCell {
  readonly a: number;
  readonly b: number;
  readonly packets: number;
}

export type GuardedCell = SensorCell;

type Threshold = Pick<PublicRule, 'sensorsMin' | 'ownersMin'>;

/** Cells that enough sensors are behind, in no order, not rounded. `parts` are by sensor, `ownerOf` names who owns one. */
export function guardedCells(
  parts: ReadonlyMap<number, readonly SensorCell[]>,
  ownerOf: (sensor: number) => string | undefined,
  rule: Threshold,
): GuardedCell[] {
  const cells = new Map<string, { a: number; b: number; packets: number[]; owners: Set<string> }>();
  for (const [sensor, rows] of parts) {
    const owner = ownerOf(sensor);
    if (owner === undefined) continue;
    for (const { a, b, packets } of rows) {
      if (packets === 0) continue;
      const key = `${a} ${b}`;
      const cell = cells.get(key) ?? { a, b, packets: [], owners: new Set() };
      cell.packets.push(packets);
      cell.owners.add(owner);
      cells.set(key, cell);
    }
  }
  return [...cells.values()]
    .filter(({ packets, owners }) => packets.length >= Math.max(1, rule.sensorsMin) && owners.size >= rule.ownersMin)
    .map(({ a, b, packets }) => ({ a, b, packets: leveled(packets, rule.sensorsMin) }));
}

/** The sum, each part as large as the `nth` largest at most. */
function leveled(parts: readonly number[], nth: number): number {
  const level = parts.toSorted((x, y) => y - x)[Math.max(1, nth) - 1]!;
  return parts.reduce((sum, part) => sum + Math.min(part, level), 0);
}

/** To so many significant digits. */
export const rounded = (value: number, { digits }: Pick<PublicRule, 'digits'>): number =>
  value === 0 ? 0 : Number(value.toPrecision(digits));

/** Rounded, in the order of what is left, so that the order tells no more than the figures; at most `rowsMax`. */
export function publishedRows(
  cells: readonly GuardedCell[],
  rule: Pick<PublicRule, 'digits' | 'rowsMax'>,
): GuardedCell[] {
  return cells
    .map(cell => ({ ...cell, packets: rounded(cell.packets, rule) }))
    .sort((x, y) => y.packets - x.packets || x.a - y.a || x.b - y.b)
    .slice(0, rule.rowsMax);
}
