/** POST /v1/enrolments: a token for a key. The only request that nobody signs, so the rate is bounded by address. */
import { createHash } from 'node:crypto';
import { jsonBytesMax } from '../../common/limits.ts';
import { ENROLMENTS_PATH, type Enrolment, type EnrolmentRequest, JSON_TYPE } from '../../common/protocol/messages.ts';
import { HOUR_MS } from '../../common/time.ts';
import type { Enrolled } from '../registry/enrolments.ts';
import type { App } from './app.ts';
import type { Powers } from './powers.ts';
import { refuse, retryAfter } from './problems.ts';
import type { Rates } from './rates.ts';
import { EnrolmentRequestSchema, EnrolmentSchema } from './schemas.ts';

const SCHEMA = {
  summary: 'Enrol a sensor',
  description: 'With a single-use token. The answer names the key, which signs everything that follows.',
  body: EnrolmentRequestSchema,
  response: { 201: EnrolmentSchema },
};

const tooManySeconds = 10;
/** For how long an answer is given again, as by the registry after a restart, and how many of the last. */
const againMsMax = HOUR_MS;
const answersMax = 1000;

export function enrolmentRoute(app: App, powers: Powers, rates: Rates): void {
  app.addContentTypeParser(
    JSON_TYPE,
    { parseAs: 'string', bodyLimit: jsonBytesMax },
    app.getDefaultJsonParser('error', 'error'),
  );
  const answers = new Answers(powers);
  app.addHook('onRequest', async (request, reply) => {
    if (rates.take(placeOf(request.ip), powers.now())) return;
    return refuse(reply.header('retry-after', retryAfter(tooManySeconds, powers.random)), 'too-many');
  });
  app.post(
    ENROLMENTS_PATH,
    {
      schema: SCHEMA,
      config: { problems: ['malformed-json', 'enrolment-refused', 'too-large', 'too-many', 'unavailable'] },
    },
    async (request, reply) => {
      const enrolled = answers.find(request.body) ?? powers.enrol(request.body);
      if (enrolled === undefined)
        return refuse(reply.header('www-authenticate', 'Token realm="enaga"'), 'enrolment-refused');
      const { isAgain, ...enrolment } = enrolled;
      if (!isAgain) answers.keep(request.body, enrolment); // what the registry tells again keeps its hour
      reply.log.info({ sensor: enrolment.name }, isAgain ? 'told again that it is enrolled' : 'enrolled');
      return reply.code(201).send({ ...enrolment, networks: [...enrolment.networks] });
    },
  );
}

/**
 * Answers given lately, for a sensor that asks again because none reached it: the same token with the same key is the same enrolment, and
 * with any other key the token is used. In memory alone: what was answered before a restart the registry knows, for the same hour, as long
 * as the token is good.
 */
class Answers {
  /** By a digest of token and key, so that no token is kept. */
  readonly #answers = new Map<string, { readonly enrolment: Enrolment; readonly givenMs: number }>();
  readonly #powers: Powers;

  constructor(powers: Powers) {
    this.#powers = powers;
  }

  /** Undefined too once the key is good no more: replaced by another, or its sensor revoked. */
  find(request: EnrolmentRequest): Enrolled | undefined {
    const found = this.#answers.get(digest(request));
    if (found === undefined || this.#powers.now() - found.givenMs >= againMsMax) return undefined;
    return this.#powers.keyOwner(found.enrolment.keyId) === undefined
      ? undefined
      : { ...found.enrolment, isAgain: true };
  }

  keep(request: EnrolmentRequest, enrolment: Enrolment): void {
    this.#answers.set(digest(request), { enrolment, givenMs: this.#powers.now() });
    if (this.#answers.size > answersMax) this.#answers.delete(this.#answers.keys().next().value!); // the oldest
  }
}

const digest = ({ token, publicKey }: EnrolmentRequest): string =>
  createHash('sha256')
    .update(JSON.stringify([token, publicKey]))
    .digest('hex');

/** An IPv6 host has a /64 to itself at least: what counts is the first four groups. */
const placeOf = (address: string): string =>
  address.includes(':') && !address.includes('.') ? firstGroups(address) : address;

function firstGroups(address: string): string {
  const [before = '', after] = address.split('::');
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  const zeros = after === undefined ? [] : Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  return [...head, ...zeros, ...tail].slice(0, 4).join(':');
}
