/**
 * Folds records of one sensor and hour into their day, a stretch at a time and a column at a time: each pass is a short loop
 * over one table, so that the loads it waits for overlap (`SourceTable.findAll`). What a packet says is counted by source, by
 * pair of source and target, and by hour; the cell tables get it when it is settled.
 */
import { type GeoTable, lookup4, lookup6 } from '../../common/geo/table.ts';
import { NMAP } from '../../common/record/classify.ts';
import type { Records } from '../../common/record/record.ts';
import { Stretch, stretchMax } from './columns.ts';
import { type Day, IPV6_NETWORK, TARGET_MASK, TARGET_SIDE_SHIFT } from './day.ts';
import { type HashKey, mix } from './hash.ts';
import { HourCounts } from './hour.ts';
import { PairTable } from './pairs.ts';
import { enterSeen, settlePairs, settleSources } from './settle.ts';
import { CLASS_SEEN_SHIFT, PLACE, SEEN } from './sources.ts';

const MICROS_PER_HOUR = 3600e6;
const HOURS_PER_DAY = 24;
const MARKED_TOOLS = 3;

/** What a fold works with: the geography, what is not settled yet, and memory that is used again for every stretch. */
export class Workbench {
  readonly geo: GeoTable;
  readonly hashKey: HashKey;
  readonly counts: HourCounts;
  readonly pairs = new PairTable();
  readonly stretch = new Stretch();

  constructor(geo: GeoTable, hashKey: HashKey) {
    this.geo = geo;
    this.hashKey = hashKey;
    this.counts = new HourCounts(geo);
  }
}

/** Folds all that a day counts of the block. `sensor` is a small index. */
export function foldBlock(day: Day, records: Records, sensor: number, bench: Workbench): void {
  const { stretch, pairs, geo } = bench;
  const hourSeen = 1 << (records.hour % HOURS_PER_DAY);
  for (let from = 0; from < records.count; from += stretchMax) {
    stretch.take(records, from, bench.hashKey);
    if (pairs.lacksRoom(stretchMax, sensor)) settlePairs(day, pairs, geo);
    findSources(day, records, bench);
    countSources(day, records, stretch);
    pairs.countAll(stretch.source, stretch.name, pairs.slot(sensor), stretch.count, hourSeen, stretch.scratch);
    if (day.sources.level > 0) enterUnsampled(day, records.hour, sensor, bench);
    countHour(bench);
    countNetworks(day, records, sensor, bench);
    enterNetworks(day, records, bench);
  }
}

/** The same without sources: packets alone, for measuring what the sources cost. */
export function foldPackets(day: Day, records: Records, sensor: number, bench: Workbench): void {
  const { stretch, geo } = bench;
  const { place, name } = stretch;
  const { portCountries } = day.tables;
  for (let from = 0; from < records.count; from += stretchMax) {
    stretch.take(records, from, bench.hashKey);
    for (let i = 0; i < stretch.count; i++) place[i] = placeOf(records, from + i, geo);
    for (let i = 0; i < stretch.count; i++) portCountries.count(name[i]!, geo.placeCountry[place[i]!]!, 1, sensor);
    countHour(bench);
    countNetworks(day, records, sensor, bench);
  }
}

/** The place of record `r`'s source. */
const placeOf = ({ family, src }: Records, r: number, geo: GeoTable): number =>
  family === 4 ? lookup4(geo, src[r]!) : lookup6(geo, src[4 * r]!, src[4 * r + 1]!, src[4 * r + 2]!, src[4 * r + 3]!);

/** `source` and `place` of every record; a source is looked up in the geography once a day. */
function findSources(day: Day, records: Records, { stretch, geo, pairs }: Workbench): void {
  const { sources } = day;
  const { from, count, high, low, source, place } = stretch;
  const { level } = sources;
  sources.findAll(high, low, count, source);
  for (let i = 0; i < count; i++) {
    if (source[i]! >= 0) continue;
    source[i] = sources.find(high[i]!, low[i]!);
    if (source[i]! >= 0) continue;
    while (sources.full) {
      // Rows move: what is counted by row must be settled, and the rows of this stretch found again.
      settlePairs(day, pairs, geo);
      settleSources(day, geo);
      sources.thin(sources.level + 1);
    }
    source[i] = createSource(day, records, i, stretch, geo);
  }
  if (sources.level !== level) sources.findAll(high, low, count, source);
  const { rows } = sources;
  for (let i = 0; i < count; i++)
    place[i] = source[i]! < 0 ? placeOf(records, from + i, geo) : rows[source[i]! + PLACE]!;
}

/** The row made for the source of entry `i`; -1 if the sample leaves it out. */
function createSource({ sources }: Day, records: Records, i: number, stretch: Stretch, geo: GeoTable): number {
  const { family, src } = records;
  const r = stretch.from + i;
  const high = stretch.high[i]!;
  const low = stretch.low[i]!;
  const row =
    family === 4
      ? sources.create(high, low, 0, 0, 0xffff, src[r]!)
      : sources.create(high, low, src[4 * r]!, src[4 * r + 1]!, src[4 * r + 2]!, src[4 * r + 3]!);
  if (row >= 0) sources.rows[row + PLACE] = placeOf(records, r, geo);
  return row;
}

