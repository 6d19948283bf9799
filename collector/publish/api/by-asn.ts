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

interface Sources {
  readonly figures: Figures;
  readonly store: StoreReader;
}

type Day = Pick<DaySummary, 'day' | 'revision' | 'closed'>;
type AsnFigure = Pick<Counted, 'b' | 'packets'> & Pick<Figure, 'sources'>;

/**
 * Most packets first. Means and shares are of the days counted. Of a port packets alone; of a country, or of all, where one day is asked
 * of, their sources too: those of several days cannot be added.
 */
export async function asnRows(
  view: WholeView,
  from: Sources,
  range: DayRange,
  subject: Subject | undefined,
): Promise<ByAsn> {
  const { figures, store } = from;
  const [counted, notCounted]: string[][] = [[], []];
  const sums = new Map<number, { packets: number; sources: number | null }>();
  const coverage = { hours: 0, sensorHours: 0, addressHours: 0 };
  let database: string | null = null;
  for (const head of figures.days(view, range)) {
    const { day } = head;
    const rows = subject?.table === 'ports' ? ofPort(store, head, subject.a) : ofAny(view, from, day, subject);
    const isSeen = rows !== undefined || isThere(view, from, day, subject);
    if (isSeen) (rows === undefined ? notCounted : counted)!.push(dateOf(day));
    if (rows !== undefined || !isSeen) addCoverage(coverage, figures.coverage({ from: day, to: day }));
    if (rows !== undefined) database = databaseOf(store, day);
    for (const { b, packets, sources } of rows ?? [])
      sums.set(b, { packets: (sums.get(b)?.packets ?? 0) + packets, sources });
    await breathe(); // others are answered by the same thread
  }
  const isOneDay = range.from === range.to;
  const all = [...sums.values()].reduce((sum, { packets }) => sum + packets, 0);
  const rows = [...sums]
    .sort(([a, m], [b, n]) => n.packets - m.packets || a - b)
    .map(([asn, { packets, sources }], n) => ({
      ...{ rank: n + 1, ...nameOf(subject), asn, packets },
      ...(subject?.table !== 'ports' && { sources: isOneDay ? sources : null }),
      ...{ meanPerSensor: told(meanPerSensor(packets, coverage)), share: told(packets / all) },
    }));
  return { counted: counted!, notCounted: notCounted!, database, rows };
}

/** Of a closed day, once it is counted from the log. */
const ofPort = (store: StoreReader, day: Day, target: number): AsnFigure[] | undefined =>
  day.closed ? readPortAsns(store.database, day, target) : undefined;

/** Of any day that was counted with a database of ASes; of a country, not by versions before. */
function ofAny(view: WholeView, { figures, store }: Sources, day: number, country: Subject | undefined) {
  const made = databaseOf(store, day) === null ? undefined : figures.day(view, day);
  const rows: readonly AsnFigure[] =
    (country === undefined
      ? made?.rows('asns').map(({ a, packets, sources }) => ({ b: a, packets, sources }))
      : made?.rows('countryAsns', country.a)) ?? [];
  return rows.length === 0 ? undefined : rows;
}

/** Whether there were packets. */
function isThere(view: WholeView, { figures }: Sources, day: number, subject: Subject | undefined): boolean {
  const made = figures.day(view, day);
  if (subject === undefined) return (made?.total.packets ?? 0) > 0;
  return (made?.rows(subject.table, subject.a).length ?? 0) > 0;
}

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
