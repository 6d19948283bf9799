/** GET /v1/days, /v1/days/DATE, /v1/days/DATE/TABLE, /v1/days/DATE/files and /v1/days/DATE/exports. */
import { setImmediate as breathe } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { ALL_DAYS, type DayRange } from '../../store/query.ts';
import { type Revision, readRevisions } from '../../store/revisions.ts';
import { daysWithFiles, generatedMsOf } from '../exports/open.ts';
import { type AggregateView, PUBLIC_TABLES } from '../roles/roles.ts';
import { databaseOf } from './by-asn.ts';
import {
  DAY_HEAD,
  EXPORT_FILE,
  exportFiles,
  FILE,
  GEO,
  headOf,
  measureTables,
  scopeOf,
  stillOpen,
  tableFiles,
  tablesMade,
  totalRow,
  UNTIL,
} from './day-files.ts';
import { type DayFigures, type Figures, shown, stateOf } from './figures.ts';
import { FORMATS, type Format, type Row } from './formats.ts';
import { type Answer, known, listRoute, PAGE_QUERY, paged, type Question, storeOf, viewFor } from './listing.ts';
import {
  COUNTRY_PATTERN,
  DATE_PATTERN,
  parseCountry,
  parseDay,
  parseRange,
  parseTarget,
  TARGET_PATTERN,
} from './names.ts';
import { Unanswerable } from './problems.ts';
import type { ReadPowers } from './read-powers.ts';
import { sensorRows } from './sensors.ts';
import { timeText } from './series.ts';
import { DATE, SHOWN, TABLE_NAMES, type TableName, tableKeys, tableOf, tableRows } from './tables.ts';

/** Days of a request for tables: a page must not take seconds. */
const tableDaysMax = 31;
const listDaysMax = 4000;
const sensorDaysMax = 92;

const DAY_PARAM = { date: Type.String({ pattern: `^${DATE_PATTERN}$`, description: 'UTC, YYYY-MM-DD' }) };
const DAYS_PARAM = {
  date: Type.String({
    pattern: `^${DATE_PATTERN}(:${DATE_PATTERN})?$`,
    description: `UTC, YYYY-MM-DD, or YYYY-MM-DD:YYYY-MM-DD, at most ${tableDaysMax} days`,
  }),
};
const DAYS_QUERY = {
  date: Type.Optional(
    Type.String({ pattern: `^${DATE_PATTERN}(:${DATE_PATTERN})?$`, description: 'a day, or the first and the last' }),
  ),
};
const FILES_FORMAT = Type.Optional(
  Type.Union(
    FORMATS.map(format => Type.Literal(format)),
    { description: 'of the files' },
  ),
);
const FILES_LISTED = Type.Optional(
  Type.Union(
    [...FORMATS, 'none' as const].map(format => Type.Literal(format)),
    { description: 'list the files of this format (csv unless given), or none' },
  ),
);
/** What a revision changed; members alone see it. */
const CHANGED = Type.Object({
  from: Type.Integer({ description: 'the revision before' }),
  packetsBefore: Type.Integer(),
  packets: Type.Integer(),
  lateBatches: Type.Integer({ description: 'received since, of the day' }),
  lateRecords: Type.Integer(),
  leftOutBefore: Type.Integer({ description: 'sensors that an admin had left out' }),
  leftOut: Type.Integer({ description: '... and that are left out now' }),
});

/** Members alone see it, in JSON alone: not in a day's files, which stay what they were. */
const ASN_DATABASE = Type.Optional(
  Type.Union([Type.String(), Type.Null()], {
    description: 'of autonomous systems, with its date; null: the day was counted without one',
  }),
);

export interface DayRoutePowers {
  readonly powers: ReadPowers;
  readonly figures: () => Figures;
}

