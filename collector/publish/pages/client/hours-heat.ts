/** A port or a country by the hour of the day: whether it keeps office hours, bursts, or never rests. */
import { wholeDay } from './common.ts';
import { say } from './dom.ts';
import { heatFigure } from './heat.ts';
import type { Subject } from './rows.ts';
import { hoursFrom } from './subject-rows.ts';
import { seriesOf } from './trends.ts';
import { daysBefore, type Latest, type WindowName } from './windows.ts';

/** Whole days: /v1 gives hours of a month at once. */
const DAYS: Record<WindowName, number> = { week: 7, month: 30, quarter: 30, year: 30 };

/** Undefined where there is nothing to see, or one day alone. */
export async function hoursHeat(
  { table, key }: Subject,
  window: WindowName,
  latest: Latest,
  source: Promise<string>,
  signal: AbortSignal,
): Promise<HTMLElement | undefined> {
  const to = wholeDay(latest);
  const from = daysBefore(to, DAYS[window] - 1);
  const timeline = hoursFrom(await seriesOf(table, key, { from, to, step: 'hour' }, signal));
  const { starts, series } = timeline;
  if (starts.length < 2 || series.every(({ values }) => !values.some(value => value > 0))) return undefined;
  return heatFigure({
    id: 'hours',
    title: say({ en: 'By hour of the day', ja: '時間帯別' }),
    caption: say({
      en: 'Mean packets per sensor and hour: a row an hour, a column a day. Colours by quantiles. Hours are UTC.',
      ja: 'センサー1台・1時間あたりの平均パケット数（行は時刻、列は日）。色は分位点による区分。時刻はUTC。',
    }),
    source: await source,
    timeline,
  });
}
