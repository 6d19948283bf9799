/**
 * GET /v1/port-kinds, /v1/port-asns, /v1/country-kinds, /v1/country-asns and /v1/rank-history: one port, or one country, over time;
 * and /v1/asns: all packets by AS.
 */
import type { FastifyInstance } from 'fastify';
import { type TProperties, type TSchema, Type } from 'typebox';
import { COUNTRY_KINDS, KINDS } from '../../reduce/day.ts';
import type { DayRange } from '../../store/query.ts';
import { ByAsns } from './by-asn.ts';
import { kindRows, type Subject } from './by-kind.ts';
import type { DayRoutePowers } from './day-routes.ts';
import { type Answer, known, listRoute, PAGE_QUERY, paged, type Question, storeOf, viewFor } from './listing.ts';
import { COUNTRY_PATTERN, DATE_PATTERN, parseCountry, parseDay, parseTarget, TARGET_PATTERN } from './names.ts';
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
const COUNTRY = { country: Type.String({ pattern: COUNTRY_PATTERN }) };
const DAYS = { from: Day('first day'), to: Day('last day') };
const ASN_COUNTS = {
  packets: SHOWN.packets,
  sources: Nullable(
    Type.Integer(),
    'distinct, of one day; of a day with more sources than are kept, scaled from a sample; null of several days',
  ),
};
const Dates = (description: string) => Type.Array(Type.String(), { description });

export function subjectRoutes(app: FastifyInstance, powers: DayRoutePowers): void {
  portRoutes(app, powers);
  countryRoutes(app, powers);
  allRoute(app, powers);
  historyRoute(app, powers);
}

function portRoutes(app: FastifyInstance, powers: DayRoutePowers): void {
  kindsRoute(app, powers, {
    subject: ({ port }) => ({ table: 'ports', key: port!, a: known(parseTarget(port!), 'query', 'port') }),
    table: 'portKinds',
    url: '/v1/port-kinds',
    summary: 'What the packets to a port were, day by day: by class and by the marks of tools',
    description: `At most ${kindDaysMax} days. Scan, backscatter and other sum to the port's packets; a packet may have several marks. Of Nmap there is none: it shows in several packets of a source.`,
    query: PORT,
    kinds: KINDS,
    kind: 'a class, or a tool whose mark the packets have',
    counts: {},
  });
  asnsRoute(app, powers, {
    subject: ({ port }) => ({ table: 'ports', key: port!, a: known(parseTarget(port!), 'query', 'port') }),
    table: 'portAsns',
    url: '/v1/port-asns',
    summary: 'From which autonomous systems the packets to a port came, over some days',
    description: `At most ${asnDaysMax} days. Of closed days, counted from the log soon after they are closed and kept for 90 days, where the collector has a database of autonomous systems.`,
    query: PORT,
    notCounted: 'days with packets to the port of which no AS is told',
    counts: { packets: SHOWN.packets },
    share: "of the port's packets on the days counted, 0 to 1",
  });
}

function countryRoutes(app: FastifyInstance, powers: DayRoutePowers): void {
  const subject = ({ country }: Readonly<Record<string, string>>): Subject => ({
    ...{ table: 'countries', key: country!, a: known(parseCountry(country!), 'query', 'country') },
  });
  kindsRoute(app, powers, {
    subject,
    table: 'countryKinds',
    url: '/v1/country-kinds',
    summary: 'What the packets from a country were, day by day: by class and by tool',
    description: `At most ${kindDaysMax} days. Scan, backscatter and other sum to the country's packets; a packet may have the marks of several tools. Nmap's are those of sources confirmed to use it.`,
    query: COUNTRY,
    kinds: COUNTRY_KINDS,
    kind: 'a class, or a tool',
    counts: {
      sources: Nullable(
        Type.Integer(),
        "distinct; a tool's once two packets confirmed it; of a day with more sources than are kept, scaled from a sample; null for a day counted before kinds were counted",
      ),
    },
  });
  asnsRoute(app, powers, {
    subject,
    table: 'countryAsns',
    url: '/v1/country-asns',
    summary: 'From which autonomous systems the packets from a country came, over some days',
    description: `At most ${asnDaysMax} days, where the collector has a database of autonomous systems. Open days too.`,
    query: COUNTRY,
    notCounted: 'days with packets from the country of which no AS is told',
    counts: ASN_COUNTS,
    share: "of the country's packets on the days counted, 0 to 1",
  });
}

