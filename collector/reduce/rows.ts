/** From a day's tables to the rows that people read (results.ts): sides joined, sorted, names in place of numbers. */
import type { GeoTable } from '../../common/geo/table.ts';
import { formatAddress4, formatAddress6 } from '../../common/record/address.ts';
import { CLASSES, TOOLS } from '../../common/record/classify.ts';
import { ICMP, ICMPV6, protocolName } from '../../common/record/protocol.ts';
import type { CellTable } from './cells.ts';
import {
  BACKSCATTER_SIDE,
  type Day,
  HOURS_PER_DAY,
  IPV6_NETWORK,
  SCANNING_SIDE,
  TARGET_BITS,
  TARGET_MASK,
} from './day.ts';
import { IPV4_HIGH } from './hash.ts';
import type { Count, DayResult, ScanCount, SourceRow, Target } from './results.ts';
import { KEY_HIGH, PLACE, SOURCE_WORDS, type SourceTable } from './sources.ts';

/** Rows of the busiest sources. */
const topSourcesMax = 100;

const DAY_MS = 86_400_000;
const NMAP_TOOL = TOOLS.indexOf('nmap');

/** A cell's name without its side, as two numbers that also order the rows whose packets tie. */
interface Named {
  a: number;
  b: number;
}
type NamedScanCount = Named & ScanCount;
type NamedCount = Named & Count;

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
const TOTAL: Sided = { side: a => a, bare: () => ({ a: 0, b: 0 }), name: (_named, side) => [side, 0] };

const byPackets = (x: NamedCount, y: NamedCount): number => y.packets - x.packets || x.a - y.a || x.b - y.b;

/** Every cell with both its sides, most packets first. */
function sidedRows(table: CellTable, sided: Sided): NamedScanCount[] {
  const rows: NamedScanCount[] = [];
  for (let n = 0; n < table.size; n++) {
    const [a, b] = [table.nameA(n), table.nameB(n)];
    const side = sided.side(a, b);
    const named = sided.bare(a, b);
    const other = table.lookup(...sided.name(named, 1 - side));
    if (other >= 0 && side === BACKSCATTER_SIDE) continue;
    rows.push({ ...named, ...scanCount(table, side === SCANNING_SIDE ? n : -1, side === SCANNING_SIDE ? other : n) });
  }
  return rows.sort(byPackets);
}

/** The count of a cell from its rows on both sides, -1 for a side without packets. */
function scanCount(table: CellTable, scanning: number, backscatter: number): ScanCount {
  const packets = (n: number) => (n < 0 ? 0 : table.packets(n));
  const sources = (n: number) => (n < 0 ? 0 : table.sources(n));
  const both = scanning >= 0 && backscatter >= 0;
  return {
    packets: packets(scanning) + packets(backscatter),
    sources: both
      ? table.pool.countUnion(
          table.setAt(scanning),
          table.setSize(scanning),
          table.setAt(backscatter),
          table.setSize(backscatter),
        )
      : sources(scanning) + sources(backscatter),
    scanningSources: sources(scanning),
  };
}

/** Every cell of a table without sides, most packets first. */
function plainRows(table: CellTable): NamedCount[] {
  const rows: NamedCount[] = [];
  for (let n = 0; n < table.size; n++)
    rows.push({ a: table.nameA(n), b: table.nameB(n), packets: table.packets(n), sources: table.sources(n) });
  return rows.sort(byPackets);
}

function countOf(table: CellTable, a: number): Count {
  const n = table.lookup(a, 0);
  return n < 0 ? { packets: 0, sources: 0 } : { packets: table.packets(n), sources: table.sources(n) };
}

/** A target by its 24 bits, protocol and number. */
function targetOf(target: number): Target {
  const protocol = target >>> 16;
  const number = target & 0xffff;
  if (protocol === ICMP) return { protocol: 'icmp', type: number >>> 8, code: number & 0xff };
  if (protocol === ICMPV6) return { protocol: 'icmpv6', type: number >>> 8, code: number & 0xff };
  return { protocol: protocolName(protocol), port: number };
}

/** The prefix of a cell of `networks`. */
const networkOf = ({ a, b }: Named): string =>
  b & IPV6_NETWORK ? `${formatAddress6(a, (b >>> 2) << 16, 0, 0)}/48` : `${formatAddress4(a << 8)}/24`;

