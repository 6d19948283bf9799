/** How the sensors are, at a glance: whether each watches, how completely, and what it lost. For those who run them. */
import { DAY_MS } from '../../../../common/time.ts';
import { count, share } from '../../words.ts';
import { ask, isMember } from './api.ts';
import { h, say } from './dom.ts';
import { datesText, dateText } from './sentences.ts';
import { signInFirst } from './states.ts';
import type { View } from './view.ts';
import { dateOf, daysBefore } from './windows.ts';

const shownDays = 14;
/** Of a day: less is worth a word. */
const wholeMin = 0.98;
const lossMax = 0.001;

interface SensorRow {
  readonly date: string;
  readonly sensor: string;
  readonly owner: string;
  readonly packets: number;
  readonly seen: number;
  readonly kernelDrops: number;
  readonly interrupted: number;
  readonly skipped: number;
  readonly lostPackets: number;
  /** Share of the day. */
  readonly watched: number;
  readonly excluded: boolean;
}

const LOSSES = [
  ['kernelDrops', { en: 'dropped by the kernel', ja: 'カーネルで破棄' }],
  ['interrupted', { en: 'unsealed when it ended', ja: '中断により未送信' }],
  ['lostPackets', { en: 'lost from its disk', ja: 'ディスクから消失' }],
] as const;

export async function sensorsPage(_view: View, _changed: () => void, signal: AbortSignal): Promise<HTMLElement[]> {
  if (!isMember()) return [signInFirst()];
  const nowMs = Date.now();
  const today = dateOf(nowMs);
  const days = Array.from({ length: shownDays }, (_, n) => daysBefore(today, shownDays - 1 - n));
  const { rows } = await ask<SensorRow>(`/v1/days/${days[0]}:${today}/sensors`, {}, { signal });
  const sensors = [...Map.groupBy(rows, ({ sensor }) => sensor)].sort(([a], [b]) => (a < b ? -1 : 1));
  if (sensors.length === 0) return [noSensors()];
  const partOfToday = (nowMs % DAY_MS) / DAY_MS;
  const ill = sensors.filter(([, list]) => healthOf(list, today, partOfToday).ill).length;
  const title =
    ill === 0
      ? say({
          en: `${count(sensors.length)} ${sensors.length === 1 ? 'sensor watches' : 'sensors, all watch'}`,
          ja: `${count(sensors.length)}台すべて正常`,
        })
      : say({
          en: `${count(ill)} of ${count(sensors.length)} sensors ${ill === 1 ? 'needs' : 'need'} a look`,
          ja: `${count(sensors.length)}台中${count(ill)}台を確認してください`,
        });
  return [
    h('div', { class: 'lead' }, h('p', { class: 'when' }, `${datesText(days[0]!, today)}, UTC`), h('h1', {}, title)),
    h(
      'div',
      { class: 'sensors' },
      sensors.map(([name, list]) => sensorCard(name, list, days, partOfToday)),
    ),
  ];
}

const noSensors = (): HTMLElement =>
  h(
    'section',
    { class: 'state empty' },
    h(
      'h1',
      {},
      say({ en: 'None of your sensors sent anything lately', ja: '最近データを送信したセンサーはありません' }),
    ),
    h('p', {}, say({ en: `In the last ${shownDays} days.`, ja: `直近${shownDays}日間。` })),
  );

interface Health {
  readonly ill: boolean;
  readonly words: string;
}

