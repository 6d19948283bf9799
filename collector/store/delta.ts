/** What is counted of batches and not kept yet: days, accounts, coverage. Pure: the same batches in any order give the same. */
import { randomInt } from 'node:crypto';
import type { GeoTable } from '../../common/geo/table.ts';
import type { Day } from '../reduce/day.ts';
import type { HashKey } from '../reduce/hash.ts';
import { Reducer } from '../reduce/reducer.ts';
import { sourcesMaxDefault } from '../reduce/sources.ts';
import { Accounts } from './account.ts';
import type { OpenedBatch } from './batch.ts';

export interface DeltaOptions {
  readonly hashKey: HashKey;
  /** Sources a day is exact to. */
  readonly sourcesMax?: number;
}

export class Delta {
  readonly accounts = new Accounts();
  /** Records folded since it was last taken. */
  records = 0;
  readonly #options: DeltaOptions;
  /** One a geography: days of different ones may be counted at a time. */
  readonly #reducers = new Map<string, Reducer>();

  constructor(options: DeltaOptions) {
    this.#options = options;
  }

  /** Folds the records of batches of days that are counted with this geography, in the order that costs least. */
  fold(batches: readonly OpenedBatch[], geo: GeoTable): void {
    const reducer = this.#reducer(geo);
    for (const { records, sensor } of batches.toSorted(byHour)) {
      reducer.fold(records, sensor);
      this.records += records.count;
    }
  }

  /** The days so far, ascending, which are then forgotten. */
  takeDays(): Day[] {
    this.records = 0;
    return [...this.#reducers.values()].flatMap(reducer => reducer.takeDays()).sort((a, b) => a.day - b.day);
  }

  #reducer(geo: GeoTable): Reducer {
    let found = this.#reducers.get(geo.sha256);
    if (found === undefined) {
      const { hashKey, sourcesMax = sourcesMaxDefault } = this.#options;
      found = new Reducer({ geo, hashKey, sourcesMax, tableSeed: randomInt(2 ** 32), perSensor: true });
      this.#reducers.set(geo.sha256, found);
    }
    return found;
  }
}

/** The reducer settles what it counts by the hour when the hour or the sensor changes. */
const byHour = (x: OpenedBatch, y: OpenedBatch): number => x.header.hour - y.header.hour || x.sensor - y.sensor;
