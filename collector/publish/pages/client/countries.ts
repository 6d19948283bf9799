/** The world map with the countries in their order: which stand out, by packets, by sources, or for their size. */
import { ask, isMember, orNone } from './api.ts';
import { geoWarning, sourceText, whenLine, wholeDay } from './common.ts';
import { h, say } from './dom.ts';
import { nothingDrawn } from './figure.ts';
import { namedShares } from './lead.ts';
import { movesOf } from './moves.ts';
import type { CountryKeys, Ranked, RankFigures } from './rows.ts';
import { datesText, loadServices } from './sentences.ts';
import { slot } from './slot.ts';
import { nothingYet, tooFewSensors } from './states.ts';
import { asnsFigure } from './subject-asns.ts';
import { moveList, rankTable } from './tables.ts';
import { latestDay, seriesOf, totalOf, weeksTo } from './trends.ts';
import { controls, type View } from './view.ts';
import { type Latest, type PeriodName, periodEnd, type Span, spanOf, stretchOf } from './windows.ts';

/** More than there are. */
const countriesMax = 400;
const movesMax = 8;
/** Rows of the public's rankings. */
const publicRows = 10;
const WINDOWS = ['week', 'month', 'quarter'] as const;
/** Means of a week each, as moves are told. */
const weekly = (rows: readonly Ranked[], days: number): Ranked[] =>
  rows.map(row => ({ ...row, meanPerSensor: row.meanPerSensor === null ? null : (7 * row.meanPerSensor) / days }));

async function countriesOf(
  { first }: Pick<Latest, 'first'>,
  period: PeriodName,
  start: string,
  signal: AbortSignal,
): Promise<Ranked[]> {
  if (first !== undefined && periodEnd(period, start) < first) return [];
  const answer = ask<RankFigures & CountryKeys>(
    '/v1/ranks/countries',
    { period, start, limit: countriesMax },
    { signal },
  );
  return (await orNone(answer, { rows: [] })).rows.map(row => ({ ...row, key: row.country }));
}

async function allocations(date: string, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const answer = ask<{ country: string; addresses: number }>(`/v1/days/${date}/allocations`, {}, { signal });
  return new Map((await orNone(answer, { rows: [] })).rows.map(({ country, addresses }) => [country, addresses]));
}

const TITLE = say({ en: 'World map of sources', ja: '送信元の世界地図' });

/** The map of a period, for any page; nothing where no country has a figure, as where too little was watched for a mean. */
export async function worldOf(
  id: string,
  view: View,
  latest: Latest,
  span: Span,
  source: Promise<string>,
  signal: AbortSignal,
): Promise<HTMLElement | undefined> {
  const measure = latest.hourly ? view.measure : 'packets';
  const [{ worldFigure }, rows, allocated] = await Promise.all([
    import('./world.ts'),
    countriesOf(latest, span.period, span.now, signal),
    measure === 'density' ? allocations(wholeDay(latest), signal) : undefined,
  ]);
  const isMeasured = ({ meanPerSensor, sources }: Ranked) => (measure === 'packets' ? meanPerSensor : sources) !== null;
  if (!rows.some(isMeasured)) return undefined;
  return worldFigure({
    ...{ id, measure, rows, complete: latest.hourly },
    ...(allocated !== undefined && { allocated }),
    ...{ from: span.now, to: span.to, days: span.days, source: await source },
    title: TITLE,
  });
}

