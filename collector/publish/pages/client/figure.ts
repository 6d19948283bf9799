/** A chart on a page: drawn to the width there is, read off with the pointer, its data as a table, as CSV and as SVG. */

import { DAY_MS } from '../../../../common/time.ts';
import { barsChart } from '../../charts/bars.ts';
import { type Canvas, type ChartElement, endMargin, MARGIN } from '../../charts/frame.ts';
import { seriesColour } from '../../charts/ink.ts';
import { linesChart } from '../../charts/lines.ts';
import { stackChart } from '../../charts/stack.ts';
import type { Timeline } from '../../series.ts';
import { append, h, language, saveFile, say } from './dom.ts';
import { pictureOf } from './picture.ts';
import { localText, meanText, utcText } from './sentences.ts';

export interface FigureOptions {
  /** Unique in the page; also the name of its files. */
  readonly id: string;
  readonly title: string;
  /** What is counted, and in which unit. */
  readonly caption: string;
  /** Who counted it: written on the page, in the table and in the files. */
  readonly source: string;
  readonly timeline: Timeline;
  readonly kind: 'stack' | 'lines';
}

const heightMin = 230;
const heightMax = 420;
const spaceRight = 12;
/** Where charts stand side by side they may be taller for their width. */
const sideBySideMax = 720;

const heightFor = (width: number): number =>
  Math.round(Math.min(heightMax, Math.max(heightMin, width * (width < sideBySideMax ? 0.56 : 0.36))));

/** One day has no course: its parts are told as bars. */
const isOneDay = ({ starts, bucketMs }: Timeline): boolean => starts.length === 1 && bucketMs === DAY_MS;

function drawing(timeline: Timeline, kind: 'stack' | 'lines', canvas: Canvas): ChartElement {
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
const inLanguage = ({ series, ...rest }: Timeline): Timeline => ({
  ...rest,
  series: series.map(one => {
    const text = one.label[language];
    return { ...one, label: { en: text, ja: text } };
  }),
});

export function figure(options: FigureOptions): HTMLElement {
  const { id, title, caption, source, kind } = options;
  const timeline = inLanguage(options.timeline);
  const titleId = `${id}-title`;
  const captionId = `${id}-caption`;
  const plot = h('div', { class: 'plot' });
  let shown: SVGElement | undefined;
  const drawAt = (pixels: number) => {
    const zoom = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const width = Math.max(280, Math.round(pixels / zoom));
    const height = heightFor(width);
    const canvas: Canvas = { document, width, height };
    const svg = drawing(timeline, kind, canvas) as unknown as SVGElement;
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-labelledby', titleId);
    svg.setAttribute('aria-describedby', captionId);
    if (shown === undefined) plot.prepend(svg);
    else shown.replaceWith(svg);
    shown = svg;
    plot.classList.add('drawn');
  };
  let widthBefore = 0;
  new ResizeObserver(([entry]) => {
    const width = Math.round(entry!.contentRect.width);
    if (width === 0 || width === widthBefore) return;
    widthBefore = width;
    drawAt(width);
  }).observe(plot);
  if (!isOneDay(timeline)) readOff(plot, timeline, kind, () => shown);
  const file = `enaga-${id}`;
  const save = h(
    'span',
    { class: 'save' },
    h('button', { type: 'button', click: () => saveFile(`${file}.csv`, csvOf(timeline, source), 'text/csv') }, 'CSV'),
    h(
      'button',
      {
        type: 'button',
        click: () => saveFile(`${file}.svg`, pictureOf(shown!, title, `${caption} ${source}`), 'image/svg+xml'),
      },
      'SVG',
    ),
  );
  return h(
    'section',
    { class: 'figure', id, 'aria-labelledby': titleId },
    h('h2', { id: titleId }, title),
    h('p', { class: 'note', id: captionId }, caption),
    plot,
    h('div', { class: 'under' }, h('p', { class: 'source' }, source), save),
    tableOf(timeline, titleId),
  );
}

const valueText = (value: number): string => (Number.isInteger(value) ? value.toLocaleString('en') : meanText(value));

/** The rows are made when they are asked for: a year has many. */
function tableOf({ starts, bucketMs, series }: Timeline, titleId: string): HTMLElement {
  const daily = bucketMs === DAY_MS;
  const body = h('tbody');
  const table = h(
    'table',
    {},
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('th', { scope: 'col' }, 'UTC'),
        series.map(({ label }) => h('th', { scope: 'col', class: 'n' }, label[language])),
      ),
    ),
    body,
  );
  const fill = () => {
    if (body.firstChild !== null) return;
    append(
      body,
      starts.map((start, i) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, utcText(start, daily)),
          series.map(({ values }) => h('td', { class: 'n' }, valueText(values[i]!))),
        ),
      ),
    );
  };
  return h(
    'details',
    { toggle: fill },
    h('summary', {}, say({ en: 'The data as a table', ja: 'データを表で見る' })),
    h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-labelledby': titleId }, table),
  );
}

function csvOf({ starts, series }: Timeline, source: string): string {
  const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = [
    ['start', ...series.map(({ label }) => label[language]), 'source'],
    ...starts.map((start, i) => [
      new Date(start).toISOString(),
      ...series.map(({ values }) => String(values[i])),
      source,
    ]),
  ];
  return lines.map(line => `${line.map(cell).join(',')}\r\n`).join('');
}

/** What the bucket under the pointer holds, with the reader's own time beside UTC. */
function readOff(
  plot: HTMLElement,
  timeline: Timeline,
  kind: 'stack' | 'lines',
  drawn: () => SVGElement | undefined,
): void {
  const { starts, bucketMs, series } = timeline;
  if (starts.length === 0) return;
  const hair = h('div', { class: 'hair', hidden: true });
  const box = h('div', { class: 'readout', hidden: true });
  plot.append(hair, box);
  const [from, to] = [starts[0]!, starts.at(-1)! + bucketMs];
  const right = kind === 'lines' || series.length > 1 ? endMargin(series.map(({ label }) => label)) : spaceRight;
  const hide = () => {
    hair.hidden = true;
    box.hidden = true;
  };
  plot.addEventListener('pointerleave', hide);
  plot.addEventListener('pointermove', event => {
    const svg = drawn();
    if (svg === undefined) return;
    const { left, width } = svg.getBoundingClientRect();
    const zoom = width / Number(svg.getAttribute('width'));
    const inner = width - (MARGIN.left + right) * zoom;
    const part = (event.clientX - left - MARGIN.left * zoom) / inner;
    const time = from + part * (to - from);
    const i = starts.findIndex(start => time >= start && time < start + bucketMs);
    if (part < 0 || part >= 1 || i < 0) return hide();
    hair.hidden = false;
    box.hidden = false;
    const x = MARGIN.left * zoom + ((starts[i]! + bucketMs / 2 - from) / (to - from)) * inner;
    hair.style.insetInlineStart = `${x}px`;
    box.replaceChildren(
      h('p', {}, h('strong', {}, `${utcText(starts[i]!, bucketMs === DAY_MS)} UTC`), h('br'), localText(starts[i]!)),
      h(
        'dl',
        {},
        [...series.entries()].reverse().map(([rank, { key, label, values }]) => {
          const mark = h('span', { class: 'swatch' });
          mark.style.background = seriesColour(rank, key);
          return h('div', {}, h('dt', {}, mark, label[language]), h('dd', {}, valueText(values[i]!)));
        }),
      ),
    );
    const side = x > width / 2;
    box.style.insetInlineStart = side ? '' : `${x + 12}px`;
    box.style.insetInlineEnd = side ? `${plot.clientWidth - x + 12}px` : '';
  });
}
