/** What is done for every request: headers, log line, metrics, and problems for whatever goes wrong. */
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { passing } from './group.ts';
import { handOver, type Others } from './hand-over.ts';
import { scrub } from './logging.ts';
import type { Powers } from './powers.ts';
import { PROBLEM_TYPE, type ProblemCode, type ProblemExtras, problemOf, refuse, retryAfter } from './problems.ts';

const HEADERS = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };
const schemaErrorsMax = 5;
const schemaTextMax = 120;
const fullSeconds = 30;
const busySeconds = 2;

/** Problems of Fastify's own, by its error codes. */
const FRAMEWORK: Record<string, ProblemCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed-json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed-json',
  FST_ERR_VALIDATION: 'schema',
  FST_ERR_BAD_URL: 'not-found',
};

/** Where no route is, what was asked for stays out of log and metrics: it may be anything. */
const routeOf = (request: FastifyRequest): string => request.routeOptions.url ?? 'none';

/** `others` is asked for what has no route. */
export function addHooks(app: FastifyInstance, powers: Powers, others?: Others): void {
  const methods = new Map<string, Set<string>>(); // by path; ours have no parameters
  app.decorateReply('problem', null);
  app.decorateReply('handedOver', false);
  app.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set();
    for (const one of [method].flat()) known.add(one);
    methods.set(url, known);
  });
  app.addHook('onRequest', async (_request, reply) => void reply.headers(HEADERS));
  // A connection kept alive would keep the server from its end.
  let isEnding = false;
  app.addHook('preClose', async () => {
    isEnding = true;
  });
  app.addHook('onSend', async (_request, reply) => {
    if (isEnding) reply.header('connection', 'close');
  });
  if (others !== undefined) handOver(app, powers, others, () => isEnding);
  app.addHook('onResponse', async (request, reply) => {
    if (!reply.handedOver) tell(request, reply, powers);
  });
  app.addHook('onRequestAbort', async request => {
    if (others !== undefined && request.is404) return;
    powers.metrics.add('enaga_http_aborted_total');
    request.log.info({ method: request.method, route: routeOf(request) }, 'aborted');
  });
  app.setErrorHandler((error: FastifyError, request, reply) => refuseError(error, request, reply, powers));
  app.setNotFoundHandler((request, reply) => {
    const allowed = methods.get(request.raw.url?.split('?')[0] ?? '');
    if (allowed === undefined) return refuse(reply, 'not-found');
    return refuse(reply.header('allow', [...allowed].join(', ')), 'method');
  });
}

function tell(request: FastifyRequest, reply: FastifyReply, { metrics }: Powers): void {
  const { method, signer } = request;
  const route = routeOf(request);
  const status = reply.statusCode;
  metrics.add('enaga_http_requests_total', { method: route === 'none' ? 'any' : method, route, status });
  metrics.observe('enaga_http_request_seconds', reply.elapsedTime / 1000, { route });
  const level = status >= 500 ? 'warn' : status >= 400 ? 'info' : 'debug';
  request.log[level](
    {
      method,
      route,
      status,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      ...(signer !== null && { sensor: signer.owner.sensor.name }),
      ...(reply.problem !== null && { problem: reply.problem }),
    },
    'answered',
  );
}

/** What was thrown, by us, by Fastify or by a power, as a problem that tells nothing of its message. */
export function refuseError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  powers: Powers,
): FastifyReply {
  const code = Object.hasOwn(FRAMEWORK, error.code) ? FRAMEWORK[error.code]! : undefined;
  if (code !== undefined) return refuse(reply, code, code === 'schema' ? schemaErrors(error) : {});
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500)
    return refuse(reply, 'malformed-request');
  const again = passing(error);
  if (again !== undefined) return refuseForNow(reply, again, powers);
  request.log.error({ err: error, route: routeOf(request) }, 'failed');
  if (/^SQLITE_(IOERR|CORRUPT)/.test(String(error.code))) powers.fatal(error);
  return refuse(reply, 'internal');
}

export const refuseForNow = (reply: FastifyReply, why: 'busy' | 'full' | 'stopped', powers: Powers): FastifyReply =>
  refuse(
    reply.header('retry-after', retryAfter(why === 'full' ? fullSeconds : busySeconds, powers.random)),
    why === 'full' ? 'disk-full' : 'unavailable',
  );

const schemaErrors = (error: FastifyError): ProblemExtras => ({
  errors: (error.validation ?? []).slice(0, schemaErrorsMax).map(({ instancePath, message }) => ({
    at: scrub(instancePath).slice(0, schemaTextMax), // it has names that the sender chose
    message: (message ?? 'is wrong').slice(0, schemaTextMax),
  })),
});

/** What is no HTTP, or comes too slowly, never becomes a request: it is answered on the socket. */
export function refuseClient(error: { readonly code?: string }, socket: Socket, powers: Powers): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  powers.metrics.add('enaga_http_malformed_total');
  const code: ProblemCode =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? 'timeout'
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? 'headers-too-large'
        : 'malformed-request';
  const problem = problemOf(code);
  const body = JSON.stringify(problem);
  if (socket.writable)
    socket.write(
      [
        `HTTP/1.1 ${problem.status} ${problem.title}`,
        `Content-Type: ${PROBLEM_TYPE}`,
        `Content-Length: ${Buffer.byteLength(body)}`,
        'X-Content-Type-Options: nosniff',
        'Connection: close',
        '',
        body,
      ].join('\r\n'),
    );
  socket.destroy();
}
