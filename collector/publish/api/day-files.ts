/** A closed day's files: its tables in each format, and the exchange files of who asks. What is told of them: digests.ts. */
import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { closesMs } from '../../store/closing.ts';
import type { StoreReader } from '../../store/query.ts';
import { FORMATS as EXPORTS, type Format as ExportFormat } from '../exports/formats.ts';
import type { Meta, Sender } from '../exports/meta.ts';
import { eventFile, HASHES, MANIFEST } from '../exports/misp.ts';
import { type Cut, cutsOf } from '../exports/open.ts';
import { type AggregateView, PUBLIC_TABLES, type Reader } from '../roles/roles.ts';
import { type Digests, factsOf, type KeptFacts } from './digests.ts';
import { type DayFigures, type DayState, shown } from './figures.ts';
import { FORMATS, type Format, MEDIA_TYPES, type Row, textOf } from './formats.ts';
import { Unanswerable } from './problems.ts';
import { timeText } from './series.ts';
import { DATE, SHOWN, type TableName, tableKeys, tableOf, tableRows } from './tables.ts';

export const DAY_HEAD = {
  state: Type.Union([Type.Literal('open'), Type.Literal('closed'), Type.Literal('revised')], {
    description:
      'open: still counted; closed: revision 1; revised: closed again after late data or a change of the sensors left out, revision 2 or later',
  }),
  revision: Type.Integer({ minimum: 1 }),
};
/** Of open days, in JSON alone: a closed day's files have no more columns for it. */
export const UNTIL = {
  until: Type.Optional(
    Type.String({
      description: 'of an open day: when the last batch that is counted in it was received, UTC, ISO 8601',
    }),
  ),
};
export const GEO = { geo: Type.String({ description: 'database of countries' }), built: Type.String() };
export const FILE = {
  name: Type.String(),
  url: Type.String(),
  type: Type.String({ description: 'media type' }),
  size: Type.Union([Type.Integer(), Type.Null()], { description: 'bytes; null: not made yet' }),
  sha256: Type.Union([Type.String(), Type.Null()], { description: 'hexadecimal, without Content-Encoding' }),
};
export const EXPORT_FILE = { ...FILE, format: Type.String(), country: Type.String() };

/** What a day has as files; the total is named after its route. */
export type FileTable = TableName | 'total';
const FILE_TABLES: readonly FileTable[] = ['total', 'ports', 'countries', 'asns', 'classes', 'tools', 'hours'];
const urlOf = (date: string, table: FileTable, format: Format): string =>
  table === 'total' ? `/v1/days/${date}.${format}` : `/v1/days/${date}/${table}.${format}`;

export const tablesOf = (view: AggregateView): readonly FileTable[] =>
  view.kind === 'whole'
    ? FILE_TABLES
    : FILE_TABLES.filter(table => (PUBLIC_TABLES as readonly string[]).includes(table));

/** Who gets the same tables. */
export const scopeOf = (view: AggregateView): string =>
  view.kind === 'whole' ? 'whole' : `public ${Object.values(view.rule).join(' ')}`;

type Head = Pick<DayFigures, 'date' | 'revision' | 'geo' | 'untilMs'> & { readonly state: DayState };

export const headOf = ({ date, state, revision, geo, untilMs }: Head): Row => ({
  date,
  state,
  revision,
  ...(untilMs !== undefined && { until: timeText(untilMs) }),
  geo: geo.name,
  built: geo.built,
});