/** ISO 8601 with the microseconds that a Date does not have. */
function timeText(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const fraction = String(micros - seconds * 1e6).padStart(6, '0');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** The busiest sources, most packets first, ties by address; ::ffff:a.b.c.d as an IPv6 source before a.b.c.d. */
function topSources(sources: SourceTable, geo: GeoTable): SourceRow[] {
  const keyHigh = (row: number) => sources.rows[row + KEY_HIGH]!;
  const order = (x: number, y: number) =>
    sources.packets(y) - sources.packets(x) ||
    compareAddresses(sources.address(x), sources.address(y)) ||
    keyHigh(x) - keyHigh(y);
  let top: number[] = [];
  let least = 0;
  for (let row = 0; row < sources.count * SOURCE_WORDS; row += SOURCE_WORDS) {
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
function toolCounts({ tables, sources }: Day): DayResult['tools'] {
  const confirmed = TOOLS.map(() => 0);
  let nmapPackets = 0;
  for (let row = 0; row < sources.count * SOURCE_WORDS; row += SOURCE_WORDS) {
    for (let tool = 0; tool < TOOLS.length; tool++) if (sources.confirmed(row, tool)) confirmed[tool]!++;
    if (sources.confirmed(row, NMAP_TOOL)) nmapPackets += sources.nmapPackets(row);
  }
  const scale = 2 ** sources.level;
  const counts = TOOLS.map((tool, number) => [
    tool,
    {
      packets: number === NMAP_TOOL ? nmapPackets * scale : countOf(tables.tools, number).packets,
      sources: confirmed[number]! * scale,
    },
  ]);
  return Object.fromEntries(counts);
}

/** Everything the day has to say. */
export function dayResult(day: Day, geo: GeoTable): DayResult {
  const { tables, sources } = day;
  const [total] = sidedRows(tables.total, TOTAL);
  const country = (index: number) => geo.countries[index]!;
  const hours = plainRows(tables.hours);
  return {
    date: new Date(day.day * DAY_MS).toISOString().slice(0, 10),
    packets: total?.packets ?? 0,
    sources: total?.sources ?? 0,
    scanningSources: total?.scanningSources ?? 0,
    ports: sidedRows(tables.ports, inFirstWord).map(({ a, b: _, ...counts }) => ({ ...targetOf(a), ...counts })),
    countries: byName(
      sidedRows(tables.countries, inSecondWord).map(({ a, b: _, ...counts }) => ({ country: country(a), ...counts })),
    ),
    asns: sidedRows(tables.asns, inSecondWord).map(({ a, b: _, ...counts }) => ({ asn: a, ...counts })),
    networks: sidedRows(tables.networks, inSecondWord).map(({ a, b, ...counts }) => ({
      network: networkOf({ a, b }),
      ...counts,
    })),
    classes: Object.fromEntries(
      CLASSES.map((name, number) => [name, countOf(tables.classes, number)]),
    ) as DayResult['classes'],
    tools: toolCounts(day),
    hours: Array.from({ length: HOURS_PER_DAY }, (_, hour) => {
      const { packets, sources } = hours.find(row => row.a === hour) ?? { packets: 0, sources: 0 };
      return { hour, packets, sources };
    }),
    topSources: topSources(sources, geo),
    ...(sources.level > 0 && { sample: 2 ** -sources.level }),
    portCountries: () =>
      byName(
        sidedRows(tables.portCountries, inFirstWord).map(({ a, b, ...counts }) => ({
          ...targetOf(a),
          country: country(b),
          ...counts,
        })),
      ),
    portHours: () => plainRows(tables.portHours).map(({ a, b, ...counts }) => ({ ...targetOf(a), hour: b, ...counts })),
    countryHours: () =>
      byName(
        plainRows(tables.countryHours).map(({ a, b, ...counts }) => ({ country: country(a), hour: b, ...counts })),
      ),
  };
}

/** Rows that tie were ordered by a country's index, which is the geography's; the name is everybody's. */
function byName<Row extends Count & { country: string }>(rows: Row[]): Row[] {
  return rows.sort((x, y) => y.packets - x.packets || (x.country < y.country ? -1 : x.country > y.country ? 1 : 0));
}
