/** From which autonomous systems the packets to a port, from a country, or all of them came, over some days. */
import { setImmediate as breathe } from 'node:timers/promises';
import { dateOf } from '../../reduce/result.ts';
import type { Row as Counted } from '../../reduce/rows.ts';
import { readPortAsns } from '../../store/port-asns.ts';
import type { DayRange, DaySummary, StoreReader } from '../../store/query.ts';
import { type Coverage, meanPerSensor } from '../../store/series.ts';
import { rounded } from '../roles/guarded.ts';
import type { WholeView } from '../roles/roles.ts';
import type { Subject } from './by-kind.ts';
import { digitsOfMeans, type Figure, type Figures } from './figures.ts';
import type { Row } from './formats.ts';

export interface ByAsn {
  /** Days that the rows are of, and days with packets of which no AS is told. */
  readonly counted: string[];
  readonly notCounted: string[];
  /** Of ASes, on the last day counted. */
  readonly database: string | null;
  readonly rows: Row[];
}

type Day = Pick<DaySummary, 'day' | 'revision' | 'closed' | 'stale'>;
type AsnFigure = Pick<Counted, 'b' | 'packets'> & Pick<Figure, 'sources'>;

/** Some days, and what they come to by AS. */
interface Sums {
  readonly counted: readonly number[];
  readonly notCounted: readonly number[];
  /** Those that means are of. */
  readonly watched: readonly number[];
  readonly asns: ReadonlyMap<number, Pick<Figure, 'packets' | 'sources'>>;
}

const NO_SUMS: Sums = { counted: [], notCounted: [], watched: [], asns: new Map() };
/** The windows of a page, and one to page through. */
const keptMax = 4;

export class ByAsns {
  readonly #figures: Figures;
  readonly #store: StoreReader;
  /**
   * Of all packets and closed days, by day and revision, the least recently made first: to add up 92 days of 10,000 ASes takes a
   * sixth of a second, and every page of the answer needs it.
   */
  readonly #kept = new Map<string, Sums>();

  constructor(figures: Figures, store: StoreReader) {
    this.#figures = figures;
    this.#store = store;
  }

  /**
   * Most packets first. Means and shares are of the days counted. Of a port packets alone; of a country, or of all, where one day is
   * asked of, their sources too: those of several days cannot be added.
   */
  async rows(view: WholeView, range: DayRange, subject: Subject | undefined): Promise<ByAsn> {
    const { counted, notCounted, watched, asns } = await this.#sums(view, range, subject);
    const coverage = { hours: 0, sensorHours: 0, addressHours: 0 };
    for (const day of watched) addCoverage(coverage, this.#figures.coverage({ from: day, to: day }));
    const isOneDay = range.from === range.to;
    const all = [...asns.values()].reduce((sum, { packets }) => sum + packets, 0);
    const rows = [...asns]
      .sort(([a, m], [b, n]) => n.packets - m.packets || a - b)
      .map(([asn, { packets, sources }], n) => ({
        ...{ rank: n + 1, ...nameOf(subject), asn, packets },
        ...(subject?.table !== 'ports' && { sources: isOneDay ? sources : null }),
        ...{ meanPerSensor: told(meanPerSensor(packets, coverage)), share: told(packets / all) },
      }));
    const lastDay = Math.max(...counted);
    const database = counted.length === 0 ? null : databaseOf(this.#store, lastDay);
    return { counted: datesOf(counted), notCounted: datesOf(notCounted), database, rows };
  }

  async #sums(view: WholeView, range: DayRange, subject: Subject | undefined): Promise<Sums> {
    const days = this.#figures.days(view, range);
    if (subject !== undefined) return this.#added(NO_SUMS, view, days, subject);
    const isOver = ({ closed, stale }: Day) => closed && !stale;
    const over = days.filter(isOver);
    const name = over.map(({ day, revision }) => `${day} ${revision}`).join();
    const known = this.#kept.get(name) ?? (await this.#added(NO_SUMS, view, over, undefined));
    this.#kept.set(name, known);
    if (this.#kept.size > keptMax) this.#kept.delete(this.#kept.keys().next().value!);
    return this.#added(
      known,
      view,
      days.filter(day => !isOver(day)),
      undefined,
    );
  }

  /** What was there before stays as it is. */
  async #added(before: Sums, view: WholeView, days: readonly Day[], subject: Subject | undefined): Promise<Sums> {
    if (days.length === 0) return before;
    const [counted, notCounted, watched] = [[...before.counted], [...before.notCounted], [...before.watched]];
    const asns = new Map(before.asns);
    for (const head of days) {
      const { day } = head;
      const rows = subject?.table === 'ports' ? ofPort(this.#store, head, subject.a) : this.#ofAny(view, day, subject);
      const isSeen = rows !== undefined || this.#isThere(view, day, subject);
      if (isSeen) (rows === undefined ? notCounted : counted).push(day);
      if (rows !== undefined || !isSeen) watched.push(day);
      for (const { b, packets, sources } of rows ?? [])
        asns.set(b, { packets: (asns.get(b)?.packets ?? 0) + packets, sources });
      await breathe(); // others are answered by the same thread
    }
    return { counted, notCounted, watched, asns };
  }

  /** Of any day that was counted with a database of ASes; of a country, not by versions before. */
  #ofAny(view: WholeView, day: number, country: Subject | undefined): readonly AsnFigure[] | undefined {
    const made = databaseOf(this.#store, day) === null ? undefined : this.#figures.day(view, day);
    const rows: readonly AsnFigure[] =
      (country === undefined
        ? made?.rows('asns').map(({ a, packets, sources }) => ({ b: a, packets, sources }))
        : made?.rows('countryAsns', country.a)) ?? [];
    return rows.length === 0 ? undefined : rows;
  }

  /** Whether there were packets. */
  #isThere(view: WholeView, day: number, subject: Subject | undefined): boolean {
    const made = this.#figures.day(view, day);
    if (subject === undefined) return (made?.total.packets ?? 0) > 0;
    return (made?.rows(subject.table, subject.a).length ?? 0) > 0;
  }
}

const datesOf = (days: readonly number[]): string[] => days.toSorted((a, b) => a - b).map(dateOf);

/** Of a closed day, once it is counted from the log. */
const ofPort = (store: StoreReader, day: Day, target: number): AsnFigure[] | undefined =>
  day.closed ? readPortAsns(store.database, day, target) : undefined;

const nameOf = (subject: Subject | undefined): Row =>
  subject === undefined ? {} : { [subject.table === 'ports' ? 'port' : 'country']: subject.key };

/** Name and build date of the database of ASes that a day was counted with; null if it was counted without. */
export function databaseOf(store: StoreReader, day: number): string | null {
  const sha256 = store.geoOf(day);
  const asn = sha256 === undefined ? undefined : store.places(sha256).asn;
  return asn === undefined ? null : `${asn.name} ${asn.built}`;
}

function addCoverage(sum: { -readonly [Key in keyof Coverage]: number }, one: Coverage): void {
  sum.hours += one.hours;
  sum.sensorHours += one.sensorHours;
  sum.addressHours += one.addressHours;
}

const told = <T extends number | null>(value: T): T =>
  (value === null ? null : rounded(value, { digits: digitsOfMeans })) as T;
