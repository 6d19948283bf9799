/**
 * Packets of one hour, counted in arrays that are indexed by what is counted; settled into the day's tables when the hour or the
 * sensor changes. But names, which are many, are noted when the hour changes, and settled with the flows of their targets. The two
 * largest arrays span 2^25 counters each, of which the system gives memory only to the pages touched: about a megabyte for TCP and UDP.
 */
import type { GeoTable } from '../../common/geo/table.ts';
import { COLUMNS } from './columns.ts';
import type { Day } from './day.ts';
import * as days from './day.ts';
import { orderByKey } from './order.ts';
import type { Stretch } from './stretch.ts';
import { WordList } from './words.ts';

// Constants of this module and not imports, for its loops: common/DESIGN.md, "Loops over packets".
const { key, name, place } = COLUMNS;
const { COUNTRIES, HOURS_PER_DAY, SIDES, TARGET_BITS, TARGET_MASK } = days;

const NAMES = 1 << (TARGET_BITS + 1);
const KINDS = 256;
const MARKED_TOOLS = 3;

/** Something and an hour in one word. */
const HOUR_BITS = 5;
export const hourKey = (named: number, hour: number): number => (named << HOUR_BITS) | hour;
export const namedOfHour = (key: number): number => key >>> HOUR_BITS;
export const hourOfKey = (key: number): number => key & ((1 << HOUR_BITS) - 1);
/** 8 MB in use. Packets that go to and fro between two hours note one at a time. */
const targetHoursMax = 1 << 20;

export class HourCounts {
  /** By target and side. */
  readonly names = new Uint32Array(NAMES);
  /** By /24 of an IPv4 destination and side: the number of its row plus one, 0 before its first packet of the hour. */
  readonly networks = new Uint32Array(NAMES);
  /** By place and side: `place << 1 | side`. */
  readonly places: Uint32Array;
  /** By class and marks: `marks << 2 | class`. */
  readonly kinds = new Uint32Array(KINDS);
  /** Which names, networks and places are not 0. */
  readonly touchedNames = new WordList();
  readonly touchedNetworks = new WordList();
  readonly touchedPlaces = new WordList();
  /** Packets of targets by the hour that no row has yet: `target << 5 | hour`, and how many. */
  readonly #targetHours = new WordList();
  readonly #targetHourPackets = new WordList();
  /** By country and side, while they are settled. */
  readonly #countries = new Float64Array(COUNTRIES * SIDES);

  constructor(geo: GeoTable) {
    this.places = new Uint32Array(2 * geo.placeCountry.length);
  }

  /** Notes where the day counts the network, for the rest of the hour; returns its entry in `networks`. */
  enterNetwork({ tables: { networks } }: Day, network: number, sensor: number): number {
    const row = networks.count(network & TARGET_MASK, network >>> TARGET_BITS, 0, sensor);
    const entry = row / networks.stride + 1;
    this.networks[network] = entry;
    this.touchedNetworks.push(network);
    return entry;
  }

  /** Adds what is counted of one sensor to the day, and begins anew. `hour` counts from 1970. */
  settleSensor(day: Day, hour: number, sensor: number, geo: GeoTable): void {
    const { tables } = day;
    for (const place of this.touchedPlaces.inUse()) {
      const packets = this.places[place]!;
      const side = place & 1;
      const country = geo.placeCountry[place >>> 1]!;
      const asn = geo.placeAsn[place >>> 1]! | 0;
      this.#countries[(country << 1) | side]! += packets; // many places are of one country
      tables.asns.count(asn, side, packets, sensor);
      tables.countryAsns.count(country, asn, packets, sensor);
      this.places[place] = 0;
    }
    this.#settleCountries(tables, hour % HOURS_PER_DAY, sensor);
    for (const network of this.touchedNetworks.inUse()) this.networks[network] = 0;
    for (let kind = 0; kind < KINDS; kind++) {
      const packets = this.kinds[kind]!;
      if (packets === 0) continue;
      tables.classes.count(kind & 3, 0, packets, sensor);
      for (let tool = 0; tool < MARKED_TOOLS; tool++)
        if ((kind >>> (2 + tool)) & 1) tables.tools.count(tool, 0, packets, sensor);
      this.kinds[kind] = 0;
    }
    this.touchedPlaces.clear();
    this.touchedNetworks.clear();
  }

