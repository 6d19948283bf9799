/**
 * GET /v1/openapi.json and its page, /api, in the reader's language. Nobody needs a token to read how to ask, and nobody's budget
 * is taken from: each is made and compressed once, and kept.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { SentText } from '../api/sending.ts';
import type { Assets } from '../pages/bundle.ts';
import { languageFor } from '../pages/language.ts';
import { PAGE_HEADERS } from '../pages/plugin.ts';
import { frameHtml } from '../pages/shell.ts';
import { LANGUAGES, type Language } from '../words.ts';
import { documentIn } from './document.ts';
import { pageBody, pageTitle } from './page.ts';
import { type Facts, sections } from './sections.ts';
import { POLICY, STYLE } from './style.ts';

export interface DocumentOptions extends Facts {
  /** Of the pages, being made or made: without them this page has no frame's style. */
  readonly assets?: Promise<Assets>;
}

const QUERY = Type.Object({
  lang: Type.Optional(
    Type.Union(
      LANGUAGES.map(language => Type.Literal(language)),
      { description: 'its language; as Accept-Language says unless given' },
    ),
  ),
});
const HEADERS = { 'cache-control': 'private, no-cache', vary: 'accept-language, accept-encoding' };

/** To be registered on a server that has @fastify/swagger: `app.register(async scope => documentRoutes(scope, options))`. */
export function documentRoutes(app: FastifyInstance, { assets, ...facts }: DocumentOptions): void {
  const documentFor = kept((language: Language) => documentIn(language, app.swagger(), facts));
  const textFor = kept((language: Language) => new SentText(JSON.stringify(documentFor(language))));
  const pageFor = kept(async (asked: string) => {
    const frame = JSON.parse(asked) as ReturnType<typeof frameOf>;
    const { language } = frame;
    const main = pageBody(documentFor(language), sections(facts), language);
    const whole = { ...frame, title: pageTitle(language), style: STYLE, main };
    return new SentText(frameHtml(whole, await assets?.catch(() => undefined)));
  });
  const schema = { summary: 'This document', querystring: QUERY };
  app.get('/v1/openapi.json', { schema }, async (request, reply) => {
    const language = languageOf(request);
    reply.headers({ ...HEADERS, 'content-language': language, 'content-type': 'application/json; charset=utf-8' });
    return reply.send(await textFor(language).answer(request, reply));
  });
  app.get('/api', { schema: { hide: true } }, async (request, reply) => {
    const page = await pageFor(JSON.stringify(frameOf(request)));
    reply.headers({ ...PAGE_HEADERS, ...HEADERS, 'content-security-policy': POLICY });
    return reply.send(await page.answer(request, reply));
  });
}

/** What is made of the same is made once. For makers that are asked for few different things. */
function kept<Key, Made>(make: (key: Key) => Made): (key: Key) => Made {
  const all = new Map<Key, Made>();
  return key => {
    if (!all.has(key)) all.set(key, make(key));
    return all.get(key)!;
  };
}

const asked = ({ query }: FastifyRequest): string | undefined => {
  const { lang } = query as { lang?: unknown };
  return typeof lang === 'string' ? lang : undefined;
};

const languageOf = (request: FastifyRequest): Language =>
  languageFor(asked(request), request.headers['accept-language']);

/** Of which there are eight. */
function frameOf(request: FastifyRequest) {
  const language = languageOf(request);
  const { as } = request.query as { as?: unknown };
  const isAsked = asked(request) === language;
  return { language, languageAsked: isAsked, asPublic: as === 'public', path: '/api', query: '' };
}
