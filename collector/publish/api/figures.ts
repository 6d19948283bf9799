/**
 * The figures of days, through a view: everything the routes say of packets and sources comes from here, so that none can say
 * more than its reader may see.
 */
import { DAY_MS } from '../../../common/time.ts';
import type { GeoSource } from '../../reduce/results.ts';
import type { RowTable } from '../../reduce/rows.ts';
import type { Placement } from '../../registry/registry.ts';
import type { DayRange, DaySummary, StoreReader } from '../../store/query.ts';
import { type Coverage, coverageOf, meanPerSensor, watchedShares } from '../../store/series.ts';
import { daysWithFiles } from '../exports/open.ts';
import { type GuardedCell, guardedCells, publishedRows, rounded } from '../roles/guarded.ts';
import { type AggregateView, type GuardedView, PUBLIC_TABLES, type PublicTable } from '../roles/roles.ts';

/** Counts of a cell, named as in reduce/rows.ts. Sources are null where they are not for this reader. */
export interface Figure {
  readonly a: number;
  readonly b: number;
  readonly packets: number;
  readonly sources: number | null;
  readonly scanningSources: number | null;
}

export type DayState = 'open' | 'closed' | 'revised';

export interface DayFigures {
  /** Days since 1970, and YYYY-MM-DD. */
  readonly day: number;
  readonly date: string;
  readonly revision: number;
  readonly state: DayState;
  /** Of an open day: when the last batch that is counted in it was received. */
  readonly untilMs?: number;
  readonly total: Figure;
  readonly coverage: Coverage;
  readonly geo: GeoSource;
  /** Most packets first; of all names, or of those whose first word is `a`. Of what the view does not have, none. */
  rows(table: RowTable, a?: number): readonly Figure[];
  /** The row of one name as the view is told it; undefined where there is none, or where the public is told none. */
  row(table: RowTable, a: number): Figure | undefined;
}

/** `packets` are as they were counted: not for everyone. */
type DayHead = Pick<DaySummary, 'day' | 'date' | 'revision' | 'closed' | 'stale' | 'packets'>;
/** Guarded tables that are kept: totals are one cell, others may be thousands. */
const keptMax = { total: 4096, other: 256 };
/** Rows that are kept of what the public is told of tables: by the default rule two years of ports and of countries each. */
const toldRowsMax = 16_384;

export const stateOf = ({ closed, stale, revision }: Pick<DayHead, 'closed' | 'stale' | 'revision'>): DayState =>
  !closed || stale ? 'open' : revision > 1 ? 'revised' : 'closed';

export class Figures {
  readonly #store: StoreReader;
  readonly #placements: () => readonly Placement[];
  /** By day, revision, rule and table, the least recently made first. A closed day's do not change. */
  readonly #guarded = { total: new Map<string, GuardedCell[]>(), other: new Map<string, GuardedCell[]>() };
  /** What is told of them: a year's series of the public needs no more, and to make a day's ports anew takes a fiftieth of a second. */
  readonly #told = new Map<string, readonly Figure[]>();

  constructor(store: StoreReader, placements: () => readonly Placement[]) {
    this.#store = store;
    this.#placements = placements;
  }

  /** Days that the view may have something of, ascending, at the cost of no more than a look. */
  days(view: AggregateView, range: DayRange): DayHead[] {
    if (view.kind === 'whole') return daysWithFiles(this.#store, range);
    return this.#store.daysWithRecords(range).filter(day => isPublic(day, view));
  }

  /** Undefined if the view has nothing of the day. Throws `BadState`. */
  day(view: AggregateView, day: number): DayFigures | undefined {
    return this.#store.together(() => {
      const [head] = daysWithFiles(this.#store, { from: day, to: day });
      if (head === undefined) return undefined;
      return view.kind === 'whole' ? this.#whole(head) : this.#published(view, head);
    });
  }

