/**
 * Worker threads that reduce. The main thread reads, decodes and deals the records out by their sources (deal.ts), in blocks of
 * shared memory, so that little more than a message goes with each. At the end every worker has days of its own; the workers
 * merge them too, each table by one of them, since one thread alone would take longer over it than counting took. A single worker
 * gets every record and counts flows and targets; the main thread has the sources (reduce/fold.ts).
 */
import { Worker } from 'node:worker_threads';
import { recordsMax } from '../../common/packet/decoder.ts';
import { createRecords, type Records } from '../../common/record/record.ts';
import type { CellTableData } from '../reduce/cells.ts';
import { Day, type DayData, TABLE_NAMES, type TableName } from '../reduce/day.ts';
import { Reducer } from '../reduce/reducer.ts';
import { type SourceTableData, sourcesMaxDefault } from '../reduce/sources.ts';
import { deal } from './deal.ts';
import { type Answer, buffersOf, type Merge, type Order, SENSOR, type Settle, type WorkerOptions } from './orders.ts';

/** A hand is handed over when another block might not fit: few messages, for each wakes a thread. */
const handRecordsMax = 4 * recordsMax;
/**
 * Fewer records than this go as a copy. In a capture that goes to and fro between two hours each record is a hand of its own,
 * and a block for each would take gigabytes.
 */
const copiedMax = 256;
/** Orders a worker may have waiting before the main thread waits for it: 20 MB, so that it need not while a worker's code is compiled. */
const waitingMax = 24;

/** A worker thread that answers each order in turn. One that died refuses what it has not answered and every later order. */
class Member {
  /** Orders not answered yet. */
  waiting = 0;
  readonly #worker: Worker;
  readonly #unanswered: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];
  /** Blocks the worker has, and their numbers. */
  readonly #blocks = new Map<Records, number>();
  #failure: Error | undefined;