export function dayRoutes(app: FastifyInstance, { powers, figures }: DayRoutePowers): void {
  listRoute(app, {
    url: '/v1/days',
    summary: 'Days that can be read, ascending',
    description:
      'A closed day has its files with it, a revised one what changed. Size and SHA-256 are null of a file that was not made yet.',
    query: { ...DAYS_QUERY, ...PAGE_QUERY, files: FILES_LISTED },
    head: {},
    row: {
      ...{ ...DATE, ...DAY_HEAD, packets: SHOWN.packets },
      ...UNTIL,
      asnDatabase: ASN_DATABASE,
      changed: Type.Optional(CHANGED),
      files: Type.Optional(Type.Array(Type.Object(FILE))),
    },
    nested: ['until', 'asnDatabase', 'changed', 'files'],
    problems: ['cursor'],
    answer: question => listDays(question, powers, figures()),
  });
  listRoute(app, {
    url: '/v1/days/:date',
    summary: 'Totals of a day, or of each of several',
    params: DAYS_PARAM,
    head: {},
    row: { ...DATE, ...DAY_HEAD, ...SHOWN, ...GEO },
    problems: ['no-day'],
    answer: async question => {
      const view = viewFor(question, { what: 'total' }, powers, 'whole', 'guarded');
      const days = await daysOf(question, powers, figures(), view);
      return { head: {}, rows: days.map(day => totalRow(view, day)) };
    },
  });
  listRoute(app, {
    url: '/v1/days/:date/files',
    summary: "A closed day's files with their sizes and SHA-256",
    params: DAY_PARAM,
    query: { type: FILES_FORMAT },
    head: { ...DATE, ...DAY_HEAD },
    row: FILE,
    problems: ['no-day', 'open-day'],
    answer: question => listFiles(question, powers, figures()),
  });
  listRoute(app, {
    url: '/v1/days/:date/exports',
    takesToken: true,
    summary: "A closed day's exchange files for you, with their sizes and SHA-256 where they were made before",
    params: DAY_PARAM,
    head: { ...DATE, ...DAY_HEAD },
    row: EXPORT_FILE,
    problems: ['forbidden', 'no-day', 'open-day', 'no-sender'],
    answer: question => listExports(question, powers),
  });
  for (const name of TABLE_NAMES) tableRoute(app, name, powers, figures);
  sensorRoute(app, powers);
}

function tableRoute(app: FastifyInstance, name: TableName, powers: ReadPowers, figures: () => Figures): void {
  const table = tableOf(name);
  const choice = {
    ...(name === 'port-countries' && {
      port: Type.Optional(Type.String({ pattern: TARGET_PATTERN, description: '23/tcp, 8/icmp, 3:1/icmp, 47/ip' })),
      country: Type.Optional(
        Type.String({
          pattern: COUNTRY_PATTERN,
          description: 'only this country: ISO 3166-1 alpha-2, ?? unknown',
        }),
      ),
    }),
  };
  listRoute(app, {
    url: `/v1/days/:date/${name}`,
    summary: table.summary,
    takesToken: !(PUBLIC_TABLES as readonly string[]).includes(table.rows),
    params: DAYS_PARAM,
    query: { ...choice, ...PAGE_QUERY },
    head: { table: Type.String(), days: Type.Array(Type.Object({ ...DATE, ...DAY_HEAD, ...UNTIL, ...GEO })) },
    row: tableKeys(table),
    problems: ['no-day', 'cursor'],
    answer: async question => {
      const view = viewFor(question, { what: 'table', table: table.rows }, powers, 'whole', 'guarded');
      const chosen = choiceOf(question);
      const days = await daysOf(question, powers, figures(), view);
      let rows: (() => Row)[] = [];
      for (const day of days) {
        rows = rows.concat(tableRows(view, day, table, chosen));
        await breathe(); // others are answered by the same thread
      }
      const made = days.map(({ date, state, revision, geo }) => ({ date, state, revision, geo }));
      const page = paged(rows, question.query, [name, choice, made]); // an open day may grow from page to page
      return { head: { table: name, days: days.map(headOf) }, ...page, rows: page.rows.map(row => row()) };
    },
  });
}

