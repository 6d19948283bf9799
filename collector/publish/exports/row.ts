/**
 * The row every exchange format is made from: one packet, without where it went. There is no destination address in it, so no
 * format can let one out. Rows come in blocks, those of a batch together, so that a day is never held.
 */
import { type GeoTable, lookup4, lookup6 } from '../../../common/geo/table.ts';
import { formatAddress4, formatAddress6, type Prefix, prefixMask } from '../../../common/record/address.ts';
import { CLASSES, classify, TOOLS } from '../../../common/record/classify.ts';
import { DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE } from '../../../common/record/protocol.ts';
import type { Records } from '../../../common/record/record.ts';
import type { ObservedTest } from '../../registry/observed.ts';

export type Class = (typeof CLASSES)[number];
export type Tool = (typeof TOOLS)[number];

export interface Row {
  /** Microseconds since 1970, UTC. */
  readonly timeUs: number;
  /** RFC 5952. */
  readonly source: string;
  readonly family: 4 | 6;
  /** IANA number. */
  readonly protocol: number;
  /** Null for a protocol without ports. */
  readonly sourcePort: number | null;
  readonly port: number | null;
  /** Type and code of ICMP and ICMPv6, else null. */
  readonly type: number | null;
  readonly code: number | null;
  /** ISO 3166-1 alpha-2 of the source, `??` unknown. */
  readonly country: string;
  /** Of the source, 0 unknown. */
  readonly asn: number;
  /** Of the sensor, empty when not to be told. */
  readonly economy: string;
  /** TCP flags, null for other protocols. */
  readonly flags: number | null;
  readonly class: Class;
  /** Whose marks this packet has. */
  readonly tools: readonly Tool[];
}

/** Of addresses that the database has no country for. */
export const UNKNOWN_COUNTRY = '??';

export type Rows = Iterable<readonly Row[]> | AsyncIterable<readonly Row[]>;

export interface Selection {
  /** Where the sources are; of no meaning where there are `networks`. */
  readonly country: string;
  readonly networks?: Networks;
  readonly classes: ReadonlySet<Class>;
}

/** Sources by their networks, of whatever country, but for some countries. */
export interface Networks {
  readonly asns: readonly number[];
  readonly prefixes: readonly Prefix[];
  readonly without: readonly string[];
}

/** Rows that are in no export, by why. */
export interface LeftOut {
  /** Their source is an address that a sensor observes: whoever sent them wrote it there. */
  observed: number;
  /** Batches that are damaged in the log. */
  damaged: number;
}

const WITH_PORTS = new Set([TCP, UDP, SCTP, DCCP, UDPLITE]);

/** By the bits of a record's mark: nmap's is not among them, since no single packet shows it. */
const TOOLS_OF_MARK: readonly (readonly Tool[])[] = Array.from({ length: 8 }, (_, mark) =>
  TOOLS.filter((_, bit) => bit < 3 && (mark >>> bit) & 1),
);

/** What is selected of a block of records, in its order, but for sources that are `observed`: they are counted in `leftOut`. */
export function rowsOf(
  records: Records,
  geo: GeoTable,
  { country, networks, classes }: Selection,
  { economy, observed, leftOut }: { economy: string; observed: ObservedTest; leftOut: LeftOut },
): Row[] {
  const { family, src, srcPort, dstPort, protocol, flags, tool, time } = records;
  const places = placesOf(geo, country, networks);
  const prefixes = networks?.prefixes.filter(prefix => prefix.family === family) ?? [];
  const hourUs = records.hour * 3_600_000_000;
  const rows: Row[] = [];
  for (let i = 0; i < records.count; i++) {
    const place = family === 4 ? lookup4(geo, src[i]!) : lookup6(geo, ...wordsAt(src, i));
    if (places[place] === LEFT || (places[place] === OTHER && !isWithin(src, i, prefixes))) continue;
    const one = protocol[i]!;
    const kind = CLASSES[classify(one, flags[i]!, srcPort[i]!)]!;
    if (!classes.has(kind)) continue;
    if (family === 4 ? observed.has4(src[i]!) : observed.has6(...wordsAt(src, i))) {
      leftOut.observed++;
      continue;
    }
    const hasPorts = WITH_PORTS.has(one);
    const hasType = one === ICMP || one === ICMPV6;
    rows.push({
      timeUs: hourUs + time[i]!,
      source: family === 4 ? formatAddress4(src[i]!) : formatAddress6(...wordsAt(src, i)),
      family,
      protocol: one,
      sourcePort: hasPorts ? srcPort[i]! : null,
      port: hasPorts ? dstPort[i]! : null,
      type: hasType ? srcPort[i]! & 0xff : null, // a sensor may send any 16 bits
      code: hasType ? dstPort[i]! & 0xff : null,
      country: geo.countries[geo.placeCountry[place]!]!,
      asn: geo.placeAsn[place]!,
      economy,
      flags: one === TCP ? flags[i]! : null,
      class: kind,
      tools: TOOLS_OF_MARK[tool[i]! & 7]!,
    });
  }
  return rows;
}

const LEFT = 0;
const WANTED = 1;
/** Wanted only if the source is of a prefix. */
const OTHER = 2;
type Places = Uint8Array;

const madePlaces = new WeakMap<GeoTable, Map<string, Places>>();

/** By place whether its sources are wanted; made once for a selection, since rows come a batch at a time. */
function placesOf(geo: GeoTable, country: string, networks: Networks | undefined): Places {
  const made = madePlaces.get(geo) ?? new Map<string, Places>();
  madePlaces.set(geo, made);
  const key = networks === undefined ? country : `${networks.asns.join()} ${networks.without.join()}`;
  let places = made.get(key);
  if (places !== undefined) return places;
  if (networks === undefined) {
    const wanted = geo.countries.indexOf(country);
    places = Uint8Array.from(geo.placeCountry, number => (number === wanted ? WANTED : LEFT));
  } else {
    const without = new Set(networks.without.map(code => geo.countries.indexOf(code)));
    const asns = new Set(networks.asns);
    places = Uint8Array.from(geo.placeCountry, (number, place) =>
      without.has(number) ? LEFT : asns.has(geo.placeAsn[place]!) ? WANTED : OTHER,
    );
  }
  if (made.size >= placesKept) made.delete(made.keys().next().value!);
  made.set(key, places);
  return places;
}

/** Selections remembered for a geography. */
const placesKept = 64;

const isWithin = (src: Uint32Array, i: number, prefixes: readonly Prefix[]): boolean =>
  prefixes.some(({ words, length }) =>
    words.every((word, n) => ((src[words.length * i + n]! ^ word) & prefixMask(length, n)) === 0),
  );

const wordsAt = (words: Uint32Array, i: number): [number, number, number, number] => [
  words[4 * i]!,
  words[4 * i + 1]!,
  words[4 * i + 2]!,
  words[4 * i + 3]!,
];
