/**
 * Settles flows into their day: packets added to cells, sources entered in the sets of cells, each source's row brought up to
 * date. Settling often or seldom, all at once or in parts, gives the same tables. Flows are taken by target, because the cell
 * tables are larger than the cache and this way one cell is touched many times in a row.
 */
import * as bits from '../../common/bits.ts';
import type { GeoTable } from '../../common/geo/table.ts';
import * as classes from '../../common/record/classify.ts';
import * as mixing from '../../common/record/mix.ts';
import type { Day } from './day.ts';
import * as days from './day.ts';
import { Entering } from './enter.ts';
import type { FlowTable } from './flows.ts';
import * as flowing from './flows.ts';
import type { HashKey } from './hash.ts';
import * as hashing from './hash.ts';
import { type HourCounts, settleHours } from './hour.ts';
import { SensorCells } from './sensors.ts';
import { SOURCE } from './sources.ts';
import { flowsAtOnce, TargetCells } from './targets.ts';

// Constants of this module and not imports, for its loops: common/DESIGN.md, "Loops over packets".
const { NMAP } = classes;
const { HOURS_PER_DAY } = days;
const { FLOW, placesInUse, keyClass, keyMarks, keyTarget } = flowing;
const { highestBit, lowestBit } = bits;
const { IPV4_HIGH, low4 } = hashing;
const { mix } = mixing;
const { CLASS_SEEN_SHIFT, PLACE, SEEN, TARGETS } = SOURCE;
const { HOURS_MASK, KEY: FLOW_KEY, HOURS: FLOW_HOURS, PACKETS: FLOW_PACKETS } = FLOW;
const { FIRST: FLOW_FIRST, LAST: FLOW_LAST, PLACE: FLOW_PLACE, HIGH: FLOW_HIGH } = FLOW;

const MICROS_PER_HOUR = 3600e6;

/** With fewer flows than one in so many sources, it is quicker to find each flow's source than to look at every source. */
const fewFlows = 16;

/** What settling works with: the flows, and what they were folded with. */
interface Settling {
  readonly flows: FlowTable;
  readonly counts: HourCounts;
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
export function settleFlows(day: Day, { flows, counts, geo, hashKey, perSensor, elsewhere }: Settling): void {
  const hours = counts.takeTargetHours();
  if (flows.count === 0) {
    settleHours(day, hours, 0);
    return;
  }
  const { entries, sensors, count: all } = flows;
  const waitForSources = elsewhere?.({ day: day.day, entries, count: all });
  const places = flows.ordered();
  const atHand = new FlowsAtHand(hashKey, all);
  const { high, low } = atHand;
  const entering = waitForSources === undefined ? new Entering(day, geo) : undefined;
  const cells = new TargetCells(day, sensors, geo, hours);
  const sensorCells = perSensor ? new SensorCells(day, sensors) : undefined;
  for (let from = 0; from < places.length; from += flowsAtOnce) {
    const stretch = places.subarray(from, from + flowsAtOnce);
    const count = stretch.length;
    atHand.take(entries, stretch);
    cells.settle(entries, stretch, high, low);
    if (sensorCells !== undefined)
      for (let i = 0; i < count; i++) sensorCells.settle(entries, stretch[i]!, high[i]!, low[i]!, geo);
    if (entering !== undefined) settleStretch(day, entries, stretch, atHand, entering);
  }
  cells.finish(day);
  waitForSources?.();
  if (entering !== undefined) enterChanged(places, day, entries, hashKey, entering);
  flows.clear();
}

/** Settles what these flows tell of their sources; their order is no matter. */
export function settleSources(day: Day, { entries, count }: FlowsElsewhere, geo: GeoTable, hashKey: HashKey): void {
  const places = placesInUse(entries, count);
  const atHand = new FlowsAtHand(hashKey, count);
  const entering = new Entering(day, geo);
  for (let from = 0; from < count; from += flowsAtOnce) {
    const stretch = places.subarray(from, from + flowsAtOnce);
    atHand.take(entries, stretch);
    settleStretch(day, entries, stretch, atHand, entering);
  }
  enterChanged(places, day, entries, hashKey, entering);
}

/** Of flows that are settled together: the keys of their sources, hashes of their targets, and where their sources' rows were found. */
class FlowsAtHand {
  readonly high: Int32Array;
  readonly low: Int32Array;
  readonly targets: Int32Array;
  /** -1 for a source without a row. */
  readonly found: Int32Array;
  /** For what is loaded ahead and not used. */
  readonly scratch: Int32Array;
  readonly #hashKey: HashKey;

