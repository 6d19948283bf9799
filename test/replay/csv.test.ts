import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CSV_TABLES, csvLine, writeCsv } from '../../collector/replay/csv.ts';
import { sampleResults } from '../support/sample-results.ts';

const results = sampleResults({ days: 2, tail: 40 });
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'enaga-csv-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** RFC 4180, read by the letter: a field is quoted, or has no quote, comma or line end in it. */
function parse(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

const read = async (name: string) => parse(await readFile(join(directory, `${name}.csv`), 'utf8'));

test('one file a table, named after it, and no partial file left', async () => {
  const files = await writeCsv(results, directory);
  expect(files).toEqual(CSV_TABLES.map(({ name }) => join(directory, `${name}.csv`)));
  expect((await readdir(directory)).sort()).toEqual(CSV_TABLES.map(({ name }) => `${name}.csv`).sort());
});

test('every file has its header and reads back as the rows that were written', async () => {
  await writeCsv(results, directory);
  for (const table of CSV_TABLES) {
    const [header, ...rows] = await read(table.name);
    expect(header).toEqual(table.columns);
    expect(rows).toEqual([...table.rows(results)].map(row => row.map(String)));
    expect(rows.every(row => row.length === header.length)).toBe(true);
  }
});

test('rows are those of the results, day by day', async () => {
  await writeCsv(results, directory);
  const [first, second] = results.days;
  const ports = await read('ports');
  expect(ports).toHaveLength(1 + first.ports.length + second.ports.length);
  const icmp = first.ports.find(row => 'type' in row && row.type === 3)!;
  expect(ports).toContainEqual([
    first.date,
    'icmp',
    '',
    '3',
    '1',
    ...[icmp.packets, icmp.sources, icmp.scanningSources].map(String),
  ]);
  expect((await read('hours')).at(-1)).toEqual([
    second.date,
    '23',
    String(second.hours[23].packets),
    String(second.hours[23].sources),
  ]);
  expect((await read('tools'))[1].slice(0, 3)).toEqual([first.date, 'mirai', String(first.tools.mirai.packets)]);
  const telnet = first.portKinds().find(row => 'port' in row && row.port === 23)!;
  expect(await read('port-kinds')).toContainEqual([
    ...[first.date, 'tcp', '23', '', ''],
    ...[telnet.scan, telnet.backscatter, telnet.other, telnet.mirai, telnet.zmap, telnet.masscan].map(String),
  ]);
  const [asn] = first.countryAsns();
  expect((await read('country-asns'))[1]).toEqual(
    [first.date, asn!.country, asn!.asn, asn!.packets, asn!.sources, asn!.scanningSources].map(String),
  );
  const kind = first.countryKinds().find(row => row.country === 'CN' && row.kind === 'mirai')!;
  expect(await read('country-kinds')).toContainEqual(
    [first.date, 'CN', 'mirai', kind.packets, kind.sources].map(String),
  );
  expect(await read('port-countries')).toHaveLength(1 + first.portCountries().length + second.portCountries().length);
});

test('a line is quoted as csv-stringify quotes it', () => {
  for (const cells of [
    ['a', 1, ''],
    ['a,b', 'say "x"'],
    ['two\r\nlines', ' space '],
    ['=1+1', '??'],
  ]) {
    expect(csvLine(cells)).toBe(stringify([cells], { record_delimiter: 'windows' }));
  }
});

test('a run that fails leaves the old file whole and no partial one', async () => {
  await writeFile(join(directory, 'ports.csv'), 'old');
  const day = results.days[0];
  const broken = {
    ...results,
    days: [
      Object.defineProperty({ ...day }, 'ports', {
        get: () => {
          throw new Error('gone');
        },
      }),
    ],
  };
  await expect(writeCsv(broken, directory)).rejects.toThrow('gone');
  expect(await readFile(join(directory, 'ports.csv'), 'utf8')).toBe('old');
  expect((await readdir(directory)).filter(name => name.endsWith('.tmp'))).toEqual([]);
});

test('a file longer than a chunk is whole', async () => {
  const rows = Array.from({ length: 20_000 }, (_, hour) => ({ country: 'JP', hour, packets: hour, sources: 1 }));
  await writeCsv({ ...results, days: [{ ...results.days[0], countryHours: () => rows }] }, directory);
  const back = await read('country-hours');
  expect(back).toHaveLength(20_001);
  expect(back.at(-1)).toEqual([results.days[0].date, 'JP', '19999', '19999', '1']);
});
