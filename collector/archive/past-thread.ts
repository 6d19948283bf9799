/** The thread that answers what readers of the log ask of its past (log/past.ts), one question after another. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { BadDatabase } from '../../common/sqlite/open.ts';
import type { PastReply, PastRequest } from '../log/past.ts';
import { ArchivedPast } from './archived.ts';

/** The archive's directory. */
const past = new ArchivedPast(workerData as string);
let last: Promise<unknown> = Promise.resolve();

/** Parts are large, and few look so far back: after so long without a question they are let go of. */
const restMs = 30_000;
let resting: NodeJS.Timeout | undefined;
function restLater(): void {
  clearTimeout(resting);
  resting = setTimeout(() => {
    last = last.then(() => past.rest());
  }, restMs).unref();
}

async function answer({ question, reply, raised }: PastRequest): Promise<void> {
  let said: PastReply;
  try {
    said = { answer: question === 'facts' ? past.facts() : await past.batches(question) };
  } catch (error) {
    said = { failure: (error as Error).message, bad: error instanceof BadDatabase };
  }
  reply.postMessage(said);
  Atomics.store(raised, 0, 1);
  Atomics.notify(raised, 0);
  reply.close();
}

parentPort!.on('message', (port: MessagePort) => {
  port.on('message', (request: PastRequest) => {
    last = last.then(() => answer(request)).then(restLater);
  });
});
