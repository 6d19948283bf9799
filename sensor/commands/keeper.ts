/**
 * A live run's second thread, as the first one has it. The first does nothing but read packets into records, for libpcap's binding
 * works in no other thread; the second seals what it is handed, keeps it and sends it, so that nobody reads slower for a disk that
 * is synced. Orders are carried out one by one as they were given: a note of what is open is of what comes after the commits
 * before it.
 */
import { Worker } from 'node:worker_threads';
import type { LiveState } from '../capture/live.ts';
import type { Draft, OpenCounts } from '../spool/types.ts';
import type { RunFlags } from './run.ts';
import type { Run } from './running.ts';

export type Order =
  | { readonly kind: 'commit'; readonly drafts: readonly Draft[] }
  | { readonly kind: 'open'; readonly counts: OpenCounts; readonly atMs: number }
  | { readonly kind: 'state'; readonly state: LiveState }
  | { readonly kind: 'dropped'; readonly packets: number }
  /** Sends what the collector takes now, and ends; `stop` ends at once. */
  | { readonly kind: 'finish' | 'stop' };

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'said'; readonly text: string }
  /** The account of all packets, in words; undefined if that failed. */
  | { readonly kind: 'finished'; readonly account: string | undefined }
  | { readonly kind: 'failed'; readonly error: Failure };

/** What of an error does not get lost between threads. */
export type Failure = Pick<NodeJS.ErrnoException, 'name' | 'message' | 'code' | 'syscall' | 'stack'>;

export interface KeeperOptions {
  readonly flags: RunFlags;
  /** `[IN_FLIGHT]`: commits that were handed over and not carried out. In shared memory. */
  readonly shared: Int32Array;
}

export const IN_FLIGHT = 0;
/** Commits handed over: beyond it the first thread waits. Each holds its own blocks of records. */
const inFlightMax = 3;
/** Blocks of records that a sealer takes in turn. */
export const keeperBlocks = inFlightMax + 1;
/** Of the thread's heap: what it makes is gone at once, and an ordinary one grows to 48 before it looks. */
const maxYoungGenerationSizeMb = 4;
/** A disk that takes nothing for so long is broken. */
const commitMsMax = 60_000;

export class Keeper {
  readonly #worker: Worker;
  readonly #shared = new Int32Array(new SharedArrayBuffer(4));
  readonly #ready = Promise.withResolvers<void>();
  readonly #finished = Promise.withResolvers<string | undefined>();
  readonly #exited = Promise.withResolvers<void>();

  private constructor(flags: RunFlags, { say, fail }: Pick<Run, 'say' | 'fail'>) {
    const workerData: KeeperOptions = { flags, shared: this.#shared };
    this.#worker = new Worker(new URL('./keeper-thread.ts', import.meta.url), {
      workerData,
      execArgv: [], // what is loaded before a service is for its main thread
      resourceLimits: { maxYoungGenerationSizeMb },
    });
    const broke = (error: unknown) => {
      this.#ready.reject(error);
      fail(error);
    };
    this.#worker.on('message', (answer: Answer) => {
      if (answer.kind === 'ready') this.#ready.resolve();
      else if (answer.kind === 'said') say(answer.text);
      else if (answer.kind === 'finished') this.#finished.resolve(answer.account);
      else if (answer.kind === 'failed') broke(Object.assign(new Error(answer.error.message), answer.error));
    });
    this.#worker.on('error', broke);
    this.#worker.on('exit', code => {
      this.#ready.reject(new Error(`the thread that keeps and sends ended (code ${code})`));
      this.#finished.resolve(undefined);
      this.#exited.resolve();
    });
  }

  /** Throws what keeps it from running. */
  static async start(flags: RunFlags, run: Pick<Run, 'say' | 'fail'>): Promise<Keeper> {
    const keeper = new Keeper(flags, run);
    try {
      await keeper.#ready.promise;
      return keeper;
    } catch (error) {
      await keeper.stop();
      throw error;
    }
  }

  /** The drafts' records are the keeper's until `keeperBlocks` more were handed over. Waits while too many are under way. */
  commit(drafts: readonly Draft[]): void {
    const until = performance.now() + commitMsMax;
    for (;;) {
      const inFlight = Atomics.load(this.#shared, IN_FLIGHT);
      if (inFlight < inFlightMax) break;
      if (performance.now() > until) throw new Error('the spool has taken no batch for a minute');
      Atomics.wait(this.#shared, IN_FLIGHT, inFlight, commitMsMax);
    }
    Atomics.add(this.#shared, IN_FLIGHT, 1);
    this.order({ kind: 'commit', drafts });
  }

  order(order: Order): void {
    this.#worker.postMessage(order);
  }

  /** Sends what the collector takes now; the account of all packets, in words, unless something broke. */
  finish(): Promise<string | undefined> {
    this.order({ kind: 'finish' });
    return this.#finished.promise;
  }

  /** Ends the thread, whatever it is at. */
  async stop(): Promise<void> {
    this.order({ kind: 'stop' });
    await this.#exited.promise;
  }
}
