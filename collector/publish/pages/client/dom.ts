/** Elements out of names, attributes and text. There is no way in for markup: what comes from packets or sensors is text. */
import type { Language, Words } from '../../words.ts';

export type Child = Node | string | number | undefined | readonly Child[];
type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>;

const root = document.documentElement;
/** Of the page, as the server chose it. */
export const language: Language = root.lang === 'ja' ? 'ja' : 'en';
export const say = (words: Words): string => words[language];
/** What links to other pages carry on. */
export const kept = root.dataset.kept ?? '';

export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(key, value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

export function append(parent: Node, children: Child): void {
  if (children === undefined) return;
  if (typeof children === 'string' || typeof children === 'number') parent.appendChild(new Text(String(children)));
  else if (children instanceof Node) parent.appendChild(children);
  else for (const child of children) append(parent, child);
}

/** Gives somebody a file that was made here. */
export function saveFile(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = h('a', { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** The first page as who signs in or out has it, whatever view it comes from. */
export function ownHome(): string {
  const keys = new URLSearchParams(kept);
  keys.delete('as');
  return keys.size > 0 ? `/?${keys}` : '/';
}

/** Only for links in this site. */
export const pathOf = {
  port: (label: string) => {
    const [number = '', protocol = ''] = label.split('/');
    return `/ports/${protocol}/${number}${kept}`;
  },
  sensor: (name: string) => `/sensors/${encodeURIComponent(name)}${kept}`,
  country: (code: string) => `/countries/${encodeURIComponent(code)}${kept}`,
  page: (name: string) => `/${name}${kept}`,
};