function sensorRoute(app: FastifyInstance, powers: ReadPowers): void {
  const Packets = Type.Integer({ minimum: 0 });
  listRoute(app, {
    url: '/v1/days/:date/sensors',
    takesToken: true,
    summary: 'How complete the days of your sensors are',
    description: 'seen = packets + kernelDrops + interrupted + skipped + lostPackets',
    params: DAYS_PARAM,
    head: {},
    row: {
      ...{
        ...DATE,
        sensor: Type.String(),
        owner: Type.String(),
        packets: Packets,
        seen: Packets,
        kernelDrops: Packets,
      },
      ...{ interrupted: Packets, skipped: Packets, lostPackets: Packets },
      watched: Type.Number({ description: 'share of the day' }),
      excluded: Type.Boolean({ description: 'left out of all counts' }),
    },
    answer: question => {
      const view = viewFor(question, { what: 'sensors' }, powers, 'sensors');
      const range = known(parseRange(question.params.date!, sensorDaysMax), 'query', 'date');
      const registry = { sensors: powers.registry.sensors(), placements: powers.registry.placements() };
      return { head: {}, rows: sensorRows(view, storeOf(powers), range, registry) };
    },
  });
}

/** Of port-countries: rows of this port, or of this country, with the ranks that they have among all. */
function choiceOf({ query }: Question): ((name: { a: number; b: number }) => boolean) | undefined {
  const { port, country } = query as { port?: string; country?: string };
  if (port === undefined && country === undefined) return undefined;
  const target = port === undefined ? undefined : known(parseTarget(port), 'query', 'port');
  const code = country === undefined ? undefined : known(parseCountry(country), 'query', 'country');
  return ({ a, b }) => (target === undefined || b === target) && (code === undefined || a === code);
}

/** Those of the days asked for that the view has. Throws `Unanswerable` if it has none. */
async function daysOf(
  question: Question,
  powers: ReadPowers,
  figures: Figures,
  view: AggregateView,
): Promise<DayFigures[]> {
  storeOf(powers);
  const range = known(parseRange(question.params.date!, tableDaysMax), 'query', 'date');
  const days: DayFigures[] = [];
  for (const { day } of figures.days(view, range)) {
    const found = figures.day(view, day);
    if (found !== undefined) days.push(found);
    await breathe();
  }
  if (days.length === 0) throw new Unanswerable('no-day');
  return days;
}

async function listDays(question: Question, powers: ReadPowers, figures: Figures): Promise<Answer> {
  const view = viewFor(question, { what: 'days' }, powers, 'whole', 'guarded');
  const store = storeOf(powers);
  const { date, files: asked = 'csv' } = question.query as { date?: string; files?: Format | 'none' };
  const range: DayRange = date === undefined ? ALL_DAYS : known(parseRange(date, listDaysMax), 'query', 'date');
  const days = figures.days(view, range);
  const facts = asked === 'none' ? undefined : powers.digests.ofDays(scopeOf(view), range);
  const revisions =
    view.kind === 'whole' ? Map.groupBy(readRevisions(store.database, range), ({ day }) => day) : undefined;
  const { rows: page, ...rest } = paged(
    days.map(({ day }) => ({ day })),
    question.query,
    days.map(day => [day.day, day.revision]),
  );
  const heads = new Map(days.map(day => [day.day, day]));
  const leftOut = leftOutOf(store.excluded());
  const told: Row[] = [];
  for (const { day } of page) {
    const head = heads.get(day)!;
    const { date: name, revision } = head;
    const state = stateOf(head);
    if (view.kind !== 'whole') await breathe(); // others are answered by the same thread
    const open = view.kind === 'whole' && state === 'open' ? store.told(day) : undefined; // as it was when it was made last
    const packets = view.kind === 'whole' ? (open?.packets ?? head.packets) : publicPackets(view, figures, name);
    if (packets === undefined) continue; // too few sensors saw something
    const changed = state === 'revised' ? changeOf(revisions?.get(day), revision) : undefined;
    const isListed = asked !== 'none' && state !== 'open';
    const row = {
      ...{ date: name, state, revision, packets },
      ...(open !== undefined && { until: timeText(open.untilMs) }),
      ...(view.kind === 'whole' && { asnDatabase: databaseOf(store, day) }),
      ...(changed !== undefined && { changed }),
      ...(asked !== 'none' && {
        files: isListed
          ? tableFiles(view, { date: name, made: tablesMade(revision, leftOut.get(day) ?? []) }, asked, facts?.get(day))
          : [],
      }),
    };
    told.push(row as unknown as Row);
  }
  return { head: {}, rows: told, ...rest };
}

