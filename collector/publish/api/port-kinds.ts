/** What a port's packets were, day by day: by class and by the marks of tools; and from which autonomous systems they came. */
import { setImmediate as breathe } from 'node:timers/promises';
import { HOUR_MS } from '../../../common/time.ts';
import { KINDS } from '../../reduce/day.ts';
import { dateOf } from '../../reduce/result.ts';
import { readPortAsns } from '../../store/port-asns.ts';
import type { DayRange, StoreReader } from '../../store/query.ts';
import { type Coverage, meanPerSensor } from '../../store/series.ts';
import { rounded } from '../roles/guarded.ts';
import type { WholeView } from '../roles/roles.ts';
import { digitsOfMeans, type Figures, shown } from './figures.ts';
import type { Row } from './formats.ts';
import { timeText } from './series.ts';

const hoursPerDay = 24;

/** A row a day and kind; null where the day was counted before kinds were. */
export async function portKindRows(
  view: WholeView,
  figures: Figures,
  range: DayRange,
  port: string,
  target: number,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { day } of figures.days(view, range)) {
    const one = figures.day(view, day);
    if (one === undefined) continue;
    const found = one.rows('portKinds', target);
    const isCounted = found.length > 0 || one.rows('ports', target).length === 0;
    for (const [n, kind] of KINDS.entries()) {
      const figure = found.find(({ b }) => b === n) ?? { ...NOTHING, a: target, b: n };
      const { packets, meanPerSensor: mean } = shown(view, figure, one.total, one.coverage);
      rows.push({
        ...{ start: timeText(day * hoursPerDay * HOUR_MS), port, kind },
        ...{ packets: isCounted ? packets : null, meanPerSensor: isCounted ? mean : null },
      });
    }
    await breathe(); // others are answered by the same thread
  }
  return rows;
}

const NOTHING = { packets: 0, sources: 0, scanningSources: 0 };

export interface PortAsns {
  /** Days that the rows are of, and days with packets to the port of which no AS is told. */
  readonly counted: string[];
  readonly notCounted: string[];
  /** Of ASes, on the last day counted. */
  readonly database: string | null;
  readonly rows: Row[];
}

/** Most packets first. Means and shares are of the days counted. */
export async function portAsns(
  view: WholeView,
  { figures, store }: { readonly figures: Figures; readonly store: StoreReader },
  range: DayRange,
  port: string,
  target: number,
): Promise<PortAsns> {
  const [counted, notCounted]: string[][] = [[], []];
  const sums = new Map<number, number>();
  const coverage = { hours: 0, sensorHours: 0, addressHours: 0 };
  let database: string | null = null;
  for (const head of figures.days(view, range)) {
    const { day, closed } = head;
    const rows = closed ? readPortAsns(store.database, head, target) : undefined;
    const isSeen = rows !== undefined || (figures.day(view, day)?.rows('ports', target).length ?? 0) > 0;
    if (isSeen) (rows === undefined ? notCounted : counted)!.push(dateOf(day));
    if (rows !== undefined || !isSeen) addCoverage(coverage, figures.coverage({ from: day, to: day }));
    if (rows !== undefined) database = databaseOf(store, day);
    for (const { b, packets } of rows ?? []) sums.set(b, (sums.get(b) ?? 0) + packets);
    await breathe(); // others are answered by the same thread
  }
  const all = [...sums.values()].reduce((sum, packets) => sum + packets, 0);
  const rows = [...sums]
    .sort(([a, m], [b, n]) => n - m || a - b)
    .map(([asn, packets], n) => ({
      ...{ rank: n + 1, port, asn, packets },
      ...{ meanPerSensor: told(meanPerSensor(packets, coverage)), share: told(packets / all) },
    }));
  return { counted: counted!, notCounted: notCounted!, database, rows };
}

/** Name and build date of the database of ASes that a day was counted with. */
function databaseOf(store: StoreReader, day: number): string | null {
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
