/**
 * What every chart on a page has: its title and unit, the drawing at the width there is, who counted it, and the same as a table,
 * as CSV, as SVG and as PNG.
 */
import type { Canvas, ChartElement } from '../../charts/frame.ts';
import { append, type Child, h, saveFile, say } from './dom.ts';
import { pictureOf, pngOf } from './picture.ts';

export interface PanelTable {
  /** Names of the columns; the first is the rows'. */
  readonly head: readonly string[];
  readonly rows: readonly (readonly [Child, ...string[]])[];
}

export interface PanelOptions {
  /** Unique in the page; also the name of its files. */
  readonly id: string;
  readonly title: string;
  /** What is counted, and in which unit. */
  readonly caption: string;
  /** Who counted it: written on the page, in the table and in the files. */
  readonly source: string;
  /** Its height, where it does not follow from what is drawn. */
  readonly heightFor?: (width: number) => number;
  readonly draw: (canvas: Canvas) => ChartElement;
  /** Lines of cells, without the source. */
  readonly csv: () => readonly (readonly string[])[];
  /** Asked for when it is opened: a year has many rows. */
  readonly table: () => PanelTable;
  /** The drawing is more than an image: there is something in it to be reached. */
  readonly active?: boolean;
  /** Below the title. */
  readonly controls?: Child;
  /** Is told of each new drawing. */
  readonly drawn?: (svg: SVGElement, plot: HTMLElement) => void;
}

const widthMin = 280;

/** The page's base size grows with a wall's screen: a chart is drawn for the size before that, and grows with it. */
const zoomNow = (): number => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;

export function panel(options: PanelOptions): HTMLElement {
  const { id, title, caption, source, active = false, controls } = options;
  const [titleId, captionId] = [`${id}-title`, `${id}-caption`];
  const plot = h('div', { class: 'plot' });
  let shown: SVGElement | undefined;
  const drawAt = (pixels: number) => {
    const width = Math.max(widthMin, Math.round(pixels / zoomNow()));
    const height = options.heightFor?.(width) ?? 0;
    const svg = options.draw({ document, width, height }) as unknown as SVGElement;
    svg.setAttribute('role', active ? 'group' : 'img');
    svg.setAttribute('aria-labelledby', titleId);
    svg.setAttribute('aria-describedby', captionId);
    if (shown === undefined) plot.prepend(svg);
    else shown.replaceWith(svg);
    shown = svg;
    plot.classList.add('drawn');
    options.drawn?.(svg, plot);
  };
  let widthBefore = 0;
  new ResizeObserver(([entry]) => {
    const width = Math.round(entry!.contentRect.width);
    if (width === 0 || width === widthBefore) return;
    widthBefore = width;
    drawAt(width);
  }).observe(plot);
  const picture = () => pictureOf(shown!, title, `${caption} ${source}`);
  return h(
    'section',
    { class: 'figure', id, 'aria-labelledby': titleId },
    h('h2', { id: titleId }, title),
    h('p', { class: 'note', id: captionId }, caption),
    controls,
    plot,
    h('div', { class: 'under' }, h('p', { class: 'source' }, source), saveButtons(options, picture)),
    dataTable(options.table, titleId),
  );
}

function saveButtons({ id, csv, source }: PanelOptions, picture: () => string): HTMLElement {
  const file = `enaga-${id}`;
  const button = (name: string, click: () => void) => h('button', { type: 'button', click }, name);
  return h(
    'span',
    { class: 'save' },
    button('CSV', () => saveFile(`${file}.csv`, csvText(csv(), source), 'text/csv')),
    button('SVG', () => saveFile(`${file}.svg`, picture(), 'image/svg+xml')),
    button('PNG', () => void pngOf(picture()).then(png => saveFile(`${file}.png`, png, 'image/png'))),
  );
}

/** RFC 4180, with the source as the last column. */
function csvText(lines: readonly (readonly string[])[], source: string): string {
  const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return lines.map((line, n) => `${[...line, n === 0 ? 'source' : source].map(cell).join(',')}\r\n`).join('');
}

function dataTable(tableOf: () => PanelTable, titleId: string): HTMLElement {
  const place = h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-labelledby': titleId });
  const fill = () => {
    if (place.firstChild !== null) return;
    const { head, rows } = tableOf();
    const columns = head.map((name, n) => h('th', { scope: 'col', class: n === 0 ? undefined : 'n' }, name));
    const body = rows.map(([name, ...cells]) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, name),
        cells.map(cell => h('td', { class: 'n' }, cell)),
      ),
    );
    append(place, h('table', {}, h('thead', {}, h('tr', {}, columns)), h('tbody', {}, body)));
  };
  return h(
    'details',
    { toggle: fill },
    h('summary', {}, say({ en: 'The data as a table', ja: 'データを表で見る' })),
    place,
  );
}

/** A box that says what is under the pointer. */
export interface Readout {
  show(x: number, y: number | undefined, ...content: Child[]): void;
  hide(): void;
}

export function readout(plot: HTMLElement): Readout {
  const box = h('div', { class: 'readout', hidden: true });
  plot.append(box);
  return {
    show: (x, y, ...content) => {
      box.hidden = false;
      box.replaceChildren();
      append(box, content);
      const side = x > plot.clientWidth / 2;
      box.style.insetInlineStart = side ? '' : `${x + 12}px`;
      box.style.insetInlineEnd = side ? `${plot.clientWidth - x + 12}px` : '';
      box.style.insetBlockStart = y === undefined ? '' : `${y + 12}px`;
    },
    hide: () => {
      box.hidden = true;
    },
  };
}
