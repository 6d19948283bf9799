/** What one port, one country or everything came to, hour by hour or day by day. */

import { setImmediate as breathe } from 'node:timers/promises';
import { HOUR_MS } from '../../../common/time.ts';
import type { DayRange, StoreReader } from '../../store/query.ts';
import { hourlySeries, type Subject, sensorsWatching } from '../../store/series.ts';
import { rounded } from '../roles/guarded.ts';
import type { AggregateView, WholeView } from '../roles/roles.ts';
import { type Figures, shown } from './figures.ts';
import type { Row } from './formats.ts';
import { inOrder } from './tables.ts';

const digitsOfMeans = 6;
const hoursPerDay = 24;

/** A row an hour; null where hours are kept no longer. */
export async function hourlyRows(
  _view: WholeView,
  store: StoreReader,
  range: DayRange,
  subject: Subject,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let day = range.from; day <= range.to; day++) {
    const one = { from: day, to: day };
    const watching = sensorsWatching(store, one);
    for (const { hour, packets, sources } of hourlySeries(store, one, subject)) {
      const sensors = watching.get(hour) ?? 0;
      const mean = packets === null || sensors === 0 ? null : rounded(packets / sensors, { digits: digitsOfMeans });
      rows.push({ start: timeText(hour * HOUR_MS), packets, sources, meanPerSensor: mean });
    }
    await breathe(); // batches are acknowledged by the same thread
  }
  return rows;
}

/** A row a day that the view has. */
export async function dailyRows(
  view: AggregateView,
  figures: Figures,
  range: DayRange,
  subject: Subject,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { day } of figures.days(view, range)) {
    const one = figures.day(view, day);
    if (one === undefined) continue;
    const found =
      subject.table === 'total'
        ? one.total
        : inOrder(view, one.rows(subject.table), {}).find(({ a }) => a === subject.a);
    // Nothing was seen, or, of the public's figures, too little to be shown.
    const none = view.kind === 'whole' ? NOTHING : undefined;
    const figure = found ?? none;
    if (figure !== undefined) {
      const { packets, sources, meanPerSensor } = shown(view, figure, one.total, one.coverage);
      rows.push({ start: timeText(day * hoursPerDay * HOUR_MS), packets, sources, meanPerSensor });
    }
    await breathe();
  }
  return rows;
}

const NOTHING = { a: 0, b: 0, packets: 0, sources: 0, scanningSources: 0 };

const timeText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)}Z`;
