/** What the pages make of rows of /v1, without a browser. */
import { describe, expect, test } from 'vitest';
import { aimedOf, type PortRow, type Side } from '../../../collector/publish/pages/client/aimed.ts';
import { barsOf } from '../../../collector/publish/pages/client/asn-bars.ts';
import { movesOf } from '../../../collector/publish/pages/client/moves.ts';
import type { Ranked, SeriesRow } from '../../../collector/publish/pages/client/rows.ts';
import { isEven, sumsOf } from '../../../collector/publish/pages/client/sensor-sums.ts';
import { sensorsOf, timelineOf, withRest } from '../../../collector/publish/pages/client/timelines.ts';
import { type ToolRow, toolMoveOf } from '../../../collector/publish/pages/client/tool-move.ts';
import { periodEnd, periodsBefore, spanOf, stretchOf } from '../../../collector/publish/pages/client/windows.ts';
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

describe('bars of ASes', () => {
  /** Shares as /v1 rounds them: of six digits. */
  const rowsOf = (packets: readonly number[]) => {
    const all = packets.reduce((sum, some) => sum + some, 0);
    const shareOf = (some: number) => Number((some / all).toPrecision(6));
    return packets.map((some, n) => ({
      ...{ rank: n + 1, asn: 64_496 + n, packets: some, meanPerSensor: null, share: shareOf(some) },
    }));
  };
  const busiest = [28_000_001, 26_000_003, 16_000_007, 16_000_006, 9_000_001, 5_000_009, 4_000_007, 1_000_006];

  test('the others are what their rows say, or what is left where not all are told, and never less than nothing', () => {
    const few = rowsOf([...busiest, 1, 1]);
    expect(1 - few.slice(0, 8).reduce((sum, { share }) => sum + share, 0)).toBeLessThan(0);
    const rest = (rows: Parameters<typeof barsOf>[0], all: number) => barsOf(rows, all).at(-1)!;
    expect(rest(few, 10)).toMatchObject({ label: { en: '2 others', ja: 'ほか2AS' }, text: '<0.1%' });
    expect(rest(few, 10).value).toBeCloseTo(2 / 105_000_042, 10);
    expect(rest(few, 300)).toMatchObject({ label: { en: '292 others' }, value: 0, text: '0.0%' });
  });

  test('unknown is told apart among the others, and is not one of them', () => {
    const rows = rowsOf([...busiest, 3, 2, 1]).map((row, n) => ({ ...row, asn: n === 9 ? 0 : row.asn }));
    expect(barsOf(rows, 11).at(-1)).toMatchObject({ label: { en: '2 others and unknown', ja: 'ほか2ASと不明' } });
    expect(barsOf(rows.slice(0, 10), 10).at(-1)).toMatchObject({ label: { en: '1 other and unknown' } });
  });

  test('of 300, all told or the first 200, eight are bars and 292 the others', () => {
    const rows = rowsOf(Array.from({ length: 300 }, (_, n) => 1000 - n));
    for (const told of [rows, rows.slice(0, 200)]) {
      const bars = barsOf(told, 300);
      expect(bars.map(({ key }) => key)).toEqual([...rows.slice(0, 8).map(({ asn }) => String(asn)), 'other']);
      expect(bars.at(-1)!.value).toBeCloseTo(
        rows.slice(8).reduce((sum, { share }) => sum + share, 0),
        4,
      );
    }
  });

  test('nine are nine bars, with no others', () => {
    expect(barsOf(rowsOf([...busiest, 1]), 9).map(({ key }) => key)).toHaveLength(9);
  });
});

