/** Large days closed by a thread beside the folding one: counting goes on, and what changed meanwhile is never closed as it was. */
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Closer } from '../../collector/store/closer.ts';
import { CLOSING } from '../../collector/store/closing.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { Tail } from '../../collector/store/tail.ts';
import { FIRST_DAY, firstHour, HASH_KEY, RECEIVED_MS, SealedLog } from '../support/sealed-log.ts';

const DAY_MS = 86_400_000;

let made: SealedLog;
let closer: Closer;
let tail: Tail;
let nowMs: number;
beforeEach(() => {
  made = new SealedLog();
  closer = new Closer({ bytesMin: 0 });
  nowMs = RECEIVED_MS;
  tail = new Tail({
    reader: made.reader(),
    file: made.data.store,
    geoDir: made.data.geo,
    exclusions: () => made.registry.exclusions(),
    hashKey: HASH_KEY,
    checkpointMs: 0,
    closing: CLOSING,
    closer,
    now: () => nowMs,
    say: () => {},
  });
});
afterEach(() => {
  tail.close();
  made.remove();
});

function days() {
  const store = StoreReader.open(made.data.store);
  const all = store.days();
  store.close();
  return all;
}

const stepped = () => {
  tail.step();
  return days();
};

/** Until what is being closed is closed or given up; whatever a step throws is thrown. */
async function ended(): Promise<void> {
  for (; closer.isBusy; tail.step()) await sleep(20);
}

test('a day is closed beside, and another counted meanwhile', async () => {
  made.append({ sensor: 0, records: firstHour(3) }, { sensor: 1, records: firstHour(4, FIRST_DAY + 1) });
  tail.step();
  nowMs += 3 * DAY_MS;
  expect(stepped()).toMatchObject([{ closed: false }, { closed: false }]);
  expect(closer.isBusy).toBe(true);
  made.append({ sensor: 0, records: firstHour(5, FIRST_DAY + 3), receivedMs: nowMs });
  expect(stepped()).toMatchObject([{ packets: 3 }, { packets: 4 }, { packets: 5 }]);
  await ended(); // of the first, and then of the second
  expect(days()).toMatchObject([{ closed: true }, { closed: true }, { closed: false }]);
  expect(made.recount().differences).toEqual([]);
});

test('a day that got a batch while it was being closed is closed later, with it', async () => {
  made.append({ sensor: 0, records: firstHour(3) });
  tail.step();
  nowMs += 2 * DAY_MS;
  expect(stepped()).toMatchObject([{ closed: false }]);
  expect(closer.isBusy).toBe(true);
  made.append({ sensor: 0, records: firstHour(4), receivedMs: nowMs });
  await ended();
  expect(days()).toMatchObject([{ packets: 7, closed: false, revision: 1 }]);
  nowMs += DAY_MS;
  tail.step();
  await ended();
  expect(days()).toMatchObject([{ packets: 7, closed: true, revision: 1 }]);
  expect(made.recount().differences).toEqual([]);
});

test('a day whose state is damaged is told of where it can be', async () => {
  made.append({ sensor: 0, records: firstHour(3) });
  tail.step();
  nowMs += 2 * DAY_MS;
  const store = new Database(made.data.store);
  store.exec("UPDATE segments SET bytes = x'00'");
  store.close();
  tail.step();
  await expect(ended()).rejects.toMatchObject({ name: 'BadState' });
});