/** Of the last days: silent, incomplete, losing, or well. */
function healthOf(rows: readonly SensorRow[], today: string, partOfToday: number): Health {
  const last = rows.reduce((latest, row) => (row.date > latest.date ? row : latest));
  const yesterday = daysBefore(today, 1);
  if (last.date < yesterday)
    return {
      ill: true,
      words: say({ en: `Silent since ${dateText(last.date)}`, ja: `${dateText(last.date)}以降、受信なし` }),
    };
  if (rows.some(({ excluded, date }) => excluded && date >= yesterday))
    return { ill: true, words: say({ en: 'Left out of the counts', ja: '集計から除外中' }) };
  const recent = rows.filter(({ date }) => date >= daysBefore(today, 2));
  const lost = recent.reduce((sum, row) => sum + lostOf(row), 0);
  const seen = recent.reduce((sum, row) => sum + row.seen, 0);
  if (lost > lossMax * seen)
    return {
      ill: true,
      words: say({ en: `Lost ${share(lost, seen)} of what it saw`, ja: `観測パケットの${share(lost, seen)}を損失` }),
    };
  const expected = last.date === today ? partOfToday : 1;
  const complete = rows.find(({ date }) => date === yesterday);
  if (complete !== undefined && complete.watched < wholeMin)
    return {
      ill: true,
      words: say({
        en: `Watched ${share(complete.watched, 1)} of yesterday`,
        ja: `昨日の稼働は${share(complete.watched, 1)}`,
      }),
    };
  return expected > 0 ? { ill: false, words: say({ en: 'Watches', ja: '正常' }) } : { ill: false, words: '' };
}

const lostOf = ({ kernelDrops, interrupted, lostPackets }: SensorRow): number =>
  kernelDrops + interrupted + lostPackets;

function sensorCard(
  name: string,
  rows: readonly SensorRow[],
  days: readonly string[],
  partOfToday: number,
): HTMLElement {
  const byDate = new Map(rows.map(row => [row.date, row]));
  const today = days.at(-1)!;
  const health = healthOf(rows, today, partOfToday);
  const id = `sensor-${name}`;
  const sum = (pick: (row: SensorRow) => number) => rows.reduce((total, row) => total + pick(row), 0);
  const losses = LOSSES.map(([key, words]) => [say(words), sum(row => row[key])] as const).filter(
    ([, packets]) => packets > 0,
  );
  const fact = (term: string, text: string) => h('div', {}, h('dt', {}, term), h('dd', {}, text));
  return h(
    'section',
    { class: `card ${health.ill ? 'ill' : 'well'}`, 'aria-labelledby': id },
    h('h2', { id }, name, h('span', { class: 'sub' }, ` ${rows[0]!.owner}`)),
    h(
      'p',
      { class: 'health' },
      h('span', { class: 'sign', 'aria-hidden': 'true' }, health.ill ? '!' : '✓'),
      health.words,
    ),
    h(
      'ol',
      { class: 'strip', 'aria-label': say({ en: 'Share of each day watched', ja: '日ごとの稼働率' }) },
      days.map(date => dayBar(date, today, byDate.get(date))),
    ),
    h(
      'p',
      { class: 'note ends', 'aria-hidden': 'true' },
      h('span', {}, days[0]!.slice(5)),
      h('span', {}, today.slice(5)),
    ),
    h(
      'dl',
      { class: 'facts' },
      fact(say({ en: 'packets', ja: 'パケット数' }), count(sum(row => row.packets))),
      fact(say({ en: 'skipped', ja: '対象外' }), count(sum(row => row.skipped))),
      losses.length === 0
        ? fact(say({ en: 'lost', ja: '損失' }), '0')
        : losses.map(([term, packets]) => fact(term, count(packets))),
    ),
  );
}

function dayBar(date: string, today: string, row: SensorRow | undefined): HTMLElement {
  const watched = row === undefined ? 0 : Math.min(1, row.watched);
  const bar = h('span', { class: 'level', 'aria-hidden': 'true' });
  bar.style.height = `${Math.round(100 * watched)}%`;
  const text = row === undefined ? say({ en: 'nothing', ja: '受信なし' }) : share(watched, 1);
  const poor = row !== undefined && date !== today && (row.watched < wholeMin || lostOf(row) > lossMax * row.seen);
  return h(
    'li',
    { class: poor ? 'poor' : undefined, title: `${date}: ${text}` },
    bar,
    h('span', { class: 'hidden' }, `${date}: ${text}`),
  );
}
