/** SVG elements made one by one, for what Plot has no mark for; in a browser's document or in one without a browser. */
import type { ChartDocument, ChartElement } from './frame.ts';

export interface SvgNode extends ChartElement {
  append(...children: SvgNode[]): void;
  textContent: string | null;
}

const SVG = 'http://www.w3.org/2000/svg';

export function svgNode(
  document: ChartDocument,
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
): SvgNode {
  const node = document.createElementNS(SVG, name) as SvgNode;
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(key, String(value));
  return node;
}
