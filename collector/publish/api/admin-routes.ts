/**
 * What admins do from a page or a program: sensors to be enrolled, organisations, members and their tokens. A token goes out once,
 * in the answer to who asked for it. Who asks is known by the Authorization header alone, which no browser adds by itself, and
 * bodies are JSON, which no form of another site can send: so no other site can ask in an admin's name.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, type TObject, Type } from 'typebox';
import { jsonBytesMax } from '../../../common/limits.ts';
import { JSON_TYPE } from '../../../common/protocol/messages.ts';
import { DAY_MS, HOUR_MS } from '../../../common/time.ts';
import { retryAfter } from '../../ingest/problems.ts';
import { type RateOptions, Rates } from '../../ingest/rates.ts';
import { RegistryError } from '../../registry/registry.ts';
import { type Fault, faultAt, isOrigin, memberFaults, organisationFaults, sensorFaults } from './admin-checks.ts';
import type { AdminPowers, Writers } from './admin-powers.ts';
import { type AdminProblem, adminResponses, refuseAdmin, refuseBody } from './admin-problems.ts';
import { problemResponses, refuseParameters, refuseRead } from './problems.ts';
import type { ReadPowers } from './read-powers.ts';
import { timeText } from './series.ts';

/** Changes of one organisation's admins. */
export const CHANGES: RateOptions = { burst: 30, perSecond: 0.2 };

const hoursMax = 24 * 365;
const daysMax = 3650;
const namesMax = 256;
const nameLengthMax = 64;
const prefixLengthMax = 64;
const titleLengthMax = 500;
const urlLengthMax = 300;

const Name = Type.String({ maxLength: nameLengthMax });
const Names = (maxLength: number) => Type.Array(Type.String({ maxLength }), { maxItems: namesMax });
const TokenHours = Type.Optional(
  Type.Integer({ minimum: 1, maximum: hoursMax, description: 'hours that the token is good for, 24 unless given' }),
);
const TokenDays = Type.Optional(
  Type.Integer({ minimum: 1, maximum: daysMax, description: 'days that the token is good for, 365 unless given' }),
);
const Collector = Type.Optional(
  Type.String({
    maxLength: urlLengthMax,
    description: 'where the sensor reaches this collector; as you do unless given',
  }),
);
const NAMED = 'of the sensor, the organisation or the member';
const closed = { additionalProperties: false };

const NewOrganisation = Type.Object(
  { name: Name, title: Type.Optional(Type.String({ maxLength: titleLengthMax })) },
  closed,
);
const NewSensor = Type.Object(
  {
    name: Name,
    owner: Type.String({ maxLength: nameLengthMax, description: 'organisation' }),
    economy: Type.String({ maxLength: 2, description: 'ISO 3166-1 alpha-2' }),
    networks: Names(prefixLengthMax),
    hours: TokenHours,
    collector: Collector,
  },
  closed,
);
const NewMember = Type.Object(
  {
    organisation: Name,
    role: Type.Union([Type.Literal('member'), Type.Literal('admin')]),
    countries: Type.Optional(Names(2)),
    asns: Type.Optional(Type.Array(Type.Integer(), { maxItems: namesMax })),
    prefixes: Type.Optional(Names(prefixLengthMax)),
    days: TokenDays,
  },
  closed,
);
const SensorToken = Type.Object({ hours: TokenHours, collector: Collector }, closed);
const MemberToken = Type.Object({ days: TokenDays }, closed);

const TOKEN = { token: Type.String({ description: 'told this once' }), expires: Type.String() };
const ENROLMENT = Type.Object({
  sensor: Type.String(),
  ...TOKEN,
  enrol: Type.String({ description: 'to run on the sensor' }),
});
const MEMBERSHIP = Type.Object({ organisation: Type.String(), ...TOKEN });
const DONE = Type.Object({ name: Type.String() });

type Outcome = { readonly status: 200 | 201; readonly body: object } | Faulty;
type Faulty = { readonly problem: AdminProblem; readonly faults?: readonly Fault[] };

interface Change<Body> {
  readonly body: Body;
  readonly params: Readonly<Record<string, string>>;
  readonly request: FastifyRequest;
  readonly writers: Writers;
  readonly nowMs: number;
  /** Of the admin. */
  readonly organisation: string;
}

