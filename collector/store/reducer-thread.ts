/**
 * The folding thread: follows the log into the store (tail.ts) until it is told to stop. What it dies of, the main thread hears.
 *
 * The store can be made again from the log at any time, so two faults of its file are no end: a damaged one is put aside and
 * everything is folded again, and one whose disk is full is tried again from what it holds, until there is room.
 */
import fs from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { isFull } from '../../common/sqlite/full.ts';
import { BadDatabase, damageNamed } from '../../common/sqlite/open.ts';
import { LogPast } from '../log/past.ts';
import { LogReader } from '../log/reader.ts';
import { BadState } from '../reduce/codec.ts';
import type { Exclusion } from '../registry/exclusions.ts';
import { Registry } from '../registry/registry.ts';
import { Closer } from './closer.ts';
import { Handed } from './handed.ts';
import { Merging } from './merging.ts';
import type { Answer, FoldingOptions, Order } from './orders.ts';
import { Tail } from './tail.ts';

/** The log is looked at so often when nobody says that something came. */
const pollMs = 100;
/** A full disk is tried again so often. */
const fullMs = 5000;

const { data, hashKey, checkpointMs, closing, past } = workerData as FoldingOptions;
const port = parentPort!;
const answer = (one: Answer) => port.postMessage(one);
const say = (text: string) => answer({ kind: 'said', text });

let stopping = false;
let wake = () => {};
const stop = Promise.withResolvers<void>();
const handed = new Handed();
const merging = new Merging();
const closer = new Closer();
port.on('message', (order: Order) => {
  if (typeof order === 'object') handed.add(order);
  if (order === 'stop') {
    stopping = true;
    stop.resolve();
  }
  wake();
});

/** Until something comes, or the time is over. Also without time: so that an order to stop is heard. */
const pause = (ms: number): Promise<void> =>
  new Promise(resolve => {
    wake = resolve;
    setTimeout(resolve, ms);
  });

/** Which nothing but an order to stop ends: a full disk has no more room because something comes. */
async function rest(ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([over, stop.promise]);
  clearTimeout(timer);
}

const reader = LogReader.open(data.log, past && new LogPast(() => past));
const registry = Registry.open(data.registry, { readonly: true });
/** The registry's own damage bears its name: it is none of the store's. */
function exclusions(): readonly Exclusion[] {
  try {
    return registry.exclusions();
  } catch (error) {
    throw damageNamed(error, data.registry);
  }
}

const newTail = () =>
  new Tail({
    reader,
    file: data.store,
    geoDir: data.geo,
    exclusions,
    hashKey,
    checkpointMs,
    closing,
    handed,
    merging,
    closer,
    now: Date.now,
    say,
  });

const tell = ({ progress }: Tail) => answer({ kind: 'progress', progress, handedBytesDone: handed.bytesDone });

/** Follows the log to the end; what was not committed when it throws comes from the log again. */
async function follow(): Promise<void> {
  const tail = newTail();
  try {
    while (!stopping) {
      const more = tail.step();
      tell(tail);
      await pause(more ? 0 : pollMs);
    }
    tail.commit();
    tell(tail);
  } finally {
    tail.close();
  }
}

/** Only of the store's file, the one whose damage bears no other name: log and registry cannot be made again. */
function isDamage(error: unknown): boolean {
  const { code = '' } = error as { code?: string };
  const isFile = error instanceof BadDatabase && error.message.startsWith(`${data.store} is damaged`);
  return error instanceof BadState || isFile || /^SQLITE_(CORRUPT|NOTADB)/.test(code);
}

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
      await rest(fullMs);
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
