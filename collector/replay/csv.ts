/**
 * Results as one CSV file a table, RFC 4180: UTF-8, comma, CRLF, a header line, quotes where needed. Names of columns are
 * those of the JSON document. Each file is written under a temporary name and renamed when complete, so that a run that was
 * killed leaves no half file under a real name.
 *
 *     days.csv            date, packets, sources, scanningSources
 *     ports.csv           date, protocol, port, type, code, packets, sources, scanningSources
 *     countries.csv       date, country, packets, sources, scanningSources
 *     asns.csv            date, asn, packets, sources, scanningSources
 *     networks.csv        date, network, packets, sources, scanningSources
 *     classes.csv         date, class, packets, sources
 *     tools.csv           date, tool, packets, sources
 *     hours.csv           date, hour, packets, sources
 *     top-sources.csv     date, address, country, asn, packets, ports, first, last
 *     port-countries.csv  date, protocol, port, type, code, country, packets, sources, scanningSources
 *     port-hours.csv      date, protocol, port, type, code, hour, packets, sources
 *     port-kinds.csv      date, protocol, port, type, code, scan, backscatter, other, mirai, zmap, masscan
 *     country-hours.csv   date, country, hour, packets, sources
 *     country-kinds.csv   date, country, kind, packets, sources
 *     country-asns.csv    date, country, asn, packets, sources, scanningSources
 *     skipped.csv         reason, packets   (of all captures together: a packet without a record has no day)
 *
 * Of `port-kinds.csv` each column is packets: scan, backscatter and other sum to the port's, and each tool's are those with its mark.
 * In `country-kinds.csv` a kind is a class or a tool, as in classes.csv and tools.csv. `port` is empty for ICMP, `type` and `code` for
 * everything else. Rows stand by day, then as in the day's tables.
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CLASSES, TOOLS } from '../publish/names.ts';
import { skippedRows } from '../publish/totals.ts';
import { KINDS } from '../reduce/day.ts';
import type { Count, DayResult, Results, ScanCount, Target } from '../reduce/results.ts';
import { writeWhole } from './whole.ts';

type Cell = string | number;

export interface CsvTable {
  /** File name without ".csv". */
  name: string;
  columns: readonly string[];
  /** All rows, one day's at a time, so that only one day's fine table is held. */
  rows: (results: Results) => Iterable<readonly Cell[]>;
}

const TARGET = ['protocol', 'port', 'type', 'code'] as const;
const COUNT = ['packets', 'sources'] as const;
const SCAN_COUNT = [...COUNT, 'scanningSources'] as const;

const target = (row: Target): Cell[] =>
  'type' in row ? [row.protocol, '', row.type, row.code] : [row.protocol, row.port, '', ''];
const counts = (row: Count): Cell[] => [row.packets, row.sources];
const scanCounts = (row: ScanCount): Cell[] => [row.packets, row.sources, row.scanningSources];

/** A table of the days: its rows get the date in front. */
const daily = <Row>(
  name: string,
  columns: readonly string[],
  rowsOf: (day: DayResult) => readonly Row[],
  cellsOf: (row: Row) => Cell[],
): CsvTable => ({
  name,
  columns: ['date', ...columns],
  *rows({ days }) {
    for (const day of days) for (const row of rowsOf(day)) yield [day.date, ...cellsOf(row)];
  },
});

/** Every table, in the order of the head comment. */
export const CSV_TABLES: readonly CsvTable[] = [
  daily('days', SCAN_COUNT, day => [day], scanCounts),
  daily(
    'ports',
    [...TARGET, ...SCAN_COUNT],
    day => day.ports,
    row => [...target(row), ...scanCounts(row)],
  ),
  daily(
    'countries',
    ['country', ...SCAN_COUNT],
    day => day.countries,
    row => [row.country, ...scanCounts(row)],
  ),
  daily(
    'asns',
    ['asn', ...SCAN_COUNT],
    day => day.asns,
    row => [row.asn, ...scanCounts(row)],
  ),
  daily(
    'networks',
    ['network', ...SCAN_COUNT],
    day => day.networks,
    row => [row.network, ...scanCounts(row)],
  ),
  daily(
    'classes',
    ['class', ...COUNT],
    day => CLASSES.map(name => ({ name, ...day.classes[name] })),
    row => [row.name, ...counts(row)],
  ),
  daily(
    'tools',
    ['tool', ...COUNT],
    day => TOOLS.map(name => ({ name, ...day.tools[name] })),
    row => [row.name, ...counts(row)],
  ),
  daily(
    'hours',
    ['hour', ...COUNT],
    day => day.hours,
    row => [row.hour, ...counts(row)],
  ),
  daily(
    'top-sources',
    ['address', 'country', 'asn', 'packets', 'ports', 'first', 'last'],
    day => day.topSources,
    row => [row.address, row.country, row.asn, row.packets, row.ports, row.first, row.last],
  ),
  daily(
    'port-countries',
    [...TARGET, 'country', ...SCAN_COUNT],
    day => day.portCountries(),
    row => [...target(row), row.country, ...scanCounts(row)],
  ),
  daily(
    'port-hours',
    [...TARGET, 'hour', ...COUNT],
    day => day.portHours(),
    row => [...target(row), row.hour, ...counts(row)],
  ),
  daily(
    'port-kinds',
    [...TARGET, ...KINDS],
    day => day.portKinds(),
    row => [...target(row), ...KINDS.map(kind => row[kind])],
  ),
  daily(
    'country-hours',
    ['country', 'hour', ...COUNT],
    day => day.countryHours(),
    row => [row.country, row.hour, ...counts(row)],
  ),
  daily(
    'country-kinds',
    ['country', 'kind', ...COUNT],
    day => day.countryKinds(),
    row => [row.country, row.kind, ...counts(row)],
  ),
  daily(
    'country-asns',
    ['country', 'asn', ...SCAN_COUNT],
    day => day.countryAsns(),
    row => [row.country, row.asn, ...scanCounts(row)],
  ),
  { name: 'skipped', columns: ['reason', 'packets'], rows: results => skippedRows(results.skipped) },
];

/** Rows formatted and written at once. */
const chunkRows = 4096;

/** RFC 4180 2.6 and 2.7: quoted where a comma, a quote or a line end would be misread. */
const cellText = (cell: Cell): string =>
  typeof cell === 'number' ? String(cell) : /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;

/** One line. Plain code: csv-stringify, which the test compares it with, took 12 times as long on two million rows. */
export function csvLine(cells: readonly Cell[]): string {
  let line = cellText(cells[0]);
  for (let i = 1; i < cells.length; i++) line += `,${cellText(cells[i])}`;
  return `${line}\r\n`;
}

function* chunksOf(table: CsvTable, results: Results): Generator<string> {
  let chunk = csvLine(table.columns);
  let rows = 0;
  for (const row of table.rows(results)) {
    chunk += csvLine(row);
    if (++rows % chunkRows === 0) {
      yield chunk;
      chunk = '';
    }
  }
  yield chunk;
}

async function writeTable(table: CsvTable, results: Results, directory: string): Promise<string> {
  const file = join(directory, `${table.name}.csv`);
  await writeWhole(file, chunksOf(table, results));
  return file;
}

/** Writes every table into a directory, made if need be; files of the same names are replaced. Returns the files. */
export async function writeCsv(results: Results, directory: string): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const files: string[] = [];
  for (const table of CSV_TABLES) files.push(await writeTable(table, results, directory));
  return files;
}
