/**
 * Series stacked over time as steps, one step a bucket: what a bucket holds was counted in all of it, not at an instant.
 * Stacked rather than as lines, because the question is who makes up the whole and whether it grew; a separator in the
 * ground's colour and a label at each end tell the layers apart without colour. With one series it is a plain area.
 */

import * as Plot from '@observablehq/plot';
import { coarser, type Timeline } from '../series.ts';
import type { Words } from '../words.ts';
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
import { OTHER_COLOUR, seriesColour } from './ink.ts';

/** Narrower steps, in pixels, are noise. */
const bucketWidthMin = 3;

interface Step {
  time: Date;
  low: number;
  high: number;
}

/**
 * Stacked steps of each series within a time that the first and the last bucket may reach beyond; a gap in the buckets becomes a
 * step that is not a number, which breaks the area.
 */
function stackSteps({ starts, bucketMs, series }: Timeline, [from, to]: [Date, Date]): Step[][] {
  const floors = new Float64Array(starts.length);
  return series.map(({ values }) => {
    const steps: Step[] = [];
    starts.forEach((start, i) => {
      const [low, high] = [floors[i], floors[i] + values[i]];
      floors[i] = high;
      steps.push({ time: new Date(Math.max(start, from.getTime())), low, high });
      if (starts[i + 1] === start + bucketMs) return;
      const end = new Date(Math.min(start + bucketMs, to.getTime()));
      steps.push({ time: end, low, high }, { time: end, low: Number.NaN, high: Number.NaN });
    });
    return steps;
  });
}

/** A layer among others is solid with a hairline of the ground around it; one alone is light, and its line says the value. */
const stepArea = (steps: Step[], fill: string, layered: boolean): Plot.Markish =>
  Plot.areaY(steps, {
    x: 'time',
    y1: 'low',
    y2: 'high',
    curve: 'step-after',
    fill,
    fillOpacity: layered ? (fill === OTHER_COLOUR ? 0.55 : 1) : 0.22,
    ...(layered ? { stroke: 'var(--ground)', strokeWidth: 0.7 } : {}),
  });

export function stackChart(given: Timeline, canvas: Canvas): ChartElement {
  const timeline = coarser(given, canvas.width / bucketWidthMin);
  const time = extent(given);
  const layers = stackSteps(timeline, time);
  const domain = countDomain(layers.at(-1)?.map(step => step.high) ?? []);
  const labels: Words[] = timeline.series.length > 1 ? timeline.series.map(series => series.label) : [];
  const marginRight = labels.length > 0 ? endMargin(labels) : 12;
  const colours = timeline.series.map((series, i) => seriesColour(i, series.key));
  return draw(canvas, {
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    marginLeft: MARGIN.left,
    marginRight,
    x: { type: 'utc', domain: time },
    y: { domain },
    marks: [
      ...timeAxes(time, canvas, marginRight),
      ...layers.map((steps, i) => stepArea(steps, colours[i], layers.length > 1)),
      ...(layers.length === 1
        ? [Plot.lineY(layers[0], { x: 'time', y: 'high', curve: 'step-after', stroke: colours[0] })]
        : []),
      Plot.ruleY([0], { stroke: 'var(--rule-strong)' }),
      ...partialMarks(given, domain),
      ...endLabels(
        labels.map((label, i) => {
          const last = layers[i].at(-2)!;
          return { label, value: (last.low + last.high) / 2, colour: colours[i] };
        }),
        time[1],
        domain,
        canvas,
      ),
    ],
  });
}
