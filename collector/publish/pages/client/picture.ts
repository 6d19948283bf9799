/** A chart as a file of its own: colours that stand for themselves, its title above it and its source below. */
import './dom.ts';

const SVG = 'http://www.w3.org/2000/svg';
const lineHeight = 16;
const above = 34;
const charactersMax = 110;

export function pictureOf(chart: SVGElement, title: string, source: string): string {
  const [width, height] = [Number(chart.getAttribute('width')), Number(chart.getAttribute('height'))];
  const lines = wrapped(source, Math.min(charactersMax, Math.floor(width / 7)));
  const tall = above + height + lineHeight * (lines.length + 1);
  const picture = document.createElementNS(SVG, 'svg');
  for (const [key, value] of Object.entries({
    viewBox: `0 0 ${width} ${tall}`,
    width,
    height: tall,
    'font-family': 'system-ui, sans-serif',
    'font-size': 12,
  }))
    picture.setAttribute(key, String(value));
  const ground = document.createElementNS(SVG, 'rect');
  for (const [key, value] of Object.entries({ width, height: tall, fill: 'var(--ground)' }))
    ground.setAttribute(key, String(value));
  const inner = chart.cloneNode(true) as SVGElement;
  inner.setAttribute('y', String(above));
  inner.removeAttribute('class');
  picture.append(ground, text(title, 10, 21, 'var(--ink)', 15), inner);
  lines.forEach((line, n) => {
    picture.append(text(line, 10, above + height + lineHeight * (n + 1), 'var(--quiet)', 11));
  });
  return resolved(new XMLSerializer().serializeToString(picture));
}

function text(content: string, x: number, y: number, fill: string, size: number): SVGElement {
  const element = document.createElementNS(SVG, 'text');
  for (const [key, value] of Object.entries({ x, y, fill, 'font-size': size }))
    element.setAttribute(key, String(value));
  element.textContent = content;
  return element;
}

function wrapped(source: string, max: number): string[] {
  const lines = [''];
  for (const word of source.split(/(?<= )|(?<=。)/)) {
    if (lines.at(-1)!.length + word.length > max && lines.at(-1) !== '') lines.push('');
    lines[lines.length - 1] += word;
  }
  return lines.map(line => line.trim());
}

/** Variables are the page's: whoever opens the file has none. */
function resolved(markup: string): string {
  const style = getComputedStyle(document.documentElement);
  return markup.replace(/var\((--[\w-]+)\)/g, (_, name: string) => style.getPropertyValue(name).trim());
}
