/** The sensors of one economy against all others: what comes to everybody, and what is aimed at one side. */
import { DAY_MS } from '../../../../common/time.ts';
import { countryName } from '../../names.ts';
import type { Timeline } from '../../series.ts';
import { share, type Words } from '../../words.ts';
import { aimedOf, type BySide, type PortRow, SIDES, type Side } from './aimed.ts';
import { ask, askReader, isMember } from './api.ts';
import { whenLine, wholeDay } from './common.ts';
import { h, language, say } from './dom.ts';
import { figure } from './figure.ts';
import { homeOf } from './home.ts';
import { labelOf, type SensorInfo } from './rows.ts';
import { datesText, loadServices, meanText, type ServiceOf, utcText } from './sentences.ts';
import { nothingYet, state, tooFewSensors } from './states.ts';
import { subjectLink } from './tables.ts';
import { latestDay } from './trends.ts';
import { controls, type View } from './view.ts';
import { type CountName, daysBefore, type Latest, msOf, stretchOf } from './windows.ts';

interface EconomyRow {
  readonly economy: string;
  /** Null for the public. */
  readonly sensors: number | null;
}
interface SideRow {
  readonly start: string;
  readonly side: Side;
  readonly sensors: number | null;
  readonly packets: number;
  readonly meanPerSensor: number | null;
  /** Of a sensor in the mean; null for the public. */
  readonly sources: number | null;
}
/** Days of the tables: /v1 adds up so many at once. */
const portDaysMax = 31;
const portsShown = 10;
/** Ports of a side that are compared with the other's. */
const portsAsked = 200;
export async function domesticPage(asked: View, changed: () => void, signal: AbortSignal): Promise<HTMLElement[]> {
  const latest = await latestDay(Date.now(), signal);
  if (latest === undefined) return [isMember() ? nothingYet() : tooFewSensors()];
  const { rows: economies } = await ask<EconomyRow>('/v1/economies', {}, { signal });
  if (economies.length === 0) return [tooFewSensors()];
  if (isMember() && economies.length === 1) return [oneEconomy(economies[0]!.economy)];
  const economy = await chosen(economies, signal);
  const view: View = isMember() ? asked : { ...asked, count: 'packets' };
  const { from, to } = stretchOf(view.window, { ...latest, hourly: false });
  const first = [from, daysBefore(to, portDaysMax - 1)].sort().at(-1)!;
  const [{ rows }, { rows: ports }, serviceOf] = await Promise.all([
    ask<SideRow>('/v1/domestic', { economy, from, to }, { signal }),
    ask<PortRow>('/v1/domestic/ports', { economy, from: first, to, limit: portsAsked }, { signal }),
    loadServices(),
  ]);
  const bySide = { domestic: ports.filter(isOf('domestic')), overseas: ports.filter(isOf('overseas')) };
  const names = namesOf(economy);
  return [
    h(
      'div',
      { class: 'lead' },
      whenLine({ ...latest, date: wholeDay(latest), partial: false }),
      h('h1', {}, say(headline(economy))),
      lede(rows, names, view.count),
    ),
    h(
      'div',
      { class: 'controls choice' },
      economySelect(economies, economy, changed),
      controls(view, { withCount: isMember() }, changed),
    ),
    ...(rows.length === 0
      ? [nothingOf()]
      : [
          h(
            'div',
            { class: 'board' },
            h('div', { class: 'charts' }, sidesFigure(rows, names, view.count, sourceText(rows, names, latest))),
            h('aside', { class: 'moved' }, aimedPanel(bySide, names, datesText(first, to), serviceOf)),
          ),
          h(
            'div',
            { class: 'pair' },
            SIDES.map(side => portTable(side, bySide, names, datesText(first, to), serviceOf)),
          ),
        ]),
  ];
}

const isOf = (side: Side) => (row: { readonly side: Side }) => row.side === side;

const headline = (economy: string): Words => {
  const name = countryName(economy);
  return { en: `Sensors in ${name.en} against all others`, ja: `${name.ja}のセンサーとそれ以外` };
};

type Names = Record<Side, Words>;
function namesOf(economy: string): Names {
  const name = countryName(economy);
  return {
    domestic: { en: `in ${name.en}`, ja: `${name.ja}国内` },
    overseas: { en: 'elsewhere', ja: 'それ以外' },
  };
}

/** As the address says, if it can be asked for; else the reader's own, or the one with most sensors. */
async function chosen(rows: readonly EconomyRow[], signal: AbortSignal): Promise<string> {
  const economies = rows.map(({ economy }) => economy);
  const asked = new URLSearchParams(location.search).get('economy');
  if (asked !== null && economies.includes(asked)) return asked;
  const [first] = economies as [string];
  if (!isMember()) return first;
  const [reader, { rows: sensors }] = await Promise.all([
    askReader(signal),
    ask<SensorInfo>('/v1/sensors', {}, { signal }),
  ]);
  return homeOf(economies, reader, sensors) ?? first;
}

