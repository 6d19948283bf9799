/** Where the days and hours of an axis stand: at what the chart draws of that moment, read from its drawing. */
// @ts-expect-error jsdom ships no types
import { JSDOM } from 'jsdom';
import { describe, expect, test } from 'vitest';
import type { ChartDocument, ChartElement } from '../../../collector/publish/charts/frame.ts';
import { linesChart } from '../../../collector/publish/charts/lines.ts';
import { stackChart } from '../../../collector/publish/charts/stack.ts';
import { coarser, type Timeline } from '../../../collector/publish/series.ts';

const HOUR_MS = 3_600_000;
const document = new JSDOM('').window.document as ChartDocument;
const label = { en: 'a', ja: 'a' };

/** Hours from one moment to another, nothing in any but the one that begins at `peak`. */
function peakAt(peak: string, from: string, to: string): Timeline {
  const [first, last, high] = [from, to, peak].map(time => Date.parse(`${time}:00Z`)) as [number, number, number];
  const starts = Array.from({ length: (last - first) / HOUR_MS }, (_, n) => first + n * HOUR_MS);
  const values = starts.map(start => (start === high ? 5 : 1));
  return { bucketMs: HOUR_MS, starts, series: [{ key: 'a', label, values }] };
}

/** Labels of the time axis, each with its x, from the left; those of counts are of other letters. */
function ticksOf(svg: ChartElement): { readonly name: string; readonly x: number }[] {
  const all = [...svg.querySelectorAll('text')] as unknown as (Attributes & { textContent: string })[];
  return all
    .filter(({ textContent }) => /^(\d\d|\d\d-\d\d)$/.test(textContent))
    .map(one => ({ name: one.textContent, x: Number(/translate\(([\d.]+)/.exec(one.getAttribute('transform')!)![1]) }));
}
interface Attributes {
  getAttribute(name: string): string | null;
}

/** Points of the longest line that is drawn: [x, y], in pixels. A step to the side has its end alone. */
function pointsOf(svg: ChartElement): [number, number][] {
  const paths = [...svg.querySelectorAll('path[fill="none"], g[fill="none"] path')] as unknown as Attributes[];
  const [longest = ''] = paths.map(path => path.getAttribute('d') ?? '').sort((a, b) => b.length - a.length);
  const numbers = [...longest.matchAll(/-?\d+(?:\.\d+)?(?:e-?\d+)?/g)].map(Number);
  return Array.from({ length: numbers.length / 2 }, (_, n) => [numbers[2 * n]!, numbers[2 * n + 1]!]);
}

/** Where the peak begins: x of the highest point that comes first. */
function peakOf(svg: ChartElement): number {
  const points = pointsOf(svg);
  const top = Math.min(...points.map(([, y]) => y));
  return points.find(([, y]) => y === top)![0];
}

/** Plot sharpens its ticks by half a pixel. */
const pixels = 0.6;
const canvas = (width: number) => ({ document, width, height: 300 });

describe.each([1240, 800, 340])('%i pixels wide', width => {
  // In a window of 168 hours from any of them, and so that groups of 2, 3 or 4 are cut.
  test.each(['00', '05', '13', '21', '22', '23'])(
    'hours from %s on: a day’s name stands where its first hour begins',
    hour => {
      const [from, to] = [`2026-11-15T${hour}:00`, `2026-11-22T${hour}:00`];
      const ticks = ticksOf(stackChart(peakAt(from, from, to), canvas(width)));
      expect(ticks.length).toBeGreaterThanOrEqual(4);
      for (const { name, x } of ticks) {
        const svg = stackChart(peakAt(`2026-${name}T00:00`, from, to), canvas(width));
        expect(Math.abs(x - peakOf(svg)), name).toBeLessThan(pixels);
      }
    },
  );

  test('of lines too, whose points are in the middle of their hour', () => {
    const [from, to] = ['2026-11-15T22:00', '2026-11-22T21:00'];
    for (const { name, x } of ticksOf(linesChart(peakAt(from, from, to), canvas(width)))) {
      const svg = linesChart(peakAt(`2026-${name}T00:00`, from, to), canvas(width));
      const points = pointsOf(svg);
      const halfHour = (points.at(-1)![0] - points[0]![0]) / (points.length - 1) / 2;
      expect(Math.abs(x + halfHour - peakOf(svg)), name).toBeLessThan(pixels);
    }
  });

  test.each([
    ['2026-11-21T19:00', '2026-11-22T09:00'],
    ['2026-11-21T21:00', '2026-11-23T05:00'],
    ['2026-11-22T00:00', '2026-11-23T05:00'],
  ])('of less than two days, %s to %s: hours are those of UTC, after the name of their day', (from, to) => {
    const ticks = ticksOf(stackChart(peakAt(from, from, to), canvas(width)));
    expect(ticks.map(({ name }) => name)).toContain('11-22');
    expect(ticks.length).toBeGreaterThanOrEqual(3);
    let day = from.slice(0, 10);
    for (const { name, x } of ticks) {
      const isDay = name.length > 2;
      if (isDay) day = `2026-${name}`;
      const at = `${day}T${isDay ? '00' : name}:00`;
      if (at >= to) continue; // it has no hour of its own
      expect(Math.abs(x - peakOf(stackChart(peakAt(at, from, to), canvas(width)))), at).toBeLessThan(pixels);
    }
  });
});

test('a whole day is from its name to 24, one of a few hours has each of them', () => {
  const named = (from: string, to: string) =>
    ticksOf(stackChart(peakAt(from, from, to), canvas(800))).map(({ name }) => name);
  const whole = ['11-21', '03', '06', '09', '12', '15', '18', '21', '24'];
  expect(named('2026-11-21T00:00', '2026-11-22T00:00')).toEqual(whole);
  expect(named('2026-11-21T07:00', '2026-11-21T11:00')).toEqual(['07', '08', '09', '10', '11']);
});

test('hours join within their UTC day, each its mean, over a gap as well', () => {
  const starts = [21, 22, 23, 24, 26, 27].map(hour => Date.UTC(2026, 10, 21, hour));
  const timeline = { bucketMs: HOUR_MS, starts, series: [{ key: 'a', label, values: [1, 2, 4, 6, 9, 10] }] };
  const joined = coarser(timeline, 3);
  expect(joined.bucketMs).toBe(2 * HOUR_MS);
  expect(joined.starts.map(start => new Date(start).toISOString().slice(11, 13))).toEqual(['20', '22', '00', '02']);
  expect(joined.series[0]!.values).toEqual([1, 3, 6, 9.5]);
});
