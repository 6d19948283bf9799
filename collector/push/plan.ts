/** Which files a target is to have: pure, so that it can be told before anything is done. */

import { type Cut, cutsOf } from '../publish/exports/open.ts';
import { PUBLIC_RULE, viewOf } from '../publish/roles/roles.ts';
import type { Member } from '../registry/members.ts';
import type { DaySummary } from '../store/query.ts';
import type { FileOf } from './book.ts';
import type { Target } from './targets.ts';

/** Days back that are looked at: one that is revised later than this goes nowhere. */
export const daysBackMax = 400;

type DayHead = Pick<DaySummary, 'day' | 'revision' | 'closed' | 'stale'>;

/** Parts of what is counted that this member may have as files. The rule of roles decides, as for the API. */
export function cutsFor(member: Member | undefined, nowMs: number): Cut[] {
  if (member === undefined || member.revokedMs !== null) return [];
  return cutsOf(member).filter(
    ({ country }) => viewOf(member, { what: 'export', country }, PUBLIC_RULE, nowMs).kind === 'sources',
  );
}

/** Of closed days, oldest first; what went there before is the book's to know. */
export const filesFor = (target: Target, cuts: readonly Cut[], days: readonly DayHead[]): FileOf[] =>
  days
    .filter(({ day, closed, stale }) => closed && !stale && day >= target.fromDay)
    .flatMap(({ day, revision }) =>
      cuts.flatMap(({ country }) => target.formats.map(format => ({ day, country, format, revision }))),
    );
