/**
 * The sensors of one economy against all others, as TSUBAME's Report Overflow had it: what comes to everybody alike is noise of
 * the Internet, what comes to one side alone is aimed.
 *
 * The public is shown one split of a day and no second: the economy with the most sensors, if both sides have enough sensors and
 * owners for the public's rule, and of ports those that enough of both sides saw. Whatever is left of the figures of all sensors
 * when one side is taken away is then the other side, which is published too. Of two splits the difference could be one sensor.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { DAY_MS } from '../../../common/time.ts';
import type { Placement } from '../../registry/registry.ts';
import type { DayRange, StoreReader } from '../../store/query.ts';
import { completeness, meanPerSensor } from '../../store/series.ts';
import { guardedCells, publishedRows, rounded, type SensorCell } from '../roles/guarded.ts';
import type { AggregateView, GuardedView, PublicRule } from '../roles/roles.ts';
import { digitsOfMeans, type Figures, ownersOn } from './figures.ts';
import type { Row } from './formats.ts';
import { type DayHead, type PortsOfDay, type SensorPorts, sensorPortsMax } from './sensor-ports.ts';
import { timeText } from './series.ts';
import { targetRow } from './tables.ts';

export const SIDES = ['domestic', 'overseas'] as const;
export type Side = (typeof SIDES)[number];

/** Sides of days whose ports are remembered. */
const keptMax = 512;
const hoursPerDay = 24;

/** Where each sensor stood when the day ended; at its first place before there was one. */
export function economiesOn(placements: readonly Placement[], day: number): ReadonlyMap<number, string> {
  const economies = new Map<number, string>();
  for (const { index, economy, fromMs } of placements)
    if (!economies.has(index) || fromMs < (day + 1) * DAY_MS) economies.set(index, economy);
  return economies;
}

/** The one economy that the public may see against the rest, if any. `sensors` are those that counted something. */
export function publicSplit(
  sensors: readonly number[],
  economyOf: (sensor: number) => string | undefined,
  ownerOf: (sensor: number) => string | undefined,
  rule: Pick<PublicRule, 'sensorsMin' | 'ownersMin'>,
): string | undefined {
  const isEnough = (side: readonly number[]) =>
    side.length >= rule.sensorsMin && new Set(side.map(ownerOf)).size >= rule.ownersMin;
  const byEconomy = Map.groupBy(sensors, economyOf);
  const enough = [...byEconomy].flatMap(([economy, side]) => {
    if (economy === undefined || !isEnough(side)) return [];
    const rest = sensors.filter(sensor => economyOf(sensor) !== economy);
    return isEnough(rest) ? [{ economy, size: side.length }] : [];
  });
  return enough.sort((x, y) => y.size - x.size || (x.economy < y.economy ? -1 : 1))[0]?.economy;
}

/** What each sensor counted of a day and how long it watched, and whose it was and where. */
interface SensorDay {
  readonly head: DayHead;
  /** Packets of those that counted something. */
  readonly packetsOf: ReadonlyMap<number, number>;
  /** Share of the day. */
  readonly watchedOf: ReadonlyMap<number, number>;
  readonly economyOf: (sensor: number) => string | undefined;
  readonly ownerOf: (sensor: number) => string | undefined;
}

interface SplitDay {
  readonly head: DayHead;
  /** Sensors that counted something, and their packets. */
  readonly packets: Readonly<Record<Side, ReadonlyMap<number, number>>>;
  readonly sensorHours: Readonly<Record<Side, number>>;
  readonly ownerOf: (sensor: number) => string | undefined;
}

export interface DomesticPowers {
  readonly placements: () => readonly Placement[];
  readonly figures: Figures;
  readonly ports: SensorPorts;
}

export class Domestic {
  readonly #store: StoreReader;
  readonly #placements: () => readonly Placement[];
  readonly #figures: Figures;
  readonly #ports: SensorPorts;
  /** Ports of a side and a day, the least recently made first. */
  readonly #kept = new Map<string, readonly SensorCell[]>();

  constructor(store: StoreReader, { placements, figures, ports }: DomesticPowers) {
    this.#store = store;
    this.#placements = placements;
    this.#figures = figures;
    this.#ports = ports;
  }

