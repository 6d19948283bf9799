/**
 * A chart in the report: drawn twice, for a wide page and for a phone, named and described by the heading and the caption
 * beside it (so in the language shown), and followed by its data as a table.
 */

import { DAY_MS } from '../../../common/time.ts';
import type { Canvas, ChartDocument, ChartElement } from '../../publish/charts/frame.ts';
import { both, type ContentWords, Html, html } from '../../publish/html.ts';
import type { Timeline } from '../../publish/series.ts';
import { count, type Words } from '../../publish/words.ts';

const WIDE = { width: 960, height: 300 } as const;
const HALF = { width: 440, height: 230 } as const;
const NARROW = { width: 360, height: 250 } as const;

export interface Figure {
  /** Unique in the page. */
  id: string;
  /** The id of an element that names it. */
  titleId: string;
  caption: ContentWords;
  /** What it was counted from. */
  source: Words;
  size: 'full' | 'half';
  draw: (canvas: Canvas) => ChartElement;
  table: Html;
}

export function figureHtml({ id, titleId, caption, source, size, draw, table }: Figure, document: ChartDocument): Html {
  const drawn = (canvas: Omit<Canvas, 'document'>, name: string) => {
    const svg = draw({ ...canvas, document });
    svg.setAttribute('class', `chart ${name}`);
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-labelledby', titleId);
    svg.setAttribute('aria-describedby', `${id}-caption`);
    return new Html(shortMarkup(svg.outerHTML));
  };
  return html`<figure id="${id}"><figcaption id="${id}-caption">${both(caption)}</figcaption>
<div class="drawn">${drawn(size === 'full' ? WIDE : HALF, 'wide')}${drawn(NARROW, 'narrow')}</div>
<p class="source">${both(source)}</p>
<details><summary>${both({ en: 'The data as a table', ja: 'データを表で見る' })}</summary>${table}</details></figure>
`;
}

/**
 * A chart's markup in a third of Plot's bytes: a tenth of a pixel places a line well where Plot writes up to seventeen
 * digits (not a scale), and the steps of an area are horizontal and vertical in turn, so one coordinate of each pair is enough.
 */
const shortMarkup = (markup: string): string =>
  markup
    .replace(/(?<!scale\()-?\d+\.\d{2,}/g, number => String(Number(Number(number).toFixed(1))))
    .replace(/ d="([^"]*)"/g, (_, path: string) => ` d="${path.replace(/M[^MZ]+/g, shortSteps)}"`);

function shortSteps(path: string): string {
  const points = path.slice(1).split('L');
  return points.reduce((short, point, i) => {
    if (i === 0) return `M${point}`;
    const [[fromX, fromY], [x, y]] = [points[i - 1].split(','), point.split(',')];
    if (y === fromY) return x === fromX ? short : `${short}H${x}`;
    return x === fromX ? `${short}V${y}` : `${short}L${point}`;
  }, '');
}

/** A table that scrolls sideways by itself, by finger or by keyboard, so that the page never does. */
export const scrolling = (table: Html, titleId: string): Html =>
  html`<div class="scroll" tabindex="0" role="group" aria-labelledby="${titleId}">${table}</div>`;

/** A timeline's values, a row a bucket. */
export function timelineTable({ starts, bucketMs, series }: Timeline, titleId: string): Html {
  const when = (start: number) => {
    const text = new Date(start).toISOString();
    return bucketMs === DAY_MS ? text.slice(0, 10) : `${text.slice(0, 10)} ${text.slice(11, 16)}`;
  };
  const head = series.map(({ label }) => html`<th scope="col" class="n">${both(label)}</th>`);
  const rows = starts.map(
    (start, i) => html`<tr><th scope="row">${when(start)}</th>${series.map(
      ({ values }) => html`<td class="n">${count(values[i])}</td>`,
    )}</tr>
`,
  );
  const table = html`<table><thead><tr><th scope="col">UTC</th>${head}</tr></thead><tbody>${rows}</tbody></table>`;
  return scrolling(table, titleId);
}
