/**
 * Series as lines over days, a point a day, with the name at each end: for counts that are not parts of one whole, such as
 * tools, whose marks may meet in one packet. A gap in the days breaks the line.
 */

import * as Plot from '@observablehq/plot';
import type { Timeline } from '../series.ts';
import {
  type Canvas,
  type ChartElement,
  countDomain,
  draw,
  endLabels,
  endMargin,
  extent,
  MARGIN,
  partialMarks,
  timeAxes,
} from './frame.ts';
import { seriesColour } from './ink.ts';

/** More points than this would touch; the line alone is clearer. */
const dotsMax = 31;

/** Dash and dot tell the lines apart without colour. */
const DASHES = ['', '7 3', '2 3', '9 3 2 3', '4 4'];
const SYMBOLS = ['circle', 'square', 'triangle', 'diamond', 'star'] as const;

/** What the others are parts of: broad, so that it shows under one that has all of it. */
const WHOLE = { strokeWidth: 6, strokeOpacity: 0.5, strokeLinecap: 'round' } as const;

export function linesChart(timeline: Timeline, canvas: Canvas): ChartElement {
  const { starts, bucketMs, series } = timeline;
  const domain = countDomain(series.flatMap(({ values }) => values));
  const time = extent(timeline);
  const marginRight = endMargin(series.map(({ label }) => label));
  const middle = (i: number) => new Date(starts[i] + bucketMs / 2);
  return draw(canvas, {
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    marginLeft: MARGIN.left,
    marginRight,
    x: { type: 'utc', domain: time },
    y: { domain },
    marks: [
      ...timeAxes(time, canvas, marginRight),
      Plot.ruleY([0], { stroke: 'var(--rule-strong)' }),
      // The first on top: of lines that lie upon one another its colour shows.
      ...[...series.entries()].reverse().flatMap(([rank, { key, values }]) => {
        const stroke = seriesColour(rank, key);
        const points = values.flatMap((value, i) => {
          const gap = i > 0 && starts[i] - starts[i - 1] > bucketMs;
          const point = { time: middle(i), value };
          return gap ? [{ time: middle(i), value: Number.NaN }, point] : [point];
        });
        const line = Plot.lineY(points, {
          x: 'time',
          y: 'value',
          stroke,
          ...(key === 'all' ? WHOLE : { strokeWidth: 2, strokeDasharray: DASHES[rank] }),
        });
        if (starts.length > dotsMax || key === 'all') return [line];
        return [line, Plot.dot(points, { x: 'time', y: 'value', fill: stroke, r: 3.2, symbol: SYMBOLS[rank] })];
      }),
      ...partialMarks(timeline, domain),
      ...endLabels(
        series.map(({ key, label, values }, rank) => ({
          label,
          value: values.at(-1)!,
          colour: seriesColour(rank, key),
        })),
        time[1],
        domain,
        canvas,
      ),
    ],
  });
}
