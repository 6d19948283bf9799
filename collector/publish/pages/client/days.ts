/** Every day there is, as a calendar: how much it brought, whether it still changes, and its files. */
import { DAY_MS } from '../../../../common/time.ts';
import { count, shortCount } from '../../words.ts';
import { ask, askFile, isMember } from './api.ts';
import { dayParts, failed } from './day-parts.ts';
import { append, h, language, saveFile, say } from './dom.ts';
import type { DayRow } from './rows.ts';
import { dateText } from './sentences.ts';
import { allFilled, slot } from './slot.ts';
import { nothingYet, tooFewSensors } from './states.ts';
import { followView, type View } from './view.ts';
import { dateOf, msOf } from './windows.ts';

const FORMATS = ['csv', 'json', 'ndjson'] as const;
const daysOfWeek = 7;
/** Steps of the calendar's shade. */
const shadesMax = 5;

interface FileRow {
  readonly name: string;
  readonly url: string;
  readonly size: number | null;
  readonly sha256: string | null;
}

const STATES = {
  open: { en: 'still counted', ja: '集計中' },
  closed: { en: 'closed', ja: '確定' },
  revised: { en: 'revised', ja: '改訂' },
} as const;

const stateText = ({ state, revision }: DayRow): string =>
  state === 'revised' ? say({ en: `revision ${revision}`, ja: `第${revision}版` }) : say(STATES[state]);

export async function daysPage(_view: View, _changed: () => void, signal: AbortSignal): Promise<HTMLElement[]> {
  const { rows } = await ask<DayRow>('/v1/days', { files: 'none' }, { signal });
  if (rows.length === 0) return [isMember() ? nothingYet() : tooFewSensors()];
  const byDate = new Map(rows.map(row => [row.date, row]));
  const most = Math.max(...rows.map(({ packets }) => packets));
  const months = [...new Set(rows.map(({ date }) => date.slice(0, 7)))].reverse();
  const detail = h('section', { class: 'files', 'aria-live': 'polite' });
  const calendar = h('div', { class: 'months' });
  const open = (row: DayRow) => {
    for (const button of calendar.querySelectorAll('button'))
      button.setAttribute('aria-pressed', String(button.dataset.day === row.date));
    detail.setAttribute('aria-busy', 'true'); // what comes part by part is read out once
    detail.replaceChildren(...dayPanel(row));
    void allFilled().then(() => detail.removeAttribute('aria-busy'));
  };
  append(
    calendar,
    months.map(month => monthTable(month, byDate, most, open)),
  );
  open(byDate.get(location.hash.slice(1)) ?? rows.findLast(({ state }) => state !== 'open') ?? rows.at(-1)!);
  const total = rows.reduce((sum, { packets }) => sum + packets, 0);
  return [
    h(
      'div',
      { class: 'lead' },
      h('p', { class: 'when' }, 'UTC'),
      h(
        'h1',
        {},
        say({
          en: `${count(rows.length)} ${rows.length === 1 ? 'day' : 'days'}, ${count(total)} packets`,
          ja: `${count(rows.length)}日間、${count(total)}パケット`,
        }),
      ),
      legend(),
    ),
    h('div', { class: 'board days' }, calendar, h('aside', { class: 'moved' }, detail)),
  ];
}

function legend(): HTMLElement {
  const item = (name: string, text: string) =>
    h('li', {}, h('span', { class: `key ${name}`, 'aria-hidden': 'true' }), text);
  return h(
    'ul',
    { class: 'legend' },
    item('shade-1', say({ en: 'few packets', ja: '少ない' })),
    item(`shade-${shadesMax}`, say({ en: 'many', ja: '多い' })),
    item('open', say(STATES.open)),
    item('revised', say({ en: 'revised after late data', ja: '遅着データにより改訂' })),
  );
}

/** What a month's days that can be read brought. */
function monthText(month: string, days: ReadonlyMap<string, DayRow>): string {
  const rows = [...days.values()].filter(({ date }) => date.startsWith(month));
  const packets = shortCount(rows.reduce((sum, row) => sum + row.packets, 0));
  return say({ en: `${packets} packets`, ja: `${packets}パケット` });
}

