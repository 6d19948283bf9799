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

/**
 * What a chart of this count shows of a row: the mean packets per sensor, or the distinct sources; null where unknown. Where nobody
 * watched there is no mean, and that no source was seen says nothing.
 */
const bucketValue = ({ meanPerSensor, sources }: SeriesRow, count: CountName): number | null =>
  count === 'packets' || meanPerSensor === null ? meanPerSensor : sources;

/** Of an hour just begun, of which so little was watched, a mean says more of chance than of what came. */
const coverageMin = 0.25;
/** An hour that fewer of the usual sensors watched is marked. Days are not: over a year an observatory grows. */
const coverageUsual = 0.75;

/** Sensors that watched in a bucket: what packets were divided by. Undefined where nothing says so. */
const watchedBy = ({ packets, meanPerSensor }: SeriesRow): number | undefined =>
  packets !== null && meanPerSensor !== null && meanPerSensor > 0 ? packets / meanPerSensor : undefined;

/** How many sensors watched each bucket, against the median of all; 1 where nothing is known of it. */
function coverages(rows: readonly SeriesRow[]): number[] {
  const watched = rows.map(watchedBy);
  const known = watched.filter(one => one !== undefined).sort((a, b) => a - b);
  const usual = known[Math.floor(known.length / 2)];
  return watched.map(one => (one === undefined || usual === undefined ? 1 : one / usual));
}

/**
 * Buckets of which the whole is known, with each part's value in them; what is not told of a part counts as nothing, but a bucket
 * of which a part is kept no longer is left out, and so is an hour just begun.
 */
export function timelineOf(
  whole: readonly SeriesRow[],
  parts: readonly Part[],
  { step, fromMs, toMs }: Pick<Stretch, 'step' | 'fromMs' | 'toMs'>,
  count: CountName,
): Timeline {
  const shown = whole.filter(row => bucketValue(row, count) !== null && Date.parse(row.start) >= fromMs);
  const gone = new Set(
    parts.flatMap(({ rows }) => rows.filter(({ packets }) => packets === null).map(({ start }) => start)),
  );
  const covered = step === 'hour' ? coverages(shown) : shown.map(() => 1);
  const isOver = ({ start }: SeriesRow) => Date.parse(start) + HOUR_MS <= toMs;
  const begun = (i: number) =>
    step === 'hour' && !isOver(shown[i]!) && (covered[i]! < coverageMin || shown[i]!.packets === 0);
  const isKept = (i: number) => !begun(i) && !gone.has(shown[i]!.start);
  const buckets = shown.filter((_, i) => isKept(i));
  const partial = covered.filter((_, i) => isKept(i)).map(coverage => coverage < coverageUsual);
  const series = parts.map(({ key, label, rows }): Series => {
    const byStart = new Map(rows.map(row => [row.start, bucketValue(row, count) ?? 0]));
    return { key, label, values: buckets.map(({ start }) => byStart.get(start) ?? 0) };
  });
  return {
    bucketMs: step === 'hour' ? HOUR_MS : DAY_MS,
    starts: buckets.map(({ start }) => Date.parse(start)),
    series,
    ...(partial.includes(true) && { partial }),
  };
}

export interface Undrawn {
  readonly hours: number;
  /** It is one, and it is not over. */
  readonly isBegun: boolean;
}

/** Hours that are counted but come after the last one drawn; undefined where there is none, or nothing is drawn. */
export function undrawnHours(
  { starts, bucketMs }: Timeline,
  { step, toMs }: Pick<Stretch, 'step' | 'toMs'>,
): Undrawn | undefined {
  const last = starts.at(-1);
  if (step !== 'hour' || last === undefined) return undefined;
  const hours = Math.ceil((toMs - last - bucketMs) / HOUR_MS);
  return hours <= 0 ? undefined : { hours, isBegun: hours === 1 && toMs % HOUR_MS !== 0 };
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
  const counts = rows.map(watchedBy).filter(one => one !== undefined);
  return counts.length === 0 ? undefined : counts.reduce((sum, value) => sum + value, 0) / counts.length;
}