  #settleCountries({ total, hours, countries, countryHours }: Day['tables'], hourOfDay: number, sensor: number): void {
    const packets = this.#countries;
    for (let at = 0; at < packets.length; at++) {
      if (packets[at] === 0) continue;
      const [country, side] = [at >>> 1, at & 1];
      total.count(side, 0, packets[at]!, sensor);
      hours.count(hourOfDay, 0, packets[at]!, sensor);
      countries.count(country, side, packets[at]!, sensor);
      countryHours.count(country, hourOfDay, packets[at]!, sensor);
      packets[at] = 0;
    }
  }

  /** Counts the records of the stretch at hand, which are of one sensor and hour, by target and side. */
  countNames({ count }: Stretch): void {
    const { names } = this;
    const touchedNames = this.touchedNames.roomFor(count);
    let namesCount = this.touchedNames.count;
    for (let i = 0; i < count; i++) {
      const named = name[i]!;
      if (names[named]!++ === 0) touchedNames[namesCount++] = named;
    }
    this.touchedNames.count = namesCount;
  }

  /** Counts them by the source's place and side, and by class and marks. */
  countPlaces({ count }: Stretch): void {
    const { places, kinds } = this;
    const touchedPlaces = this.touchedPlaces.roomFor(count);
    let placesCount = this.touchedPlaces.count;
    for (let i = 0; i < count; i++) {
      const placed = (place[i]! << 1) | (name[i]! >>> TARGET_BITS);
      if (places[placed]!++ === 0) touchedPlaces[placesCount++] = placed;
      kinds[key[i]! >>> TARGET_BITS]!++;
    }
    this.touchedPlaces.count = placesCount;
  }

  /** Notes the packets of each name by the hour, for rows that are settled with the flows of their targets, and begins anew. */
  settleNames(day: Day, hour: number): void {
    const { names } = this;
    const touched = this.touchedNames.inUse();
    if (this.#targetHours.count + touched.length > targetHoursMax) settleHours(day, this.takeTargetHours(), 0);
    const keys = this.#targetHours.roomFor(touched.length);
    const packets = this.#targetHourPackets.roomFor(touched.length);
    const from = this.#targetHours.count;
    for (let n = 0; n < touched.length; n++) {
      const name = touched[n]!;
      keys[from + n] = hourKey(name & TARGET_MASK, hour % HOURS_PER_DAY);
      packets[from + n] = names[name]!;
      names[name] = 0;
    }
    this.#targetHours.count += touched.length;
    this.#targetHourPackets.count += touched.length;
    this.touchedNames.clear();
  }

  /** What `settleNames` noted, in the order of targets and hours; begins anew. Nothing, where no flows are counted. */
  takeTargetHours(): TargetHours {
    const noted = this.#targetHours.inUse();
    const notedPackets = this.#targetHourPackets.inUse();
    const order = new Int32Array(noted.length);
    for (let n = 0; n < order.length; n++) order[n] = n;
    const ordered = orderByKey(noted.slice(), order, TARGET_BITS + HOUR_BITS);
    const keys = new Int32Array(noted.length);
    const packets = new Int32Array(noted.length);
    for (let n = 0; n < ordered.length; n++) {
      keys[n] = noted[ordered[n]!]!;
      packets[n] = notedPackets[ordered[n]!]!;
    }
    this.#targetHours.clear();
    this.#targetHourPackets.clear();
    return { keys, packets };
  }

  /** Adds the packets of each name to the day, where no flows are counted, and begins anew: what there is came from one sensor. */
  settleNamesOf({ tables: { ports, portHours } }: Day, hour: number, sensor: number): void {
    for (const name of this.touchedNames.inUse()) {
      ports.count(name, 0, this.names[name]!, sensor);
      portHours.count(name & TARGET_MASK, hour % HOURS_PER_DAY, this.names[name]!, sensor);
      this.names[name] = 0;
    }
    this.touchedNames.clear();
  }
}

/** Packets of targets by the hour, ascending by `hourKey`; several may be of one, for a target has two sides, and its hour may come again. */
export interface TargetHours {
  readonly keys: Int32Array;
  readonly packets: Int32Array;
}

/** Adds packets by the hour from number `from` on to rows, each looked up: which sensors sent them the flows say. */
export function settleHours({ tables: { portHours } }: Day, { keys, packets }: TargetHours, from: number): void {
  for (let n = from; n < keys.length; n++)
    portHours.addPackets(portHours.row(namedOfHour(keys[n]!), hourOfKey(keys[n]!)), packets[n]! >>> 0);
}
