/** GET /v1/port-kinds, /v1/port-asns and /v1/rank-history: one port, or one country, over time. */
import type { FastifyInstance } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { KINDS } from '../../reduce/day.ts';
import type { DayRange } from '../../store/query.ts';
import type { DayRoutePowers } from './day-routes.ts';
import { type Answer, known, listRoute, type Question, storeOf, viewFor } from './listing.ts';
import { DATE_PATTERN, parseCountry, parseDay, parseTarget, TARGET_PATTERN } from './names.ts';
import { portAsns, portKindRows } from './port-kinds.ts';
import { Unanswerable, wrongly } from './problems.ts';
import { periodsOf, RankHistory, ranksMost } from './rank-history.ts';
import { RANK_PERIODS, RANK_TABLES, type RankPeriod, type RankTable } from './ranks.ts';
import { RANK, SHOWN } from './tables.ts';

const kindDaysMax = 366;
const asnDaysMax = 92;
const periodsMax = 92;

const Day = (description: string) => Type.String({ pattern: `^${DATE_PATTERN}$`, description });
const oneOf = (values: readonly string[], description: string) =>
  Type.Union(
    values.map(value => Type.Literal(value)),
    { description },
  );
const Nullable = (schema: TSchema, description: string) => Type.Union([schema, Type.Null()], { description });

const PORT = { port: Type.String({ pattern: TARGET_PATTERN, description: '23/tcp, 8/icmp, 3:1/icmp, 47/ip' }) };
const DAYS = { from: Day('first day'), to: Day('last day') };
const Dates = (description: string) => Type.Array(Type.String(), { description });

export function portRoutes(app: FastifyInstance, { powers, figures }: DayRoutePowers): void {
  listRoute(app, {
    url: '/v1/port-kinds',
    takesToken: true,
    summary: 'What the packets to a port were, day by day: by class and by the marks of tools',
    description: `At most ${kindDaysMax} days. Scan, backscatter and other sum to the port's packets; a packet may have several marks. Of Nmap there is none: it shows in several packets of a source.`,
    query: { ...PORT, ...DAYS },
    head: { port: Type.String() },
    row: {
      start: Type.String({ description: 'UTC, ISO 8601' }),
      port: Type.String(),
      kind: oneOf(KINDS, 'a class, or a tool whose mark the packets have'),
      packets: Nullable(Type.Integer(), 'null of a day counted before kinds were'),
      meanPerSensor: SHOWN.meanPerSensor,
    },
    answer: async question => {
      const view = viewFor(question, { what: 'table', table: 'portKinds' }, powers, 'whole');
      storeOf(powers);
      const { port } = question.query as { port: string };
      const target = known(parseTarget(port), 'query', 'port');
      const range = rangeOf(question, kindDaysMax);
      return { head: { port }, rows: await portKindRows(view, figures(), range, port, target) };
    },
  });
  listRoute(app, {
    url: '/v1/port-asns',
    takesToken: true,
    summary: 'From which autonomous systems the packets to a port came, over some days',
    description: `At most ${asnDaysMax} days. Of closed days, counted from the log soon after they are closed and kept for 90 days, where the collector has a database of autonomous systems.`,
    query: { ...PORT, ...DAYS },
    head: {
      port: Type.String(),
      counted: Dates('days that the rows are of'),
      notCounted: Dates('days with packets to the port of which no AS is told'),
      database: Nullable(Type.String(), 'of autonomous systems, with its date'),
    },
    row: {
      ...RANK,
      port: Type.String(),
      asn: Type.Integer({ description: '0 unknown' }),
      packets: SHOWN.packets,
      meanPerSensor: SHOWN.meanPerSensor,
      share: Type.Number({ description: "of the port's packets on the days counted, 0 to 1" }),
    },
    answer: async question => {
      const view = viewFor(question, { what: 'table', table: 'portAsns' }, powers, 'whole');
      const store = storeOf(powers);
      const { port } = question.query as { port: string };
      const target = known(parseTarget(port), 'query', 'port');
      const range = rangeOf(question, asnDaysMax);
      const { rows, ...days } = await portAsns(view, { figures: figures(), store }, range, port, target);
      return { head: { port, ...days }, rows };
    },
  });
  historyRoute(app, { powers, figures });
}

function historyRoute(app: FastifyInstance, { powers, figures }: DayRoutePowers): void {
  let history: RankHistory | undefined;
  listRoute(app, {
    url: '/v1/rank-history',
    summary: 'The ranks that a port or a country had, by day, week, month or quarter',
    description: `At most ${periodsMax} periods. By packets. A rank is told up to ${ranksMost}, to the public as far as a table is shown.`,
    query: {
      table: oneOf(RANK_TABLES, 'what is ranked'),
      key: Type.String({ pattern: '^[A-Za-z0-9?:/]{2,16}$', description: '23/tcp, 8/icmp; or a country: JP' }),
      period: oneOf(RANK_PERIODS, 'weeks begin on Monday'),
      ...DAYS,
    },
    head: { table: Type.String(), key: Type.String(), period: Type.String() },
    row: {
      start: Type.String({ description: 'first day of the period' }),
      end: Type.String({ description: 'last day of the period' }),
      key: Type.String(),
      counted: Type.Boolean({ description: 'false where nothing is shown of the period' }),
      rank: Nullable(Type.Integer({ minimum: 1 }), 'null if it was not among the busiest'),
      packets: Nullable(Type.Integer(), 'null without a rank'),
      meanPerSensor: SHOWN.meanPerSensor,
      share: Nullable(Type.Number(), 'of all packets, 0 to 1; null without a rank'),
    },
    answer: async question => {
      const view = viewFor(question, { what: 'ranks' }, powers, 'whole', 'guarded');
      history ??= new RankHistory(figures(), storeOf(powers));
      return historyOf(question, rows => history!.rows(view, rows.key, rows));
    },
  });
}

type Asked = Parameters<RankHistory['rows']>[2] & { readonly key: string };

async function historyOf(question: Question, rowsOf: (asked: Asked) => Promise<Answer['rows']>): Promise<Answer> {
  const { table, key, period } = question.query as { table: RankTable; key: string; period: RankPeriod };
  const a = known((table === 'ports' ? parseTarget : parseCountry)(key), 'query', 'key');
  const range = rangeOf(question, periodsMax * DAYS_OF[period]);
  if (periodsOf({ period, range }).length > periodsMax) throw new Unanswerable('query');
  return { head: { table, key, period }, rows: await rowsOf({ table, a, key, period, range }) };
}

/** The longest that a period can be. */
const DAYS_OF: Record<RankPeriod, number> = { day: 1, week: 7, month: 31, quarter: 92 };

/** Throws `Unanswerable`. */
function rangeOf({ query }: Question, daysMax: number): DayRange {
  const { from, to } = query as { from: string; to: string };
  const range = { from: known(parseDay(from), 'query', 'from'), to: known(parseDay(to), 'query', 'to') };
  if (range.to < range.from || range.to - range.from >= daysMax) throw wrongly('to');
  return range;
}
