/** What there is to administer: who reads, sensors as they are registered, organisations, members. */
import type { FastifyInstance } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { MEMBER_ROLES, type Member } from '../../registry/members.ts';
import type { SensorsView } from '../roles/roles.ts';
import type { AdminPowers, Readers } from './admin-powers.ts';
import type { Row } from './formats.ts';
import { type Answer, listRoute, type Question, viewFor } from './listing.ts';
import { Unanswerable } from './problems.ts';
import type { ReadPowers } from './read-powers.ts';
import { timeText } from './series.ts';

const Time = (description: string): TSchema => Type.Union([Type.String(), Type.Null()], { description });
const Texts = (description: string): TSchema => Type.Array(Type.String(), { description });

const SENSOR_ROW = {
  sensor: Type.String(),
  owner: Type.String({ description: 'organisation' }),
  economy: Type.String({ description: 'where it stands: ISO 3166-1 alpha-2' }),
  networks: Texts('observed, CIDR'),
  state: Type.Union([Type.Literal('not enrolled'), Type.Literal('enrolled'), Type.Literal('revoked')]),
  created: Type.String(),
  lastBatch: Time('when its last batch came; null if none did'),
  lastHeartbeat: Time('null if none came since the collector started; so are the five that follow'),
  clockOffsetMs: Type.Union([Type.Number(), Type.Null()], { description: "its clock less the collector's" }),
  oldestUnshipped: Time('its oldest batch that is not acknowledged; null if there is none'),
  spooledRecords: Type.Union([Type.Integer(), Type.Null()], { description: 'sealed and not acknowledged' }),
  version: Type.Union([Type.String(), Type.Null()], { description: 'of its program' }),
  alarms: Texts('what somebody should look at'),
};
const ORGANISATION_ROW = { name: Type.String(), title: Type.String(), created: Type.String() };
const MEMBER_ROW = {
  organisation: Type.String(),
  role: Type.Union(MEMBER_ROLES.map(role => Type.Literal(role))),
  countries: Texts('whose sources it may read of'),
  asns: Texts('AS numbers'),
  prefixes: Texts('CIDR'),
  created: Type.String(),
  revoked: Time('null: it is not'),
  expires: Time('when the last of its tokens ends; null if it has none'),
};
const READER_ROW = {
  role: Type.Union(['public', ...MEMBER_ROLES].map(role => Type.Literal(role))),
  organisation: Type.Union([Type.String(), Type.Null()]),
  countries: Texts('whose sources it may read of; an admin: all'),
  asns: Type.Array(Type.Integer(), { description: 'whose sources it may read of, in any country: AS numbers' }),
  prefixes: Texts('whose sources it may read of, in any country: CIDR'),
};
/** Of the public, which reads no records: none. */
const NO_SCOPE = { organisation: null, countries: [], asns: [], prefixes: [] };

export function readerRoute(app: FastifyInstance): void {
  listRoute(app, {
    url: '/v1/reader',
    summary: 'Who you are: one row',
    head: {},
    row: READER_ROW,
    answer: ({ request }) => {
      const reader = request.reader!;
      const { organisation, countries, asns, prefixes } = reader.role === 'public' ? NO_SCOPE : reader;
      return { head: {}, rows: [{ role: reader.role, organisation, countries, asns, prefixes }] };
    },
  });
}

export function adminLists(app: FastifyInstance, powers: ReadPowers, admin: AdminPowers): void {
  listRoute(app, {
    url: '/v1/sensors',
    takesToken: true,
    summary: 'Your sensors; of an admin all there ever were',
    head: {},
    row: SENSOR_ROW,
    problems: ['forbidden'],
    answer: question => sensors(viewFor(question, { what: 'sensors' }, powers, 'sensors'), admin),
  });
  listRoute(app, {
    url: '/v1/organisations',
    takesToken: true,
    summary: 'Organisations, by name; for admins',
    head: {},
    row: ORGANISATION_ROW,
    problems: ['forbidden'],
    answer: question =>
      asAdmin(question, admin, ({ registry }) => ({
        head: {},
        rows: registry
          .organisations()
          .map(({ name, title, createdMs }) => ({ name, title, created: timeText(createdMs) })),
      })),
  });
  listRoute(app, {
    url: '/v1/members',
    takesToken: true,
    summary: 'Members there ever were, by name; for admins',
    head: {},
    row: MEMBER_ROW,
    problems: ['forbidden'],
    answer: question => asAdmin(question, admin, ({ members }) => ({ head: {}, rows: members.list().map(memberRow) })),
  });
}

/** Throws `Unanswerable` for anybody else. */
function asAdmin({ request }: Question, admin: AdminPowers, answer: (readers: Readers) => Answer): Answer {
  const { role } = request.reader!;
  if (role === 'public') throw new Unanswerable('token');
  if (role !== 'admin') throw new Unanswerable('forbidden');
  return admin.look(answer);
}

function sensors({ owner }: SensorsView, admin: AdminPowers): Answer {
  const activity = admin.activity();
  const listed = admin.look(({ registry }) =>
    registry
      .sensors()
      .filter(sensor => owner === null || sensor.owner === owner)
      .map(sensor => ({ ...sensor, enrolled: registry.keys(sensor.index).length > 0 })),
  );
  const rows = listed.map(({ index, name, owner: of, economy, networks, createdMs, revokedMs, enrolled }): Row => {
    const heard = admin.heard(index);
    const { lastReceivedMs = null } = activity.get(index) ?? {};
    return {
      ...{ sensor: name, owner: of, economy, networks },
      state: revokedMs !== null ? 'revoked' : enrolled ? 'enrolled' : 'not enrolled',
      created: timeText(createdMs),
      lastBatch: lastReceivedMs === null ? null : timeText(lastReceivedMs),
      lastHeartbeat: heard === undefined ? null : timeText(heard.atMs),
      clockOffsetMs: heard?.clockOffsetMs ?? null,
      oldestUnshipped: heard?.oldestUnshipped ?? null,
      spooledRecords: heard?.spooledRecords ?? null,
      version: heard?.version ?? null,
      alarms: heard?.alarms ?? [],
    };
  });
  return { head: {}, rows };
}

const memberRow = ({
  organisation,
  role,
  countries,
  asns,
  prefixes,
  createdMs,
  revokedMs,
  expiresMs,
}: Member): Row => ({
  ...{ organisation, role, countries, asns: asns.map(String), prefixes },
  created: timeText(createdMs),
  revoked: revokedMs === null ? null : timeText(revokedMs),
  expires: expiresMs === null ? null : timeText(expiresMs),
});
