/** Rows of /v1/series as timelines for the charts. */
import { DAY_MS, HOUR_MS } from '../../../../common/time.ts';
import type { Series, Timeline } from '../../series.ts';
import type { Words } from '../../words.ts';
import type { SeriesRow } from './rows.ts';
import type { CountName, Stretch } from './windows.ts';

export interface Part {
  readonly key: string;
  readonly label: Words;
  readonly rows: readonly SeriesRow[];
}

/** What a chart of this count shows of a row: the mean packets per sensor, or the distinct sources; null where unknown. */
const bucketValue = (row: SeriesRow, count: CountName): number | null =>
  count === 'packets' ? row.meanPerSensor : row.sources;

/** Buckets of which the whole is known, with each part's value in them; what is not told of a part counts as nothing. */
export function timelineOf(
  whole: readonly SeriesRow[],
  parts: readonly Part[],
  { step, fromMs }: Pick<Stretch, 'step' | 'fromMs'>,
  count: CountName,
): Timeline {
  const buckets = whole.filter(row => bucketValue(row, count) !== null && Date.parse(row.start) >= fromMs);
  const series = parts.map(({ key, label, rows }): Series => {
    const byStart = new Map(rows.map(row => [row.start, bucketValue(row, count) ?? 0]));
    return { key, label, values: buckets.map(({ start }) => byStart.get(start) ?? 0) };
  });
  return {
    bucketMs: step === 'hour' ? HOUR_MS : DAY_MS,
    starts: buckets.map(({ start }) => Date.parse(start)),
    series,
  };
}

/** The parts and what is left of the whole. Rounded parts may come to more than a rounded whole. */
export function withRest(timeline: Timeline, whole: readonly SeriesRow[], rest: Words): Timeline {
  const byStart = new Map(whole.map(row => [Date.parse(row.start), row.meanPerSensor ?? 0]));
  const values = timeline.starts.map((start, i) =>
    Math.max(
      0,
      timeline.series.reduce((left, one) => left - one.values[i]!, byStart.get(start) ?? 0),
    ),
  );
  return { ...timeline, series: [...timeline.series, { key: 'other', label: rest, values }] };
}

/** How many sensors watched, on the mean of the buckets: what packets were divided by. */
export function sensorsOf(rows: readonly SeriesRow[]): number | undefined {
  const counts = rows.flatMap(({ packets, meanPerSensor }) =>
    packets !== null && meanPerSensor !== null && meanPerSensor > 0 ? [packets / meanPerSensor] : [],
  );
  return counts.length === 0 ? undefined : counts.reduce((sum, value) => sum + value, 0) / counts.length;
}
