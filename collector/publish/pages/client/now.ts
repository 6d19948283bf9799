/** The first page: who is called, from where, and what moved most against the week before. */
import { isMember } from './api.ts';
import { busiestFigure, geoWarning, labelWords, partsOf, sourceText, whenLine, wholeDay } from './common.ts';
import { worldOf } from './countries.ts';
import { h, say } from './dom.ts';
import { classesFigure, toolsFigure } from './kinds.ts';
import { headline, lede, originsOf, weekWords } from './lead.ts';
import { portLookup } from './lookup.ts';
import { type Move, movesOf } from './moves.ts';
import type { Ranked, SubjectTable } from './rows.ts';
import { datesText, loadServices, type ServiceOf } from './sentences.ts';
import { slot } from './slot.ts';
import { nothingYet, tooFewSensors } from './states.ts';
import { moveList, rankTable } from './tables.ts';
import { toolLede } from './tool-lead.ts';
import {
  busiest,
  chartSeriesMax,
  latestDay,
  publishedParts,
  rankings,
  rankRowsMax,
  seriesOf,
  totalOf,
  type Weeks,
  weeksTo,
} from './trends.ts';
import { controls, type View } from './view.ts';
import { type Latest, type Stretch, spanOf, stretchOf } from './windows.ts';

const movesMax = 4;
/** Rows of the tables, and of what the public is told of a ranking. */
const rankRows = 10;
const daysOfWeek = 7;

export async function nowPage(asked: View, changed: () => void, signal: AbortSignal): Promise<HTMLElement[]> {
  const latest = await latestDay(Date.now(), signal);
  if (latest === undefined) return [isMember() ? nothingYet() : tooFewSensors()];
  const view: View = latest.hourly ? asked : { ...asked, count: 'packets' };
  const stretch = stretchOf(view.window, latest);
  const weeks = weeksTo(latest);
  const weekOf = (table: SubjectTable) => rankings(table, 'week', [weeks.now, weeks.before], latest, signal);
  const [serviceOf, [ports = [], portsBefore = []], [countries = [], countriesBefore = []]] = await Promise.all([
    loadServices(),
    weekOf('ports'),
    weekOf('countries'),
  ]);
  const charts = chartSlots(view, stretch, latest, signal); // asked for after what is read first
  const listMax = latest.hourly ? rankRowsMax : rankRows;
  const moves = {
    ports: movesOf(ports, portsBefore, listMax, movesMax),
    countries: movesOf(countries, countriesBefore, listMax, movesMax),
  };
  const [first] = moves.ports;
  const viewControls = controls(view, { withCount: latest.hourly }, changed);
  viewControls.append(portLookup());
  return [
    h(
      'div',
      { class: 'lead' },
      whenLine(latest),
      h('h1', {}, headline(ports, portsBefore, first, weekWords(weeks.now, latest.nowMs), serviceOf)),
      lede(ports, countries, serviceOf),
      latest.hourly ? slot('line', originsOf(first, wholeDay(latest), signal)) : undefined,
      latest.hourly ? slot('line', toolLede(weeks, wholeDay(latest), signal)) : undefined,
    ),
    viewControls,
    h(
      'div',
      { class: 'board' },
      h('div', { class: 'charts' }, charts),
      h(
        'aside',
        { class: 'moved early', 'aria-labelledby': 'moved' },
        movedPanel(weeks, moves, serviceOf, portsBefore),
      ),
    ),
    h(
      'div',
      { class: 'pair' },
      weekTable('ports', ports, portsBefore, weeks, serviceOf),
      weekTable('countries', countries, countriesBefore, weeks, serviceOf),
    ),
  ];
}

/** Ports, countries, tools and classes: each comes when its figures do. */
function chartSlots(view: View, stretch: Stretch, latest: Latest, signal: AbortSignal): HTMLElement[] {
  const lastWhole = wholeDay(latest);
  const total = totalOf(lastWhole, signal);
  const whole = seriesOf('total', undefined, stretch, signal);
  const source = Promise.all([whole, total]).then(([rows, day]) => sourceText(rows, day, latest));
  const ofTable = async (table: SubjectTable, title: string) => {
    const parts =
      latest.hourly || view.window === 'year'
        ? await partsOf(table, await busiestOf(table, stretch, latest, signal), stretch, signal)
        : (await publishedParts(table, stretch, signal)).map(one => ({ ...one, label: labelWords(table, one.key) }));
    return busiestFigure({ id: table, title, view, stretch, whole: await whole, parts, source: await source });
  };
  const places = [
    slot('tall', ofTable('ports', say({ en: 'Destination ports', ja: '宛先ポート' }))),
    slot(
      'line',
      total.then(day => geoWarning(day, latest.nowMs)),
    ),
    slot('tall', ofTable('countries', say({ en: 'Source countries', ja: '送信元地域' }))),
    slot(
      'tall',
      worldOf(
        'map',
        { ...view, measure: view.count },
        latest,
        spanOf(view.window, latest, weeksTo(latest)),
        source,
        signal,
      ),
    ),
    slot('tall', classesFigure(stretch, lastWhole, view.count, source, signal)),
  ];
  return latest.hourly
    ? [...places, slot('tall', toolsFigure(stretch, lastWhole, view.count, source, signal))]
    : places;
}

async function busiestOf(
  table: SubjectTable,
  stretch: Stretch,
  latest: Latest,
  signal: AbortSignal,
): Promise<string[]> {
  return busiest(await rankings(table, stretch.period, stretch.periodDays, latest, signal), chartSeriesMax);
}

function movedPanel(
  weeks: Weeks,
  { ports, countries }: Record<SubjectTable, readonly Move[]>,
  serviceOf: ServiceOf,
  before: readonly Ranked[],
): HTMLElement[] {
  const title = h('h2', { id: 'moved' }, say({ en: 'What moved most', ja: '変化の大きいもの' }));
  const span = datesText(weeks.now, weeks.to);
  const note = (text: string) => h('p', { class: 'note' }, text);
  if (before.length === 0)
    return [
      title,
      note(say({ en: 'There is no week before to compare with yet.', ja: '比較できる前週のデータがまだありません。' })),
    ];
  return [
    title,
    note(
      say({
        en: `${span} against the week before, in packets per sensor and day`,
        ja: `${span}と前週の比較（センサー1台・1日あたりのパケット数）`,
      }),
    ),
    h('h3', {}, say({ en: 'Ports', ja: '宛先ポート' })),
    moveList(ports, 'ports', serviceOf),
    h('h3', {}, say({ en: 'Countries', ja: '送信元地域' })),
    moveList(countries, 'countries', serviceOf),
  ];
}

function weekTable(
  table: SubjectTable,
  rows: readonly Ranked[],
  before: readonly Ranked[],
  weeks: Weeks,
  serviceOf: ServiceOf,
): HTMLElement | undefined {
  if (rows.length === 0) return undefined;
  const span = datesText(weeks.now, weeks.to);
  return rankTable({
    id: `${table}-ranks`,
    title:
      table === 'ports'
        ? say({ en: 'Ports of the week', ja: '宛先ポート（週間）' })
        : say({ en: 'Countries of the week', ja: '送信元地域（週間）' }),
    note:
      before.length === 0
        ? span
        : say({ en: `${span}; change of rank against the week before`, ja: `${span}（変動は前週の順位との差）` }),
    compared: before.length > 0,
    table,
    rows: rows.slice(0, rankRows),
    serviceOf,
    days: daysOfWeek,
  });
}
