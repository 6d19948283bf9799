/** Rows against days as squares, each in the colour of its level: who did what when, more of them than lines could tell apart. */
import * as Plot from '@observablehq/plot';
import { DAY_MS } from '../../../common/time.ts';
import type { Timeline } from '../series.ts';
import type { Language, Words } from '../words.ts';
import { type Canvas, type ChartElement, draw, endMargin, wordMarks } from './frame.ts';
import { levelColour } from './ink.ts';
import { legend } from './legend.ts';
import { levelOf, levelsOf } from './levels.ts';
import type { SvgNode } from './svg.ts';

export interface HeatOptions {
  readonly unit: Words;
  /** Of a page that has one; else the drawing speaks both. */
  readonly language?: Language;
  readonly textOf: (value: number) => string;
}

/** Where the squares are: to find the one under a pointer. */
export interface HeatPlace {
  readonly left: number;
  readonly top: number;
  readonly cell: number;
  readonly rowHeight: number;
}

const cellMax = 44;
const rowMin = 16;
const rowMax = 30;
/** With more rows each is as low as can be. */
const highRowsMax = 16;
const axisHeight = 24;
const labelWidthMin = 40;

/** Every day from first to last: one that nobody counted leaves its place empty. */
export const heatColumns = ({ starts }: Timeline): number[] => {
  const [first = 0, last = first] = [starts[0], starts.at(-1)];
  return starts.length === 0 ? [] : Array.from({ length: (last - first) / DAY_MS + 1 }, (_, n) => first + n * DAY_MS);
};

export function heatPlace(timeline: Timeline, width: number): HeatPlace {
  const left = endMargin(timeline.series.map(({ label }) => label));
  const columns = Math.max(1, heatColumns(timeline).length);
  const cell = Math.min(cellMax, (width - left - 2) / columns);
  const highest = timeline.series.length > highRowsMax ? rowMin : rowMax;
  return { left, top: 4, cell, rowHeight: Math.min(highest, Math.max(rowMin, cell)) };
}

/**
 * Days of a timeline as squares; what is not known (NaN) leaves its place empty. The canvas's height is not used: it follows from
 * the number of rows.
 */
export function heatChart(timeline: Timeline, { unit, textOf, language }: HeatOptions, canvas: Canvas): ChartElement {
  const { starts, series } = timeline;
  const { left, top, cell, rowHeight } = heatPlace(timeline, canvas.width);
  const columns = heatColumns(timeline);
  const levels = levelsOf(series.flatMap(({ values }) => values));
  const squares = series.flatMap(({ key, values }) =>
    values.flatMap((value, i) =>
      Number.isNaN(value)
        ? []
        : [{ key, day: starts[i]!, value, colour: levelColour(levelOf(value, levels), levels.from.length) }],
    ),
  );
  const marginRight = canvas.width - left - cell * columns.length;
  const each = Math.max(1, Math.ceil(labelWidthMin / cell));
  const height = top + rowHeight * series.length + axisHeight;
  const svg = draw(
    { ...canvas, height },
    {
      ...{ marginTop: top, marginBottom: axisHeight, marginLeft: left, marginRight },
      x: { type: 'band', domain: columns, padding: 0, axis: null },
      y: { type: 'band', domain: series.map(({ key }) => key), padding: 0, axis: null },
      marks: [
        Plot.cell(squares, { x: 'day', y: 'key', fill: 'colour', inset: 0.75, rx: 1.5 }),
        Plot.axisX(
          columns.filter((_, n) => n % each === 0),
          {
            tickFormat: (day: number) => new Date(day).toISOString().slice(5, 10),
            ...{ tickSize: 0, tickPadding: 6, label: null, fill: 'var(--quiet)' },
          },
        ),
        ...wordMarks(
          series,
          ({ label }) => label,
          (some, textOfSeries, className) =>
            Plot.text(some, {
              ...{ x: () => columns[0], y: 'key', text: textOfSeries, textAnchor: 'end' },
              ...{ dx: -cell / 2 - 8, fill: 'var(--ink)', className },
            }),
        ),
      ],
    },
  ) as SvgNode;
  const withZero = squares.some(({ value }) => value === 0);
  const key = legend(canvas.document, canvas.width, {
    levels,
    textOf,
    unit,
    language,
    withZero,
    unknownFill: undefined,
  });
  const whole = height + 10 + key.height;
  key.node.setAttribute('transform', `translate(0,${height + 10})`);
  svg.append(key.node);
  svg.setAttribute('height', String(whole));
  svg.setAttribute('viewBox', `0 0 ${canvas.width} ${whole}`);
  return svg;
}
