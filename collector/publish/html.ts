/**
 * HTML in which everything is text unless it says that it is markup: values put into the `html` template are escaped, so a
 * hostile name or address shows as it is written. Words in two languages are written twice, each with its `lang`; the
 * page's style shows one.
 */

import { LANGUAGES, type Language, type Words } from './words.ts';

/** Markup that needs no escaping. */
export class Html {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
  toString(): string {
    return this.markup;
  }
}

export type Content = Html | string | number | undefined | readonly Content[];

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const markupOf = (content: Content): string => {
  if (content === undefined) return '';
  if (content instanceof Html) return content.markup;
  if (typeof content === 'object') return content.map(markupOf).join('');
  return String(content).replace(/[&<>"']/g, character => ENTITIES[character]);
};

/** A template whose values are escaped, wherever they stand in text or in a quoted attribute. */
export const html = (strings: TemplateStringsArray, ...values: Content[]): Html =>
  new Html(strings.reduce((markup, string, i) => markup + markupOf(values[i - 1]) + string));

export type ContentWords = Record<Language, Content>;

/** One element a language, or only the text where the languages agree. */
export function both(words: Words | ContentWords): Html {
  if (typeof words.en === 'string' && words.en === words.ja) return html`${words.en}`;
  return html`${LANGUAGES.map(language => html`<span class="${language}" lang="${language}">${words[language]}</span>`)}`;
}

/** Hides the language not chosen, where `#ja` is the radio button of Japanese; a browser too old for `:has` shows both. */
export const LANGUAGE_CSS = `body:not(:has(#ja:checked)) .ja,body:has(#ja:checked) .en{display:none!important}`;
