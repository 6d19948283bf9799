/** A chart over time on a page: stacked or as lines, read off with the pointer. */

import { DAY_MS } from '../../../../common/time.ts';
import { barsChart } from '../../charts/bars.ts';
import { type Canvas, type ChartElement, endMargin, MARGIN } from '../../charts/frame.ts';
import { seriesColour } from '../../charts/ink.ts';
import { linesChart } from '../../charts/lines.ts';
import { ranksChart, ranksMargin } from '../../charts/ranks.ts';
import { stackChart } from '../../charts/stack.ts';
import type { Timeline } from '../../series.ts';
import { h, language, say } from './dom.ts';
import { type PanelOptions, panel, readout } from './panel.ts';
import { localText, meanText, utcText } from './sentences.ts';

export interface FigureOptions extends Pick<PanelOptions, 'id' | 'title' | 'caption' | 'source' | 'controls'> {
  readonly timeline: Timeline;
  readonly kind: Kind;
}

/** `ranks`: of one series, NaN where it has none. */
type Kind = 'stack' | 'lines' | 'ranks';

const heightMin = 230;
const heightMax = 420;
const spaceRight = 12;
/** Where charts stand side by side they may be taller for their width. */
const sideBySideMax = 720;

const heightFor = (width: number): number =>
  Math.round(Math.min(heightMax, Math.max(heightMin, width * (width < sideBySideMax ? 0.56 : 0.36))));
/** Places are read off, not compared by area. */
const ranksHeight = (width: number): number => Math.round(Math.min(280, Math.max(190, width * 0.28)));

/** One day has no course: its parts are told as bars. */
const isOneDay = ({ starts, bucketMs }: Timeline): boolean => starts.length === 1 && bucketMs === DAY_MS;

function drawing(timeline: Timeline, kind: Kind, canvas: Canvas): ChartElement {
  if (kind === 'ranks') return ranksChart(timeline, canvas);
  if (isOneDay(timeline)) {
    const bars = timeline.series.map(({ key, label, values }) => {
      const value = values[0]!;
      return { key, label, value, text: valueText(value) };
    });
    return barsChart(bars, canvas);
  }
  return kind === 'stack' ? stackChart(timeline, canvas) : linesChart(timeline, canvas);
}

/** Each label once: the page has one language. */
export const inLanguage = ({ series, ...rest }: Timeline): Timeline => ({
  ...rest,
  series: series.map(one => {
    const text = one.label[language];
    return { ...one, label: { en: text, ja: text } };
  }),
});

export function figure({ kind, timeline: given, ...rest }: FigureOptions): HTMLElement {
  const timeline = inLanguage(given);
  if (kind !== 'ranks' && timeline.starts.length === 0) return nothingDrawn(rest);
  let shown: SVGElement | undefined;
  return panel({
    ...rest,
    heightFor: kind === 'ranks' ? ranksHeight : heightFor,
    draw: canvas => drawing(timeline, kind, canvas),
    ...timelineData(timeline),
    drawn: (svg, plot) => {
      if (shown === undefined && !isOneDay(timeline)) readOff(plot, timeline, kind, () => shown!);
      shown = svg;
    },
  });
}

/** Means are all that is drawn: of an hour or a day that was hardly watched there is none. */
export const nothingDrawn = ({ id, title, controls }: Pick<FigureOptions, 'id' | 'title' | 'controls'>): HTMLElement =>
  h(
    'section',
    { class: 'figure', id, 'aria-labelledby': `${id}-title` },
    h('h2', { id: `${id}-title` }, title),
    controls,
    h(
      'p',
      { class: 'note' },
      say({
        en: 'Nothing is drawn: too little was watched in this time for a mean.',
        ja: 'この期間は観測時間が短く、平均を示せないため、グラフはありません。',
      }),
    ),
  );

export const valueText = (value: number): string =>
  Number.isNaN(value) ? '–' : Number.isInteger(value) ? value.toLocaleString('en') : meanText(value);

const csvCell = (value: number): string => (Number.isNaN(value) ? '' : String(value));

/** A timeline as a table and as CSV, a row a bucket. */
export function timelineData({ starts, bucketMs, series, partial }: Timeline): Pick<PanelOptions, 'csv' | 'table'> {
  const names = series.map(({ label }) => label[language]);
  const inPart = say({ en: 'in part', ja: '一部' });
  return {
    csv: () => [
      ['start', ...names],
      ...starts.map((start, i) => [new Date(start).toISOString(), ...series.map(({ values }) => csvCell(values[i]!))]),
    ],
    table: () => ({
      head: ['UTC', ...names],
      rows: starts.map((start, i) => [
        `${utcText(start, bucketMs === DAY_MS)}${partial?.[i] === true ? ` (${inPart})` : ''}`,
        ...series.map(({ values }) => valueText(values[i]!)),
      ]),
    }),
  };
}

/** What the bucket under the pointer holds, with the reader's own time beside UTC. */
function readOff(plot: HTMLElement, timeline: Timeline, kind: Kind, drawn: () => SVGElement): void {
  const { starts, bucketMs, series } = timeline;
  if (starts.length === 0) return;
  const hair = h('div', { class: 'hair', hidden: true });
  plot.append(hair);
  const box = readout(plot);
  const [from, to] = [starts[0]!, starts.at(-1)! + bucketMs];
  const isLabelled = kind === 'lines' || series.length > 1;
  const right = kind === 'ranks' ? ranksMargin : isLabelled ? endMargin(series.map(({ label }) => label)) : spaceRight;
  const hide = () => {
    hair.hidden = true;
    box.hide();
  };
  plot.addEventListener('pointerleave', hide);
  plot.addEventListener('pointermove', event => {
    const svg = drawn();
    const { left, width } = svg.getBoundingClientRect();
    const zoom = width / Number(svg.getAttribute('width'));
    const inner = width - (MARGIN.left + right) * zoom;
    const part = (event.clientX - left - MARGIN.left * zoom) / inner;
    const time = from + part * (to - from);
    const i = starts.findIndex(start => time >= start && time < start + bucketMs);
    if (part < 0 || part >= 1 || i < 0) return hide();
    hair.hidden = false;
    const x = MARGIN.left * zoom + ((starts[i]! + bucketMs / 2 - from) / (to - from)) * inner;
    hair.style.insetInlineStart = `${x}px`;
    const values = [...series.entries()].reverse().map(([rank, { key, label, values: all }]) => {
      const mark = h('span', { class: 'swatch' });
      mark.style.background = seriesColour(rank, key);
      return h('div', {}, h('dt', {}, mark, label[language]), h('dd', {}, valueText(all[i]!)));
    });
    const when = `${utcText(starts[i]!, bucketMs === DAY_MS)} UTC`;
    box.show(x, undefined, h('p', {}, h('strong', {}, when), h('br'), localText(starts[i]!)), h('dl', {}, values));
  });
}
