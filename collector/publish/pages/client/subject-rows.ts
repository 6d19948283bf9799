/** What a port's page and a country's make of rows of /v1: their days by kind, and ranks as a timeline. */
import { DAY_MS } from '../../../../common/time.ts';
import { CLASSES, TOOLS } from '../../names.ts';
import type { Timeline } from '../../series.ts';
import type { SeriesRow } from './rows.ts';
import { type CountName, dateOf, daysBefore, type Latest, msOf, type Stretch } from './windows.ts';

/** What is told of a port; of a country, Nmap too. */
const KINDS = [...CLASSES, ...TOOLS];

export interface KindRow {
  /** UTC, ISO 8601. */
  readonly start: string;
  readonly kind: string;
  /** Null of a day that was counted before kinds were. */
  readonly packets: number | null;
  /** Of a country. */
  readonly sources?: number | null;
  readonly meanPerSensor: number | null;
}

export interface Kinds {
  readonly counted: CountName;
  /**
   * Days of which kinds are known, and for means enough was watched, ascending, by their first moment; with what each kind came to:
   * mean packets, or sources.
   */
  readonly starts: readonly number[];
  readonly values: ReadonlyMap<string, readonly number[]>;
  /** Packets of each kind on all days of which kinds are known. */
  readonly packets: ReadonlyMap<string, number>;
  /** The last day of which they are not known, YYYY-MM-DD. */
  readonly unknownTo: string | undefined;
}

/** Days of the stretch that are over, up to the last one that is; seven of a week by the hour. */
export const wholeDays = ({ from, step }: Pick<Stretch, 'from' | 'step'>, last: string): [from: string, to: string] => [
  step === 'hour' ? daysBefore(last, 6) : from,
  last,
];

export function kindsFrom(rows: readonly KindRow[], counted: CountName = 'packets'): Kinds {
  const byDay = [...Map.groupBy(rows, ({ start }) => start)].sort(([a], [b]) => (a < b ? -1 : 1));
  const isKnown = (list: readonly KindRow[]) => list.every(({ packets }) => packets !== null);
  const known = byDay.filter(([, list]) => isKnown(list));
  const countOf = (row: KindRow) => (counted === 'sources' ? row.sources : row.meanPerSensor);
  const drawn = known.filter(([, list]) => list.every(row => countOf(row) !== null));
  const rowOf = (list: readonly KindRow[], kind: string) => list.find(row => row.kind === kind);
  const valueIn = (list: readonly KindRow[], kind: string): number => {
    const row = rowOf(list, kind);
    return (row && countOf(row)) ?? 0;
  };
  return {
    counted,
    starts: drawn.map(([start]) => Date.parse(start)),
    values: new Map(KINDS.map(kind => [kind, drawn.map(([, list]) => valueIn(list, kind))] as const)),
    packets: new Map(
      KINDS.map(kind => [kind, known.reduce((sum, [, list]) => sum + (rowOf(list, kind)?.packets ?? 0), 0)] as const),
    ),
    unknownTo: byDay.findLast(([, list]) => !isKnown(list))?.[0].slice(0, 'YYYY-MM-DD'.length),
  };
}

export interface AsnRow {
  readonly rank: number;
  readonly asn: number;
  readonly packets: number;
  /** Of a country and one day. */
  readonly sources?: number | null;
  readonly meanPerSensor: number | null;
  readonly share: number;
}

export interface RankRow {
  /** First and last day of the period, YYYY-MM-DD. */
  readonly start: string;
  readonly end: string;
  /** False where nothing is shown of the period. */
  readonly counted: boolean;
  readonly rank: number | null;
}

export type RankStep = 'day' | 'week';
const daysOf: Record<RankStep, number> = { day: 1, week: 7 };

/** Periods of which something is known; NaN where it had no rank, and those that are not over marked. */
export function ranksFrom(rows: readonly RankRow[], step: RankStep, { date, partial }: Latest): Timeline {
  const shown = rows.filter(({ counted }) => counted);
  const isOpen = shown.map(({ end }) => end > date || (partial && end === date));
  const values = shown.map(({ rank }) => rank ?? Number.NaN);
  return {
    bucketMs: daysOf[step] * DAY_MS,
    starts: shown.map(({ start }) => msOf(start)),
    series: [{ key: 'rank', label: { en: 'rank', ja: '順位' }, values }],
    ...(isOpen.includes(true) && { partial: isOpen }),
  };
}

const hoursPerDay = 24;

/** Hours as a row for each hour of the day, over days; NaN where nobody watched, or what is kept no longer. */
export function hoursFrom(rows: readonly SeriesRow[]): Timeline {
  const means = new Map(rows.map(({ start, meanPerSensor }) => [Date.parse(start), meanPerSensor ?? Number.NaN]));
  const days = [...new Set(rows.map(({ start }) => Math.floor(Date.parse(start) / DAY_MS) * DAY_MS))].sort(
    (a, b) => a - b,
  );
  const isKnown = (day: number) => rows.some(row => row.meanPerSensor !== null && row.start.startsWith(dateOf(day)));
  const starts = days.filter(isKnown);
  return {
    bucketMs: DAY_MS,
    starts,
    series: Array.from({ length: hoursPerDay }, (_, hour) => {
      const key = String(hour).padStart(2, '0');
      const values = starts.map(day => means.get(day + (hour * DAY_MS) / hoursPerDay) ?? Number.NaN);
      return { key, label: { en: key, ja: key }, values };
    }),
  };
}
