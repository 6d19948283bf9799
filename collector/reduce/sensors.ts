/**
 * What a day counts of each sensor alone: totals, classes, hours, ports, countries, countries by the hour. A flow knows its
 * sensor and a source's row does not, so sources are entered flow by flow: more work than for the sensors together, and done only
 * where it is asked for. The tables of a choice of sensors are then merged to tables like those of all sensors.
 */
import * as bits from '../../common/bits.ts';
import type { GeoTable } from '../../common/geo/table.ts';
import * as classes from '../../common/record/classify.ts';
import { CellTable, Rows } from './cells.ts';
import type { Day, TableName } from './day.ts';
import * as days from './day.ts';
import * as flowing from './flows.ts';
import type { HourCounts } from './hour.ts';
import * as hours from './hour.ts';

// Constants of this module and not imports, for its loops: common/DESIGN.md, "Loops over packets".
const { BACKSCATTER, CLASSES } = classes;
const { BACKSCATTER_SIDE, COUNTRIES, HOURS_PER_DAY, SCANNING_SIDE, SIDES, TABLES, TARGET_BITS } = days;
const { FLOW, keyClass, keyTarget } = flowing;
const { hourKey, hourOfKey, namedOfHour } = hours;
const { lowestBit } = bits;
const { HOURS_MASK, SLOT_SHIFT, KEY: FLOW_KEY, HOURS: FLOW_HOURS, PACKETS: FLOW_PACKETS, PLACE: FLOW_PLACE } = FLOW;

/** The cells of each sensor alone, where the flows at hand are of these sensors, by slot (flows.ts). */
export class SensorCells {
  readonly #sensors: readonly number[];
  #target = -1;
  /** By slot and: side; class; hour; side, of the target at hand; country and side; country and hour. */
  readonly #total: Rows;
  readonly #classes: Rows;
  readonly #hours: Rows;
  readonly #ports: Rows;
  readonly #countries: Rows;
  readonly #countryHours: Rows;

  constructor({ tables }: Day, sensors: readonly number[]) {
    this.#sensors = sensors;
    const slots = sensors.length;
    for (const sensor of sensors) tables.sensorPorts.makeRoom(sensor);
    this.#total = new Rows(tables.sensorTotal, slots * SIDES);
    this.#classes = new Rows(tables.sensorClasses, slots * CLASSES.length);
    this.#hours = new Rows(tables.sensorHours, slots * HOURS_PER_DAY);
    this.#ports = new Rows(tables.sensorPorts, slots * SIDES);
    this.#countries = new Rows(tables.sensorCountries, slots * COUNTRIES * SIDES);
    this.#countryHours = new Rows(tables.sensorCountryHours, slots * COUNTRIES * HOURS_PER_DAY);
  }

  /** Counts the flow at `at`, and enters its source in the sets of its sensor. Flows of one target come one after another. */
  settle(entries: Int32Array, at: number, high: number, low: number, geo: GeoTable): void {
    const key = entries[at + FLOW_KEY]!;
    const target = keyTarget(key);
    if (target !== this.#target) {
      this.#target = target;
      this.#ports.forget();
    }
    const packetClass = keyClass(key);
    const side = packetClass === BACKSCATTER ? BACKSCATTER_SIDE : SCANNING_SIDE;
    const slot = entries[at + FLOW_HOURS]! >>> SLOT_SHIFT;
    const sensor = this.#sensors[slot]!;
    const country = geo.placeCountry[entries[at + FLOW_PLACE]!]!;
    const sided = (sensor << 1) | side;
    const ofSlot = slot * SIDES + side;
    const ofCountry = slot * COUNTRIES + country;
    enter(this.#total, this.#total.of(ofSlot, 0, sided), high, low);
    enter(this.#classes, this.#classes.of(slot * CLASSES.length + packetClass, packetClass, sensor), high, low);
    const port = this.#ports.of(ofSlot, target | (side << TARGET_BITS), sensor);
    this.#ports.table.countAt(port, entries[at + FLOW_PACKETS]! >>> 0, sensor);
    enter(this.#ports, port, high, low);
    enter(this.#countries, this.#countries.of(ofCountry * SIDES + side, country, sided), high, low);
    for (let rest = entries[at + FLOW_HOURS]! & HOURS_MASK; rest !== 0; rest &= rest - 1) {
      const hour = lowestBit(rest);
      enter(this.#hours, this.#hours.of(slot * HOURS_PER_DAY + hour, hour, sensor), high, low);
      const row = this.#countryHours.of(ofCountry * HOURS_PER_DAY + hour, hourKey(country, hour), sensor);
      enter(this.#countryHours, row, high, low);
    }
  }
}

const enter = ({ table }: Rows, row: number, high: number, low: number): void => table.addSource(row, high, low);

/**
 * Adds one hour's packets to the tables of their sensor, but for its ports, which the flows count; to be called before the counts
 * are settled. `hour` counts from 1970.
 */
export function countSensorHour(
  { tables }: Day,
  hour: number,
  sensor: number,
  counts: HourCounts,
  geo: GeoTable,
): void {
  const { sensorTotal, sensorClasses, sensorCountries, sensorHours, sensorCountryHours } = tables;
  const hourOfDay = hour % HOURS_PER_DAY;
  for (const place of counts.touchedPlaces.inUse()) {
    const packets = counts.places[place]!;
    const sided = (sensor << 1) | (place & 1);
    const country = geo.placeCountry[place >>> 1]!;
    sensorTotal.count(0, sided, packets, sensor);
    sensorHours.count(hourOfDay, sensor, packets, sensor);
    sensorCountries.count(country, sided, packets, sensor);
    sensorCountryHours.count(hourKey(country, hourOfDay), sensor, packets, sensor);
  }
  for (const [kind, packets] of counts.kinds.entries())
    if (packets > 0) sensorClasses.count(kind & 3, sensor, packets, sensor);
}

/** The tables of one sensor or several, whose cells are named like those of all sensors (day.ts). */
export type SensorTables = Record<'total' | 'classes' | 'ports' | 'countries' | 'hours' | 'countryHours', CellTable>;

/** Merges what the day counted of each of these sensors alone. */
export function sensorTables({ tables }: Day, sensors: ReadonlySet<number>): SensorTables {
  const merged = (
    name: TableName,
    sensorOf: (b: number) => number,
    nameOf: (a: number, b: number) => [number, number],
  ) => {
    const table = tables[name];
    const into = new CellTable(TABLES[name]);
    for (let n = 0; n < table.size; n++) {
      const [a, b] = [table.nameA(n), table.nameB(n)];
      if (sensors.has(sensorOf(b))) into.mergeCell(table, n, ...nameOf(a, b));
    }
    return into;
  };
  const plain = (b: number) => b;
  const beforeSide = (b: number) => b >>> 1;
  return {
    total: merged('sensorTotal', beforeSide, (_a, b) => [b & 1, 0]),
    classes: merged('sensorClasses', plain, a => [a, 0]),
    ports: merged('sensorPorts', plain, a => [a, 0]),
    countries: merged('sensorCountries', beforeSide, (a, b) => [a, b & 1]),
    hours: merged('sensorHours', plain, a => [a, 0]),
    countryHours: merged('sensorCountryHours', plain, a => [namedOfHour(a), hourOfKey(a)]),
  };
}
