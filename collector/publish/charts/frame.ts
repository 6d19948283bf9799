/**
 * What all charts share: the size, the quiet axes of time and counts, labels at the ends of series, and the finishing that
 * makes an SVG element fit any page. Colours are CSS variables (ink.ts), so that one drawing serves light, dark and paper;
 * words are drawn once a language with class and `lang`, and the page shows one of them. A chart names itself to nobody:
 * role and label are the page's, which knows its language.
 */

import * as Plot from '@observablehq/plot';
import { DAY_MS } from '../../../common/time.ts';
import type { Timeline } from '../series.ts';
import { LANGUAGES, shortCount, type Words } from '../words.ts';

/** As much of an element as charts need: the browser's, or one of a DOM without a browser. */
export interface ChartElement {
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  remove(): void;
  querySelectorAll(selectors: string): Iterable<ChartElement>;
  readonly outerHTML: string;
}

/** A DOM document to draw with: the browser's, or one made for the purpose. */
export interface ChartDocument {
  createElementNS(namespace: string, name: string): unknown;
}

export interface Canvas {
  document: ChartDocument;
  /** CSS pixels at which the text is meant to be read. */
  width: number;
  height: number;
}

const FONT_SIZE = 12;
/** A generous mean width of a character at FONT_SIZE. */
const CHARACTER_WIDTH = 6.9;
const LABEL_GAP = 15;

export const MARGIN = { top: 14, bottom: 24, left: 46 } as const;

/** Of a label that is longer than any name should be: the chart beside it keeps a place on a phone. */
const labelWidthMax = 220;

/** Room for labels right of the last value. */
export function endMargin(labels: readonly Words[]): number {
  const length = Math.max(...labels.flatMap(label => [label.en.length, 1.8 * wideLength(label.ja)]));
  return 14 + Math.min(labelWidthMax, Math.ceil(CHARACTER_WIDTH * length));
}

/** Length in characters of the Latin alphabet's width: a Japanese one is about 1.8 of them. */
const wideLength = (text: string): number =>
  [...text].reduce((sum, character) => sum + (character > '\u2e7f' ? 1 : 1 / 1.8), 0);

/** A mark per language where the words differ, one without a language where they do not. */
export function wordMarks<Item>(
  items: readonly Item[],
  wordsOf: (item: Item) => Words,
  mark: (items: Item[], textOf: (item: Item) => string, className?: string) => Plot.Markish,
): Plot.Markish[] {
  const neutral = (item: Item) => LANGUAGES.every(language => wordsOf(item)[language] === wordsOf(item).en);
  const worded = items.filter(item => !neutral(item));
  const marks = [mark(items.filter(neutral), item => wordsOf(item).en)];
  if (worded.length > 0) {
    marks.push(...LANGUAGES.map(language => mark(worded, item => wordsOf(item)[language], language)));
  }
  return marks;
}

/** First and last moment of a timeline: its last bucket ends, it does not stop at its start. */
export const extent = ({ starts, bucketMs }: Timeline): [Date, Date] => [
  new Date(starts[0] ?? 0),
  new Date((starts.at(-1) ?? 0) + bucketMs),
];

interface TimeTicks {
  ticks: Date[];
  format: (time: Date) => string;
}

/** In days. */
const HOUR_STEPS = [1 / 24, 1 / 12, 1 / 8, 1 / 4, 1 / 2, 1];
const DAY_STEPS = [1, 2, 4, 7, 14, 28, 56, 91, 182, 365, 730, 1826, 3652];
/** Of so many days, days alone would be one tick or two. */
const hourlyDaysBelow = 2;
/** More ticks than these crowd a day. */
const hourTicksMax = 9;

/** Ticks at whole UTC days (at hours where there are less than two), as many as fit, written as hours (06) or ISO days (07-06). */
function timeTicks([from, to]: [Date, Date], plotWidth: number): TimeTicks {
  const days = (to.getTime() - from.getTime()) / DAY_MS;
  return days < hourlyDaysBelow ? hourTicks([from, to], days, plotWidth) : dayTicks([from, to], days, plotWidth);
}

/** From the first midnight on: hours of a week seldom begin at one. */
function dayTicks([from, to]: [Date, Date], days: number, plotWidth: number): TimeTicks {
  const yearly = days > 300;
  const fit = Math.max(1, Math.floor(plotWidth / (yearly ? 76 : 52)));
  const step = (DAY_STEPS.find(candidate => days / candidate <= fit) ?? Math.ceil(days)) * DAY_MS;
  const ticks = wholeSteps(nextWhole(from.getTime(), DAY_MS), to.getTime(), step);
  if (ticks.length > 1 && ticks.at(-1)!.getTime() === to.getTime()) ticks.pop(); // the day after the last
  return { ticks, format: time => time.toISOString().slice(yearly ? 0 : 5, 10) };
}

/** A midnight is written as the day that begins, the one that ends them as 24. */
function hourTicks([from, to]: [Date, Date], days: number, plotWidth: number): TimeTicks {
  const fit = Math.max(1, Math.min(hourTicksMax, Math.floor(plotWidth / 34)));
  const step = (HOUR_STEPS.find(candidate => days / candidate <= fit) ?? 1) * DAY_MS;
  const ticks = wholeSteps(nextWhole(from.getTime(), step), to.getTime(), step);
  const format = (time: Date) => {
    if (time.getTime() % DAY_MS !== 0) return time.toISOString().slice(11, 13);
    return time < to ? time.toISOString().slice(5, 10) : '24';
  };
  return { ticks, format };
}

