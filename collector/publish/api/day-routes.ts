/** GET /v1/days, /v1/days/DATE, /v1/days/DATE/TABLE and /v1/days/DATE/files. */
import { createHash } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { ALL_DAYS, type DayRange } from '../../store/query.ts';
import { type AggregateView, PUBLIC_TABLES } from '../roles/roles.ts';
import { type DayFigures, type Figures, shown, stateOf } from './figures.ts';
import { FORMATS, type Format, MEDIA_TYPES, type Row, textOf } from './formats.ts';
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
import { DATE, SHOWN, TABLE_NAMES, type TableName, tableKeys, tableOf, tableRows } from './tables.ts';

/** Days of a request for tables: a page must not take seconds. */
const tableDaysMax = 31;
const listDaysMax = 4000;
const sensorDaysMax = 92;
/** Sizes and digests of files of closed days that are remembered. */
const filesKeptMax = 20_000;

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
const DAY_HEAD = {
  state: Type.Union([Type.Literal('open'), Type.Literal('closed'), Type.Literal('revised')], {
    description: 'open: still counted; closed: revision 1; revised: closed again after late data, revision 2 or later',
  }),
  revision: Type.Integer({ minimum: 1 }),
};
const GEO = { geo: Type.String({ description: 'database of countries' }), built: Type.String() };
const FILE = {
  name: Type.String(),
  url: Type.String(),
  type: Type.String(),
  size: Type.Union([Type.Integer(), Type.Null()], { description: 'bytes; null: not known yet' }),
  sha256: Type.Union([Type.String(), Type.Null()], { description: 'hexadecimal, without Content-Encoding' }),
};
const FILES_FORMAT = Type.Optional(
  Type.Union(
    FORMATS.map(format => Type.Literal(format)),
    { description: 'of the files' },
  ),
);

interface FileFacts {
  readonly size: number;
  readonly sha256: string;
}

/** What a day has as files; the total is named after its route. */
type FileTable = TableName | 'total';
const FILE_TABLES: readonly FileTable[] = ['total', 'ports', 'countries', 'asns', 'classes', 'tools', 'hours'];
const urlOf = (date: string, table: FileTable, format: Format): string =>
  table === 'total' ? `/v1/days/${date}.${format}` : `/v1/days/${date}/${table}.${format}`;

export interface DayRoutePowers {
  readonly powers: ReadPowers;
  readonly figures: () => Figures;
}

export function dayRoutes(app: FastifyInstance, { powers, figures }: DayRoutePowers): void {
  const files = new Files();
  listRoute(app, {
    url: '/v1/days',
    summary: 'Days that can be read, ascending',
    query: { ...DAYS_QUERY, ...PAGE_QUERY, files: FILES_FORMAT },
    head: {},
    row: { ...DATE, ...DAY_HEAD, packets: SHOWN.packets, files: Type.Optional(Type.Array(Type.Object(FILE))) },
    nested: ['files'],
    problems: ['cursor'],
    answer: question => listDays(question, powers, figures(), files),
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
    problems: ['no-day'],
    answer: question => listFiles(question, powers, figures(), files),
  });
  for (const name of TABLE_NAMES) tableRoute(app, name, powers, figures);
  sensorRoute(app, powers);
}

function tableRoute(app: FastifyInstance, name: TableName, powers: ReadPowers, figures: () => Figures): void {
  const table = tableOf(name);
  const choice = {
    ...(name === 'port-countries' && {
      port: Type.Optional(Type.String({ pattern: TARGET_PATTERN, description: '23/tcp, 8/icmp, 3:1/icmp, 47/ip' })),
      country: Type.Optional(Type.String({ pattern: COUNTRY_PATTERN })),
    }),
  };
  listRoute(app, {
    url: `/v1/days/:date/${name}`,
    summary: table.summary,
    params: DAYS_PARAM,
    query: { ...choice, ...PAGE_QUERY },
    head: { table: Type.String(), days: Type.Array(Type.Object({ ...DATE, ...DAY_HEAD, ...GEO })) },
    row: tableKeys(table),
    problems: ['no-day', 'cursor'],
    answer: async question => {
      const view = viewFor(question, { what: 'table', table: table.rows }, powers, 'whole', 'guarded');
      const chosen = choiceOf(question);
      const days = await daysOf(question, powers, figures(), view);
      const rows: Row[] = [];
      for (const day of days) {
        rows.push(...tableRows(view, day, table, chosen));
        await breathe(); // batches are acknowledged by the same thread
      }
      const heads = days.map(headOf);
      return { head: { table: name, days: heads }, ...paged(rows, question.query, [name, choice, heads]) };
    },
  });
}

function sensorRoute(app: FastifyInstance, powers: ReadPowers): void {
  const Packets = Type.Integer({ minimum: 0 });
  listRoute(app, {
    url: '/v1/days/:date/sensors',
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
      const range = known(parseRange(question.params.date!, sensorDaysMax), 'query');
      const registry = { sensors: powers.registry.sensors(), placements: powers.registry.placements() };
      return { head: {}, rows: sensorRows(view, storeOf(powers), range, registry) };
    },
  });
}

