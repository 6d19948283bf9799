/** Days, ranges, ports and countries as they stand in a path or a query. */

import { DAY_MS } from '../../../common/time.ts';
import { dateOf } from '../../reduce/result.ts';
import { countryNumber } from '../../reduce/rows.ts';
import type { DayRange } from '../../store/query.ts';

export { parseTarget } from '../targets.ts';

export const DATE_PATTERN = '\\d{4}-\\d{2}-\\d{2}';
export const TARGET_PATTERN = '^\\d{1,5}(:\\d{1,3})?/[a-z0-9]{1,8}$';
export const COUNTRY_PATTERN = '^([A-Z]{2}|\\?\\?)$';

/** YYYY-MM-DD -> days since 1970; undefined if there is no such day. */
export function parseDay(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return undefined;
  const day = Date.parse(`${text}T00:00:00Z`) / DAY_MS;
  // Date.parse takes the 30th of February for the 2nd of March.
  return Number.isInteger(day) && day >= 0 && dateOf(day) === text ? day : undefined;
}

/** `2026-03-01`, or `2026-03-01:2026-03-07` with both ends; undefined if it is neither, or longer than `daysMax`. */
export function parseRange(text: string, daysMax: number): DayRange | undefined {
  const [first = '', last = first, ...rest] = text.split(':');
  const [from, to] = [parseDay(first), parseDay(last)];
  if (from === undefined || to === undefined || rest.length > 0) return undefined;
  return from <= to && to - from < daysMax ? { from, to } : undefined;
}

export const parseCountry = (text: string): number | undefined =>
  new RegExp(COUNTRY_PATTERN).test(text) ? countryNumber(text) : undefined;
