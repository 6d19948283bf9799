/**
 * Work that would keep the folding thread from counting for seconds, done in a thread of its own of the lowest priority. The thread
 * only reads the store; what it made the folding thread writes, if it is still of use by then. It ends with its work, so that its
 * memory is given back.
 */
import os from 'node:os';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { openStoreFile } from './schema.ts';

/** What came of a piece of work. */
export interface Done<Work, Made> {
  readonly work: Work;
  /** Undefined if there was nothing to make it of, or the thread failed. */
  readonly made: Made | undefined;
}

/** One piece of work at a time: from `start` until what came of it is taken, or given up. */
export class Aside<Work, Made> {
  readonly #program: URL;
  #worker: Worker | undefined;
  #done: Done<Work, Made> | undefined;

  /** `program` is to call `workAside`. */
  constructor(program: URL) {
    this.#program = program;
  }

  get isBusy(): boolean {
    return this.#worker !== undefined || this.#done !== undefined;
  }

  /** `file` is the path of the store. */
  start(file: string, work: Work): void {
    const worker = new Worker(this.#program, { workerData: { file, work }, execArgv: [] });
    this.#worker = worker;
    let made: Made | undefined;
    worker.once('message', one => {
      made = one;
    });
    worker.once('error', () => {}); // whoever does the work after that meets the same fault, where it can be told
    worker.once('exit', () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#done = { work, made };
    });
  }

  /** What has come of it since, if anything. */
  take(): Done<Work, Made> | undefined {
    const done = this.#done;
    this.#done = undefined;
    return done;
  }

  /** Gives up what is being made. */
  stop(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
    this.#done = undefined;
  }
}

/** All of a thread's program: does the one piece of work that it was given. */
export function workAside<Work, Made>(make: (database: SqliteDatabase, work: Work) => Made): void {
  os.setPriority(os.constants.priority.PRIORITY_LOW); // of this thread alone: counting and acknowledging come first
  const { file, work } = workerData as { file: string; work: Work };
  const database = openStoreFile(file, true);
  parentPort!.postMessage(make(database, work));
  database.close();
}
