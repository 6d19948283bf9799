/** Asks the server of the reading thread, over its socket, what the one that faces the network was asked. */
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { type Others, type OthersAnswer, REQUEST_ID_HEADER } from '../ingest/hand-over.ts';

export interface ProxyOptions {
  /** The socket's path; undefined while nobody listens. */
  readonly socket: () => Promise<string | undefined>;
  /** Requests under way at once; others wait. */
  readonly socketsMax: number;
  /** For the head of an answer. */
  readonly answerMs: number;
}

/**
 * Of one connection only (RFC 9110 7.6.1). What a client's Connection names beside these goes on: both servers are one to it,
 * and nobody may have a header taken away that tells who asks.
 */
const HOP_BY_HOP = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  'expect', // answered already
]);
const freeSocketsMax = 32;

/** With what closes its connections. */
export function askBehind({ socket, socketsMax, answerMs }: ProxyOptions): Others & { close(): void } {
  const agent = new http.Agent({ keepAlive: true, maxSockets: socketsMax, maxFreeSockets: freeSocketsMax });
  const ask: Others['ask'] = async (request, response) => {
    const socketPath = await socket();
    if (response.destroyed) return 'gone';
    if (socketPath === undefined) return undefined;
    const { raw } = request;
    const answered = Promise.withResolvers<OthersAnswer | 'gone' | undefined>();
    const asked = http.request({
      ...{ socketPath, agent, headers: headersOf(request) },
      ...(raw.method !== undefined && { method: raw.method }),
      ...(raw.url !== undefined && { path: raw.url }),
    });
    const timer = setTimeout(() => asked.destroy(), answerMs);
    asked.once('response', answer => {
      clearTimeout(timer);
      answered.resolve(passable(answer));
    });
    asked.on('error', () => {
      clearTimeout(timer);
      raw.resume(); // what is left of a body nobody reads
      answered.resolve(undefined); // unless it was answered: then its answer breaks off
    });
    response.once('close', () => {
      if (response.writableFinished) return;
      answered.resolve('gone');
      asked.destroy();
    });
    raw.pipe(asked);
    return answered.promise;
  };
  return { ask, close: () => agent.destroy() };
}

function headersOf({ raw, id, ip, protocol, host }: FastifyRequest): Record<string, string | string[]> {
  const kept = Object.entries(raw.headers as Required<IncomingHttpHeaders>).filter(([name]) => !HOP_BY_HOP.has(name));
  return {
    ...(Object.fromEntries(kept) as Record<string, string | string[]>),
    ...(raw.headers['transfer-encoding'] !== undefined && { 'transfer-encoding': 'chunked' }),
    // As the server that faces the network has found them to be, whatever the client says.
    ...{ 'x-forwarded-for': ip, 'x-forwarded-proto': protocol, 'x-forwarded-host': host },
    [REQUEST_ID_HEADER]: id,
  };
}

const passable = (answer: IncomingMessage): OthersAnswer => ({
  pass: (to, { last }) => {
    const isLast = last || answer.headers.connection === 'close';
    const headers = answer.rawHeaders.flatMap((name, n, all) =>
      n % 2 === 0 && !HOP_BY_HOP.has(name.toLowerCase()) ? [name, all[n + 1]!] : [],
    );
    to.writeHead(answer.statusCode!, isLast ? [...headers, 'connection', 'close'] : headers);
    pipeline(answer, to, () => {}); // whichever ends too soon takes the other with it
  },
});
