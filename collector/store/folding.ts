/** The folding thread, as the main thread has it. */
import { Worker } from 'node:worker_threads';
import type { OpenedBatch } from './batch.ts';
import { CLOSING, type ClosingOptions } from './closing.ts';
import { handedBytes, handedBytesMax } from './handed.ts';
import type { Answer, FoldingOptions, Order } from './orders.ts';
import type { Progress } from './tail.ts';

const checkpointMsDefault = 2000;

export interface Folding {
  progress(): Progress;
  /**
   * Tells of a batch that was just logged, in the order of positions: the thread counts at once, and not at its next turn. The
   * batch is given away with the memory of its records, unless much is on its way already.
   */
  logged(batch: OpenedBatch): void;
  /** After a last checkpoint. Also if the thread failed. */
  stop(): Promise<void>;
  /** What the thread died of, if it does: nothing is folded any more. */
  readonly failed: Promise<Error>;
}

export interface StartOptions extends Omit<FoldingOptions, 'checkpointMs' | 'closing'> {
  readonly checkpointMs?: number;
  readonly closing?: ClosingOptions;
  /** Told what an operator should know, in words. */
  readonly say?: (text: string) => void;
}

/** The log must be there. */
export function startFolding({
  say,
  checkpointMs = checkpointMsDefault,
  closing = CLOSING,
  ...given
}: StartOptions): Folding {
  const options: FoldingOptions = { ...given, checkpointMs, closing };
  const worker = new Worker(new URL('./reducer-thread.ts', import.meta.url), {
    workerData: options,
    transferList: given.past === undefined ? [] : [given.past],
  });
  let progress: Progress = {
    position: 0,
    records: 0,
    oldestUnfoldedMs: null,
    lastCheckpointMs: Date.now(),
    damaged: 0,
  };
  let [handed, done] = [0, 0];
  let stopped = false;
  const failed = Promise.withResolvers<Error>();
  const ended = Promise.withResolvers<void>();
  worker.on('message', (answer: Answer) => {
    if (answer.kind === 'progress') [progress, done] = [answer.progress, answer.handedBytesDone];
    else if (answer.kind === 'said') say?.(answer.text);
    else stopped = true;
  });
  worker.on('error', error => failed.resolve(error as Error));
  worker.on('exit', code => {
    if (!stopped) failed.resolve(new Error(`the folding thread ended (code ${code})`));
    ended.resolve();
  });
  const order = (one: Order, moved: ArrayBuffer[] = []) => worker.postMessage(one, moved);
  return {
    progress: () => progress,
    logged: batch => {
      const bytes = handedBytes(batch);
      if (handed - done + bytes > handedBytesMax) return order('wake');
      handed += bytes;
      order(batch, [batch.records.src.buffer as ArrayBuffer]);
    },
    stop: async () => {
      order('stop');
      await ended.promise;
    },
    failed: failed.promise,
  };
}
