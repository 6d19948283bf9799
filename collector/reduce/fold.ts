/**
 * Folds a block of records of one sensor and hour into its day, a column at a time: each pass is a short loop over one or two
 * columns and one table, which lets the processor fetch the next records' cache lines while it waits for this one's.
 */
import { type GeoTable, lookup4, lookup6 } from '../../common/geo/table.ts';
import { BACKSCATTER, classify, isNmapCandidate, NMAP, OTHER, SCAN } from '../../common/record/classify.ts';
import { ICMP, ICMPV6 } from '../../common/record/protocol.ts';
import type { Records } from '../../common/record/record.ts';
import { PACKETS as CELL_PACKETS, SENSORS } from './cells.ts';
import { BACKSCATTER_SIDE, type Day, SCANNING_SIDE, TARGET_SIDE_SHIFT } from './day.ts';
import { type HashKey, high6, IPV4_HIGH, low4, low6, mix } from './hash.ts';
import type { HourCounts } from './hour.ts';
import { PAIR_CELL, PAIR_HOURS, type PairTable } from './pairs.ts';
import { addMarks, CLASS_SEEN_SHIFT, MARKS, PLACE, SEEN, TARGETS } from './sources.ts';

const TARGET_MASK = (1 << TARGET_SIDE_SHIFT) - 1;
const MICROS_PER_HOUR = 3600e6;
const HOURS_PER_DAY = 24;
/** Bits of a source's `SEEN` that stand for a class of each side. */
const SCANNING_SEEN = ((1 << SCAN) | (1 << OTHER)) << CLASS_SEEN_SHIFT;
const BACKSCATTER_SEEN = (1 << BACKSCATTER) << CLASS_SEEN_SHIFT;
/** Names an IPv6 network in the second word of a cell of `networks`, beside the side. */
export const IPV6_NETWORK = 2;

/** What a fold works with: the geography, and memory that is used again for every block. */
export interface Workbench {
  readonly geo: GeoTable;
  readonly hashKey: HashKey;
  readonly counts: HourCounts;
  readonly pairs: PairTable;
  readonly columns: WorkColumns;
}

/** Columns worked out for the block at hand. */
export interface WorkColumns {
  /** The source's key. */
  low: Int32Array;
  high: Int32Array;
  /** The source's place by the geography. */
  place: Int32Array;
  /** The source's row in the day's table, -1 if the sample leaves it out. */
  source: Int32Array;
  /** Target and side: the name of the cells of ports. */
  name: Int32Array;
  /** Class and marks: `marks << 2 | class`. */
  kind: Uint8Array;
}

export const createWorkColumns = (capacity: number): WorkColumns => ({
  low: new Int32Array(capacity),
  high: new Int32Array(capacity),
  place: new Int32Array(capacity),
  source: new Int32Array(capacity),
  name: new Int32Array(capacity),
  kind: new Uint8Array(capacity),
});

/** Folds all that a day counts of the block. `sensor` is a small index. */
export function foldBlock(day: Day, records: Records, sensor: number, bench: Workbench): void {
  nameRecords(records, bench.columns);
  keySources(records, bench.hashKey, bench.columns);
  const { level } = day.sources;
  findSources(day, records, bench);
  if (day.sources.level !== level) {
    // The table was thinned on the way: rows have moved.
    bench.pairs.clear();
    findSources(day, records, bench);
  }
  countSources(day, records, sensor, bench.columns, bench.geo);
  countPairs(day, records, sensor, bench);
  countHour(records, bench.columns, bench.counts);
  countNetworks(day, records, sensor, bench, true);
}

/** The same without sources: packets alone. */
export function foldPackets(day: Day, records: Records, sensor: number, bench: Workbench): void {
  const { columns, geo } = bench;
  const { place, name } = columns;
  nameRecords(records, columns);
  for (let i = 0; i < records.count; i++) place[i] = placeOf(records, i, geo);
  const { portCountries } = day.tables;
  for (let i = 0; i < records.count; i++) portCountries.count(name[i]!, geo.placeCountry[place[i]!]!, 1, sensor);
  countHour(records, columns, bench.counts);
  countNetworks(day, records, sensor, bench, false);
}

/** `name` and `kind` of every record. */
function nameRecords(records: Records, { name, kind }: WorkColumns): void {
  const { protocol, srcPort, dstPort, flags, window, tool, count } = records;
  for (let i = 0; i < count; i++) {
    const number = protocol[i]!;
    const first = srcPort[i]!;
    const packetClass = classify(number, flags[i]!, first);
    const target = number === ICMP || number === ICMPV6 ? (first << 8) | dstPort[i]! : dstPort[i]!;
    const side = packetClass === BACKSCATTER ? BACKSCATTER_SIDE : SCANNING_SIDE;
    const nmap = isNmapCandidate(number, flags[i]!, window[i]!, tool[i]!) ? NMAP : 0;
    name[i] = target | (number << 16) | (side << TARGET_SIDE_SHIFT);
    kind[i] = packetClass | ((tool[i]! | nmap) << 2);
  }
}

