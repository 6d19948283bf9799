/** GET /v1/economies, /v1/domestic, /v1/domestic/ports and /v1/days/DATE/port-sensors: figures by where, and by which sensor. */
import type { FastifyInstance } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { isEconomy } from '../names.ts';
import type { DayRoutePowers } from './day-routes.ts';
import { Domestic, SIDES } from './domestic.ts';
import { type Answer, known, listRoute, type Question, storeOf, viewFor } from './listing.ts';
import { DATE_PATTERN, parseDay, parseRange, parseTarget, TARGET_PATTERN } from './names.ts';
import { PortSensors } from './port-sensors.ts';
import { Unanswerable, wrongly } from './problems.ts';
import { SensorPorts } from './sensor-ports.ts';
import { DATE, SHOWN, TABLES } from './tables.ts';

const seriesDaysMax = 366;
const portDaysMax = 31;
/** Days before the last one whose sensors' economies can be asked for. */
const economyDays = 31;
const rowsMax = 1000;
const rowsDefault = 20;

const Day = (description: string) => Type.String({ pattern: `^${DATE_PATTERN}$`, description });
const Nullable = (schema: TSchema, description: string) => Type.Union([schema, Type.Null()], { description });
const Limit = (of: string) =>
  Type.Optional(
    Type.Integer({ minimum: 1, maximum: rowsMax, description: `rows of ${of}, ${rowsDefault} unless given` }),
  );

const SIDE = Type.Union(
  SIDES.map(side => Type.Literal(side)),
  { description: 'sensors that stand in the economy, and all others' },
);
const SPLIT_QUERY = {
  economy: Type.String({ pattern: '^[A-Z]{2}$', description: 'ISO 3166-1 alpha-2' }),
  from: Day('first day'),
  to: Day('last day'),
};
const OF_PUBLIC =
  'The public sees one economy against the rest: of a day that with the most sensors, if both sides have enough of them.';

export function splitRoutes(app: FastifyInstance, options: DayRoutePowers): void {
  const { powers, figures } = options;
  let made: { domestic: Domestic; ports: PortSensors } | undefined;
  const splits = () => {
    const store = storeOf(powers);
    if (made === undefined) {
      const ports = new SensorPorts(store);
      const placements = () => powers.registry.placements();
      made = {
        domestic: new Domestic(store, { placements, figures: figures(), ports }),
        ports: new PortSensors(store, ports),
      };
    }
    return made;
  };
  listRoute(app, {
    url: '/v1/economies',
    summary: 'Economies that sensors stood in lately',
    description: OF_PUBLIC,
    head: {},
    row: { economy: Type.String(), sensors: Nullable(Type.Integer(), 'that counted something; null for the public') },
    answer: question => {
      const view = viewFor(question, { what: 'total' }, powers, 'whole', 'guarded');
      const last = figures().days(view, { from: 0, to: Number.MAX_SAFE_INTEGER }).at(-1);
      if (last === undefined) return { head: {}, rows: [] };
      return { head: {}, rows: splits().domestic.economies(view, { from: last.day - economyDays + 1, to: last.day }) };
    },
  });
  listRoute(app, {
    url: '/v1/domestic',
    summary: 'Sensors of one economy against all others, day by day',
    description: OF_PUBLIC,
    query: SPLIT_QUERY,
    head: { economy: Type.String() },
    row: {
      start: Type.String({ description: 'UTC, ISO 8601' }),
      side: SIDE,
      sensors: Nullable(Type.Integer(), 'that counted something; null for the public'),
      packets: SHOWN.packets,
      meanPerSensor: SHOWN.meanPerSensor,
      sources: Nullable(Type.Number(), 'distinct, of one sensor in the mean; null for the public'),
    },
    answer: async question => {
      const view = viewFor(question, { what: 'series', step: 'day' }, powers, 'whole', 'guarded');
      const { economy, range } = splitOf(question, seriesDaysMax);
      return { head: { economy }, rows: splits().domestic.series(view, range, economy) };
    },
  });
  listRoute(app, {
    url: '/v1/domestic/ports',
    summary: 'Busiest ports of the sensors of one economy, and of all others',
    description: OF_PUBLIC,
    query: { ...SPLIT_QUERY, limit: Limit('each side') },
    head: { economy: Type.String() },
    row: {
      side: SIDE,
      rank: Type.Integer({ minimum: 1 }),
      ...TABLES.ports.keys,
      ...{ packets: SHOWN.packets, meanPerSensor: SHOWN.meanPerSensor, share: SHOWN.share },
    },
    answer: async question => {
      const view = viewFor(question, { what: 'table', table: 'ports' }, powers, 'whole', 'guarded');
      const { economy, range } = splitOf(question, portDaysMax);
      const { limit = rowsDefault } = question.query as { limit?: number };
      return { head: { economy }, rows: await splits().domestic.ports(view, range, economy, limit) };
    },
  });
  portSensorRoute(app, options, () => splits().ports);
}

