/**
 * From a day's tables to rows in numbers alone: sides joined, sorted, countries by their codes. They say what the tables say
 * without the geography that they were counted with, and so can be kept when a day's state is not; result.ts names them.
 */
import type { GeoTable } from '../../common/geo/table.ts';
import { formatAddress4, formatAddress6 } from '../../common/record/address.ts';
import { BACKSCATTER, OTHER, SCAN, TOOLS } from '../../common/record/classify.ts';
import type { CellTable } from './cells.ts';
import { countryAsnRows, countryKindRows } from './country-rows.ts';
import { BACKSCATTER_SIDE, type Day, SCANNING_SIDE, TARGET_BITS, TARGET_MASK } from './day.ts';
import { IPV4_HIGH } from './hash.ts';
import { resultOf } from './result.ts';
import type { DayResult, ScanCount, SourceRow } from './results.ts';
import { sensorTables } from './sensors.ts';
import { SOURCE, type SourceTable } from './sources.ts';

const { KEY_HIGH, PLACE, WORDS } = SOURCE;

/** Rows of the busiest sources. */
const topSourcesMax = 100;

const NMAP_TOOL = TOOLS.indexOf('nmap');

/** What rows need of a geography. */
export type Places = Pick<GeoTable, 'countries' | 'placeCountry' | 'placeAsn'>;

/** A cell's name without its side, as two numbers that also order the rows whose packets tie. */
interface Named {
  readonly a: number;
  readonly b: number;
}
/** `scanningSources` is 0 where a table has no sides. */
export interface Row extends Named, Readonly<ScanCount> {}

/**
 * Every table, complete, most packets first, ties by name. The names:
 *
 *   total           0, 0           classes   class, 0
 *   ports           target, 0      tools     tool, 0: packets with its mark (Nmap's: of confirmed sources), confirmed sources
 *   countries       country, 0     hours     hour, 0
 *   portCountries   country, target          portHours   target, hour          countryHours   country, hour
 *   asns            ASN, 0                   networks    as in day.ts, the side left out
 *   portKinds       target, kind (day.ts): packets alone
 *   countryKinds    country, kind (day.ts): sources of a class, or confirmed as a tool's
 *   countryAsns     country, ASN
 *
 * A country is the two letters of its code in two bytes, a target as in day.ts.
 */
/** A store's file names a table by its number here: new ones go to the end. */
export const ROW_TABLES = [
  'total',
  'classes',
  'tools',
  'ports',
  'countries',
  'portCountries',
  'asns',
  'networks',
  'hours',
  'portHours',
  'countryHours',
  'portKinds',
  'countryKinds',
  'countryAsns',
] as const;
export type RowTable = (typeof ROW_TABLES)[number];

/** A day as rows. A table that was not counted is empty. */
export interface DayRows {
  /** Days since 1970. */
  readonly day: number;
  /** `tools`, `topSources` and the sources of `countryKinds` and `countryAsns` are of one in 2^level sources. */
  readonly level: number;
  /** Of all names, or of those whose first word is `a`. */
  rows(table: RowTable, a?: number): Row[];
  /** False where a table is not kept, or was not counted. */
  has(table: RowTable): boolean;
  topSources(): SourceRow[];
}

export const countryNumber = (code: string): number => (code.charCodeAt(0) << 8) | code.charCodeAt(1);

/** Where a table keeps the side: how to tell it, and the name of a cell on a side. */
interface Sided {
  side(a: number, b: number): number;
  bare(a: number, b: number): Named;
  name(named: Named, side: number): [number, number];
}

const inFirstWord: Sided = {
  side: a => a >>> TARGET_BITS,
  bare: (a, b) => ({ a: a & TARGET_MASK, b }),
  name: ({ a, b }, side) => [a | (side << TARGET_BITS), b],
};
const inSecondWord: Sided = {
  side: (_a, b) => b & 1,
  bare: (a, b) => ({ a: a >>> 0, b: b & ~1 }),
  name: ({ a, b }, side) => [a | 0, b | side],
};
const aloneInName: Sided = { side: a => a, bare: () => ({ a: 0, b: 0 }), name: (_named, side) => [side, 0] };

export const byPackets = (x: Row, y: Row): number => y.packets - x.packets || x.a - y.a || x.b - y.b;

/** Every cell with both its sides, most packets first; `rename` gives a row another name than the cell's. */
function sidedRows(table: CellTable, sided: Sided, rename = (named: Named): Named => named): Row[] {
  const rows: Row[] = [];
  for (let n = 0; n < table.size; n++) {
    const [a, b] = [table.nameA(n), table.nameB(n)];
    const side = sided.side(a, b);
    const named = sided.bare(a, b);
    const other = table.lookup(...sided.name(named, 1 - side));
    if (other >= 0 && side === BACKSCATTER_SIDE) continue;
    const { a: nameA, b: nameB } = rename(named);
    rows.push(sidedRow(table, nameA, nameB, side === SCANNING_SIDE ? n : -1, side === SCANNING_SIDE ? other : n));
  }
  return rows.sort(byPackets);
}

