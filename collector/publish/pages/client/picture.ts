/** A chart as a file of its own: colours that stand for themselves, its title above it and its source below. */
import './dom.ts';

const SVG = 'http://www.w3.org/2000/svg';
const lineHeight = 16;
const above = 34;
const side = 10;
const charactersMax = 110;
/** Pixels of a PNG for each of the drawing's: sharp on a good screen and on paper. */
const pngScale = 2;

export function pictureOf(chart: SVGElement, title: string, source: string): string {
  const [width, height] = [Number(chart.getAttribute('width')) + 2 * side, Number(chart.getAttribute('height'))];
  const lines = wrapped(source, Math.min(charactersMax, Math.floor(width / 7)));
  const tall = above + height + lineHeight * (lines.length + 1);
  const picture = document.createElementNS(SVG, 'svg');
  for (const [key, value] of Object.entries({
    viewBox: `0 0 ${width} ${tall}`,
    width,
    height: tall,
    'font-family': getComputedStyle(document.body).fontFamily,
    'font-size': 12,
  }))
    picture.setAttribute(key, String(value));
  const ground = document.createElementNS(SVG, 'rect');
  for (const [key, value] of Object.entries({ width, height: tall, fill: 'var(--ground)' }))
    ground.setAttribute(key, String(value));
  const inner = chart.cloneNode(true) as SVGElement;
  inner.setAttribute('x', String(side));
  inner.setAttribute('y', String(above));
  for (const name of ['class', 'role', 'aria-labelledby', 'aria-describedby']) inner.removeAttribute(name);
  for (const link of inner.querySelectorAll('a')) link.replaceWith(...link.childNodes);
  picture.append(ground, text(title, side, 21, 'var(--ink)', 15), inner);
  lines.forEach((line, n) => {
    picture.append(text(line, side, above + height + lineHeight * (n + 1), 'var(--quiet)', 11));
  });
  return resolved(new XMLSerializer().serializeToString(picture));
}

/** The picture as the browser draws it, with its fonts. Rejects where it cannot. */
export async function pngOf(picture: string): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([picture], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = pngScale * image.naturalWidth;
    canvas.height = pngScale * image.naturalHeight;
    canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob(
        blob => (blob === null ? reject(new Error('the browser made no PNG')) : resolve(blob)),
        'image/png',
      );
    });
  } finally {
    URL.revokeObjectURL(url);
  }
}

function text(content: string, x: number, y: number, fill: string, size: number): SVGElement {
  const element = document.createElementNS(SVG, 'text');
  for (const [key, value] of Object.entries({ x, y, fill, 'font-size': size }))
    element.setAttribute(key, String(value));
  element.textContent = content;
  return element;
}

/** Lines of at most so many letters; a Japanese character is as wide as two. */
function wrapped(source: string, max: number): string[] {
  const lines = [''];
  const wide = (part: string) => [...part].reduce((sum, one) => sum + (one > '\u2e7f' ? 2 : 1), 0);
  for (const word of source.split(/(?<= )|(?<=[。、（）])/)) {
    if (wide(lines.at(-1)!) + wide(word) > max && lines.at(-1) !== '') lines.push('');
    lines[lines.length - 1] += word;
  }
  return lines.map(line => line.trim());
}

/** Variables are the page's: whoever opens the file has none. */
function resolved(markup: string): string {
  const style = getComputedStyle(document.documentElement);
  return markup.replace(/var\((--[\w-]+)\)/g, (_, name: string) => style.getPropertyValue(name).trim());
}
