/** How long a stretch of time a page shows, which days and steps that is, and which calendar periods rank what is in it. */
import { DAY_MS, HOUR_MS } from '../../../../common/time.ts';

export const WINDOWS = ['week', 'month', 'quarter', 'year'] as const;
export type WindowName = (typeof WINDOWS)[number];
export const COUNTS = ['packets', 'sources'] as const;
export type CountName = (typeof COUNTS)[number];

const DAYS: Record<WindowName, number> = { week: 7, month: 30, quarter: 91, year: 365 };
const RANKED_BY = { week: 'week', month: 'month', quarter: 'quarter', year: 'quarter' } as const;
/** Calendar periods that reach over all of a window. */
const PERIODS: Record<WindowName, number> = { week: 2, month: 2, quarter: 2, year: 5 };

export type PeriodName = 'week' | 'month' | 'quarter';

export interface Stretch {
  /** Days, YYYY-MM-DD, both included. */
  readonly from: string;
  readonly to: string;
  readonly step: 'hour' | 'day';
  /** Buckets that begin before are not shown: of hours, those a week ago. */
  readonly fromMs: number;
  /** Until when it is counted. */
  readonly toMs: number;
  readonly period: PeriodName;
  /** A day of each calendar period, latest first. */
  readonly periodDays: readonly string[];
}

export const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
export const msOf = (date: string): number => Date.parse(`${date}T00:00:00Z`);
export const daysBefore = (date: string, days: number): string => dateOf(msOf(date) - days * DAY_MS);

export interface Latest {
  /** The last day there is anything of. */
  readonly date: string;
  /** Nothing is known of days before. */
  readonly first: string | undefined;
  /** It is not over: its figures are of the hours so far. */
  readonly partial: boolean;
  readonly hourly: boolean;
  readonly nowMs: number;
  /** Of a day that is not over: until when it is counted. */
  readonly untilMs?: number;
}

/** A week of hours up to this one for members; else whole days. */
export function stretchOf(window: WindowName, { date, partial, hourly, nowMs, untilMs = nowMs }: Latest): Stretch {
  const period = RANKED_BY[window];
  const periodDays = periodsBefore(period, date, PERIODS[window]);
  if (window === 'week' && hourly) {
    const endMs = partial ? nowMs : msOf(date) + DAY_MS;
    const fromMs = Math.ceil((endMs - DAYS.week * DAY_MS) / HOUR_MS) * HOUR_MS;
    const toMs = Math.min(endMs, partial ? untilMs : endMs);
    return { from: dateOf(fromMs), to: date, step: 'hour', fromMs, toMs, period, periodDays };
  }
  const to = partial ? daysBefore(date, 1) : date;
  const from = daysBefore(to, DAYS[window] - 1);
  return { from, to, step: 'day', fromMs: msOf(from), toMs: msOf(to) + DAY_MS, period, periodDays };
}

/** Last day of the period that begins on a day. */
export function periodEnd(period: PeriodName, start: string): string {
  if (period === 'week') return daysBefore(start, -6);
  const [year, month] = [Number(start.slice(0, 4)), Number(start.slice(5, 7)) - 1];
  return dateOf(Date.UTC(year, month + (period === 'month' ? 1 : 3)) - DAY_MS);
}

/** First day of the period that a day is in; weeks begin on Monday. */
function periodStart(period: PeriodName, date: string): string {
  if (period === 'week') return daysBefore(date, (new Date(msOf(date)).getUTCDay() + 6) % 7);
  const month = Number(date.slice(5, 7)) - 1;
  const first = period === 'month' ? month : month - (month % 3);
  return dateOf(Date.UTC(Number(date.slice(0, 4)), first));
}

/** First days of the period of a day and of those before it, latest first. */
export function periodsBefore(period: PeriodName, date: string, count: number): string[] {
  const starts = [periodStart(period, date)];
  while (starts.length < count) starts.push(periodStart(period, daysBefore(starts.at(-1)!, 1)));
  return starts;
}

/** A calendar period to compare countries over, and the one before it. */
export interface Span {
  readonly period: PeriodName;
  readonly now: string;
  readonly before: string;
  /** Last day of the period that has figures. */
  readonly to: string;
  /** Of the whole period, over or not: what means are of. */
  readonly days: number;
  readonly beforeDays: number;
}

/** Of a calendar month or quarter that has just begun too little is known. */
const partMin = 0.25;

/**
 * The last period of which enough is over, or that has figures at all; of weeks the given one. The public's means hold of periods
 * that are all published: what is not yet published was watched too.
 */
export function spanOf(window: WindowName, latest: Latest, week: Pick<Span, 'now' | 'before' | 'to'>): Span {
  const period = window === 'year' ? 'quarter' : window;
  if (period === 'week') return { period, ...week, days: 7, beforeDays: 7 };
  const { date, partial, first, hourly } = latest;
  const last = partial ? daysBefore(date, 1) : date;
  const [current, previous, third] = periodsBefore(period, last, 3) as [string, string, string];
  const lengthOf = (start: string) => daysFrom(start, periodEnd(period, start));
  const part = daysFrom(current, last) / lengthOf(current);
  const isFirst = first !== undefined && first >= current;
  const enough = hourly ? part >= partMin || isFirst : part === 1;
  const [now, before] = enough ? [current, previous] : [previous, third];
  const to = enough ? last : daysBefore(current, 1);
  return { period, now, before, to, days: lengthOf(now), beforeDays: lengthOf(before) };
}

const daysFrom = (first: string, last: string): number => (msOf(last) - msOf(first)) / DAY_MS + 1;