  /** For so many flows, of which `flowsAtOnce` are at hand at the most. */
  constructor(hashKey: HashKey, flows: number) {
    const column = () => new Int32Array(Math.min(flows, flowsAtOnce));
    this.#hashKey = hashKey;
    this.high = column();
    this.low = column();
    this.targets = column();
    this.found = column();
    this.scratch = column();
  }

  take(entries: Int32Array, places: Int32Array): void {
    const { high, low, targets } = this;
    const count = places.length;
    for (let i = 0; i < count; i++) high[i] = entries[places[i]! + FLOW_HIGH]!;
    for (let i = 0; i < count; i++) targets[i] = mix(keyTarget(entries[places[i]! + FLOW_KEY]!));
    for (let i = 0; i < count; i++) {
      const id = entries[places[i]!]!;
      low[i] = high[i] === IPV4_HIGH ? low4(this.#hashKey, id) : id;
    }
  }
}

function settleStretch(
  day: Day,
  entries: Int32Array,
  places: Int32Array,
  atHand: FlowsAtHand,
  entering: Entering,
): void {
  const { high, low, targets, found, scratch } = atHand;
  const { sources } = day;
  const { level } = sources;
  sources.findMany(high, low, targets, places.length, found, scratch);
  for (let i = 0; i < places.length; i++) {
    // Rows move when the table is thinned, and what had none may have one by now.
    const row = found[i]! < 0 || sources.level !== level ? sources.find(high[i]!, low[i]!) : found[i]!;
    settleSource(day, entries, places[i]!, row, high[i]!, low[i]!, targets[i]!, entering);
  }
}

/** What a flow tells of its source, whose row was found there; `target` is the hash of the flow's. */
function settleSource(
  day: Day,
  entries: Int32Array,
  at: number,
  found: number,
  high: number,
  low: number,
  target: number,
  entering: Entering,
): void {
  const { sources } = day;
  const key = entries[at + FLOW_KEY]!;
  const hours = entries[at + FLOW_HOURS]! & HOURS_MASK;
  const packets = entries[at + FLOW_PACKETS]! >>> 0;
  const place = entries[at + FLOW_PLACE]!;
  const seen = hours | (1 << (CLASS_SEEN_SHIFT + keyClass(key)));
  let row = found;
  if (row < 0 && high === IPV4_HIGH) {
    if (sources.full) entering.enterAll(); // it will be thinned
    row = sources.create(high, low, 0, 0, 0xffff, entries[at]!);
  }
  if (row < 0) {
    entering.enter(place, high, low, seen, 0);
    return;
  }
  sources.rows[row + SEEN]! |= seen;
  sources.rows[row + PLACE] = place;
  sources.targets.add(sources.rows, row + TARGETS, 1, target);
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

/** Enters the sources of flows that were settled in the sets of the hours and classes they were seen in. */
function enterChanged(places: Int32Array, day: Day, entries: Int32Array, hashKey: HashKey, entering: Entering): void {
  if (fewFlows * places.length < day.sources.count) enterSome(places, day, entries, hashKey, entering);
  else entering.enterAll();
  entering.finish();
}

/**
 * Enters the sources of these flows, which are all that can have changed. Packets that go to and fro between two days settle one flow
 * at a time, and would have every source of the day looked at for each.
 */
function enterSome(
  places: Int32Array,
  { sources }: Day,
  entries: Int32Array,
  hashKey: HashKey,
  entering: Entering,
): void {
  for (const at of places) {
    const high = entries[at + FLOW_HIGH]!;
    const id = entries[at]!;
    const row = sources.find(high, high === IPV4_HIGH ? low4(hashKey, id) : id);
    if (row >= 0) entering.enterRow(row);
  }
}
