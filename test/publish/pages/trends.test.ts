/** What the pages make of rows of /v1, without a browser. */
import { describe, expect, test } from 'vitest';
import { movesOf } from '../../../collector/publish/pages/client/moves.ts';
import type { Ranked, SeriesRow } from '../../../collector/publish/pages/client/rows.ts';
import { sensorsOf, timelineOf, withRest } from '../../../collector/publish/pages/client/timelines.ts';
import { periodEnd, periodsBefore, stretchOf } from '../../../collector/publish/pages/client/windows.ts';
import { languageFor } from '../../../collector/publish/pages/language.ts';

const ranked = (means: Readonly<Record<string, number | null>>): Ranked[] =>
  Object.entries(means).map(([key, meanPerSensor], n) => ({
    key,
    rank: n + 1,
    previousRank: null,
    packets: 0,
    sources: null,
    scanningSources: null,
    meanPerSensor,
    share: 0,
  }));

describe('moves', () => {
  test('the largest difference first; what changed by less than a fifth is not one', () => {
    const now = ranked({ '23/tcp': 500, '22/tcp': 110, '80/tcp': 50 });
    const before = ranked({ '23/tcp': 300, '22/tcp': 100, '80/tcp': 400 });
    expect(movesOf(now, before, 200, 4).map(({ key }) => key)).toEqual(['80/tcp', '23/tcp']);
  });

  test('in a list that goes on, who is not listed can have had as much as its last', () => {
    const now = ranked({ '23/tcp': 500, '2222/tcp': 13 });
    const before = ranked({ '23/tcp': 500, '123/udp': 12 });
    expect(movesOf(now, before, 2, 4)).toEqual([]);
    expect(movesOf(now, before, 3, 4).map(({ key }) => key)).toEqual(['2222/tcp', '123/udp']);
  });

  test('a week in which nothing was watched is compared with nothing', () => {
    expect(movesOf(ranked({ '23/tcp': 5 }), ranked({ '23/tcp': null }), 200, 4)).toEqual([]);
  });
});

describe('windows', () => {
  const latest = { date: '2026-03-18', first: undefined, partial: true, nowMs: Date.UTC(2026, 2, 18, 5, 20) };

  test('a member’s week is the last 168 hours', () => {
    const { from, to, step, fromMs } = stretchOf('week', { ...latest, hourly: true });
    expect([from, to, step]).toEqual(['2026-03-11', '2026-03-18', 'hour']);
    expect(new Date(fromMs).toISOString()).toBe('2026-03-11T06:00:00.000Z');
  });

  test('days that are not over are in no window of days', () => {
    expect(stretchOf('month', { ...latest, hourly: true })).toMatchObject({ from: '2026-02-16', to: '2026-03-17' });
    const late = { ...latest, date: '2026-03-15', partial: false, hourly: false };
    expect(stretchOf('week', late)).toMatchObject({ from: '2026-03-09', to: '2026-03-15', step: 'day' });
  });

  test('calendar periods, over the turn of a year', () => {
    expect(periodsBefore('week', '2026-01-01', 2)).toEqual(['2025-12-29', '2025-12-22']);
    expect(periodsBefore('month', '2026-01-31', 2)).toEqual(['2026-01-01', '2025-12-01']);
    expect(periodsBefore('quarter', '2026-02-01', 3)).toEqual(['2026-01-01', '2025-10-01', '2025-07-01']);
    expect([
      periodEnd('week', '2025-12-29'),
      periodEnd('month', '2026-02-01'),
      periodEnd('quarter', '2025-10-01'),
    ]).toEqual(['2026-01-04', '2026-02-28', '2025-12-31']);
  });
});

describe('timelines', () => {
  const row = (hour: number, packets: number | null, meanPerSensor: number | null): SeriesRow => ({
    start: `2026-03-18T0${hour}:00:00Z`,
    packets,
    sources: packets,
    meanPerSensor,
  });
  const label = { en: '23/tcp', ja: '23/tcp' };
  const stretch = { step: 'hour', fromMs: 0 } as const;

  test('hours nobody watched are left out, not drawn as nothing', () => {
    const whole = [row(0, 60, 20), row(1, 0, null), row(2, 90, 30)];
    const timeline = timelineOf(whole, [{ key: '23/tcp', label, rows: [row(0, 30, 10)] }], stretch, 'packets');
    expect(timeline.starts.map(start => new Date(start).getUTCHours())).toEqual([0, 2]);
    expect(timeline.series[0]!.values).toEqual([10, 0]);
    expect(withRest(timeline, whole, label).series[1]!.values).toEqual([10, 30]);
  });

  test('rounded parts beyond a rounded whole leave nothing, not less', () => {
    const whole = [row(0, 97, 97)];
    const timeline = timelineOf(whole, [{ key: 'a', label, rows: [row(0, 100, 100)] }], stretch, 'packets');
    expect(withRest(timeline, whole, label).series[1]!.values).toEqual([0]);
  });

  test('sensors are what packets were divided by', () => {
    expect(sensorsOf([row(0, 60, 20), row(1, 100, 20), row(2, 0, 0)])).toBe(4);
    expect(sensorsOf([])).toBeUndefined();
  });
});

test.each([
  ['ja', undefined, 'ja'],
  [undefined, 'ja,en-US;q=0.7,en;q=0.3', 'ja'],
  [undefined, 'fr-FR,en;q=0.5,ja;q=0.4', 'en'],
  ['en', 'ja', 'en'],
  ['<script>', 'de', 'en'],
  [undefined, 'ja;q=0', 'en'],
] as const)('asked for %s, liking %s, a reader is met in %s', (asked, accepted, language) => {
  expect(languageFor(asked, accepted)).toBe(language);
});
