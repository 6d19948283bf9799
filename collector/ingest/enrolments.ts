/** POST /v1/enrolments: a token for a key. The only request that nobody signs, so the rate is bounded by address. */
import { jsonBytesMax } from '../../common/limits.ts';
import { ENROLMENTS_PATH, JSON_TYPE } from '../../common/protocol/messages.ts';
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

export function enrolmentRoute(app: App, powers: Powers, rates: Rates): void {
  app.addContentTypeParser(
    JSON_TYPE,
    { parseAs: 'string', bodyLimit: jsonBytesMax },
    app.getDefaultJsonParser('error', 'error'),
  );
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
      const enrolled = powers.enrol(request.body);
      if (enrolled === undefined)
        return refuse(reply.header('www-authenticate', 'Token realm="enaga"'), 'enrolment-refused');
      const { isAgain, ...enrolment } = enrolled;
      reply.log.info({ sensor: enrolment.name }, isAgain ? 'told again that it is enrolled' : 'enrolled');
      return reply.code(201).send({ ...enrolment, networks: [...enrolment.networks] });
    },
  );
}

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
