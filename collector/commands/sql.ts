/** `enaga sql`: an admin's questions to the archive, in DuckDB's SQL. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Command, Option } from 'commander';
import { type Answer, ArchiveSql, BadQuery } from '../archive/sql.ts';
import { BadData, dataOption, existingData } from './data.ts';
import { reporting } from './outcome.ts';

type Form = 'table' | 'csv' | 'json';

interface Flags {
  readonly data: string;
  readonly csv?: true;
  readonly json?: true;
}

const EXAMPLES = `
One view, records: a row a packet of every archived day. Its columns: date, time (UTC, when the sensor saw it), country, asn,
sensor (its number: enaga sensor list --json), source, destination, protocol, src_port, dst_port (or type and code of ICMP),
length, win, seq_fold, flags, ttl, tool (bits: mirai 1, zmap 2, masscan 4), received, historic; and the addresses as numbers,
src4, src6_high, src6_low, dst4, dst6_high, dst6_low. Ask by date and country: they decide what is read. Sensors that are
excluded on a day are in it; days that are still in the log are not. Nothing can be changed.

Whoever may run it sees observed addresses: what it prints is not to be shared.

Examples:
  enaga sql "SELECT dst_port, count(*) AS packets FROM records WHERE date = '2026-03-01' AND country = 'KR'
             GROUP BY ALL ORDER BY packets DESC LIMIT 10"
  enaga sql --csv "SELECT time, source, dst_port FROM records WHERE date = '2026-03-01' AND country = 'TH'" > th.csv
  enaga sql --json < question.sql
  enaga sql                                 asks for one after another, each ended by ;

Exit codes: 0 answered; 1 failed; 2 wrong usage.`;

/** The command, for the program to add. */
export function sqlCommand(): Command {
  return new Command('sql')
    .description('Ask the archive in SQL, as an admin')
    .argument('[query]', 'one statement; standard input unless given')
    .addOption(new Option('--csv', 'as CSV (RFC 4180)').conflicts('json'))
    .addOption(new Option('--json', 'as JSON, an object a line'))
    .addOption(dataOption())
    .addHelpText('after', EXAMPLES)
    .action(reporting('sql', run));
}

async function run(query: string | undefined, { data, csv, json }: Flags): Promise<void> {
  const form: Form = csv ? 'csv' : json ? 'json' : 'table';
  const sql = await ArchiveSql.open(existingData(data).archive);
  try {
    if (query !== undefined) await print(sql, query, form);
    else if (process.stdin.isTTY) await converse(sql, form);
    else await print(sql, await standardInput(), form);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return; // its reader has seen enough
    throw error instanceof BadQuery ? new BadData(error.message) : error;
  } finally {
    sql.close();
  }
}

const queryMax = 2 ** 20;

async function standardInput(): Promise<string> {
  let text = '';
  for await (const piece of process.stdin.setEncoding('utf8')) {
    text += piece;
    if (text.length > queryMax) throw new BadData('a query that long is none');
  }
  return text;
}

/** On a terminal: what is wrong with one question ends it and not the session. */
async function converse(sql: ArchiveSql, form: Form): Promise<void> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, prompt: 'enaga> ' });
  let text = '';
  lines.prompt();
  for await (const line of lines) {
    text += `${line}\n`;
    if (/;\s*$/.test(text)) {
      await print(sql, text, form).catch((error: unknown) => {
        if (!(error instanceof BadQuery)) throw error;
        process.stderr.write(`${error.message}\n`);
      });
      text = '';
    }
    lines.setPrompt(text === '' ? 'enaga> ' : '   ... ');
    lines.prompt();
  }
}

async function print(sql: ArchiveSql, query: string, form: Form): Promise<void> {
  const answer = await sql.ask(query);
  for await (const text of form === 'table' ? tableOf(answer) : form === 'csv' ? csvOf(answer) : jsonOf(answer)) {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain');
  }
}

const textOf = (value: unknown): string =>
  value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

/** Of a table; CSV and JSON have all. */
const rowsShown = 1000;

async function* tableOf({ columns, numbers, rows }: Answer): AsyncGenerator<string> {
  const shown: string[][] = [];
  let count = 0;
  for await (const chunk of rows) {
    for (const row of chunk) if (count++ < rowsShown) shown.push(row.map(textOf));
    if (count > rowsShown) break;
  }
  const widths = columns.map((name, n) => Math.max(name.length, ...shown.map(row => row[n]!.length)));
  const line = (cells: readonly string[]) =>
    `${cells
      .map((cell, n) => (numbers[n] ? cell.padStart(widths[n]!) : cell.padEnd(widths[n]!)))
      .join('  ')
      .trimEnd()}\n`;
  yield line(columns);
  for (const row of shown) yield line(row);
  if (count > rowsShown) yield `and more: --csv and --json have all\n`;
}

const csvCell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const csvLine = (cells: readonly string[]): string => `${cells.map(csvCell).join(',')}\r\n`;

async function* csvOf({ columns, rows }: Answer): AsyncGenerator<string> {
  yield csvLine(columns);
  for await (const chunk of rows) yield chunk.map(row => csvLine(row.map(textOf))).join('');
}

/** Numbers as numbers, as long as a double holds them. */
async function* jsonOf({ columns, numbers, rows }: Answer): AsyncGenerator<string> {
  const jsonValue = (value: unknown, n: number) =>
    numbers[n] && typeof value === 'string' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
  for await (const chunk of rows)
    yield chunk
      .map(row => `${JSON.stringify(Object.fromEntries(row.map((value, n) => [columns[n]!, jsonValue(value, n)])))}\n`)
      .join('');
}
