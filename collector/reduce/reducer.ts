/**
 * The reducer: blocks of records in, days out. Pure: no clock, no I/O, no randomness; the same records give the same days in
 * whatever order and blocks they come, and days of parted records merge to the days of all.
 */
import type { GeoTable } from '../../common/geo/table.ts';
import type { Records } from '../../common/record/record.ts';
import { Day, HOURS_PER_DAY } from './day.ts';
import { foldBlock, foldPackets, foldSources, type Part, settleSensor, Workbench } from './fold.ts';
import type { HashKey } from './hash.ts';
import { type FlowsElsewhere, type SettleElsewhere, settleFlows, settleSources } from './settle.ts';
import { sourcesMaxDefault } from './sources.ts';

export interface ReducerOptions {
  readonly geo: GeoTable;
  readonly hashKey: HashKey;
  /** A secret that decides where flows lie in memory, and no figure: any will do, best a new one each time. */
  readonly tableSeed: number;
  /** Sources a day is exact to. */
  readonly sourcesMax?: number;
  /** False leaves out distinct sources: for measuring what they cost. */
  readonly distinct?: boolean;
  /** Counts each sensor alone too (sensors.ts). */
  readonly perSensor?: boolean;
  /** `all` unless two share the work; who has the targets then, has the sources of its flows settled by the other. */
  readonly part?: Part;
  readonly elsewhere?: SettleElsewhere;
}

/** Counters of flows and hours have 32 bits: they are settled long before. */
const unsettledMax = 2 ** 31;

export class Reducer {
  readonly #options: ReducerOptions;
  readonly #days = new Map<number, Day>();
  readonly #bench: Workbench;
  /** Day, hour and sensor of what is not settled yet. */
  #day: Day | undefined;
  #hour = -1;
  #sensor = -1;
  #unsettled = 0;

  constructor(options: ReducerOptions) {
    this.#options = options;
    this.#bench = new Workbench(options);
  }

  /** Folds a block of one sensor's records. `sensor` is a small index from 0. */
  fold(records: Records, sensor: number): void {
    if (records.count === 0) return;
    const { hour } = records;
    const day = this.#dayOf(Math.floor(hour / HOURS_PER_DAY));
    if (day !== this.#day || this.#unsettled > unsettledMax) this.#settle();
    if (hour !== this.#hour || sensor !== this.#sensor) this.#settleSensor(hour !== this.#hour);
    this.#day = day;
    this.#hour = hour;
    this.#sensor = sensor;
    this.#unsettled += records.count;
    if (this.#options.part === 'sources') foldSources(day, records, sensor, this.#bench);
    else if (this.#distinct) foldBlock(day, records, sensor, this.#bench);
    else foldPackets(day, records, sensor, this.#bench);
  }

  /** Adds a state of a day reduced elsewhere, with the same options. */
  merge(day: Day): void {
    this.#settle();
    this.#dayOf(day.day).merge(day);
  }

  /** Settles the sources of a day's flows that another thread counts. */
  settleSources(flows: FlowsElsewhere): void {
    settleSources(this.#dayOf(flows.day), flows, this.#options.geo, this.#options.hashKey);
  }

  /** The days so far, ascending. */
  days(): Day[] {
    this.#settle();
    return [...this.#days.values()].sort((a, b) => a.day - b.day);
  }

  /** The same, and begins anew. */
  takeDays(): Day[] {
    const days = this.days();
    this.#days.clear();
    this.#day = undefined;
    return days;
  }

  get #distinct(): boolean {
    return this.#options.distinct ?? true;
  }

  #settle(): void {
    this.#settleSensor(true);
    if (this.#day !== undefined) settleFlows(this.#day, this.#bench);
    this.#unsettled = 0;
  }

  /** Also at the end of an hour. */
  #settleSensor(hourEnds: boolean): void {
    if (this.#day === undefined) return;
    const { counts } = this.#bench;
    settleSensor(this.#day, this.#hour, this.#sensor, this.#bench);
    if (!this.#distinct) counts.settleNamesOf(this.#day, this.#hour, this.#sensor);
    else if (hourEnds) counts.settleNames(this.#day, this.#hour);
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
