/** One sensor: what it is, how it is, what it lost and why, and which ports it saw. For those who run it. */
import { DAY_MS } from '../../../../common/time.ts';
import { count, share } from '../../words.ts';
import { ask, isMember, orNone } from './api.ts';
import { h, pathOf, say } from './dom.ts';
import { figure } from './figure.ts';
import { labelOf, type SensorInfo, type TargetKeys } from './rows.ts';
import type { PortSensorRow } from './sensor-sums.ts';
import { daysShown, fact, healthLine, healthOf, LOSSES, type SensorRow, strip } from './sensors.ts';
import {
  datesText,
  durationText,
  economyText,
  enrolmentText,
  loadServices,
  momentText,
  type ServiceOf,
  utcText,
} from './sentences.ts';
import { slot } from './slot.ts';
import { signInFirst, troubled } from './states.ts';
import { subjectLink } from './tables.ts';
import { msOf } from './windows.ts';

/** Whole and part days that ports are told of. */
const portDays = 7;
const portsShown = 15;
const portsAsked = 100;

export async function sensorPage(name: string, signal: AbortSignal): Promise<HTMLElement[]> {
  if (!isMember()) return [signInFirst()];
  const nowMs = Date.now();
  const days = daysShown(nowMs);
  const [first, today] = [days[0]!, days.at(-1)!];
  const [{ rows: all }, { rows: registered }] = await Promise.all([
    ask<SensorRow>(`/v1/days/${first}:${today}/sensors`, {}, { signal }),
    ask<SensorInfo>('/v1/sensors', {}, { signal }),
  ]);
  const rows = all.filter(({ sensor }) => sensor === name);
  const info = registered.find(({ sensor }) => sensor === name);
  if (info === undefined && rows.length === 0) return [troubled('none')];
  return [
    h(
      'div',
      { class: 'lead' },
      h('p', { class: 'when' }, h('a', { href: pathOf.page('sensors') }, say({ en: 'Sensors', ja: 'センサー' }))),
      h('h1', {}, name, h('span', { class: 'sub' }, ` ${info?.owner ?? rows[0]!.owner}`)),
      healthLine(healthOf(rows, info, nowMs)),
      info === undefined ? undefined : factsOf(info, nowMs),
      info === undefined || info.alarms.length === 0 ? undefined : alarms(info.alarms),
    ),
    h(
      'div',
      { class: 'board' },
      h(
        'div',
        { class: 'charts' },
        rows.length === 0 ? undefined : packetsFigure(rows, name, nowMs),
        h(
          'section',
          { 'aria-labelledby': 'complete' },
          h('h2', { id: 'complete' }, say({ en: 'Completeness by day', ja: '日ごとの完全性' })),
          strip(rows, days, info),
          completeness(rows),
        ),
      ),
      h('aside', { class: 'moved' }, slot('tall', portsOf(name, days.slice(-portDays), signal))),
    ),
  ];
}

function factsOf(
  {
    state,
    economy,
    networks,
    lastBatch,
    lastHeartbeat,
    clockOffsetMs,
    oldestUnshipped,
    spooledRecords,
    version,
  }: SensorInfo,
  nowMs: number,
): HTMLElement {
  const never = say({ en: 'none since the collector started', ja: 'コレクター起動後なし' });
  const lag =
    oldestUnshipped === null ? say({ en: 'none', ja: 'なし' }) : durationText(nowMs - Date.parse(oldestUnshipped));
  const clock = clockOffsetMs === null ? '–' : `${clockOffsetMs < 0 ? '−' : '+'}${durationText(clockOffsetMs)}`;
  return h(
    'dl',
    { class: 'facts wide' },
    fact(say({ en: 'state', ja: '状態' }), enrolmentText(state)),
    fact(say({ en: 'stands in', ja: '設置地域' }), economyText(economy)),
    fact(say({ en: 'observes', ja: '観測範囲' }), networks.join(', ')),
    fact(say({ en: 'last batch', ja: '最終受信' }), momentText(lastBatch)),
    fact(
      say({ en: 'last heartbeat', ja: '最終ハートビート' }),
      lastHeartbeat === null ? never : momentText(lastHeartbeat),
    ),
    fact(say({ en: 'clock', ja: '時計のずれ' }), clock),
    fact(say({ en: 'lag', ja: '送信の遅れ' }), lastHeartbeat === null ? '–' : lag),
    fact(say({ en: 'records waiting', ja: '未送信レコード' }), spooledRecords === null ? '–' : count(spooledRecords)),
    fact(say({ en: 'version', ja: 'バージョン' }), version ?? '–'),
  );
}

