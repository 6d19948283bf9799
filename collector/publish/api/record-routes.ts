/** GET /v1/days/DATE/records and /v1/days/DATE/exports/FORMAT: what is raw, scoped, and in the audit before it leaves. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { observedBy } from '../../registry/observed.ts';
import { FORMATS as EXPORTS, SHAPES } from '../exports/formats.ts';
import type { Shape } from '../exports/iodef.ts';
import { NETWORKS } from '../exports/meta.ts';
import { MANIFEST } from '../exports/misp.ts';
import { type Cut, cutsOf, daysWithFiles, type OpenedExport, openExport } from '../exports/open.ts';
import type { Reader, SensorsView, SourcesView } from '../roles/roles.ts';
import { exportMade, exportName, exportScope, stillOpen } from './day-files.ts';
import { measured } from './digests.ts';
import { ownedAllDay, stateOf } from './figures.ts';
import type { Row } from './formats.ts';
import { type Answer, answered, known, listRoute, NOT_NOW, type Question, storeOf, viewFor } from './listing.ts';
import { DATE_PATTERN, parseDay } from './names.ts';
import { problemResponses, refuseRead, Unanswerable } from './problems.ts';
import type { ReadPowers } from './read-powers.ts';
import { cursorText, parseCursor, type RecordsChoice, type RecordsCursor, recordsPage } from './records.ts';
import { TABLES } from './tables.ts';

const pageDefault = 1000;
const pageMax = 10_000;
/** Exports of one reader at a time: each reads all of a day's log. */
const exportsAtOnceMax = 2;
const exportRetrySeconds = '30';

const DAY_PARAM = { date: Type.String({ pattern: `^${DATE_PATTERN}$`, description: 'UTC, YYYY-MM-DD' }) };
const { protocol, port, type, code } = TABLES.ports.keys;
const { country } = TABLES.countries.keys;
const SOURCE_ROW = {
  time: Type.String({ description: 'UTC, ISO 8601 with microseconds' }),
  source: Type.String(),
  country,
  ...TABLES.asns.keys,
  ...{ protocol, sourcePort: port, port, type, code },
  flags: Type.Integer({ description: 'of TCP, else 0' }),
  length: Type.Integer({ description: 'of the IP packet' }),
  window: Type.Integer({ description: 'of TCP, else 0' }),
  class: Type.String(),
  tools: Type.Array(Type.String(), { description: 'whose marks the packet has' }),
};
const SENSOR_ROW = { ...SOURCE_ROW, sensor: Type.String(), destination: Type.String(), ttl: Type.Integer() };
const QUERY = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageMax, description: `${pageDefault} unless given` })),
  cursor: Type.Optional(Type.String({ maxLength: 48, description: 'next of the page before' })),
};

export function recordRoutes(app: FastifyInstance, powers: ReadPowers): void {
  const common = {
    takesToken: true,
    params: DAY_PARAM,
    query: QUERY,
    head: {
      date: Type.String(),
      kept: Type.Boolean({ description: 'false: records of so long ago are removed, and there are figures only' }),
      damaged: Type.Integer({
        description: 'batches looked at that are damaged where they lie: nothing of them is told',
      }),
    },
    problems: ['forbidden', 'no-day', 'cursor'],
  } as const;
  listRoute(app, {
    ...common,
    url: '/v1/days/:date/records',
    summary: 'Raw records of your sources, without destination',
    description:
      'Of sources in your countries, AS numbers and prefixes. In pages: a page may have no row and yet a next.',
    row: SOURCE_ROW,
    answer: question => {
      const view = viewFor(question, { what: 'records', of: 'sources' }, powers, 'sources');
      return records(question, powers, view, 'records of sources');
    },
  });
  listRoute(app, {
    ...common,
    url: '/v1/days/:date/sensor-records',
    summary: 'Raw records of your sensors, with destination',
    description: 'Of sensors that were yours all that day. In pages: a page may have no row and yet a next.',
    row: SENSOR_ROW,
    answer: question => {
      const view = viewFor(question, { what: 'records', of: 'sensors' }, powers, 'sensors');
      return records(question, powers, view, 'records of sensors');
    },
  });
  exportRoute(app, powers);
}

