/** `enaga sql`: an admin's questions to the archive, in DuckDB's SQL. */
import { once } from 'node:events';
import fs from 'node:fs';
import { createInterface } from 'node:readline';
import { Command, Option } from 'commander';
import { type Answer, ArchiveSql, BadQuery, committedIn, parquetIn } from '../archive/sql.ts';
import { plural } from '../publish/words.ts';
import { StoreReader } from '../store/query.ts';
import { BadData, dataOption, existingData } from './data.ts';
import { withMembers } from './member.ts';
import { reporting } from './outcome.ts';
import { userName } from './registry.ts';

type Form = 'table' | 'csv' | 'json';

interface Flags {
  readonly data: string;
  readonly parquet?: string;
  readonly csv?: true;
  readonly json?: true;
}

const EXAMPLES = `
One view, records: a row a packet of every archived day. Its columns:
  date, time             UTC, when the sensor saw it
  country, asn           of the source
  sensor                 its number: enaga sensor list --json
  source, destination    addresses as text (2001:db8::1); as numbers src4, src6_high, src6_low, dst4, dst6_high, dst6_low
  protocol               IANA's number: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6
  src_port, dst_port     or type and code of ICMP
  length, ttl            of the IP packet: bytes, and hops left
  flags                  of TCP, bits: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32; so 2 is a SYN and 18 a SYN+ACK
  win, seq_fold          of TCP: window, and the sequence number's halves xored: same value, same tool, often
  tool                   marks, bits: mirai 1, zmap 2, masscan 4
  received               UTC, when its batch came
  historic               true: read from a capture file, and not live
Ask by date and country: they decide what is read. Sensors that are excluded on a day are in it; days that are still in the log are
not. Nothing can be changed.

Whoever may run it sees observed addresses: what it prints is not to be shared. Each question is in enaga audit.

Examples:
  enaga sql "SELECT dst_port, count(*) AS packets FROM records WHERE date = '2026-03-01' AND country = 'KR'
             GROUP BY ALL ORDER BY packets DESC LIMIT 10"
  enaga sql --csv "SELECT time, source, dst_port FROM records WHERE date = '2026-03-01' AND country = 'TH'" > th.csv
  enaga sql --json < question.sql           one statement
  enaga sql                                 on a terminal: asks for one after another, each ended by ;
  enaga sql --parquet out "SELECT source, count(*) FROM records GROUP BY ALL"     what enaga replay --parquet out wrote

Exit codes: 0 answered; 1 failed; 2 wrong usage.`;

/** The command, for the program to add. */
export function sqlCommand(): Command {
  return new Command('sql')
    .description('Ask the archive in SQL, as an admin')
    .argument('[query]', 'one statement; standard input unless given')
    .addOption(new Option('--csv', 'as CSV (RFC 4180)').conflicts('json'))
    .addOption(new Option('--json', 'as JSON, an object a line'))
    .option('--parquet <dir>', 'ask what enaga replay --parquet wrote there, and no collector')
    .addOption(dataOption())
    .addHelpText('after', EXAMPLES)
    .action(reporting('sql', run));
}

async function run(query: string | undefined, { data, parquet, csv, json }: Flags): Promise<void> {
  const form: Form = csv ? 'csv' : json ? 'json' : 'table';
  const { sql, note } = parquet === undefined ? await openArchive(data) : await openParquet(parquet);
  const ask = async (text: string) => {
    note(text);
    await print(sql, text, form);
  };
  try {
    if (query !== undefined) await ask(query);
    else if (process.stdin.isTTY) await converse(ask);
    else await ask(await standardInput());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return; // its reader has seen enough
    throw error instanceof BadQuery ? new BadData(error.message) : error;
  } finally {
    sql.close();
  }
}

interface Opened {
  readonly sql: ArchiveSql;
  /** To be called before anything is answered. */
  readonly note: (query: string) => void;
}

async function openArchive(data: string): Promise<Opened> {
  const { archive, store } = existingData(data);
  const files = committedIn(archive);
  if (files.length === 0) sayNothingArchived(store);
  const note = (query: string) =>
    withMembers(data, members =>
      members.noteRead(userName(), 'sql', { query: query.replace(/\s+/g, ' ').trim().slice(0, notedMax) }, Date.now()),
    );
  return { sql: await ArchiveSql.open(archive, files), note };
}

async function openParquet(dir: string): Promise<Opened> {
  const files = parquetIn(dir);
  if (files.length === 0) throw new BadData(`${dir} has no date=*/*.parquet, as enaga replay --parquet writes them`);
  return { sql: await ArchiveSql.open(dir, files), note: () => {} };
}

function sayNothingArchived(file: string): void {
  let days = 0;
  if (fs.existsSync(file)) {
    const store = StoreReader.open(file);
    days = store.days().length;
    store.close();
  }
  process.stderr.write(
    `enaga sql: no day is archived yet: ${plural(days, 'day is', 'days are')} in the log, and a day is archived once it is closed\n`,
  );
}

/** Characters of a question that the audit keeps. */
const notedMax = 1000;
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
async function converse(ask: (text: string) => Promise<void>): Promise<void> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, prompt: 'enaga> ' });
  let text = '';
  lines.prompt();
  for await (const line of lines) {
    text += `${line}\n`;
    if (/;\s*$/.test(text)) {
      await ask(text).catch((error: unknown) => {
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
