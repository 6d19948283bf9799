/** The tail with a clock of the test's own: what waits for a commit when days are closed, and batches that are damaged. */
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ROW_TABLES } from '../../collector/reduce/rows.ts';
import { CLOSING, closeDays } from '../../collector/store/closing.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { Store } from '../../collector/store/store.ts';
import { Tail } from '../../collector/store/tail.ts';
import { GEO } from '../support/records.ts';
import { FIRST_DAY, firstHour, HASH_KEY, openAll, RECEIVED_MS, SealedLog, Sealer } from '../support/sealed-log.ts';

const DAY_MS = 86_400_000;
let made: SealedLog;
beforeEach(() => {
  made = new SealedLog();
});
afterEach(() => made.remove());

function openTail({ ms, checkpointMs = 1e15 }: { ms: { now: number }; checkpointMs?: number }) {
  const said: string[] = [];
  const tail = new Tail({
    reader: made.reader(),
    file: made.data.store,
    geoDir: made.data.geo,
    exclusions: () => made.registry.exclusions(),
    hashKey: HASH_KEY,
    checkpointMs,
    closing: CLOSING,
    now: () => ms.now,
    say: text => said.push(text),
  });
  return { tail, said };
}

const read = <T>(look: (store: StoreReader) => T): T => {
  const store = StoreReader.open(made.data.store);
  try {
    return look(store);
  } finally {
    store.close();
  }
};

test('a late batch that waits for its commit when its day loses its state makes another revision', () => {
  const ms = { now: RECEIVED_MS };
  const { tail } = openTail({ ms });
  made.append({ sensor: 0, records: firstHour(3) });
  tail.step();
  ms.now += 2 * DAY_MS;
  tail.step(); // the day is closed
  expect(read(store => store.days())).toMatchObject([{ packets: 3, closed: true, revision: 1 }]);
  ms.now += CLOSING.segmentsMs;
  made.append({ sensor: 0, records: firstHour(4), receivedMs: ms.now });
  tail.step(); // and would lose its state now
  tail.commit();
  expect(read(store => store.days())).toMatchObject([{ packets: 7, closed: false, revision: 2 }]);
  tail.close();
  expect(made.recount().differences).toEqual([]);
});

test('while many come commits are further apart, and the last of many are committed as soon as no more come', () => {
  const ms = { now: RECEIVED_MS };
  const { tail } = openTail({ ms, checkpointMs: 1000 });
  const many = firstHour(8000);
  const append = (batches: number) =>
    made.append(...Array.from({ length: batches }, () => ({ sensor: 0, records: many })));
  const committedAfter = (stepMs: number) => {
    ms.now += stepMs;
    tail.step();
    return tail.progress.records / 8000;
  };
  append(63);
  expect(committedAfter(2000)).toBe(0);
  append(1);
  expect(committedAfter(3000)).toBe(64);
  append(13);
  expect([committedAfter(10), committedAfter(49), committedAfter(1)]).toEqual([64, 64, 77]);
  append(1);
  expect([committedAfter(10), committedAfter(900), committedAfter(90)]).toEqual([77, 77, 78]);
  tail.close();
  expect(made.recount().differences).toEqual([]);
});

test('hours of long ago are dropped by the key of their day alone', () => {
  const file = `${made.dir}/closing.db`;
  const store = Store.open(file, {
    hashKey: HASH_KEY,
    geographies: { at: () => GEO, named: () => GEO },
    excluded: () => [],
  });
  const sealer = new Sealer();
  const days = [0, 1, 2].map(n => FIRST_DAY + n);
  store.append(openAll(days.map(day => sealer.seal({ sensor: 0, records: firstHour(5, day) }))), 'a log');
  closeDays(store.database, RECEIVED_MS + 2 * DAY_MS, CLOSING);
  const prepared = vi.spyOn(store.database, 'prepare');
  closeDays(store.database, (FIRST_DAY + 92) * DAY_MS, CLOSING);
  const deletes = prepared.mock.calls.map(([sql]) => sql).filter(sql => /DELETE FROM rows/.test(sql));
  prepared.mockRestore();
  expect(deletes).toHaveLength(1);
  const plan = store.database.prepare(`EXPLAIN QUERY PLAN ${deletes[0]}`).all(0, 0, 0) as { detail: string }[];
  expect(plan.map(({ detail }) => detail)).toEqual(['SEARCH rows USING PRIMARY KEY (day=? AND name=? AND sensor=?)']);
  const left = 'SELECT DISTINCT day FROM rows WHERE name = ? AND sensor = -1';
  const kept = (name: 'portHours' | 'ports') => store.database.prepare(left).pluck().all(ROW_TABLES.indexOf(name));
  expect([kept('portHours'), kept('ports')]).toEqual([[FIRST_DAY + 2], days]);
  store.close();
});

