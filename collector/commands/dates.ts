/** Days as people name them on a command line. */

import { InvalidArgumentError } from 'commander';
import { DAY_MS } from '../../common/time.ts';
import { dateOf } from '../reduce/result.ts';

/** YYYY-MM-DD -> days since 1970. */
export function parseDate(text: string): number {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) / DAY_MS : Number.NaN;
  // Date.parse takes the 30th of February for the 2nd of March.
  if (Number.isNaN(day) || day < 0 || dateOf(day) !== text)
    throw new InvalidArgumentError('It takes a UTC date like 2026-03-01.');
  return day;
}