interface ChangeRoute<Schema extends TObject> {
  readonly method: 'POST' | 'DELETE';
  readonly url: string;
  readonly summary: string;
  readonly body?: Schema;
  readonly response: TObject;
  readonly problems: readonly AdminProblem[];
  /** May throw `RegistryError` where somebody else was faster. */
  readonly make: (change: Change<Static<Schema>>) => Outcome;
}

export function changeRoutes(app: FastifyInstance, powers: ReadPowers, admin: AdminPowers, rate = CHANGES): void {
  app.addContentTypeParser(
    JSON_TYPE,
    { parseAs: 'string', bodyLimit: jsonBytesMax },
    app.getDefaultJsonParser('error', 'error'),
  );
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    if (error.code !== 'FST_ERR_VALIDATION') throw error;
    return error.validationContext === 'body' ? refuseBody(reply, error) : refuseParameters(reply, error);
  });
  const rates = new Rates(rate);
  // Before the body is read: what is not allowed costs no more than its head.
  app.addHook('onRequest', async (request, reply) => {
    const reader = request.reader!;
    if (reader.role === 'public') return refuseRead(reply, 'token');
    if (reader.role !== 'admin') return refuseRead(reply, 'forbidden');
    if (rates.take(reader.organisation, powers.now())) return undefined;
    return refuseRead(reply.header('retry-after', retryAfter(Math.ceil(1 / rate.perSecond), powers.random)), 'budget');
  });
  const route = <Schema extends TObject>(one: ChangeRoute<Schema>) => changeRoute(app, powers, admin, one);
  route({
    ...{ method: 'POST', url: '/v1/organisations', summary: 'Add an organisation', body: NewOrganisation },
    ...{ response: DONE, problems: ['fields', 'changed'], make: addOrganisation },
  });
  route({
    ...{ method: 'POST', url: '/v1/sensors', summary: 'Add a sensor, with a token that enrols it', body: NewSensor },
    ...{ response: ENROLMENT, problems: ['fields', 'changed'], make: addSensor },
  });
  route({
    ...{
      method: 'POST',
      url: '/v1/sensors/:name/tokens',
      summary: 'A token for a new key of a sensor',
      body: SensorToken,
    },
    ...{ response: ENROLMENT, problems: ['fields', 'no-sensor', 'changed'], make: rotateSensor },
  });
  route({
    ...{ method: 'DELETE', url: '/v1/sensors/:name', summary: 'Refuse what a sensor sends from now on, for good' },
    ...{ response: DONE, problems: ['no-sensor', 'changed'], make: revokeSensor },
  });
  route({
    ...{ method: 'POST', url: '/v1/members', summary: 'Make an organisation a member', body: NewMember },
    ...{ response: MEMBERSHIP, problems: ['fields', 'changed'], make: addMember },
  });
  route({
    ...{ method: 'POST', url: '/v1/members/:name/tokens', summary: 'Another token of a member', body: MemberToken },
    ...{ response: MEMBERSHIP, problems: ['fields', 'no-member', 'changed'], make: rotateMember },
  });
  route({
    ...{ method: 'DELETE', url: '/v1/members/:name', summary: "Void a member's tokens at once" },
    ...{ response: DONE, problems: ['no-member', 'own', 'changed'], make: revokeMember },
  });
}

function changeRoute<Schema extends TObject>(
  app: FastifyInstance,
  powers: ReadPowers,
  admin: AdminPowers,
  { method, url, summary, body, response, problems, make }: ChangeRoute<Schema>,
): void {
  const status = method === 'POST' ? 201 : 200;
  const named = url.includes(':name') && {
    params: Type.Object({ name: Type.String({ maxLength: nameLengthMax, description: NAMED }) }),
  };
  app.route({
    method,
    url,
    schema: {
      security: [{ token: [] }],
      summary,
      description: 'For admins. Each change is in `enaga audit --all`.',
      ...named,
      ...(body !== undefined && { body }),
      response: {
        [status]: { description: summary, content: { [JSON_TYPE]: { schema: response } } },
        ...problemResponses(['token', 'forbidden', 'budget', 'unavailable']),
        ...adminResponses(problems),
      },
    },
    handler: async (request, reply): Promise<FastifyReply> => {
      const reader = request.reader!;
      if (reader.role === 'public') return refuseRead(reply, 'token');
      const { organisation } = reader;
      const params = request.params as Readonly<Record<string, string>>;
      const change = { body: request.body as Static<Schema>, params, request, nowMs: powers.now(), organisation };
      const outcome = admin.as(organisation, writers => settled(() => make({ ...change, writers })));
      if ('problem' in outcome) return refuseAdmin(reply, outcome.problem, outcome.faults);
      request.log.info({ organisation, method, route: url }, 'the registry was changed');
      return reply.code(outcome.status).type(JSON_TYPE).serializer(String).send(JSON.stringify(outcome.body));
    },
  });
}

