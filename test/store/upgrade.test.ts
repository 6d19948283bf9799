/** A store that an older version counted, with another version of states: what becomes of it. */
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BadState } from '../../collector/reduce/codec.ts';
import { byPackets, ROW_TABLES, type Row, type RowTable } from '../../collector/reduce/rows.ts';
import { CLOSING, closeDays } from '../../collector/store/closing.ts';
import { periodOf } from '../../collector/store/periods.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { rankedRows } from '../../collector/store/rollup.ts';
import { Store } from '../../collector/store/store.ts';
import { Tail } from '../../collector/store/tail.ts';
import { GEO, type PlainRecord, record } from '../support/records.ts';
import { blocksOf, FIRST_DAY, HASH_KEY, openAll, RECEIVED_MS, SealedLog, Sealer } from '../support/sealed-log.ts';

const DAY_MS = 86_400_000;
/** Tables that came after versions of states: these had them not. */
const CAME_AFTER: readonly (readonly [version: number, tables: readonly RowTable[]])[] = [
  [2, ['portKinds', 'countryKinds', 'countryAsns']],
  [3, ['countryKinds', 'countryAsns']],
];

let made: SealedLog;
beforeEach(() => {
  made = new SealedLog();
});
afterEach(() => made.remove());

const list = (seed: number): PlainRecord[] =>
  fc.sample(record, { seed, numRuns: 200 }).map(one => ({ ...one, sensor: 0, hour: 24 * FIRST_DAY + (one.hour % 24) }));

function opened(file: string): { readonly store: Store; append(records: readonly PlainRecord[]): void } {
  const options = { hashKey: HASH_KEY, geographies: { at: () => GEO, named: () => GEO }, excluded: () => [] };
  const store = Store.open(file, options);
  const sealer = new Sealer();
  return {
    store,
    append: records => store.append(openAll(blocksOf(records, 2).map(spec => sealer.seal(spec))), 'a log'),
  };
}

/** The store's file, as a version without these tables would have left it. */
function makeOld(file: string, version: number, without: readonly RowTable[]): void {
  const database = new Database(file);
  database.prepare('UPDATE progress SET state_version = ?').run(version);
  for (const name of without) database.prepare('DELETE FROM rows WHERE name = ?').run(ROW_TABLES.indexOf(name));
  database.prepare("UPDATE segments SET bytes = x'00'").run(); // none of it is read
  database.close();
}

test.each(CAME_AFTER)(
  'of version %i is folded again from the log; its closed days are the revisions that they were, and have what came after it',
  (...old) => {
    made.append(...blocksOf(list(1), 1));
    const follow = (): string[] => {
      const said: string[] = [];
      const ms = { now: RECEIVED_MS };
      const reader = made.reader();
      const tail = new Tail({
        ...{ reader, file: made.data.store, geoDir: made.data.geo, hashKey: HASH_KEY, exclusions: () => [] },
        ...{ checkpointMs: 0, closing: CLOSING, now: () => ms.now, say: text => said.push(text) },
      });
      while (tail.step());
      ms.now += 2 * DAY_MS;
      while (tail.step());
      tail.close();
      reader.close();
      return said;
    };
    const kept = () => {
      const store = StoreReader.open(made.data.store);
      const days = store.days();
      const rows = ROW_TABLES.map(name => store.closedRows(FIRST_DAY).rows(name));
      store.close();
      return { days, rows };
    };
    expect(follow()).toEqual([]);
    const before = kept();
    expect(before.days).toMatchObject([{ day: FIRST_DAY, revision: 1, closed: true }]);
    for (const name of old[1]) expect(before.rows[ROW_TABLES.indexOf(name)]!.length).toBeGreaterThan(3);
    makeOld(made.data.store, ...old);
    expect(follow()).toEqual(['the store was counted from another log or by other rules: everything is folded again']);
    expect(kept()).toEqual(before);
    expect(made.recount().differences).toEqual([]);
  },
);

test.each(CAME_AFTER)(
  'of version %i, of days whose records are gone it keeps the rows and the sets, and tells nothing of what came after it',
  (...old) => {
    const file = `${made.dir}/old.db`;
    const { append, store } = opened(file);
    append(list(2));
    closeDays(store.database, RECEIVED_MS + 2 * DAY_MS, CLOSING);
    store.close();
    makeOld(file, ...old);
    const again = opened(file).store;
    expect(again.position()).toBeUndefined();
    again.reset([FIRST_DAY]);
    again.append([], 'a log'); // another time it would be read
    const reader = StoreReader.over(again.database);
    expect(again.database.prepare('SELECT count(*) FROM states WHERE day = ?').pluck().get(FIRST_DAY)).toBe(3);
    const rows = reader.closedRows(FIRST_DAY);
    expect(rows.rows('ports').length).toBeGreaterThan(3);
    for (const name of old[1]) expect([rows.has('ports'), rows.has(name), rows.rows(name)]).toEqual([true, false, []]);
    const day = reader.day(FIRST_DAY)!;
    expect([day.countryKinds(), day.countryAsns()]).toEqual([[], []]);
    expect(day.portKinds().length > 0).toBe(!old[1].includes('portKinds'));
    again.close();
  },
);

test('of a day of long ago that is counted again, its states are read for ports by the hour alone', () => {
  const { append, store } = opened(`${made.dir}/old.db`);
  append(list(3));
  const reader = StoreReader.over(store.database);
  const sorted = () => [...reader.rows(FIRST_DAY)!.rows('portHours')].sort(byPackets);
  const hours = sorted();
  expect(hours.length).toBeGreaterThan(3);
  closeDays(store.database, RECEIVED_MS + 100 * DAY_MS, CLOSING);
  expect(reader.closedRows(FIRST_DAY).has('portHours')).toBe(false);
  expect(reader.rows(FIRST_DAY)!.has('portHours')).toBe(true);
  expect(sorted()).toEqual(hours);
  const [{ a }] = hours as [Row];
  const ofOne = reader.rows(FIRST_DAY)!.rows('portHours', a);
  expect(ofOne).toEqual(hours.filter(row => row.a === a));

  store.database.prepare("UPDATE segments SET bytes = x'00'").run(); // whoever reads one throws
  const period = periodOf('quarter', FIRST_DAY);
  expect(rankedRows(reader, period, 'ports').length).toBeGreaterThan(3);
  expect(reader.day(FIRST_DAY)!.packets).toBe(200);
  expect(() => reader.rows(FIRST_DAY)!.rows('portHours')).toThrow(BadState);
  store.database.prepare('DELETE FROM segments').run();
  expect(reader.rows(FIRST_DAY)!.has('portHours')).toBe(false);
  store.close();
});
