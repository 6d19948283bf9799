/** Parts are written in a thread of their own, so that the next is read from the log and sorted meanwhile. */
import { Worker } from 'node:worker_threads';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { NotArchived } from './part.ts';
import type { PartFacts, PartOrder } from './write-part.ts';

export type PartReply =
  | { readonly part: number; readonly facts: PartFacts }
  | { readonly part: number; readonly failure: string; readonly kind: 'not-archived' | 'bad' | 'other' };

export class WritingThread {
  readonly #dir: string;
  readonly #waiting = new Map<number, PromiseWithResolvers<PartFacts>>();
  #worker: Worker | undefined;

  /** Of this archive. The thread begins with the first part: mostly there is none. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Takes over the memory of what is staged. Throws `NotArchived`, `BadDatabase`. */
  write(order: PartOrder): Promise<PartFacts> {
    this.#worker ??= this.#begun();
    const waiting = Promise.withResolvers<PartFacts>();
    this.#waiting.set(order.part, waiting);
    const { rows, wide, order: numbers } = order.staged;
    this.#worker.postMessage(order, [rows.buffer, numbers.buffer, ...(wide === undefined ? [] : [wide.buffer])]);
    return waiting.promise;
  }

  /** When all that it was given is written, or was not: DuckDB is not to be left within a thread that ends. */
  async end(): Promise<void> {
    if (this.#worker === undefined) return;
    this.#worker.postMessage('end');
    await this.#ended;
  }

  #ended: Promise<void> = Promise.resolve();

  #begun(): Worker {
    const worker = new Worker(new URL('./write-thread.ts', import.meta.url), { workerData: this.#dir });
    worker.on('message', (reply: PartReply) => this.#answer(reply));
    worker.on('error', error => this.#fail(error));
    this.#ended = new Promise(resolve => {
      worker.on('exit', code => {
        this.#fail(new Error(`the thread that writes parts ended with ${code}`));
        resolve();
      });
    });
    return worker;
  }

  #answer(reply: PartReply): void {
    const waiting = this.#waiting.get(reply.part);
    if (waiting === undefined) return; // sent just before the thread ended, and rejected by that
    this.#waiting.delete(reply.part);
    if ('facts' in reply) waiting.resolve(reply.facts);
    else waiting.reject(errorOf(reply));
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function errorOf({ failure, kind }: Extract<PartReply, { failure: string }>): Error {
  if (kind === 'not-archived') return new NotArchived(failure);
  return kind === 'bad' ? new BadDatabase(failure) : new Error(failure);
}
