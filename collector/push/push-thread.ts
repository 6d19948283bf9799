/**
 * The thread that pushes while `enaga serve` runs: exports of a large day take the processor for a while, and batches are
 * acknowledged meanwhile. Each minute it looks into the book: in the morning it takes in what is new, and at any time it tries
 * what is due. Then it measures files of closed days, a few days at a time, so that `GET /v1/days` knows their sizes and SHA-256.
 * Whatever goes wrong is said, and is no end: the next minute comes.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Locked, takeLock } from '../../common/sqlite/lock.ts';
import { MINUTE_MS } from '../../common/time.ts';
import { measureDays } from '../publish/api/measuring.ts';
import { openReadSide } from '../publish/api/read-powers.ts';
import { followSender } from '../publish/sender.ts';
import { BadState } from '../reduce/bytes.ts';
import type { PushCount, PushOrder, PushThreadOptions, PushWord } from './background.ts';
import { Book } from './book.ts';
import { isMorning, morningOf } from './morning.ts';
import { openPush, type PushPlace } from './open.ts';
import { deliverRound, queueDays, type Told } from './round.ts';

const { place, atMinutes, rule } = workerData as PushThreadOptions;
const port = parentPort!;
const say = (level: PushWord['level'], text: string) => port.postMessage({ level, text } satisfies PushWord);
const count = (counted: PushCount) => port.postMessage(counted);
const senderNow = followSender(place.senderFile, text => say('warn', text));
/** The morning of which it was said that nobody sends. */
let saidOn = -1;
/** files.db is looked through once, and again after something was wrong with it. */
let checked = false;

let stopping = false;
const stopped = Promise.withResolvers<void>();
port.on('message', (order: PushOrder) => {
  if (order !== 'stop') return;
  stopping = true;
  stopped.resolve();
});

/** Whether there is anything to do, at the cost of a look into the book. */
function wanted(atMinutes: number): { isMorning: boolean; isDue: boolean } | undefined {
  const book = Book.open(place.book);
  try {
    const nowMs = Date.now();
    count({ kind: 'waiting', ...book.outstanding() });
    const found = { isMorning: isMorning(nowMs, atMinutes, book.queuedDay()), isDue: book.isDue(nowMs) };
    return book.targets().length > 0 && (found.isMorning || found.isDue) ? found : undefined;
  } finally {
    book.close();
  }
}

async function push(atMinutes: number): Promise<void> {
  const found = wanted(atMinutes);
  if (found === undefined) return;
  const sender = senderNow();
  if (sender === undefined) {
    const morning = morningOf(Date.now(), atMinutes);
    if (saidOn !== morning) say('warn', 'nothing can be pushed: exports.json does not say who sends');
    saidOn = morning;
    return;
  }
  const lock = takeLock(place.lock);
  try {
    await deliver({ ...place, sender }, found.isMorning ? morningOf(Date.now(), atMinutes) : undefined);
  } finally {
    lock.release();
  }
}

/** `morning`: the day whose morning it is, if it was not heeded yet. */
async function deliver(here: PushPlace, morning: number | undefined): Promise<void> {
  const { powers, close } = openPush(here, { checked });
  checked = true;
  const counts = new Map<Told['state'], number>();
  try {
    if (morning !== undefined) {
      queueDays(powers, powers.book.targets(), Date.now());
      powers.book.noteQueued(morning);
    }
    const tell = ({ target, state }: Told) => {
      counts.set(state, (counts.get(state) ?? 0) + 1);
      count({ kind: 'file', target, outcome: state });
    };
    await deliverRound(powers, { tell, isStopping: () => stopping });
  } finally {
    count({ kind: 'waiting', ...powers.book.outstanding() });
    close();
  }
  const bad = (counts.get('failed') ?? 0) + (counts.get('given-up') ?? 0);
  if (counts.size > 0)
    say(bad > 0 ? 'warn' : 'info', `pushed: ${[...counts].map(([state, n]) => `${n} ${state}`).join(', ')}`);
}

const daysAtOnce = 20;

/** A few days at a time: others may have the disk between. */
async function measure(): Promise<void> {
  const { powers, close } = openReadSide({ data: place.data, rule, checked });
  checked = true;
  try {
    await measureDays(powers, { daysMax: daysAtOnce, isStopping: () => stopping });
  } finally {
    close();
  }
}

async function tried(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if ((error as Error).name === 'SqliteError') checked = false;
    // Another process delivers: `enaga push run`. What it leaves is done in a minute. A day that is being counted again waits.
    if (!(error instanceof Locked) && !(error instanceof BadState))
      say('error', `${what}: ${(error as Error).message}`);
  }
}

while (!stopping) {
  if (atMinutes !== undefined) await tried('pushing failed', () => push(atMinutes));
  if (!stopping) await tried('files could not be measured', measure);
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>(resolve => {
    timer = setTimeout(resolve, MINUTE_MS);
  });
  await Promise.race([over, stopped.promise]);
  clearTimeout(timer);
}
port.close();
