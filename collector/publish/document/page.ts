/** The document as a page to be read: the sections, then every route under its heading. No script; it is all in the text. */
import { type Content, type Html, html } from '../html.ts';
import type { Language, Words } from '../words.ts';
import type { Node, OpenApi, Operation } from './document.ts';
import { type FieldRow, fieldsOf, typeOf } from './fields-of.ts';
import { GROUPS } from './groups.ts';
import type { Block, Section } from './guide.ts';

const TITLE: Words = { en: 'API', ja: 'API' };
const CONTENTS: Words = { en: 'Contents', ja: '目次' };
const MACHINE: Words = {
  en: 'The same for programs, as OpenAPI 3.1: ',
  ja: 'プログラム用の同じ文書（OpenAPI 3.1形式）：',
};
const PARAMETERS: Words = { en: 'Parameters', ja: 'パラメーター' };
const BODY: Words = { en: 'Body', ja: '要求の本文' };
const ANSWER: Words = { en: 'Answer', ja: '応答' };
const REFUSALS: Words = { en: 'Refused with', ja: '拒否する場合' };
const NAME: Words = { en: 'Name', ja: '名前' };
const TYPE: Words = { en: 'Type', ja: '型' };
const MEANING: Words = { en: 'What it is', ja: '意味' };
const WANTED: Words = { en: 'required', ja: '必須' };
const TOKEN: Words = { en: 'token', ja: 'トークンが必要' };

export const pageTitle = (language: Language): string => TITLE[language];

export function pageBody(document: OpenApi, sections: readonly Section[], language: Language): Html {
  const grouped = GROUPS.map(group => ({ group, routes: routesOf(document, group.name) }));
  const contents = [
    ...sections.map(({ id, title }) => html`<li><a href="#${id}">${title[language]}</a></li>`),
    ...grouped.map(({ group: { name, title } }) => html`<li><a href="#of-${name}">${title[language]}</a></li>`),
  ];
  return html`<div class="api"><nav class="contents" aria-label="${CONTENTS[language]}"><h2>${CONTENTS[language]}</h2><ul>${contents}</ul></nav>
<div class="manual"><h1>${document.info.title}</h1>
<p class="note">${MACHINE[language]}<a href="/v1/openapi.json?lang=${language}"><code>/v1/openapi.json?lang=${language}</code></a></p>
${sections.map(section => sectionHtml(section, language))}
${grouped.map(
  ({ group: { name, title, about }, routes }) =>
    html`<section aria-labelledby="of-${name}"><h2 id="of-${name}">${title[language]}</h2><p>${about[language]}</p>
${routes.map(route => routeHtml(route, language))}</section>
`,
)}</div></div>`;
}

interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const routesOf = ({ paths }: OpenApi, tag: string): Route[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags }]) => tags[0] === tag)
      .map(([method, operation]) => ({ method, path, operation })),
  );

const sectionHtml = ({ id, title, blocks }: Section, language: Language): Html =>
  html`<section aria-labelledby="${id}"><h2 id="${id}">${title[language]}</h2>
${blocks.map(block => blockHtml(block, language))}</section>
`;

function blockHtml(block: Block, language: Language): Html {
  if (block.kind === 'text') return html`<p>${marked(block.words[language])}</p>\n`;
  if (block.kind === 'list')
    return html`<ul>${block.items.map(item => html`<li>${marked(item[language])}</li>`)}</ul>\n`;
  if (block.kind === 'code') return codeHtml(block.words[language]);
  const { head, rows } = block;
  return tableHtml(
    head.map(cell => cell[language]),
    rows.map(row => row.map(cell => marked(cell[language]))),
  );
}

/** It may be wider than the page: whoever has a keyboard can scroll it. */
const codeHtml = (text: string): Html => html`<pre tabindex="0"><code>${text}</code></pre>\n`;

/** Between backticks it is code. */
const marked = (text: string): Content =>
  text.split('`').map((part, n) => (n % 2 === 0 ? part : html`<code>${part}</code>`));

function routeHtml({ method, path, operation }: Route, language: Language): Html {
  const { operationId, summary, description, security, parameters, requestBody, responses } = operation;
  const needsToken = Array.isArray(security) && security.every(one => Object.keys(one as Node).length > 0);
  const asked = ((parameters ?? []) as unknown as readonly Node[]).map(parameterRow);
  const body = fieldsOf(schemaIn(requestBody as Node | undefined));
  const told = Object.entries((responses ?? {}) as unknown as Record<string, Node>);
  const answer = fieldsOf(schemaIn(told.find(([status]) => status < '300')?.[1]));
  const refused = told.filter(([status]) => status >= '400');
  return html`<details id="${operationId}"><summary><span class="method">${method.toUpperCase()}</span> <code>${path}</code>${needsToken ? html` <span class="token">${TOKEN[language]}</span>` : ''} <span class="what">${summary}</span></summary>
${typeof description === 'string' ? description.split('\n\n').map(one => html`<p>${marked(one)}</p>`) : ''}
${fieldTable(PARAMETERS, asked, language)}${fieldTable(BODY, body, language)}${fieldTable(ANSWER, answer, language)}
${refused.length === 0 ? '' : html`<h3>${REFUSALS[language]}</h3><ul class="refusals">${refused.map(refusalHtml)}</ul>`}</details>
`;
}

const refusalHtml = ([status, { description }]: [string, Node]): Html =>
  html`<li><b>${status}</b> ${String(description).split('\n\n').join(' / ')}</li>`;

const parameterRow = ({ name, required, schema, description }: Node): FieldRow => ({
  path: String(name),
  type: typeOf((schema ?? {}) as Node),
  isRequired: required === true,
  about: typeof description === 'string' ? description : '',
});

function schemaIn(message: Node | undefined): Node {
  const content = (message?.content ?? {}) as unknown as Record<string, { schema?: Node }>;
  return content['application/json']?.schema ?? {};
}

function fieldTable(title: Words, rows: readonly FieldRow[], language: Language): Content {
  if (rows.length === 0) return undefined;
  const isAsked = title !== ANSWER;
  const cells = rows.map(({ path, type, isRequired, about }) => [
    html`<code>${path}</code>`,
    html`<span class="type">${type}</span>`,
    html`${about}${isAsked && isRequired ? html` <span class="token">${WANTED[language]}</span>` : ''}`,
  ]);
  return html`<h3>${title[language]}</h3>${tableHtml(
    [NAME, TYPE, MEANING].map(words => words[language]),
    cells,
  )}`;
}

const tableHtml = (head: readonly string[], rows: readonly (readonly Content[])[]): Html =>
  html`<div class="wide" tabindex="0"><table><thead><tr>${head.map(cell => html`<th scope="col">${cell}</th>`)}</tr></thead><tbody>${rows.map(
    row => html`<tr>${row.map(cell => html`<td>${cell}</td>`)}</tr>`,
  )}</tbody></table></div>
`;