/** Sensors left out, by day. */
function leftOutOf(excluded: ReadonlySet<string>): Map<number, number[]> {
  const pairs = [...excluded].map(one => one.split(' ').map(Number) as [day: number, sensor: number]);
  return new Map([...Map.groupBy(pairs, ([day]) => day)].map(([day, list]) => [day, list.map(([, sensor]) => sensor)]));
}

/** Undefined if the revision before was closed before any was noted. */
function changeOf(revisions: readonly Revision[] = [], revision: number) {
  const at = revisions.findIndex(one => one.revision === revision);
  const [before, now] = [revisions[at - 1], revisions[at]];
  if (before === undefined || now === undefined) return undefined;
  return {
    from: before.revision,
    packetsBefore: before.packets,
    packets: now.packets,
    lateBatches: Math.max(0, now.batches - before.batches),
    lateRecords: Math.max(0, now.records - before.records),
    leftOutBefore: before.leftOut.length,
    leftOut: now.leftOut.length,
  };
}

function publicPackets(view: AggregateView, figures: Figures, date: string): number | undefined {
  const day = figures.day(view, parseDay(date)!);
  return day === undefined ? undefined : shown(view, day.total, day.total, day.coverage).packets;
}

/** Makes each file once, to measure it. */
async function listFiles(question: Question, powers: ReadPowers, figures: Figures): Promise<Answer> {
  const view = viewFor(question, { what: 'files' }, powers, 'whole', 'guarded');
  const store = storeOf(powers);
  const { type: format = 'csv' } = question.query as { type?: Format };
  const day = known(parseDay(question.params.date!), 'query', 'date');
  const found = known(figures.day(view, day), 'no-day');
  const { date, state, revision } = found;
  if (state === 'open') throw stillOpen(store, day);
  const made = tablesMade(revision, store.excludedOn(day));
  for (const _ of measureTables(view, found, { made, digests: powers.digests })) await breathe();
  const facts = powers.digests.ofDays(scopeOf(view), { from: day, to: day }).get(day);
  return { head: { date, state, revision }, rows: tableFiles(view, { date, made }, format, facts) };
}

/** Without making any: a day's records may take a minute to write. */
function listExports(question: Question, powers: ReadPowers): Answer {
  viewFor(question, { what: 'exports' }, powers, 'whole');
  const store = storeOf(powers);
  const day = known(parseDay(question.params.date!), 'query', 'date');
  const [head] = daysWithFiles(store, { from: day, to: day });
  const { date, revision } = known(head, 'no-day');
  const state = stateOf(head!);
  if (state === 'open') throw stillOpen(store, day);
  const sender = known(powers.sender, 'no-sender');
  const of = { day, date, revision, generatedMs: generatedMsOf(store, powers.registry, day) };
  const isGone = powers.reader.isExpired(day); // with its records
  const rows = isGone ? [] : exportFiles(question.request.reader!, of, sender, powers.digests);
  return { head: { date, state, revision }, rows };
}
