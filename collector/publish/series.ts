/**
 * Days as time series for the charts: hourly while a chart can show hours, daily beyond. Buckets follow one another from
 * the first day to the last; days without a result are absent, not zero, because nobody knows what they were.
 */

import { DAY_MS, HOUR_MS } from '../../common/time.ts';
import type { DayResult } from '../reduce/results.ts';
import { CLASS_NAMES, CLASSES, OTHER, TOOL_NAMES, TOOLS, targetLabel } from './names.ts';
import { dayStart, type Words } from './words.ts';

/** Above this many calendar days a chart's buckets are days. */
const hourlyDaysMax = 14;

export interface Series {
  key: string;
  label: Words;
  /** One value a bucket. */
  values: number[];
}

export interface Timeline {
  bucketMs: number;
  /** Start of each bucket, milliseconds since 1970 UTC, ascending; a step longer than a bucket is a gap. */
  starts: number[];
  series: Series[];
  /** Buckets that were watched by fewer sensors than usual, or not all their time; absent where none is. */
  partial?: readonly boolean[];
}

const same = (text: string): Words => ({ en: text, ja: text });

/** Hours or days, by the calendar days from first to last. */
function bucketMsFor(days: readonly DayResult[]): number {
  if (days.length === 0) return HOUR_MS;
  const span = dayStart(days.at(-1)!.date).getTime() - dayStart(days[0].date).getTime();
  return span < hourlyDaysMax * DAY_MS ? HOUR_MS : DAY_MS;
}

/** A longer pause separates one run of days from another. */
const runGapDaysMax = 180;

/**
 * The run of days that holds most packets. One packet with a broken clock (1970, 2106) would otherwise stretch a chart over
 * decades until everything else is a hair; such days are in the tables.
 */
export function mainRun(days: readonly DayResult[]): readonly DayResult[] {
  const runs: DayResult[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const day of days) {
    const start = dayStart(day.date).getTime();
    if (start - last > runGapDaysMax * DAY_MS) runs.push([]);
    runs.at(-1)!.push(day);
    last = start;
  }
  const packets = (run: readonly DayResult[]) => run.reduce((sum, day) => sum + day.packets, 0);
  return runs.reduce((best, run) => (packets(run) > packets(best) ? run : best), []);
}

function startsOf(days: readonly DayResult[], bucketMs: number): number[] {
  const perDay = DAY_MS / bucketMs;
  return days.flatMap(day => {
    const start = dayStart(day.date).getTime();
    return Array.from({ length: perDay }, (_, i) => start + i * bucketMs);
  });
}

/** All records. */
export function packetsTimeline(days: readonly DayResult[]): Timeline {
  const bucketMs = bucketMsFor(days);
  const values =
    bucketMs === DAY_MS ? days.map(day => day.packets) : days.flatMap(day => day.hours.map(row => row.packets));
  return {
    bucketMs,
    starts: startsOf(days, bucketMs),
    series: [{ key: 'packets', label: { en: 'packets', ja: 'パケット' }, values }],
  };
}

interface Cell {
  key: string;
  hour: number;
  packets: number;
}

/** The chosen keys' packets in every bucket, from a day's rows or its hourly cells. */
function chosenTimeline(
  days: readonly DayResult[],
  keys: readonly string[],
  cellsOf: (day: DayResult, hourly: boolean) => Iterable<Cell>,
): Timeline {
  const bucketMs = bucketMsFor(days);
  const hourly = bucketMs === HOUR_MS;
  const perDay = hourly ? 24 : 1;
  const values = new Map(keys.map(key => [key, new Array<number>(days.length * perDay).fill(0)]));
  days.forEach((day, index) => {
    for (const { key, hour, packets } of cellsOf(day, hourly)) {
      const row = values.get(key);
      if (row !== undefined) row[index * perDay + hour] += packets;
    }
  });
  const series = [...values].map(([key, row]): Series => ({ key, label: same(key), values: row }));
  return { bucketMs, starts: startsOf(days, bucketMs), series };
}

/** Targets by their label, as "23/tcp". */
export const portsTimeline = (days: readonly DayResult[], labels: readonly string[]): Timeline =>
  chosenTimeline(days, labels, function* (day, hourly) {
    if (hourly)
      for (const row of day.portHours()) yield { key: targetLabel(row), hour: row.hour, packets: row.packets };
    else for (const row of day.ports) yield { key: targetLabel(row), hour: 0, packets: row.packets };
  });

/** Countries by their code. */
export const countriesTimeline = (days: readonly DayResult[], codes: readonly string[]): Timeline =>
  chosenTimeline(days, codes, function* (day, hourly) {
    if (hourly) for (const row of day.countryHours()) yield { key: row.country, hour: row.hour, packets: row.packets };
    else for (const row of day.countries) yield { key: row.country, hour: 0, packets: row.packets };
  });

/** The first series of a timeline and what remains of all packets as "other". */
export function withOther(timeline: Timeline, all: Timeline, seriesMax: number): Timeline {
  const first = timeline.series.slice(0, seriesMax);
  const rest = all.series[0].values.map((total, i) => first.reduce((left, series) => left - series.values[i], total));
  const series = rest.some(value => value > 0) ? [...first, { key: 'other', label: OTHER, values: rest }] : first;
  return { ...timeline, series };
}

/** Packets of each class by day: they partition a day. */
export const classesTimeline = (days: readonly DayResult[]): Timeline => ({
  bucketMs: DAY_MS,
  starts: startsOf(days, DAY_MS),
  series: CLASSES.map(name => ({
    key: name,
    label: CLASS_NAMES[name],
    values: days.map(day => day.classes[name].packets),
  })),
});

/** Packets marked by each tool, or its confirmed sources, by day. */
export const toolsTimeline = (days: readonly DayResult[], what: 'packets' | 'sources'): Timeline => ({
  bucketMs: DAY_MS,
  starts: startsOf(days, DAY_MS),
  series: TOOLS.map(name => ({
    key: name,
    label: same(TOOL_NAMES[name]),
    values: days.map(day => day.tools[name][what]),
  })),
});

/**
 * The same timeline in wider buckets, each holding the mean of those it replaces, until at most `bucketsMax` (and the cut one) are
 * left: the unit stays, only the detail goes. Hours join within their UTC day, so that the first and the last bucket may reach
 * beyond the hours there are, and which were watched in part is not told; days stay as they are.
 */
export function coarser(timeline: Timeline, bucketsMax: number): Timeline {
  const { starts, bucketMs, series } = timeline;
  if (bucketMs !== HOUR_MS) return timeline;
  const each = [1, 2, 3, 4, 6, 8, 12, 24].find(size => starts.length / size <= bucketsMax) ?? 24;
  const wide = each * bucketMs;
  const joined = [...Map.groupBy(starts.keys(), i => Math.floor(starts[i]! / wide) * wide)];
  const mean = (values: readonly number[], places: readonly number[]) =>
    places.reduce((sum, i) => sum + values[i]!, 0) / places.length;
  return {
    bucketMs: wide,
    starts: joined.map(([start]) => start),
    series: series.map(one => ({ ...one, values: joined.map(([, places]) => mean(one.values, places)) })),
  };
}