function economySelect(economies: readonly EconomyRow[], current: string, changed: () => void): HTMLElement {
  const named = economies.map(({ economy, sensors }) => {
    const name = countryName(economy)[language];
    const text = sensors === null ? name : `${name} (${sensors})`;
    return h('option', { value: economy, selected: economy === current }, text);
  });
  const select = h('select', { id: 'economy' }, named);
  select.addEventListener('change', () => {
    const url = new URL(location.href);
    url.searchParams.set('economy', select.value);
    history.pushState(undefined, '', `${url.pathname}${url.search}`);
    changed();
  });
  return h(
    'div',
    { class: 'pick' },
    h('label', { for: 'economy' }, say({ en: 'Sensors in', ja: 'センサーの設置地域' })),
    select,
  );
}

/** The mean of the days, and how one side compares with the other. */
function lede(rows: readonly SideRow[], names: Names, count: CountName): HTMLElement | undefined {
  const [domestic, overseas] = SIDES.map(side => meanOf(rows, side, count));
  if (domestic === undefined || overseas === undefined || overseas === 0) return undefined;
  const ratio = domestic / overseas;
  const times = (ratio >= 1 ? ratio : 1 / ratio).toFixed(1);
  const more = ratio >= 1 ? names.domestic : names.overseas;
  const [near, far] = [meanText(domestic), meanText(overseas)];
  const [verb, unit, counter] =
    count === 'packets' ? ['received', 'packets', 'パケット'] : ['heard from', 'sources', '送信元'];
  const english =
    times === '1.0'
      ? `A sensor ${verb} ${near} ${unit} a day ${names.domestic.en} and ${far} ${names.overseas.en}: about the same.`
      : `A sensor ${verb} ${near} ${unit} a day ${names.domestic.en} and ${far} ${names.overseas.en}: ${times} times as many ${more.en}.`;
  const japanese =
    times === '1.0'
      ? `センサー1台・1日あたり、${names.domestic.ja}は${near}、${names.overseas.ja}は${far}${counter}で、ほぼ同じです。`
      : `センサー1台・1日あたり、${names.domestic.ja}は${near}、${names.overseas.ja}は${far}${counter}で、${more.ja}が${times}倍です。`;
  return h('p', { class: 'lede' }, say({ en: english, ja: japanese }));
}

const countOf = ({ meanPerSensor, sources }: SideRow, count: CountName): number | null =>
  count === 'packets' ? meanPerSensor : sources;

function meanOf(rows: readonly SideRow[], side: Side, count: CountName): number | undefined {
  const means = rows.filter(isOf(side)).flatMap(row => countOf(row, count) ?? []);
  return means.length === 0 ? undefined : means.reduce((sum, mean) => sum + mean, 0) / means.length;
}

function sidesFigure(rows: readonly SideRow[], names: Names, count: CountName, source: string): HTMLElement {
  const starts = [...new Set(rows.map(({ start }) => start))].sort();
  const byName = new Map(rows.map(row => [`${row.start} ${row.side}`, countOf(row, count) ?? 0]));
  const timeline: Timeline = {
    bucketMs: DAY_MS,
    starts: starts.map(start => msOf(start.slice(0, 10))),
    series: SIDES.map(side => ({
      key: side,
      label: names[side],
      values: starts.map(start => byName.get(`${start} ${side}`) ?? 0),
    })),
  };
  return figure({
    id: 'sides',
    ...FIGURE_WORDS[count],
    ...{ source, timeline, kind: 'lines' },
  });
}

/** Sources are a mean of sensors too: those of all of a side would grow with its sensors, and are not kept of closed days. */
const FIGURE_WORDS: Readonly<Record<CountName, { readonly title: string; readonly caption: string }>> = {
  packets: {
    title: say({ en: 'Packets, here and elsewhere', ja: '国内と国外のパケット数' }),
    caption: say({
      en: 'Mean packets per sensor and day, of the sensors of each side. UTC.',
      ja: 'それぞれの側のセンサー1台・1日あたりの平均パケット数。UTC。',
    }),
  },
  sources: {
    title: say({ en: 'Distinct sources, here and elsewhere', ja: '国内と国外の送信元数' }),
    caption: say({
      en: 'Distinct sources that one sensor heard in a day, the mean of the sensors of each side. UTC.',
      ja: 'センサー1台が1日に観測した異なる送信元の数を、それぞれの側で平均した値。UTC。',
    }),
  },
};

