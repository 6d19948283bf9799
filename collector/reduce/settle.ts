/**
 * Settles what was counted by pair and by source into the cell tables: packets added, sources entered in sets. Settling often
 * or seldom gives the same tables, since a set does not mind a source it has. In an order that touches one cell many times in
 * a row, for the cell tables are larger than the cache.
 */
import type { GeoTable } from '../../common/geo/table.ts';
import { BACKSCATTER, CLASSES, OTHER, SCAN } from '../../common/record/classify.ts';
import { BACKSCATTER_SIDE, type Day, SCANNING_SIDE, TARGET_MASK } from './day.ts';
import { mix } from './hash.ts';
import { NAME_BITS, NAME_MASK, PAIR_HOURS, PAIR_NAME, PAIR_PACKETS, type PairTable } from './pairs.ts';
import { CLASS_SEEN_SHIFT, KEY_HIGH, KEY_LOW, PLACE, SEEN, SETTLED, SOURCE_WORDS, TARGETS } from './sources.ts';

/** Pairs settled at a time, so that what a loop loads is still in the cache for the next. */
const stretchMax = 4096;

/** Settles and empties the pairs. */
export function settlePairs(day: Day, pairs: PairTable, geo: GeoTable): void {
  const places = pairs.ordered();
  const columns = Array.from({ length: 3 }, () => new Int32Array(stretchMax)) as [Int32Array, Int32Array, Int32Array];
  for (let from = 0; from < places.length; from += stretchMax)
    settleStretch(day, pairs, places.subarray(from, from + stretchMax), columns, geo);
  pairs.clear();
}

function settleStretch(
  day: Day,
  { entries, sensors }: PairTable,
  places: Int32Array,
  [source, high, low]: [Int32Array, Int32Array, Int32Array],
  geo: GeoTable,
): void {
  const { ports, portCountries, portHours } = day.tables;
  const { rows, targets } = day.sources;
  const count = places.length;
  for (let i = 0; i < count; i++) source[i] = entries[places[i]!]!;
  for (let i = 0; i < count; i++) high[i] = rows[source[i]! + KEY_HIGH]!;
  for (let i = 0; i < count; i++) low[i] = rows[source[i]! + KEY_LOW]!;
  for (let i = 0; i < count; i++) {
    const at = places[i]!;
    const name = entries[at + PAIR_NAME]! & NAME_MASK;
    const sensor = sensors[entries[at + PAIR_NAME]! >>> NAME_BITS]!;
    const country = geo.placeCountry[rows[source[i]! + PLACE]!]!;
    ports.addSource(ports.row(name, 0), high[i]!, low[i]!);
    portCountries.addSource(portCountries.count(name, country, entries[at + PAIR_PACKETS]! >>> 0, sensor), high[i]!, low[i]!);
    for (let hours = entries[at + PAIR_HOURS]!; hours !== 0; hours &= hours - 1)
      portHours.addSource(portHours.row(name & TARGET_MASK, 31 - Math.clz32(hours & -hours)), high[i]!, low[i]!);
  }
  for (let i = 0; i < count; i++)
    targets.add(rows, source[i]! + TARGETS, 1, mix(entries[places[i]! + PAIR_NAME]! & TARGET_MASK));
}

const SCANNING_SEEN = ((1 << SCAN) | (1 << OTHER)) << CLASS_SEEN_SHIFT;
const BACKSCATTER_SEEN = (1 << BACKSCATTER) << CLASS_SEEN_SHIFT;
const HOURS_SEEN = (1 << CLASS_SEEN_SHIFT) - 1;

/** Enters every source in the sets of what it was seen in since it was last settled. */
export function settleSources(day: Day, geo: GeoTable): void {
  const { rows, count } = day.sources;
  for (let row = 0; row < count * SOURCE_WORDS; row += SOURCE_WORDS) {
    const seen = rows[row + SEEN]!;
    const settled = rows[row + SETTLED]!;
    if (seen === settled) continue;
    enterSeen(day, geo, rows[row + PLACE]!, rows[row + KEY_HIGH]!, rows[row + KEY_LOW]!, seen, settled);
    rows[row + SETTLED] = seen;
  }
}

/** Enters a source, by its key, in the sets of the hours and classes it was seen in, except those settled. */
export function enterSeen(
  { tables }: Day,
  geo: GeoTable,
  place: number,
  high: number,
  low: number,
  seen: number,
  settled: number,
): void {
  const country = geo.placeCountry[place]!;
  for (const side of [SCANNING_SIDE, BACKSCATTER_SIDE]) {
    const bits = side === BACKSCATTER_SIDE ? BACKSCATTER_SEEN : SCANNING_SEEN;
    if ((seen & bits) === 0 || (settled & bits) !== 0) continue;
    tables.total.addSource(tables.total.row(side, 0), high, low);
    tables.countries.addSource(tables.countries.row(country, side), high, low);
    tables.asns.addSource(tables.asns.row(geo.placeAsn[place]! | 0, side), high, low);
  }
  const fresh = seen & ~settled;
  for (let packetClass = 0; packetClass < CLASSES.length; packetClass++)
    if ((fresh >>> (CLASS_SEEN_SHIFT + packetClass)) & 1)
      tables.classes.addSource(tables.classes.row(packetClass, 0), high, low);
  for (let hours = fresh & HOURS_SEEN; hours !== 0; hours &= hours - 1) {
    const hour = 31 - Math.clz32(hours & -hours);
    tables.hours.addSource(tables.hours.row(hour, 0), high, low);
    tables.countryHours.addSource(tables.countryHours.row(country, hour), high, low);
  }
}
