/** A port's page, or a country's: how much, since when, from where or to where, and its place among all. */
import { countryName } from '../../names.ts';
import { count, roughShare, share, type Words } from '../../words.ts';
import { isMember } from './api.ts';
import { bySensor } from './by-sensor.ts';
import { geoWarning, hoursText, labelWords, sourceText, unitText, whenLine, wholeDay } from './common.ts';
import { h, language, say } from './dom.ts';
import { figure } from './figure.ts';
import { hoursHeat } from './hours-heat.ts';
import { otherOf, type Pairs, pairsOf, sidesFigure, sidesHeat, sidesTable } from './pairs.ts';
import { rankFigure } from './rank-figure.ts';
import type { Ranked, Subject, SubjectTable } from './rows.ts';
import { changeWords, datesText, loadServices, meanText, type ServiceOf } from './sentences.ts';
import { slot } from './slot.ts';
import { membersOnly, nothingYet, tooFewSensors } from './states.ts';
import { asnsFigure } from './subject-asns.ts';
import { kindsOfSubject, subjectClasses, subjectTools } from './subject-kinds.ts';
import { timelineOf } from './timelines.ts';
import { latestDay, rankings, rankRowsMax, seriesOf, totalOf, weeksTo } from './trends.ts';
import { controls, type View } from './view.ts';
import { type CountName, daysBefore, type Latest, periodsBefore, type Stretch, stretchOf } from './windows.ts';

/** Weeks of rank history. */
const weeksMax = 6;
const daysOfWeek = 7;

export async function subjectPage(
  table: SubjectTable,
  key: string,
  asked: View,
  changed: () => void,
  signal: AbortSignal,
): Promise<HTMLElement[]> {
  const latest = await latestDay(Date.now(), signal);
  if (latest === undefined) return [isMember() ? nothingYet() : tooFewSensors()];
  const subject = { table, key };
  const view: View = latest.hourly ? asked : { ...asked, count: 'packets' };
  const stretch = stretchOf(view.window, latest);
  const { now, to } = weeksTo(latest);
  const weekDays = periodsBefore('week', now, weeksMax);
  const [serviceOf, weeks] = await Promise.all([loadServices(), rankings(table, 'week', weekDays, latest, signal)]);
  const places = weeks.map(ranked => ranked.find(row => row.key === key));
  const whole = seriesOf('total', undefined, stretch, signal);
  const total = totalOf(wholeDay(latest), signal);
  const source = Promise.all([whole, total]).then(([rows, day]) => sourceText(rows, day, latest));
  const pairs = latest.hourly ? pairsOf(table, key, view.window, wholeDay(latest), signal) : undefined;
  const more = subtitleOf(subject, serviceOf);
  const isPort = latest.hourly && table === 'ports';
  const charts = [
    table === 'countries'
      ? slot(
          'line',
          total.then(day => geoWarning(day, latest.nowMs)),
        )
      : undefined,
    slot('tall', seriesFigure(subject, view, stretch, latest, source, signal)),
    latest.hourly ? kindsCharts(subject, view.count, stretch, latest, source, signal) : undefined,
    isPort ? slot('tall', bySensor(key, latest.date, signal)) : undefined,
    pairs === undefined ? membersOnly(otherOf(table)) : sidesCharts(table, pairs, source),
    latest.hourly ? slot('tall', hoursHeat(subject, view.window, latest, source, signal)) : undefined,
    latest.hourly ? slot('tall', asnsFigure(subject, stretch, latest, source, signal)) : undefined,
    slot('tall', rankFigure(subject, view.window, latest, source, signal)),
  ];
  const sides =
    pairs === undefined
      ? undefined
      : slot(
          'tall',
          pairs.then(found => sidesTable(table, found, serviceOf)),
        );
  return [
    h(
      'div',
      { class: 'lead' },
      whenLine(latest),
      h('h1', {}, titleOf(subject), more === '' ? undefined : h('span', { class: 'sub' }, ` ${more}`)),
      ledeOf(places, datesText(now, to)),
      kindsOf(places[0]),
    ),
    controls(view, { withCount: latest.hourly }, changed),
    h(
      'div',
      { class: 'board' },
      h('div', { class: 'charts' }, charts),
      h('aside', { class: 'moved' }, history(weeks, places, weekDays, to), sides),
    ),
  ];
}

