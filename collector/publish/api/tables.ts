/** The tables of a day: what each is called in a path, what its rows are named by, and its rows as they are told. */
import { type TSchema, Type } from 'typebox';
import { CLASSES, TOOLS } from '../../../common/record/classify.ts';
import { HOURS_PER_DAY } from '../../reduce/day.ts';
import { countryCode, targetOf } from '../../reduce/result.ts';
import type { RowTable } from '../../reduce/rows.ts';
import { publishedRows } from '../roles/guarded.ts';
import type { AggregateView } from '../roles/roles.ts';
import { type DayFigures, type Figure, shown } from './figures.ts';
import type { Row } from './formats.ts';

type Name = Pick<Figure, 'a' | 'b'>;

export interface Table {
  readonly rows: RowTable;
  readonly summary: string;
  /** Keys that name a row, with their schemas. */
  readonly keys: Readonly<Record<string, TSchema>>;
  readonly nameOf: (name: Name) => Row;
  /** Names that have a row on every day, by number; for tables without ranks in the order they are told. */
  readonly fixed?: number;
  readonly ranked: boolean;
}

const Nullable = (schema: TSchema) => Type.Union([schema, Type.Null()]);
const Count = Type.Integer({ minimum: 0 });

const TARGET_KEYS = {
  protocol: Type.String({ description: 'tcp, udp, icmp, ..., or the number of a protocol without ports' }),
  port: Nullable(Type.Integer({ description: 'null for ICMP' })),
  type: Nullable(Type.Integer({ description: 'of ICMP, else null' })),
  code: Nullable(Type.Integer({ description: 'of ICMP, else null' })),
};
const COUNTRY_KEYS = { country: Type.String({ description: 'of the source: ISO 3166-1 alpha-2, ?? unknown' }) };

export function targetRow(target: number): Row {
  const named = targetOf(target);
  return 'type' in named
    ? { protocol: named.protocol, port: null, type: named.type, code: named.code }
    : { protocol: named.protocol, port: named.port, type: null, code: null };
}

/** By their names in paths. */
export const TABLES = {
  ports: {
    rows: 'ports',
    summary: 'Destination ports and ICMP types',
    keys: TARGET_KEYS,
    nameOf: ({ a }) => targetRow(a),
    ranked: true,
  },
  countries: {
    rows: 'countries',
    summary: 'Countries of sources',
    keys: COUNTRY_KEYS,
    nameOf: ({ a }) => ({ country: countryCode(a) }),
    ranked: true,
  },
  'port-countries': {
    rows: 'portCountries',
    summary: 'Ports of a country, countries of a port',
    keys: { ...TARGET_KEYS, ...COUNTRY_KEYS },
    nameOf: ({ a, b }) => ({ ...targetRow(b), country: countryCode(a) }),
    ranked: true,
  },
  asns: {
    rows: 'asns',
    summary: 'Autonomous systems of sources',
    keys: { asn: Type.Integer({ description: '0 unknown' }) },
    nameOf: ({ a }) => ({ asn: a }),
    ranked: true,
  },
  classes: {
    rows: 'classes',
    summary: 'Scans, backscatter and the rest',
    keys: { class: Type.String() },
    nameOf: ({ a }) => ({ class: CLASSES[a]! }),
    fixed: CLASSES.length,
    ranked: false,
  },
  tools: {
    rows: 'tools',
    summary: "Packets with the marks of scan tools, and sources confirmed as a tool's",
    keys: { tool: Type.String() },
    nameOf: ({ a }) => ({ tool: TOOLS[a]! }),
    fixed: TOOLS.length,
    ranked: false,
  },
  hours: {
    rows: 'hours',
    summary: 'Hours of the day, UTC',
    keys: { hour: Type.Integer({ minimum: 0, maximum: 23 }) },
    nameOf: ({ a }) => ({ hour: a }),
    fixed: HOURS_PER_DAY,
    ranked: false,
  },
} as const satisfies Record<string, Table>;

export type TableName = keyof typeof TABLES;
export const TABLE_NAMES = Object.keys(TABLES) as TableName[];
export const tableOf = (name: TableName): Table => TABLES[name];

/** Keys of what is told of a cell, with their schemas. */
export const SHOWN = {
  packets: Count,
  sources: Nullable(Type.Integer({ description: 'distinct; null where this reader has none' })),
  scanningSources: Nullable(Type.Integer({ description: 'those not seen in backscatter alone; 0 where not counted' })),
  meanPerSensor: Nullable(
    Type.Number({
      description:
        'packets by sensor, had it watched all the time; null where all together watched less than 5% of one sensor’s time',
    }),
  ),
  share: Type.Number({ description: 'of all packets, 0 to 1' }),
};
export const DATE = { date: Type.String({ description: 'UTC, YYYY-MM-DD' }) };
export const RANK = { rank: Type.Integer({ minimum: 1 }) };

export const tableKeys = ({ keys, ranked }: Table): Record<string, TSchema> => ({
  ...DATE,
  ...(ranked && RANK),
  ...keys,
  ...SHOWN,
});

/** A table's rows of one day, each made when it is asked for. `chosen` leaves rows out, their ranks stay. */
export function tableRows(
  view: AggregateView,
  figures: DayFigures,
  table: Table,
  chosen: (name: Name) => boolean = () => true,
): (() => Row)[] {
  const { date, total, coverage } = figures;
  const rows: (() => Row)[] = [];
  for (const [n, figure] of inOrder(view, figures.rows(table.rows), table).entries())
    if (chosen(figure))
      rows.push(() => ({
        date,
        ...(table.ranked && { rank: n + 1 }),
        ...table.nameOf(figure),
        ...shown(view, figure, total, coverage),
      }));
  return rows;
}

/** Most packets first, or by number where every name has a row. */
export function inOrder(
  view: AggregateView,
  rows: readonly Figure[],
  { fixed }: Pick<Table, 'fixed'>,
): readonly Figure[] {
  if (view.kind === 'guarded') {
    const published = publishedRows(rows, view.rule).map(cell => ({ ...cell, sources: null, scanningSources: null }));
    return fixed === undefined ? published : published.sort((x, y) => x.a - y.a);
  }
  if (fixed === undefined) return rows;
  const byName = new Map(rows.map(row => [row.a, row]));
  return Array.from(
    { length: fixed },
    (_, a) => byName.get(a) ?? { a, b: 0, packets: 0, sources: 0, scanningSources: 0 },
  );
}