async function records(
  question: Question,
  powers: ReadPowers,
  view: SourcesView | SensorsView,
  what: string,
): Promise<Answer> {
  const store = storeOf(powers);
  const day = known(parseDay(question.params.date!), 'query', 'date');
  const { limit = pageDefault, cursor } = question.query as { limit?: number; cursor?: string };
  const choice = choiceOf(view, powers, day);
  // Records up to what is counted: the same as the figures are of.
  const begin: RecordsCursor = { position: 1, record: 0, upTo: store.position()!.position };
  const from = cursor === undefined ? begin : known(parseCursor(cursor), 'cursor');
  if (from.upTo > begin.upTo) throw new Unanswerable('cursor'); // of a log that is gone
  const geo = powers.geographies.named(known(store.geoOf(day), 'no-day'));
  const excluded = new Set(store.excludedOn(day));
  const page = await recordsPage({ log: powers.log, geo, day, from, limit, excluded, choice });
  const date = question.params.date!;
  note(powers, question.request.reader!, what, { date, rows: page.rows.length, cursor: cursor ?? null });
  const head = { date, kept: !powers.reader.isExpired(day), damaged: page.damaged };
  return { head, rows: page.rows as Row[], ...(page.next !== undefined && { next: cursorText(page.next) }) };
}

function choiceOf(view: SourcesView | SensorsView, { registry }: ReadPowers, day: number): RecordsChoice {
  if (view.kind === 'sources') return { of: 'sources', scope: view.scope, observed: observedBy(registry.placements()) };
  const sensors = registry.sensors();
  const owned = view.owner === null ? undefined : ownedAllDay(registry.placements(), view.owner, day);
  const names = sensors
    .filter(({ index }) => owned?.has(index) ?? true)
    .map(({ index, name }) => [index, name] as const);
  if (names.length === 0) throw new Unanswerable('forbidden');
  return { of: 'sensors', sensors: new Map(names) };
}

/** Throws, and then nothing is told, if it cannot be written down. */
function note({ members, now }: ReadPowers, reader: Reader, what: string, detail: object): void {
  if (reader.role === 'public') throw new Unanswerable('token');
  members.noteRead(reader.organisation, what, detail, now());
}

// Exchange files

const EXPORT_QUERY = {
  country: Type.String({
    pattern: '^[A-Z]{2}$',
    description: `where the scans came from; ${NETWORKS}: your AS numbers and prefixes, in other countries than yours`,
  }),
  shape: Type.Optional(
    Type.Union(
      SHAPES.map(shape => Type.Literal(shape)),
      { description: 'of IODEF; records: an event a record, unless given; csv: one event with all records as CSV' },
    ),
  ),
};

function exportRoute(app: FastifyInstance, powers: ReadPowers): void {
  const names = [...EXPORTS.keys()];
  const types = new Set([...EXPORTS.values()].map(({ mediaType }) => mediaType));
  const content = Object.fromEntries([...types].map(one => [one, { schema: Type.String() }]));
  const schema = (more: object) => ({
    security: [{ token: [] }],
    summary: 'A day of scans from a country, as an exchange file',
    description: [...EXPORTS.values()].map(({ name, title }) => `${name}: ${title}`).join('\n\n'),
    params: Type.Object({ ...DAY_PARAM, format: Type.Union(names.map(name => Type.Literal(name))), ...more }),
    querystring: Type.Object(EXPORT_QUERY, { additionalProperties: false }),
    response: {
      200: { description: 'The file', content },
      ...problemResponses([
        ...([
          'query',
          'token',
          'forbidden',
          'no-day',
          'no-format',
          'no-records',
          'open-day',
          'budget',
          ...NOT_NOW,
        ] as const),
        'no-sender',
      ]),
    },
  });
  const running = new Map<string, number>();
  const handle = (request: FastifyRequest, reply: FastifyReply) =>
    answered(reply, async () => sendExport(request, reply, powers, running));
  app.get('/v1/days/:date/exports/:format', { schema: schema({}) }, handle);
  const file = { file: Type.String({ pattern: '^[a-z0-9-]{1,64}\\.(json|csv)$' }) };
  app.get('/v1/days/:date/exports/:format/:file', { schema: schema(file) }, handle);
}