/** The row of a cell from its rows on both sides, -1 for a side without packets. */
function sidedRow(table: CellTable, a: number, b: number, scanning: number, backscatter: number): Row {
  const scanPackets = scanning < 0 ? 0 : table.packets(scanning);
  const scanSources = scanning < 0 ? 0 : table.sources(scanning);
  const packets = scanPackets + (backscatter < 0 ? 0 : table.packets(backscatter));
  const sources =
    backscatter < 0
      ? scanSources
      : scanning < 0
        ? table.sources(backscatter)
        : table.pool.countUnion(
            table.setAt(scanning),
            table.setSize(scanning),
            table.setAt(backscatter),
            table.setSize(backscatter),
          );
  return { a, b, packets, sources, scanningSources: scanSources };
}

/** Every cell of a table without sides, most packets first. */
function plainRows(table: CellTable, rename = (named: Named): Named => named): Row[] {
  const rows: Row[] = [];
  for (let n = 0; n < table.size; n++) {
    const { a, b } = rename({ a: table.nameA(n), b: table.nameB(n) });
    rows.push({ a, b, packets: table.packets(n), sources: table.sources(n), scanningSources: 0 });
  }
  return rows.sort(byPackets);
}

/** Packets to each target by kind. The sides of `ports` tell backscatter from all else, and so scans from other packets. */
function portKindRows({ ports, portKinds }: Day['tables']): Row[] {
  const rows: Row[] = [];
  const add = (a: number, b: number, packets: number) => {
    if (packets > 0) rows.push({ a, b, packets, sources: 0, scanningSources: 0 });
  };
  for (let n = 0; n < portKinds.size; n++) add(portKinds.nameA(n), portKinds.nameB(n), portKinds.packets(n));
  for (let n = 0; n < ports.size; n++) {
    const target = ports.nameA(n) & TARGET_MASK;
    if (ports.nameA(n) !== target) add(target, BACKSCATTER, ports.packets(n));
    else {
      const other = portKinds.lookup(target, OTHER);
      add(target, SCAN, ports.packets(n) - (other < 0 ? 0 : portKinds.packets(other)));
    }
  }
  return rows.sort(byPackets);
}

