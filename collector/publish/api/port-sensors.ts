/**
 * Which sensors saw a port, and what ports a sensor saw: whether something is the Internet's or one network's. Those of its own a
 * member is told by name; of all others together how many counted, how many of them saw it, and how much the busiest had of it.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { dateOf } from '../../reduce/result.ts';
import type { Placement, Sensor } from '../../registry/registry.ts';
import type { DayRange, StoreReader } from '../../store/query.ts';
import { rounded } from '../roles/guarded.ts';
import type { SensorsView } from '../roles/roles.ts';
import { economiesOn } from './domestic.ts';
import { digitsOfMeans, ownedAllDay, ownersOn } from './figures.ts';
import type { Row } from './formats.ts';
import type { DayHead, SensorPorts } from './sensor-ports.ts';
import { targetRow } from './tables.ts';

/** Days whose counts of a port by sensor are remembered. */
const keptMax = 1024;

export interface Registered {
  readonly sensors: readonly Sensor[];
  readonly placements: readonly Placement[];
}

/** A sensor's packets to the port, and all it counted. */
interface Seen {
  readonly sensor: number;
  readonly packets: number;
  readonly all: number;
}

export class PortSensors {
  readonly #store: StoreReader;
  readonly #ports: SensorPorts;
  readonly #kept = new Map<string, readonly Seen[]>();

  constructor(store: StoreReader, ports: SensorPorts) {
    this.#store = store;
    this.#ports = ports;
  }

  /** Rows of every sensor that counted anything, by day. */
  async ofPort(view: SensorsView, range: DayRange, target: number, registered: Registered): Promise<Row[]> {
    const rows: Row[] = [];
    for (const head of this.#store.daysWithRecords(range)) {
      rows.push(...portRows(view, head.day, target, this.#seen(head, target), registered));
      await breathe(); // others are answered by the same thread
    }
    return rows;
  }

  /** Its busiest ports, by day; undefined if it is none of the view's on all of the days. */
  async ofSensor(
    view: SensorsView,
    range: DayRange,
    { index, name }: Pick<Sensor, 'index' | 'name'>,
    max: number,
    { placements }: Registered,
  ): Promise<Row[] | undefined> {
    const rows: Row[] = [];
    let isOurs = view.owner === null;
    for (const head of this.#store.daysWithRecords(range)) {
      const { day } = head;
      if (view.owner !== null && !ownedAllDay(placements, view.owner, day).has(index)) continue;
      isOurs = true;
      const all = this.#counted(day).get(index);
      if (all === undefined) continue;
      const ports = this.#ports.day(head);
      const places = {
        owner: ownersOn(placements, day).get(index)!,
        economy: economiesOn(placements, day).get(index)!,
      };
      for (const { a, packets } of ports.of(index).slice(0, max))
        rows.push({
          ...{ date: dateOf(day), ...targetRow(a), sensor: name, ...places, sensors: 1, seenBy: 1, packets },
          ...{ all, busiest: 1 },
        });
      await breathe();
    }
    return isOurs ? rows : undefined;
  }

  /** Sensors that count, with the packets of all their ports. */
  #counted(day: number): ReadonlyMap<number, number> {
    const excluded = new Set(this.#store.excludedOn(day));
    return new Map(
      this.#store
        .accounts({ from: day, to: day })
        .filter(({ sensor, misdated, records }) => !misdated && records > 0 && !excluded.has(sensor))
        .map(({ sensor, records }) => [sensor, records]),
    );
  }

  #seen(head: DayHead, target: number): readonly Seen[] {
    const ports = this.#ports.day(head);
    const key = `${ports.made} ${target}`;
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const seen = [...this.#counted(head.day)].map(([sensor, all]) => ({
      ...{ sensor, all, packets: ports.packets(sensor, target) },
    }));
    this.#kept.set(key, seen);
    if (this.#kept.size > keptMax) this.#kept.delete(this.#kept.keys().next().value!);
    return seen;
  }
}

function portRows(
  { owner }: SensorsView,
  day: number,
  target: number,
  seen: readonly Seen[],
  { sensors, placements }: Registered,
): Row[] {
  const [owners, economies] = [ownersOn(placements, day), economiesOn(placements, day)];
  const ours = owner === null ? undefined : ownedAllDay(placements, owner, day);
  const named = seen.filter(({ sensor }) => ours?.has(sensor) ?? true);
  const others = seen.filter(({ sensor }) => ours !== undefined && !ours.has(sensor));
  const head = { date: dateOf(day), ...targetRow(target) };
  const rows: Row[] = named
    .sort((x, y) => y.packets - x.packets || x.sensor - y.sensor)
    .map(({ sensor, packets, all }) => ({
      ...{ ...head, sensor: sensors[sensor]?.name ?? String(sensor) },
      ...{ owner: owners.get(sensor) ?? null, economy: economies.get(sensor) ?? null },
      ...{ sensors: 1, seenBy: packets > 0 ? 1 : 0, packets, all, busiest: packets > 0 ? 1 : 0 },
    }));
  if (others.length === 0) return rows;
  const sum = (pick: (one: Seen) => number) => others.reduce((total, one) => total + pick(one), 0);
  const packets = sum(one => one.packets);
  const busiest = packets === 0 ? 0 : Math.max(...others.map(one => one.packets)) / packets;
  return [
    ...rows,
    {
      ...{ ...head, sensor: null, owner: null, economy: null, sensors: others.length },
      ...{ seenBy: others.filter(one => one.packets > 0).length, packets, all: sum(one => one.all) },
      busiest: rounded(busiest, { digits: digitsOfMeans }),
    },
  ];
}