const nextWhole = (time: number, step: number): number => Math.ceil(time / step) * step;

function wholeSteps(first: number, last: number, step: number): Date[] {
  const ticks: Date[] = [];
  for (let time = first; time <= last; time += step) ticks.push(new Date(time));
  return ticks;
}

/** The axes of a chart over time: hairlines for counts, hours or days below. */
export function timeAxes(domain: [Date, Date], canvas: Canvas, marginRight: number): Plot.Markish[] {
  return [
    Plot.gridY({ ticks: countTicks(canvas), stroke: 'var(--rule)', strokeOpacity: 1 }),
    Plot.axisY({
      ticks: countTicks(canvas),
      tickFormat: shortCount,
      tickSize: 0,
      label: null,
      fill: 'var(--quiet)',
    }),
    timeAxis(domain, canvas, marginRight),
  ];
}

/** Hours or days, below. */
export function timeAxis(domain: [Date, Date], canvas: Canvas, marginRight: number): Plot.Markish {
  const { ticks, format } = timeTicks(domain, canvas.width - MARGIN.left - marginRight);
  return Plot.axisX({
    ticks,
    tickFormat: format,
    tickSize: 4,
    label: null,
    fill: 'var(--quiet)',
    stroke: 'var(--rule-strong)',
  });
}

/** Buckets that were watched in part fade, and stand on a mark: their means rest on less than those beside them. */
export function partialMarks({ starts, bucketMs, partial }: Timeline, [, max]: [number, number]): Plot.Markish[] {
  const runs: { from: Date; to: Date }[] = [];
  starts.forEach((start, i) => {
    if (partial?.[i] !== true) return;
    const last = runs.at(-1);
    const to = new Date(start + bucketMs);
    if (last?.to.getTime() === start) last.to = to;
    else runs.push({ from: new Date(start), to });
  });
  if (runs.length === 0) return [];
  return [
    Plot.rect(runs, { x1: 'from', x2: 'to', y1: 0, y2: max, fill: 'var(--ground)', fillOpacity: 0.55 }),
    Plot.ruleY(runs, { x1: 'from', x2: 'to', y: 0, stroke: 'var(--warn)', strokeWidth: 4 }),
  ];
}

const countTicks = (canvas: Canvas): number => Math.max(2, Math.round(canvas.height / 60));

const NICE_TOPS = [1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9, 10];

/** A count's domain from 0 to a round number at or above the largest, never empty. */
export const countDomain = (values: Iterable<number>): [number, number] => {
  let max = 0;
  for (const value of values) if (value > max) max = value;
  if (max === 0) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(max));
  return [0, power * NICE_TOPS.find(top => top * power >= max)!];
};

export interface EndLabel {
  label: Words;
  /** Where on the value axis it would stand. */
  value: number;
  colour: string;
}

/** Labels right of the last bucket with a mark in their colour, pushed apart so that each can be read. */
export function endLabels(
  labels: readonly EndLabel[],
  end: Date,
  [, max]: [number, number],
  canvas: Canvas,
): Plot.Markish[] {
  const plotHeight = canvas.height - MARGIN.top - MARGIN.bottom;
  const pixels = spread(
    labels.map(({ value }) => MARGIN.top + plotHeight * (1 - value / max)),
    canvas.height - MARGIN.bottom,
  );
  const placed = labels.map((item, i) => ({
    ...item,
    at: ((canvas.height - MARGIN.bottom - pixels[i]) / plotHeight) * max,
  }));
  return [
    ...placed.map(({ at, colour }) =>
      Plot.dot([at], { x: () => end, y: Plot.identity, dx: 8, r: 3.5, fill: colour, symbol: 'square' }),
    ),
    ...wordMarks(
      placed,
      item => item.label,
      (items, textOf, className) =>
        Plot.text(items, {
          x: () => end,
          y: 'at',
          dx: 16,
          text: textOf,
          textAnchor: 'start',
          fill: 'var(--ink)',
          className,
        }),
    ),
  ];
}

/** Pixel heights at least LABEL_GAP apart and above the bottom, each as near as that allows to where it was. */
function spread(heights: readonly number[], bottom: number): number[] {
  const order = heights.map((_, i) => i).sort((a, b) => heights[b] - heights[a]);
  const placed = [...heights];
  let floor = bottom;
  for (const i of order) {
    placed[i] = Math.min(placed[i], floor);
    floor = placed[i] - LABEL_GAP;
  }
  return placed;
}

/** Draws, then takes off what Plot adds for a page of its own and says which words are in which language. */
export function draw(canvas: Canvas, options: Plot.PlotOptions): ChartElement {
  const svg = Plot.plot({
    ...options,
    document: canvas.document,
    width: canvas.width,
    height: canvas.height,
    className: 'chart',
    style: { fontSize: `${FONT_SIZE}px` },
  } as Plot.PlotOptions) as unknown as ChartElement;
  for (const style of svg.querySelectorAll('style')) style.remove();
  for (const language of LANGUAGES) {
    for (const group of svg.querySelectorAll(`.${language}`)) group.setAttribute('lang', language);
  }
  for (const labelled of svg.querySelectorAll('[aria-label]')) labelled.removeAttribute('aria-label');
  return svg;
}
