/** What the levels of a map or a heat map mean, in the drawing itself, so that it is in every file made of it. */
import { LANGUAGES, type Language, type Words } from '../words.ts';
import type { ChartDocument } from './frame.ts';
import { levelColour } from './ink.ts';
import { type Levels, levelOf } from './levels.ts';
import { type SvgNode, svgNode } from './svg.ts';

/** How a value without a figure is told from nothing: by hatching, or it does not occur. */
export const ZERO: Words = { en: 'none', ja: '0件' };
export const UNKNOWN: Words = { en: 'no figure', ja: 'データなし' };

export interface LegendOptions {
  readonly levels: Levels;
  readonly textOf: (value: number) => string;
  /** What is counted, before the levels. */
  readonly unit: Words;
  readonly withZero: boolean;
  /** Of a page that has one. */
  readonly language: Language | undefined;
  /** The fill of what has no figure, if there is such. */
  readonly unknownFill: string | undefined;
}

interface Item {
  readonly fill: string | undefined;
  readonly label: Words;
}

const swatch = 13;
const rowHeight = 20;
const gap = 16;
const characterWidth = 6.9;
const wideCharacterWidth = 12.2;

const textWidth = (text: string): number =>
  [...text].reduce((sum, one) => sum + (one > '\u2e7f' ? wideCharacterWidth : characterWidth), 0);

function itemsOf({ levels, textOf, unit, withZero, unknownFill }: LegendOptions): Item[] {
  const { from, to } = levels;
  const items: Item[] = [{ fill: undefined, label: unit }];
  if (withZero) items.push({ fill: levelColour(0, 1), label: ZERO });
  from.forEach((least, n) => {
    const [low, high] = [textOf(least), textOf(to[n]!)];
    const text = low === high ? low : `${low}–${high}`;
    items.push({ fill: levelColour(levelOf(least, levels), from.length), label: { en: text, ja: text } });
  });
  if (unknownFill !== undefined) items.push({ fill: unknownFill, label: UNKNOWN });
  return items;
}

/** Laid out in rows no wider than `width`, each language by itself. */
export function legend(
  document: ChartDocument,
  width: number,
  options: LegendOptions,
): { readonly node: SvgNode; readonly height: number } {
  const items = itemsOf(options);
  const only = options.language;
  const drawn = (only === undefined ? LANGUAGES : [only]).map(language => {
    const group = svgNode(document, 'g', only === undefined ? { class: language, lang: language } : {});
    let [x, row] = [0, 0];
    for (const { fill, label } of items) {
      const wide = (fill === undefined ? 0 : swatch + 6) + textWidth(label[language]);
      if (x > 0 && x + wide > width) [x, row] = [0, row + 1];
      const y = row * rowHeight;
      if (fill !== undefined)
        group.append(
          svgNode(document, 'rect', {
            x,
            y,
            width: swatch,
            height: swatch,
            rx: 1.5,
            fill,
            stroke: 'var(--rule-strong)',
          }),
        );
      const text = svgNode(document, 'text', {
        x: fill === undefined ? x : x + swatch + 6,
        y: y + swatch - 2,
        'text-anchor': 'start',
        fill: fill === undefined ? 'var(--quiet)' : 'var(--ink)',
      });
      text.textContent = label[language];
      group.append(text);
      x += wide + gap;
    }
    return { group, rows: row + 1 };
  });
  const node = svgNode(document, 'g', { 'font-size': 12 });
  node.append(...drawn.map(({ group }) => group));
  return { node, height: rowHeight * Math.max(...drawn.map(({ rows }) => rows)) };
}