function keySources({ family, src, count }: Records, key: HashKey, { low, high }: WorkColumns): void {
  if (family === 4) {
    for (let i = 0; i < count; i++) low[i] = low4(key, src[i]!);
    high.fill(IPV4_HIGH, 0, count);
    return;
  }
  for (let i = 0; i < count; i++) {
    const [w0, w1, w2, w3] = [src[4 * i]!, src[4 * i + 1]!, src[4 * i + 2]!, src[4 * i + 3]!];
    low[i] = low6(key, w0, w1, w2, w3);
    high[i] = high6(key, w0, w1, w2, w3);
  }
}

/** The place of record `i`'s source. */
const placeOf = ({ family, src }: Records, i: number, geo: GeoTable): number =>
  family === 4 ? lookup4(geo, src[i]!) : lookup6(geo, src[4 * i]!, src[4 * i + 1]!, src[4 * i + 2]!, src[4 * i + 3]!);

/** `source` and `place` of every record; a source is looked up in the geography once a day. */
function findSources({ sources }: Day, records: Records, { columns, geo }: Workbench): void {
  const { low, high, source, place } = columns;
  const { family, src, count } = records;
  for (let i = 0; i < count; i++) {
    let row = sources.find(high[i]!, low[i]!);
    if (row >= 0) place[i] = sources.rows[row + PLACE]!;
    else {
      row =
        family === 4
          ? sources.create(high[i]!, low[i]!, 0, 0, 0xffff, src[i]!)
          : sources.create(high[i]!, low[i]!, src[4 * i]!, src[4 * i + 1]!, src[4 * i + 2]!, src[4 * i + 3]!);
      place[i] = placeOf(records, i, geo);
      if (row >= 0) sources.rows[row + PLACE] = place[i]!;
    }
    source[i] = row;
  }
}

/** What the day keeps of each source, and the sets that a source enters by being seen at all, in a class or in an hour. */
function countSources(day: Day, records: Records, sensor: number, columns: WorkColumns, geo: GeoTable): void {
  const { sources } = day;
  const { rows } = sources;
  const { source, kind } = columns;
  const { time, count, hour } = records;
  const base = hour * MICROS_PER_HOUR;
  const hourSeen = 1 << (hour % HOURS_PER_DAY);
  for (let i = 0; i < count; i++) {
    const row = source[i]!;
    const bits = hourSeen | (1 << (CLASS_SEEN_SHIFT + (kind[i]! & 3)));
    if (row < 0) {
      enterSource(day, i, hour, sensor, 0, columns, geo);
      continue;
    }
    const seen = rows[row + SEEN]!;
    if ((seen & bits) !== bits) {
      enterSource(day, i, hour, sensor, seen, columns, geo);
      rows[row + SEEN] = seen | bits;
    }
    sources.countPackets(row, 1, base + time[i]!, base + time[i]!);
    if (kind[i]! >= 4) markSource(day, records, i, row, kind[i]! >>> 2);
  }
}

/** Enters the source of record `i` in the sets that do not have it, as far as `seen` tells. */
function enterSource(
  day: Day,
  i: number,
  hour: number,
  sensor: number,
  seen: number,
  columns: WorkColumns,
  geo: GeoTable,
): void {
  const { tables } = day;
  const high = columns.high[i]!;
  const low = columns.low[i]!;
  const packetClass = columns.kind[i]! & 3;
  const side = packetClass === BACKSCATTER ? BACKSCATTER_SIDE : SCANNING_SIDE;
  const country = geo.placeCountry[columns.place[i]!]!;
  const hourOfDay = hour % HOURS_PER_DAY;
  if ((seen & (side === BACKSCATTER_SIDE ? BACKSCATTER_SEEN : SCANNING_SEEN)) === 0) {
    tables.total.addSource(tables.total.row(side, 0, sensor), high, low);
    tables.countries.addSource(tables.countries.row(country, side, sensor), high, low);
    tables.asns.addSource(tables.asns.row(geo.placeAsn[columns.place[i]!]! | 0, side, sensor), high, low);
  }
  if ((seen & (1 << (CLASS_SEEN_SHIFT + packetClass))) === 0)
    tables.classes.addSource(tables.classes.row(packetClass, 0, sensor), high, low);
  if ((seen & (1 << hourOfDay)) === 0) {
    tables.hours.addSource(tables.hours.row(hourOfDay, 0, sensor), high, low);
    tables.countryHours.addSource(tables.countryHours.row(country, hourOfDay, sensor), high, low);
  }
}

