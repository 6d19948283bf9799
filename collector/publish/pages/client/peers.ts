/** Other observatories beside our own: the busiest ports and countries of each, in one unit, with whose each figure is. */
import { count, dayRange, share } from '../../words.ts';
import { ask, isMember, orNone } from './api.ts';
import { type Child, h, say } from './dom.ts';
import { type Column, nameOf, sourcesList } from './origins.ts';
import { type DayRow, keyOf, type SubjectTable, type TargetKeys } from './rows.ts';
import { durationText, loadServices, meanText, type ServiceOf } from './sentences.ts';
import { slot } from './slot.ts';
import { noPeerDays, noPeers } from './states.ts';
import { subjectLink } from './tables.ts';
import type { View } from './view.ts';
import { dateOf, daysBefore } from './windows.ts';

/** One of /v1/peers. */
interface PeerRow {
  readonly name: string;
  readonly kind: 'peer' | 'import';
  readonly view: 'whole' | 'guarded';
  readonly to: string | null;
  readonly pulled: string | null;
  readonly trouble: keyof typeof TROUBLES | null;
}

interface ComparedRow extends Partial<TargetKeys> {
  readonly source: string;
  readonly country?: string;
  readonly rank: number;
  readonly packets: number;
  readonly meanPerSensor: number | null;
  readonly share: number;
}

const SPANS = { day: 1, week: 7 } as const;
type Span = keyof typeof SPANS;
const UNITS = ['share', 'mean'] as const;
type Unit = (typeof UNITS)[number];

/** What the address says: how many days, which is the last, and in what unit. */
interface Choice {
  readonly span: Span;
  readonly unit: Unit;
  /** The last day that we and one other have, unless given. */
  readonly date: string | undefined;
}

const SPAN_NAMES = { day: { en: '1 day', ja: '1日' }, week: { en: '1 week', ja: '1週間' } } as const;
const UNIT_NAMES = {
  share: { en: 'Share', ja: '割合' },
  mean: { en: 'Packets a sensor and day', ja: '1センサー1日平均' },
} as const;
const TROUBLES = {
  unreachable: { en: 'it does not answer', ja: '応答がありません' },
  token: { en: 'it does not take our token', ja: 'トークンが受け付けられません' },
  refused: { en: 'it refuses', ja: '要求が拒否されました' },
  wrong: { en: 'it answers what is no figure', ja: '応答が正しくありません' },
  files: { en: 'our token or certificate cannot be read', ja: 'トークンまたは証明書を読み込めません' },
} as const;

const top = 10;
/** Our own days that are looked at for the last that is closed. */
const lookBackDays = 60;
const hueCount = 5;

export async function peersPage(_view: View, changed: () => void, signal: AbortSignal): Promise<HTMLElement[]> {
  const { rows: peers } = await ask<PeerRow>('/v1/peers', {}, { signal });
  if (peers.length === 0) return [noPeers(isMember())];
  const choice = choiceOf(location.search);
  const to = choice.date ?? (await lastDay(peers, signal));
  if (to === undefined)
    return [h('div', { class: 'lead' }, h('h1', {}, quietTitle())), noPeerDays(), ...troubles(peers)];
  const from = daysBefore(to, SPANS[choice.span] - 1);
  const range = from === to ? to : `${from}:${to}`;
  const nothing = { rows: [] as ComparedRow[], next: null, sources: [] as Column[] };
  const table = (name: SubjectTable) =>
    orNone(ask<ComparedRow, { sources: Column[] }>(`/v1/compare/${range}/${name}`, { top }, { signal }), nothing);
  const [ports, countries, serviceOf] = [table('ports'), table('countries'), loadServices()];
  const comparison = await ports;
  const controls = controlBar(choice, to, changed);
  if (comparison.sources.length === 0)
    return [leadOf(quietTitle(), from, to), controls, noPeerDays(), ...troubles(peers)];
  return [
    leadOf(titleOf(comparison.rows, comparison.sources), from, to),
    controls,
    ...troubles(peers),
    h(
      'div',
      { class: 'pair' },
      slot('ranking', rankingOf('ports', ports, serviceOf, choice)),
      slot('ranking', rankingOf('countries', countries, serviceOf, choice)),
    ),
    sourcesList(comparison.sources, SPANS[choice.span]),
  ];
}

/** The last day of which we have closed figures, and somebody else has some; the last of either where there is but one. */
async function lastDay(peers: readonly PeerRow[], signal: AbortSignal): Promise<string | undefined> {
  const theirs = peers.flatMap(({ to }) => to ?? []).sort();
  const today = dateOf(Date.now());
  const range = `${daysBefore(today, lookBackDays)}:${today}`;
  const { rows } = await orNone(ask<DayRow>('/v1/days', { date: range }, { signal }), { rows: [] as DayRow[] });
  const ours = rows.filter(({ state }) => state !== 'open').at(-1)?.date;
  return [ours, theirs.at(-1)].filter(date => date !== undefined).sort()[0];
}

