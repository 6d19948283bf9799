/**
 * Our own figures and those of peers and imports side by side, in one unit: packets summed over the days that a source has, their
 * share of all its packets of these days, and the mean a sensor and day. No figure of one source goes into another's.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Peers, Source } from '../../peer/peers.ts';
import { dateOf } from '../../reduce/result.ts';
import type { DayRange } from '../../store/query.ts';
import { rounded } from '../roles/guarded.ts';
import type { AggregateView } from '../roles/roles.ts';
import { type Figures, shown } from './figures.ts';
import { inOrder } from './tables.ts';

export const COMPARE_TABLES = ['ports', 'countries'] as const;
export type CompareTable = (typeof COMPARE_TABLES)[number];

/** How our own figures are called among the sources. */
export const OWN = 'own';

/** What is said of a source, whose figures stand in a column. */
export interface Compared {
  readonly name: string;
  readonly kind: 'own' | Source['kind'];
  readonly view: AggregateView['kind'];
  /** Closed days of the range that it has. */
  readonly days: number;
  /** False where its tables of some day are cut short. */
  readonly complete: boolean;
  readonly packets: number;
  readonly geo: string | null;
  readonly built: string | null;
  /** When the oldest of these days came here; null of our own. */
  readonly taken: string | null;
  readonly to: string | null;
}

export interface ComparedRow {
  readonly source: string;
  readonly rank: number;
  /** As in reduce/rows.ts. */
  readonly a: number;
  readonly packets: number;
  readonly meanPerSensor: number | null;
  readonly share: number;
}

interface Question {
  readonly table: CompareTable;
  readonly range: DayRange;
  /** Of each source; a name that is among any one's busiest is told of all. */
  readonly top: number;
  /** Undefined while nothing of our own is counted. */
  readonly own: { readonly figures: Figures; readonly view: AggregateView } | undefined;
  readonly peers: { readonly of: Peers | undefined; readonly sources: readonly Source[] };
}

const digits = 6;

/** Sums of a source, by name. */
class Sums {
  days = 0;
  packets = 0;
  complete = true;
  /** Unknown as soon as one day has none. */
  readonly #cells = new Map<number, { packets: number; mean: number | null }>();

  addDay(packets: number, complete: boolean): void {
    this.days++;
    this.packets += packets;
    this.complete &&= complete;
  }

  addCell(a: number, packets: number, mean: number | null): void {
    const cell = this.#cells.get(a) ?? { packets: 0, mean: 0 };
    cell.packets += packets;
    cell.mean = cell.mean === null || mean === null ? null : cell.mean + mean;
    this.#cells.set(a, cell);
  }

  /** Most packets first. */
  rows(source: string): ComparedRow[] {
    return [...this.#cells]
      .sort(([a, x], [b, y]) => y.packets - x.packets || a - b)
      .map(([a, { packets, mean }], n) => ({
        ...{ source, rank: n + 1, a, packets },
        meanPerSensor: mean === null ? null : rounded(mean / this.days, { digits }),
        share: this.packets === 0 ? 0 : Math.min(1, rounded(packets / this.packets, { digits })),
      }));
  }
}

/** Our own first; rows by name, the largest share of any source first, then by source. */
export async function compareAll({ table, range, top, own, peers }: Question) {
  const sources: Compared[] = [];
  const all: ComparedRow[][] = [];
  if (own !== undefined) {
    const { source, sums } = await ownSums(own.figures, own.view, table, range);
    sources.push(source);
    all.push(sums.rows(OWN));
  }
  for (const one of peers.sources) {
    const { source, sums } = peerSums(peers.of!, one, table, range);
    sources.push(source);
    all.push(sums.rows(one.name));
    await breathe(); // others are answered by the same thread
  }
  const best = new Map<number, number>();
  for (const rows of all) for (const { a, share } of rows.slice(0, top)) best.set(a, Math.max(best.get(a) ?? 0, share));
  const order = new Map([...best].sort(([a, x], [b, y]) => y - x || a - b).map(([a], n) => [a, n]));
  const rows = all
    .flatMap(list => list.filter(({ a }) => order.has(a)))
    .map((row, n) => ({ row, n }))
    .sort((x, y) => order.get(x.row.a)! - order.get(y.row.a)! || x.n - y.n)
    .map(({ row }) => row);
  return { sources, rows };
}

async function ownSums(figures: Figures, view: AggregateView, table: CompareTable, range: DayRange) {
  const sums = new Sums();
  let geo: { name: string; built: string } | undefined;
  let last: string | null = null;
  for (const { day, date, closed, stale } of figures.days(view, range)) {
    if (!closed || stale) continue;
    const found = figures.day(view, day);
    if (found === undefined) continue;
    const { total, coverage } = found;
    sums.addDay(shown(view, total, total, coverage).packets, view.kind === 'whole');
    for (const figure of inOrder(view, found.rows(table), {})) {
      const { packets, meanPerSensor } = shown(view, figure, total, coverage);
      sums.addCell(figure.a, packets, meanPerSensor);
    }
    geo = found.geo;
    last = date;
    await breathe();
  }
  const { days, complete, packets } = sums;
  const source: Compared = {
    ...{ name: OWN, kind: 'own', view: view.kind, days, complete, packets },
    ...{ geo: geo?.name ?? null, built: geo?.built ?? null, taken: null, to: last },
  };
  return { source, sums };
}

function peerSums(peers: Peers, source: Source, table: CompareTable, { from, to }: DayRange) {
  const sums = new Sums();
  let guarded = source.kind === 'peer' && source.tokenFile === null;
  const days = peers.days(source, from, to);
  for (const { day, packets, guarded: isGuarded } of days) {
    const found = peers.table(source, day, table);
    sums.addDay(packets, found?.complete ?? false);
    guarded ||= isGuarded;
    for (const { a, packets: own, meanPerSensor } of found?.cells ?? []) sums.addCell(a, own, meanPerSensor);
  }
  const { complete, packets } = sums;
  const last = peers.lastDay(source);
  const oldest = Math.min(...days.map(({ takenMs }) => takenMs));
  const geo = days.at(-1)?.geo;
  const told: Compared = {
    ...{
      name: source.name,
      kind: source.kind,
      view: guarded ? 'guarded' : 'whole',
      days: days.length,
      complete,
      packets,
    },
    ...{ geo: geo?.name ?? null, built: geo?.built ?? null },
    taken: days.length === 0 ? null : `${new Date(oldest).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)}Z`,
    to: last === undefined ? null : dateOf(last),
  };
  return { source: told, sums };
}