/** How many sensors of each side there were: the most of one day. */
function sourceText(rows: readonly SideRow[], names: Names, { nowMs }: Latest): string {
  const counts = SIDES.map(side => Math.max(0, ...rows.filter(isOf(side)).map(({ sensors }) => sensors ?? 0)));
  const when = `${utcText(nowMs, false)} UTC`;
  if (counts.every(count => count === 0)) return ['Enaga', when].join(', ');
  const [near, far] = counts;
  return say({
    en: `Enaga, ${near} ${near === 1 ? 'sensor' : 'sensors'} ${names.domestic.en}, ${far} ${names.overseas.en}, ${when}`,
    ja: `Enaga、${names.domestic.ja}${near}台、${names.overseas.ja}${far}台、${when}`,
  });
}

const sharesText = (here: number, there: number | undefined): string =>
  there === undefined
    ? say({
        en: `${share(here, 1)}; not among the busiest of the other side`,
        ja: `${share(here, 1)}（他方では上位に入っていません）`,
      })
    : say({ en: `${share(here, 1)} against ${share(there, 1)}`, ja: `${share(here, 1)}（他方は${share(there, 1)}）` });

function aimedPanel(bySide: BySide, names: Names, span: string, serviceOf: ServiceOf): HTMLElement {
  const found = isMember() ? aimedOf(bySide) : aimedOf(bySide).filter(({ there }) => there !== undefined);
  const title = h('h2', { id: 'aimed' }, say({ en: 'More on one side', ja: '一方に偏っているポート' }));
  const note = say({
    en: `${span}: ports with at least twice the share of the other side`,
    ja: `${span}、割合が他方の2倍以上のポート`,
  });
  const lines = found.map(({ key, side, here, there }) =>
    h(
      'li',
      {},
      h(
        'div',
        {},
        h('p', {}, subjectLink('ports', key, serviceOf), ' ', h('strong', {}, say(names[side]))),
        h('p', { class: 'sub' }, sharesText(here, there)),
      ),
    ),
  );
  return h(
    'section',
    { 'aria-labelledby': 'aimed' },
    title,
    h('p', { class: 'note' }, note),
    lines.length === 0
      ? h(
          'p',
          { class: 'note' },
          say({ en: 'None: what comes here comes elsewhere too.', ja: 'ありません。国内外で同じ傾向です。' }),
        )
      : h('ul', { class: 'moves' }, lines),
  );
}

function portTable(side: Side, bySide: BySide, names: Names, span: string, serviceOf: ServiceOf): HTMLElement {
  const other = new Map(bySide[side === 'domestic' ? 'overseas' : 'domestic'].map(row => [labelOf(row), row.rank]));
  const id = `ports-${side}`;
  const column = (text: string, name = 'n') => h('th', { scope: 'col', class: name }, text);
  const most = Math.max(...bySide[side].map(({ share: part }) => part), Number.MIN_VALUE);
  const body = bySide[side].slice(0, portsShown).map(row => {
    const bar = h('span', { class: 'bar' });
    bar.style.width = `${(100 * row.share) / most}%`;
    const key = labelOf(row);
    return h(
      'tr',
      {},
      h('td', { class: 'n rank' }, row.rank),
      h('th', { scope: 'row' }, subjectLink('ports', key, serviceOf)),
      h('td', { class: 'bars', 'aria-hidden': 'true' }, bar),
      h('td', { class: 'n' }, share(row.share, 1)),
      h('td', { class: 'n' }, other.get(key) ?? '–'),
    );
  });
  const head = h(
    'tr',
    {},
    column('#', 'n rank'),
    column(say({ en: 'Port', ja: 'ポート' }), ''),
    h('td', { class: 'bars' }),
    column(say({ en: 'Share', ja: '割合' })),
    column(say({ en: 'Rank there', ja: '他方の順位' })),
  );
  return h(
    'section',
    { class: 'ranking', 'aria-labelledby': id },
    h('h2', { id }, say({ en: `Ports ${names[side].en}`, ja: `${names[side].ja}の宛先ポート` })),
    h('p', { class: 'note' }, span),
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'group', 'aria-labelledby': id },
      h('table', {}, h('thead', {}, head), h('tbody', {}, body)),
    ),
  );
}

const oneEconomy = (economy: string): HTMLElement =>
  state(
    'few',
    say({ en: 'All sensors stand in one economy', ja: 'センサーはすべて同じ地域にあります' }),
    h(
      'p',
      {},
      say({
        en: `All that counted something lately stand in ${countryName(economy).en}: there is nothing to compare it with.`,
        ja: `最近観測したセンサーはすべて${countryName(economy).ja}にあるため、比較対象がありません。`,
      }),
    ),
  );

const nothingOf = (): HTMLElement =>
  h(
    'p',
    { class: 'state' },
    say({ en: 'Nothing of both sides in this time.', ja: 'この期間には比較できるデータがありません。' }),
  );
