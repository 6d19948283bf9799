import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Log } from '../../collector/log/log.ts';
import { encodeDay } from '../../collector/reduce/codec.ts';
import { ROW_TABLES, type Row } from '../../collector/reduce/rows.ts';
import { type OpenedBatch, openLogged } from '../../collector/store/batch.ts';
import { type Folding, startFolding } from '../../collector/store/folding.ts';
import { packRows, unpackRows } from '../../collector/store/packed.ts';
import { StoreReader } from '../../collector/store/query.ts';
import type { Records } from '../../common/record/record.ts';
import { writeTraffic } from '../bench/traffic.ts';
import {
  FIRST_DAY,
  HASH_KEY,
  noRecords,
  partsOf,
  RECEIVED_MS,
  readCapture,
  SealedLog,
  Sealer,
} from '../support/sealed-log.ts';
import { fillDisk, mountSmallDisk, SMALL_DISK_MISSING } from '../support/small-disk.ts';

/** Long after: nothing is closed in these tests unless they say so. */
const OPEN = { graceMs: 1e15, quietMs: 0, segmentsMs: 0 };

let made: SealedLog;
let traffic: Records[];
beforeAll(async () => {
  const folder = new SealedLog();
  const file = path.join(folder.dir, 'traffic.pcap');
  writeTraffic(file, 20_000);
  traffic = (await readCapture(file)).blocks.flatMap(block => partsOf(block, 200));
  folder.remove();
});
beforeEach(() => {
  made = new SealedLog();
});
afterEach(() => made.remove());

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('it took too long');
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}

async function foldAll(): Promise<string[]> {
  const said: string[] = [];
  const folding = startFolding({
    data: made.data,
    hashKey: HASH_KEY,
    checkpointMs: 50,
    closing: OPEN,
    say: text => said.push(text),
  });
  await reached(folding);
  await folding.stop();
  return said;
}

async function reached(folding: Folding): Promise<void> {
  let failure: Error | undefined;
  folding.failed.then(error => {
    failure = error;
  });
  await until(() => failure !== undefined || folding.progress().position === made.log.head());
  if (failure !== undefined) throw failure;
}

const states = (): string[] => {
  const store = StoreReader.open(made.data.store);
  const bytes = store.days().map(({ day }) => Buffer.from(encodeDay(store.state(day)!)).toString('latin1'));
  store.close();
  return bytes;
};

/** The newest batch, as the collector hands it on. */
function lastLogged(): OpenedBatch {
  const reader = made.reader();
  const [logged] = reader.after(made.log.head() - 1, { batches: 1, bytes: 1 });
  reader.close();
  return openLogged(logged!);
}

