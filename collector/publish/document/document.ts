/**
 * The OpenAPI document in both languages, from the one that the routes make in English. To it come the sections that stand before
 * the routes, the groups of routes, an id for each, and what fields are of which no route says more than the name. What routes say
 * in English is in Japanese in japanese-*.ts, by its English: test/publish/api/document.test.ts finds what is missing or stale.
 */
import type { Language, Words } from '../words.ts';
import { FIELDS } from './fields.ts';
import { GROUPS } from './groups.ts';
import { markdownOf } from './guide.ts';
import { JAPANESE_READ } from './japanese-read.ts';
import { JAPANESE_REST } from './japanese-rest.ts';
import { type Facts, sections } from './sections.ts';

/** By the English of a route. */
export const JAPANESE: ReadonlyMap<string, string> = new Map([
  ...Object.entries(JAPANESE_READ),
  ...Object.entries(JAPANESE_REST),
]);

const TITLE: Words = { en: 'Enaga: the API of a collector', ja: 'Enaga：コレクターのAPI' };
const TOKEN: Words = {
  en: 'The token of a member: Authorization: Bearer TOKEN',
  ja: 'メンバーのトークン（Authorization: Bearer TOKEN）',
};

type Json = string | number | boolean | null | undefined | readonly Json[] | Node;
/** A part of a document. */
export interface Node {
  readonly [key: string]: Json;
}

export interface Operation extends Node {
  readonly tags: readonly string[];
  readonly operationId: string;
  readonly summary: string;
}

/** As far as it is looked into; `paths` by path and method. */
export interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly description: string; readonly version: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** `plain`: as @fastify/swagger makes it. */
export function documentIn(language: Language, plain: object, facts: Facts): OpenApi {
  const { info, paths, components, ...rest } = plain as {
    info: Node;
    components: { securitySchemes: { token: Node } };
    paths: Record<string, Record<string, Node>>;
  };
  const routes = Object.entries(paths).map(([path, methods]) => [
    path,
    Object.fromEntries(
      Object.entries(methods).map(([method, operation]) => [
        method,
        {
          tags: [groupOf(method, path)],
          operationId: operationId(method, path),
          ...(inLanguage(operation, language) as Node),
        },
      ]),
    ),
  ]);
  return {
    ...rest,
    info: { ...info, title: TITLE[language], description: markdownOf(sections(facts), language) },
    tags: GROUPS.map(({ name, title, about }) => ({ name, description: `${title[language]}: ${about[language]}` })),
    components: {
      ...components,
      securitySchemes: { token: { ...components.securitySchemes.token, description: TOKEN[language] } },
    },
    paths: Object.fromEntries(routes),
  } as unknown as OpenApi;
}

/** A route in no group is under the last heading, and the test says so. */
const groupOf = (method: string, path: string): string =>
  (GROUPS.find(({ has }) => has.test(`${method} ${path}`)) ?? GROUPS.at(-1)!).name;

/** `get /v1/days/{date}/ports` -> getDaysDatePorts: what a generated client calls it. */
const operationId = (method: string, path: string): string =>
  method +
  path
    .replace('/v1', '')
    .split(/[^A-Za-z0-9]+/)
    .map(part => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('');

const SAID = new Set(['summary', 'description']);

/** A part with its texts in the language; fields and parameters without one get what their name means. */
function inLanguage(part: Json, language: Language): Json {
  if (Array.isArray(part)) return part.map(one => inLanguage(one, language));
  if (part === null || typeof part !== 'object') return part;
  const told = Object.fromEntries(
    Object.entries(part as Node).map(([key, value]) => {
      if (SAID.has(key) && typeof value === 'string') return [key, said(value, language)];
      if (key !== 'properties') return [key, inLanguage(value, language)];
      const fields = Object.entries(value as Record<string, Node>);
      return [key, Object.fromEntries(fields.map(([name, field]) => [name, named(name, field, language)]))];
    }),
  );
  return typeof told.in === 'string' && typeof told.name === 'string' ? withMeaning(told.name, told, language) : told;
}

const named = (name: string, field: Node, language: Language): Node =>
  withMeaning(name, inLanguage(field, language) as Node, language);

function withMeaning(name: string, field: Node, language: Language): Node {
  const meaning = FIELDS[name]?.[language];
  return field.description !== undefined || meaning === undefined ? field : { ...field, description: meaning };
}

/** `code: what it means` */
const CODED = /^([a-z][a-z0-9-]*): (.*)$/s;

/** Paragraph by paragraph; what has no Japanese stays as it is. */
const said = (text: string, language: Language): string =>
  language === 'en' ? text : text.split('\n\n').map(paragraphInJapanese).join('\n\n');

function paragraphInJapanese(text: string): string {
  const whole = JAPANESE.get(text);
  if (whole !== undefined) return whole;
  const [, code, rest] = CODED.exec(text) ?? [];
  return rest === undefined ? text : `${code}: ${JAPANESE.get(rest) ?? rest}`;
}
