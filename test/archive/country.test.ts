/** What one country is asked for of an archived day is read without the rest, and is the same as was read from the log. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyArchive } from '../../collector/archive/verify.ts';
import { DayLog } from '../../collector/publish/api/day-log.ts';
import { recordsPage } from '../../collector/publish/api/records.ts';
import { dayRows } from '../../collector/publish/exports/day-rows.ts';
import type { LeftOut, Row, Selection } from '../../collector/publish/exports/row.ts';
import { observedBy } from '../../collector/registry/observed.ts';
import { LoggedGeographies } from '../../collector/store/geography.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { CLASSES } from '../../common/record/classify.ts';
import { newSeed } from '../support/random.ts';
import { FIRST_DAY, RECEIVED_MS } from '../support/sealed-log.ts';
import { ArchivedLog, blocksOfRows, DAY_MS, randomRows } from './support.ts';

/** Some of DuckDB's row groups, of one part. */
const RECORDS = 100_000;
/** 41.57.64.1: the last country by its code has so few addresses that chance alone may draw none of them. */
const SRC_IN_ZW = 0x29394001;
const NOTHING = observedBy([]);
const classes = new Set(CLASSES);
const countrywide = (country: string): Selection => ({ country, classes });
const NETWORKS: Selection = {
  country: '',
  classes,
  networks: {
    asns: [],
    prefixes: ['203.0.0.0/8', '2001::/20'].map(parsePrefix),
    without: ['AU'],
  },
};
const SELECTIONS = [...['JP', 'US', 'ZW', '??'].map(countrywide), NETWORKS];

let made: ArchivedLog;
let before: Row[][];
let pagesBefore: unknown[];
/** The part as it was archived. */
let records: { file: string; bytes: Uint8Array };
let heads: { file: string; bytes: Uint8Array };

beforeAll(async () => {
  made = new ArchivedLog();
  const rows = randomRows(newSeed(), RECORDS, 1);
  const ofIpv4 = rows.find(({ src }) => src.length === 1)!;
  made.append(...blocksOfRows([...rows, { ...ofIpv4, src: [SRC_IN_ZW] }]));
  made.goOn(RECEIVED_MS + DAY_MS);
  made.count();
  before = await Promise.all(SELECTIONS.map(selection => exported(selection)));
  pagesBefore = await pages();
  expect((await made.archived()).files).toEqual(['2026-03-05.db']);
  const [records_, heads_] = ['.parquet', '.heads.zst'].map(end => {
    const file = path.join(made.archive, made.partFiles()[0]!.replace('.parquet', end));
    return { file, bytes: fs.readFileSync(file) };
  });
  [records, heads] = [records_!, heads_!];
}, 120_000);
afterAll(() => made.remove());

const geoOf = () => {
  const reader = made.reader();
  try {
    return new LoggedGeographies(made.data.geo, () => reader.geoEntries()).at(2);
  } finally {
    reader.close();
  }
};

async function exported(selection: Selection, leftOut: LeftOut = { observed: 0, damaged: 0 }): Promise<Row[]> {
  const reader = made.reader();
  const source = { reader, day: FIRST_DAY, upTo: reader.head(), excluded: new Set<number>(), observed: NOTHING };
  try {
    const rows: Row[] = [];
    for await (const some of dayRows(source, geoOf(), selection, sensor => `s${sensor}`, leftOut)) rows.push(...some);
    return rows;
  } finally {
    reader.close();
  }
}

/** Raw records of a country, a page at a time. */
async function pages(): Promise<unknown[]> {
  const reader = made.reader();
  const scope = { countries: ['NL'], asns: [], prefixes: ['198.0.0.0/8'] };
  const common = { log: new DayLog(reader), geo: geoOf(), day: FIRST_DAY, limit: 300, excluded: new Set<number>() };
  const rows: unknown[] = [];
  let from: Parameters<typeof recordsPage>[0]['from'] = { position: 1, record: 0, upTo: reader.head() };
  try {
    for (;;) {
      const page = await recordsPage({ ...common, from, choice: { of: 'sources', scope, observed: NOTHING } });
      rows.push(...page.rows);
      if (page.next === undefined) return rows;
      from = page.next;
    }
  } finally {
    reader.close();
  }
}

interface Group {
  readonly low: string;
  readonly high: string;
  readonly from: number;
  readonly to: number;
}