/** Of days with any number of ASes: by pages. */
function allRoute(app: FastifyInstance, powers: DayRoutePowers): void {
  asnsRoute(app, powers, {
    subject: () => undefined,
    table: 'asns',
    url: '/v1/asns',
    summary: 'From which autonomous systems all packets came, over some days',
    description: `At most ${asnDaysMax} days, where the collector has a database of autonomous systems. Open days too.`,
    query: {},
    paging: PAGE_QUERY,
    notCounted: 'days with packets of which no AS is told',
    counts: ASN_COUNTS,
    share: 'of all packets on the days counted, 0 to 1',
  });
}

interface SubjectRoute {
  /** Whoever may see this table may ask (roles.ts). */
  readonly table: string;
  readonly url: string;
  readonly summary: string;
  readonly description: string;
  readonly query: TProperties;
  /** Keys of rows between what they are of and their means. */
  readonly counts: TProperties;
}

interface KindsRoute extends SubjectRoute {
  /** Of the query; throws `Unanswerable`. */
  readonly subject: (query: Readonly<Record<string, string>>) => Subject;
  readonly kinds: readonly string[];
  /** What a kind is. */
  readonly kind: string;
}

function kindsRoute(app: FastifyInstance, { powers, figures }: DayRoutePowers, route: KindsRoute): void {
  const { table, url, summary, description, query, kinds, kind, counts, subject } = route;
  const named = namesOf(query);
  listRoute(app, {
    ...{ url, takesToken: true, summary, description, query: { ...query, ...DAYS }, head: named },
    row: {
      start: Type.String({ description: 'UTC, ISO 8601' }),
      ...named,
      kind: oneOf(kinds, kind),
      packets: Nullable(Type.Integer(), 'null for a day counted before kinds were counted'),
      ...counts,
      meanPerSensor: SHOWN.meanPerSensor,
    },
    answer: async question => {
      const view = viewFor(question, { what: 'table', table }, powers, 'whole');
      storeOf(powers);
      const one = subject(question.query as Record<string, string>);
      const rows = await kindRows(view, figures(), rangeOf(question, kindDaysMax), one);
      return { head: headOf(question, named), rows };
    },
  });
}

interface AsnsRoute extends SubjectRoute {
  /** Of the query, throws `Unanswerable`; undefined: all packets. */
  readonly subject: (query: Readonly<Record<string, string>>) => Subject | undefined;
  /** Undefined: all rows at once. */
  readonly paging?: typeof PAGE_QUERY;
  /** What these days are. */
  readonly notCounted: string;
  /** What the share is of. */
  readonly share: string;
}

function asnsRoute(app: FastifyInstance, { powers, figures }: DayRoutePowers, route: AsnsRoute): void {
  const { table, url, summary, description, query, paging = {}, counts, subject } = route;
  const named = namesOf(query);
  let byAsns: ByAsns | undefined;
  listRoute(app, {
    ...{ url, takesToken: true, summary, description, query: { ...query, ...DAYS, ...paging } },
    head: {
      ...named,
      asns: Type.Integer({ description: 'autonomous systems in all, without 0' }),
      counted: Dates('days that the rows are of'),
      notCounted: Dates(route.notCounted),
      database: Nullable(Type.String(), 'of autonomous systems, with its date'),
    },
    row: {
      ...RANK,
      ...named,
      asn: Type.Integer({ description: '0 unknown' }),
      ...counts,
      meanPerSensor: SHOWN.meanPerSensor,
      share: Type.Number({ description: route.share }),
    },
    answer: async question => {
      const view = viewFor(question, { what: 'table', table }, powers, 'whole');
      byAsns ??= new ByAsns(figures(), storeOf(powers));
      const one = subject(question.query as Record<string, string>);
      const range = rangeOf(question, asnDaysMax);
      const { rows, ...days } = await byAsns.rows(view, range, one);
      const head = { ...headOf(question, named), asns: rows.filter(({ asn }) => asn !== 0).length, ...days };
      const packets = rows.reduce((sum, row) => sum + (row.packets as number), 0);
      return { head, ...paged(rows, question.query, [head, range, packets]) }; // an open day may grow from page to page
    },
    ...(route.paging !== undefined && { problems: ['cursor'] as const }),
  });
}

/** The same keys, as answers have them. */
const namesOf = (query: TProperties): TProperties =>
  Object.fromEntries(Object.keys(query).map(key => [key, Type.String()]));
const headOf = ({ query }: Question, named: TProperties): Record<string, string> =>
  Object.fromEntries(Object.keys(named).map(key => [key, query[key] as string]));

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