function splitOf({ query }: Question, daysMax: number) {
  const { economy, from, to } = query as { economy: string; from: string; to: string };
  if (!isEconomy(economy)) throw wrongly('economy');
  const range = { from: known(parseDay(from), 'query', 'from'), to: known(parseDay(to), 'query', 'to') };
  if (range.to < range.from || range.to - range.from >= daysMax) throw wrongly('to');
  return { economy, range };
}

function portSensorRoute(app: FastifyInstance, { powers }: DayRoutePowers, ports: () => PortSensors): void {
  const Packets = Type.Integer({ minimum: 0 });
  listRoute(app, {
    url: '/v1/days/:date/port-sensors',
    takesToken: true,
    summary: 'Which sensors saw a port, or which ports a sensor saw',
    description:
      'Give port or sensor. Your own sensors are named; all others together are one row without a name. Of closed days the thousand busiest ports of each sensor are kept.',
    params: {
      date: Type.String({
        pattern: `^${DATE_PATTERN}(:${DATE_PATTERN})?$`,
        description: `UTC, YYYY-MM-DD, or YYYY-MM-DD:YYYY-MM-DD, at most ${portDaysMax} days`,
      }),
    },
    query: {
      port: Type.Optional(Type.String({ pattern: TARGET_PATTERN, description: '23/tcp, 8/icmp, 3:1/icmp, 47/ip' })),
      sensor: Type.Optional(Type.String({ maxLength: 64, description: 'one of your sensors' })),
      limit: Limit("a sensor's day"),
    },
    head: {},
    row: {
      ...DATE,
      ...TABLES.ports.keys,
      sensor: Nullable(Type.String(), 'null: all sensors that are not yours'),
      owner: Nullable(Type.String(), 'its organisation'),
      economy: Nullable(Type.String(), 'where it stands'),
      sensors: Type.Integer({ description: 'that counted anything: 1, or those that are not yours' }),
      seenBy: Type.Integer({ description: 'of them, those that saw the port' }),
      packets: Packets,
      all: { ...Packets, description: 'packets to all ports' },
      busiest: Type.Number({ description: 'part of the packets that the busiest of them had' }),
    },
    problems: ['forbidden', 'no-sensor'],
    answer: question => portSensors(question, { powers }, ports),
  });
}

const NOBODY = { index: -1, name: '' };

async function portSensors(
  question: Question,
  { powers }: Pick<DayRoutePowers, 'powers'>,
  ports: () => PortSensors,
): Promise<Answer> {
  const view = viewFor(question, { what: 'sensors' }, powers, 'sensors');
  const { port, sensor, limit = rowsDefault } = question.query as { port?: string; sensor?: string; limit?: number };
  if ((port === undefined) === (sensor === undefined)) throw new Unanswerable('query');
  const range = known(parseRange(question.params.date!, portDaysMax), 'query', 'date');
  storeOf(powers);
  const registered = { sensors: powers.registry.sensors(), placements: powers.registry.placements() };
  if (port !== undefined)
    return { head: {}, rows: await ports().ofPort(view, range, known(parseTarget(port), 'query', 'port'), registered) };
  // Whoever guesses is not told which names there are: of one that is nobody's, the same is looked up as of another's.
  const found = registered.sensors.find(({ name }) => name === sensor);
  const rows = await ports().ofSensor(view, range, found ?? NOBODY, limit, registered);
  return { head: {}, rows: known(found && rows, 'no-sensor') };
}