/** ISO 8601 with the microseconds that a Date does not have. */
function timeText(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const fraction = String(micros - seconds * 1e6).padStart(6, '0');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** The busiest sources, most packets first, ties by address; ::ffff:a.b.c.d as an IPv6 source before a.b.c.d. */
function topSources(sources: SourceTable, geo: Places): SourceRow[] {
  const keyHigh = (row: number) => sources.rows[row + KEY_HIGH]!;
  const order = (x: number, y: number) =>
    sources.packets(y) - sources.packets(x) ||
    compareAddresses(sources.address(x), sources.address(y)) ||
    keyHigh(x) - keyHigh(y);
  let top: number[] = [];
  let least = 0;
  for (let row = 0; row < sources.count * WORDS; row += WORDS) {
    if (sources.packets(row) < least) continue;
    top.push(row);
    if (top.length < 8 * topSourcesMax) continue;
    top = top.sort(order).slice(0, topSourcesMax);
    least = sources.packets(top.at(-1)!);
  }
  return top
    .sort(order)
    .slice(0, topSourcesMax)
    .map(row => {
      const place = sources.rows[row + PLACE]!;
      return {
        address: addressText(keyHigh(row), sources.address(row)),
        country: geo.countries[geo.placeCountry[place]!]!,
        asn: geo.placeAsn[place]!,
        packets: sources.packets(row),
        ports: sources.targetCount(row),
        first: timeText(sources.first(row)),
        last: timeText(sources.last(row)),
      };
    });
}

function compareAddresses(x: Int32Array, y: Int32Array): number {
  for (let word = 0; word < 4; word++) if (x[word] !== y[word]) return (x[word]! >>> 0) - (y[word]! >>> 0);
  return 0;
}

/** Of a source with this key; an IPv4 address is the last word. */
function addressText(keyHigh: number, [w0, w1, w2, w3]: Int32Array): string {
  if (keyHigh === IPV4_HIGH) return formatAddress4(w3!);
  return formatAddress6(w0! >>> 0, w1! >>> 0, w2! >>> 0, w3! >>> 0);
}

/** Packets with the mark of each tool, and the sources that two packets confirmed. */
function toolRows({ tables, sources }: Day): Row[] {
  const confirmed = TOOLS.map(() => 0);
  let nmapPackets = 0;
  for (let row = 0; row < sources.count * WORDS; row += WORDS) {
    for (let tool = 0; tool < TOOLS.length; tool++) if (sources.confirmed(row, tool)) confirmed[tool]!++;
    if (sources.confirmed(row, NMAP_TOOL)) nmapPackets += sources.nmapPackets(row);
  }
  const scale = 2 ** sources.level;
  const marked = (tool: number) => {
    const n = tables.tools.lookup(tool, 0);
    return n < 0 ? 0 : tables.tools.packets(n);
  };
  return TOOLS.map((_, tool) => ({
    a: tool,
    b: 0,
    packets: tool === NMAP_TOOL ? nmapPackets * scale : marked(tool),
    sources: confirmed[tool]! * scale,
    scanningSources: 0,
  }));
}

/** A day's state as rows: each table is made when it is asked for. */
export function dayRows(day: Day, geo: Places): DayRows {
  const { tables, sources } = day;
  const inCountry = countryNamer(geo);
  const ofCountries = (rows: Row[]) => rows.map(row => ({ ...row, ...inCountry(row) })).sort(byPackets);
  const makers: Record<RowTable, () => Row[]> = {
    total: () => sidedRows(tables.total, aloneInName),
    classes: () => plainRows(tables.classes),
    tools: () => toolRows(day),
    ports: () => sidedRows(tables.ports, inFirstWord),
    countries: () => sidedRows(tables.countries, inSecondWord, inCountry),
    portCountries: () => sidedRows(tables.portCountries, inFirstWord, ({ a, b }) => inCountry({ a: b, b: a })),
    asns: () => sidedRows(tables.asns, inSecondWord),
    networks: () => sidedRows(tables.networks, inSecondWord),
    hours: () => plainRows(tables.hours),
    portHours: () => plainRows(tables.portHours),
    countryHours: () => plainRows(tables.countryHours, inCountry),
    portKinds: () => portKindRows(tables),
    countryKinds: () => ofCountries(countryKindRows(day, geo)),
    countryAsns: () => ofCountries(countryAsnRows(day, geo)),
  };
  return {
    day: day.day,
    level: sources.level,
    rows: (table, a) => named(makers[table](), a),
    has: table => tables[table === 'portKinds' ? 'ports' : table === 'countryKinds' ? 'countries' : table].size > 0,
    topSources: () => topSources(sources, geo),
  };
}

/** What a table of totals says; undefined if it is empty. */
export const totalOf = (table: CellTable): ScanCount | undefined => sidedRows(table, aloneInName)[0];

/** What a table of ports alone says, and one of countries named by their codes. */
export const portRowsOf = (table: CellTable): Row[] => sidedRows(table, inFirstWord);
export const countryRowsOf = (table: CellTable): Row[] => sidedRows(table, inSecondWord);
/** What each sensor counted alone: `b` is twice its index. */
export const sensorTotalRowsOf = (table: CellTable): Row[] => sidedRows(table, inSecondWord);

/** Tables that exist for each sensor alone. */
export const SENSOR_ROW_TABLES = ['total', 'classes', 'ports', 'countries', 'hours', 'countryHours'] as const;

/** What some of the day's sensors counted, as rows; tables that are not kept for each sensor are empty. */
export function sensorRows(day: Day, geo: Places, sensors: ReadonlySet<number>): DayRows {
  const tables = sensorTables(day, sensors);
  const inCountry = countryNamer(geo);
  const makers: Partial<Record<RowTable, () => Row[]>> = {
    total: () => sidedRows(tables.total, aloneInName),
    classes: () => plainRows(tables.classes),
    ports: () => sidedRows(tables.ports, inFirstWord),
    countries: () => sidedRows(tables.countries, inSecondWord, inCountry),
    hours: () => plainRows(tables.hours),
    countryHours: () => plainRows(tables.countryHours, inCountry),
  };
  return {
    day: day.day,
    level: 0,
    rows: (table, a) => named(makers[table]?.() ?? [], a),
    has: table => Object.hasOwn(makers, table),
    topSources: () => [],
  };
}

const named = (rows: Row[], a: number | undefined): Row[] => (a === undefined ? rows : rows.filter(row => row.a === a));

/** A country's number in the geography -> its code, in the first word of a name. */
function countryNamer({ countries }: Places): (named: Named) => Named {
  const codes = countries.map(countryNumber);
  return ({ a, b }) => ({ a: codes[a]!, b });
}

/** Everything the day has to say. */
export const dayResult = (day: Day, geo: Places): DayResult => resultOf(dayRows(day, geo));
