/**
 * The world with each country in the colour of its level. Countries too small to be seen, or that the shapes leave out, are dots
 * where they lie, if there is anything of them. Nothing and "no figure" are different: the first is plain, the second hatched.
 */
import type { Language, Words } from '../words.ts';
import type { Canvas, ChartElement } from './frame.ts';
import { levelColour } from './ink.ts';
import { legend } from './legend.ts';
import { type Levels, levelOf, levelsOf } from './levels.ts';
import { type SvgNode, svgNode } from './svg.ts';
import type { World } from './world.ts';

export interface MapFigures {
  readonly world: World;
  /** By country; one that is not in it has no figure. */
  readonly values: ReadonlyMap<string, number>;
  /** What a country that is not in `values` had: nothing, or nobody knows. */
  readonly absent: 'zero' | 'unknown';
  /** Countries without a figure whatever `absent` says. */
  readonly unknown?: ReadonlySet<string>;
  readonly unit: Words;
  /** Of a page that has one; else the drawing speaks both. */
  readonly language?: Language;
  readonly textOf: (value: number) => string;
  /** Unique in the page. */
  readonly id: string;
  /** Makes each country with a figure a link: its address and its name for who does not see it. */
  readonly linkOf?: (code: string, text: string) => { readonly href: string; readonly label: string };
}

/** Pixels, as dots are: whatever the map's size. */
const borderWidth = 0.6;
const dotMin = 2.4;
const dotMax = 4;

/** Codes that have a place on a map, '' among them for what has none. */
export const placesOf = ({ shapes, points }: World): string[] => [...shapes, ...points].map(([code]) => code);

/** Undefined: no figure. */
export function mapValue({ values, absent, unknown }: Pick<MapFigures, 'values' | 'absent' | 'unknown'>, code: string) {
  const value = values.get(code);
  if (value !== undefined || code === '' || unknown?.has(code)) return value;
  return absent === 'zero' ? 0 : undefined;
}

/** The canvas's height is not used: it follows from the width. */
export function mapChart(figures: MapFigures, { document, width }: Canvas): ChartElement {
  const { world, values, id } = figures;
  const levels = levelsOf(values.values());
  const scale = width / world.width;
  const hatch = `${id}-${width}-hatch`;
  const codes = placesOf(world);
  const withUnknown = codes.some(code => mapValue(figures, code) === undefined);
  const key = legend(document, width, {
    levels,
    textOf: figures.textOf,
    unit: figures.unit,
    language: figures.language,
    withZero: codes.some(code => mapValue(figures, code) === 0),
    unknownFill: withUnknown ? `url(#${hatch})` : undefined,
  });
  const mapHeight = Math.ceil(world.height * scale);
  const height = mapHeight + 12 + key.height;
  const svg = svgNode(document, 'svg', { class: 'chart map', width, height, viewBox: `0 0 ${width} ${height}` });
  if (withUnknown) svg.append(hatching(document, hatch));
  svg.append(countries(figures, levels, scale, hatch, document));
  key.node.setAttribute('transform', `translate(0,${mapHeight + 12})`);
  svg.append(key.node);
  return svg;
}

function hatching(document: Canvas['document'], id: string): SvgNode {
  const pattern = svgNode(document, 'pattern', {
    ...{ id, width: 4, height: 4 },
    patternUnits: 'userSpaceOnUse',
    patternTransform: 'rotate(45)',
  });
  pattern.append(
    svgNode(document, 'rect', { width: 4, height: 4, fill: 'var(--ground)' }),
    svgNode(document, 'rect', { width: 1.2, height: 4, fill: 'var(--hatch)' }),
  );
  const defs = svgNode(document, 'defs', {});
  defs.append(pattern);
  return defs;
}

function countries(
  figures: MapFigures,
  levels: Levels,
  scale: number,
  hatch: string,
  document: Canvas['document'],
): SvgNode {
  const { world, values } = figures;
  const group = svgNode(document, 'g', {
    transform: `scale(${Number(scale.toFixed(5))})`,
    stroke: 'var(--rule-strong)',
    'stroke-width': Number((borderWidth / scale).toFixed(2)),
    'stroke-linejoin': 'round',
  });
  const fillOf = (code: string) => {
    const value = mapValue(figures, code);
    return value === undefined ? `url(#${hatch})` : levelColour(levelOf(value, levels), levels.from.length);
  };
  for (const [code, path] of world.shapes)
    group.append(named(figures, code, svgNode(document, 'path', { d: path, fill: fillOf(code) }), document));
  const radius = Math.min(dotMax, Math.max(dotMin, scale * 5)) / scale;
  const dots = world.points.filter(([code]) => (values.get(code) ?? 0) > 0);
  // The larger value on top: some lie closer together than a dot is wide.
  for (const [code, x, y] of dots.sort(([a], [b]) => values.get(a)! - values.get(b)!))
    group.append(
      named(
        figures,
        code,
        svgNode(document, 'circle', {
          ...{ cx: x, cy: y, r: Number(radius.toFixed(1)), fill: fillOf(code), stroke: 'var(--ink)' },
        }),
        document,
      ),
    );
  return group;
}

/** On a page a link where it leads somewhere; else a tip with the code and the figure, which need no language. */
function named(figures: MapFigures, code: string, node: SvgNode, document: Canvas['document']): SvgNode {
  const value = mapValue(figures, code) ?? 0;
  if (code === '') return node;
  if (figures.linkOf === undefined) {
    if (value === 0) return node;
    const title = svgNode(document, 'title', {});
    title.textContent = `${code} ${figures.textOf(value)}`;
    node.append(title);
    return node;
  }
  node.setAttribute('data-code', code);
  if (value === 0) return node;
  const { href, label } = figures.linkOf(code, figures.textOf(value));
  const anchor = svgNode(document, 'a', { href, 'aria-label': label, 'data-code': code });
  anchor.append(node);
  return anchor;
}
