/** The thread that writes parts (writing.ts): one after another, each read back while the next is written. */
import { parentPort, workerData } from 'node:worker_threads';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { NotArchived } from './part.ts';
import { type PartOrder, PartWriter } from './write-part.ts';
import type { PartReply } from './writing.ts';

/** The archive's directory. */
const opened = PartWriter.open(workerData as string);
/** What was asked for last is done, or failed. */
let writing: Promise<unknown> = opened;
let checking: Promise<unknown> = opened;

function take({ staged, ...names }: PartOrder): void {
  const { part } = names;
  const written = writing.then(async () => (await opened).write({ staged, ...names }));
  const checked = Promise.all([written, checking]).then(async () => (await opened).check(names));
  writing = written.catch(() => {});
  checking = checked.then(
    facts => reply({ part, facts }),
    error => reply({ part, failure: (error as Error).message, kind: kindOf(error) }),
  );
}

const reply = (said: PartReply): void => parentPort!.postMessage(said);

const kindOf = (error: unknown) =>
  error instanceof NotArchived ? 'not-archived' : error instanceof BadDatabase ? 'bad' : 'other';

parentPort!.on('message', (order: PartOrder | 'end') => {
  if (order !== 'end') return take(order);
  parentPort!.close();
  checking.then(async () => (await opened).close());
});
