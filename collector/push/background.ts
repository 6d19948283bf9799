/** The thread that pushes, and measures files of closed days ahead, as the main thread has it. */
import { Worker } from 'node:worker_threads';
import type { PublicRule } from '../publish/roles/roles.ts';
import type { Waiting } from './book.ts';
import type { PushPlace } from './open.ts';
import type { Told } from './round.ts';

export interface PushThreadOptions {
  /** With exports.json: while that does not say who sends, nothing is pushed, and that is said. */
  readonly place: Omit<PushPlace, 'sender'> & { readonly senderFile: string };
  /** Minutes after midnight, UTC; without it nothing is pushed. */
  readonly atMinutes?: number;
  /** What the public is shown: its files are measured, too. */
  readonly rule: PublicRule;
}

export type PushOrder = 'stop';

/** What an operator should know. */
export interface PushWord {
  readonly level: 'info' | 'warn' | 'error';
  readonly text: string;
}

/** What goes into the metrics: files as they are done with, and each minute what waits. */
export type PushCount =
  | { readonly kind: 'file'; readonly target: string; readonly outcome: Told['state'] }
  | ({ readonly kind: 'waiting' } & Waiting);

export interface Pushing {
  /** After the file under way, or after some seconds without it: it is tried again. */
  stop(): Promise<void>;
}

/** A file that goes slowly is not waited for. */
const stopMsMax = 5000;

/** `delayMs`: the thread begins so much later, for a server that starts has other things to do. */
export function startPushing(
  { delayMs = 0, ...options }: PushThreadOptions & { readonly delayMs?: number },
  say: (word: PushWord) => void,
  count: (counted: PushCount) => void = () => {},
): Pushing {
  let running: Pushing | undefined;
  const timer = setTimeout(() => {
    running = startThread(options, say, count);
  }, delayMs);
  return {
    stop: async () => {
      clearTimeout(timer);
      await running?.stop();
    },
  };
}

function startThread(
  options: PushThreadOptions,
  say: (word: PushWord) => void,
  count: (counted: PushCount) => void,
): Pushing {
  const worker = new Worker(new URL('./push-thread.ts', import.meta.url), { workerData: options });
  const ended = Promise.withResolvers<void>();
  let stopping = false;
  worker.on('message', (said: PushWord | PushCount) => ('level' in said ? say(said) : count(said)));
  worker.on('error', error => say({ level: 'error', text: `nothing is pushed any more: ${(error as Error).message}` }));
  worker.on('exit', () => {
    if (!stopping) say({ level: 'error', text: 'nothing is pushed any more until the next start' });
    ended.resolve();
  });
  return {
    stop: async () => {
      stopping = true;
      worker.postMessage('stop' satisfies PushOrder);
      const timer = setTimeout(() => void worker.terminate(), stopMsMax);
      await ended.promise;
      clearTimeout(timer);
    },
  };
}
