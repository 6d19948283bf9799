/** `enaga replay`: its options, and where its results go. */
import fs from 'node:fs';
import os from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { GeoError } from '../../common/geo/error.ts';
import { loadGeo } from '../../common/geo/load.ts';
import { allocatedIpv4, type GeoTable } from '../../common/geo/table.ts';
import { damagedAt } from '../../common/packet/capture.ts';
import { type Prefix, parsePrefix } from '../../common/record/address.ts';
import { toStdout } from '../../common/stdout.ts';
import { geoAgeDays, isStale } from '../publish/freshness.ts';
import { count } from '../publish/words.ts';
import type { Results } from '../reduce/results.ts';
import { CSV_TABLES, writeCsv } from './csv.ts';
import { jsonChunks } from './json.ts';
import { outputTrouble, writingTrouble } from './outputs.ts';
import { BadParquet } from './parquet-error.ts';
import { type Progress, startProgress } from './progress.ts';
import { type Failure, replay } from './replay.ts';
import { writeWhole } from './whole.ts';

interface ReplayFlags {
  network: Prefix[];
  geo: string[];
  asn?: string;
  json?: string;
  csv?: string;
  parquet?: string;
  report?: string;
  top: number;
  threads: number;
  quiet: boolean;
}

/** Exit codes, beside 0 and commander's 2 for wrong usage. */
const FAILED = 1;
const DAMAGED = 3;

const rowsDefault = 10;
const threadsMax = 64;
/** One thread reads and decodes for all, and each has tables of its own in memory: more help little. */
const threadsUseful = 8;
/** Two share out the work (crew.ts), and cost hardly more than one; three and more share out the sources, which costs merging. */
const processorsMin = 4;
const processors = os.availableParallelism();
const threadsDefault = Math.min(processors < processorsMin ? 2 : threadsUseful, processors);

const terminalWidthMin = 60;
const terminalWidthMax = 100;
const terminalWidthDefault = 80;

const EXAMPLES = `
Captures are pcap or pcapng files, plain or compressed with gzip or zstd; - is standard input.

Examples:
  enaga replay darknet.pcap.gz                       tables in the terminal
  enaga replay --report week.html day-*.pcap.zst     and a page with charts
  enaga replay --json - capture.pcapng | jq '.days[].ports[:5]'
  enaga replay --parquet out/ day-*.pcap.zst         every record, as a collector archives them: DuckDB and others read it
  enaga replay --csv out/ --network 192.0.2.0/24 capture.pcap
  tcpdump -r big.pcap -w - 'not port 22' | enaga replay -

CSV tables (one file each, RFC 4180):
${CSV_TABLES.map(({ name, columns }) => `  ${`${name}.csv`.padEnd(20)}${columns.join(',')}`).join('\n')}

Exit codes: 0 all read; 1 failed; 2 wrong usage; 3 a capture was damaged or could not be opened (all else is counted).`;

/** The command, for the program to add. */
export function replayCommand(): Command {
  return new Command('replay')
    .description('Count what capture files hold: per port, source country and UTC day')
    .argument('<capture...>', 'capture files, or - for standard input')
    .option('--network <cidr>', 'count only packets to this network (repeatable)', collectNetworks, [])
    .option('--geo <file>', "country database: an MMDB, or RIRs' delegated-extended files (repeatable)", collect, [])
    .option('--asn <file>', 'database of autonomous systems: an MMDB')
    .option('--json <file>', 'write all rows as JSON; - for standard output, in place of the tables')
    .option('--csv <dir>', 'write one CSV file a table into this directory')
    .option('--parquet <dir>', 'write every record into Parquet files, a folder a day, in this directory')
    .option('--report <file>', 'write a self-contained HTML page with charts, in English and Japanese')
    .option(
      '--top <n>',
      'rows of the tables in terminal and page (the page has the 5 ports and countries of its charts at least)',
      wholeNumber(1, 1000),
      rowsDefault,
    )
    .addOption(
      new Option('--threads <n>', 'threads, of which one reads and decodes')
        .argParser(wholeNumber(1, threadsMax))
        .default(
          threadsDefault,
          `one a processor up to ${threadsUseful}, but no more than 2 below ${processorsMin} processors`,
        ),
    )
    .option('-q, --quiet', 'no tables and no progress, only what was asked for and errors', false)
    .addHelpText('after', EXAMPLES)
    .action(runReplay);
}

