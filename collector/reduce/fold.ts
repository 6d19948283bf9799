/**
 * Folds records of one sensor and hour into their day, a stretch at a time and a column at a time. What a packet says is
 * counted by flow and by hour; the day's tables get it when that is settled (settle.ts, hour.ts).
 */
import type { GeoTable } from '../../common/geo/table.ts';
import * as geography from '../../common/geo/table.ts';
import * as classes from '../../common/record/classify.ts';
import * as mixing from '../../common/record/mix.ts';
import type { Records } from '../../common/record/record.ts';
import { COLUMNS, stretchMax } from './columns.ts';
import type { Day } from './day.ts';
import * as days from './day.ts';
import * as flowing from './flows.ts';
import { FlowTable } from './flows.ts';
import type { HashKey } from './hash.ts';
import { HourCounts } from './hour.ts';
import { countSensorHour } from './sensors.ts';
import { type SettleElsewhere, settleFlows } from './settle.ts';
import { Stretch } from './stretch.ts';

// Constants of this module and not imports, for its loops: common/DESIGN.md, "Loops over packets".
const { lookupMany4 } = geography;
const { NMAP } = classes;
const { mix } = mixing;
const { IPV6_NETWORK, TARGET_BITS, TARGET_MASK } = days;
const { keyMarks, place6 } = flowing;
const { high, key, low, name, place, scratch } = COLUMNS;

/**
 * What of a day a reducer counts. Two threads share the work: one counts flows, and settles what they tell of their targets; the
 * other has the sources and the observed networks, and settles what those flows tell of their sources. Their days join to the
 * whole (day.ts).
 */
export type Part = 'all' | 'targets' | 'sources';

/** What a fold works with: the geography, what is not settled yet, and memory that is used again for every stretch. */
export class Workbench {
  readonly geo: GeoTable;
  readonly hashKey: HashKey;
  readonly counts: HourCounts;
  readonly flows: FlowTable;
  readonly stretch = new Stretch();
  /** Whether each sensor is counted alone too. */
  readonly perSensor: boolean;
  readonly part: Part;
  readonly elsewhere?: SettleElsewhere;

  constructor({ geo, hashKey, tableSeed, perSensor = false, part = 'all', elsewhere }: WorkbenchOptions) {
    this.geo = geo;
    this.hashKey = hashKey;
    this.counts = new HourCounts(geo);
    this.flows = new FlowTable(tableSeed, elsewhere !== undefined);
    this.perSensor = perSensor;
    this.part = part;
    if (elsewhere !== undefined) this.elsewhere = elsewhere;
  }
}

/** What a workbench is made from; `ReducerOptions` says what each is. */
interface WorkbenchOptions {
  readonly geo: GeoTable;
  readonly hashKey: HashKey;
  readonly tableSeed: number;
  readonly perSensor?: boolean;
  readonly part?: Part;
  readonly elsewhere?: SettleElsewhere;
}

/** Folds all that a day counts of the block. `sensor` is a small index. */
export function foldBlock(day: Day, records: Records, sensor: number, bench: Workbench): void {
  const { stretch, flows, geo, hashKey, part } = bench;
  for (let from = 0; from < records.count; from += stretchMax) {
    stretch.take(records, from);
    stretch.takeSources(records, hashKey);
    bench.counts.countNames(stretch);
    if (flows.lacksRoom(stretch.count, sensor)) settleFlows(day, bench);
    if (part === 'all') enterRecords(day, records, stretch);
    flows.countAll(records, stretch, sensor, geo);
    bench.counts.countPlaces(stretch);
    if (part === 'all') countNetworks(day, records, sensor, bench);
  }
}

/** Folds what the sources' part has of a block. */
export function foldSources(day: Day, records: Records, sensor: number, bench: Workbench): void {
  for (let from = 0; from < records.count; from += stretchMax) {
    bench.stretch.take(records, from);
    bench.stretch.takeSources(records, bench.hashKey);
    enterRecords(day, records, bench.stretch);
    countNetworks(day, records, sensor, bench);
  }
}

/** Tells sources what flows do not hold. */
function enterRecords(day: Day, records: Records, stretch: Stretch): void {
  if (records.family === 6) enterSources6(day, records, stretch);
  countNmap(day, records, stretch);
}

