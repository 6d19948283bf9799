/**
 * Packets of one hour, counted in arrays that are indexed by what is counted; settled into the day's tables when the hour
 * changes, and but for the names, which are many, when the sensor changes. The two largest arrays span 2^25 counters each, of
 * which the system gives memory only to the pages touched: about a megabyte for TCP and UDP.
 */
import type { GeoTable } from '../../common/geo/table.ts';
import { COUNTRIES, type Day, HOURS_PER_DAY, SIDES, TARGET_BITS, TARGET_MASK } from './day.ts';

const NAMES = 1 << (TARGET_BITS + 1);
const KINDS = 256;
const MARKED_TOOLS = 3;

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
  readonly touchedNames: number[] = [];
  readonly touchedNetworks: number[] = [];
  readonly touchedPlaces: number[] = [];
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
    for (const place of this.touchedPlaces) {
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
    for (const network of this.touchedNetworks) this.networks[network] = 0;
    for (let kind = 0; kind < KINDS; kind++) {
      const packets = this.kinds[kind]!;
      if (packets === 0) continue;
      tables.classes.count(kind & 3, 0, packets, sensor);
      for (let tool = 0; tool < MARKED_TOOLS; tool++)
        if ((kind >>> (2 + tool)) & 1) tables.tools.count(tool, 0, packets, sensor);
      this.kinds[kind] = 0;
    }
    this.touchedPlaces.length = 0;
    this.touchedNetworks.length = 0;
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

  /** Adds the packets of each name to the day, and begins anew: which sensors sent them the flows know, and what they sum to. */
  settleNames({ tables: { portHours } }: Day, hour: number): void {
    for (const name of this.touchedNames) {
      portHours.addPackets(portHours.row(name & TARGET_MASK, hour % HOURS_PER_DAY), this.names[name]!);
      this.names[name] = 0;
    }
    this.touchedNames.length = 0;
  }

  /** The same where no flows are counted: what there is came from one sensor. */
  settleNamesOf({ tables: { ports, portHours } }: Day, hour: number, sensor: number): void {
    for (const name of this.touchedNames) {
      ports.count(name, 0, this.names[name]!, sensor);
      portHours.count(name & TARGET_MASK, hour % HOURS_PER_DAY, this.names[name]!, sensor);
      this.names[name] = 0;
    }
    this.touchedNames.length = 0;
  }
}
