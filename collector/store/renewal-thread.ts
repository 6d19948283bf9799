/** A thread that makes open days from their states, and ranks of periods that they are in; tells each, and ends. */
import assert from 'node:assert/strict';
import os from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { Made } from './open-days.ts';
import { StoreReader } from './query.ts';
import type { RenewalStart } from './renewal.ts';
import { makeRanks, runningPeriods } from './rollup.ts';

assert(parentPort !== null, 'this is the program of a thread');
os.setPriority(os.constants.priority.PRIORITY_LOW); // of this thread alone: counting and acknowledging come first
const { file, days, ranks, before } = workerData as RenewalStart;
const tell = (made: Made) => parentPort!.postMessage(made);

const store = StoreReader.open(file, { before });
// Of one state of the store: else what a day has got meanwhile would be read for its ranks again.
store.together(() => {
  for (const number of days) {
    const day = store.openDay(number);
    if (day !== undefined) tell({ kind: 'day', day });
  }
  for (const one of runningPeriods(store).filter(({ name }) => ranks.includes(name)))
    tell({ kind: 'ranks', ranks: makeRanks(store, one) });
});
store.close();
