/**
 * The folding thread: follows the log into the store (tail.ts) until it is told to stop. What it dies of, the main thread hears.
 *
 * The store can be made again from the log at any time, so two faults of its file are no end: a damaged one is put aside and
 * everything is folded again, and one whose disk is full is tried again from what it holds, until there is room.
 */
import fs from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { LogReader } from '../log/reader.ts';
import { BadState } from '../reduce/codec.ts';
import { Registry } from '../registry/registry.ts';
import type { Answer, FoldingOptions, Order } from './orders.ts';
import { Tail } from './tail.ts';

/** The log is looked at so often when nobody says that something came. */
const pollMs = 100;
/** A full disk is tried again so often. */
const fullMs = 5000;

const { data, hashKey, checkpointMs, closing } = workerData as FoldingOptions;
const port = parentPort!;
const answer = (one: Answer) => port.postMessage(one);
const say = (text: string) => answer({ kind: 'said', text });

let stopping = false;
let wake = () => {};
port.on('message', (order: Order) => {
  stopping ||= order === 'stop';
  wake();
});

/** Until something comes, or the time is over. Also without time: so that an order to stop is heard. */
const pause = (ms: number): Promise<void> =>
  new Promise(resolve => {
    wake = resolve;
    setTimeout(resolve, ms);
  });

const reader = LogReader.open(data.log);
const registry = Registry.open(data.registry, { readonly: true });
const newTail = () =>
  new Tail({
    reader,
    file: data.store,
    geoDir: data.geo,
    exclusions: () => registry.exclusions(),
    hashKey,
    checkpointMs,
    closing,
    now: Date.now,
    say,
  });

/** Follows the log to the end; what was not committed when it throws comes from the log again. */
async function follow(): Promise<void> {
  const tail = newTail();
  try {
    while (!stopping) {
      const more = tail.step();
      answer({ kind: 'progress', progress: tail.progress });
      await pause(more ? 0 : pollMs);
    }
    tail.commit();
    answer({ kind: 'progress', progress: tail.progress });
  } finally {
    tail.close();
  }
}

/** Only of the store's file: a log that is damaged cannot be made again. */
function isDamage(error: unknown): boolean {
  const { code = '' } = error as { code?: string };
  const isFile = error instanceof BadDatabase && error.message.startsWith(`${data.store} is damaged`);
  return error instanceof BadState || isFile || /^SQLITE_(CORRUPT|NOTADB)/.test(code);
}

const isFull = (error: unknown): boolean => (error as { code?: string }).code === 'SQLITE_FULL';

/** Under another name it can be looked at; the one before it is lost. */
function putAside(): void {
  for (const end of ['', '-wal', '-shm']) {
    fs.rmSync(`${data.store}.damaged${end}`, { force: true });
    if (fs.existsSync(data.store + end)) fs.renameSync(data.store + end, `${data.store}.damaged${end}`);
  }
}

for (let damages = 0; ; ) {
  try {
    await follow();
    break;
  } catch (error) {
    if (isFull(error)) {
      say('the disk is full: counting goes on when there is room');
      await pause(fullMs);
      if (stopping) break; // what is not counted stays in the log
    } else if (isDamage(error) && damages++ === 0) {
      putAside();
      say(`the store was damaged, and is ${data.store}.damaged now: everything is folded again`);
    } else throw error;
  }
}
reader.close();
registry.close();
answer({ kind: 'stopped' });
port.close();
