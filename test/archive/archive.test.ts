/** A closed day goes from the log to the archive, and everything that reads it reads on. */
import fs from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Manifest } from '../../collector/archive/manifest.ts';
import { archiveThread } from '../../collector/archive/past.ts';
import { verifyArchive } from '../../collector/archive/verify.ts';
import { renewIdentity } from '../../collector/log/identity.ts';
import { Log } from '../../collector/log/log.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { DayLog } from '../../collector/publish/api/day-log.ts';
import { recordsPage } from '../../collector/publish/api/records.ts';
import { LoggedGeographies } from '../../collector/store/geography.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { newSeed } from '../support/random.ts';
import { FIRST_DAY, RECEIVED_MS } from '../support/sealed-log.ts';
import { ArchivedLog, blocksOfRows, DAY_MS, LATER_MS, type Row, randomRows } from './support.ts';

let made: ArchivedLog;
beforeEach(() => {
  made = new ArchivedLog();
});
afterEach(() => made.remove());

const DAYS = [FIRST_DAY, FIRST_DAY + 1];
const blocks = (rows: readonly Row[]) => blocksOfRows(rows).map(one => ({ ...one, counters: { skipped: { arp: 3 } } }));

/** Batches of the two days, by what the log says of them beside their bytes. */
const namesOf = () =>
  DAYS.map(day =>
    made
      .batchesOf(day)
      .map(({ bytes: _, sha256, ...rest }) => ({ ...rest, sha256: Buffer.from(sha256).toString('hex') })),
  );

/** Batches of the first day, without holding the thread. */
async function countLater(reader: LogReader): Promise<number> {
  let batches = 0;
  for await (const _ of reader.ofDayLater({ day: FIRST_DAY, from: 1, upTo: reader.head() })) batches++;
  return batches;
}

/** Figures of the day as the store says them. */
function figuresOf(day: number): unknown {
  const store = StoreReader.open(made.data.store);
  try {
    const { packets, ports, countries, hours, topSources } = store.day(day)!;
    return { packets, ports, countries, hours, topSources };
  } finally {
    store.close();
  }
}

function agrees(records: number): void {
  const { differences, records: counted, damaged } = made.recount();
  expect({ differences, counted, damaged }).toEqual({ differences: [], counted: records, damaged: [] });
}

