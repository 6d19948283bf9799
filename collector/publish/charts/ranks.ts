/**
 * The rank of one name over time, the first place at the top: a line with a dot a period, and its rank beside it where there is
 * room. A period in which it had no rank (NaN) breaks the line and has a cross at the foot; one that nothing is known of has neither.
 * A period that is not over yet (`partial`) has a hollow dot.
 */
import * as Plot from '@observablehq/plot';
import type { Timeline } from '../series.ts';
import { type Canvas, type ChartElement, draw, extent, MARGIN, timeAxis } from './frame.ts';
import { seriesColour } from './ink.ts';

/** With more periods only ranks that differ from the one before are written. */
const labelsMax = 14;
/** Pixels between two labels. */
const labelWidth = 26;
/** From here on places are told apart by their ratio: between 1 and 2 lies more than between 101 and 102. */
const linearMax = 12;
const TICKS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** Right of the last point. */
export const ranksMargin = 18;
/** Of the row of crosses. */
const footHeight = 22;

export function ranksChart(timeline: Timeline, canvas: Canvas): ChartElement {
  const { starts, bucketMs, series, partial } = timeline;
  const [{ key, values }] = series as [Timeline['series'][number]];
  const time = extent(timeline);
  const points = values.map((rank, i) => ({
    time: new Date(starts[i]! + bucketMs / 2),
    rank,
    isOpen: partial?.[i] === true,
  }));
  const line = points.flatMap((point, i) =>
    i > 0 && starts[i]! - starts[i - 1]! > bucketMs ? [{ ...point, rank: Number.NaN }, point] : [point],
  );
  const ranked = points.filter(({ rank }) => !Number.isNaN(rank));
  const unranked = points.filter(({ rank }) => Number.isNaN(rank));
  const worst = Math.max(...ranked.map(({ rank }) => rank), 3);
  const lowest = worst <= linearMax ? worst : TICKS.find(tick => tick >= worst)!;
  const ticks = lowest <= 5 ? [1, 2, 3, 4, 5] : worst <= linearMax ? [1, 4, 8, 12] : TICKS;
  const stroke = seriesColour(0, key);
  return draw(canvas, {
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    marginLeft: MARGIN.left,
    marginRight: ranksMargin,
    x: { type: 'utc', domain: time },
    y: {
      type: worst <= linearMax ? 'linear' : 'log',
      domain: [lowest, 1],
      insetTop: 14,
      insetBottom: unranked.length > 0 ? footHeight + 10 : 18,
    },
    marks: [
      Plot.gridY({ ticks: ticks.filter(tick => tick <= lowest), stroke: 'var(--rule)', strokeOpacity: 1 }),
      Plot.axisY({
        ticks: ticks.filter(tick => tick <= lowest),
        tickFormat: String,
        tickSize: 0,
        label: null,
        fill: 'var(--quiet)',
      }),
      timeAxis(time, canvas, ranksMargin),
      Plot.lineY(line, { x: 'time', y: 'rank', stroke, strokeWidth: 2 }),
      Plot.dot(ranked, {
        x: 'time',
        y: 'rank',
        r: 3.6,
        fill: ({ isOpen }) => (isOpen ? 'var(--ground)' : stroke),
        stroke,
        strokeWidth: 1.6,
      }),
      Plot.dot(unranked, {
        x: 'time',
        frameAnchor: 'bottom',
        dy: -8,
        r: 3.6,
        symbol: 'times',
        stroke: 'var(--quiet)',
        strokeWidth: 1.6,
      }),
      ...rankLabels(labelled(ranked, canvas.width)),
    ],
  });
}

/** Above the dot, or below where the line comes down to it. */
const rankLabels = (points: readonly Labelled[]): Plot.Markish[] =>
  [false, true].map(isBelow =>
    Plot.text(
      points.filter(({ fell }) => fell === isBelow),
      {
        x: 'time',
        y: 'rank',
        text: ({ rank }) => String(rank),
        dy: isBelow ? 13 : -12,
        fill: 'var(--ink)',
        stroke: 'var(--ground)',
        strokeWidth: 3,
      },
    ),
  );

interface Labelled {
  readonly time: Date;
  readonly rank: number;
  /** Against the one before. */
  readonly fell: boolean;
}

/** Points whose rank is written: all, or where it changes, none on another. */
function labelled(points: readonly Omit<Labelled, 'fell'>[], width: number): Labelled[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return [];
  const span = Math.max(1, last.time.getTime() - first.time.getTime());
  const apart = (labelWidth / (width - MARGIN.left - ranksMargin)) * span;
  const chosen: Labelled[] = [];
  points.forEach((point, i) => {
    const isChange = i === 0 || points[i - 1]!.rank !== point.rank;
    const isLast = i === points.length - 1;
    if (points.length > labelsMax && !isChange && !isLast) return;
    const before = chosen.at(-1);
    if (before !== undefined && point.time.getTime() - before.time.getTime() < apart) {
      if (!isLast) return;
      chosen.pop(); // the last one is said in any case
    }
    chosen.push({ ...point, fell: i > 0 && points[i - 1]!.rank < point.rank });
  });
  return chosen;
}
