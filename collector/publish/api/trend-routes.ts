/** GET /v1/series and /v1/ranks. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { dateOf } from '../../reduce/result.ts';
import type { Subject } from '../../store/series.ts';
import type { DayRoutePowers } from './day-routes.ts';
import { type Answer, known, listRoute, PAGE_QUERY, paged, type Question, storeOf, viewFor } from './listing.ts';
import { DATE_PATTERN, parseCountry, parseDay, parseTarget } from './names.ts';
import { Unanswerable, wrongly } from './problems.ts';
import { RANK_ORDERS, RANK_PERIODS, RANK_TABLES, type RankQuestion, rankRows } from './ranks.ts';
import { dailyRows, hourlyRows, type Keyed } from './series.ts';
import { SHOWN, TABLES } from './tables.ts';

const hourlyDaysMax = 31;
const dailyDaysMax = 366;
/** Series of one question: a chart's, and some. */
const keysMax = 12;

const Day = (description: string) => Type.String({ pattern: `^${DATE_PATTERN}$`, description });
const oneOf = (values: readonly string[], description?: string) =>
  Type.Union(
    values.map(value => Type.Literal(value)),
    description === undefined ? {} : { description },
  );
const Nullable = (schema: ReturnType<typeof Type.Integer>) => Type.Union([schema, Type.Null()]);

const SERIES_QUERY = {
  table: oneOf(['total', 'ports', 'countries']),
  key: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9?:/]{2,16}(,[A-Za-z0-9?:/]{2,16})*$',
      maxLength: 17 * keysMax,
      description: `of ports: 23/tcp, 8/icmp, 3:1/icmp, 47/ip; of countries: JP; several with commas, at most ${keysMax}`,
    }),
  ),
  from: Day('first day'),
  to: Day('last day'),
  step: oneOf(['hour', 'day'], `hours: at most ${hourlyDaysMax} days; days: at most ${dailyDaysMax}`),
};

export function trendRoutes(app: FastifyInstance, options: DayRoutePowers): void {
  listRoute(app, {
    url: '/v1/series',
    summary: 'Hours or days of everything, of ports, or of countries; one after another',
    query: SERIES_QUERY,
    head: { table: Type.String(), key: Type.Union([Type.String(), Type.Null()]), step: Type.String() },
    row: {
      start: Type.String({ description: 'UTC, ISO 8601' }),
      packets: { ...Nullable(Type.Integer()), description: 'null where kept no longer' },
      sources: SHOWN.sources,
      meanPerSensor: SHOWN.meanPerSensor,
      key: Type.Union([Type.String(), Type.Null()], { description: 'whose row it is' }),
    },
    answer: question => series(question, options),
  });
  for (const table of RANK_TABLES)
    listRoute(app, {
      url: `/v1/ranks/${table}`,
      summary: `${TABLES[table].summary}, ranked over a day, a week, a month or a quarter`,
      query: {
        period: oneOf(RANK_PERIODS, 'weeks begin on Monday'),
        start: Day('any day of the period'),
        by: Type.Optional(oneOf(RANK_ORDERS, 'most of what first, packets unless given; sources are for members')),
        ...PAGE_QUERY,
      },
      head: { table: Type.String(), period: Type.String(), by: Type.String(), from: Type.String(), to: Type.String() },
      row: {
        rank: Type.Integer({ minimum: 1 }),
        previousRank: { ...Nullable(Type.Integer()), description: 'in the period before; null if it was not there' },
        ...TABLES[table].keys,
        ...SHOWN,
        sourceDays: { ...Nullable(Type.Integer()), description: "sum of the days' distinct sources" },
      },
      problems: ['cursor', 'no-day'],
      answer: question => ranks(question, table, options),
    });
}

async function series(question: Question, { powers, figures }: DayRoutePowers): Promise<Answer> {
  const query = question.query as {
    table: Subject['table'];
    key?: string;
    from: string;
    to: string;
    step: 'hour' | 'day';
  };
  const { table, key, step } = query;
  const view = viewFor(question, { what: 'series', step }, powers, 'whole', 'guarded');
  const store = storeOf(powers);
  const subjects = subjectsOf(table, key);
  const range = { from: known(parseDay(query.from), 'query', 'from'), to: known(parseDay(query.to), 'query', 'to') };
  const daysMax = step === 'hour' ? hourlyDaysMax : dailyDaysMax;
  if (range.to < range.from || range.to - range.from >= daysMax) throw wrongly('to');
  const head = { table, key: key ?? null, step };
  if (step === 'day') return { head, rows: await dailyRows(view, figures(), range, subjects) };
  if (view.kind !== 'whole') throw new Unanswerable('forbidden');
  return { head, rows: await hourlyRows(view, store, range, subjects) };
}

/** Throws `Unanswerable`. */
function subjectsOf(table: Subject['table'], key: string | undefined): Keyed[] {
  if (table === 'total') {
    if (key !== undefined) throw wrongly('key');
    return [{ key: null, subject: { table } }];
  }
  if (key === undefined) throw wrongly('key');
  const keys = key.split(',');
  if (keys.length > keysMax || new Set(keys).size < keys.length) throw wrongly('key');
  const parse = table === 'ports' ? parseTarget : parseCountry;
  return keys.map(one => ({ key: one, subject: { table, a: known(parse(one), 'query', 'key') } }));
}

async function ranks(
  question: Question,
  table: RankQuestion['table'],
  { powers, figures }: DayRoutePowers,
): Promise<Answer> {
  const {
    period,
    start,
    by = 'packets',
  } = question.query as Pick<RankQuestion, 'period'> & {
    start: string;
    by?: RankQuestion['by'];
  };
  const view = viewFor(question, { what: 'ranks' }, powers, 'whole', 'guarded');
  if (by === 'sources' && view.kind === 'guarded') throw new Unanswerable('token');
  const day = known(parseDay(start), 'query', 'start');
  const store = storeOf(powers);
  const { range, rows } = await rankRows(view, figures(), store, { table, period, by, day });
  if (rows.length === 0) throw new Unanswerable('no-day');
  const head = { table, period, by, from: dateOf(range.from), to: dateOf(range.to) };
  const days = store.daysWithRecords(range).map(({ date, revision }) => [date, revision]);
  const page = paged(rows, question.query, [table, period, by, days]);
  return { head, ...page, rows: page.rows.map(row => row()) };
}
