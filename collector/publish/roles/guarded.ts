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
  // By number where a name has one word, as most have; and owner by owner, so that owners are counted as they change.
  const cells = new Map<number | string, { a: number; b: number; packets: number[]; owner: string; owners: number }>();
  for (const [owner, sensors] of Map.groupBy(parts, ([sensor]) => ownerOf(sensor))) {
    if (owner === undefined) continue;
    for (const [, rows] of sensors)
      for (const { a, b, packets } of rows) {
        if (packets === 0) continue;
        const name = b === 0 ? a : `${a} ${b}`;
        const cell = cells.get(name);
        if (cell === undefined) cells.set(name, { a, b, packets: [packets], owner, owners: 1 });
        else {
          cell.packets.push(packets);
          if (cell.owner !== owner) cell.owners++;
          cell.owner = owner;
        }
      }
  }
  return [...cells.values()]
    .filter(({ packets, owners }) => packets.length >= Math.max(1, rule.sensorsMin) && owners >= rule.ownersMin)
    .map(({ a, b, packets }) => ({ a, b, packets: leveled(packets, rule.sensorsMin) }));
}

/** The sum, each part as large as the `nth` largest at most. */
function leveled(parts: readonly number[], nth: number): number {
  const level = Float64Array.from(parts).sort().at(-Math.max(1, nth))!;
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
