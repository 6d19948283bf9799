/** What is refused to those who read, as problems of RFC 9457 like ingest/problems.ts; no detail depends on the request. */
import type { FastifyError, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { PROBLEM_TYPE } from '../../ingest/problems.ts';

/** code: [status, title, detail]. */
export const READ_PROBLEMS = {
  query: [400, 'Not as described', 'The path or the query is not what /v1/openapi.json describes.'],
  cursor: [400, 'Cursor out of date', 'What is listed has changed, or the cursor is none: begin without it.'],
  token: [401, 'Token wanted', 'This takes a token that is known and has not expired: Authorization: Bearer TOKEN.'],
  forbidden: [403, 'Forbidden', 'This token does not read that.'],
  'no-day': [404, 'No such day', 'Nothing is shown of that day.'],
  'no-peer': [404, 'No such peer', 'Nothing is shown of a peer or an import of that name.'],
  'no-format': [404, 'No such format', 'There is no such file.'],
  'not-acceptable': [406, 'Not acceptable', 'There are application/json, application/x-ndjson and text/csv.'],
  budget: [429, 'Too many requests', 'Come again after Retry-After.'],
  'not-counted': [503, 'Nothing counted', 'Nothing is counted yet. Come again after Retry-After.'],
  'no-sender': [503, 'No sender', 'The collector has not been told who sends its exports.'],
} as const satisfies Record<string, readonly [status: number, title: string, detail: string]>;

export type ReadProblem = keyof typeof READ_PROBLEMS;

export interface WrongParameter {
  readonly at: string;
  readonly message: string;
}

export function refuseRead(reply: FastifyReply, code: ReadProblem, errors?: readonly WrongParameter[]): FastifyReply {
  const [status, title, detail] = READ_PROBLEMS[code];
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="enaga"');
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type(PROBLEM_TYPE)
    .serializer(String)
    .send(JSON.stringify({ type: `urn:enaga:problem:${code}`, title, status, detail, ...(errors && { errors }) }));
}

const wrongMax = 5;

/** What of the path or the query is wrong; a name that is none of ours is not said back. */
export function refuseParameters(reply: FastifyReply, { validation = [] }: FastifyError): FastifyReply {
  const { params, querystring } = (reply.request.routeOptions.schema ?? {}) as Record<string, { properties?: object }>;
  const names = new Set(Object.keys({ ...params?.properties, ...querystring?.properties }));
  const errors = validation.slice(0, wrongMax).map(({ instancePath, message = 'is wrong' }) => {
    const at = instancePath.slice(1);
    return names.has(at) ? { at, message } : { at: '', message: 'there are other parameters than are described' };
  });
  return refuseRead(reply, 'query', errors);
}

/** A question that cannot be answered, thrown to where the reply is. */
export class Unanswerable extends Error {
  override readonly name = 'Unanswerable';
  readonly code: ReadProblem;

  constructor(code: ReadProblem) {
    super(code);
    this.code = code;
  }
}

const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  errors: Type.Optional(Type.Array(Type.Object({ at: Type.String(), message: Type.String() }))),
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