export const totalRow = (view: AggregateView, day: DayFigures): Row => {
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

/** What tables are made of: of sensors left out after a day was closed the means may tell, though nothing of theirs was counted. */
export const tablesMade = (revision: number, leftOut: readonly number[]): string =>
  [revision, ...leftOut.toSorted((x, y) => x - y)].join(' ');

/** What exchange files are made of: they say from when their contents are. */
export const exportMade = ({ revision, generatedMs }: Pick<Meta, 'revision' | 'generatedMs'>): string =>
  `${revision} ${generatedMs}`;

type Known = ReadonlyMap<string, KeptFacts> | undefined;

const factsIn = (known: Known, name: string, made: string) => {
  const facts = known?.get(name);
  const isNow = facts?.made === made;
  return { size: isNow ? facts.size : null, sha256: isNow ? facts.sha256 : null };
};

/** A day's tables in a format, with what is known of them. */
export const tableFiles = (
  view: AggregateView,
  { date, made }: { readonly date: string; readonly made: string },
  format: Format,
  known: Known,
) =>
  tablesOf(view).map(table => {
    const name = `${table}.${format}`;
    return {
      name,
      url: urlOf(date, table, format),
      type: MEDIA_TYPES[format],
      ...factsIn(known, name, made),
    };
  });

/** Makes each of a day's files once, in every format, to measure it: a step for each table that is not measured yet. */
export function* measureTables(
  view: AggregateView,
  day: DayFigures,
  { made, digests }: { readonly made: string; readonly digests: Digests },
): Generator<void> {
  const scope = scopeOf(view);
  for (const table of tablesOf(view)) {
    const names = FORMATS.map(format => ({ format, key: { day: day.day, scope, name: `${table}.${format}`, made } }));
    if (names.every(({ key }) => digests.get(key) !== undefined)) continue;
    const listing = tableIn(view, day, table);
    for (const { format, key } of names) digests.keep(key, factsOf(textOf(listing, format)));
    yield;
  }
}

/** The same as the file's route gives. */
function tableIn(view: AggregateView, day: DayFigures, name: FileTable) {
  if (name === 'total') {
    const columns = Object.keys({ ...DATE, ...DAY_HEAD, ...SHOWN, ...GEO });
    return { head: {}, columns, rows: [totalRow(view, day)] };
  }
  const table = tableOf(name);
  const head = { table: name, days: [headOf(day)] };
  return { head, columns: Object.keys(tableKeys(table)), rows: tableRows(view, day, table).map(row => row()) };
}

/** Whose exchange files have the same bytes: the sender is in them, and a member's networks decide what is. */
export const exportScope = (cut: Cut, sender: Sender): string =>
  `export ${cut.country} ${createHash('sha256')
    .update(JSON.stringify([sender, cut.networks ?? null, cut.without ?? null, cut.member ?? null]))
    .digest('hex')
    .slice(0, 16)}`;

/** In the digests; a folder's files have names of their own. */
export const exportName = (format: string, shape: string | undefined, file?: string): string =>
  [format, ...(shape === undefined || shape === 'records' ? [] : [shape]), ...(file === undefined ? [] : [file])].join(
    '/',
  );

interface ExportsOf {
  readonly day: number;
  readonly date: string;
  readonly revision: number;
  readonly generatedMs: number;
}

/** Thrown where files are asked for that are made once. */
export function stillOpen(store: StoreReader, day: number): Unanswerable {
  const ms = closesMs(store.database, day);
  return new Unanswerable('open-day', ms === undefined ? {} : { closes: timeText(ms) });
}

/** What there may be of a day for this reader: every format of each of its countries, and of its networks. */
export function exportFiles(reader: Reader, of: ExportsOf, sender: Sender, digests: Digests) {
  if (reader.role === 'public') return [];
  const { day, date, revision, generatedMs } = of;
  return cutsOf(reader).flatMap(cut => {
    const { country, member } = cut;
    const known = digests.ofDays(exportScope(cut, sender), { from: day, to: day }).get(day);
    const meta: Meta = { day, country, revision, generatedMs, ...sender, ...(member !== undefined && { member }) };
    return [...EXPORTS.values()].flatMap(format =>
      filesIn(format, meta).map(({ file, name }) => ({
        name,
        url: `/v1/days/${date}/exports/${format.name}${file === undefined ? '' : `/${file}`}?country=${country}`,
        type: file?.endsWith('.csv') ? MEDIA_TYPES.csv : format.mediaType,
        ...factsIn(known, exportName(format.name, undefined, file), exportMade(of)),
        format: format.name,
        country,
      })),
    );
  });
}

/** `file`: of a format that is several. */
function filesIn(format: ExportFormat, meta: Meta): { readonly file: string | undefined; readonly name: string }[] {
  const stem = `${format.name}-${meta.country}`;
  if (format.kind === 'file') return [{ file: undefined, name: `${stem}.${format.extension}` }];
  return [eventFile(meta), HASHES, MANIFEST].map(file => ({ file, name: `${stem}/${file}` }));
}