/** Adds what was counted of one sensor in an hour to the day. `hour` counts from 1970. */
export function settleSensor(day: Day, hour: number, sensor: number, { counts, geo, perSensor }: Workbench): void {
  if (perSensor) countSensorHour(day, hour, sensor, counts, geo);
  counts.settleSensor(day, hour, sensor, geo);
}

/** The same without sources: packets alone, for measuring what the sources cost. */
export function foldPackets(day: Day, records: Records, sensor: number, bench: Workbench): void {
  for (let from = 0; from < records.count; from += stretchMax) {
    bench.stretch.take(records, from);
    findPlaces(records, bench);
    bench.counts.countNames(bench.stretch);
    countPortCountries(day, sensor, bench);
    bench.counts.countPlaces(bench.stretch);
    countNetworkPackets(day, records, sensor, bench);
  }
}

/** Each source's place, where flows do not tell. */
function findPlaces({ family, src }: Records, { stretch, geo }: Workbench): void {
  const { from, count } = stretch;
  if (family === 4) lookupMany4(geo, src, from, count, place, scratch);
  else for (let i = 0; i < count; i++) place[i] = place6(geo, src, from + i);
}

/** Packets to each port from each country, where flows are not counted. */
function countPortCountries({ tables: { portCountries } }: Day, sensor: number, { stretch, geo }: Workbench): void {
  const { count } = stretch;
  const { placeCountry } = geo;
  for (let i = 0; i < count; i++) low[i] = placeCountry[place[i]!]!;
  portCountries.countMany(name, low, count, sensor, scratch, high);
}

/** A flow does not hold an IPv6 address: its source gets its row at once. */
function enterSources6({ sources }: Day, { src }: Records, { from, count }: Stretch): void {
  for (let i = 0; i < count; i++) {
    const w = 4 * (from + i);
    if (sources.find(high[i]!, low[i]!) < 0)
      sources.create(high[i]!, low[i]!, src[w]!, src[w + 1]!, src[w + 2]!, src[w + 3]!);
  }
}

/** Nmap's test needs two fields that a flow does not hold: its few candidates go to their sources at once. */
function countNmap({ sources }: Day, { family, src, dst, dstPort, seqFold }: Records, { from, count }: Stretch): void {
  for (let i = 0; i < count; i++) {
    if ((keyMarks(key[i]!) & NMAP) === 0) continue;
    const r = from + i;
    let row = sources.find(high[i]!, low[i]!);
    if (row < 0 && family === 4) row = sources.create(high[i]!, low[i]!, 0, 0, 0xffff, src[r]!);
    if (row < 0) continue;
    let address = dst[family === 4 ? r : 4 * r]!;
    if (family === 6) for (let w = 4 * r + 1; w < 4 * r + 4; w++) address = mix(address) ^ dst[w]!;
    const target = mix(address ^ Math.imul(dstPort[r]!, 0x9e3779b1)) & 0xffff;
    sources.addNmap(row, seqFold[r]!, (target << 16) | target, 1);
  }
}

/** Packets to each observed network, and their sources. */
function countNetworks(day: Day, records: Records, sensor: number, bench: Workbench): void {
  countNetworkPackets(day, records, sensor, bench);
  day.tables.networks.addSources(scratch, high, low, bench.stretch.count);
}

/** Packets to each observed network; leaves in `scratch` where its row begins. */
function countNetworkPackets(day: Day, { dst, family }: Records, sensor: number, { stretch, counts }: Workbench): void {
  const { from, count } = stretch;
  const { networks } = day.tables;
  if (family === 6) {
    for (let i = 0; i < count; i++) {
      const w = 4 * (from + i);
      scratch[i] = networks.count(dst[w]!, networkWord6(dst[w + 1]!, name[i]!), 1, sensor);
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    const network = (dst[from + i]! >>> 8) | (name[i]! & ~TARGET_MASK);
    scratch[i] = (counts.networks[network]! || counts.enterNetwork(day, network, sensor)) - 1;
  }
  networks.countRows(scratch, count);
}

/** The second word of an IPv6 /48's name, from the second word of the address and the side in a record's name. */
const networkWord6 = (second: number, name: number): number =>
  ((second >>> 16) << 2) | IPV6_NETWORK | (name >>> TARGET_BITS);