  /** `settle` does what the worker waits for meanwhile. */
  constructor(options: WorkerOptions, settle: (settle: Settle) => void) {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: options });
    this.#worker.on('message', (answer: Answer | Settle) => {
      if (answer.kind === 'settle') {
        settle(answer);
        return;
      }
      this.waiting--;
      this.#unanswered.shift()!.resolve(answer);
    });
    this.#worker.on('error', error => this.#fail(error as Error));
    this.#worker.on('exit', code => this.#fail(new Error(`a worker thread ended (code ${code})`)));
  }

  ask<Kind extends Answer['kind']>(order: Order, _kind: Kind): Promise<Extract<Answer, { kind: Kind }>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure); // nobody would ever answer
    this.waiting++;
    this.#worker.postMessage(order, order.kind === 'merge' ? buffersOf(order) : []);
    return new Promise((resolve, reject) => {
      this.#unanswered.push({ resolve: resolve as (answer: Answer) => void, reject });
    });
  }

  /** Has the records reduced. A block is described once, and later named: describing one takes longer than filling it. */
  fold(records: Records): Promise<unknown> {
    const { count, hour } = records;
    const known = this.#blocks.get(records);
    const block = known ?? this.#blocks.size + 1;
    this.#blocks.set(records, block);
    return this.ask({ kind: 'fold', block, count, hour, ...(known === undefined && { records }) }, 'folded');
  }

  /** The same with a copy, which is block 0 until the next one; the records are free at once. */
  foldCopy(records: Records): Promise<unknown> {
    const { count, hour } = records;
    return this.ask({ kind: 'fold', block: 0, count, hour, records: copyOf(records) }, 'folded');
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#unanswered.splice(0)) reject(this.#failure);
  }

  async dismiss(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** The records without the room behind them, in memory of their own. */
function copyOf(records: Records): Records {
  const values = records.count * (records.family === 4 ? 1 : 4); // the longest column's
  const columns = Object.entries(records).map(([name, column]) => [
    name,
    ArrayBuffer.isView(column) ? (column as Uint32Array).slice(0, values) : column,
  ]);
  return Object.fromEntries(columns);
}

/** A worker and the records that are being dealt to it. */
interface Seat {
  readonly member: Member;
  readonly hands: { 4: Records; 6: Records };
}

export class Crew {
  readonly #seats: Seat[];
  /** Blocks that no worker reads any more, by family. */
  readonly #free: { 4: Records[]; 6: Records[] } = { 4: [], 6: [] };
  /** Set while somebody waits until the workers have less to do. */
  #wake: (() => void) | undefined;
  #failure: Error | undefined;
  /** This thread's part beside a single worker. */
  readonly #own: Reducer | undefined;
  readonly #settled = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

  constructor(options: WorkerOptions, workers: number) {
    if (workers === 1) this.#own = new Reducer({ ...options, part: 'sources' });
    const memberOptions: WorkerOptions =
      workers === 1 ? { ...options, part: 'targets', settled: this.#settled } : options;
    this.#seats = Array.from({ length: workers }, () => ({
      member: new Member(memberOptions, settle => this.#settle(settle)),
      hands: { 4: this.#empty(4), 6: this.#empty(6) },
    }));
  }

  /** Deals the records out. What was handed over so far may be waiting: see `ready`. */
  fold(records: Records): void {
    const { family, hour } = records;
    this.#own?.fold(records, SENSOR);
    for (const seat of this.#seats) {
      const hand = seat.hands[family];
      if (hand.count > 0 && (hand.hour !== hour || hand.count > handRecordsMax - recordsMax)) this.#send(seat, family);
      seat.hands[family].hour = hour;
    }
    deal(
      records,
      this.#seats.map(({ hands }) => hands[family]),
    );
  }

  /** Waits until no worker is far behind, so that memory is bounded. Throws what a worker died of. */
  async ready(): Promise<void> {
    while (this.#failure === undefined && this.#seats.some(({ member }) => member.waiting > waitingMax))
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The days of all workers together, ascending. */
  async finish(): Promise<Day[]> {
    for (const seat of this.#seats) for (const family of [4, 6] as const) this.#send(seat, family);
    const members = this.#seats.map(({ member }) => member);
    const finished = await Promise.all(members.map(member => member.ask({ kind: 'finish' }, 'finished')));
    const parts = Map.groupBy(
      finished.flatMap(part => part.days),
      ({ day }) => day,
    );
    const days = await Promise.all([...parts.values()].map(states => this.#mergeDay(states)));
    if (this.#own === undefined) return days.sort((a, b) => a.day - b.day);
    const joined = this.#own.days();
    for (const own of joined) own.join(days.find(({ day }) => day === own.day)!);
    return joined;
  }

  #settle({ flows }: Settle): void {
    this.#own!.settleSources(flows);
    Atomics.add(this.#settled, 0, 1);
    Atomics.notify(this.#settled, 0);
  }

  /** Ends the threads, whatever they are at. */
  async dismiss(): Promise<void> {
    await Promise.all(this.#seats.map(({ member }) => member.dismiss()));
  }

  /** Hands a worker its records, and gives it an empty block for the next. */
  #send({ member, hands }: Seat, family: 4 | 6): void {
    const records = hands[family];
    const few = records.count < copiedMax;
    const folded = few ? member.foldCopy(records) : member.fold(records);
    if (few) records.count = 0;
    else hands[family] = this.#empty(family);
    folded.then(
      () => {
        if (!few) this.#free[family].push(records);
        this.#wake?.();
      },
      error => {
        this.#failure = error;
        this.#wake?.();
      },
    );
  }

  #empty(family: 4 | 6): Records {
    const records = this.#free[family].pop() ?? createRecords(family, handRecordsMax, SharedArrayBuffer);
    records.count = 0;
    return records;
  }

  async #mergeDay(states: DayData[]): Promise<Day> {
    const [{ day, ...data }] = states as [DayData];
    if (states.length === 1) return new Day(day, sourcesMaxDefault, { day, ...data });
    const sources = this.#merge<SourceTableData>({ table: 'sources', parts: states.map(state => state.sources) });
    const tables = TABLE_NAMES.map(async table => {
      const parts = states.map(state => state.tables[table]);
      return [table, await this.#merge<CellTableData>({ table, parts })] as const;
    });
    const [mergedSources, ...mergedTables] = await Promise.all([sources, ...tables]); // all at once: none fails unheard
    return new Day(day, sourcesMaxDefault, {
      day,
      tables: Object.fromEntries(mergedTables) as Record<TableName, CellTableData>,
      sources: mergedSources,
    });
  }

  async #merge<Data>(merge: Merge): Promise<Data> {
    const { data } = await this.#idlest().ask({ kind: 'merge', merge }, 'merged');
    return data as Data;
  }

  #idlest(): Member {
    const members = this.#seats.map(({ member }) => member);
    return members.reduce((idlest, member) => (member.waiting < idlest.waiting ? member : idlest));
  }
}
