/** The ranks that a port or a country had, period after period. */
import { setImmediate as breathe } from 'node:timers/promises';
import { dateOf } from '../../reduce/result.ts';
import { readTop } from '../../store/closing.ts';
import { periodOf } from '../../store/periods.ts';
import type { DayRange, DaySummary, StoreReader } from '../../store/query.ts';
import { topOfPeriod } from '../../store/rollup.ts';
import type { Coverage } from '../../store/series.ts';
import type { AggregateView, WholeView } from '../roles/roles.ts';
import { type Figures, shown } from './figures.ts';
import type { Row } from './formats.ts';
import { guardedSums, type RankPeriod, type RankTable } from './ranks.ts';

/** Ranks beyond say nothing: thousands of ports have a handful of packets each. */
export const ranksMost = 1000;
/** Periods whose busiest are remembered: some 10 MB. */
const keptMax = 512;

interface Place {
  readonly a: number;
  readonly packets: number;
}

type DayHead = Pick<DaySummary, 'day' | 'closed' | 'packets'>;

/** The busiest of a period in their order, and what all packets came to; none where nothing was counted. */
interface Order {
  readonly places: readonly Place[];
  readonly packets: number;
  /** Of the days that it is made of, where the view has not all of the period. */
  readonly coverage?: Coverage;
}

export interface HistoryQuestion {
  readonly table: RankTable;
  /** As in reduce/rows.ts. */
  readonly a: number;
  readonly period: RankPeriod;
  readonly range: DayRange;
}

/** Periods that have a day of the range, ascending. */
export function periodsOf({ period, range }: Pick<HistoryQuestion, 'period' | 'range'>): DayRange[] {
  const periods: DayRange[] = [];
  for (let day = range.from; day <= range.to; day = periods.at(-1)!.to + 1)
    periods.push(period === 'day' ? { from: day, to: day } : periodOf(period, day));
  return periods;
}

export class RankHistory {
  readonly #figures: Figures;
  readonly #store: StoreReader;
  /** Of whole views and days that are closed, by what they were made of, the least recently made first. */
  readonly #kept = new Map<string, Order>();

  constructor(figures: Figures, store: StoreReader) {
    this.#figures = figures;
    this.#store = store;
  }

  /** A row a period. */
  async rows(view: AggregateView, key: string, question: HistoryQuestion): Promise<Row[]> {
    const rows: Row[] = [];
    for (const range of periodsOf(question)) {
      const { places, packets, coverage } = await this.#order(view, question, range);
      const at = places.findIndex(({ a }) => a === question.a);
      const figure = { a: question.a, b: 0, packets: places[at]?.packets ?? 0, sources: null, scanningSources: null };
      const told = at < 0 ? NOT_RANKED : shown(view, figure, { packets }, coverage ?? this.#figures.coverage(range));
      rows.push({
        ...{ start: dateOf(range.from), end: dateOf(range.to), key, counted: places.length > 0 },
        ...{
          rank: at < 0 ? null : at + 1,
          packets: told.packets,
          meanPerSensor: told.meanPerSensor,
          share: told.share,
        },
      });
      await breathe(); // others are answered by the same thread
    }
    return rows;
  }

  async #order(view: AggregateView, { table, period }: HistoryQuestion, range: DayRange): Promise<Order> {
    if (view.kind === 'guarded') {
      const { rows: places, packets, coverage } = await guardedSums(view, this.#figures, table, range);
      return { places, packets, coverage };
    }
    const days = this.#store.daysWithRecords(range);
    const name = [table, period, ...days.map(({ day, revision }) => `${day} ${revision}`)].join();
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    const order = days.length === 0 ? NOT_COUNTED : this.#whole(view, table, period, days[0]!);
    if (!days.every(({ closed, stale }) => closed && !stale)) return order; // another one soon
    this.#kept.set(name, order);
    if (this.#kept.size > keptMax) this.#kept.delete(this.#kept.keys().next().value!);
    return order;
  }

  /** Of the period of a day that there is. */
  #whole(view: WholeView, table: RankTable, period: RankPeriod, { day, closed, packets }: DayHead): Order {
    if (period !== 'day') {
      const top = topOfPeriod(this.#store, periodOf(period, day), table, ranksMost);
      return { places: placesOf(top.rows), packets: top.packets };
    }
    if (closed) return { places: placesOf(readTop(this.#store.database, day, table, ranksMost)), packets };
    const told = this.#figures.day(view, day); // of an open one what was made of it: its share is of that
    return told === undefined ? NOT_COUNTED : { places: placesOf(told.rows(table)), packets: told.total.packets };
  }
}

const NOT_COUNTED: Order = { places: [], packets: 0 };
const placesOf = (rows: readonly Place[]): Place[] =>
  rows.slice(0, ranksMost).map(({ a, packets }) => ({ a, packets }));
const NOT_RANKED = { packets: null, meanPerSensor: null, share: null };
