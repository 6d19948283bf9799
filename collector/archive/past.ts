/** Readers of the log are given its past: a thread of the archive's that each of them has a port to. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { LogPast } from '../log/past.ts';

export interface ArchiveThread {
  /** For a reader in any thread. */
  port(): MessagePort;
  /** For a reader in this one: connected when it asks. */
  past(): LogPast;
  stop(): Promise<void>;
}

/** The thread begins with the first port: DuckDB is not loaded where nobody looks so far back. */
export function archiveThread(dir: string): ArchiveThread {
  let worker: Worker | undefined;
  const port = () => {
    if (worker === undefined) {
      worker = new Worker(new URL('./past-thread.ts', import.meta.url), { workerData: dir });
      worker.unref();
    }
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