describe('windows', () => {
  const latest = { date: '2026-03-18', first: undefined, partial: true, nowMs: Date.UTC(2026, 2, 18, 5, 20) };

  test('a member’s week is the last 168 hours', () => {
    const { from, to, step, fromMs } = stretchOf('week', { ...latest, hourly: true });
    expect([from, to, step]).toEqual(['2026-03-11', '2026-03-18', 'hour']);
    expect(new Date(fromMs).toISOString()).toBe('2026-03-11T06:00:00.000Z');
  });

  test('it is counted until its last batch came, or its last day ended', () => {
    const untilMs = Date.UTC(2026, 2, 18, 4, 55);
    expect(stretchOf('week', { ...latest, hourly: true, untilMs }).toMs).toBe(untilMs);
    expect(stretchOf('week', { ...latest, hourly: true }).toMs).toBe(latest.nowMs);
    const over = { ...latest, hourly: true, partial: false, date: '2026-03-17' };
    expect(stretchOf('week', over).toMs).toBe(Date.UTC(2026, 2, 18));
    expect(stretchOf('month', { ...latest, hourly: true, untilMs }).toMs).toBe(Date.UTC(2026, 2, 18));
  });

  test('days that are not over are in no window of days', () => {
    expect(stretchOf('month', { ...latest, hourly: true })).toMatchObject({ from: '2026-02-16', to: '2026-03-17' });
    const late = { ...latest, date: '2026-03-15', partial: false, hourly: false };
    expect(stretchOf('week', late)).toMatchObject({ from: '2026-03-09', to: '2026-03-15', step: 'day' });
  });

  test('a map is of the last period of which enough is over; the public’s, of one that is all published', () => {
    const week = { now: '2026-03-16', before: '2026-03-09', to: '2026-03-18' };
    const member = { ...latest, hourly: true };
    expect(spanOf('week', member, week)).toMatchObject({ ...week, days: 7 });
    const march = { now: '2026-03-01', before: '2026-02-01', to: '2026-03-17', days: 31, beforeDays: 28 };
    expect(spanOf('month', member, week)).toMatchObject(march);
    const february = { now: '2026-02-01', before: '2026-01-01', to: '2026-02-28', days: 28, beforeDays: 31 };
    expect(spanOf('month', { ...member, date: '2026-03-05' }, week)).toMatchObject(february);
    const young = { ...member, date: '2026-03-05', first: '2026-03-02' };
    expect(spanOf('month', young, week)).toMatchObject({ now: '2026-03-01', to: '2026-03-04' });
    const late = { ...latest, date: '2026-03-15', partial: false, hourly: false };
    expect(spanOf('month', late, week)).toMatchObject(february);
    expect(spanOf('year', late, week)).toMatchObject({ now: '2025-10-01', to: '2025-12-31', days: 92 });
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

describe('what is aimed at one side', () => {
  const port = (side: Side, rank: number, number: number, share: number): PortRow => ({
    ...{ side, rank, protocol: 'tcp', port: number, type: null, code: null, packets: 0, meanPerSensor: null, share },
  });

  test('twice the share or more, the largest difference first; what is next to nothing is not told', () => {
    const found = aimedOf({
      domestic: [port('domestic', 1, 23, 0.4), port('domestic', 2, 9001, 0.2), port('domestic', 3, 9002, 0.004)],
      overseas: [port('overseas', 1, 23, 0.3), port('overseas', 2, 445, 0.25), port('overseas', 3, 9001, 0.1)],
    });
    expect(found).toEqual([
      { key: '445/tcp', side: 'overseas', here: 0.25, there: undefined },
      { key: '9001/tcp', side: 'domestic', here: 0.2, there: 0.1 },
    ]);
  });
});

describe('with which tool', () => {
  const row = (date: string, tool: ToolRow['tool'], meanPerSensor: number, share: number): ToolRow => ({
    ...{ date, tool, meanPerSensor, share, packets: 0, sources: 0, scanningSources: 0 },
  });
  const weeks = { now: '2026-03-16', before: '2026-03-09' };

  test('the one that rose most by its means of both weeks; a rise of less than a fifth, or of next to nothing, is none', () => {
    const days = [
      ...[
        row('2026-03-14', 'mirai', 100, 0.2),
        row('2026-03-15', 'mirai', 200, 0.2),
        row('2026-03-16', 'mirai', 450, 0.6),
      ],
      ...[row('2026-03-15', 'zmap', 100, 0.1), row('2026-03-16', 'zmap', 110, 0.1)],
      ...[row('2026-03-15', 'masscan', 0, 0), row('2026-03-16', 'masscan', 9, 0.01)],
    ];
    expect(toolMoveOf(days, weeks)).toEqual({ tool: 'mirai', now: 450, before: 150, share: 0.6 });
    expect(toolMoveOf(days.slice(3), weeks)).toBeUndefined();
  });
});

test('a port by sensor: days added up, those without a name last, of them the most of one day', () => {
  const row = (date: string, sensor: string | null, packets: number, more = {}) => ({
    ...{
      date,
      sensor,
      owner: null,
      economy: 'JP',
      sensors: 1,
      seenBy: packets > 0 ? 1 : 0,
      packets,
      all: 9,
      busiest: 1,
    },
    ...more,
  });
  const sums = sumsOf([
    ...[row('2026-03-16', 'a', 5), row('2026-03-17', 'a', 0), row('2026-03-17', 'b', 7)],
    row('2026-03-16', null, 90, { sensors: 4, seenBy: 1, busiest: 1 }),
    row('2026-03-17', null, 10, { sensors: 5, seenBy: 3, busiest: 0.5 }),
  ]);
  expect(
    sums.map(({ sensor, packets, sensors, seenBy, busiest }) => [sensor, packets, sensors, seenBy, busiest]),
  ).toEqual([
    ['b', 7, 1, 1, 7],
    ['a', 5, 1, 1, 5],
    [null, 100, 5, 3, 95],
  ]);
  const shared = (...packets: number[]) => sumsOf(packets.map((n, i) => row('2026-03-17', 'cba'[i]!, n)));
  expect(shared(6, 6, 6).map(({ sensor }) => sensor)).toEqual(['a', 'b', 'c']);
  expect([shared(6, 6, 6), shared(6, 5, 0), shared(8, 5, 5), shared(6, 0, 0), sums].map(isEven)).toEqual([
    ...[true, true, false, false, false],
  ]);
});

describe('timelines', () => {
  const row = (hour: number, packets: number | null, meanPerSensor: number | null): SeriesRow => ({
    start: `2026-03-18T0${hour}:00:00Z`,
    packets,
    sources: packets,
    meanPerSensor,
  });
  const label = { en: '23/tcp', ja: '23/tcp' };
  const stretch = { step: 'hour', fromMs: 0, toMs: Date.UTC(2026, 2, 18, 3) } as const;

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