/** What record `i` tells of the tools its source uses. */
function markSource({ sources }: Day, records: Records, i: number, row: number, marks: number): void {
  let counts = 0;
  for (let tool = 0; tool < 3; tool++) counts |= ((marks >>> tool) & 1) << (2 * tool);
  if (counts !== 0) sources.rows[row + MARKS] = addMarks(sources.rows[row + MARKS]!, counts);
  if ((marks & NMAP) === 0) return;
  const dst = records.family === 4 ? records.dst[i]! : records.dst[4 * i + 3]!;
  const target = mix(dst ^ Math.imul(records.dstPort[i]!, 0x9e3779b1)) & 0xffff;
  sources.addNmap(row, records.seqFold[i]!, (target << 16) | target, 1);
}

/** Packets of each port in each country, and the sets that a source enters by sending to a target, or in another hour. */
function countPairs(day: Day, records: Records, sensor: number, { columns, pairs, geo }: Workbench): void {
  const { portCountries, portHours } = day.tables;
  const { source, name, high, low } = columns;
  const { count, hour } = records;
  const hourOfDay = hour % HOURS_PER_DAY;
  const hourSeen = 1 << hourOfDay;
  const sensorWord = SENSORS + (sensor >>> 5);
  const sensorBit = 1 << (sensor & 31);
  for (let i = 0; i < count; i++) {
    const at = source[i]! < 0 ? -1 : pairs.find(source[i]!, name[i]!);
    const known = at < 0 ? 0 : pairs.entries[at + PAIR_CELL]!;
    if (known === 0) {
      const row = enterPair(day, i, sensor, columns, geo);
      portHours.addSource(portHours.row(name[i]! & TARGET_MASK, hourOfDay, sensor), high[i]!, low[i]!);
      if (at >= 0) pairs.enter(at, source[i]!, name[i]!, hourSeen, row / portCountries.stride);
      continue;
    }
    const row = (known - 1) * portCountries.stride;
    portCountries.doubles[(row + CELL_PACKETS) >> 1]!++;
    portCountries.rows[row + sensorWord]! |= sensorBit;
    if ((pairs.entries[at + PAIR_HOURS]! & hourSeen) === 0) {
      pairs.entries[at + PAIR_HOURS]! |= hourSeen;
      portHours.addSource(portHours.row(name[i]! & TARGET_MASK, hourOfDay, sensor), high[i]!, low[i]!);
    }
  }
}

/** Counts record `i`'s packet and source at its port in its country; returns that cell's row. */
function enterPair(day: Day, i: number, sensor: number, columns: WorkColumns, geo: GeoTable): number {
  const { tables, sources } = day;
  const { ports, portCountries } = tables;
  const name = columns.name[i]!;
  const high = columns.high[i]!;
  const low = columns.low[i]!;
  const source = columns.source[i]!;
  if (source >= 0) sources.targets.add(sources.rows, source + TARGETS, 1, mix(name & TARGET_MASK));
  ports.addSource(ports.row(name, 0, sensor), high, low);
  const row = portCountries.row(name, geo.placeCountry[columns.place[i]!]!, sensor);
  portCountries.addSource(row, high, low);
  portCountries.doubles[(row + CELL_PACKETS) >> 1]!++;
  return row;
}

/** What is counted by the hour and settled later. */
function countHour({ count }: Records, { name, kind, place }: WorkColumns, counts: HourCounts): void {
  const { names, places, kinds, touchedNames, touchedPlaces } = counts;
  for (let i = 0; i < count; i++) {
    const side = name[i]! >>> TARGET_SIDE_SHIFT;
    const placeAndSide = (place[i]! << 1) | side;
    if (names[name[i]!]!++ === 0) touchedNames.push(name[i]!);
    if (places[placeAndSide]!++ === 0) touchedPlaces.push(placeAndSide);
    kinds[kind[i]!]!++;
  }
}

/** Packets and sources of each observed network. */
function countNetworks(
  day: Day,
  records: Records,
  sensor: number,
  { columns, counts }: Workbench,
  distinct: boolean,
): void {
  const { networks } = day.tables;
  const { dst, count, family } = records;
  const { name, high, low } = columns;
  let before = -1;
  let row = -1;
  for (let i = 0; i < count; i++) {
    const side = name[i]! >>> TARGET_SIDE_SHIFT;
    if (family === 6) {
      row = networks.row(dst[4 * i]! | 0, ((dst[4 * i + 1]! >>> 16) << 2) | IPV6_NETWORK | side, sensor);
      networks.doubles[(row + CELL_PACKETS) >> 1]!++;
    } else {
      const network = (dst[i]! >>> 8) | (side << TARGET_SIDE_SHIFT);
      if (counts.networks[network]!++ === 0) counts.touchedNetworks.push(network);
      if (!distinct) continue;
      if (network !== before) row = networks.row(dst[i]! >>> 8, side, sensor);
      before = network;
    }
    if (distinct) networks.addSource(row, high[i]!, low[i]!);
  }
}
