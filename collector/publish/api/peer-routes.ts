/**
 * What peers and imports say, beside our own and labelled: GET /v1/peers, /v1/peers/NAME/days and their tables, and
 * /v1/compare/DATE/TABLE, the busiest of all of them side by side. Of a source that this reader does not see, and of one that
 * there is not, the same is said.
 */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { isShownTo, type Source, type SourceDay, TROUBLES } from '../../peer/peers.ts';
import type { KeptTable } from '../../peer/schema.ts';
import { countryCode, dateOf } from '../../reduce/result.ts';
import { COMPARE_TABLES, type CompareTable, compareAll } from './compare.ts';
import type { DayRoutePowers } from './day-routes.ts';
import type { Row } from './formats.ts';
import { known, listRoute, PAGE_QUERY, paged, type Question, viewFor } from './listing.ts';
import { DATE_PATTERN, parseRange } from './names.ts';
import { Unanswerable } from './problems.ts';
import type { ReadPowers } from './read-powers.ts';
import { DATE, RANK, SHOWN, tableOf, targetRow } from './tables.ts';

const tableDaysMax = 31;
const listDaysMax = 4000;
const topDefault = 10;
const topMax = 100;

const Nullable = (schema: ReturnType<typeof Type.String>) => Type.Union([schema, Type.Null()]);
const NAME_PARAM = { name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,31}$', description: 'of GET /v1/peers' }) };
const DAYS_PARAM = {
  date: Type.String({
    pattern: `^${DATE_PATTERN}(:${DATE_PATTERN})?$`,
    description: `UTC, YYYY-MM-DD, or YYYY-MM-DD:YYYY-MM-DD, at most ${tableDaysMax} days`,
  }),
};
const KIND = Type.Union([Type.Literal('peer'), Type.Literal('import')], {
  description: 'peer: another collector, as it says; import: files of another system, counted here',
});
const VIEW = {
  view: Type.Union([Type.Literal('whole'), Type.Literal('guarded')], {
    description: 'guarded: rounded, its top rows alone, as its public gets them',
  }),
};
const TIME = 'UTC, ISO 8601';
const DAY = {
  ...{ ...DATE, revision: Type.Integer({ minimum: 1 }), ...VIEW, ...SHOWN },
  ...{ geo: Type.String({ description: 'database of countries' }), built: Type.String() },
  taken: Type.String({ description: `when it came here: ${TIME}` }),
};
/** By their names in paths: as of our own days. */
const TABLES = { ports: 'ports', countries: 'countries', 'port-countries': 'portCountries' } as const satisfies Record<
  string,
  KeptTable
>;

export function peerRoutes(app: FastifyInstance, { powers, figures }: DayRoutePowers): void {
  listRoute(app, {
    url: '/v1/peers',
    summary: 'Other observatories whose figures are kept here, and how fresh they are',
    head: {},
    row: {
      ...{ name: Type.String(), kind: KIND, ...VIEW, days: Type.Integer({ minimum: 0 }) },
      ...{ from: Nullable(Type.String()), to: Nullable(Type.String()) },
      pulled: Nullable(Type.String({ description: `when a peer was last read to its end: ${TIME}` })),
      trouble: Type.Union([...TROUBLES.map(trouble => Type.Literal(trouble)), Type.Null()], {
        description: 'why it was not, since',
      }),
    },
    answer: question => ({ head: {}, rows: sourcesFor(question, powers).map(source => sourceRow(source, powers)) }),
  });
  daysRoute(app, powers);
  for (const [path, name] of Object.entries(TABLES)) tableRoute(app, path as keyof typeof TABLES, name, powers);
  for (const table of COMPARE_TABLES) compareRoute(app, table, { powers, figures });
}

function daysRoute(app: FastifyInstance, powers: ReadPowers): void {
  const range = Type.Optional(Type.String({ pattern: `^${DATE_PATTERN}(:${DATE_PATTERN})?$` }));
  listRoute(app, {
    url: '/v1/peers/:name/days',
    summary: 'Totals of the days of a peer or an import, ascending',
    params: NAME_PARAM,
    query: { date: range, ...PAGE_QUERY },
    head: { name: Type.String(), kind: KIND },
    row: DAY,
    problems: ['no-peer', 'cursor'],
    answer: question => {
      const source = sourceFor(question, powers);
      const { date } = question.query as { date?: string };
      const asked = date === undefined ? undefined : known(parseRange(date, listDaysMax), 'query', 'date');
      const days = powers.peers()!.days(source, asked?.from, asked?.to);
      const of = days.map(({ day, revision, takenMs }) => [day, revision, takenMs]);
      return { head: headOf(source), ...paged(days.map(dayRow), question.query, of) };
    },
  });
}

