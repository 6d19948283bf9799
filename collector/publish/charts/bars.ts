/** Named counts as horizontal bars, name before and number after, in the order given: for one day's tools and classes. */

import * as Plot from '@observablehq/plot';
import type { Words } from '../words.ts';
import { type Canvas, type ChartElement, countDomain, draw, endMargin, wordMarks } from './frame.ts';
import { seriesColour } from './ink.ts';

export interface Bar {
  key: string;
  label: Words;
  value: number;
  /** The value as it is written: estimates carry their sign. */
  text: string;
}

const ROW_HEIGHT = 34;
/** Names in capitals and digits, as of ASes, are wider than words. */
const CAPITALS = 6;
/** Of the longest bar, whatever the lengths of names and numbers. */
const BAR_WIDTH_MIN = 40;

/** The canvas's height is not used: it follows from the number of bars. */
export function barsChart(bars: readonly Bar[], canvas: Canvas, colourOf = seriesColour): ChartElement {
  const marginRight = endMargin(bars.map(({ text }) => ({ en: text, ja: text })));
  const room = Math.max(0, canvas.width - marginRight - BAR_WIDTH_MIN);
  const marginLeft = Math.min(endMargin(bars.map(bar => bar.label)) + CAPITALS, room);
  const items = bars.map((bar, rank) => ({ ...bar, colour: colourOf(rank, bar.key) }));
  return draw(
    { ...canvas, height: 8 + ROW_HEIGHT * bars.length },
    {
      marginTop: 4,
      marginBottom: 4,
      marginLeft,
      marginRight,
      x: { domain: countDomain(bars.map(bar => bar.value)), axis: null },
      y: { domain: bars.map(bar => bar.key), axis: null, padding: 0.45 },
      marks: [
        Plot.barX(items, { x: 'value', y: 'key', fill: 'colour', rx: 2 }),
        Plot.ruleX([0], { stroke: 'var(--rule-strong)' }),
        Plot.text(items, { x: 'value', y: 'key', text: 'text', textAnchor: 'start', dx: 8, fill: 'var(--ink)' }),
        ...wordMarks(
          items,
          item => item.label,
          (some, textOf, className) =>
            Plot.text(some, {
              x: 0,
              y: 'key',
              text: textOf,
              textAnchor: 'end',
              dx: -10,
              fill: 'var(--ink)',
              className,
            }),
        ),
      ],
    },
  );
}
