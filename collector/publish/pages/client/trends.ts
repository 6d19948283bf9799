/** What the pages ask of /v1, put together. */
import { DAY_MS } from '../../../../common/time.ts';
import { ask, isMember, orNone } from './api.ts';
import {
  type CountryKeys,
  type DayRow,
  type Figures,
  keyOf,
  type Ranked,
  type RankFigures,
  type SeriesRow,
  type SubjectTable,
  type TargetKeys,
  type TotalRow,
} from './rows.ts';
import { dateOf, daysBefore, type Latest, type PeriodName, periodEnd, periodsBefore, type Stretch } from './windows.ts';

/** Days back that the last day is looked for in before all are asked for. */
const lookBackDays = 60;
/** Days that may be missing before the first one of the list is taken for the first of all. */
const gapDaysMax = 14;
/** Of a ranking, so many rows: whoever is not among them has no place to speak of. */
export const rankRowsMax = 200;
/** Series of a chart beside "other": ISDAS's and TSUBAME's number. */
export const chartSeriesMax = 5;
/** Less of a week says little against a whole one. */
const weekDaysMin = 3;

/** Undefined where nothing is shown of any day. */
export async function latestDay(nowMs: number, signal: AbortSignal): Promise<Latest | undefined> {
  const today = dateOf(nowMs);
  const near = `${daysBefore(today, lookBackDays)}:${daysBefore(today, -1)}`;
  const list = async (date?: string) => (await ask<DayRow>('/v1/days', { date, files: 'none' }, { signal })).rows;
  let rows = await list(near);
  if (rows.length === 0) rows = await list();
  const last = rows.findLast(({ date }) => date <= today);
  if (last === undefined) return undefined;
  const [{ date: listed }] = rows as readonly [DayRow, ...DayRow[]];
  const isFirst = rows.length > 0 && listed > daysBefore(today, lookBackDays - gapDaysMax);
  return {
    date: last.date,
    first: isFirst ? listed : undefined,
    partial: last.date === today,
    hourly: isMember(),
    nowMs,
    ...(last.until !== undefined && { untilMs: Date.parse(last.until) }),
  };
}

export async function rankings(
  table: SubjectTable,
  period: PeriodName,
  days: readonly string[],
  { first }: Pick<Latest, 'first'>,
  signal: AbortSignal,
): Promise<Ranked[][]> {
  const answers = days.map(start => {
    if (first !== undefined && periodEnd(period, start) < first) return Promise.resolve({ rows: [] });
    return orNone(
      ask<RankFigures & Partial<TargetKeys & CountryKeys>>(
        `/v1/ranks/${table}`,
        { period, start, limit: rankRowsMax },
        { signal },
      ),
      { rows: [] },
    );
  });
  return (await Promise.all(answers)).map(({ rows }) => rows.map(row => ({ ...row, key: keyOf(row) })));
}

/** The busiest of several periods together. */
export function busiest(rankings: readonly (readonly Ranked[])[], max: number): string[] {
  const sums = new Map<string, number>();
  for (const { key, packets } of rankings.flat()) sums.set(key, (sums.get(key) ?? 0) + packets);
  return [...sums]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, max)
    .map(([key]) => key);
}

/** What /v1 gives of a table at once. */
const tableDaysMax = 31;

type PublishedRow = Figures & Partial<TargetKeys & CountryKeys> & { readonly date: string };

/**
 * The busiest of a stretch of days with their series, out of the days' tables: the public's have few rows, so that these are
 * fewer questions than a series each.
 */
export async function publishedParts(
  table: SubjectTable,
  { from, to }: Pick<Stretch, 'from' | 'to'>,
  signal: AbortSignal,
): Promise<{ key: string; rows: SeriesRow[] }[]> {
  const ranges: string[] = [];
  for (let first = from; first <= to; first = daysBefore(first, -tableDaysMax)) {
    const last = daysBefore(first, 1 - tableDaysMax);
    ranges.push(`${first}:${last < to ? last : to}`);
  }
  const tables = await Promise.all(
    ranges.map(range => orNone(ask<PublishedRow>(`/v1/days/${range}/${table}`, {}, { signal }), { rows: [] })),
  );
  const byKey = Map.groupBy(
    tables.flatMap(({ rows }) => rows),
    keyOf,
  );
  const sums = [...byKey].map(([key, rows]) => ({
    key,
    rows,
    packets: rows.reduce((sum, row) => sum + row.packets, 0),
  }));
  return sums
    .sort((a, b) => b.packets - a.packets || (a.key < b.key ? -1 : 1))
    .slice(0, chartSeriesMax)
    .map(({ key, rows }) => ({ key, rows: rows.map(row => ({ ...row, start: `${row.date}T00:00:00Z` })) }));
}

export async function seriesOf(
  table: 'total' | SubjectTable,
  key: string | undefined,
  { from, to, step }: Pick<Stretch, 'from' | 'to' | 'step'>,
  signal: AbortSignal,
): Promise<readonly SeriesRow[]> {
  return (await orNone(ask<SeriesRow>('/v1/series', { table, key, from, to, step }, { signal }), { rows: [] })).rows;
}

/** Of several keys, in one question. */
export async function seriesOfEach(
  table: SubjectTable,
  keys: readonly string[],
  { from, to, step }: Pick<Stretch, 'from' | 'to' | 'step'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly SeriesRow[]>> {
  if (keys.length === 0) return new Map();
  const answer = ask<SeriesRow & { key: string }>(
    '/v1/series',
    { table, key: keys.join(), from, to, step },
    { signal },
  );
  const { rows } = await orNone(answer, { rows: [] as readonly (SeriesRow & { key: string })[] });
  return Map.groupBy(rows, ({ key }) => key);
}

/** The last whole day, with its database of countries. */
export async function totalOf(date: string, signal: AbortSignal): Promise<TotalRow | undefined> {
  return (await orNone(ask<TotalRow>(`/v1/days/${date}`, {}, { signal }), { rows: [] })).rows[0];
}

/** The week to speak of and the one before it: by their Mondays. */
export interface Weeks {
  readonly now: string;
  readonly before: string;
  /** Last day of the week that has figures. */
  readonly to: string;
}

/**
 * The week of the last day, if enough of it is over. The public's means hold of weeks that are all published: what is not yet
 * published was watched too.
 */
export function weeksTo({ date, hourly }: Latest): Weeks {
  const [current, previous, third] = periodsBefore('week', date, 3) as [string, string, string];
  const daysSoFar = (Date.parse(date) - Date.parse(current)) / DAY_MS + 1;
  const enough = hourly ? daysSoFar >= weekDaysMin : daysSoFar === 7;
  if (enough) return { now: current, before: previous, to: date };
  return { now: previous, before: third, to: daysBefore(current, 1) };
}