/** Of port-countries: rows of this port, or of this country, with the ranks that they have among all. */
function choiceOf({ query }: Question): ((name: { a: number; b: number }) => boolean) | undefined {
  const { port, country } = query as { port?: string; country?: string };
  if (port === undefined && country === undefined) return undefined;
  const target = port === undefined ? undefined : known(parseTarget(port), 'query');
  const code = country === undefined ? undefined : known(parseCountry(country), 'query');
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
  const range = known(parseRange(question.params.date!, tableDaysMax), 'query');
  const days: DayFigures[] = [];
  for (const { day } of figures.days(view, range)) {
    const found = figures.day(view, day);
    if (found !== undefined) days.push(found);
    await breathe();
  }
  if (days.length === 0) throw new Unanswerable('no-day');
  return days;
}

const headOf = ({ date, state, revision, geo }: DayFigures): Row => ({
  date,
  state,
  revision,
  geo: geo.name,
  built: geo.built,
});

const totalRow = (view: AggregateView, day: DayFigures): Row => {
  const { date, state, revision, geo } = headOf(day);
  return {
    date: date!,
    state: state!,
    revision: revision!,
    ...shown(view, day.total, day.total, day.coverage),
    geo: geo!,
    built: day.geo.built,
  };
};

async function listDays(question: Question, powers: ReadPowers, figures: Figures, files: Files): Promise<Answer> {
  const view = viewFor(question, { what: 'days' }, powers, 'whole', 'guarded');
  storeOf(powers);
  const { date, files: format } = question.query as { date?: string; files?: Format };
  const range: DayRange = date === undefined ? ALL_DAYS : known(parseRange(date, listDaysMax), 'query');
  const days = figures.days(view, range);
  const rows = days.map(day => ({
    ...{ date: day.date, state: stateOf(day), revision: day.revision },
    packets: view.kind === 'whole' ? day.packets : null,
  }));
  const { rows: page, ...rest } = paged(
    rows,
    question.query,
    rows.map(({ date, revision }) => [date, revision]),
  );
  const told: Row[] = [];
  for (const row of page) {
    const { date: name, state, revision } = row as unknown as { date: string; state: string; revision: number };
    if (row.packets === null) await breathe(); // batches are acknowledged by the same thread
    const packets = row.packets ?? publicPackets(view, figures, name);
    if (packets === undefined) continue; // too few sensors saw something
    const list = format === undefined || state === 'open' ? undefined : filesOf(view, name, revision, format, files);
    told.push({ ...row, packets, ...(format !== undefined && { files: list ?? [] }) } as unknown as Row);
  }
  return { head: {}, rows: told, ...rest };
}

function publicPackets(view: AggregateView, figures: Figures, date: string): number | undefined {
  const day = figures.day(view, parseDay(date)!);
  return day === undefined ? undefined : shown(view, day.total, day.total, day.coverage).packets;
}

const tablesOf = (view: AggregateView): readonly FileTable[] =>
  view.kind === 'whole'
    ? FILE_TABLES
    : FILE_TABLES.filter(table => (PUBLIC_TABLES as readonly string[]).includes(table));

function filesOf(view: AggregateView, date: string, revision: number, format: Format, files: Files) {
  return tablesOf(view).map(table => {
    const facts = files.get(view, date, revision, table, format);
    return {
      name: `${table}.${format}`,
      url: urlOf(date, table, format),
      type: MEDIA_TYPES[format],
      size: facts?.size ?? null,
      sha256: facts?.sha256 ?? null,
    };
  });
}

/** Makes each file once, to measure it. */
async function listFiles(question: Question, powers: ReadPowers, figures: Figures, files: Files): Promise<Answer> {
  const view = viewFor(question, { what: 'files' }, powers, 'whole', 'guarded');
  storeOf(powers);
  const { type: format = 'csv' } = question.query as { type?: Format };
  const day = known(parseDay(question.params.date!), 'query');
  const found = known(figures.day(view, day), 'no-day');
  const { date, state, revision } = found;
  if (state === 'open') throw new Unanswerable('no-day');
  for (const table of tablesOf(view)) {
    if (files.get(view, date, revision, table, format) !== undefined) continue;
    files.keep(view, date, revision, table, format, fileText(view, found, table, format));
    await breathe();
  }
  return { head: { date, state, revision }, rows: filesOf(view, date, revision, format, files) };
}

/** The same as the file's route gives. */
function fileText(view: AggregateView, day: DayFigures, name: FileTable, format: Format): string {
  if (name === 'total') {
    const columns = Object.keys({ ...DATE, ...DAY_HEAD, ...SHOWN, ...GEO });
    return textOf({ head: {}, columns, rows: [totalRow(view, day)] }, format);
  }
  const table = tableOf(name);
  const head = { table: name, days: [headOf(day)] };
  return textOf({ head, columns: Object.keys(tableKeys(table)), rows: tableRows(view, day, table) }, format);
}

/** Facts of files that were made, the least recently made forgotten first. */
class Files {
  readonly #facts = new Map<string, FileFacts>();

  get(view: AggregateView, date: string, revision: number, table: FileTable, format: Format): FileFacts | undefined {
    return this.#facts.get(keyOf(view, date, revision, table, format));
  }

  keep(view: AggregateView, date: string, revision: number, table: FileTable, format: Format, text: string): void {
    const bytes = Buffer.from(text);
    const facts = { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    this.#facts.set(keyOf(view, date, revision, table, format), facts);
    if (this.#facts.size > filesKeptMax) this.#facts.delete(this.#facts.keys().next().value!);
  }
}

const keyOf = (view: AggregateView, ...rest: readonly (string | number)[]): string => `${view.kind} ${rest.join(' ')}`;
