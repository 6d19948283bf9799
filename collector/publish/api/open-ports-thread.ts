/** A thread that reads the state of an open day, tells the busiest ports of each sensor, and ends. */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { TARGET_MASK } from '../../reduce/day.ts';
import { StoreReader } from '../../store/query.ts';
import type { SensorCell } from '../roles/guarded.ts';

export interface OpenPortsOptions {
  /** Path of the store. */
  readonly file: string;
  readonly day: number;
  /** Ports of a sensor. */
  readonly max: number;
}

/** By sensor, most packets first. */
export type OpenPorts = Map<number, SensorCell[]>;

function openPorts({ file, day, max }: OpenPortsOptions): OpenPorts {
  const store = StoreReader.open(file);
  try {
    const table = store.state(day)?.tables.sensorPorts;
    const bySensor = new Map<number, Map<number, number>>();
    for (let n = 0; n < (table?.size ?? 0); n++) {
      const [target, sensor] = [table!.nameA(n) & TARGET_MASK, table!.nameB(n)];
      const ports = bySensor.get(sensor) ?? new Map<number, number>();
      bySensor.set(sensor, ports.set(target, (ports.get(target) ?? 0) + table!.packets(n)));
    }
    return new Map([...bySensor].map(([sensor, ports]) => [sensor, busiest(ports, max)]));
  } finally {
    store.close();
  }
}

const busiest = (ports: ReadonlyMap<number, number>, max: number): SensorCell[] =>
  [...ports]
    .map(([a, packets]) => ({ a, b: 0, packets }))
    .sort((x, y) => y.packets - x.packets || x.a - y.a)
    .slice(0, max);

assert(parentPort !== null, 'this is the program of a thread');
parentPort.postMessage(openPorts(workerData as OpenPortsOptions));
