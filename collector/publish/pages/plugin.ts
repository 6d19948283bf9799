/**
 * The pages over HTTP: shells, which are small and made for each request, and assets, which may be kept for ever. It is handed
 * the assets and reads nothing else: all figures are read by the browser, from /v1, as whoever has signed in.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { countryName } from '../names.ts';
import type { Asset, Assets } from './bundle.ts';
import { languageFor } from './language.ts';
import { type PageName, shellHtml } from './shell.ts';

/** Nothing from another host, nothing inline, no markup from a script's strings, nobody's frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:", // a chart that the page itself makes a PNG of
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-cache', // it names the assets: an old one would ask for those that are gone
  vary: 'accept-language',
};
const ASSET_HEADERS = {
  'cache-control': 'public, max-age=31536000, immutable',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  vary: 'accept-encoding',
};

const PORT = /^([a-z][a-z0-9]{1,7})\/(\d{1,5}(?::\d{1,3})?)$/;
const SENSOR = /^[A-Za-z0-9._-]{1,64}$/;
const COUNTRY = /^[A-Z]{2}$/;
/** What programs ask, and answers itself. */
const API = /^\/v1(?:[/?]|$)/;
const portMax = 65_535;
const NAME = /^[\w-]{1,80}\.(?:js|css|svg)$/;
/** Keys of a page's query that its links keep. */
const VIEW_KEYS = ['window', 'count', 'measure', 'economy', 'as', 'span', 'unit', 'date'];
const retrySeconds = '2';

export interface PageOptions {
  /** Being made, or made. Where they cannot be, every page says so and the collector goes on. */
  readonly assets: Promise<Assets>;
}

/** To be registered on a server that does not listen yet: `app.register(async scope => pageRoutes(scope, { assets }))`. */
export function pageRoutes(app: FastifyInstance, { assets }: PageOptions): void {
  assets.catch(() => undefined); // told with each page, and in the log by whoever made them
  const show = async (request: FastifyRequest, reply: FastifyReply, name: PageName, subject = '') => {
    const made = await assets.catch(() => undefined);
    if (made === undefined) return unmade(reply);
    const status = name === 'missing' ? 404 : 200;
    return reply
      .code(status)
      .headers({ ...PAGE_HEADERS, ...(status === 404 && { vary: 'accept, accept-language' }) })
      .send(shellHtml(pageOf(request, name, subject), made));
  };
  const hidden = { schema: { hide: true } };
  app.get('/', hidden, (request, reply) => show(request, reply, 'now'));
  for (const name of [
    'ports',
    'countries',
    'domestic',
    'days',
    'peers',
    'sensors',
    'enrol',
    'members',
    'sign-in',
  ] as const)
    app.get(`/${name}`, hidden, (request, reply) => show(request, reply, name));
  app.get('/ports/*', hidden, (request, reply) => {
    const where = (request.params as { '*': string })['*'];
    if (where === '') return show(request, reply, 'ports');
    const target = targetOf(where);
    return target === undefined ? show(request, reply, 'missing') : show(request, reply, 'port', target);
  });
  app.get('/countries/:code', hidden, (request, reply) => {
    const { code } = request.params as { code: string };
    return show(request, reply, isCountry(code) ? 'country' : 'missing', code);
  });
  app.get('/sensors/:name', hidden, (request, reply) => {
    const { name } = request.params as { name: string };
    return SENSOR.test(name) ? show(request, reply, 'sensor', name) : show(request, reply, 'missing');
  });
  app.get('/*', hidden, (request, reply) => {
    if (!asksForPage(request)) return reply.callNotFound();
    return show(request, reply, 'missing');
  });
  app.get('/assets/:name', hidden, async (request, reply) => {
    const { name } = request.params as { name: string };
    const made = await assets.catch(() => undefined);
    const asset = NAME.test(name) ? made?.byName.get(name) : undefined;
    return asset === undefined ? reply.callNotFound() : sendAsset(request, reply, asset);
  });
}

/** Any that has a name, as a registry's file may have withdrawn ones; ZZ is the name of what has none. */
const isCountry = (code: string): boolean =>
  code === '??' || (COUNTRY.test(code) && code !== 'ZZ' && countryName(code).en !== code);

/** A browser that goes somewhere says so; programs that take anything are answered as before, and so is who asks /v1. */
export const asksForPage = ({ url, headers }: FastifyRequest): boolean =>
  !API.test(url) && /\btext\/html\b/i.test(headers.accept ?? '');

/** `tcp/23` -> `23/tcp`, as targets are written everywhere else; undefined if it is none. */
export function targetOf(path: string): string | undefined {
  const [, protocol, number] = PORT.exec(path) ?? [];
  return number === undefined || Number(number.split(':')[0]) > portMax ? undefined : `${number}/${protocol}`;
}

function pageOf(request: FastifyRequest, name: PageName, subject: string) {
  const { lang, as } = request.query as { lang?: unknown; as?: unknown };
  const asked = lang === 'en' || lang === 'ja' ? lang : undefined;
  const url = new URL(request.url, 'http://pages');
  const query = new URLSearchParams([...url.searchParams].filter(([key]) => VIEW_KEYS.includes(key))).toString();
  const language = languageFor(asked, request.headers['accept-language']);
  return {
    name,
    subject,
    language,
    query,
    languageAsked: asked !== undefined,
    asPublic: as === 'public',
    path: url.pathname,
  };
}

function sendAsset(request: FastifyRequest, reply: FastifyReply, asset: Asset): FastifyReply {
  reply.headers(ASSET_HEADERS).type(asset.type);
  const accepted = (request.headers['accept-encoding'] ?? '').toLowerCase();
  for (const [coding, bytes] of [
    ['br', asset.br],
    ['gzip', asset.gzip],
  ] as const) {
    if (new RegExp(`(^|[ ,])${coding}(?!\\s*;\\s*q=0(\\.0*)?\\s*(,|$))`).test(accepted))
      return reply.header('content-encoding', coding).send(bytes);
  }
  return reply.send(asset.bytes);
}

const unmade = (reply: FastifyReply): FastifyReply =>
  reply
    .code(503)
    .headers({ ...PAGE_HEADERS, 'content-type': 'text/plain; charset=utf-8', 'retry-after': retrySeconds })
    .send('The pages could not be made: the log says why. /v1 answers all the same.\n');
