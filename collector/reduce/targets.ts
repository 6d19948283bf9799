/**
 * Settles what flows tell of their targets: packets and sources of ports, of ports by country, hour and kind. Flows come by target, so that
 * the cells of one are found once; and what each says is first worked out for many of them and then entered, a table at a time, for a
 * loop that does one thing keeps what it needs in registers.
 */
import * as bits from '../../common/bits.ts';
import type { GeoTable } from '../../common/geo/table.ts';
import * as classes from '../../common/record/classify.ts';
import { LaterSources, Rows } from './cells.ts';
import type { Day } from './day.ts';
import * as days from './day.ts';
import * as flowing from './flows.ts';
import { hourOfKey, namedOfHour, settleHours, type TargetHours } from './hour.ts';
import { WordList } from './words.ts';

// Constants of this module and not imports, for its loops: common/DESIGN.md, "Loops over packets".
const { BACKSCATTER, OTHER } = classes;
const { BACKSCATTER_SIDE, COUNTRIES, FIRST_MARK, HOURS_PER_DAY, KINDS, SCANNING_SIDE, SIDES, TARGET_BITS } = days;
const { FLOW, keyClass, keyMarks, keyTarget } = flowing;
const { KEY, HOURS, PACKETS, PLACE, HOURS_MASK, SLOT_SHIFT } = FLOW;
const { lowestBit } = bits;

/** Flows settled at a time, so that what one loop fetches is still in the cache for the next. */
export const flowsAtOnce = 1024;

/** A sensor may set other bits: they are no kind. */
const MARKS_OF_KINDS = (1 << (KINDS.length - FIRST_MARK)) - 1;

/** The cells of the target at hand, whose flows come one after another, and what its flows say of their countries by kind. */
export class TargetCells {
  #target = -1;
  /** The same, where hours are. */
  #hoursTarget = -1;
  readonly #sensors: readonly number[];
  readonly #geo: GeoTable;
  /** By side; by country and side; by hour; by kind. */
  readonly #ports: Rows;
  readonly #portCountries: Rows;
  readonly #portHours: Rows;
  readonly #portKinds: Rows;
  /** Of all targets: by country and kind. */
  readonly #countryKinds: Rows;
  /** Where the rows are that the sources of the flows at hand belong to; of hours a flow has several. */
  readonly #ofPorts = new WordList();
  readonly #ofPortCountries = new WordList();
  readonly #inPortHours: LaterSources;

  /** Packets of targets by the hour, and those that are settled: the first so many. */
  readonly #targetHours: TargetHours;
  #targetHoursDone = 0;

  constructor({ tables }: Day, sensors: readonly number[], geo: GeoTable, targetHours: TargetHours) {
    const { ports, portCountries, portHours, portKinds, countryKinds } = tables;
    for (const table of [ports, portCountries, portHours, portKinds, countryKinds])
      for (const sensor of sensors) table.makeRoom(sensor);
    this.#sensors = sensors;
    this.#geo = geo;
    this.#targetHours = targetHours;
    this.#ports = new Rows(ports, SIDES);
    this.#portCountries = new Rows(portCountries, COUNTRIES * SIDES);
    this.#portHours = new Rows(portHours, HOURS_PER_DAY);
    this.#inPortHours = new LaterSources(portHours);
    this.#portKinds = new Rows(portKinds, KINDS.length);
    this.#countryKinds = new Rows(countryKinds, COUNTRIES * KINDS.length);
  }

  /** Settles flows at these places, `flowsAtOnce` at most, whose sources have these keys. */
  settle(entries: Int32Array, places: Int32Array, high: Int32Array, low: Int32Array): void {
    const count = places.length;
    this.#countPackets(entries, places);
    this.#ports.table.addSources(this.#ofPorts.roomFor(count), high, low, count);
    this.#portCountries.table.addSources(this.#ofPortCountries.roomFor(count), high, low, count);
    this.#enterHours(entries, places, high, low);
  }

