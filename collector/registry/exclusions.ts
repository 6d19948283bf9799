/** Days of a sensor that are not to count. What was taken back stays, so that it can be told when a day's figures changed. */
import type { prepare } from './statements.ts';

export interface Exclusion {
  /** The sensor's index. */
  readonly sensor: number;
  /** Days since 1970, both included. */
  readonly from: number;
  readonly to: number;
  readonly reason: string;
  readonly createdMs: number;
}

type Statements = ReturnType<typeof prepare>;
type Days = Pick<Exclusion, 'sensor' | 'from' | 'to'>;

/** Those in force, in the order they were made. */
export const readExclusions = ({ exclusions }: Statements): Exclusion[] => exclusions.all() as Exclusion[];

/** Whether all of these days are excluded by one already. */
export const isExcluded = (statements: Statements, { sensor, from, to }: Days): boolean =>
  readExclusions(statements).some(one => one.sensor === sensor && one.from <= from && one.to >= to);

/** Within a transaction of the caller's. Returns how many exclusions had some of these days. */
export function withdrawExclusions(statements: Statements, { sensor, from, to }: Days, nowMs: number): number {
  const found = statements.exclusionsOf.all(sensor + 1, to, from) as (Exclusion & { id: number })[];
  for (const { id, reason, ...days } of found) {
    statements.withdraw.run(nowMs, id);
    const left = [
      [days.from, from - 1],
      [to + 1, days.to],
    ] as const;
    for (const [first, last] of left) if (first <= last) statements.exclude.run(sensor + 1, first, last, reason, nowMs);
  }
  return found.length;
}
