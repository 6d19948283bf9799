/** The busiest ports of each sensor's day: of a closed day they are rows, of an open one they are as it was made last. */
import { BadState } from '../../reduce/codec.ts';
import { madePorts } from '../../store/made-day.ts';
import type { DaySummary, StoreReader } from '../../store/query.ts';
import type { SensorCell } from '../roles/guarded.ts';

/** Of a sensor's day: as many as a closed one keeps. */
export const sensorPortsMax = 1000;
export type DayHead = Pick<DaySummary, 'day' | 'revision' | 'packets' | 'closed' | 'stale'>;

/** What is known of one day. */
export interface PortsOfDay {
  /** What its figures are made from: others have another. */
  readonly made: string;
  /** A sensor's ports, most packets first. */
  of(sensor: number): readonly SensorCell[];
  /** A sensor's packets to one port; 0 where it is not among its busiest. */
  packets(sensor: number, target: number): number;
}

export class SensorPorts {
  readonly #store: StoreReader;

  constructor(store: StoreReader) {
    this.#store = store;
  }

  /** Throws `BadState`. */
  day({ day, revision, closed }: DayHead): PortsOfDay {
    if (closed) {
      const rows = (sensor: number, target?: number) => this.#store.closedRows(day, sensor).rows('ports', target);
      return portsOf(`${day} ${revision}`, rows);
    }
    const made = this.#store.openDay(day);
    if (made === undefined) throw new BadState('the day is being read');
    return portsOf(`${day} open ${made.revision} ${made.packets}`, (sensor, target) => madePorts(made, sensor, target));
  }
}

const portsOf = (made: string, rows: (sensor: number, target?: number) => readonly SensorCell[]): PortsOfDay => ({
  made,
  of: sensor => rows(sensor),
  packets: (sensor, target) => rows(sensor, target)[0]?.packets ?? 0,
});
