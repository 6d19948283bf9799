/** What is refused to those who read, as problems of RFC 9457 like ingest/problems.ts; no detail depends on the request. */
import type { FastifyError, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { PROBLEM_TYPE, PROBLEMS } from '../../ingest/problems.ts';

/** code: [status, title, detail]. */
export const READ_PROBLEMS = {
  query: [400, 'Not as described', 'The path or the query is not what /v1/openapi.json describes.'],
  cursor: [400, 'Cursor out of date', 'What is listed has changed, or the cursor is none: begin without it.'],
  token: [401, 'Token wanted', 'This takes a token that is known and has not expired: Authorization: Bearer TOKEN.'],
  forbidden: [403, 'Forbidden', 'This token does not read that: GET /v1/reader says what it reads.'],
  'no-day': [404, 'No such day', 'Nothing is shown of that day.'],
  'open-day': [
    409,
    'Day not closed',
    'That day is still open. It is closed 24 hours after its end, and an hour after its last packets came, at the earliest.',
  ],
  'no-peer': [404, 'No such peer', 'Nothing is shown of a peer or an import of that name.'],
  'no-sensor': [404, 'No such sensor', 'Nothing is shown of a sensor of that name.'],
  'no-format': [404, 'No such format', 'There is no such file.'],
  'no-records': [410, 'Records removed', 'Records of that day are kept no longer: there are its figures alone.'],
  'not-acceptable': [406, 'Not acceptable', 'There are application/json, application/x-ndjson and text/csv.'],
  budget: [429, 'Too many requests', 'Come again after Retry-After.'],
  'not-counted': [503, 'Nothing counted', 'Nothing is counted yet. Come again after Retry-After.'],
  'being-counted': [
    503,
    'Being counted',
    'What this is answered from is being counted, or counted again. Come again after Retry-After.',
  ],
  // Said in place of any answer: while what answers readers is begun again, or another process holds a database.
  unavailable: PROBLEMS.unavailable,
  'no-sender': [
    503,
    'No sender',
    'The collector has not been told who sends its exchange files: its operator sets it in exports.json of the data directory.',
  ],
} as const satisfies Record<string, readonly [status: number, title: string, detail: string]>;

export type ReadProblem = keyof typeof READ_PROBLEMS;

/** As it is sent, for the document. */
export const problemText = (code: ReadProblem): string => {
  const [status, title, detail] = READ_PROBLEMS[code];
  return JSON.stringify({ type: `urn:enaga:problem:${code}`, title, status, detail }, null, 2);
};

export interface WrongParameter {
  readonly at: string;
  readonly message: string;
}

/** What a problem says beside what all say. */
export interface ProblemMore {
  readonly errors?: readonly WrongParameter[];
  /** Of an open day: when it is closed at the earliest, UTC, ISO 8601. */
  readonly closes?: string;
}

export function refuseRead(reply: FastifyReply, code: ReadProblem, more: ProblemMore = {}): FastifyReply {
  const [status, title, detail] = READ_PROBLEMS[code];
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="enaga"');
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type(PROBLEM_TYPE)
    .serializer(String)
    .send(JSON.stringify({ type: `urn:enaga:problem:${code}`, title, status, detail, ...more }));
}

const wrongMax = 5;

/** What of the path or the query is wrong; a name that is none of ours is not said back. */
export function refuseParameters(reply: FastifyReply, { validation = [] }: FastifyError): FastifyReply {
  const { params, querystring } = (reply.request.routeOptions.schema ?? {}) as Record<string, { properties?: object }>;
  const known = { ...params?.properties, ...querystring?.properties } as Record<string, Described>;
  const wrong = validation.flatMap(one => wrongOf(one, known));
  const byText = new Map(wrong.map(one => [`${one.at} ${one.message}`, one]));
  return refuseRead(reply, 'query', { errors: [...byText.values()].slice(0, wrongMax) });
}

/** Of a parameter's schema. */
interface Described {
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Described[];
}
type Fault = NonNullable<FastifyError['validation']>[number];

function wrongOf({ instancePath, keyword, params, message = 'is wrong' }: Fault, known: Record<string, Described>) {
  if (keyword === 'required')
    return [params.requiredProperties].flat().map(name => ({ at: String(name), message: 'is wanted' }));
  const at = instancePath.split('/')[1] ?? '';
  const described = Object.hasOwn(known, at) ? known[at]! : undefined;
  if (described === undefined) {
    const names = Object.keys(known);
    const all = names.length === 0 ? 'there are none here' : `there are ${names.join(', ')}`;
    return [{ at: '', message: `a parameter that is not described: ${all}` }];
  }
  const values = valuesOf(described);
  if (values.length > 0) return [{ at, message: `must be one of ${values.join(', ')}` }];
  const { description } = described;
  return [{ at, message: keyword === 'pattern' && description !== undefined ? `must be: ${description}` : message }];
}

const valuesOf = ({ const: one, enum: list = [], anyOf = [] }: Described): unknown[] =>
  one === undefined ? [...list, ...anyOf.flatMap(valuesOf)] : [one];

/** A question that cannot be answered, thrown to where the reply is. */
export class Unanswerable extends Error {
  override readonly name = 'Unanswerable';
  readonly code: ReadProblem;
  readonly more: ProblemMore;

  constructor(code: ReadProblem, more: ProblemMore = {}) {
    super(code);
    this.code = code;
    this.more = more;
  }
}

/** What the pattern of a parameter lets through, and yet is none: the 30th of February, port 70000, a range that ends before it begins. */
export const wrongly = (at: string): Unanswerable =>
  new Unanswerable('query', { errors: [{ at, message: 'is none, or more than can be asked for at once' }] });

/** What every problem says (RFC 9457 3.1), with schemas. */
export const PROBLEM_FIELDS = {
  type: Type.String({ description: 'urn:enaga:problem:CODE: programs go by this' }),
  title: Type.String({ description: 'in few words, in English' }),
  status: Type.Integer({ description: 'the HTTP status' }),
  detail: Type.String(),
};
const Problem = Type.Object({
  ...PROBLEM_FIELDS,
  errors: Type.Optional(Type.Array(Type.Object({ at: Type.String(), message: Type.String() }))),
  closes: Type.Optional(
    Type.String({ description: 'of an open day: when it is closed at the earliest, UTC, ISO 8601' }),
  ),
});

/** For a route's `response`. */
export function problemResponses(codes: readonly ReadProblem[]): Record<string, unknown> {
  const byStatus = Object.groupBy(codes, code => String(READ_PROBLEMS[code][0]));
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, same = []]) => [
      status,
      {
        description: same.map(code => `${code}: ${READ_PROBLEMS[code][2]}`).join('\n\n'),
        content: { [PROBLEM_TYPE]: { schema: Problem } },
      },
    ]),
  );
}
