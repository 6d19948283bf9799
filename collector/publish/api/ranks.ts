/** Ranks of a day, a week, a month or a quarter, with those of the period before. */
import { setImmediate as breathe } from 'node:timers/promises';
import { type Period, periodOf, previousPeriod } from '../../store/periods.ts';
import type { DayRange, StoreReader } from '../../store/query.ts';
import { rankedRows } from '../../store/rollup.ts';
import type { Coverage } from '../../store/series.ts';
import { publishedRows } from '../roles/guarded.ts';
import type { AggregateView, GuardedView } from '../roles/roles.ts';
import { type Figures, shown } from './figures.ts';
import type { Row } from './formats.ts';
import { TABLES } from './tables.ts';

export const RANK_PERIODS = ['day', 'week', 'month', 'quarter'] as const;
export type RankPeriod = (typeof RANK_PERIODS)[number];
export const RANK_TABLES = ['ports', 'countries'] as const;
export type RankTable = (typeof RANK_TABLES)[number];

export const RANK_ORDERS = ['packets', 'sources'] as const;
export type RankOrder = (typeof RANK_ORDERS)[number];

export interface RankQuestion {
  readonly table: RankTable;
  readonly period: RankPeriod;
  /** Sources only of a whole view: the guarded one has none. */
  readonly by: RankOrder;
  /** Any day of the period, since 1970. */
  readonly day: number;
}

const hoursPerDay = 24;

interface Ranked {
  readonly a: number;
  readonly rank: number;
  readonly previousRank: number | null;
  readonly packets: number;
  readonly sourceDays: number | null;
  readonly sources: number | null;
  readonly scanningSources: number | null;
}

interface Ranking {
  readonly range: DayRange;
  readonly rows: readonly Ranked[];
  readonly packets: number;
  readonly coverage: Coverage;
}

/**
 * The period's days, and its rows in the order of their ranks, each made when it is asked for: of thousands a page tells a few. None
 * if the view has nothing of it.
 */
export async function rankRows(
  view: AggregateView,
  figures: Figures,
  store: StoreReader,
  { table, period, by, day }: RankQuestion,
): Promise<{ readonly range: DayRange; readonly rows: readonly (() => Row)[] }> {
  const { range, rows, packets, coverage } =
    view.kind === 'guarded'
      ? await guardedRanking(view, figures, table, period, day)
      : bySources(by, wholeRanking(figures, store, table, period, day), () =>
          wholeRanking(figures, store, table, period, dayBefore(period, day)),
        );
  const { nameOf } = TABLES[table];
  return {
    range,
    rows: rows.map(({ a, rank, previousRank, sourceDays, ...figure }) => () => ({
      rank,
      previousRank,
      ...nameOf({ a, b: 0 }),
      ...shown(view, { a, b: 0, ...figure }, { packets }, coverage),
      sourceDays,
    })),
  };
}

/** The same rows by their sources; those of which none are kept stand last, in the order of their packets. */
function bySources(by: RankOrder, ranking: Ranking, previous: () => Ranking): Ranking {
  if (by === 'packets') return ranking;
  const inOrder = ({ rows }: Ranking) =>
    rows.toSorted((x, y) => (y.sources ?? -1) - (x.sources ?? -1) || x.rank - y.rank);
  const before = new Map(inOrder(previous()).map(({ a }, n) => [a, n + 1]));
  const rows = inOrder(ranking).map((row, n) => ({ ...row, rank: n + 1, previousRank: before.get(row.a) ?? null }));
  return { ...ranking, rows };
}

/** A day of the period before. */
const dayBefore = (period: RankPeriod, day: number): number =>
  period === 'day' ? day - 1 : periodOf(period, day).from - 1;

function wholeRanking(
  figures: Figures,
  store: StoreReader,
  table: RankTable,
  period: RankPeriod,
  day: number,
): Ranking {
  if (period !== 'day') {
    const range = periodOf(period, day);
    const rows = rankedRows(store, range, table);
    // Not what the days have come to: an open one may be told as it was some time ago.
    return { range, rows, packets: rows.reduce((sum, row) => sum + row.packets, 0), coverage: figures.coverage(range) };
  }
  const range = { from: day, to: day };
  const now = figures.day({ kind: 'whole' }, day);
  const before = figures.day({ kind: 'whole' }, day - 1);
  const ranks = new Map(before?.rows(table).map(({ a }, n) => [a, n + 1]));
  const rows = (now?.rows(table) ?? []).map((row, n) => ({
    ...row,
    rank: n + 1,
    previousRank: ranks.get(row.a) ?? null,
    sourceDays: row.sources,
  }));
  return { range, rows, packets: now?.total.packets ?? 0, coverage: figures.coverage(range) };
}

/** Out of the days that are public, as they are. */
async function guardedRanking(
  view: GuardedView,
  figures: Figures,
  table: RankTable,
  period: RankPeriod,
  day: number,
): Promise<Ranking> {
  const range: DayRange = period === 'day' ? { from: day, to: day } : periodOf(period, day);
  const previous: DayRange = period === 'day' ? { from: day - 1, to: day - 1 } : previousPeriod(range as Period);
  const before = new Map((await guardedSums(view, figures, table, previous)).rows.map(({ a }, n) => [a, n + 1]));
  const { rows, packets, coverage } = await guardedSums(view, figures, table, range);
  return {
    ...{ range, packets, coverage },
    rows: rows.map(({ a, packets: told }, n) => ({
      ...{ a, packets: told, rank: n + 1, previousRank: before.get(a) ?? null },
      ...{ sources: null, scanningSources: null, sourceDays: null },
    })),
  };
}

/**
 * Sums of the public days, as far as they are shown, and how much was watched of these of all the time of the range: means are of
 * what was watched, whichever days are public by now.
 */
export async function guardedSums(view: GuardedView, figures: Figures, table: RankTable, range: DayRange) {
  const sums = new Map<number, number>();
  let packets = 0;
  let [sensorHours, addressHours] = [0, 0];
  for (const { day } of figures.days(view, range)) {
    const one = figures.day(view, day);
    packets += one?.total.packets ?? 0;
    sensorHours += one?.coverage.sensorHours ?? 0;
    addressHours += one?.coverage.addressHours ?? 0;
    for (const row of one?.rows(table) ?? []) sums.set(row.a, (sums.get(row.a) ?? 0) + row.packets);
    await breathe(); // others are answered by the same thread
  }
  const cells = [...sums].map(([a, sum]) => ({ a, b: 0, packets: sum }));
  const coverage: Coverage = { hours: hoursPerDay * (range.to - range.from + 1), sensorHours, addressHours };
  return { rows: publishedRows(cells, view.rule), packets, coverage };
}
