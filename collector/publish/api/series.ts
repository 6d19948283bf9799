/** What one port, one country or everything came to, hour by hour or day by day. */

import { setImmediate as breathe } from 'node:timers/promises';
import { HOUR_MS } from '../../../common/time.ts';
import type { DayRange, StoreReader } from '../../store/query.ts';
import { hourlySeries, meanCoverageMin, type Subject, sensorsWatching } from '../../store/series.ts';
import { rounded } from '../roles/guarded.ts';
import type { AggregateView, WholeView } from '../roles/roles.ts';
import { type DayFigures, digitsOfMeans, type Figure, type Figures, shown } from './figures.ts';
import type { Row } from './formats.ts';

const hoursPerDay = 24;

/** What is asked for, with its key as it stands in the question; null of everything. */
export interface Keyed {
  readonly key: string | null;
  readonly subject: Subject;
}

/** A row an hour and subject; null where hours are kept no longer. */
export async function hourlyRows(
  _view: WholeView,
  store: StoreReader,
  range: DayRange,
  subjects: readonly Keyed[],
): Promise<Row[]> {
  const rows = subjects.map((): Row[] => []);
  for (let day = range.from; day <= range.to; day++) {
    const one = { from: day, to: day };
    const watching = sensorsWatching(store, one);
    for (const [n, { key, subject }] of subjects.entries())
      for (const { hour, packets, sources } of hourlySeries(store, one, subject)) {
        const sensors = watching.get(hour) ?? 0;
        const mean =
          packets === null || sensors < meanCoverageMin ? null : rounded(packets / sensors, { digits: digitsOfMeans });
        rows[n]!.push({ start: timeText(hour * HOUR_MS), packets, sources, meanPerSensor: mean, key });
      }
    await breathe(); // others are answered by the same thread
  }
  return rows.flat();
}

/** A row a day that the view has, and subject. */
export async function dailyRows(
  view: AggregateView,
  figures: Figures,
  range: DayRange,
  subjects: readonly Keyed[],
): Promise<Row[]> {
  const rows = subjects.map((): Row[] => []);
  for (const { day } of figures.days(view, range)) {
    const one = figures.day(view, day);
    if (one === undefined) continue;
    for (const [n, { key, subject }] of subjects.entries()) {
      const figure = figureOf(view, one, subject);
      if (figure === undefined) continue;
      const { packets, sources, meanPerSensor } = shown(view, figure, one.total, one.coverage);
      rows[n]!.push({ start: timeText(day * hoursPerDay * HOUR_MS), packets, sources, meanPerSensor, key });
    }
    await breathe();
  }
  return rows.flat();
}

/** Undefined where, of the public's figures, too little was seen to be shown. */
function figureOf(view: AggregateView, day: DayFigures, subject: Subject): Figure | undefined {
  if (subject.table === 'total') return day.total;
  return day.row(subject.table, subject.a) ?? (view.kind === 'whole' ? NOTHING : undefined);
}

const NOTHING = { a: 0, b: 0, packets: 0, sources: 0, scanningSources: 0 };

/** UTC, ISO 8601, to the second. */
export const timeText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)}Z`;