function tableRoute(app: FastifyInstance, path: keyof typeof TABLES, name: KeptTable, powers: ReadPowers): void {
  const { keys, summary } = tableOf(path);
  const day = { ...DATE, revision: Type.Integer(), ...VIEW, complete: Type.Boolean(), taken: Type.String() };
  listRoute(app, {
    url: `/v1/peers/:name/days/:date/${path}`,
    summary: `${summary}, as a peer says or as an import was counted`,
    params: { ...NAME_PARAM, ...DAYS_PARAM },
    query: PAGE_QUERY,
    head: { name: Type.String(), kind: KIND, table: Type.String(), days: Type.Array(Type.Object(day)) },
    row: { ...DATE, ...RANK, ...keys, ...SHOWN },
    problems: ['no-peer', 'no-day', 'cursor'],
    answer: question => {
      const source = sourceFor(question, powers);
      const { from, to } = known(parseRange(question.params.date!, tableDaysMax), 'query', 'date');
      const heads: Row[] = [];
      const rows: Row[] = [];
      for (const one of powers.peers()!.days(source, from, to)) {
        const table = powers.peers()!.table(source, one.day, name);
        if (table === undefined) continue;
        const { date, revision, view, taken } = dayRow(one);
        heads.push({ date: date!, revision: revision!, view: view!, complete: table.complete, taken: taken! });
        for (const [n, { a, b, ...figures }] of table.cells.entries())
          rows.push({ date: date!, rank: n + 1, ...nameRow(name, a, b), ...figures });
      }
      if (heads.length === 0) throw new Unanswerable('no-day');
      return {
        head: { ...headOf(source), table: path, days: heads },
        ...paged(rows, question.query, [source.name, path, heads]),
      };
    },
  });
}

function compareRoute(app: FastifyInstance, table: CompareTable, { powers, figures }: DayRoutePowers): void {
  const source = Type.Object({
    ...{ name: Type.String(), kind: Type.Union([Type.Literal('own'), KIND]), ...VIEW },
    ...{ days: Type.Integer(), complete: Type.Boolean(), packets: Type.Integer() },
    ...{ geo: Nullable(Type.String()), built: Nullable(Type.String()), taken: Nullable(Type.String()) },
    to: Nullable(Type.String({ description: 'its last day here, whatever days were asked for' })),
  });
  listRoute(app, {
    url: `/v1/compare/:date/${table}`,
    summary: `${tableOf(table).summary}: the busiest of our own and of each peer and import, side by side`,
    description:
      'Closed days alone. A row is one source’s figure of one name; names are those among the busiest of any source. Packets are ' +
      'summed over the days that the source has, share is of all its packets on them, meanPerSensor the mean of those days. Where ' +
      'a source’s tables are cut short, what it left out counts as nothing.',
    params: DAYS_PARAM,
    query: {
      top: Type.Optional(Type.Integer({ minimum: 1, maximum: topMax, description: `${topDefault} unless given` })),
    },
    head: { from: Type.String(), to: Type.String(), table: Type.String(), sources: Type.Array(source) },
    row: { source: Type.String(), ...RANK, ...tableOf(table).keys, ...pick(SHOWN) },
    problems: ['no-day'],
    answer: async question => {
      const { top = topDefault } = question.query as { top?: number };
      const range = known(parseRange(question.params.date!, tableDaysMax), 'query', 'date');
      const view = viewFor(question, { what: 'table', table }, powers, 'whole', 'guarded');
      const own = powers.store() === undefined ? undefined : { figures: figures(), view };
      const peers = { of: powers.peers(), sources: sourcesFor(question, powers) };
      const { sources, rows } = await compareAll({ table, range, top, own, peers });
      if (sources.every(({ days }) => days === 0)) throw new Unanswerable('no-day');
      const head = { from: dateOf(range.from), to: dateOf(range.to), table, sources };
      return {
        head,
        rows: rows.map(({ a, source: name, ...rest }) => ({ source: name, ...nameRow(table, a, 0), ...rest })),
      };
    },
  });
}

const pick = ({ packets, meanPerSensor, share }: typeof SHOWN) => ({ packets, meanPerSensor, share });

const sourcesFor = ({ request }: Pick<Question, 'request'>, powers: ReadPowers): Source[] =>
  (powers.peers()?.sources() ?? []).filter(source => isShownTo(request.reader!.role, source));

/** Throws `Unanswerable`. */
function sourceFor(question: Question, powers: ReadPowers): Source {
  const source = powers.peers()?.source(question.params.name!);
  return known(
    source !== undefined && isShownTo(question.request.reader!.role, source) ? source : undefined,
    'no-peer',
  );
}

const headOf = ({ name, kind }: Source) => ({ name, kind });

function sourceRow(source: Source, powers: ReadPowers): Row {
  const { name, kind, tokenFile, doneMs, trouble } = source;
  const days = powers.peers()!.days(source);
  return {
    ...{ name, kind, view: kind === 'peer' && tokenFile === null ? 'guarded' : 'whole', days: days.length },
    from: days.length === 0 ? null : dateOf(days[0]!.day),
    to: days.length === 0 ? null : dateOf(days.at(-1)!.day),
    ...{ pulled: doneMs === null ? null : timeOf(doneMs), trouble },
  };
}

const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)}Z`;

const dayRow = ({ day, revision, guarded, geo, takenMs, ...counts }: SourceDay): Row => ({
  ...{
    date: dateOf(day),
    revision,
    view: guarded ? 'guarded' : 'whole',
    ...counts,
    share: counts.packets === 0 ? 0 : 1,
  },
  ...{ geo: geo.name, built: geo.built, taken: timeOf(takenMs) },
});

function nameRow(table: KeptTable, a: number, b: number): Row {
  if (table === 'ports') return targetRow(a);
  return table === 'countries' ? { country: countryCode(a) } : { ...targetRow(b), country: countryCode(a) };
}
