/**
 * What a day counts of each sensor alone: totals, classes, hours, ports, countries, countries by the hour. A flow knows its
 * sensor and a source's row does not, so sources are entered flow by flow: more work than for the sensors together, and done only
 * where it is asked for. The tables of a choice of sensors are then merged to tables like those of all sensors.
 */
import type { GeoTable } from '../../common/geo/table.ts';
import { BACKSCATTER } from '../../common/record/classify.ts';
import { CellTable } from './cells.ts';
import {
  BACKSCATTER_SIDE,
  type Day,
  HOURS_PER_DAY,
  SCANNING_SIDE,
  TABLES,
  TARGET_BITS,
  type TableName,
} from './day.ts';
import { FLOW_HOURS, FLOW_KEY, FLOW_PLACE, HOURS_MASK, keyClass, keyTarget, SLOT_SHIFT } from './flows.ts';
import type { HourCounts } from './hour.ts';

const HOUR_BITS = 5;
const HOUR_MASK = (1 << HOUR_BITS) - 1;
const hourName = (country: number, hour: number): number => (country << HOUR_BITS) | hour;

/** Enters the source of the flow at `at` in the sets of its sensor. */
export function enterSensorSource(
  { tables }: Day,
  entries: Int32Array,
  at: number,
  high: number,
  low: number,
  sensors: readonly number[],
  geo: GeoTable,
): void {
  const { sensorTotal, sensorClasses, sensorPorts, sensorCountries, sensorHours, sensorCountryHours } = tables;
  const key = entries[at + FLOW_KEY]!;
  const packetClass = keyClass(key);
  const side = packetClass === BACKSCATTER ? BACKSCATTER_SIDE : SCANNING_SIDE;
  const sensor = sensors[entries[at + FLOW_HOURS]! >>> SLOT_SHIFT]!;
  const country = geo.placeCountry[entries[at + FLOW_PLACE]!]!;
  const sided = (sensor << 1) | side;
  sensorTotal.addSource(sensorTotal.row(0, sided), high, low);
  sensorClasses.addSource(sensorClasses.row(packetClass, sensor), high, low);
  sensorPorts.addSource(sensorPorts.row(keyTarget(key) | (side << TARGET_BITS), sensor), high, low);
  sensorCountries.addSource(sensorCountries.row(country, sided), high, low);
  for (let rest = entries[at + FLOW_HOURS]! & HOURS_MASK; rest !== 0; rest &= rest - 1) {
    const hour = 31 - Math.clz32(rest & -rest);
    sensorHours.addSource(sensorHours.row(hour, sensor), high, low);
    sensorCountryHours.addSource(sensorCountryHours.row(hourName(country, hour), sensor), high, low);
  }
}

/** Adds one hour's packets to the tables of their sensor; to be called before the counts are settled. `hour` counts from 1970. */
export function countSensorHour(
  { tables }: Day,
  hour: number,
  sensor: number,
  counts: HourCounts,
  geo: GeoTable,
): void {
  const { sensorTotal, sensorClasses, sensorPorts, sensorCountries, sensorHours, sensorCountryHours } = tables;
  const hourOfDay = hour % HOURS_PER_DAY;
  for (const name of counts.touchedNames) sensorPorts.count(name, sensor, counts.names[name]!, sensor);
  for (const place of counts.touchedPlaces) {
    const packets = counts.places[place]!;
    const sided = (sensor << 1) | (place & 1);
    const country = geo.placeCountry[place >>> 1]!;
    sensorTotal.count(0, sided, packets, sensor);
    sensorHours.count(hourOfDay, sensor, packets, sensor);
    sensorCountries.count(country, sided, packets, sensor);
    sensorCountryHours.count(hourName(country, hourOfDay), sensor, packets, sensor);
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
    countryHours: merged('sensorCountryHours', plain, a => [a >>> HOUR_BITS, a & HOUR_MASK]),
  };
}