describe('fault 2: a batch that is damaged in the log', () => {
  /** Changes what a file of the log says of a position. */
  const damage = (position: number, sql: string) => {
    const file = new Database(`${made.data.log}/2026-03-05.db`);
    expect(file.prepare(`UPDATE batches SET ${sql} WHERE position = ?`).run(position).changes).toBe(1);
    file.close();
  };

  test.each([
    ['in its bytes', 'bytes = zeroblob(40)'],
    ['in what was noted of it', 'received_ms = received_ms + 1'],
    ['in its name', 'sha256 = zeroblob(32)'],
  ])('%s, is told once and gone past; all others count', (_, sql) => {
    for (let n = 1; n <= 4; n++) made.append({ sensor: 0, records: firstHour(n) }); // positions 2 to 5
    damage(3, sql);
    const ms = { now: RECEIVED_MS };
    const { tail, said } = openTail({ ms });
    while (tail.step());
    tail.commit();
    expect(tail.progress).toMatchObject({ position: 5, records: 1 + 3 + 4, damaged: 1, oldestUnfoldedMs: null });
    expect(said).toEqual([expect.stringMatching(/2026-03-05\.db is damaged: the entry at position 3 .*in no count$/)]);
    tail.close();
    expect(read(store => store.damaged())).toEqual([{ position: 3, why: expect.stringContaining('position 3') }]);
    expect(made.recount()).toMatchObject({ differences: [], damaged: [3] });
    const again = openTail({ ms });
    while (again.tail.step());
    expect([again.said, again.tail.progress.damaged]).toEqual([[], 1]);
    again.tail.close();
  });

  test('as the last one, and as one that the log took as it was', () => {
    const sound = made.sealer.seal({ sensor: 0, records: firstHour(2) });
    const broken = made.sealer.seal({ sensor: 0, records: firstHour(9) });
    made.log.append([sound, { ...broken, bytes: broken.bytes.map((byte, n) => (n > 40 ? byte ^ 0xff : byte)) }]);
    made.append({ sensor: 0, records: firstHour(3) });
    damage(4, 'bytes = zeroblob(1)');
    const ms = { now: RECEIVED_MS };
    const { tail, said } = openTail({ ms });
    while (tail.step());
    tail.commit();
    tail.close();
    expect(said).toHaveLength(2);
    expect(read(store => store.days())).toMatchObject([{ packets: 2 }]);
    expect(made.recount()).toMatchObject({ differences: [], damaged: [3, 4] });
    const again = openTail({ ms });
    expect(again.said).toEqual([]); // the position of a damaged batch is a position too
    again.tail.close();
  });

  test('since it was counted, is found when its day is folded again', () => {
    const ms = { now: RECEIVED_MS };
    const { tail, said } = openTail({ ms });
    made.append(
      { sensor: 0, records: firstHour(2) },
      { sensor: 0, records: firstHour(5) },
      { sensor: 1, records: firstHour(1) },
    );
    while (tail.step());
    tail.commit();
    damage(3, 'records = 77');
    made.registry.exclude('s1', FIRST_DAY, FIRST_DAY, 'flooded', RECEIVED_MS);
    ms.now += 2000;
    while (tail.step());
    tail.close();
    expect(said).toEqual([expect.stringContaining('position 3'), expect.stringContaining('folded again')]);
    expect(read(store => store.days())).toMatchObject([{ packets: 2 }]);
  });
});
