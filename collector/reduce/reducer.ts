/**
 * The reducer: blocks of records in, days out. Pure: no clock, no I/O, no randomness; the same records give the same days in
 * whatever order and blocks they come, and days of parted records merge to the days of all.
 */
import type { GeoTable } from '../../common/geo/table.ts';
import type { Records } from '../../common/record/record.ts';
import { Day } from './day.ts';
import { createWorkColumns, foldBlock, foldPackets, type Workbench } from './fold.ts';
import type { HashKey } from './hash.ts';
import { HourCounts } from './hour.ts';
import { PairTable } from './pairs.ts';
import { sourcesMaxDefault } from './sources.ts';

export interface ReducerOptions {
  readonly geo: GeoTable;
  readonly hashKey: HashKey;
  /** Sources a day is exact to. */
  readonly sourcesMax?: number;
  /** False leaves out distinct sources: for measuring what they cost. */
  readonly distinct?: boolean;
}

const HOURS_PER_DAY = 24;
/** A counter of the hour has 32 bits: it is settled long before. */
const unsettledMax = 2 ** 31;

export class Reducer {
  readonly #options: ReducerOptions;
  readonly #days = new Map<number, Day>();
  #bench: Workbench;
  /** Day, hour and sensor of what is not settled yet. */
  #day: Day | undefined;
  #hour = -1;
  #sensor = -1;
  #unsettled = 0;

  constructor(options: ReducerOptions) {
    this.#options = options;
    const { geo, hashKey } = options;
    this.#bench = { geo, hashKey, counts: new HourCounts(geo), pairs: new PairTable(), columns: createWorkColumns(0) };
  }

  /** Folds a block of one sensor's records. `sensor` is a small index from 0. */
  fold(records: Records, sensor: number): void {
    if (records.count === 0) return;
    const { hour } = records;
    if (hour !== this.#hour || sensor !== this.#sensor || this.#unsettled > unsettledMax) this.#settle();
    const day = this.#dayOf(Math.floor(hour / HOURS_PER_DAY));
    if (day !== this.#day) this.#bench.pairs.clear();
    if (records.count > this.#bench.columns.low.length)
      this.#bench = { ...this.#bench, columns: createWorkColumns(records.capacity) };
    this.#day = day;
    this.#hour = hour;
    this.#sensor = sensor;
    this.#unsettled += records.count;
    if (this.#options.distinct ?? true) foldBlock(day, records, sensor, this.#bench);
    else foldPackets(day, records, sensor, this.#bench);
  }

  /** Adds a state of a day reduced elsewhere, with the same options. */
  merge(day: Day): void {
    this.#settle();
    this.#dayOf(day.day).merge(day);
    this.#bench.pairs.clear();
  }

  /** The days so far, ascending. */
  days(): Day[] {
    this.#settle();
    return [...this.#days.values()].sort((a, b) => a.day - b.day);
  }

  /** Adds what is counted by the hour to its day. */
  #settle(): void {
    if (this.#day === undefined) return;
    this.#bench.counts.settle(this.#day, this.#hour, this.#sensor, this.#options.geo);
    this.#unsettled = 0;
  }

  #dayOf(day: number): Day {
    let found = this.#days.get(day);
    if (found === undefined) {
      found = new Day(day, this.#options.sourcesMax ?? sourcesMaxDefault);
      this.#days.set(day, found);
    }
    return found;
  }
}
