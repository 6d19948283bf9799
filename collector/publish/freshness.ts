/** How old a geography database is, and when that must be said aloud: addresses change hands all the time. */

import type { GeoSource } from '../reduce/results.ts';
import { dayStart } from './words.ts';

/** Older than this, figures by country and network are no longer to be trusted without a word. */
const geoAgeDaysMax = 90;

/** Whole days since a database was built; undefined where its date says nothing. */
export function geoAgeDays({ built }: GeoSource, now: Date): number | undefined {
  const age = Math.floor((now.getTime() - dayStart(built).getTime()) / 86_400_000);
  return Number.isNaN(age) ? undefined : age;
}

export const isStale = (geo: GeoSource, now: Date): boolean => (geoAgeDays(geo, now) ?? 0) > geoAgeDaysMax;