/** Monday first, as in ISO 8601. */
function monthTable(
  month: string,
  days: ReadonlyMap<string, DayRow>,
  most: number,
  open: (row: DayRow) => void,
): HTMLElement {
  const first = msOf(`${month}-01`);
  const start = first - ((new Date(first).getUTCDay() + 6) % daysOfWeek) * DAY_MS;
  const next = Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 1);
  const weeks = Array.from({ length: Math.ceil((next - start) / DAY_MS / daysOfWeek) }, (_, week) =>
    Array.from({ length: daysOfWeek }, (_, day) => dateOf(start + (week * daysOfWeek + day) * DAY_MS)),
  );
  const name = new Intl.DateTimeFormat(language, { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(first);
  const weekday = (day: number) =>
    new Intl.DateTimeFormat(language, { weekday: 'short', timeZone: 'UTC' }).format(start + day * DAY_MS);
  return h(
    'table',
    { class: 'month' },
    h('caption', {}, name, h('span', { class: 'sub' }, ` ${monthText(month, days)}`)),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        weeks[0]!.map((_, day) => h('th', { scope: 'col' }, weekday(day))),
      ),
    ),
    h(
      'tbody',
      {},
      weeks.map(week =>
        h(
          'tr',
          {},
          week.map(date => dayCell(date, month, days.get(date), most, open)),
        ),
      ),
    ),
  );
}

function dayCell(
  date: string,
  month: string,
  row: DayRow | undefined,
  most: number,
  open: (row: DayRow) => void,
): HTMLElement {
  const inMonth = date.startsWith(month);
  const number = Number(date.slice(8));
  if (!inMonth) return h('td', { class: 'outside' });
  if (row === undefined) return h('td', { class: 'none' }, number);
  const shade = Math.max(1, Math.ceil((shadesMax * row.packets) / Math.max(1, most)));
  return h(
    'td',
    { class: `day ${row.state}` },
    h(
      'button',
      {
        type: 'button',
        class: `shade-${shade}`,
        'data-day': date,
        click: () => {
          history.replaceState(undefined, '', `#${date}`);
          followView();
          open(row);
        },
      },
      h('span', { class: 'number' }, number),
      h('span', { class: 'amount' }, shortCount(row.packets)),
      h('span', { class: 'hidden' }, ` ${dateText(date)}${say({ en: ', ', ja: '、' })}${stateText(row)}`),
      row.state === 'revised' ? h('span', { class: 'revision' }, `r${row.revision}`) : undefined,
    ),
  );
}

/** Of the day that was chosen: what it brought, its files, and what came most. */
const dayPanel = (row: DayRow): HTMLElement[] => [
  h('h2', {}, dateText(row.date)),
  h(
    'p',
    { class: 'note' },
    say({
      en: `${count(row.packets)} packets, ${stateText(row)}`,
      ja: `${count(row.packets)}パケット、${stateText(row)}`,
    }),
  ),
  slot('part', filesOf(row), trouble => failed(UNLISTED, trouble)),
  ...dayParts(row),
];

const UNLISTED = { en: 'The files could not be listed', ja: 'ファイルの一覧を取得できませんでした' } as const;

/** Made by the collector when they are first asked for. */
async function filesOf({ date, state }: DayRow): Promise<HTMLElement> {
  if (state === 'open')
    return h('p', {}, say({ en: 'Its files come once it is closed.', ja: 'ファイルは確定後に公開されます。' }));
  const lists = await Promise.all(FORMATS.map(type => ask<FileRow>(`/v1/days/${date}/files`, { type })));
  const names = lists[0]!.rows.map(({ name }) => name.split('.')[0]!);
  const line = (name: string, n: number) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, name),
      lists.map(({ rows }) => h('td', { class: 'n' }, fileButton(rows[n]!, date))),
    );
  const heads = FORMATS.map(format => h('th', { scope: 'col', class: 'n' }, format));
  const table = h(
    'table',
    {},
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, say({ en: 'Table', ja: '表' })), heads)),
    h('tbody', {}, names.map(line)),
  );
  const label = say({ en: `Files of ${dateText(date)}`, ja: `${dateText(date)}のファイル` });
  return h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': label }, table);
}

const sizeText = (size: number | null): string =>
  size === null ? '' : `${shortCount(size).replace(/[kMGT]$/, letter => ` ${letter}`)}${size < 1000 ? ' ' : ''}B`;

const fileButton = ({ name, url, size, sha256 }: FileRow, date: string): HTMLElement =>
  h(
    'button',
    {
      type: 'button',
      class: 'file',
      title: sha256 === null ? undefined : `SHA-256 ${sha256}`,
      click: async () => saveFile(`enaga-${date}-${name}`, await askFile(url), 'application/octet-stream'),
    },
    sizeText(size),
    h('span', { class: 'hidden' }, ` ${date} ${name}`),
  );
