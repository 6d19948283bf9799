/** The rank of a port or a country over time: days of a week or a month, weeks of a quarter or a year. */
import type { Timeline } from '../../series.ts';
import { count } from '../../words.ts';
import { ask, orNone } from './api.ts';
import { wholeDay } from './common.ts';
import { say } from './dom.ts';
import { figure } from './figure.ts';
import type { Subject, SubjectTable } from './rows.ts';
import { type RankRow, type RankStep, ranksFrom } from './subject-rows.ts';
import { daysBefore, type Latest, periodsBefore, type WindowName } from './windows.ts';

const WINDOWS: Record<WindowName, readonly [step: RankStep, periods: number]> = {
  week: ['day', 7],
  month: ['day', 30],
  quarter: ['week', 13],
  year: ['week', 53],
};
/** Ranks that a member is told, and the public. */
const ranksMost = { member: 1000, public: 10 };

/** Undefined where it had no rank in all this time, or there is one period alone. */
export async function rankFigure(
  { table, key }: Subject,
  window: WindowName,
  latest: Latest,
  source: Promise<string>,
  signal: AbortSignal,
): Promise<HTMLElement | undefined> {
  const [step, periods] = WINDOWS[window];
  const last = wholeDay(latest);
  const from = step === 'day' ? daysBefore(last, periods - 1) : periodsBefore('week', latest.date, periods).at(-1)!;
  const to = step === 'day' ? last : latest.date;
  const answer = ask<RankRow>('/v1/rank-history', { table, key, period: step, from, to }, { signal });
  const { rows } = await orNone(answer, { rows: [] });
  const timeline = ranksFrom(rows, step, latest);
  const [{ values }] = timeline.series as [Timeline['series'][number]];
  if (values.length < 2 || values.every(Number.isNaN)) return undefined;
  return figure({
    id: 'ranks',
    title:
      step === 'day'
        ? say({ en: 'Ranks, day by day', ja: '順位の推移（日別）' })
        : say({ en: 'Ranks, week by week', ja: '順位の推移（週別）' }),
    caption: captionOf(table, timeline, latest.hourly ? ranksMost.member : ranksMost.public),
    source: await source,
    timeline,
    kind: 'ranks',
  });
}

function captionOf(table: SubjectTable, { series, partial }: Timeline, most: number): string {
  const among =
    table === 'ports'
      ? say({
          en: 'Place among all ports by packets, the first at the top',
          ja: '全宛先ポート中の順位（パケット数順、1位が上）',
        })
      : say({
          en: 'Place among all countries by packets, the first at the top',
          ja: '全地域中の順位（パケット数順、1位が上）',
        });
  const cross = series[0]!.values.some(Number.isNaN)
    ? say({ en: ` × not among the first ${count(most)}.`, ja: `×は上位${count(most)}位圏外。` })
    : '';
  const hollow =
    partial === undefined ? '' : say({ en: ' Hollow: so far, the period is not over.', ja: '白丸は集計途中の期間。' });
  return `${among}${say({ en: '. UTC.', ja: '。UTC。' })}${cross}${hollow}`;
}