export async function countriesPage(asked: View, changed: () => void, signal: AbortSignal): Promise<HTMLElement[]> {
  const latest = await latestDay(Date.now(), signal);
  if (latest === undefined) return [isMember() ? nothingYet() : tooFewSensors()];
  const window = WINDOWS.find(name => name === asked.window) ?? 'week';
  const view: View = { ...asked, window };
  const span = spanOf(window, latest, weeksTo(latest));
  const stretch = stretchOf(window, latest);
  const whole = seriesOf('total', undefined, stretch, signal);
  const total = totalOf(wholeDay(latest), signal);
  const source = Promise.all([whole, total]).then(([rows, day]) => sourceText(rows, day, latest));
  const [serviceOf, rows, before] = await Promise.all([
    loadServices(),
    countriesOf(latest, span.period, span.now, signal),
    countriesOf(latest, span.period, span.before, signal),
  ]);
  const dates = datesText(span.now, span.to);
  const listMax = latest.hourly ? countriesMax : publicRows;
  const map = async () =>
    (await worldOf('world', view, latest, span, source, signal)) ?? nothingDrawn({ id: 'world', title: TITLE });
  const moves = movesOf(weekly(rows, span.days), weekly(before, span.beforeDays), listMax, movesMax);
  return [
    h(
      'div',
      { class: 'lead' },
      whenLine(latest),
      h('h1', {}, say({ en: 'Where the packets come from', ja: '送信元の国・地域' })),
      rows.length === 0 ? undefined : h('p', { class: 'lede' }, ledeOf(rows, dates, latest)),
    ),
    controls(view, { windows: WINDOWS, withMeasure: latest.hourly }, changed),
    h(
      'div',
      { class: 'board' },
      h(
        'div',
        { class: 'charts whole' },
        slot(
          'line',
          total.then(day => geoWarning(day, latest.nowMs)),
        ),
        rows.length === 0 ? notSeen(latest) : slot('tall', map()),
        latest.hourly ? slot('tall', asnsFigure(undefined, stretch, latest, source, signal)) : undefined,
      ),
      h(
        'aside',
        { class: 'moved', 'aria-labelledby': 'moved' },
        h('h2', { id: 'moved' }, say({ en: 'What moved most', ja: '変化の大きいもの' })),
        h('p', { class: 'note' }, movedNote(span, before.length > 0)),
        before.length === 0 ? undefined : moveList(moves, 'countries', serviceOf),
      ),
    ),
    rows.length === 0
      ? undefined
      : rankTable({
          id: 'countries-ranks',
          title: say(
            latest.hourly
              ? { en: 'All countries', ja: '国・地域の一覧' }
              : { en: 'Busiest countries', ja: '上位の国・地域' },
          ),
          note: dates,
          ...{ table: 'countries', rows, serviceOf, compared: before.length > 0, days: span.days },
        }),
  ].filter(one => one !== undefined);
}

const notSeen = ({ hourly }: Latest): HTMLElement =>
  h(
    'p',
    { class: 'state' },
    hourly
      ? say({ en: 'Nothing was seen in this time.', ja: 'この期間には観測されていません。' })
      : say({ en: 'Nothing of this time is published yet.', ja: 'この期間のデータはまだ公開されていません。' }),
  );

/** The public is told of the busiest alone. */
function ledeOf(rows: readonly Ranked[], dates: string, { hourly }: Latest): string {
  const shares = namedShares(rows.slice(0, 3));
  if (!hourly) return say({ en: `${dates}: most from ${shares}.`, ja: `${dates}の送信元は${shares}の順です。` });
  const known = rows.filter(({ key }) => key !== '??').length;
  return say({
    en: `${dates}: most from ${shares}, of ${known} ${known === 1 ? 'country or region' : 'countries and regions'} in all.`,
    ja: `${dates}の送信元は${shares}の順で、全${known}の国・地域です。`,
  });
}

function movedNote({ now, to, before, period }: Span, compared: boolean): string {
  if (!compared)
    return say({
      en: 'There is nothing before it to compare with yet.',
      ja: '比較できる前の期間のデータがまだありません。',
    });
  const [later, earlier] = [datesText(now, to), datesText(before, periodEnd(period, before))];
  return say({
    en: `${later} against ${earlier}, in packets per sensor and day`,
    ja: `${later}と${earlier}の比較（センサー1台・1日あたりのパケット数）`,
  });
}
