/** Questions to the archive, and a researcher's files: what DuckDB says is what was counted. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COLUMNS } from '../../collector/archive/layout.ts';
import { ArchiveSql, BadQuery, parquetIn } from '../../collector/archive/sql.ts';
import { formatAddress4, formatAddress6 } from '../../common/record/address.ts';
import { writeTraffic } from '../bench/traffic.ts';
import { enaga } from '../support/enaga.ts';
import { RECEIVED_MS } from '../support/sealed-log.ts';
import { ArchivedLog, blocksOfRows, DAY_MS, randomRows } from './support.ts';

const rows = randomRows(77, 500);
let made: ArchivedLog;
let folder: string;
beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-sql-'));
  made = new ArchivedLog();
  made.append(...blocksOfRows(rows));
  made.goOn(RECEIVED_MS + DAY_MS);
  made.count();
  await made.archived();
});
afterAll(() => {
  made.remove();
  fs.rmSync(folder, { recursive: true });
});

const sql = (...args: string[]) => enaga(['sql', '--data', made.dir, ...args]);
const files = () =>
  (fs.readdirSync(made.dir, { recursive: true }) as string[]).filter(name => !/-(shm|wal)$/.test(name)).sort();

/** As the archive writes them, of records with these sources, each with its number as its port. */
async function writeSources6(file: string, sources: readonly (readonly number[])[]): Promise<void> {
  const half = (high: number, low: number) => `${(BigInt(high) << 32n) | BigInt(low)}::UBIGINT`;
  const values = sources.map(([w0, w1, w2, w3], n) => `(${half(w0!, w1!)}, ${half(w2!, w3!)}, ${n}, false)`);
  const named = ['src6_high', 'src6_low', 'src_port', 'misdated'];
  const others = COLUMNS.filter(([name]) => !named.includes(name)).map(
    ([name, type]) => `NULL::${type === 'country' ? 'VARCHAR' : type} AS ${name}`,
  );
  const instance = await DuckDBInstance.create(':memory:', { autoload_known_extensions: 'false' });
  const connection = await instance.connect();
  const from = `(VALUES ${values.join(', ')}) AS sources (${named.join(', ')})`;
  await connection.run(`COPY (SELECT *, ${others.join(', ')} FROM ${from}) TO '${file}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
}

async function readAll(open: ArchiveSql, question: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const chunk of (await open.ask(question)).rows) found.push(...chunk);
  return found;
}

describe('enaga sql', () => {
  test('answers as a table, as CSV and as JSON', async () => {
    const counts = 'SELECT date, count(*) AS records FROM records GROUP BY ALL ORDER BY date';
    const first = rows.filter(({ hour }) => hour < 24 * (RECEIVED_MS / DAY_MS - 2)).length;
    expect((await sql(counts)).stdout).toBe(
      `date        records\n2026-03-02      ${first}\n2026-03-03      ${rows.length - first}\n`,
    );
    expect((await sql('--csv', counts)).stdout).toBe(
      `date,records\r\n2026-03-02,${first}\r\n2026-03-03,${rows.length - first}\r\n`,
    );
    expect((await sql('--json', counts)).stdout).toBe(
      `{"date":"2026-03-02","records":${first}}\n{"date":"2026-03-03","records":${rows.length - first}}\n`,
    );
    const sources = await sql('--csv', 'SELECT source FROM records WHERE src4 IS NOT NULL');
    const expected = rows.filter(({ src }) => src.length === 1).map(({ src }) => formatAddress4(src[0]!));
    expect(sources.stdout.split('\r\n').slice(1, -1).sort()).toEqual(expected.sort());
  });

  test('writes IPv6 addresses as RFC 5952 does', async () => {
    const words = [0, 1, 0x1_0000, 0x2001_0db8, 0x1_0001];
    const addresses = words.flatMap(w0 => words.flatMap(w1 => words.flatMap(w2 => words.map(w3 => [w0, w1, w2, w3]))));
    const dir = path.join(folder, 'six');
    fs.mkdirSync(path.join(dir, 'date=2026-03-02'), { recursive: true });
    await writeSources6(path.join(dir, 'date=2026-03-02', 'records.parquet'), addresses);
    const open = await ArchiveSql.open(dir, parquetIn(dir));
    const found = await readAll(open, 'SELECT source FROM records ORDER BY src_port');
    open.close();
    expect(found.flat()).toEqual(addresses.map(([w0, w1, w2, w3]) => formatAddress6(w0!, w1!, w2!, w3!)));
  });

  test('reads the archive and nothing else', async () => {
    const open = await ArchiveSql.open(made.archive);
    const before = files();
    for (const question of HARMFUL) {
      const asked = readAll(open, question.replace('ARCHIVE', made.archive));
      await expect(asked, question).rejects.toBeInstanceOf(BadQuery);
    }
    for (const question of HARMLESS) expect((await readAll(open, question)).length, question).toBeGreaterThan(0);
    open.close();
    expect(files()).toEqual(before);
    const { code, stdout, stderr } = await sql('DROP VIEW records');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^enaga sql: the archive is read only/);
    expect((await sql('  ')).stderr).toBe('enaga sql: there is no statement in it\n');
    expect((await sql('SELECT 1; SELECT 2')).stderr).toBe('enaga sql: one statement at a time: these are 2\n');
  });

  test('before anything is archived every column is there, and empty; each question is in the audit', async () => {
    const data = path.join(folder, 'fresh');
    await enaga(['init', '--data', data]);
    const question = "SELECT dst_port, source, historic FROM records\nWHERE date = '2026-03-01' AND country = 'KR'";
    const { code, stdout, stderr } = await enaga(['sql', '--data', data, question]);
    expect([code, stdout]).toEqual([0, 'dst_port  source  historic\n']);
    expect(stderr).toMatch(/^enaga sql: no day is archived yet: 0 days are in the log/);
    const [entry] = JSON.parse((await enaga(['audit', '--json', '--data', data])).stdout);
    expect(entry).toMatchObject({ action: 'read sql', detail: { query: question.replace('\n', ' ') } });
  });
});

const HARMFUL = [
  "COPY (SELECT 1) TO 'ARCHIVE/x.csv'",
  "EXPLAIN ANALYZE COPY (SELECT 1) TO 'ARCHIVE/x.csv'",
  'CREATE TABLE t (a INTEGER)',
  'DROP VIEW records',
  'SELECT 1; DROP VIEW records',
  "ATTACH 'ARCHIVE/other.db'",
  'SET enable_external_access = true',
  'INSTALL httpfs',
  "EXPORT DATABASE 'ARCHIVE/copy'",
  "SELECT * FROM read_text('ARCHIVE/../secret.json')",
  "SELECT * FROM read_text('ARCHIVE/manifest.db')",
  "SELECT * FROM glob('/etc/*')",
  'DELETE FROM records',
  'PRAGMA database_list',
];
const HARMLESS = ['DESCRIBE records', 'SHOW TABLES', 'SUMMARIZE SELECT dst_port FROM records', 'FROM records LIMIT 1'];

describe('enaga replay --parquet', () => {
  test('writes what it counted, and a country is read without the rest', async () => {
    const capture = path.join(folder, 'traffic.pcap');
    const out = path.join(folder, 'out');
    writeTraffic(capture, 150_000);
    const { code, stdout } = await enaga(['replay', '--parquet', out, '--json', '-', '-q', capture]);
    expect(code).toBe(0);
    const { days } = JSON.parse(stdout);
    const instance = await DuckDBInstance.create(':memory:', { autoload_known_extensions: 'false' });
    const connection = await instance.connect();
    const ask = async (question: string) => (await connection.runAndReadAll(question)).getRowObjectsJson();
    const from = `read_parquet('${out}/date=*/*.parquet', hive_partitioning = true)`;
    expect(
      await ask(`SELECT date::VARCHAR AS date, count(*)::INTEGER AS packets FROM ${from} GROUP BY ALL ORDER BY ALL`),
    ).toEqual(days.map(({ date, packets }: { date: string; packets: number }) => ({ date, packets })));
    expect(
      await ask(
        `SELECT country, count(*)::INTEGER AS packets FROM ${from} GROUP BY ALL ORDER BY packets DESC, country`,
      ),
    ).toEqual(
      days[0].countries
        .map(({ country, packets }: { country: string; packets: number }) => ({ country, packets }))
        .sort(
          (a: { country: string; packets: number }, b: { country: string; packets: number }) =>
            b.packets - a.packets || (a.country < b.country ? -1 : 1),
        ),
    );
    const groups = await ask(
      `SELECT stats_min_value AS low, stats_max_value AS high FROM parquet_metadata('${out}/date=*/*.parquet')
       WHERE path_in_schema = 'country' ORDER BY row_group_id`,
    );
    const version = `SELECT DISTINCT format_version::INTEGER AS v FROM parquet_file_metadata('${out}/date=*/*.parquet')`;
    expect(await ask(version)).toEqual([{ v: 1 }]); // of version 2 Arrow refuses the addresses
    connection.closeSync();
    instance.closeSync();
    // Sorted by country: each group begins where the one before it ended.
    expect(groups.length).toBeGreaterThan(1);
    for (const [n, { low }] of groups.entries()) if (n > 0) expect(low! >= groups[n - 1]!.high!).toBe(true);
    const asked = await enaga([
      'sql',
      '--csv',
      '--parquet',
      out,
      'SELECT count(source)::INTEGER AS packets FROM records',
    ]);
    const packets = days.reduce((sum: number, day: { packets: number }) => sum + day.packets, 0);
    expect(asked).toMatchObject({ code: 0, stdout: `packets\r\n${packets}\r\n`, stderr: '' });
    const again = await enaga(['replay', '--parquet', out, '-q', capture]);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('give another directory')]);
  });
});
