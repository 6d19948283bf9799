/** The thread that looks up what of the log is in the archive, one question after another (past-thread.ts). */
import { parentPort, workerData } from 'node:worker_threads';
import { BadDatabase } from '../../common/sqlite/open.ts';
import type { PastReply } from '../log/past.ts';
import { ArchivedPast } from './archived.ts';
import type { NumberedQuestion, NumberedReply } from './past-thread.ts';

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

async function answer({ number, question }: NumberedQuestion): Promise<void> {
  let said: PastReply;
  try {
    said = { answer: question === 'facts' ? past.facts() : await past.batches(question) };
  } catch (error) {
    said = { failure: (error as Error).message, bad: error instanceof BadDatabase };
  }
  const reply: NumberedReply = { number, said };
  parentPort!.postMessage(reply);
}

parentPort!.on('message', (question: NumberedQuestion) => {
  last = last.then(() => answer(question)).then(restLater);
});