const sidesCharts = (table: SubjectTable, pairs: Promise<Pairs>, source: Promise<string>): HTMLElement[] =>
  [sidesFigure, sidesHeat].map(figureOf =>
    slot(
      'tall',
      pairs.then(async found => figureOf(table, found, await source)),
    ),
  );

/** With which tool, and scans against backscatter: out of one answer. */
function kindsCharts(
  subject: Subject,
  counted: CountName,
  stretch: Stretch,
  latest: Latest,
  source: Promise<string>,
  signal: AbortSignal,
): HTMLElement[] {
  const kinds = kindsOfSubject(subject, counted, stretch, latest, signal);
  return [subjectTools, subjectClasses].map(figureOf =>
    slot(
      'tall',
      kinds.then(async found => figureOf(found, await source)),
    ),
  );
}

const titleOf = ({ table, key }: Subject): string => (table === 'ports' ? key : countryName(key)[language]);

function subtitleOf(subject: Subject, serviceOf: ServiceOf): string {
  const more = subject.table === 'ports' ? serviceOf(subject.key) : subject.key;
  return more === titleOf(subject) ? '' : more;
}

async function seriesFigure(
  { table, key }: Subject,
  view: View,
  stretch: Stretch,
  latest: Latest,
  source: Promise<string>,
  signal: AbortSignal,
): Promise<HTMLElement> {
  const rows = await seriesOf(table, key, stretch, signal);
  const timeline = timelineOf(rows, [{ key, label: labelWords(table, key), rows }], stretch, view.count);
  const isUnmeasured = timeline.starts.length === 0 && rows.some(({ packets }) => (packets ?? 0) > 0);
  if (!isUnmeasured && timeline.series[0]!.values.every(value => value === 0)) return notSeen(latest);
  return figure({
    id: 'series',
    title: say({ en: 'Over time', ja: '推移' }),
    caption: `${unitText(stretch, view)}${language === 'en' ? '. UTC.' : '。UTC。'}${hoursText(timeline, stretch)}`,
    source: await source,
    timeline,
    kind: 'stack',
  });
}

/** Nothing to draw: not seen, or, for the public, seen by too few. */
const notSeen = ({ hourly }: Latest): HTMLElement =>
  h(
    'p',
    { class: 'state' },
    hourly
      ? say({ en: 'Not seen in this time.', ja: 'この期間には観測されていません。' })
      : say({
          en: 'Not among what is published: not seen in this time, not among each day’s busiest, or seen by too few sensors.',
          ja: '公開対象に含まれていません（この期間に観測されていない、日ごとの上位に入っていない、または観測センサー数が不足）。',
        }),
  );

/** How many of a week's ranking are told. */
const ranksTold = (): number => (isMember() ? rankRowsMax : 10);

/** The week's rank, share and mean, and how they changed. */
function ledeOf([now, before]: readonly (Ranked | undefined)[], span: string): HTMLElement {
  if (now === undefined) {
    const most = ranksTold();
    return h(
      'p',
      { class: 'lede' },
      say({ en: `Not among the ${most} busiest of ${span}.`, ja: `${span}の上位${most}位には入っていません。` }),
    );
  }
  const volume = volumeOf(now);
  const change =
    before?.meanPerSensor == null || now.meanPerSensor === null
      ? undefined
      : changeWords({ now: now.meanPerSensor, before: before.meanPerSensor });
  const part = roughShare(now.share, 1);
  const english = `Rank ${now.rank} of ${span}${before === undefined ? '' : ` (${before.rank} the week before)`}, with ${part.en} of all packets: ${volume.en}.${change === undefined ? '' : ` It ${change.en} against the week before.`}`;
  const japanese = `${span}は${now.rank}位${before === undefined ? '' : `（前週${before.rank}位）`}、全体の${part.ja}。${volume.ja}${change === undefined ? '' : `（前週から${change.ja}）`}。`;
  return h('p', { class: 'lede' }, say({ en: english, ja: japanese }));
}