/** What was right when it was looked at and wrong when it was written is looked at again. */
function settled(make: () => Outcome): Outcome {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
  }
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return { problem: 'changed' };
  }
}

function addOrganisation({ body, writers, nowMs }: Change<Static<typeof NewOrganisation>>): Outcome {
  const { name, title } = body;
  const faults = organisationFaults(body, writers.registry.organisations());
  if (faults.length > 0) return { problem: 'fields', faults };
  writers.registry.addOrganisation({ name, ...(title !== undefined && { title }) }, nowMs);
  return { status: 201, body: { name } };
}

function addSensor({ body, writers: { registry }, request, nowMs }: Change<Static<typeof NewSensor>>): Outcome {
  const { name, owner, economy, networks, hours = 24, collector } = body;
  const faults = sensorFaults(body, { sensors: registry.sensors(), organisations: registry.organisations() });
  if (faults.length > 0) return { problem: 'fields', faults };
  const expiresInMs = hours * HOUR_MS;
  const { token } = registry.addSensor({ name, owner, economy, networks }, nowMs, { expiresInMs });
  return enrolment(name, token, nowMs + expiresInMs, collector, request);
}

function rotateSensor({
  body,
  params,
  writers: { registry },
  request,
  nowMs,
}: Change<Static<typeof SensorToken>>): Outcome {
  const { hours = 24, collector } = body;
  const sensor = registry.find(params.name!);
  if (sensor === undefined || sensor.revokedMs !== null) return { problem: 'no-sensor' };
  if (collector !== undefined && !isOrigin(collector))
    return { problem: 'fields', faults: [faultAt('/collector', 'collector')] };
  const expiresInMs = hours * HOUR_MS;
  const { token } = registry.rotate(sensor.name, nowMs, { expiresInMs });
  return enrolment(sensor.name, token, nowMs + expiresInMs, collector, request);
}

function enrolment(
  name: string,
  token: string,
  expiresMs: number,
  collector: string | undefined,
  request: FastifyRequest,
): Outcome {
  const asked = `${request.protocol}://${request.host}`;
  const url = collector ?? (isOrigin(asked) ? asked : 'URL');
  const enrol = `enaga-sensor enrol --collector ${url} --token-file -`;
  return { status: 201, body: { sensor: name, token, expires: timeText(expiresMs), enrol } };
}

function revokeSensor({ params, writers: { registry }, nowMs }: Change<unknown>): Outcome {
  const sensor = registry.find(params.name!);
  if (sensor === undefined || sensor.revokedMs !== null) return { problem: 'no-sensor' };
  registry.revoke(sensor.name, nowMs);
  return { status: 200, body: { name: sensor.name } };
}

function addMember({ body, writers, nowMs }: Change<Static<typeof NewMember>>): Outcome {
  const { days = 365, ...member } = body;
  const known = { members: writers.members.list(), organisations: writers.registry.organisations() };
  const faults = memberFaults(member, known);
  if (faults.length > 0) return { problem: 'fields', faults };
  const expiresInMs = days * DAY_MS;
  const { token } = writers.members.add(member, nowMs, { expiresInMs });
  return membership(member.organisation, token, nowMs + expiresInMs);
}

function rotateMember({ body, params, writers, nowMs }: Change<Static<typeof MemberToken>>): Outcome {
  const member = writers.members.find(params.name!);
  if (member === undefined || member.revokedMs !== null) return { problem: 'no-member' };
  const expiresInMs = (body.days ?? 365) * DAY_MS;
  const { token } = writers.members.rotate(member.organisation, nowMs, { expiresInMs });
  return membership(member.organisation, token, nowMs + expiresInMs);
}

const membership = (organisation: string, token: string, expiresMs: number): Outcome => ({
  status: 201,
  body: { organisation, token, expires: timeText(expiresMs) },
});

function revokeMember({ params, writers, nowMs, organisation }: Change<unknown>): Outcome {
  const member = writers.members.find(params.name!);
  if (member === undefined || member.revokedMs !== null) return { problem: 'no-member' };
  if (member.organisation === organisation) return { problem: 'own' };
  writers.members.revoke(member.organisation, nowMs);
  return { status: 200, body: { name: member.organisation } };
}