const alarms = (texts: readonly string[]): HTMLElement =>
  h(
    'div',
    { class: 'warn' },
    h('p', {}, h('strong', {}, say({ en: 'It says of itself:', ja: 'センサーからの報告：' }))),
    h(
      'ul',
      {},
      texts.map(text => h('li', { lang: 'en' }, text)),
    ),
  );

function packetsFigure(rows: readonly SensorRow[], name: string, nowMs: number): HTMLElement {
  const days = rows.toSorted((a, b) => (a.date < b.date ? -1 : 1));
  return figure({
    id: 'packets',
    title: say({ en: 'Packets by day', ja: '日ごとのパケット数' }),
    caption: say({
      en: 'As it counted them. Today is not over. UTC.',
      ja: '集計したパケット数。本日分は途中まで。UTC。',
    }),
    source: `Enaga, ${name}, ${utcText(nowMs, false)} UTC`,
    timeline: {
      bucketMs: DAY_MS,
      starts: days.map(({ date }) => msOf(date)),
      series: [
        { key: 'packets', label: { en: 'packets', ja: 'パケット' }, values: days.map(({ packets }) => packets) },
      ],
    },
    kind: 'stack',
  });
}

/** What came, and what did not, by cause: the latest day first. */
function completeness(rows: readonly SensorRow[]): HTMLElement {
  const column = (text: string, name = 'n') => h('th', { scope: 'col', class: name }, text);
  const cell = (text: string) => h('td', { class: 'n' }, text);
  const head = h(
    'tr',
    {},
    column(say({ en: 'Day', ja: '日' }), ''),
    column(say({ en: 'Watched', ja: '稼働' })),
    column(say({ en: 'Packets', ja: 'パケット' })),
    column(say({ en: 'Skipped', ja: '対象外' })),
    LOSSES.map(([, words]) => column(say(words).replace(/^./, letter => letter.toUpperCase()))),
  );
  const body = rows
    .toSorted((a, b) => (a.date < b.date ? 1 : -1))
    .map(row =>
      h(
        'tr',
        {},
        h(
          'th',
          { scope: 'row' },
          row.date,
          row.excluded ? h('span', { class: 'sub' }, say({ en: ' left out', ja: ' 除外' })) : undefined,
        ),
        cell(share(row.watched, 1)),
        cell(count(row.packets)),
        cell(count(row.skipped)),
        LOSSES.map(([key]) => cell(count(row[key]))),
      ),
    );
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'group', 'aria-labelledby': 'complete' },
    h('table', {}, h('thead', {}, head), h('tbody', {}, body)),
  );
}

type Row = PortSensorRow & TargetKeys;

async function portsOf(name: string, days: readonly string[], signal: AbortSignal): Promise<HTMLElement | undefined> {
  const [from, to] = [days[0]!, days.at(-1)!];
  const answer = ask<Row>(`/v1/days/${from}:${to}/port-sensors`, { sensor: name, limit: portsAsked }, { signal });
  const [{ rows }, serviceOf] = await Promise.all([orNone(answer, { rows: [] as readonly Row[] }), loadServices()]);
  if (rows.length === 0) return undefined;
  return portTable(rows, datesText(from, to), serviceOf);
}

function portTable(rows: readonly Row[], span: string, serviceOf: ServiceOf): HTMLElement {
  const all = [...new Map(rows.map(row => [row.date, row.all])).values()].reduce((sum, packets) => sum + packets, 0);
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(labelOf(row), (sums.get(labelOf(row)) ?? 0) + row.packets);
  const top = [...sums].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, portsShown);
  const column = (text: string, name = 'n') => h('th', { scope: 'col', class: name }, text);
  const head = h(
    'tr',
    {},
    column(say({ en: 'Port', ja: 'ポート' }), ''),
    column(say({ en: 'Share', ja: '割合' })),
    column(say({ en: 'Packets', ja: 'パケット' })),
  );
  const body = top.map(([key, packets]) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, subjectLink('ports', key, serviceOf)),
      h('td', { class: 'n' }, share(packets, all)),
      h('td', { class: 'n' }, count(packets)),
    ),
  );
  return h(
    'section',
    { class: 'sides', 'aria-labelledby': 'its-ports' },
    h('h2', { id: 'its-ports' }, say({ en: 'Its ports', ja: '宛先ポート' })),
    h(
      'p',
      { class: 'note' },
      say({
        en: `${span}; a port’s page says whether others see it too`,
        ja: `${span}。他のセンサーの状況は各ポートのページで確認できます`,
      }),
    ),
    h('table', {}, h('thead', {}, head), h('tbody', {}, body)),
  );
}
