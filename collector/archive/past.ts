/** Readers of the log are given its past: a thread of the archive's that each of them has a port to. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { LogPast } from '../log/past.ts';
import type { PastThreadData } from './past-thread.ts';

export interface ArchiveThread {
  /** For a reader in any thread. */
  port(): MessagePort;
  /** For a reader in this one: connected when it asks. */
  past(): LogPast;
  stop(): Promise<void>;
}

const ANSWERING = new URL('./answering-thread.ts', import.meta.url);

/** The thread begins with the first port, and what looks things up with the first question: few look so far back. */
export function archiveThread(dir: string, program: URL = ANSWERING): ArchiveThread {
  let worker: Worker | undefined;
  const begun = () => {
    const data: PastThreadData = { dir, program: program.href };
    const made = new Worker(new URL('./past-thread.ts', import.meta.url), { workerData: data });
    made.unref();
    // Its ports close with it: who waits is told, and the next port has another.
    const ended = () => {
      if (worker === made) worker = undefined;
    };
    made.on('error', ended).on('exit', ended);
    return made;
  };
  const port = () => {
    worker ??= begun();
    const { port1, port2 } = new MessageChannel();
    port1.unref();
    worker.postMessage(port2, [port2]);
    return port1;
  };
  return {
    port,
    past: () => new LogPast(port),
    stop: async () => {
      await worker?.terminate();
      worker = undefined;
    },
  };
}