  /** Of a range of days, whoever asks: how much was watched. */
  coverage = (range: DayRange): Coverage => coverageOf(watchedShares(this.#store, range), range, () => 1);

  #whole(head: DayHead): DayFigures | undefined {
    if (head.packets === 0) return { ...this.#headOf(head), total: NOTHING, rows: () => [], row: () => undefined };
    const rows = this.#store.rows(head.day);
    const [total] = rows?.rows('total') ?? [];
    if (rows === undefined || total === undefined) return undefined;
    const untilMs = head.closed ? undefined : this.#store.told(head.day)?.untilMs;
    return {
      ...this.#headOf(head),
      ...(untilMs !== undefined && { untilMs }),
      ...{ total, rows: (table, a) => rows.rows(table, a) },
      row: (table, a) => rows.rows(table, a).find(row => row.a === a),
    };
  }

  #published(view: GuardedView, head: DayHead): DayFigures | undefined {
    if (!isPublic(head, view)) return undefined;
    const [total] = this.#guardedTable(view, head, 'total');
    if (total === undefined) return undefined;
    const rows = (table: RowTable) => (isPublicTable(table) ? figuresOf(this.#guardedTable(view, head, table)) : []);
    const row = (table: RowTable, a: number) =>
      isPublicTable(table) ? this.#toldRows(view, head, table).find(one => one.a === a) : undefined;
    return { ...this.#headOf(head), total: figuresOf([total])[0]!, rows, row };
  }

  #toldRows(view: GuardedView, head: DayHead, table: PublicTable): readonly Figure[] {
    const { digits, rowsMax } = view.rule;
    const key = `${keyOf(view, head, table)} ${digits} ${rowsMax}`;
    const known = this.#told.get(key);
    if (known !== undefined) return known;
    const told = figuresOf(publishedRows(this.#guardedTable(view, head, table), view.rule));
    this.#told.set(key, told);
    while (this.#told.size > toldRowsMax / Math.max(1, rowsMax)) this.#told.delete(this.#told.keys().next().value!);
    return told;
  }

  #headOf(head: DayHead): Omit<DayFigures, 'total' | 'rows' | 'row'> {
    const { day, date, revision } = head;
    const sha256 = this.#store.geoOf(day)!;
    const coverage = this.coverage({ from: day, to: day });
    return { day, date, revision, state: stateOf(head), coverage, geo: this.#store.places(sha256).geo };
  }

  #guardedTable(view: GuardedView, head: DayHead, table: PublicTable): readonly GuardedCell[] {
    const { rule } = view;
    const { day } = head;
    const key = keyOf(view, head, table);
    const known = this.#kept(table).get(key);
    if (known !== undefined) return known;
    const sensors = this.#sensorsOf(day);
    const owners = ownersOn(this.#placements(), day);
    // A public day is closed: what each sensor counted alone stands in its rows.
    const rows = this.#store.sensorRows(day, table);
    const bySensor = new Map(sensors.map(sensor => [sensor, rows.get(sensor) ?? []]));
    const cells = guardedCells(bySensor, sensor => owners.get(sensor), rule);
    const kept = this.#kept(table);
    kept.set(
      key,
      cells.sort((x, y) => y.packets - x.packets || x.a - y.a || x.b - y.b),
    );
    if (kept.size > keptMax[table === 'total' ? table : 'other']) kept.delete(kept.keys().next().value!);
    return kept.get(key)!;
  }

  #kept = (table: PublicTable) => this.#guarded[table === 'total' ? table : 'other'];

  /** Sensors that counted something of the day. */
  #sensorsOf(day: number): number[] {
    const excluded = new Set(this.#store.excludedOn(day));
    const accounts = this.#store.accounts({ from: day, to: day });
    return accounts
      .filter(({ sensor, misdated, records }) => !misdated && records > 0 && !excluded.has(sensor))
      .map(({ sensor }) => sensor);
  }
}

/** Of a day of which every sensor was left out. */
const NOTHING: Figure = { a: 0, b: 0, packets: 0, sources: 0, scanningSources: 0 };

const isPublic = ({ day, closed, stale }: DayHead, { lastDay }: GuardedView): boolean =>
  day <= lastDay && closed && !stale;

const keyOf = ({ rule }: GuardedView, { day, revision }: DayHead, table: PublicTable): string =>
  `${day} ${revision} ${rule.sensorsMin} ${rule.ownersMin} ${table}`;

const isPublicTable = (table: RowTable): table is PublicTable => (PUBLIC_TABLES as readonly string[]).includes(table);

const figuresOf = (cells: readonly GuardedCell[]): Figure[] =>
  cells.map(cell => ({ ...cell, sources: null, scanningSources: null }));

/** Who owned each sensor when the day ended; its first owner before there was one. */
export function ownersOn(placements: readonly Placement[], day: number): ReadonlyMap<number, string> {
  const owners = new Map<number, string>();
  for (const { index, owner, fromMs } of placements)
    if (!owners.has(index) || fromMs < (day + 1) * DAY_MS) owners.set(index, owner);
  return owners;
}

/** Sensors that belonged to this organisation all the day long. */
export function ownedAllDay(placements: readonly Placement[], owner: string, day: number): ReadonlySet<number> {
  const bySensor = Map.groupBy(placements, ({ index }) => index);
  const owned = new Set<number>();
  for (const [sensor, list] of bySensor) {
    const inForce = list.filter(
      (_, n) => (n === 0 || list[n]!.fromMs < (day + 1) * DAY_MS) && (list[n + 1]?.fromMs ?? Infinity) > day * DAY_MS,
    );
    if (inForce.length > 0 && inForce.every(one => one.owner === owner)) owned.add(sensor);
  }
  return owned;
}

export interface Shown {
  readonly packets: number;
  readonly sources: number | null;
  readonly scanningSources: number | null;
  /** Packets by sensor, had it watched all the time (ISDAS's unit); null where too little was watched. */
  readonly meanPerSensor: number | null;
  /** Of all packets. */
  readonly share: number;
}

export const digitsOfMeans = 6;

/** A figure as it is told. The mean and the share come from the packets told, so that together they tell no more. */
export function shown(view: AggregateView, figure: Figure, total: Pick<Figure, 'packets'>, coverage: Coverage): Shown {
  const rule = view.kind === 'whole' ? undefined : view.rule;
  const packets = rule === undefined ? figure.packets : rounded(figure.packets, rule);
  const all = rule === undefined ? total.packets : rounded(total.packets, rule);
  const ratio = (value: number) => rounded(value, rule ?? { digits: digitsOfMeans });
  const mean = meanPerSensor(packets, coverage);
  return {
    packets,
    sources: figure.sources,
    scanningSources: figure.scanningSources,
    meanPerSensor: mean === null ? null : ratio(mean),
    share: all === 0 ? 0 : Math.min(1, ratio(packets / all)),
  };
}
