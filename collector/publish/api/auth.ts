/**
 * Who reads: the member of the token in `Authorization: Bearer`, or the public. A token that is none is refused and not taken
 * for the public, so that a pull whose token has expired fails aloud. Requests are a budget: a member's, or an address's.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { retryAfter } from '../../ingest/problems.ts';
import { type RateOptions, Rates } from '../../ingest/rates.ts';
import { PUBLIC, type Reader } from '../roles/roles.ts';
import { refuseRead } from './problems.ts';
import type { ReadPowers } from './read-powers.ts';

export interface Budgets {
  /** Of a member, whatever the number of its tokens and addresses. */
  readonly member: RateOptions;
  /** Of an address (an IPv6 /64), without a token or with a wrong one. */
  readonly public: RateOptions;
}

export const BUDGETS: Budgets = {
  member: { burst: 600, perSecond: 5 },
  public: { burst: 120, perSecond: 1 },
};

declare module 'fastify' {
  interface FastifyRequest {
    /** Set for the routes that tell what was counted. */
    reader: Reader | null;
  }
}

const BEARER = /^Bearer +([A-Za-z0-9_-]{1,128}) *$/i;

/** Makes every route added to `app` afterwards know who reads. */
export function addReaders(app: FastifyInstance, powers: ReadPowers, budgets: Budgets): void {
  const memberRates = new Rates(budgets.member);
  const publicRates = new Rates(budgets.public);
  app.decorateRequest('reader', null);
  app.addHook('onRequest', async (request, reply) => {
    const nowMs = powers.now();
    const reader = readerOf(request, powers, nowMs);
    const allowed =
      reader === undefined || reader.role === 'public'
        ? publicRates.take(placeOf(request.ip), nowMs)
        : memberRates.take(reader.organisation, nowMs);
    if (!allowed)
      return tooMany(
        reply,
        reader?.role === 'public' || reader === undefined ? budgets.public : budgets.member,
        powers,
      );
    if (reader === undefined) return refuseRead(reply, 'token');
    request.reader = reader;
    return undefined;
  });
}

function readerOf({ headers }: FastifyRequest, { members }: ReadPowers, nowMs: number): Reader | undefined {
  const { authorization } = headers;
  if (authorization === undefined) return PUBLIC;
  const token = BEARER.exec(authorization)?.[1];
  const member = token === undefined ? undefined : members.reader(token, nowMs);
  if (member === undefined) return undefined;
  const { organisation, role, countries, asns, prefixes } = member;
  return { role, organisation, countries, asns, prefixes };
}

const tooMany = (reply: FastifyReply, { perSecond }: RateOptions, { random }: ReadPowers): FastifyReply =>
  refuseRead(reply.header('retry-after', retryAfter(Math.ceil(1 / perSecond), random)), 'budget');

/** An IPv6 host has a /64 to itself at least: what counts is the first four groups. */
function placeOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [before = '', after = ''] = address.split('::');
  const [head, tail] = [before, after].map(part => part.split(':').filter(group => group !== ''));
  const zeros = Array<string>(Math.max(0, 8 - head!.length - tail!.length)).fill('0');
  return [...head!, ...zeros, ...tail!].slice(0, 4).join(':');
}
