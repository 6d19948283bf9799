/**
 * The busiest ports of each sensor's day. Of a closed day they are rows. Of an open one only the whole state tells, and to read it
 * takes seconds (40 sensors, 4.3 million packets: 1.8 s of processor time): so a thread of its own reads it, and what it found is told
 * for some minutes, though more has come since.
 */
import { Worker } from 'node:worker_threads';
import { BadState } from '../../reduce/codec.ts';
import type { DaySummary, StoreReader } from '../../store/query.ts';
import type { SensorCell } from '../roles/guarded.ts';
import type { OpenPorts, OpenPortsOptions } from './open-ports-thread.ts';

/** Of a sensor's day: as many as a closed one keeps. */
export const sensorPortsMax = 1000;
/** How old what is told of an open day may be. */
const freshMsMax = 5 * 60_000;
const daysKeptMax = 8;

export type DayHead = Pick<DaySummary, 'day' | 'revision' | 'packets' | 'closed' | 'stale'>;

interface OpenDay {
  readonly made: string;
  readonly atMs: number;
  readonly ports: Promise<OpenPorts>;
}

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
  readonly #now: () => number;
  readonly #open = new Map<number, OpenDay>();

  constructor(store: StoreReader, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Throws `BadState`. */
  async day(head: DayHead): Promise<PortsOfDay> {
    const { day, revision } = head;
    if (head.closed && !head.stale) {
      const rows = (sensor: number, target?: number) => this.#store.closedRows(day, sensor).rows('ports', target);
      return {
        made: `${day} ${revision}`,
        of: sensor => rows(sensor),
        packets: (sensor, target) => rows(sensor, target)[0]?.packets ?? 0,
      };
    }
    const { made, atMs, ports } = this.#opened(head);
    const bySensor = await ports;
    return {
      made: `${day} open ${made} ${atMs}`,
      of: sensor => bySensor.get(sensor) ?? [],
      packets: (sensor, target) => bySensor.get(sensor)?.find(({ a }) => a === target)?.packets ?? 0,
    };
  }

  /** Being read, or read lately; whoever asks meanwhile waits for the same. */
  #opened({ day, revision, packets }: DayHead): OpenDay {
    const made = `${revision} ${packets}`;
    const nowMs = this.#now();
    const known = this.#open.get(day);
    if (known !== undefined && (known.made === made || nowMs - known.atMs < freshMsMax)) return known;
    const ports = readOpen({ file: this.#store.database.name, day, max: sensorPortsMax });
    const opened = { made, atMs: nowMs, ports };
    this.#open.delete(day);
    this.#open.set(day, opened);
    if (this.#open.size > daysKeptMax) this.#open.delete(this.#open.keys().next().value!);
    ports.catch(() => {
      if (this.#open.get(day) === opened) this.#open.delete(day);
    });
    return opened;
  }
}

/** Throws `BadState` where the day cannot be read now: it may be folded again at this moment. */
function readOpen(options: OpenPortsOptions): Promise<OpenPorts> {
  const worker = new Worker(new URL('./open-ports-thread.ts', import.meta.url), { workerData: options, execArgv: [] });
  worker.unref(); // no answer is worth a server that does not end
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', error => reject(new BadState(`an open day cannot be read: ${(error as Error).message}`)));
    worker.once('exit', () => reject(new BadState('an open day cannot be read: its thread ended')));
  });
}
