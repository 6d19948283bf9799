/**
 * What a day says of each country beyond how much came from it: of which kinds the packets were, and from which autonomous systems they
 * came. Packets are counted in tables of their own; how many sources they came from the rows of sources tell, which know their place:
 * exact, or where the day had more sources than are kept, scaled from the sample.
 */
import { BACKSCATTER, CLASSES, OTHER, SCAN, TOOLS } from '../../common/record/classify.ts';
import { BACKSCATTER_SIDE, COUNTRIES, COUNTRY_KINDS, type Day, FIRST_MARK } from './day.ts';
import type { Places, Row } from './rows.ts';
import { SOURCE } from './sources.ts';

const { CLASS_SEEN_SHIFT, PLACE, SEEN, WORDS } = SOURCE;

const NMAP_TOOL = TOOLS.indexOf('nmap');
const SCANNING = (1 << SCAN) | (1 << OTHER);

/** By country, a number of the geography, and kind. The sides of `countries` tell backscatter from all else, and so scans. */
export function countryKindRows({ tables: { countries, countryKinds }, sources }: Day, geo: Places): Row[] {
  const kinds = COUNTRY_KINDS.length;
  const packets = new Float64Array(geo.countries.length * kinds);
  const counts = new Float64Array(packets.length);
  for (let n = 0; n < countryKinds.size; n++)
    packets[countryKinds.nameA(n) * kinds + countryKinds.nameB(n)] = countryKinds.packets(n);
  for (let n = 0; n < countries.size; n++) {
    const at = countries.nameA(n) * kinds;
    if (countries.nameB(n) === BACKSCATTER_SIDE) packets[at + BACKSCATTER] = countries.packets(n);
    else packets[at + SCAN] = countries.packets(n) - packets[at + OTHER]!;
  }
  const scale = 2 ** sources.level;
  for (let row = 0; row < sources.count * WORDS; row += WORDS) {
    const at = geo.placeCountry[sources.rows[row + PLACE]!]! * kinds;
    const seen = sources.rows[row + SEEN]! >>> CLASS_SEEN_SHIFT;
    for (let one = 0; one < CLASSES.length; one++) if ((seen >>> one) & 1) counts[at + one]! += scale;
    for (let tool = 0; tool < TOOLS.length; tool++)
      if (sources.confirmed(row, tool)) counts[at + FIRST_MARK + tool]! += scale;
    if (sources.confirmed(row, NMAP_TOOL)) packets[at + FIRST_MARK + NMAP_TOOL]! += scale * sources.nmapPackets(row);
  }
  const rows: Row[] = [];
  for (let at = 0; at < packets.length; at++) {
    const named = { a: Math.floor(at / kinds), b: at % kinds };
    if (packets[at]! > 0) rows.push({ ...named, packets: packets[at]!, sources: counts[at]!, scanningSources: 0 });
  }
  return rows;
}

/** By country, a number of the geography, and AS. */
export function countryAsnRows({ tables: { countryAsns }, sources }: Day, geo: Places): Row[] {
  const nameOf = (country: number, asn: number) => asn * COUNTRIES + country;
  const counts = new Map<number, { sources: number; scanningSources: number }>();
  const scale = 2 ** sources.level;
  for (let row = 0; row < sources.count * WORDS; row += WORDS) {
    const place = sources.rows[row + PLACE]!;
    const name = nameOf(geo.placeCountry[place]!, geo.placeAsn[place]!);
    let count = counts.get(name);
    if (count === undefined) {
      count = { sources: 0, scanningSources: 0 };
      counts.set(name, count);
    }
    count.sources += scale;
    if (((sources.rows[row + SEEN]! >>> CLASS_SEEN_SHIFT) & SCANNING) !== 0) count.scanningSources += scale;
  }
  return Array.from({ length: countryAsns.size }, (_, n) => {
    const [a, b] = [countryAsns.nameA(n), countryAsns.nameB(n) >>> 0];
    const { sources: all, scanningSources } = counts.get(nameOf(a, b)) ?? { sources: 0, scanningSources: 0 };
    return { a, b, packets: countryAsns.packets(n), sources: all, scanningSources };
  });
}