/** As plain DuckDB finds them. */
async function groupsOf(file: string): Promise<Group[]> {
  const instance = await DuckDBInstance.create(':memory:', { autoload_known_extensions: 'false' });
  const connection = await instance.connect();
  try {
    const start = 'coalesce(dictionary_page_offset, data_page_offset)';
    const found = await connection.runAndReadAll(
      `SELECT min(stats_min_value) FILTER (path_in_schema = 'country') AS low, max(stats_max_value) FILTER (path_in_schema = 'country') AS high,
         min(${start})::INTEGER AS "from", max(${start} + total_compressed_size)::INTEGER AS "to"
       FROM parquet_metadata('${file}') GROUP BY row_group_id ORDER BY row_group_id`,
    );
    return found.getRowObjectsJson() as unknown as Group[];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function spoil(groups: readonly Group[]): void {
  const bytes = Uint8Array.from(records.bytes);
  for (const { from, to } of groups) bytes.fill(0xa5, from, to);
  fs.writeFileSync(records.file, bytes);
}

const restore = () => {
  for (const { file, bytes } of [records, heads]) fs.writeFileSync(file, bytes);
  made.renewThread();
};

/** As if the part had been written with these. */
function setHeads(bytes: Uint8Array): void {
  const database = new Database(path.join(made.archive, 'manifest.db'));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  database.prepare('UPDATE parts SET heads_sha256 = ? WHERE part = 1').run(sha256);
  database.close();
}

describe('of an archived day', () => {
  test('an export of a country or of networks is the same as of the log', async () => {
    expect(before[0]!.length).toBeGreaterThan(1000);
    expect(before[4]!.length).toBeGreaterThan(100);
    expect(new Set(before[4]!.map(({ family }) => family)).size).toBe(2);
    for (const [n, selection] of SELECTIONS.entries()) expect(await exported(selection)).toEqual(before[n]);
  });

  test('pages of raw records are', async () => {
    expect(pagesBefore.length).toBeGreaterThan(600);
    expect(await pages()).toEqual(pagesBefore);
  });

  test('row groups without the country are not looked at: they may be anything', async () => {
    const groups = await groupsOf(records.file);
    const others = groups.filter(({ low, high }) => 'ZW' < low || 'ZW' > high);
    expect([groups.length, others.length]).toEqual([4, 3]);
    spoil(others);
    made.renewThread();
    try {
      const { damaged } = await verifyArchive(made.archive);
      expect(damaged).toHaveLength(1);
      const leftOut = { observed: 0, damaged: 0 };
      expect(await exported(SELECTIONS[2]!, leftOut)).toEqual(before[2]);
      expect(leftOut.damaged).toBe(0);
    } finally {
      restore();
    }
  });

  test('a row group that is not what was written costs its batches, and says so', async () => {
    const groups = await groupsOf(records.file);
    spoil(groups.slice(-1).map(group => ({ ...group, from: (group.from + group.to) >> 1 })));
    made.renewThread();
    try {
      const leftOut = { observed: 0, damaged: 0 };
      const rows = await exported(SELECTIONS[2]!, leftOut);
      expect(leftOut.damaged).toBeGreaterThan(0);
      const told = new Set(before[2]!.map(row => JSON.stringify(row)));
      expect(rows.every(row => told.has(JSON.stringify(row)))).toBe(true);
    } finally {
      restore();
    }
  });

  test('a footer that is not what was written leaves nothing out: the part is read whole', async () => {
    const end = Math.max(...(await groupsOf(records.file)).map(({ to }) => to));
    // The groups' highest country, and what is made of it, would be another.
    const footer = Buffer.from(records.bytes.subarray(end)).toString('latin1').replaceAll('ZW', 'ZA');
    const bytes = Buffer.concat([records.bytes.subarray(0, end), Buffer.from(footer, 'latin1')]);
    expect(Buffer.compare(bytes, records.bytes)).not.toBe(0);
    fs.writeFileSync(records.file, bytes);
    made.renewThread();
    try {
      const leftOut = { observed: 0, damaged: 0 };
      expect(await exported(SELECTIONS[2]!, leftOut)).toEqual(before[2]);
      expect(leftOut.damaged).toBe(0);
    } finally {
      restore();
    }
  });

  test('a part whose row groups were not written down yet is read whole', async () => {
    const lines = zstdDecompressSync(heads.bytes).toString().split('\n').slice(0, -2);
    const bytes = zstdCompressSync(`${lines.join('\n')}\n`);
    fs.writeFileSync(heads.file, bytes);
    setHeads(bytes);
    made.renewThread();
    try {
      expect(await exported(SELECTIONS[0]!)).toEqual(before[0]);
    } finally {
      setHeads(heads.bytes);
      restore();
    }
  });
});
