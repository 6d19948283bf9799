/** Batches that come late, for days that were closed long ago and of which the store keeps rows alone. */
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, expect, it } from 'vitest';
import { startFolding } from '../../collector/store/folding.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { writeTraffic } from '../bench/traffic.ts';
import { HASH_KEY, partsOf, readCapture, SealedLog } from '../support/sealed-log.ts';

const made = new SealedLog();
const never = new SealedLog();
afterAll(() => {
  made.remove();
  never.remove();
});

const AT_ONCE = { graceMs: 0, quietMs: 0, segmentsMs: 0 };
const NEVER = { graceMs: 1e15, quietMs: 0, segmentsMs: 0 };

async function fold(log: SealedLog, closing: typeof AT_ONCE, done: (store: StoreReader) => boolean): Promise<void> {
  const folding = startFolding({ data: log.data, hashKey: HASH_KEY, checkpointMs: 20, closing });
  await expect.poll(() => folding.progress().position, { timeout: 10_000 }).toBe(log.log.head());
  const store = StoreReader.open(log.data.store);
  await expect.poll(() => done(store), { timeout: 10_000 }).toBe(true);
  store.close();
  await folding.stop();
}

const count = (log: SealedLog, sql: string) => {
  const store = new Database(log.data.store, { readonly: true });
  const found = store.prepare(sql).pluck().get();
  store.close();
  return found;
};

/** Figures day by day, however they are kept. */
const figures = (log: SealedLog): string => {
  const store = StoreReader.open(log.data.store);
  const { days, packets, records } = store.results();
  store.close();
  return JSON.stringify({ packets, records, days });
};

it('fault 20: late batches of closed days have these folded again: figures and revision change together, nothing twice', async () => {
  const file = path.join(made.dir, 'traffic.pcap');
  writeTraffic(file, 12_000);
  const blocks = (await readCapture(file)).blocks.flatMap(block => partsOf(block, 300));
  const [early, late] = [blocks.slice(0, -6), blocks.slice(-6)];
  made.appendMixed(5, early);
  await fold(made, AT_ONCE, store => store.days().every(({ closed }) => closed));
  await fold(made, AT_ONCE, () => count(made, 'SELECT count(*) FROM segments') === 0);
  const revisions = () => {
    const store = StoreReader.open(made.data.store);
    const found = store.days().map(({ day, revision, packets }) => ({ day, revision, packets }));
    store.close();
    return found;
  };
  const before = revisions();
  expect(before.map(({ revision }) => revision)).toEqual([1, 1, 1]);

  made.appendMixed(6, late);
  await fold(made, NEVER, store => store.days().every(({ stale }) => !stale));
  const after = revisions();
  for (const [n, { packets, revision }] of after.entries())
    expect(revision > 1, `day ${n}`).toBe(packets !== before[n]!.packets);
  expect(after.some(({ revision }) => revision > 1)).toBe(true);
  const { differences, records } = made.recount();
  expect(differences).toEqual([]);
  expect(records).toBe(blocks.reduce((sum, block) => sum + block.count, 0));

  // A store that had all of it in time says the same.
  never.appendMixed(5, early);
  never.appendMixed(6, late);
  await fold(never, NEVER, () => true);
  expect(figures(made)).toBe(figures(never));

  // Sent once more, the same batches are duplicates to the log: there is nothing to fold.
  const again = made.reader().after(0, { batches: 1e6, bytes: 1e9 });
  expect(new Set(made.log.append(again).map(({ kind }) => kind))).toEqual(new Set(['duplicate']));
});