  /** Counts packets, and notes which rows of ports, and of ports by country, each flow belongs to. */
  #countPackets(entries: Int32Array, places: Int32Array): void {
    const { placeCountry } = this.#geo;
    const ofPorts = this.#ofPorts.roomFor(places.length);
    const ofPortCountries = this.#ofPortCountries.roomFor(places.length);
    for (let i = 0; i < places.length; i++) {
      const at = places[i]!;
      const key = entries[at + KEY]!;
      const target = keyTarget(key);
      if (target !== this.#target) this.#take(target);
      const packetClass = keyClass(key);
      const side = packetClass === BACKSCATTER ? BACKSCATTER_SIDE : SCANNING_SIDE;
      const name = target | (side << TARGET_BITS);
      const packets = entries[at + PACKETS]! >>> 0;
      const sensor = this.#sensors[entries[at + HOURS]! >>> SLOT_SHIFT]!;
      const country = placeCountry[entries[at + PLACE]!]!;
      const port = this.#ports.of(side, name, 0);
      this.#ports.table.countAt(port, packets, sensor);
      ofPorts[i] = port;
      const portCountry = this.#portCountries.of((country << 1) | side, name, country);
      this.#portCountries.table.countAt(portCountry, packets, sensor);
      ofPortCountries[i] = portCountry;
      if (packetClass === OTHER) this.#countKind(OTHER, country, packets, sensor);
      for (let rest = keyMarks(key) & MARKS_OF_KINDS; rest !== 0; rest &= rest - 1)
        this.#countKind(FIRST_MARK + lowestBit(rest), country, packets, sensor);
    }
  }

  #take(target: number): void {
    this.#target = target;
    this.#ports.forget();
    this.#portCountries.forget();
    this.#portKinds.forget();
  }

  #countKind(kind: number, country: number, packets: number, sensor: number): void {
    this.#portKinds.table.countAt(this.#portKinds.of(kind, this.#target, kind), packets, sensor);
    const row = this.#countryKinds.of(country * KINDS.length + kind, country, kind);
    this.#countryKinds.table.countAt(row, packets, sensor);
  }

  /** The flows of another target begin: its packets by the hour are counted. */
  #takeHours(target: number): void {
    const { table } = this.#portHours;
    const { keys, packets } = this.#targetHours;
    this.#hoursTarget = target;
    this.#portHours.forget();
    let n = this.#targetHoursDone;
    for (; n < keys.length && namedOfHour(keys[n]!) <= target; n++) {
      const of = namedOfHour(keys[n]!);
      const hour = hourOfKey(keys[n]!);
      const row = of === target ? this.#portHours.of(hour, target, hour) : table.row(of, hour);
      table.addPackets(row, packets[n]! >>> 0);
    }
    this.#targetHoursDone = n;
  }

  /** When all flows are settled: packets of targets that have none any more, since they were settled before their hour was over. */
  finish(day: Day): void {
    settleHours(day, this.#targetHours, this.#targetHoursDone);
  }

  /** Enters the sources in the sets of the hours; their packets are counted by the hour (hour.ts). */
  #enterHours(entries: Int32Array, places: Int32Array, high: Int32Array, low: Int32Array): void {
    const { table } = this.#portHours;
    for (let i = 0; i < places.length; i++) {
      const at = places[i]!;
      const target = keyTarget(entries[at + KEY]!);
      if (target !== this.#hoursTarget) this.#takeHours(target);
      const sensor = this.#sensors[entries[at + HOURS]! >>> SLOT_SHIFT]!;
      for (let rest = entries[at + HOURS]! & HOURS_MASK; rest !== 0; rest &= rest - 1) {
        const hour = lowestBit(rest);
        const row = this.#portHours.of(hour, target, hour);
        table.countAt(row, 0, sensor);
        this.#inPortHours.add(row, high[i]!, low[i]!);
      }
    }
    this.#inPortHours.flush();
  }
}