async function runReplay(captures: string[], flags: ReplayFlags): Promise<void> {
  let progress: Progress | undefined;
  try {
    const trouble = outputTrouble(flags);
    if (trouble !== undefined) {
      warn(trouble);
      process.exitCode = FAILED;
      return;
    }
    const geo = loadGeo({ geoFiles: flags.geo, ...(flags.asn !== undefined && { asnFile: flags.asn }) });
    if (!flags.quiet && flags.json === '-') warnOfAge(geo); // else the tables say it
    const total = totalBytes(captures);
    progress = await startProgress({
      ...(total !== undefined && { total }),
      stream: process.stderr,
      quiet: flags.quiet,
    });
    // DuckDB is loaded only where its files are asked for.
    const parquet =
      flags.parquet === undefined ? undefined : new (await import('./parquet.ts')).ParquetFiles(flags.parquet, geo);
    const { results, failures, unknownLinkTypes } = await replay({
      captures,
      geo,
      networks: flags.network,
      threads: flags.threads,
      distinct: true,
      onProgress: progress.update,
      ...(parquet && { records: parquet }),
    });
    await parquet?.finish();
    progress.stop();
    for (const [linkType, holders] of unknownLinkTypes) warn(linkTypeText(linkType, [...holders]));
    await writeResults(results, { ...flags, captures, failures }, geo);
    for (const failure of failures) warn(failureText(failure));
    process.exitCode = failures.length > 0 ? DAMAGED : 0;
  } catch (error) {
    progress?.stop();
    const isTold = error instanceof GeoError || error instanceof BadParquet;
    if (!isTold && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    warn(isTold ? (error as Error).message : writingTrouble(error as NodeJS.ErrnoException));
    process.exitCode = FAILED;
  }
}

interface Written extends ReplayFlags {
  readonly captures: readonly string[];
  readonly failures: readonly Failure[];
}

async function writeResults(results: Results, flags: Written, geo: GeoTable): Promise<void> {
  const now = new Date();
  const isPrinted = flags.json === '-';
  if (flags.json !== undefined) {
    if (isPrinted) await toStdout(jsonChunks(results));
    else await writeWhole(flags.json, jsonChunks(results));
  }
  if (flags.csv !== undefined) await writeCsv(results, flags.csv);
  if (flags.report !== undefined) {
    // Charts need a document to draw in, which takes half a second to load: only now.
    const { renderReport } = await import('./report.ts');
    const { top, captures, failures } = flags;
    const report = renderReport(results, { top, now, allocated: allocatedIpv4(geo), captures, failures });
    await writeWhole(flags.report, [report]);
  }
  if (flags.quiet || isPrinted) return;
  const isNothingRead = flags.failures.filter(isUnread).length === flags.captures.length;
  if (!isNothingRead) await writeTables(results, flags.top, now);
  for (const [what, where] of [
    ['CSV tables', flags.csv],
    ['Parquet files', flags.parquet],
    ['JSON', flags.json],
    ['report', flags.report],
  ])
    if (where !== undefined) process.stdout.write(`${what}: ${where}\n`);
  const notWhole = flags.failures.map(({ capture }) => capture).join(', ');
  if (notWhole !== '' && !isNothingRead) process.stdout.write(`Not read, or not to the end: ${notWhole}\n`);
}

async function writeTables(results: Results, top: number, now: Date): Promise<void> {
  // Names of services, which take a while to load.
  const { renderTerminal, speaksUtf8 } = await import('./terminal.ts');
  const { columns = terminalWidthDefault, isTTY } = process.stdout;
  process.stdout.write(
    renderTerminal(results, {
      top,
      width: Math.max(terminalWidthMin, Math.min(terminalWidthMax, columns)),
      color: isTTY === true && process.stdout.hasColors(),
      ascii: !speaksUtf8(process.env),
      now,
      hasOptions: true,
    }),
  );
}

const warn = (text: string): void => void process.stderr.write(`enaga replay: ${text}\n`);

/** The first capture that has it, for there may be one an hour of them. */
const linkTypeText = (linkType: number, [first, ...others]: string[]): string =>
  `${first}${others.length > 0 ? ` and ${count(others.length)} more` : ''}: link type ${linkType} is not one we read: ` +
  'its packets are skipped (tcpdump.org/linktypes.html names it)';

/** Nothing of it is counted, not even that it had no packets. */
const isUnread = ({ offset = 0 }: Failure): boolean => offset === 0;

const failureText = ({ capture, offset, reason, ...more }: Failure): string =>
  offset === undefined
    ? `${capture}: cannot be read: ${reason}`
    : offset === 0
      ? `${capture}: nothing of it can be read: ${reason}`
      : `${capture}: ${damagedAt({ offset, ...more })}: ${reason}. Everything before it is counted.`;

function warnOfAge({ geo, asn }: GeoTable): void {
  const now = new Date();
  for (const [database, option] of [
    [geo, '--geo'],
    [asn, '--asn'],
  ] as const) {
    if (database === undefined || !isStale(database, now)) continue;
    const { name, built } = database;
    const days = count(geoAgeDays(database, now)!);
    warn(`the database ${name} is of ${built}, ${days} days old: give a newer one with ${option}`);
  }
}

/** Bytes of all captures, undefined if one has no size of its own. */
function totalBytes(captures: readonly string[]): number | undefined {
  let total = 0;
  for (const capture of captures) {
    if (capture === '-') return undefined;
    try {
      const found = fs.statSync(capture);
      if (!found.isFile()) return undefined;
      total += found.size;
    } catch {
      // Whatever is wrong with it is said when it is opened, and the other captures go on.
    }
  }
  return total;
}

const collect = (value: string, before: string[]): string[] => [...before, value];

function collectNetworks(value: string, before: Prefix[]): Prefix[] {
  try {
    return [...before, parsePrefix(value)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

const wholeNumber = (min: number, max: number) => (value: string) => {
  const number = Number(value);
  if (!Number.isInteger(number) || number < min || number > max)
    throw new InvalidArgumentError(`It takes a whole number from ${min} to ${max}.`);
  return number;
};
