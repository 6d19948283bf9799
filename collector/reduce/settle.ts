/**
 * Settles flows into their day: packets added to cells, sources entered in the sets of cells, each source's row brought up to
 * date. Settling often or seldom, all at once or in parts, gives the same tables. Flows are taken by target, because the cell
 * tables are larger than the cache and this way one cell is touched many times in a row.
 */
import type { GeoTable } from '../../common/geo/table.ts';
import { BACKSCATTER, CLASSES, NMAP, OTHER, SCAN } from '../../common/record/classify.ts';
import { mix } from '../../common/record/mix.ts';
import { Rows } from './cells.ts';
import {
  BACKSCATTER_SIDE,
  COUNTRIES,
  type Day,
  FIRST_MARK,
  HOURS_PER_DAY,
  KINDS,
  SCANNING_SIDE,
  SIDES,
  TARGET_BITS,
} from './day.ts';
import {
  FLOW_FIRST,
  FLOW_HIGH,
  FLOW_HOURS,
  FLOW_KEY,
  FLOW_LAST,
  FLOW_PACKETS,
  FLOW_PLACE,
  type FlowTable,
  HOURS_MASK,
  keyClass,
  keyMarks,
  keyTarget,
  placesInUse,
  SLOT_SHIFT,
} from './flows.ts';
import { type HashKey, IPV4_HIGH, low4 } from './hash.ts';
import { SensorCells } from './sensors.ts';
import { CLASS_SEEN_SHIFT, ENTERED, KEY_HIGH, KEY_LOW, PLACE, SEEN, SOURCE_WORDS, TARGETS } from './sources.ts';

/** A sensor may set other bits: they are no kind. */
const MARKS_OF_KINDS = (1 << (KINDS.length - FIRST_MARK)) - 1;

const MICROS_PER_HOUR = 3600e6;
const SCANNING_SEEN = ((1 << SCAN) | (1 << OTHER)) << CLASS_SEEN_SHIFT;
const BACKSCATTER_SEEN = (1 << BACKSCATTER) << CLASS_SEEN_SHIFT;

/** Flows settled at a time, so that what one loop fetches is still in the cache for the next. */
const stretchMax = 1024;
/** With fewer flows than one in so many sources, it is quicker to find each flow's source than to look at every source. */
const fewFlows = 16;

/** What settling works with: the flows, and what they were folded with. */
interface Settling {
  readonly flows: FlowTable;
  readonly geo: GeoTable;
  readonly hashKey: HashKey;
  /** Whether each sensor is counted alone too. */
  readonly perSensor: boolean;
  readonly elsewhere?: SettleElsewhere;
}

/** Flows of a day that another thread counts. */
export interface FlowsElsewhere {
  readonly day: number;
  /** Shared memory (flows.ts), with so many flows in it. */
  readonly entries: Int32Array;
  readonly count: number;
}

/**
 * Where two threads share the work, has the sources of flows settled by the other one (`settleSources`). What it returns waits until
 * that is done.
 */
export type SettleElsewhere = (flows: FlowsElsewhere) => () => void;

/** Settles and empties the table. */
export function settleFlows(day: Day, { flows, geo, hashKey, perSensor, elsewhere }: Settling): void {
  if (flows.count === 0) return;
  const { entries, sensors, count: all } = flows;
  const waitForSources = elsewhere?.({ day: day.day, entries, count: all });
  const places = flows.ordered();
  const keys = new Keys(hashKey);
  const { high, low } = keys;
  const cells = new TargetCells(day, sensors);
  const sensorCells = perSensor ? new SensorCells(day, sensors) : undefined;
  for (let from = 0; from < places.length; from += stretchMax) {
    const stretch = places.subarray(from, from + stretchMax);
    const count = stretch.length;
    keys.take(entries, stretch);
    for (let i = 0; i < count; i++) cells.settle(entries, stretch[i]!, high[i]!, low[i]!, sensors, geo);
    if (sensorCells !== undefined)
      for (let i = 0; i < count; i++) sensorCells.settle(entries, stretch[i]!, high[i]!, low[i]!, geo);
    if (waitForSources === undefined) settleStretch(day, entries, stretch, keys, geo);
  }
  if (waitForSources !== undefined) waitForSources();
  else enterChanged(places, day, entries, geo, hashKey);
  flows.clear();
}

/** Settles what these flows tell of their sources; their order is no matter. */
export function settleSources(day: Day, { entries, count }: FlowsElsewhere, geo: GeoTable, hashKey: HashKey): void {
  const places = placesInUse(entries, count);
  const keys = new Keys(hashKey);
  for (let from = 0; from < count; from += stretchMax) {
    const stretch = places.subarray(from, from + stretchMax);
    keys.take(entries, stretch);
    settleStretch(day, entries, stretch, keys, geo);
  }
  enterChanged(places, day, entries, geo, hashKey);
}

