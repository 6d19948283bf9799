/** What the commands on the store share: opening it beside whoever writes it, and how far it is behind the log. */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { GeoError } from '../../common/geo/error.ts';
import { archiveThread } from '../archive/past.ts';
import { LogReader } from '../log/reader.ts';
import { BadState } from '../reduce/codec.ts';
import { BadLog } from '../store/batch.ts';
import { BadKnown } from '../store/known.ts';
import { StoreReader } from '../store/query.ts';
import { OtherLog } from '../store/recount.ts';
import { nextAfter } from '../store/tail.ts';
import { BadData, type DataPaths, existingData } from './data.ts';

export interface OpenStore {
  readonly paths: DataPaths;
  readonly reader: LogReader;
  readonly store: StoreReader;
}

/** Opens both for as long as they are used. What they can be at fault with comes as `BadData`. */
export async function withStore<T>(dir: string, use: (open: OpenStore) => T | Promise<T>): Promise<T> {
  const paths = existingData(dir);
  if (!fs.existsSync(paths.store)) throw new BadData('nothing is counted yet: enaga serve counts what comes');
  const archive = archiveThread(paths.archive);
  const reader = LogReader.open(paths.log, archive.past());
  try {
    const store = StoreReader.open(paths.store);
    try {
      return await use({ paths, reader, store });
    } finally {
      store.close();
    }
  } catch (error) {
    if (![BadState, BadLog, BadKnown, OtherLog, GeoError].some(kind => error instanceof kind)) throw error;
    throw new BadData((error as Error).message, { cause: error });
  } finally {
    reader.close();
    await archive.stop();
  }
}

/** Logged batches that the store does not count yet: whether there are any, and how long the oldest has waited. */
export function lagOf({ reader, store }: OpenStore, nowMs: number): { readonly waitedMs: number } | undefined {
  const position = store.position();
  const after = position?.log === reader.id ? position.position : 0;
  const next = nextAfter(reader, after);
  return next === undefined ? undefined : { waitedMs: Math.max(0, nowMs - (next.receivedMs ?? nowMs)) };
}

const pollMs = 50;

/** Waits until all that is in the log now is counted, for as long as somebody counts; returns whether it is. */
export async function caughtUp(
  { reader, store }: OpenStore,
  waitMsMax: number,
  isCounting: () => boolean,
): Promise<boolean> {
  const head = reader.head();
  const end = Date.now() + waitMsMax;
  for (;;) {
    const position = store.position();
    const after = position?.log === reader.id ? position.position : 0;
    const next = nextAfter(reader, after);
    if (next === undefined || next.position > head) return true;
    if (Date.now() > end || !isCounting()) return false;
    await sleep(pollMs);
  }
}
