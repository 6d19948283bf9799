/**
 * What has no route here may have one in a server behind this one, which answers beside it so that no long answer keeps a batch
 * waiting. That server writes the log line and the metrics of whatever it was asked.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Powers } from './powers.ts';
import { refuse, retryAfter } from './problems.ts';

/** The number of a request, for the server behind. */
export const REQUEST_ID_HEADER = 'x-enaga-request';

const againSeconds = 2;

export interface OthersAnswer {
  /** Sends it on; `last`: the connection ends with it. */
  pass(to: ServerResponse, options: { readonly last: boolean }): void;
}

export interface Others {
  /** Undefined if the other server cannot be asked now; `gone` if who asked is. Takes the request's body. Never rejects. */
  ask(request: FastifyRequest, response: ServerResponse): Promise<OthersAnswer | 'gone' | undefined>;
  /** What a browser is shown that asked for a page meanwhile and is to come again; undefined for whoever asks for anything else. */
  readonly awayPage?: (request: FastifyRequest, againSeconds: string) => SentPage | undefined;
}

export interface SentPage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

declare module 'fastify' {
  interface FastifyReply {
    /** The other server tells of it. */
    handedOver: boolean;
  }
}

/** Before any body is read: that is the other server's to judge. */
export function handOver(app: FastifyInstance, powers: Powers, others: Others, isEnding: () => boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return undefined;
    reply.handedOver = true;
    const answer = await others.ask(request, reply.raw);
    if (answer === undefined) {
      reply.handedOver = false;
      const seconds = retryAfter(againSeconds, powers.random);
      reply.header('retry-after', seconds);
      const page = others.awayPage?.(request, seconds);
      if (page === undefined) return refuse(reply, 'unavailable');
      reply.problem = 'unavailable';
      return reply.code(503).headers(page.headers).send(page.body);
    }
    reply.hijack();
    if (answer !== 'gone') answer.pass(reply.raw, { last: isEnding() });
    return undefined;
  });
}
