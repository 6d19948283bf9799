/**
 * The thread that readers of the log ask for its past (log/past.ts). It does nothing itself: what it is asked another looks up, which
 * reads large files, and may come to its end by an error nobody caught, or by the memory that JavaScript may take. Then whoever
 * waits is told so, also who waits with the whole thread and would hear of nothing else, and the next question begins another.
 * From a fault in native code (DuckDB's) no thread saves: that ends the process.
 */
import { type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import type { PastReply, PastRequest } from '../log/past.ts';

export interface PastThreadData {
  /** The archive's directory. */
  readonly dir: string;
  /** What looks things up: answering-thread.ts. */
  readonly program: string;
}

export interface NumberedQuestion extends Pick<PastRequest, 'question'> {
  readonly number: number;
}
export interface NumberedReply {
  readonly number: number;
  readonly said: PastReply;
}

interface Answering {
  readonly worker: Worker;
  /** By their numbers. */
  readonly waiting: Map<number, PastRequest>;
}

const { dir, program } = workerData as PastThreadData;
let answering: Answering | undefined;
let asked = 0;

function begun(): Answering {
  const worker = new Worker(new URL(program), { workerData: dir });
  const waiting = new Map<number, PastRequest>();
  const made: Answering = { worker, waiting };
  const end = (why: string) => {
    if (answering === made) answering = undefined;
    const failure = `what was to be looked up in the archive brought its thread to an end: ${why}`;
    for (const request of waiting.values()) reply(request, { failure, bad: false });
    waiting.clear();
  };
  worker.on('message', ({ number, said }: NumberedReply) => {
    const request = waiting.get(number);
    if (request === undefined) return; // sent just before its thread ended, and answered by that
    reply(request, said);
    waiting.delete(number);
  });
  worker.on('error', error => end((error as Error).message));
  worker.on('exit', code => end(`code ${code}`));
  return made;
}

function reply({ reply: port, raised }: PastRequest, said: PastReply): void {
  port.postMessage(said);
  Atomics.store(raised, 0, 1);
  Atomics.notify(raised, 0);
  port.close();
}

function ask(request: PastRequest): void {
  answering ??= begun();
  const number = ++asked;
  answering.waiting.set(number, request);
  const question: NumberedQuestion = { number, question: request.question };
  answering.worker.postMessage(question);
}

parentPort!.on('message', (port: MessagePort) => {
  port.on('message', ask);
});