function choiceOf(search: string): Choice {
  const parameters = new URLSearchParams(search);
  const date = parameters.get('date') ?? '';
  return {
    span: parameters.get('span') === 'day' ? 'day' : 'week',
    unit: parameters.get('unit') === 'mean' ? 'mean' : 'share',
    date: /^\d{4}-\d\d-\d\d$/.test(date) && !Number.isNaN(Date.parse(date)) ? date : undefined,
  };
}

function addressOf({ span, unit, date }: Choice): string {
  const url = new URL(location.href);
  for (const [key, value, usual] of [
    ['span', span, 'week'],
    ['unit', unit, 'share'],
    ['date', date ?? '', ''],
  ] as const)
    if (value === usual) url.searchParams.delete(key);
    else url.searchParams.set(key, value);
  return `${url.pathname}${url.search}`;
}

/** Links, as on the other pages, and the last day as a field. */
function controlBar(choice: Choice, to: string, changed: () => void): HTMLElement {
  const go = (next: Choice) => {
    history.pushState(undefined, '', addressOf(next));
    changed();
  };
  const link = (next: Choice, name: string, current: boolean) =>
    h(
      'a',
      {
        href: addressOf(next),
        'aria-current': current ? 'true' : undefined,
        click: event => {
          const { ctrlKey, metaKey, shiftKey } = event as MouseEvent;
          if (ctrlKey || metaKey || shiftKey) return;
          event.preventDefault();
          go(next);
        },
      },
      name,
    );
  const group = (name: string, links: HTMLElement[]) =>
    h('div', { class: 'switch', role: 'group', 'aria-label': name }, links);
  const field = h('input', { type: 'date', id: 'last-day', value: to, max: dateOf(Date.now()), required: true });
  field.addEventListener('change', () => {
    if (field.value !== '' && field.value !== to) go({ ...choice, date: field.value });
  });
  return h(
    'div',
    { class: 'controls' },
    group(
      say({ en: 'Length of time', ja: '期間の長さ' }),
      (Object.keys(SPANS) as Span[]).map(span =>
        link({ ...choice, span }, say(SPAN_NAMES[span]), span === choice.span),
      ),
    ),
    group(
      say({ en: 'Unit', ja: '単位' }),
      UNITS.map(unit => link({ ...choice, unit }, say(UNIT_NAMES[unit]), unit === choice.unit)),
    ),
    h('div', { class: 'pick day' }, h('label', { for: 'last-day' }, say({ en: 'up to', ja: '最終日' })), field),
  );
}

const leadOf = (title: string, from: string, to: string): HTMLElement =>
  h(
    'div',
    { class: 'lead' },
    h('p', { class: 'when' }, say({ en: `${dayRange(from, to).en}, UTC`, ja: `${dayRange(from, to).ja}（UTC）` })),
    h('h1', {}, title),
    h(
      'p',
      { class: 'lede' },
      say({
        en: 'Each column is one source’s own figures. None is added to another’s: observatories differ in size, place and what they count.',
        ja: '各列は、それぞれの観測源の数値です。規模・設置場所・集計方法が異なるため、合算はしていません。',
      }),
    ),
  );

const quietTitle = (): string => say({ en: 'Nobody has figures of these days', ja: 'この期間の数値はありません' });

/** What is first here, and where else it is. */
function titleOf(rows: readonly ComparedRow[], sources: readonly Column[]): string {
  const firsts = rows.filter(({ rank }) => rank === 1);
  const lead = firsts.find(({ source }) => source === 'own') ?? firsts[0];
  if (lead === undefined) return quietTitle();
  const key = keyOf(lead as never);
  const others = sources.filter(({ name, days }) => name !== lead.source && days > 0).map(({ name }) => name);
  const same = firsts.filter(row => others.includes(row.source) && keyOf(row as never) === key).length;
  const whose = lead.source === 'own' ? say({ en: 'here', ja: '当観測網' }) : lead.source;
  if (others.length === 0) return say({ en: `${key} leads ${whose}`, ja: `${key}が${whose}で最多` });
  if (same === 0)
    return say({ en: `${key} leads ${whose}, and nowhere else`, ja: `${key}が最多なのは${whose}だけです` });
  if (same === others.length)
    return say({ en: `${key} leads ${whose} and everywhere else`, ja: `${key}がすべての観測源で最多` });
  return say({
    en: `${key} leads ${whose} and at ${count(same)} of ${count(others.length)} others`,
    ja: `${key}が${whose}と、ほか${count(others.length)}か所中${count(same)}か所で最多`,
  });
}