  /** Economies that can be asked for, by how many sensors they have; the public is told no number. */
  economies(view: AggregateView, range: DayRange): Row[] {
    const found = new Map<string, Set<number>>();
    for (const { packetsOf, economyOf, ownerOf } of this.#days(view, range)) {
      const sensors = [...packetsOf.keys()];
      const split = view.kind === 'whole' ? undefined : publicSplit(sensors, economyOf, ownerOf, view.rule);
      for (const sensor of sensors) {
        const economy = economyOf(sensor)!;
        if (view.kind === 'guarded' && economy !== split) continue;
        found.set(economy, (found.get(economy) ?? new Set()).add(sensor));
      }
    }
    return [...found]
      .sort(([a, x], [b, y]) => y.size - x.size || (a < b ? -1 : 1))
      .map(([economy, { size }]) => ({ economy, sensors: view.kind === 'whole' ? size : null }));
  }

  /** Two rows a day. */
  series(view: AggregateView, range: DayRange, economy: string): Row[] {
    return this.#splits(view, range, economy).flatMap(split => {
      const told = SIDES.map(side => ({ side, counted: totalOf(view, split, side) }));
      if (told.some(({ counted }) => counted === undefined)) return []; // too few of one side saw something
      return told.map(({ side, counted = 0 }) => {
        const packets = roundedFor(view, counted);
        const sensors = view.kind === 'whole' ? split.packets[side].size : null;
        const meanPerSensor = meanOf(view, packets, { from: split.head.day, to: split.head.day }, [split], side);
        const sources = view.kind === 'whole' ? this.#sources(split, side) : null;
        return { start: timeText(split.head.day * DAY_MS), side, sensors, packets, meanPerSensor, sources };
      });
    });
  }

  /** Ports of each side over all the days, most packets first, at most `max` a side. */
  async ports(view: AggregateView, range: DayRange, economy: string, max: number): Promise<Row[]> {
    const splits = this.#splits(view, range, economy);
    const sums = { domestic: new Map<number, number>(), overseas: new Map<number, number>() };
    for (const split of splits) {
      const cells = this.#cells(view, split);
      for (const side of SIDES)
        for (const { a, packets } of cells[side]) sums[side].set(a, (sums[side].get(a) ?? 0) + packets);
      await breathe(); // others are answered by the same thread
    }
    return SIDES.flatMap(side => {
      const cells = [...sums[side]].map(([a, packets]) => ({ a, b: 0, packets }));
      const all = splits.reduce((sum, split) => sum + (totalOf(view, split, side) ?? 0), 0);
      const total = roundedFor(view, all);
      return inOrder(view, cells)
        .slice(0, max)
        .map(({ a, packets }, n): Row => {
          const share = total === 0 ? 0 : Math.min(1, packets / total);
          const meanPerSensor = meanOf(view, packets, range, splits, side);
          return { side, rank: n + 1, ...targetRow(a), packets, meanPerSensor, share: ratioFor(view, share) };
        });
    });
  }

  /**
   * What a sensor of the side had of distinct sources, in the mean: sides of many sensors and of few can be compared by it, as they
   * could not be by the sources of all of a side.
   */
  #sources({ head, packets }: SplitDay, side: Side): number | null {
    const bySensor = this.#store.sensorSources(head.day);
    const counts = [...packets[side].keys()].flatMap(sensor => bySensor?.get(sensor) ?? []);
    if (counts.length === 0) return null;
    return rounded(counts.reduce((sum, count) => sum + count, 0) / counts.length, { digits: digitsOfMeans });
  }

  /** Days that the view may have something of; all of them are read at once. */
  #days(view: AggregateView, range: DayRange): SensorDay[] {
    const placements = this.#placements();
    const byDay = Map.groupBy(completeness(this.#store, range), ({ day }) => day);
    return this.#figures.days(view, range).map(head => {
      const [economies, owners] = [economiesOn(placements, head.day), ownersOn(placements, head.day)];
      // Of a registry put back there may be sensors that nobody knows.
      const rows = (byDay.get(head.day) ?? []).filter(({ sensor, excluded }) => !excluded && economies.has(sensor));
      return {
        head,
        packetsOf: new Map(rows.filter(({ records }) => records > 0).map(({ sensor, records }) => [sensor, records])),
        watchedOf: new Map(rows.map(({ sensor, watched }) => [sensor, watched])),
        economyOf: sensor => economies.get(sensor),
        ownerOf: sensor => owners.get(sensor),
      };
    });
  }

  /** Days of which the view has this split. */
  #splits(view: AggregateView, range: DayRange, economy: string): SplitDay[] {
    return this.#days(view, range).flatMap(({ head, packetsOf, watchedOf, economyOf, ownerOf }) => {
      const sensors = [...packetsOf.keys()];
      if (view.kind === 'guarded' && publicSplit(sensors, economyOf, ownerOf, view.rule) !== economy) return [];
      const ofSide = (of: ReadonlyMap<number, number>, isHere: boolean) =>
        new Map([...of].filter(([sensor]) => (economyOf(sensor) === economy) === isHere));
      const hours = (isHere: boolean) =>
        hoursPerDay * [...ofSide(watchedOf, isHere).values()].reduce((sum, watched) => sum + watched, 0);
      return [
        {
          ...{ head, ownerOf },
          packets: { domestic: ofSide(packetsOf, true), overseas: ofSide(packetsOf, false) },
          sensorHours: { domestic: hours(true), overseas: hours(false) },
        },
      ];
    });
  }

  #cells(view: AggregateView, split: SplitDay): Record<Side, readonly SensorCell[]> {
    const ports = this.#ports.day(split.head);
    const domestic = this.#sideCells(view, split, 'domestic', ports);
    const overseas = this.#sideCells(view, split, 'overseas', ports);
    if (view.kind === 'whole') return { domestic, overseas };
    const inBoth = (cells: readonly SensorCell[], others: readonly SensorCell[]) => {
      const names = new Set(others.map(({ a }) => a));
      return cells.filter(({ a }) => names.has(a));
    };
    return { domestic: inBoth(domestic, overseas), overseas: inBoth(overseas, domestic) };
  }

  /** Kept until the day or its sensors change. */
  #sideCells(view: AggregateView, split: SplitDay, side: Side, ports: PortsOfDay): readonly SensorCell[] {
    const { packets, ownerOf } = split;
    const rule = view.kind === 'whole' ? 'whole' : `${view.rule.sensorsMin} ${view.rule.ownersMin}`;
    const key = `${ports.made} ${side} ${rule} ${[...packets[side].keys()].join()}`;
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const parts = new Map([...packets[side].keys()].map(sensor => [sensor, ports.of(sensor)]));
    const cells = view.kind === 'whole' ? addedUp(parts.values()) : guardedCells(parts, ownerOf, view.rule);
    const made = cells.sort((x, y) => y.packets - x.packets || x.a - y.a).slice(0, sensorPortsMax);
    this.#kept.set(key, made);
    if (this.#kept.size > keptMax) this.#kept.delete(this.#kept.keys().next().value!);
    return made;
  }
}

