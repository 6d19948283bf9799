/**
 * Everything the collector refuses over HTTP, as problems of RFC 9457, from one table. A problem's `type` is
 * `urn:enaga:problem:CODE`; what else it says comes from here and never from an exception.
 */
import type { FastifyReply } from 'fastify';

/** code: [status, title, detail]. */
export const PROBLEMS = {
  'malformed-request': [400, 'Malformed request', 'The request is not HTTP/1.1 as this server reads it.'],
  'malformed-json': [400, 'Malformed JSON', 'The body is not one JSON object in UTF-8.'],
  schema: [400, 'Not as described', 'The body is not what /v1/openapi.json describes.'],
  'malformed-batch': [400, 'Malformed batch', 'The batch cannot be opened: its bytes contradict the format.'],
  'foreign-batch': [400, 'Batch of another sensor', 'The batch names another sensor than the key that signed it.'],
  unauthorised: [401, 'Unauthorised', 'The key is unknown, or the signature does not hold.'],
  revoked: [401, 'Revoked', 'This sensor was revoked, or has a newer key: ask who runs the collector.'],
  'enrolment-refused': [401, 'Enrolment refused', 'The token is unknown, used or expired, or the key is none.'],
  'not-found': [404, 'Not found', 'Nothing is here: /v1/openapi.json says what there is.'],
  method: [405, 'Method not allowed', 'The resource knows other methods: see Allow.'],
  timeout: [408, 'Too slow', 'The request did not arrive in time.'],
  conflict: [409, 'Conflict', 'This epoch and sequence hold other content: open nextEpoch and seal again.'],
  'too-large': [413, 'Too large', 'The body is larger than this resource takes.'],
  'unsupported-media-type': [415, 'Unsupported media type', 'The resource takes another Content-Type.'],
  'too-many': [429, 'Too many requests', 'Come again after Retry-After.'],
  'headers-too-large': [431, 'Headers too large', 'The headers are larger than this server reads.'],
  internal: [500, 'Internal error', 'The collector failed. Its log says more.'],
  unavailable: [503, 'Unavailable', 'The collector cannot take this now. Come again after Retry-After.'],
  'disk-full': [503, 'No room', 'The collector has no room for more. Come again after Retry-After.'],
} as const satisfies Record<string, readonly [status: number, title: string, detail: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** With `conflict`. */
  readonly nextEpoch?: number;
  /** With `schema`: where the body is wrong. */
  readonly errors?: readonly { readonly at: string; readonly message: string }[];
}

export type ProblemExtras = Pick<Problem, 'nextEpoch' | 'errors'>;

export const PROBLEM_TYPE = 'application/problem+json';

export function problemOf(code: ProblemCode, extras: ProblemExtras = {}): Problem {
  const [status, title, detail] = PROBLEMS[code];
  return { type: `urn:enaga:problem:${code}`, title, status, detail, ...extras };
}

/** Sends it, as text, so that no response schema can change it. */
export function refuse(reply: FastifyReply, code: ProblemCode, extras?: ProblemExtras): FastifyReply {
  const problem = problemOf(code, extras);
  reply.problem = code;
  return reply
    .code(problem.status)
    .header('x-content-type-options', 'nosniff') // a request that is none went through no hook
    .type(PROBLEM_TYPE)
    .serializer(String)
    .send(JSON.stringify(problem));
}

declare module 'fastify' {
  interface FastifyReply {
    /** What was refused, for the log and the metrics. */
    problem: ProblemCode | null;
  }
}

/** Retry-After in whole seconds from `min` to twice that, so that a thousand sensors do not come back in step. */
export const retryAfter = (minSeconds: number, random: () => number): string =>
  String(Math.floor(minSeconds + random() * (minSeconds + 1)));