describe('the folding thread', () => {
  test('says where it is, and folds what comes while it runs', async () => {
    made.appendMixed(1, traffic.slice(0, 20));
    const folding = startFolding({ data: made.data, hashKey: HASH_KEY, checkpointMs: 20, closing: OPEN });
    await reached(folding);
    const { records, oldestUnfoldedMs } = folding.progress();
    expect([records, oldestUnfoldedMs]).toEqual([
      traffic.slice(0, 20).reduce((sum, { count }) => sum + count, 0),
      null,
    ]);
    made.append({ sensor: 1, records: traffic[30]!, receivedMs: RECEIVED_MS + 5 });
    folding.logged(lastLogged());
    await reached(folding);
    await folding.stop();
    expect(made.recount().differences).toEqual([]);
  });

  test('counts what was handed to it without reading the log', async () => {
    const ofDay = (n: number) => ({ sensor: 1, records: { ...traffic[n]!, hour: 24 * FIRST_DAY } });
    made.append(ofDay(0)); // whose geography the log says
    const folding = startFolding({ data: made.data, hashKey: HASH_KEY, checkpointMs: 20, closing: OPEN });
    await reached(folding);
    const handed = Array.from({ length: 10 }, (_, n) => {
      made.append(ofDay(30 + n));
      return lastLogged();
    });
    made.log.close(); // and nothing of it can be read
    for (const file of fs.readdirSync(made.data.log)) if (/\d/.test(file)) fs.rmSync(path.join(made.data.log, file));
    const records = handed.reduce((sum, batch) => sum + batch.records.count, folding.progress().records);
    for (const batch of handed) folding.logged(batch);
    await until(() => folding.progress().records === records);
    await folding.stop();
  });

  test('tells how old the oldest batch is that is not in the store', async () => {
    made.appendMixed(1, traffic.slice(0, 4));
    const folding = startFolding({ data: made.data, hashKey: HASH_KEY, checkpointMs: 60_000, closing: OPEN });
    await reached(folding); // what is there when it starts is committed when days are first looked at
    const { position, records } = folding.progress();
    made.append({ sensor: 1, records: traffic[30]!, receivedMs: RECEIVED_MS + 5 });
    folding.logged(lastLogged());
    await until(() => folding.progress().oldestUnfoldedMs !== null);
    expect(folding.progress()).toMatchObject({ oldestUnfoldedMs: RECEIVED_MS + 5, position, records });
    await folding.stop(); // with a last checkpoint
    expect(folding.progress()).toMatchObject({ oldestUnfoldedMs: null, position: made.log.head() });
  });

  test('of another log folds everything again, and says so', async () => {
    made.appendMixed(1, traffic.slice(0, 40));
    await foldAll();
    const before = states();
    made.log.close();
    fs.rmSync(made.data.log, { recursive: true });
    const log = Log.open(made.data.log);
    Object.assign(made, { log, sealer: new Sealer() });
    const geo = made.geoEntry();
    log.appendGeo(geo, RECEIVED_MS);
    made.appendMixed(2, traffic.slice(0, 40));
    expect(await foldAll()).toEqual([expect.stringContaining('everything is folded again')]);
    expect(made.recount().differences).toEqual([]);
    expect(states()).not.toEqual(before);
  });

  test('whose position has another batch than was counted folds everything again', async () => {
    made.appendMixed(1, traffic.slice(0, 10));
    await foldAll();
    const store = new Database(made.data.store);
    store.prepare('UPDATE progress SET sha256 = zeroblob(32)').run();
    store.prepare('UPDATE days SET packets = 0').run();
    store.close();
    expect(await foldAll()).toHaveLength(1);
    expect(made.recount().differences).toEqual([]);
  });

  test('whose store is damaged, in a page or in a segment, puts it aside and folds everything again', async () => {
    made.appendMixed(1, traffic.slice(0, 20));
    await foldAll();
    const handle = fs.openSync(made.data.store, 'r+');
    for (let page = 1; page < fs.fstatSync(handle).size / 4096; page += 3)
      fs.writeSync(handle, Buffer.alloc(100, 0xa5), 0, 100, 4096 * page);
    fs.closeSync(handle);
    expect(await foldAll()).toEqual([expect.stringMatching(/damaged.*folded again/)]);
    expect(fs.existsSync(`${made.data.store}.damaged`)).toBe(true);
    expect(made.recount().differences).toEqual([]);
    const store = new Database(made.data.store);
    store.exec('UPDATE segments SET bytes = zeroblob(50)');
    store.close();
    const said: string[] = [];
    const folding = startFolding({
      data: made.data,
      hashKey: HASH_KEY,
      checkpointMs: 1,
      closing: OPEN,
      say: text => said.push(text),
    });
    for (const block of traffic.slice(20, 29)) {
      made.append({ sensor: 0, records: { ...block, hour: 24 * FIRST_DAY } });
      await reached(folding); // found when segments are merged
    }
    await folding.stop();
    expect(said).toEqual([expect.stringMatching(/damaged.*folded again/)]);
    expect(made.recount().differences).toEqual([]);
  });

  test('whose registry is damaged fails with its name, and leaves the store as it is', async () => {
    made.appendMixed(1, traffic.slice(0, 5));
    await foldAll();
    const kept = states();
    const page = new Database(made.data.registry);
    const root = page.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'exclusions'").pluck().get() as number;
    const size = page.pragma('page_size', { simple: true }) as number;
    page.close();
    made.registry.close();
    const handle = fs.openSync(made.data.registry, 'r+');
    fs.writeSync(handle, Buffer.alloc(size, 0xa5), 0, size, (root - 1) * size);
    fs.closeSync(handle);
    const folding = startFolding({ data: made.data, hashKey: HASH_KEY, closing: OPEN });
    expect((await folding.failed).message).toMatch(/registry\.db is damaged/);
    await folding.stop();
    expect(fs.existsSync(`${made.data.store}.damaged`)).toBe(false);
    expect(states()).toEqual(kept);
  });

  test('fault 4: on a full disk is tried again now and then, and not whenever a batch comes', async context => {
    const disk = mountSmallDisk(2 ** 20);
    if (disk === undefined) return context.skip(SMALL_DISK_MISSING);
    onTestFinished(disk.remove);
    fillDisk(disk.dir, 64 * 1024); // less than a store without anything
    made.appendMixed(1, traffic.slice(0, 5));
    const said: string[] = [];
    const data = { ...made.data, store: path.join(disk.dir, 'store.db') };
    const folding = startFolding({ data, hashKey: HASH_KEY, closing: OPEN, say: text => said.push(text) });
    await until(() => said.length > 0);
    for (let n = 0; n < 20; n++) {
      folding.logged(lastLogged());
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    await folding.stop(); // at once
    expect(said).toEqual([expect.stringMatching(/^the disk is full/)]);
  });

  test('of a log it cannot read fails with words', async () => {
    made.appendMixed(1, traffic.slice(0, 3));
    fs.rmSync(path.join(made.data.geo, 'default.mmdb'));
    const folding = startFolding({ data: made.data, hashKey: HASH_KEY, closing: OPEN });
    expect((await folding.failed).message).toMatch(/default\.mmdb/);
    await folding.stop();
  });

  test('counts a day with the geography in force at its first batch, whatever comes later', async () => {
    made.append({ sensor: 0, records: { ...traffic[0]!, hour: 24 * FIRST_DAY } });
    made.log.appendGeo(
      { ...made.geoEntry(), sha256: made.addGeography(), files: [{ file: 'other.mmdb', role: 'geo' }], name: 'other' },
      RECEIVED_MS,
    );
    made.append(
      { sensor: 0, records: { ...traffic[1]!, hour: 24 * FIRST_DAY + 1 } },
      { sensor: 0, records: { ...traffic[2]!, hour: 24 * FIRST_DAY + 24 } },
    );
    await foldAll();
    const store = StoreReader.open(made.data.store);
    const names = [0, 1].map(n => store.results({ from: FIRST_DAY + n, to: FIRST_DAY + n }).geo.name);
    expect(names).toEqual(['geo-whois-asn-country', 'other']);
    expect(store.day(FIRST_DAY + 1)!.countries.map(({ country }) => country)).toEqual(['XK']);
    store.close();
    expect(made.recount().differences).toEqual([]);
  });
});

describe('a late batch', () => {
  test('for a day of which rows alone are left has it folded again from the log, as another revision', async () => {
    made.appendMixed(5, traffic.slice(0, 30));
    const closing = { graceMs: 0, quietMs: 0, segmentsMs: 0 };
    const run = async (done: (store: StoreReader) => boolean) => {
      const folding = startFolding({ data: made.data, hashKey: HASH_KEY, checkpointMs: 20, closing });
      await reached(folding);
      const store = StoreReader.open(made.data.store);
      await until(() => done(store));
      await folding.stop();
      store.close();
      expect(made.recount().differences).toEqual([]);
    };
    await run(store => store.days().every(({ day, closed }) => closed && store.state(day) === undefined));
    made.append({ sensor: 2, records: { ...traffic[40]!, hour: 24 * FIRST_DAY + 3 } });
    await run(store => store.days()[0]!.revision === 2);
    const store = StoreReader.open(made.data.store);
    expect(store.days().map(({ revision, stale }) => [revision, stale])).toEqual([
      [2, false],
      [1, false],
      [1, false],
    ]);
    store.close();
  });
});

describe('a sensor that is excluded', () => {
  test('is left out of its days, in a new revision, as if it had sent nothing; before, during and after they are folded', async () => {
    made.appendMixed(7, traffic);
    const folding = startFolding({ data: made.data, hashKey: HASH_KEY, checkpointMs: 20, closing: OPEN });
    await reached(folding);
    made.registry.exclude('s1', FIRST_DAY, FIRST_DAY + 1, 'flooded', RECEIVED_MS);
    const store = StoreReader.open(made.data.store);
    await until(() => store.days().filter(({ revision }) => revision === 2).length === 2);
    await folding.stop();
    expect(store.days().map(({ revision }) => revision)).toEqual([2, 2, 1]);
    expect(store.day(FIRST_DAY, new Set([1]))).toBeUndefined();
    expect(store.day(FIRST_DAY + 2, new Set([1]))!.packets).toBeGreaterThan(0);
    const first = store.results({ from: FIRST_DAY, to: FIRST_DAY });
    const others = store.results({ from: FIRST_DAY, to: FIRST_DAY }, new Set([0, 2]));
    expect([first.packets, first.skipped]).toEqual([others.packets, others.skipped]);
    store.close();
    expect(made.recount().differences).toEqual([]);
    const excluded = states();
    // The same when it was excluded before anything was folded.
    for (const end of ['', '-wal', '-shm']) fs.rmSync(`${made.data.store}${end}`, { force: true });
    await foldAll();
    expect(states().map((bytes, n) => bytes === excluded[n])).toEqual([true, true, true]);
  });
});

describe('a recount', () => {
  const plant = (sql: string) => {
    const store = new Database(made.data.store);
    store.function('more', more);
    expect(store.prepare(sql).run().changes).toBeGreaterThan(0);
    store.close();
  };
  /** The part of a table with every count of packets or sources so much higher. */
  function more(table: number, part: number, bytes: Uint8Array, what: 'packets' | 'sources', by: number): Uint8Array {
    const rows: Row[] = [];
    unpackRows(ROW_TABLES[table]!, { part, bytes }, rows);
    const [changed, ...others] = packRows(
      ROW_TABLES[table]!,
      rows.map(row => ({ ...row, [what]: row[what] + by })),
    );
    expect(others).toEqual([]);
    return changed!.bytes;
  }
  const addTo = (what: 'packets' | 'sources', by: number, where: string) =>
    `UPDATE rows SET bytes = more(name, part, bytes, '${what}', ${by}) ${where}`;

  test('finds what was changed in segments, rows, accounts and coverage', async () => {
    made.appendMixed(3, traffic.slice(0, 30));
    const closing = { graceMs: 0, quietMs: 0, segmentsMs: 1e15 };
    const folding = startFolding({ data: made.data, hashKey: HASH_KEY, checkpointMs: 20, closing });
    await reached(folding);
    const store = StoreReader.open(made.data.store);
    await until(() => store.days().filter(({ closed }) => closed).length === 3);
    store.close();
    await folding.stop();
    expect(made.recount().differences).toEqual([]);
    const found = (sql: string, undo: string) => {
      plant(sql);
      const { differences } = made.recount();
      plant(undo);
      return differences.map(({ what }) => what);
    };
    expect(
      found(
        'UPDATE accounts SET seen = seen + 1 WHERE sensor = 1',
        'UPDATE accounts SET seen = seen - 1 WHERE sensor = 1',
      ),
    ).toEqual(Array(3).fill('account of sensor 1'));
    const row = `WHERE name = ${ROW_TABLES.indexOf('portCountries')} AND day = ${FIRST_DAY} AND sensor = -1`;
    const some = found(addTo('packets', 1, row), addTo('packets', -1, row));
    expect(some.length).toBeGreaterThan(3);
    expect(some.every(what => what.startsWith('closed portCountries '))).toBe(true);
    const sensorRow = `WHERE name = ${ROW_TABLES.indexOf('countryHours')} AND day = ${FIRST_DAY} AND sensor = 2`;
    expect(found(addTo('sources', 1, sensorRow), addTo('sources', -1, sensorRow))).toContainEqual(
      expect.stringMatching(/^closed sensor 2 countryHours [A-Z?]{2} hour \d+$/),
    );
    expect(found("UPDATE coverage SET spans = spans || ' '", 'UPDATE coverage SET spans = trim(spans)')).toEqual([]);
    expect(found(`UPDATE days SET packets = packets + 1`, `UPDATE days SET packets = packets - 1`)).toEqual(
      Array(3).fill('list of days: packets'),
    );
    plant(`DELETE FROM coverage WHERE sensor = 0`);
    expect(
      made
        .recount()
        .differences.every(({ what, store }) => what.startsWith('watch of sensor 0') && store === undefined),
    ).toBe(true);
  });

  test('finds a segment that is gone, or damaged', async () => {
    made.appendMixed(3, traffic.slice(0, 30));
    await foldAll();
    made.appendMixed(4, traffic.slice(30, 60));
    await foldAll();
    const database = new Database(made.data.store);
    const bytes = database.prepare('SELECT bytes FROM segments ORDER BY id DESC').pluck().get();
    database.exec('UPDATE segments SET bytes = zeroblob(99) WHERE id = (SELECT max(id) FROM segments)');
    expect(made.recount().differences).toMatchObject([{ what: 'the state' }]);
    database.prepare('UPDATE segments SET bytes = ? WHERE id = (SELECT max(id) FROM segments)').run(bytes);
    expect(made.recount().differences).toEqual([]);
    database.exec('DELETE FROM segments WHERE id = (SELECT max(id) FROM segments)');
    database.close();
    const whats = made.recount().differences.map(({ what }) => what);
    for (const start of ['ports tcp/', 'sensor 0 ports', 'portHours', 'topSources', 'networks'])
      expect(whats.some(what => what.startsWith(start))).toBe(true);
  });

  test('counts batches without records, and a day that has nothing else', async () => {
    made.append({ sensor: 2, records: noRecords(24 * FIRST_DAY), from: 5, to: 50, counters: { skipped: { arp: 4 } } });
    await foldAll();
    expect(made.recount()).toEqual({ differences: [], records: 0, damaged: [] });
    const store = StoreReader.open(made.data.store);
    expect(store.days()).toEqual([]);
    expect(store.results()).toMatchObject({ packets: 4, records: 0, skipped: { arp: 4 }, days: [] });
    store.close();
  });
});