/** Keys of the sources of flows. */
class Keys {
  readonly high = new Int32Array(stretchMax);
  readonly low = new Int32Array(stretchMax);
  readonly scratch = new Int32Array(stretchMax);
  readonly #hashKey: HashKey;

  constructor(hashKey: HashKey) {
    this.#hashKey = hashKey;
  }

  take(entries: Int32Array, places: Int32Array): void {
    const { high, low } = this;
    const count = places.length;
    for (let i = 0; i < count; i++) high[i] = entries[places[i]! + FLOW_HIGH]!;
    for (let i = 0; i < count; i++) {
      const id = entries[places[i]!]!;
      low[i] = high[i] === IPV4_HIGH ? low4(this.#hashKey, id) : id;
    }
  }
}

function settleStretch(day: Day, entries: Int32Array, places: Int32Array, keys: Keys, geo: GeoTable): void {
  const { high, low, scratch } = keys;
  day.sources.fetch(high, low, places.length, scratch);
  for (let i = 0; i < places.length; i++) settleSource(day, entries, places[i]!, high[i]!, low[i]!, geo);
}

/** The cells of the target at hand, whose flows come one after another, and what its flows say of their countries by kind. */
class TargetCells {
  #target = -1;
  /** By side; by country and side; by hour; by kind. */
  readonly #ports: Rows;
  readonly #portCountries: Rows;
  readonly #portHours: Rows;
  readonly #portKinds: Rows;
  /** Of all targets: by country and kind. */
  readonly #countryKinds: Rows;

  constructor({ tables }: Day, sensors: readonly number[]) {
    const { ports, portCountries, portHours, portKinds, countryKinds } = tables;
    for (const table of [ports, portCountries, portHours, portKinds, countryKinds])
      for (const sensor of sensors) table.makeRoom(sensor);
    this.#ports = new Rows(ports, SIDES);
    this.#portCountries = new Rows(portCountries, COUNTRIES * SIDES);
    this.#portHours = new Rows(portHours, HOURS_PER_DAY);
    this.#portKinds = new Rows(portKinds, KINDS.length);
    this.#countryKinds = new Rows(countryKinds, COUNTRIES * KINDS.length);
  }

