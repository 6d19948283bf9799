/** Looks things up as answering-thread.ts does, but the first that is asked for batches ends it, as an error that nobody caught would. */
import fs from 'node:fs';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { NumberedQuestion } from '../../collector/archive/past-thread.ts';

const mark = path.join(workerData, 'died');
const hasDied = fs.existsSync(mark);
parentPort!.on('message', ({ question }: NumberedQuestion) => {
  if (hasDied || question === 'facts') return;
  fs.writeFileSync(mark, '');
  throw new Error('a fault of its own');
});
await import('../../collector/archive/answering-thread.ts');