/** A word for each peer that could not be pulled: its figures below are old, or none. */
const troubles = (peers: readonly PeerRow[]): HTMLElement[] =>
  peers.flatMap(({ name, trouble, pulled }) => {
    if (trouble === null) return [];
    const why = say(TROUBLES[trouble]);
    const since = pulled === null ? undefined : durationText(Date.now() - Date.parse(pulled));
    const text =
      since === undefined
        ? say({ en: `${name} was never pulled: ${why}.`, ja: `${name}のデータはまだ取得できていません：${why}。` })
        : say({
            en: `${name} was pulled last ${since} ago: ${why}. Its figures are of then.`,
            ja: `${name}の最終取得は${since}前です：${why}。数値はその時点のものです。`,
          });
    return [h('p', { class: 'warn', role: 'status' }, text)];
  });

async function rankingOf(
  table: SubjectTable,
  coming: Promise<{ readonly rows: readonly ComparedRow[]; readonly sources: readonly Column[] }>,
  services: Promise<ServiceOf>,
  { unit }: Choice,
): Promise<HTMLElement> {
  const [{ rows, sources }, serviceOf] = await Promise.all([coming, services]);
  const shown = sources.filter(({ days }) => days > 0);
  const byKey = Map.groupBy(rows, row => keyOf(row as never));
  const figureOf = (row: ComparedRow) => (unit === 'share' ? row.share : row.meanPerSensor);
  const largest = Math.max(...rows.map(row => figureOf(row) ?? 0), Number.MIN_VALUE);
  const id = `peers-${table}`;
  const title = table === 'ports' ? { en: 'Ports', ja: 'ポート' } : { en: 'Countries of sources', ja: '送信元地域' };
  const head = h(
    'tr',
    {},
    h(
      'th',
      { scope: 'col' },
      table === 'ports' ? say({ en: 'Port', ja: 'ポート' }) : say({ en: 'Country', ja: '地域' }),
    ),
    shown.map((source, n) => h('th', { scope: 'col', class: 'n' }, swatch(n), nameOf(source), guardedMark(source))),
  );
  const line = ([key, list]: [string, ComparedRow[]]) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, subjectLink(table, key, serviceOf)),
      shown.map((source, n) => {
        const row = list.find(one => one.source === source.name);
        return h('td', { class: 'n' }, row === undefined ? absent(source) : cell(row, figureOf(row), unit, largest, n));
      }),
    );
  return h(
    'section',
    { class: 'ranking', 'aria-labelledby': id },
    h('h2', { id }, say(title)),
    h('p', { class: 'note' }, unitNote(unit, shown)),
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'group', 'aria-labelledby': id },
      h('table', { class: 'beside' }, h('thead', {}, head), h('tbody', {}, [...byKey].map(line))),
    ),
  );
}

function unitNote(unit: Unit, shown: readonly Column[]): string {
  const base =
    unit === 'share'
      ? say({
          en: `The ${top} busiest of each; of all its packets.`,
          ja: `各観測源の上位${top}件。全パケットに占める割合。`,
        })
      : say({
          en: `The ${top} busiest of each; mean packets a sensor and day.`,
          ja: `各観測源の上位${top}件。1センサー・1日あたりの平均パケット数。`,
        });
  const cut = shown.some(({ complete }) => !complete)
    ? say({
        en: ' “·”: not among the rows that it gives. What a day leaves out counts as nothing: small figures of a rounded column are floors.',
        ja: '「·」は公開された行に含まれないことを示します。公開されない日の分は0として数えるため、丸めた列の小さな値は下限です。',
      })
    : '';
  const unknown = unit === 'mean' && shown.some(({ kind }) => kind === 'import');
  return `${base}${cut}${unknown ? say({ en: ' An import knows no sensors: no mean.', ja: '取り込みデータにはセンサー数がないため、平均はありません。' }) : ''}`;
}

const hueOf = (n: number): string => (n < hueCount ? `var(--series-${n + 1})` : 'var(--series-other)');

function swatch(n: number): HTMLElement {
  const element = h('span', { class: 'swatch', 'aria-hidden': 'true' });
  element.style.background = hueOf(n);
  return element;
}

const guardedMark = ({ view }: Column): Child =>
  view === 'guarded' ? h('span', { class: 'sub' }, say({ en: ' rounded', ja: '（丸め）' })) : undefined;

/** Of a source that gives all its rows nothing came; of another one, nobody here knows. */
const absent = ({ complete }: Column): Child =>
  complete
    ? '0'
    : h(
        'span',
        { class: 'sub' },
        h('span', { 'aria-hidden': 'true' }, '·'),
        h('span', { class: 'hidden' }, say({ en: 'not among its rows', ja: '公開された行に含まれません' })),
      );

function cell(row: ComparedRow, value: number | null, unit: Unit, largest: number, n: number): Child {
  if (value === null) return h('span', { class: 'sub' }, '–');
  const bar = h('span', { class: 'bar', 'aria-hidden': 'true' });
  bar.style.width = `${(100 * value) / largest}%`;
  bar.style.background = hueOf(n);
  const rank = say({ en: `#${row.rank}`, ja: `${row.rank}位` });
  return [unit === 'share' ? share(value, 1) : meanText(value), h('span', { class: 'sub' }, ` ${rank}`), bar];
}
