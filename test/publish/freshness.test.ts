import { expect, test } from 'vitest';
import { geoAgeDays, isStale } from '../../collector/publish/freshness.ts';

const now = new Date('2026-09-16T12:00:00Z');
const database = (built: string) => ({ name: 'any', built });

test('age in whole days, UTC; none where the date says nothing', () => {
  const ages = ['2026-09-16', '2026-09-15', '2026-06-17', 'unknown'].map(built => geoAgeDays(database(built), now));
  expect(ages).toEqual([0, 1, 91, undefined]);
});

test('stale after 90 days, not before', () => {
  const stale = ['2026-06-18', '2026-06-17', 'unknown'].map(built => isStale(database(built), now));
  expect(stale).toEqual([false, true, false]);
});
