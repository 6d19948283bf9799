/**
 * Worker threads that decode and reduce. The main thread walks the captures and hands each block to every worker, for each
 * counts the sources of its share (common/packet/share.ts); the memory is shared, so that little more than a message goes with
 * it. At the end every worker has days of its own; the workers merge them too, each table by one of them, since one thread alone
 * would take longer over it than counting took.
 */
import { Worker } from 'node:worker_threads';
import { type Block, createBlock } from '../../common/packet/capture.ts';
import { createSkipped } from '../../common/packet/decode.ts';
import type { CellTableData } from '../reduce/cells.ts';
import { Day, type DayData, TABLE_NAMES, type TableName } from '../reduce/day.ts';
import { type SourceTableData, sourcesMaxDefault } from '../reduce/sources.ts';
import { type Answer, buffersOf, type Finished, type Merge, type Order } from './orders.ts';
import type { PipelineOptions } from './pipeline.ts';

/** Blocks in memory: enough that a worker which is late does not keep the others waiting. */
const blocks = 16;

/** A worker thread that answers each order in turn. One that died refuses what it has not answered and every later order. */
class Member {
  /** Orders not answered yet. */
  waiting = 0;
  readonly #worker: Worker;
  readonly #unanswered: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];
  #failure: Error | undefined;

  constructor(options: PipelineOptions) {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: options });
    this.#worker.on('message', (answer: Answer) => {
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

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#unanswered.splice(0)) reject(this.#failure);
  }

  async dismiss(): Promise<void> {
    await this.#worker.terminate();
  }
}

export class Crew {
  readonly #members: Member[];
  readonly #free: Block[];
  /** Set while somebody waits for a block. */
  #wake: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;

  constructor({ geo, networks, distinct }: PipelineOptions, threads: number) {
    this.#members = Array.from(
      { length: threads },
      (_, index) => new Member({ geo, networks, distinct, share: { index, of: threads } }),
    );
    this.#free = Array.from({ length: blocks }, createBlock);
  }

  /** A block that no worker reads any more. */
  async free(): Promise<Block> {
    if (this.#failure !== undefined) throw this.#failure;
    const block = this.#free.pop();
    if (block !== undefined) return block;
    await new Promise<void>((resolve, reject) => {
      this.#wake = { resolve, reject };
    });
    return this.#free.pop()!;
  }

  /** Hands the block to every worker. */
  take(block: Block): void {
    const { chunk, packets } = block;
    const taken = this.#members.map(member => member.ask({ kind: 'take', bytes: chunk.bytes, packets }, 'taken'));
    Promise.all(taken).then(
      () => {
        this.#free.push(block);
        this.#wake?.resolve();
        this.#wake = undefined;
      },
      error => {
        this.#failure = error;
        this.#wake?.reject(error);
      },
    );
  }

  /** The days of all workers together, ascending. The crew is dismissed. */
  async finish(): Promise<Omit<Finished, 'kind' | 'days'> & { days: Day[] }> {
    const finished = await Promise.all(this.#members.map(member => member.ask({ kind: 'finish' }, 'finished')));
    const skipped = createSkipped().map((_, n) => finished.reduce((sum, part) => sum + part.skipped[n]!, 0));
    const { unknownLinkTypes } = finished[0]!; // every worker saw every packet
    const parts = Map.groupBy(
      finished.flatMap(part => part.days),
      ({ day }) => day,
    );
    const days = await Promise.all([...parts.values()].map(states => this.#mergeDay(states)));
    await Promise.all(this.#members.map(member => member.dismiss()));
    return { days: days.sort((a, b) => a.day - b.day), skipped, unknownLinkTypes };
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
    return this.#members.reduce((idlest, member) => (member.waiting < idlest.waiting ? member : idlest));
  }
}
