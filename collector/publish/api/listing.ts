/** One way for every list: a route with `.json`, `.ndjson` and `.csv` beside it, pages, and refusals. */
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import { type Static, type TProperties, Type } from 'typebox';
import { BadState } from '../../reduce/codec.ts';
import type { StoreReader } from '../../store/query.ts';
import { type View, viewOf, type What } from '../roles/roles.ts';
import { FORMATS, type Format, formatFor, type Listing, MEDIA_TYPES, type Row, textOf } from './formats.ts';
import { problemResponses, type ReadProblem, refuseRead, Unanswerable, wrongly } from './problems.ts';
import type { ReadPowers } from './read-powers.ts';

export interface ListRoute {
  readonly url: string;
  readonly summary: string;
  readonly description?: string;
  /** For the document: whoever has no token is refused, whatever is asked. */
  readonly takesToken?: boolean;
  readonly params?: TProperties;
  readonly query?: TProperties;
  /** What JSON says beside `rows`. */
  readonly head: TProperties;
  readonly row: TProperties;
  /** Keys of rows that hold lists of objects: not in CSV. */
  readonly nested?: readonly string[];
  readonly problems?: readonly ReadProblem[];
  readonly answer: (question: Question) => Answer | Promise<Answer>;
}

export type Answer = Omit<Listing, 'columns'>;

export interface Question {
  readonly params: Readonly<Record<string, string>>;
  /** As the schema says. */
  readonly query: Readonly<Record<string, unknown>>;
  readonly request: FastifyRequest;
}

const FORMAT_PARAMETER = 'format';
const notCountedSeconds = '5';
/** Problems of whatever is told of days. */
export const NOT_NOW = ['not-counted', 'being-counted', 'unavailable'] as const satisfies ReadProblem[];

export function listRoute(app: FastifyInstance, route: ListRoute): void {
  const { url, summary, description, params = {}, query = {}, head, row, problems = [], nested = [], answer } = route;
  const body = Type.Object({ ...head, next: NEXT, rows: Type.Array(Type.Object(row)) });
  const columns = Object.keys(row).filter(key => !nested.includes(key));
  const content = {
    [MEDIA_TYPES.json]: { schema: body },
    [MEDIA_TYPES.ndjson]: { schema: Type.String({ description: 'the rows, a JSON object a line' }) },
    'text/csv': { schema: Type.String({ description: `RFC 4180: ${columns.join(',')}` }) },
  };
  const codes: ReadProblem[] = ['query', 'token', 'not-acceptable', 'budget', ...NOT_NOW, ...problems];
  const schema = (more: TProperties): FastifySchema => ({
    security: route.takesToken ? [{ token: [] }] : [{}, { token: [] }],
    summary,
    ...(description !== undefined && { description }),
    ...(Object.keys({ ...params, ...more }).length > 0 && { params: Type.Object({ ...params, ...more }) }),
    querystring: Type.Object(query, { additionalProperties: false }),
    response: { 200: { description: summary, content }, ...problemResponses(codes) },
  });
  const handle = async (request: FastifyRequest, reply: FastifyReply) => {
    const given = (request.params as Record<string, string>)[FORMAT_PARAMETER] as Format | undefined;
    const format = given ?? formatFor(request.headers.accept);
    if (format === undefined) return refuseRead(reply, 'not-acceptable');
    const question = {
      params: request.params as Record<string, string>,
      query: request.query as Record<string, unknown>,
      request,
    };
    return answered(reply, async () => {
      const listing = { ...(await answer(question)), columns };
      if (listing.next !== undefined) reply.header('link', `<${linkOf(request, listing.next)}>; rel="next"`);
      return send(reply, textOf(listing, format), MEDIA_TYPES[format]);
    });
  };
  app.get(url, { schema: schema({}) }, handle);
  const extension = { [FORMAT_PARAMETER]: Type.Union(FORMATS.map(format => Type.Literal(format))) };
  app.get(
    `${url}.:${FORMAT_PARAMETER}(^${FORMATS.join('|')}$)`,
    { schema: { ...schema(extension), hide: true } },
    handle,
  );
}

const NEXT = Type.Union([Type.String(), Type.Null()], { description: 'cursor of the next page' });

/** Text as it is: no response schema may change it. */
export const send = (reply: FastifyReply, text: string, type: string): FastifyReply =>
  reply.type(type).serializer(String).send(text);

/** Runs what answers; what cannot be answered becomes a problem. */
export async function answered(reply: FastifyReply, answer: () => Promise<FastifyReply>): Promise<FastifyReply> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof Unanswerable) {
      if (error.code === 'not-counted') reply.header('retry-after', notCountedSeconds);
      return refuseRead(reply, error.code, error.more);
    }
    // Counted by an older version, or being made or folded again at this moment.
    if (!(error instanceof BadState)) throw error;
    return refuseRead(reply.header('retry-after', notCountedSeconds), 'being-counted');
  }
}

/** The view of who asks. Throws `Unanswerable`. */
export function viewFor<Kind extends View['kind']>(
  { request }: Pick<Question, 'request'>,
  what: What,
  powers: ReadPowers,
  ...kinds: Kind[]
): Extract<View, { kind: Kind }> {
  const view = viewOf(request.reader!, what, powers.rule, powers.now());
  if (view.kind === 'refused') throw new Unanswerable(view.why);
  if (!(kinds as string[]).includes(view.kind)) throw new Unanswerable('forbidden');
  return view as Extract<View, { kind: Kind }>;
}

/** Throws `Unanswerable`. */
export function storeOf(powers: ReadPowers): StoreReader {
  const store = powers.store();
  if (store === undefined) throw new Unanswerable('not-counted');
  return store;
}

/** The value, if it is one. Throws `Unanswerable`, with the parameter that is wrong. */
export function known<T>(value: T | undefined, code: ReadProblem, at?: string): T {
  if (value === undefined) throw at === undefined ? new Unanswerable(code) : wrongly(at);
  return value;
}

export const rowsMax = 200_000;

export const PAGE_QUERY = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: rowsMax, description: `rows of a page, ${rowsMax} unless given` }),
  ),
  cursor: Type.Optional(Type.String({ maxLength: 64, description: 'next of the page before' })),
};
const PageSchema = Type.Object(PAGE_QUERY);

/**
 * A page of all the rows. The cursor names what they were made from (`of`) and how many came before. Throws `Unanswerable` if
 * that is not what they are made from now.
 */
export function paged<One = Row>(
  rows: readonly One[],
  query: Readonly<Record<string, unknown>>,
  of: unknown,
): Pick<Listing, 'next'> & { readonly rows: One[] } {
  const { limit = rowsMax, cursor } = query as Static<typeof PageSchema>;
  const made = createHash('sha256').update(JSON.stringify(of)).digest('hex').slice(0, 16);
  const [name, offset = '0'] = cursor?.split('.') ?? [made];
  if (name !== made || !/^\d{1,9}$/.test(offset)) throw new Unanswerable('cursor');
  const from = Number(offset);
  const to = from + limit;
  return { rows: rows.slice(from, to), ...(to < rows.length && { next: `${made}.${to}` }) };
}

function linkOf({ url }: FastifyRequest, cursor: string): string {
  const [path, query = ''] = url.split('?');
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', cursor);
  return `${path}?${parameters}`;
}
