/** How the sensors are, at a glance: whether each watches, how completely, and what it lost. For those who run them. */
import { count, share } from '../../words.ts';
import { ask, askReader, isMember } from './api.ts';
import { h, pathOf, say } from './dom.ts';
import type { SensorInfo } from './rows.ts';
import { datesText, dateText, durationText, momentText } from './sentences.ts';
import { signInFirst, state } from './states.ts';
import type { View } from './view.ts';
import { dateOf, daysBefore } from './windows.ts';

const shownDays = 14;
/** Of a day: less is worth a word. */
const wholeMin = 0.98;
const lossMax = 0.001;
const clockMsMax = 5000;
/** A batch of a quiet hour is sealed when the hour is over. */
const lagMsMax = 2 * 3_600_000;

export interface SensorRow {
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

export const LOSSES = [
  ['kernelDrops', { en: 'dropped by the kernel', ja: 'カーネルで破棄' }],
  ['interrupted', { en: 'unsealed when it ended', ja: '中断により未送信' }],
  ['lostPackets', { en: 'lost from its disk', ja: 'ディスクから消失' }],
] as const;

export async function sensorsPage(_view: View, _changed: () => void, signal: AbortSignal): Promise<HTMLElement[]> {
  if (!isMember()) return [signInFirst()];
  const nowMs = Date.now();
  const days = daysShown(nowMs);
  const [first, today] = [days[0]!, days.at(-1)!];
  const [{ rows }, { rows: registered }, { role }] = await Promise.all([
    ask<SensorRow>(`/v1/days/${first}:${today}/sensors`, {}, { signal }),
    ask<SensorInfo>('/v1/sensors', {}, { signal }),
    askReader(signal),
  ]);
  const byName = Map.groupBy(rows, ({ sensor }) => sensor);
  const infoOf = new Map(registered.map(info => [info.sensor, info]));
  const waiting = registered.filter(({ sensor, state }) => state !== 'revoked' && !byName.has(sensor));
  const names = [...byName.keys(), ...waiting.map(({ sensor }) => sensor)].sort();
  const links = role === 'admin' ? adminLinks() : undefined;
  if (names.length === 0) return [noSensors(links)];
  const cards = names.map(name => {
    const list = byName.get(name) ?? [];
    const info = infoOf.get(name);
    return { name, list, info, health: healthOf(list, info, nowMs) };
  });
  cards.sort((x, y) => Number(y.health.ill) - Number(x.health.ill)); // of a hundred, those to look at come first
  const ill = cards.filter(({ health }) => health.ill).length;
  const title =
    ill === 0
      ? say({
          en: `${count(cards.length)} ${cards.length === 1 ? 'sensor watches' : 'sensors, all watch'}`,
          ja: `${count(cards.length)}台すべて正常`,
        })
      : say({
          en: `${count(ill)} of ${count(cards.length)} sensors ${ill === 1 ? 'needs' : 'need'} a look`,
          ja: `${count(cards.length)}台中${count(ill)}台を確認してください`,
        });
  return [
    h(
      'div',
      { class: 'lead' },
      h(
        'p',
        { class: 'when' },
        say({ en: `${datesText(first, today)}, UTC`, ja: `${datesText(first, today)}（UTC）` }),
      ),
      h('h1', {}, title),
      links,
    ),
    h(
      'div',
      { class: 'sensors' },
      cards.map(card => sensorCard(card, days)),
    ),
  ];
}

/** The days that are shown, ascending: the last is today. */
export function daysShown(nowMs: number): string[] {
  const today = dateOf(nowMs);
  return Array.from({ length: shownDays }, (_, n) => daysBefore(today, shownDays - 1 - n));
}

const adminLinks = (): HTMLElement =>
  h(
    'p',
    { class: 'admin' },
    h('a', { class: 'button', href: pathOf.page('enrol') }, say({ en: 'Enrol a sensor', ja: 'センサーを登録' })),
    ' ',
    h('a', { class: 'button', href: pathOf.page('members') }, say({ en: 'Members', ja: 'メンバー管理' })),
  );

const noSensors = (links: HTMLElement | undefined): HTMLElement =>
  state(
    'empty',
    say({ en: 'You have no sensors yet', ja: 'センサーがまだありません' }),
    h(
      'p',
      {},
      say({ en: 'As soon as one is registered for you, it shows here.', ja: '登録されると、ここに表示されます。' }),
    ),
    links,
  );

interface Health {
  readonly ill: boolean;
  readonly words: string;
}

const ill = (english: string, japanese: string): Health => ({ ill: true, words: say({ en: english, ja: japanese }) });

/** Of the last days: silent, incomplete, losing, with a wrong clock, or well. */
export function healthOf(rows: readonly SensorRow[], info: SensorInfo | undefined, nowMs: number): Health {
  const today = dateOf(nowMs);
  const yesterday = daysBefore(today, 1);
  if (info?.state === 'revoked') return ill('Revoked', '失効');
  if (rows.length === 0)
    return info?.state === 'not enrolled'
      ? ill('Not enrolled yet', '未登録')
      : ill(`Nothing for ${shownDays} days`, `${shownDays}日間、受信なし`);
  const last = rows.reduce((latest, row) => (row.date > latest.date ? row : latest));
  if (last.date < yesterday) return ill(`Silent since ${dateText(last.date)}`, `${dateText(last.date)}以降、受信なし`);
  if (rows.some(({ excluded, date }) => excluded && date >= yesterday))
    return ill('Left out of the counts', '集計から除外中');
  const recent = rows.filter(({ date }) => date >= daysBefore(today, 2));
  const lost = recent.reduce((sum, row) => sum + lostOf(row), 0);
  const seen = recent.reduce((sum, row) => sum + row.seen, 0);
  if (lost > lossMax * seen)
    return ill(`Lost ${share(lost, seen)} of what it saw`, `観測パケットの${share(lost, seen)}を損失`);
  const complete = rows.find(({ date }) => date === yesterday);
  if (complete !== undefined && complete.watched < wholeMin)
    return ill(`Watched ${share(complete.watched, 1)} of yesterday`, `昨日の稼働は${share(complete.watched, 1)}`);
  const { clockOffsetMs = null, alarms = [], oldestUnshipped = null } = info ?? {};
  if (clockOffsetMs !== null && Math.abs(clockOffsetMs) > clockMsMax)
    return ill(
      `Its clock is off by ${durationText(clockOffsetMs)}`,
      `時計が${durationText(clockOffsetMs)}ずれています`,
    );
  const lagMs = oldestUnshipped === null ? 0 : nowMs - Date.parse(oldestUnshipped);
  if (lagMs > lagMsMax) return ill(`${durationText(lagMs)} behind`, `${durationText(lagMs)}の遅れ`);
  if (alarms.length > 0) return ill('It reports trouble', '異常を報告しています');
  return { ill: false, words: say({ en: 'Watches', ja: '正常' }) };
}

export const lostOf = ({ kernelDrops, interrupted, lostPackets }: SensorRow): number =>
  kernelDrops + interrupted + lostPackets;

interface Card {
  readonly name: string;
  readonly list: readonly SensorRow[];
  readonly info: SensorInfo | undefined;
  readonly health: Health;
}

function sensorCard({ name, list, info, health }: Card, days: readonly string[]): HTMLElement {
  const id = `sensor-${name}`;
  const owner = info?.owner ?? list[0]?.owner ?? '';
  return h(
    'section',
    { class: `card ${health.ill ? 'ill' : 'well'}`, 'aria-labelledby': id },
    h('h2', { id }, h('a', { href: pathOf.sensor(name) }, name), h('span', { class: 'sub' }, ` ${owner}`)),
    healthLine(health),
    strip(list, days, info),
    h('dl', { class: 'facts' }, lossFacts(list), info === undefined ? undefined : lastFact(info)),
  );
}

export const healthLine = ({ ill: isIll, words }: Health): HTMLElement =>
  h(
    'p',
    { class: isIll ? 'health ill' : 'health well' },
    h('span', { class: 'sign', 'aria-hidden': 'true' }, isIll ? '!' : '✓'),
    words,
  );

/** How much of each day it watched; before it was registered there was nothing to watch with. */
export function strip(
  rows: readonly SensorRow[],
  days: readonly string[],
  info: SensorInfo | undefined,
): HTMLElement[] {
  const registered = info?.created.slice(0, 10) ?? '';
  const byDate = new Map(rows.map(row => [row.date, row]));
  const [first, today] = [days[0]!, days.at(-1)!];
  return [
    h(
      'ol',
      { class: 'strip', 'aria-label': say({ en: 'Share of each day watched', ja: '日ごとの稼働率' }) },
      days.map(date => dayBar(date, { today, registered }, byDate.get(date))),
    ),
    h('p', { class: 'note ends', 'aria-hidden': 'true' }, h('span', {}, first.slice(5)), h('span', {}, today.slice(5))),
  ];
}

export const fact = (term: string, text: string): HTMLElement => h('div', {}, h('dt', {}, term), h('dd', {}, text));

function lossFacts(rows: readonly SensorRow[]): HTMLElement[] {
  const sum = (pick: (row: SensorRow) => number) => rows.reduce((total, row) => total + pick(row), 0);
  const losses = LOSSES.map(([key, words]) => [say(words), sum(row => row[key])] as const).filter(
    ([, packets]) => packets > 0,
  );
  return [
    fact(say({ en: 'packets', ja: 'パケット数' }), count(sum(row => row.packets))),
    fact(say({ en: 'skipped', ja: '対象外' }), count(sum(row => row.skipped))),
    ...(losses.length === 0
      ? [fact(say({ en: 'lost', ja: '損失' }), '0')]
      : losses.map(([term, packets]) => fact(term, count(packets)))),
  ];
}

const lastFact = ({ lastBatch }: SensorInfo): HTMLElement =>
  fact(say({ en: 'last batch', ja: '最終受信' }), momentText(lastBatch));

interface StripDates {
  readonly today: string;
  readonly registered: string;
}

function dayBar(date: string, { today, registered }: StripDates, row: SensorRow | undefined): HTMLElement {
  const watched = row === undefined ? 0 : Math.min(1, row.watched);
  const bar = h('span', { class: 'level', 'aria-hidden': 'true' });
  bar.style.height = `${Math.round(100 * watched)}%`;
  const isBefore = row === undefined && date < registered;
  const missing = isBefore ? say({ en: 'not enrolled yet', ja: '登録前' }) : say({ en: 'nothing', ja: '受信なし' });
  const text = row === undefined ? missing : share(watched, 1);
  const poor = row !== undefined && date !== today && (row.watched < wholeMin || lostOf(row) > lossMax * row.seen);
  const isSilent = row === undefined && date !== today;
  const dayClass = isBefore ? 'before' : isSilent ? 'silent' : poor ? 'poor' : undefined;
  return h(
    'li',
    { class: dayClass, title: `${date}: ${text}` },
    bar,
    h('span', { class: 'hidden' }, `${date}: ${text}`),
  );
}
