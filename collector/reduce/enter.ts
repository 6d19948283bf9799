/**
 * Enters sources in the sets of the hours and classes they were seen in, and of their country and AS. A row says what its source was
 * entered for (sources.ts), so that no set is told twice.
 */
import * as bits from '../../common/bits.ts';
import type { GeoTable } from '../../common/geo/table.ts';
import * as classes from '../../common/record/classify.ts';
import { LaterSources, Rows } from './cells.ts';
import type { Day } from './day.ts';
import * as days from './day.ts';
import { FLOW } from './flows.ts';
import { SOURCE } from './sources.ts';

// Constants of this module and not imports, for its loops: common/DESIGN.md, "Loops over packets".
const { BACKSCATTER, CLASSES, OTHER, SCAN } = classes;
const { BACKSCATTER_SIDE, COUNTRIES, HOURS_PER_DAY, SCANNING_SIDE, SIDES } = days;
const { CLASS_SEEN_SHIFT, ENTERED, KEY_HIGH, KEY_LOW, PLACE, SEEN, WORDS } = SOURCE;
const { HOURS_MASK } = FLOW;
const { lowestBit } = bits;

const SCANNING_SEEN = ((1 << SCAN) | (1 << OTHER)) << CLASS_SEEN_SHIFT;
const BACKSCATTER_SEEN = (1 << BACKSCATTER) << CLASS_SEEN_SHIFT;

/** What is entered is in the sets when `finish` was called. */
export class Entering {
  readonly #day: Day;
  readonly #geo: GeoTable;
  readonly #total: Rows;
  readonly #countries: Rows;
  readonly #classes: Rows;
  readonly #hours: Rows;
  readonly #countryHours: Rows;
  readonly #inTotal: LaterSources;
  readonly #inCountries: LaterSources;
  /** AS numbers are no small numbers: their rows are looked up. */
  readonly #inAsns: LaterSources;
  readonly #inClasses: LaterSources;
  readonly #inHours: LaterSources;
  readonly #inCountryHours: LaterSources;

  constructor(day: Day, geo: GeoTable) {
    const { total, countries, asns, classes: classTable, hours, countryHours } = day.tables;
    this.#day = day;
    this.#geo = geo;
    this.#total = new Rows(total, SIDES);
    this.#countries = new Rows(countries, COUNTRIES * SIDES);
    this.#classes = new Rows(classTable, CLASSES.length);
    this.#hours = new Rows(hours, HOURS_PER_DAY);
    this.#countryHours = new Rows(countryHours, COUNTRIES * HOURS_PER_DAY);
    this.#inTotal = new LaterSources(total);
    this.#inCountries = new LaterSources(countries);
    this.#inAsns = new LaterSources(asns);
    this.#inClasses = new LaterSources(classTable);
    this.#inHours = new LaterSources(hours);
    this.#inCountryHours = new LaterSources(countryHours);
  }

  /** Every source, for what it was seen in since it was last entered. */
  enterAll(): void {
    for (let row = 0; row < this.#day.sources.count * WORDS; row += WORDS) this.enterRow(row);
  }

  /** The same for the source of this row. */
  enterRow(row: number): void {
    const { rows } = this.#day.sources;
    const seen = rows[row + SEEN]!;
    const entered = rows[row + ENTERED]!;
    if (seen === entered) return;
    this.enter(rows[row + PLACE]!, rows[row + KEY_HIGH]!, rows[row + KEY_LOW]!, seen, entered);
    rows[row + ENTERED] = seen;
  }

  /** A source, by its key, for what it was seen in, except where it was entered before. */
  enter(place: number, high: number, low: number, seen: number, entered: number): void {
    const country = this.#geo.placeCountry[place]!;
    for (let side = SCANNING_SIDE; side <= BACKSCATTER_SIDE; side++) {
      const ofSide = side === BACKSCATTER_SIDE ? BACKSCATTER_SEEN : SCANNING_SEEN;
      if ((seen & ofSide) === 0 || (entered & ofSide) !== 0) continue;
      this.#inTotal.add(this.#total.of(side, side, 0), high, low);
      this.#inCountries.add(this.#countries.of((country << 1) | side, country, side), high, low);
      this.#inAsns.add(this.#day.tables.asns.row(this.#geo.placeAsn[place]!, side), high, low);
    }
    const fresh = seen & ~entered;
    for (let packetClass = 0; packetClass < CLASSES.length; packetClass++)
      if ((fresh >>> (CLASS_SEEN_SHIFT + packetClass)) & 1)
        this.#inClasses.add(this.#classes.of(packetClass, packetClass, 0), high, low);
    for (let rest = fresh & HOURS_MASK; rest !== 0; rest &= rest - 1) {
      const hour = lowestBit(rest);
      this.#inHours.add(this.#hours.of(hour, hour, 0), high, low);
      this.#inCountryHours.add(this.#countryHours.of(country * HOURS_PER_DAY + hour, country, hour), high, low);
    }
  }

  finish(): void {
    for (const later of [
      this.#inTotal,
      this.#inCountries,
      this.#inAsns,
      this.#inClasses,
      this.#inHours,
      this.#inCountryHours,
    ])
      later.flush();
  }
}