/** A mean; the packets themselves where too little was watched for one. */
function volumeOf({ packets, meanPerSensor }: Ranked): Words {
  if (meanPerSensor === null) return { en: `${count(packets)} in all`, ja: `合計${count(packets)}パケット` };
  const mean = meanText(meanPerSensor / daysOfWeek);
  return { en: `${mean} per sensor and day`, ja: `センサー1台・1日あたり${mean}パケット` };
}

/** How many of the sources scan; the others only answer floods. Nothing where it is not counted. */
function kindsOf(week: Ranked | undefined): HTMLElement | undefined {
  const { sources = null, scanningSources = null } = week ?? {};
  if (sources === null || scanningSources === null || sources === 0) return undefined;
  const all = count(sources);
  if (scanningSources >= sources)
    return lede({ en: `All of its ${all} sources scan.`, ja: `送信元${all}アドレスのすべてがスキャンを行いました。` });
  if (scanningSources === 0)
    return lede({
      en: `None of its ${all} sources scans: all of it is backscatter.`,
      ja: `送信元${all}アドレスのすべてがバックスキャッターのみです。`,
    });
  const part = share(scanningSources, sources);
  return lede({
    en: `Of its ${all} sources ${part} scan; the others are seen in backscatter alone.`,
    ja: `送信元${all}アドレスのうち${part}がスキャン、残りはバックスキャッターのみです。`,
  });
}

const lede = (words: Words): HTMLElement => h('p', { class: 'lede' }, say(words));

const unranked = (most: number): Words => ({
  en: `–: not among that week’s ${most} busiest, or not seen.`,
  ja: `–：その週の上位${most}位に入っていないか、観測されていません。`,
});

/** Ranks of some weeks, the latest first. */
function history(
  weeks: readonly (readonly Ranked[])[],
  places: readonly (Ranked | undefined)[],
  starts: readonly string[],
  to: string,
): HTMLElement {
  const withSources = places.some(place => place !== undefined && place.sources !== null);
  const rows = starts.flatMap((start, i) => {
    if (weeks[i]!.length === 0) return [];
    const place = places[i];
    const last = daysBefore(start, 1 - daysOfWeek);
    const cell = (text: string | number) => h('td', { class: 'n' }, text);
    const mean = place?.meanPerSensor == null ? '–' : meanText(place.meanPerSensor / daysOfWeek);
    return [
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, datesText(start, last < to ? last : to)),
        cell(place?.rank ?? '–'),
        cell(place === undefined ? '–' : share(place.share, 1)),
        cell(mean),
        withSources ? cell(place?.sources == null ? '–' : count(place.sources)) : undefined,
      ),
    ];
  });
  const hasUnranked = starts.some((_, i) => weeks[i]!.length > 0 && places[i] === undefined);
  const column = (text: string, name = 'n') => h('th', { scope: 'col', class: name }, text);
  const head = h(
    'tr',
    {},
    column(say({ en: 'Week', ja: '週' }), ''),
    column(say({ en: 'Rank', ja: '順位' })),
    column(say({ en: 'Share', ja: '割合' })),
    column(say({ en: 'Mean a day', ja: '平均/日' })),
    withSources ? column(say({ en: 'Sources', ja: '送信元数' })) : undefined,
  );
  return h(
    'section',
    { 'aria-labelledby': 'history' },
    h('h2', { id: 'history' }, say({ en: 'Rank by week', ja: '週ごとの順位' })),
    rows.length === 0
      ? h('p', { class: 'note' }, say({ en: 'No whole week yet.', ja: 'まだ1週間分のデータがありません。' }))
      : h('table', { class: 'compact' }, h('thead', {}, head), h('tbody', {}, rows)),
    hasUnranked ? h('p', { class: 'note' }, say(unranked(ranksTold()))) : undefined,
  );
}