/** What the day keeps of each source. */
function countSources({ sources }: Day, records: Records, { from, count, source, kind }: Stretch): void {
  const { rows } = sources;
  const { time, hour } = records;
  const base = hour * MICROS_PER_HOUR;
  const hourSeen = 1 << (hour % HOURS_PER_DAY);
  for (let i = 0; i < count; i++) {
    const row = source[i]!;
    if (row < 0) continue;
    const micros = base + time[from + i]!;
    rows[row + SEEN]! |= hourSeen | (1 << (CLASS_SEEN_SHIFT + (kind[i]! & 3)));
    sources.countPackets(row, 1, micros, micros);
    if (kind[i]! >= 4) markSource(sources, records, from + i, row, kind[i]! >>> 2);
  }
}

/** What record `r` tells of the tools its source uses. */
function markSource(sources: Day['sources'], records: Records, r: number, row: number, marks: number): void {
  let counts = 0;
  for (let tool = 0; tool < MARKED_TOOLS; tool++) counts |= ((marks >>> tool) & 1) << (2 * tool);
  if (counts !== 0) sources.addMarks(row, counts);
  if ((marks & NMAP) === 0) return;
  const dst = records.family === 4 ? records.dst[r]! : records.dst[4 * r + 3]!;
  const target = mix(dst ^ Math.imul(records.dstPort[r]!, 0x9e3779b1)) & 0xffff;
  sources.addNmap(row, records.seqFold[r]!, (target << 16) | target, 1);
}

/** Sources without a row go to the cell tables at once. */
function enterUnsampled(day: Day, hour: number, sensor: number, { stretch, geo }: Workbench): void {
  const { count, source, place, high, low, name, kind } = stretch;
  const { ports, portCountries, portHours } = day.tables;
  const hourOfDay = hour % HOURS_PER_DAY;
  for (let i = 0; i < count; i++) {
    if (source[i]! >= 0) continue;
    const seen = (1 << hourOfDay) | (1 << (CLASS_SEEN_SHIFT + (kind[i]! & 3)));
    const country = geo.placeCountry[place[i]!]!;
    enterSeen(day, geo, place[i]!, high[i]!, low[i]!, seen, 0);
    ports.addSource(ports.row(name[i]!, 0), high[i]!, low[i]!);
    portHours.addSource(portHours.row(name[i]! & TARGET_MASK, hourOfDay), high[i]!, low[i]!);
    portCountries.addSource(portCountries.count(name[i]!, country, 1, sensor), high[i]!, low[i]!);
  }
}

/** What is counted by the hour. */
function countHour({ stretch, counts }: Workbench): void {
  const { count, name, kind, place } = stretch;
  const { names, places, kinds, touchedNames, touchedPlaces } = counts;
  for (let i = 0; i < count; i++) {
    const placeAndSide = (place[i]! << 1) | (name[i]! >>> TARGET_SIDE_SHIFT);
    if (names[name[i]!]!++ === 0) touchedNames.push(name[i]!);
    if (places[placeAndSide]!++ === 0) touchedPlaces.push(placeAndSide);
    kinds[kind[i]!]!++;
  }
}

/** Packets to each observed network. */
function countNetworks({ tables }: Day, records: Records, sensor: number, { stretch, counts }: Workbench): void {
  const { from, count, name } = stretch;
  const { dst, family } = records;
  const { networks, touchedNetworks } = counts;
  if (family === 6) {
    for (let i = 0; i < count; i++) {
      const w = 4 * (from + i);
      tables.networks.count(dst[w]!, networkWord6(dst[w + 1]!, name[i]!), 1, sensor);
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    const network = (dst[from + i]! >>> 8) | (name[i]! & ~TARGET_MASK);
    if (networks[network]!++ === 0) touchedNetworks.push(network);
  }
}

/** Sources of each observed network. */
function enterNetworks({ tables: { networks } }: Day, records: Records, { stretch }: Workbench): void {
  const { from, count, name, high, low } = stretch;
  const { dst, family } = records;
  for (let i = 0; i < count; i++) {
    const row =
      family === 6
        ? networks.row(dst[4 * (from + i)]!, networkWord6(dst[4 * (from + i) + 1]!, name[i]!))
        : networks.row(dst[from + i]! >>> 8, name[i]! >>> TARGET_SIDE_SHIFT);
    networks.addSource(row, high[i]!, low[i]!);
  }
}

/** The second word of an IPv6 /48's name, from the second word of the address and the side in a record's name. */
const networkWord6 = (second: number, name: number): number =>
  ((second >>> 16) << 2) | IPV6_NETWORK | (name >>> TARGET_SIDE_SHIFT);
