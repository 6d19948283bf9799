/** Weeks, months and quarters of UTC days, by numbers of days since 1970. */
import { DAY_MS } from '../../common/time.ts';
import type { DayRange } from './query.ts';

/** A week begins on Monday, as in ISO 8601. */
export const PERIODS = ['week', 'month', 'quarter'] as const;
export type PeriodKind = (typeof PERIODS)[number];

export interface Period extends DayRange {
  readonly kind: PeriodKind;
}

const MONTHS = { month: 1, quarter: 3 } as const;
const dayOf = (year: number, month: number): number => Date.UTC(year, month) / DAY_MS;

/** The period that a day is in. */
export function periodOf(kind: PeriodKind, day: number): Period {
  if (kind === 'week') {
    const from = day - ((day + 3) % 7); // day 0 was a Thursday
    return { kind, from, to: from + 6 };
  }
  const date = new Date(day * DAY_MS);
  const months = MONTHS[kind];
  const first = Math.floor(date.getUTCMonth() / months) * months;
  return {
    kind,
    from: dayOf(date.getUTCFullYear(), first),
    to: dayOf(date.getUTCFullYear(), first + months) - 1,
  };
}

/** The one before it. */
export const previousPeriod = ({ kind, from }: Period): Period => periodOf(kind, from - 1);