function addedUp(parts: Iterable<readonly SensorCell[]>): SensorCell[] {
  const sums = new Map<number, number>();
  for (const cells of parts) for (const { a, packets } of cells) sums.set(a, (sums.get(a) ?? 0) + packets);
  return [...sums].map(([a, packets]) => ({ a, b: 0, packets }));
}

/** Undefined if the view has nothing of it. */
function totalOf(view: AggregateView, { packets, ownerOf }: SplitDay, side: Side): number | undefined {
  if (view.kind === 'whole') return [...packets[side].values()].reduce((sum, count) => sum + count, 0);
  const parts = new Map([...packets[side]].map(([sensor, count]) => [sensor, [{ a: 0, b: 0, packets: count }]]));
  return guardedCells(parts, ownerOf, view.rule)[0]?.packets;
}

/** ISDAS's unit, of the sensors of a side. */
function meanOf(
  view: AggregateView,
  packets: number,
  { from, to }: DayRange,
  splits: readonly SplitDay[],
  side: Side,
): number | null {
  const sensorHours = splits.reduce((sum, split) => sum + split.sensorHours[side], 0);
  const mean = meanPerSensor(packets, { hours: hoursPerDay * (to - from + 1), sensorHours, addressHours: 0 });
  return mean === null ? null : ratioFor(view, mean);
}

const inOrder = (view: AggregateView, cells: SensorCell[]): readonly SensorCell[] =>
  view.kind === 'whole'
    ? cells.sort((x, y) => y.packets - x.packets || x.a - y.a)
    : publishedRows(cells, (view as GuardedView).rule);

const roundedFor = (view: AggregateView, value: number): number =>
  view.kind === 'whole' ? value : rounded(value, view.rule);
const ratioFor = (view: AggregateView, value: number): number =>
  rounded(value, view.kind === 'whole' ? { digits: digitsOfMeans } : view.rule);
