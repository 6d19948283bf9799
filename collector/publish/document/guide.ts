/**
 * What stands before the routes in the document, as data: written once as Markdown for /v1/openapi.json and once as HTML for the
 * page. In a text `so` is code; nothing else is marked.
 */
import type { Language, Words } from '../words.ts';

export type Block =
  | { readonly kind: 'text'; readonly words: Words }
  | { readonly kind: 'list'; readonly items: readonly Words[] }
  /** Of the shell, or an answer; the same in both languages but for its comments. */
  | { readonly kind: 'code'; readonly words: Words }
  | { readonly kind: 'table'; readonly head: readonly Words[]; readonly rows: readonly (readonly Words[])[] };

export interface Section {
  /** Of its place in the page. */
  readonly id: string;
  readonly title: Words;
  readonly blocks: readonly Block[];
}

export const text = (en: string, ja: string): Block => ({ kind: 'text', words: { en, ja } });
export const list = (...items: (readonly [en: string, ja: string])[]): Block => ({
  kind: 'list',
  items: items.map(([en, ja]) => ({ en, ja })),
});
export const code = (en: string, ja: string = en): Block => ({ kind: 'code', words: { en, ja } });
export const table = (
  head: readonly (readonly [en: string, ja: string])[],
  ...rows: (readonly (readonly [en: string, ja: string])[])[]
): Block => ({
  kind: 'table',
  head: head.map(([en, ja]) => ({ en, ja })),
  rows: rows.map(row => row.map(([en, ja]) => ({ en, ja }))),
});

/** CommonMark, with tables as GitHub has them: what readers of OpenAPI documents show. */
export const markdownOf = (sections: readonly Section[], language: Language): string =>
  sections
    .map(({ title, blocks }) =>
      [`## ${title[language]}`, ...blocks.map(block => blockMarkdown(block, language))].join('\n\n'),
    )
    .join('\n\n');

function blockMarkdown(block: Block, language: Language): string {
  if (block.kind === 'text') return block.words[language];
  if (block.kind === 'list') return block.items.map(item => `- ${item[language]}`).join('\n');
  if (block.kind === 'code') return `\`\`\`\n${block.words[language]}\n\`\`\``;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const { head, rows } = block;
  const said = (row: readonly Words[]) => line(row.map(cell => cell[language].replaceAll('|', '\\|')));
  return [said(head), line(head.map(() => '---')), ...rows.map(said)].join('\n');
}