/** Rows as any other program reads them: plain DuckDB, by the folders' names. */
async function plainRows(dir: string): Promise<string[]> {
  const instance = await DuckDBInstance.create(':memory:', { autoload_known_extensions: 'false' });
  const connection = await instance.connect();
  try {
    const files = `read_parquet('${dir}/date=*/*.parquet', hive_partitioning = true)`;
    const columns = `date::VARCHAR, epoch_us(time), epoch_ms(received), sensor, src4, src6_high, src6_low, dst4, dst6_high,
      dst6_low, src_port, dst_port, length, win, seq_fold, protocol, flags, ttl, tool`;
    const found = await connection.runAndReadAll(`SELECT ${columns} FROM ${files}`);
    return found
      .getRowsJson()
      .map(row => row.join(' '))
      .sort();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function rowText({ sensor, hour, time, src, dst, rest }: Row): string {
  const halves = (words: readonly number[]) =>
    words.length === 1
      ? [words[0], '', '']
      : ['', (BigInt(words[0]!) << 32n) | BigInt(words[1]!), (BigInt(words[2]!) << 32n) | BigInt(words[3]!)];
  const date = new Date(Math.floor(hour / 24) * DAY_MS).toISOString().slice(0, 10);
  const micros = BigInt(hour) * 3_600_000_000n + BigInt(time);
  return [date, micros, RECEIVED_MS, sensor, ...halves(src), ...halves(dst), ...rest].join(' ');
}

/** Logged, counted, closed and archived, so that no file of the log has them. */
async function archivedRows(count: number): Promise<Row[]> {
  const rows = randomRows(newSeed(), count);
  made.append(...blocks(rows));
  made.goOn(RECEIVED_MS + DAY_MS);
  made.count();
  await made.archived();
  return rows;
}

describe('a closed day', () => {
  test('is in the archive to the record, and comes back as the batches that were logged', async () => {
    const rows = randomRows(newSeed(), 1000);
    made.append(...blocks(rows));
    made.goOn(RECEIVED_MS + DAY_MS);
    made.count();
    const before = namesOf();
    agrees(rows.length);
    const { parts, files } = await made.archived();
    expect(parts.reduce((sum, { records }) => sum + records, 0)).toBe(rows.length);
    expect(files).toEqual(['2026-03-05.db']);
    expect(made.logFiles()).toEqual(['2026-03-06.db']);
    expect(await plainRows(made.archive)).toEqual(rows.map(rowText).sort());
    for (const name of fs.readdirSync(made.archive, { recursive: true }) as string[]) {
      const stat = fs.statSync(path.join(made.archive, name));
      expect([name, (stat.mode & 0o777).toString(8)]).toEqual([name, stat.isDirectory() ? '700' : '600']);
    }
    expect(namesOf()).toEqual(before);
    agrees(rows.length);
    expect(await verifyArchive(made.archive)).toMatchObject({ records: rows.length, damaged: [] });
    expect(await made.archived()).toEqual({ parts: [], damaged: [], files: [], expired: [], strange: [] });
  });

  test('is read by the API from the archive as from the log, page after page', async () => {
    made.append(...blocks(randomRows(newSeed(), 1000)));
    made.goOn(RECEIVED_MS + DAY_MS);
    made.count();
    const pages = async () => {
      const reader = made.reader();
      const geo = new LoggedGeographies(made.data.geo, () => reader.geoEntries()).at(2);
      const choice = { of: 'sensors', sensors: new Map([[1, 's1']]) } as const;
      const rows: unknown[] = [];
      let from = { position: 1, record: 0, upTo: reader.head() } as const as Parameters<typeof recordsPage>[0]['from'];
      for (;;) {
        const question = {
          log: new DayLog(reader),
          geo,
          day: FIRST_DAY,
          from,
          limit: 100,
          excluded: new Set<number>(),
        };
        const page = await recordsPage({ ...question, choice });
        rows.push(...page.rows);
        if (page.next === undefined) break;
        from = page.next;
      }
      reader.close();
      return rows;
    };
    const before = await pages();
    await made.archived();
    expect(before.length).toBeGreaterThan(100);
    expect(await pages()).toEqual(before);
  });

  test('gets another part from a late batch, and an exclusion has it folded again', async () => {
    const rows = await archivedRows(200);
    const late = randomRows(newSeed(), 60, 1);
    made.append(...blocks(late).map(one => ({ ...one, receivedMs: RECEIVED_MS + DAY_MS })));
    expect(made.count()).toContain('2026-03-02 was folded again from the log');
    agrees(rows.length + late.length);
    // The log's last file stays, and so do its batches: both have them.
    const { parts, files } = await made.archived();
    expect(parts.map(({ day, records }) => [day, records])).toEqual([[FIRST_DAY, late.length]]);
    expect(files).toEqual([]);
    expect(made.partFiles().filter(file => file.startsWith('date=2026-03-02'))).toHaveLength(2);
    agrees(rows.length + late.length);
    made.goOn(RECEIVED_MS + 3 * DAY_MS);
    made.count();
    expect((await made.archived()).files).toEqual(['2026-03-06.db']);
    agrees(rows.length + late.length);
    made.registry.exclude('s1', FIRST_DAY, FIRST_DAY + 1, 'test', LATER_MS);
    expect(made.count()).toContain('2026-03-02 was folded again from the log');
    agrees([...rows, ...late].filter(({ sensor }) => sensor !== 1).length);
  });

  test('stays in the log while any day of its file is open', async () => {
    const open = Math.floor(LATER_MS / DAY_MS);
    made.append(...blocks(randomRows(newSeed(), 100)));
    made.append({ sensor: 1, records: { ...blocksOfRows(randomRows(1, 1, 1))[0]!.records, hour: 24 * open } });
    made.goOn(RECEIVED_MS + DAY_MS);
    made.count();
    const { parts, files } = await made.archived();
    expect(parts.length).toBeGreaterThanOrEqual(2);
    expect(files).toEqual([]);
    expect(made.logFiles()).toEqual(['2026-03-05.db', '2026-03-06.db']);
  });
});

describe('what was acknowledged', () => {
  test('is a duplicate still, also for a ledger that is made anew', async () => {
    const rows = randomRows(newSeed(), 300);
    const batches = blocks(rows).map(one => made.sealer.seal(one));
    made.log.append(batches);
    made.goOn(RECEIVED_MS + DAY_MS);
    made.count();
    await made.archived();
    const kinds = (log: Log) => [...new Set(log.append(batches).map(({ kind }) => kind))];
    expect(kinds(made.log)).toEqual(['duplicate']);
    made.log.close();
    for (const end of ['', '-wal', '-shm']) fs.rmSync(path.join(made.data.log, `ledger.db${end}`), { force: true });
    const again = Log.open(made.data.log, made.thread.past());
    expect(kinds(again)).toEqual(['duplicate']);
    expect(again.gaps(0, [{ epoch: 1, sealed: 1 }], 10)).toEqual([]);
    again.close();
  });

  test('is counted from the archive when the store is lost, or the log took another name', async () => {
    const rows = await archivedRows(500);
    const before = DAYS.map(figuresOf);
    fs.rmSync(made.data.store);
    made.count();
    expect(DAYS.map(figuresOf)).toEqual(before);
    agrees(rows.length);
    renewIdentity(made.data.log);
    expect(made.count().join()).toContain('everything is folded again');
    expect(DAYS.map(figuresOf)).toEqual(before);
  });

  test('and damaged in the log is kept as it is, counted and passed over', async () => {
    const rows = randomRows(newSeed(), 300);
    made.append(...blocks(rows));
    made.goOn(RECEIVED_MS + DAY_MS);
    const [first] = made.batchesOf(FIRST_DAY);
    const database = new Database(path.join(made.data.log, '2026-03-05.db'));
    database.prepare('UPDATE batches SET received_ms = 1 WHERE position = ?').run(first!.position);
    database.close();
    made.count();
    const { damaged, files } = await made.archived();
    expect(damaged.map(({ position }) => position)).toEqual([first!.position]);
    expect(files).toEqual(['2026-03-05.db']);
    expect(Buffer.compare(damaged[0]!.bytes!, first!.bytes)).toBe(0);
    const recounted = made.recount();
    expect(recounted.differences).toEqual([]);
    expect(recounted.damaged).toEqual([first!.position]);
    expect(recounted.records).toBe(rows.length - first!.records);
  });
});

describe('a part that is not what was written', () => {
  const damage = () => {
    const file = path.join(made.archive, made.partFiles()[0]!);
    const bytes = fs.readFileSync(file);
    bytes.fill(0xaa, 8, bytes.length >> 1); // of so small a file the rest is mostly its footer
    fs.writeFileSync(file, bytes);
  };

  test('keeps the log where it is', async () => {
    made.append(...blocks(randomRows(newSeed(), 300)));
    made.goOn(RECEIVED_MS + DAY_MS);
    made.count();
    expect((await made.archived({ day: FIRST_DAY })).files).toEqual([]);
    damage();
    await expect(made.archived()).rejects.toThrow(BadDatabase);
    expect(made.logFiles()).toEqual(['2026-03-05.db', '2026-03-06.db']);
  });

  test('is found, and costs its batches and no others', async () => {
    const rows = await archivedRows(400);
    damage();
    const { damaged } = await verifyArchive(made.archive);
    expect(damaged.map(({ file }) => path.basename(file))).toEqual(['part-000001.parquet']);
    const reader = made.reader();
    const told: number[] = [];
    expect([...reader.ofDay(FIRST_DAY, reader.head(), ({ position }) => told.push(position))]).toEqual([]);
    expect(told.length).toBe(
      new Set(
        rows.filter(one => one.hour < 24 * (FIRST_DAY + 1)).map(one => `${one.sensor} ${one.hour} ${one.src.length}`),
      ).size,
    );
    expect([...reader.ofDay(FIRST_DAY + 1, reader.head())].length).toBeGreaterThan(0);
    reader.close();
  });
});

test('the thread that looks things up may die: whoever waits is told, and the next question is answered', async () => {
  const rows = await archivedRows(200);
  const thread = archiveThread(made.archive, new URL('./dying-thread.ts', import.meta.url));
  const reader = LogReader.open(made.data.log, thread.past());
  const all = () => [...reader.ofDay(FIRST_DAY, reader.head())].length;
  try {
    expect(all).toThrow('brought its thread to an end: a fault of its own');
    const batches = all();
    expect(batches).toBe(made.batchesOf(FIRST_DAY).length);
    expect(batches).toBeLessThan(rows.length);
    fs.rmSync(path.join(made.archive, 'died'));
  } finally {
    reader.close();
    await thread.stop();
  }
  const again = archiveThread(made.archive, new URL('./dying-thread.ts', import.meta.url));
  const other = LogReader.open(made.data.log, again.past());
  try {
    await expect(countLater(other)).rejects.toThrow('a fault of its own');
    expect(await countLater(other)).toBe(made.batchesOf(FIRST_DAY).length);
  } finally {
    other.close();
    await again.stop();
  }
});

test('what somebody else put into its folders stays, and is told', async () => {
  await archivedRows(100);
  const at = (...names: string[]) => path.join(made.archive, ...names);
  fs.mkdirSync(at('date=2026-03-02', 'notes'));
  fs.writeFileSync(at('date=2026-03-02', 'notes', 'part-000009.parquet'), 'of others');
  fs.mkdirSync(at('date=2026-03-02', 'part-000008.parquet'));
  fs.writeFileSync(at('date=2026-03-03', 'README'), 'of others');
  fs.writeFileSync(at('date=none'), 'of others');
  fs.mkdirSync(at('date=2026-03-04'));
  for (const name of ['part-000077.parquet.tmp', 'part-000077.heads.zst'])
    fs.writeFileSync(at('date=2026-03-04', name), '');
  const { strange } = await made.archived();
  const others = [
    'date=2026-03-02/notes',
    'date=2026-03-02/part-000008.parquet',
    'date=2026-03-03/README',
    'date=none',
  ];
  expect([...strange].sort()).toEqual(others);
  for (const name of [...others, 'date=2026-03-02/notes/part-000009.parquet'])
    expect(fs.existsSync(at(name))).toBe(true);
  expect(fs.existsSync(at('date=2026-03-04'))).toBe(false);
  expect(await verifyArchive(made.archive)).toMatchObject({ records: 100, damaged: [] });
});

test('records go when they are old enough, and figures stay', async () => {
  const rows = await archivedRows(400);
  const before = DAYS.map(figuresOf);
  const { expired } = await made.archived({ recordsDays: Math.floor(LATER_MS / DAY_MS) - FIRST_DAY - 1 });
  expect(expired.map(({ day }) => day)).toEqual([FIRST_DAY]);
  expect(made.partFiles().some(file => file.startsWith('date=2026-03-02'))).toBe(false);
  expect(made.batchesOf(FIRST_DAY)).toEqual([]);
  expect(() => made.recount()).toThrow('removed for their age');
  // A late batch and an exclusion cannot change the day any more, and must not take its figures away; nor may a new name.
  made.append({ ...blocks(randomRows(3, 50, 1))[0]!, receivedMs: RECEIVED_MS + DAY_MS });
  made.registry.exclude('s2', FIRST_DAY, FIRST_DAY, 'test', LATER_MS);
  expect(made.count().join()).toContain('2026-03-02 cannot be folded again');
  expect(DAYS.map(figuresOf)).toEqual(before);
  renewIdentity(made.data.log);
  made.count();
  expect(DAYS.map(figuresOf)).toEqual(before);
  expect(rows.length).toBe(400);
  // Its keys are known for ever.
  const manifest = Manifest.open(made.archive, { readonly: true });
  expect(manifest.expiredDays()).toEqual([FIRST_DAY]);
  manifest.close();
  const reader = made.reader();
  expect(reader.sha256At(2)).toHaveLength(32);
  reader.close();
});

test('a log that lost entries, and gave their positions to others, is archived again', async () => {
  made.append(...blocks(randomRows(newSeed(), 100)));
  const next = { receivedMs: RECEIVED_MS + DAY_MS };
  made.append(...blocks(randomRows(newSeed(), 100)).map(one => ({ ...one, ...next })));
  made.count();
  // The last file stays; what it holds is in the archive all the same.
  expect((await made.archived()).files).toEqual(['2026-03-05.db']);
  const head = made.log.head();
  made.log.close();
  const database = new Database(path.join(made.data.log, '2026-03-06.db'));
  database.prepare('DELETE FROM batches WHERE position > ?').run(head - 20);
  database.close();
  const again = Log.open(made.data.log, made.thread.past());
  expect(again.head()).toBe(head - 20);
  const others = blocks(randomRows(newSeed(), 120)).map(one => made.sealer.seal({ ...one, ...next }));
  again.append(others);
  again.append([made.sealer.seal({ ...blocks(randomRows(1, 1))[0]!, receivedMs: RECEIVED_MS + 2 * DAY_MS })]);
  again.close();
  made.count();
  const before = namesOf();
  expect((await made.archived()).files).toEqual(['2026-03-06.db']);
  expect(namesOf()).toEqual(before);
  expect(made.recount().differences).toEqual([]);
});