/** A file; of a folder the file named, or its manifest. */
function sendExport(
  request: FastifyRequest,
  reply: FastifyReply,
  powers: ReadPowers,
  running: Map<string, number>,
): FastifyReply {
  const { date, format: name, file } = request.params as { date: string; format: string; file?: string };
  const { country: code, shape } = request.query as { country: string; shape?: Shape };
  const view = viewFor({ request }, { what: 'export', country: code }, powers, 'sources');
  const format = known(EXPORTS.get(name), 'no-format');
  if (format.kind === 'file' && file !== undefined) throw new Unanswerable('no-format');
  if (shape !== undefined && format.shapes.length === 0) throw new Unanswerable('query');
  const reader = request.reader!;
  const who = reader.role === 'public' ? '' : reader.organisation;
  if ((running.get(who) ?? 0) >= exportsAtOnceMax)
    return refuseRead(reply.header('retry-after', exportRetrySeconds), 'budget');
  const cut = known(cutFor(reader, code), 'forbidden');
  const { rows, meta, upTo } = openedExport(powers, known(parseDay(date), 'query', 'date'), cut);
  note(powers, reader, `export ${name}`, { date, country: code, revision: meta.revision, scope: view.scope });
  const chunks =
    format.kind === 'file'
      ? format.write(rows, meta, shape ?? 'records')
      : fileOf(format.write(rows, meta), file ?? MANIFEST);
  const key = {
    day: meta.day,
    scope: exportScope(cut, powers.sender!),
    name: exportName(name, shape, format.kind === 'file' ? undefined : (file ?? MANIFEST)),
    made: exportMade(meta),
  };
  const told = upTo === 0 ? measured(chunks, facts => powers.digests.keep(key, facts)) : chunks;
  const fileName = format.kind === 'file' ? format.fileName(meta) : (file ?? MANIFEST);
  const made = JSON.stringify([name, file, shape, meta, upTo]);
  reply.header('etag', `"${createHash('sha256').update(made).digest('hex').slice(0, 32)}"`);
  reply.header('content-disposition', `attachment; filename="${fileName.replaceAll(/[^\w.-]/g, '_')}"`);
  return reply
    .type(fileName.endsWith('.csv') ? 'text/csv; charset=utf-8' : format.mediaType)
    .send(counted(Readable.from(told), running, who));
}

/** An admin has all countries. */
const cutFor = (reader: Reader, country: string): Cut | undefined =>
  country === NETWORKS && reader.role !== 'public' ? cutsOf(reader).find(cut => cut.country === NETWORKS) : { country };

function openedExport(powers: ReadPowers, day: number, cut: Cut): OpenedExport {
  const store = storeOf(powers);
  const [head] = daysWithFiles(store, { from: day, to: day });
  if (stateOf(known(head, 'no-day')) === 'open') throw stillOpen(store, day);
  if (powers.reader.isExpired(day)) throw new Unanswerable('no-records'); // a file without any would say that there was no scan
  const sender = known(powers.sender, 'no-sender');
  return known(openExport(powers, store, { day, cut, sender }), 'no-day');
}

/** Counts it as running until it is done or given up. */
function counted(stream: Readable, running: Map<string, number>, who: string): Readable {
  running.set(who, (running.get(who) ?? 0) + 1);
  return stream.once('close', () => {
    const left = running.get(who)! - 1;
    if (left > 0) running.set(who, left);
    else running.delete(who);
  });
}

/** Of the pieces of several files those of one. */
async function* fileOf(pieces: AsyncIterable<{ readonly file: string; readonly text: string }>, name: string) {
  for await (const { file, text } of pieces) if (file === name) yield text;
}