  settle(entries: Int32Array, at: number, high: number, low: number, sensors: readonly number[], geo: GeoTable): void {
    const key = entries[at + FLOW_KEY]!;
    const target = keyTarget(key);
    if (target !== this.#target) {
      this.#target = target;
      for (const rows of [this.#ports, this.#portCountries, this.#portHours, this.#portKinds]) rows.forget();
    }
    const packetClass = keyClass(key);
    const side = packetClass === BACKSCATTER ? BACKSCATTER_SIDE : SCANNING_SIDE;
    const name = target | (side << TARGET_BITS);
    const packets = entries[at + FLOW_PACKETS]! >>> 0;
    const sensor = sensors[entries[at + FLOW_HOURS]! >>> SLOT_SHIFT]!;
    const country = geo.placeCountry[entries[at + FLOW_PLACE]!]!;
    const port = this.#ports.of(side, name, 0);
    this.#ports.table.countAt(port, packets, sensor);
    this.#ports.table.addSource(port, high, low);
    const portCountry = this.#portCountries.of((country << 1) | side, name, country);
    this.#portCountries.table.countAt(portCountry, packets, sensor);
    this.#portCountries.table.addSource(portCountry, high, low);
    for (let rest = entries[at + FLOW_HOURS]! & HOURS_MASK; rest !== 0; rest &= rest - 1) {
      const hour = lowestBit(rest);
      const portHour = this.#portHours.of(hour, target, hour);
      this.#portHours.table.countAt(portHour, 0, sensor); // its packets are counted by the hour (hour.ts)
      this.#portHours.table.addSource(portHour, high, low);
    }
    if (packetClass === OTHER) this.#countKind(OTHER, country, packets, sensor);
    for (let rest = keyMarks(key) & MARKS_OF_KINDS; rest !== 0; rest &= rest - 1)
      this.#countKind(FIRST_MARK + lowestBit(rest), country, packets, sensor);
  }

  #countKind(kind: number, country: number, packets: number, sensor: number): void {
    this.#portKinds.table.countAt(this.#portKinds.of(kind, this.#target, kind), packets, sensor);
    const row = this.#countryKinds.of(country * KINDS.length + kind, country, kind);
    this.#countryKinds.table.countAt(row, packets, sensor);
  }
}

/** What a flow tells of its source. */
function settleSource(day: Day, entries: Int32Array, at: number, high: number, low: number, geo: GeoTable): void {
  const { sources } = day;
  const key = entries[at + FLOW_KEY]!;
  const hours = entries[at + FLOW_HOURS]! & HOURS_MASK;
  const packets = entries[at + FLOW_PACKETS]! >>> 0;
  const place = entries[at + FLOW_PLACE]!;
  const seen = hours | (1 << (CLASS_SEEN_SHIFT + keyClass(key)));
  let row = sources.find(high, low);
  if (row < 0 && high === IPV4_HIGH) {
    if (sources.full) enterSources(day, geo); // it will be thinned
    row = sources.create(high, low, 0, 0, 0xffff, entries[at]!);
  }
  if (row < 0) {
    enterSource(day, geo, place, high, low, seen, 0);
    return;
  }
  sources.rows[row + SEEN]! |= seen;
  sources.rows[row + PLACE] = place;
  sources.targets.add(sources.rows, row + TARGETS, 1, mix(keyTarget(key)));
  const start = day.day * HOURS_PER_DAY;
  sources.countPackets(
    row,
    packets,
    (start + lowestBit(hours)) * MICROS_PER_HOUR + (entries[at + FLOW_FIRST]! >>> 0),
    (start + highestBit(hours)) * MICROS_PER_HOUR + (entries[at + FLOW_LAST]! >>> 0),
  );
  const marks = keyMarks(key) & ~NMAP;
  if (marks !== 0) sources.addMarks(row, marks, packets);
}

const highestBit = (bits: number): number => 31 - Math.clz32(bits);
const lowestBit = (bits: number): number => highestBit(bits & -bits);

/** Enters the sources of flows that were settled in the sets of the hours and classes they were seen in. */
function enterChanged(places: Int32Array, day: Day, entries: Int32Array, geo: GeoTable, hashKey: HashKey): void {
  if (fewFlows * places.length < day.sources.count) enterSourcesOf(places, day, entries, geo, hashKey);
  else enterSources(day, geo);
}

/** Enters every source in the sets of the hours and classes it was seen in since it was last entered. */
function enterSources(day: Day, geo: GeoTable): void {
  const { count } = day.sources;
  for (let row = 0; row < count * SOURCE_WORDS; row += SOURCE_WORDS) enterRow(day, geo, row);
}

/**
 * The same for the sources of these flows, which are all that can have changed. Packets that go to and fro between two days
 * settle one flow at a time, and would have every source of the day looked at for each.
 */
function enterSourcesOf(places: Int32Array, day: Day, entries: Int32Array, geo: GeoTable, hashKey: HashKey): void {
  for (const at of places) {
    const high = entries[at + FLOW_HIGH]!;
    const id = entries[at]!;
    const row = day.sources.find(high, high === IPV4_HIGH ? low4(hashKey, id) : id);
    if (row >= 0) enterRow(day, geo, row);
  }
}

function enterRow(day: Day, geo: GeoTable, row: number): void {
  const { rows } = day.sources;
  const seen = rows[row + SEEN]!;
  if (seen === rows[row + ENTERED]) return;
  enterSource(day, geo, rows[row + PLACE]!, rows[row + KEY_HIGH]!, rows[row + KEY_LOW]!, seen, rows[row + ENTERED]!);
  rows[row + ENTERED] = seen;
}

/** Enters a source, by its key, in the sets of the hours and classes it was seen in, except where it was entered before. */
function enterSource(
  { tables }: Day,
  geo: GeoTable,
  place: number,
  high: number,
  low: number,
  seen: number,
  entered: number,
): void {
  const country = geo.placeCountry[place]!;
  for (let side = SCANNING_SIDE; side <= BACKSCATTER_SIDE; side++) {
    const bits = side === BACKSCATTER_SIDE ? BACKSCATTER_SEEN : SCANNING_SEEN;
    if ((seen & bits) === 0 || (entered & bits) !== 0) continue;
    tables.total.addSource(tables.total.row(side, 0), high, low);
    tables.countries.addSource(tables.countries.row(country, side), high, low);
    tables.asns.addSource(tables.asns.row(geo.placeAsn[place]!, side), high, low);
  }
  const fresh = seen & ~entered;
  for (let packetClass = 0; packetClass < CLASSES.length; packetClass++)
    if ((fresh >>> (CLASS_SEEN_SHIFT + packetClass)) & 1)
      tables.classes.addSource(tables.classes.row(packetClass, 0), high, low);
  for (let rest = fresh & HOURS_MASK; rest !== 0; rest &= rest - 1) {
    const hour = lowestBit(rest);
    tables.hours.addSource(tables.hours.row(hour, 0), high, low);
    tables.countryHours.addSource(tables.countryHours.row(country, hour), high, low);
  }
}
