/** `enaga batch show`: what a batch is made of, from a file of the spool, the log or a sensor written by somebody else. */

import fs from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import type { LostRange } from '../../common/batch/batch.ts';
import { BadBatch, columnBytes, headBytesOf, VERSION } from '../../common/batch/format.ts';
import { type OpenedBatch, openBatch } from '../../common/batch/open.ts';
import { batchRecordsMax, batchWireBytesMax } from '../../common/limits.ts';
import { formatAddress4, formatAddress6 } from '../../common/record/address.ts';
import { protocolName } from '../../common/record/protocol.ts';
import type { Records } from '../../common/record/record.ts';
import { HOUR_MS } from '../../common/time.ts';
import { count, plural } from '../publish/words.ts';
import { troubleText } from './trouble.ts';

interface ShowFlags {
  json: boolean;
  records: number;
}

const FAILED = 1;
const recordsDefault = 10;

const EXAMPLES = `
Examples:
  enaga batch show 17.batch                     its head, its counters and the first ${recordsDefault} records
  enaga batch show --records 0 17.batch         without records
  enaga batch show --json --records 65536 17.batch | jq '.records[].dstPort'

Exit codes: 0 shown; 1 the file cannot be read or is no batch; 2 wrong usage.`;

/** The command, for the program to add. */
export function batchCommand(): Command {
  return new Command('batch')
    .description('Look into batches, the files that sensors send')
    .addCommand(
      new Command('show')
        .description('Print what a batch holds')
        .argument('<file>', 'a batch, as it lies on disk or travels')
        .option('--json', 'print JSON', false)
        .option('--records <n>', 'records to print, the first ones', wholeNumber, recordsDefault)
        .addHelpText('after', EXAMPLES)
        .action(show),
    );
}

function wholeNumber(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number > batchRecordsMax)
    throw new InvalidArgumentError(`It takes a whole number from 0 to ${batchRecordsMax}.`);
  return number;
}

function show(file: string, { json, records }: ShowFlags): void {
  try {
    const bytes = readBounded(file);
    const shown = describe(openBatch(bytes), bytes.length, records);
    process.stdout.write(json ? `${JSON.stringify(shown, undefined, 2)}\n` : render(shown));
  } catch (error) {
    if (!(error instanceof BadBatch) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    const text = error instanceof BadBatch ? `${file}: no good batch: ${error.message}` : troubleText(error as Error);
    process.stderr.write(`enaga batch show: ${text}\n`);
    process.exitCode = FAILED;
  }
}

/** The file, or as much of it as shows that it is too large: it may be a device. */
function readBounded(file: string): Uint8Array {
  const fd = fs.openSync(file, 'r');
  try {
    const bytes = new Uint8Array(batchWireBytesMax + 1);
    let length = 0;
    for (let read = -1; read !== 0; length += read) read = fs.readSync(fd, bytes, length, bytes.length - length, null);
    return bytes.subarray(0, length);
  } catch (error) {
    throw Object.assign(error as NodeJS.ErrnoException, { path: file }); // Node does not name what it has open
  } finally {
    fs.closeSync(fd);
  }
}

type Described = ReturnType<typeof describe>;

/** What is printed, as JSON has it. */
function describe({ header, records, sha256 }: OpenedBatch, wire: number, recordsShown: number) {
  const { sensor, epoch, sequence, historic, counters } = header;
  const canonical =
    headBytesOf(Object.keys(counters.skipped).length, counters.lost.length) +
    columnBytes(records.family, records.count);
  return {
    version: VERSION,
    sensor,
    epoch,
    sequence,
    hour: timeText(header.hour, 0),
    from: timeText(header.hour, header.from),
    to: timeText(header.hour, header.to),
    historic,
    family: records.family,
    count: records.count,
    counters,
    bytes: { wire, canonical, ...(records.count > 0 && { record: Number((wire / records.count).toFixed(2)) }) },
    sha256,
    records: Array.from({ length: Math.min(recordsShown, records.count) }, (_, n) => recordAt(records, n)),
  };
}

function recordAt(records: Records, n: number) {
  return {
    time: timeText(records.hour, records.time[n]!),
    src: addressText(records.src, records.family, n),
    srcPort: records.srcPort[n]!,
    dst: addressText(records.dst, records.family, n),
    dstPort: records.dstPort[n]!,
    protocol: protocolName(records.protocol[n]!),
    flags: records.flags[n]!,
    ttl: records.ttl[n]!,
    length: records.length[n]!,
    window: records.window[n]!,
    seqFold: records.seqFold[n]!,
    tool: records.tool[n]!,
  };
}

/** ISO 8601 with microseconds, of so many into an hour. */
function timeText(hour: number, micros: number): string {
  const seconds = new Date(hour * HOUR_MS + Math.floor(micros / 1000)).toISOString().slice(0, -1);
  return `${seconds}${String(micros % 1000).padStart(3, '0')}Z`;
}

function addressText(words: Uint32Array, family: 4 | 6, n: number): string {
  if (family === 4) return formatAddress4(words[n]!);
  return formatAddress6(words[4 * n]!, words[4 * n + 1]!, words[4 * n + 2]!, words[4 * n + 3]!);
}

const lostText = ({ epoch, from, to, records }: LostRange): string =>
  `epoch ${epoch}, ${from === to ? from : `${from} to ${to}`}: ${plural(records, 'record', 'records')}`;

function render(batch: Described): string {
  const { counters, bytes, records } = batch;
  const facts: [string, string][] = [
    ['sensor', batch.sensor],
    ['batch', `epoch ${batch.epoch}, sequence ${batch.sequence}`],
    ['watched', `${batch.from} to ${batch.to}`],
    ['records', `${count(batch.count)} of IPv${batch.family}${batch.historic ? ', from a file' : ''}`],
    ['seen', count(counters.seen)],
    ['kernel drops', count(counters.kernelDrops)],
    ['interrupted', count(counters.interrupted)],
    ...Object.entries(counters.skipped).map(([reason, packets]): [string, string] => [
      `skipped, ${reason}`,
      count(packets),
    ]),
    ...counters.lost.map((range): [string, string] => ['lost', lostText(range)]),
    ['bytes', sizeText(bytes)],
    ['SHA-256', batch.sha256],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  if (records.length > 0) lines.push('', ...table(records));
  const rest = batch.count - records.length;
  if (records.length > 0 && rest > 0) lines.push(`and ${count(rest)} more (--records)`);
  return `${lines.join('\n')}\n`;
}

const sizeText = ({ wire, canonical, record }: Described['bytes']): string =>
  `${count(wire)}, ${count(canonical)} in memory${record === undefined ? '' : `, ${record} a record`}`;

/** A line each, numbers to the right. */
function table(records: Described['records']): string[] {
  const names = Object.keys(records[0]!);
  const rows = records.map(record => Object.values(record).map(String));
  const isNumber = Object.values(records[0]!).map(value => typeof value === 'number');
  const widths = names.map((name, column) => Math.max(name.length, ...rows.map(row => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, n) => (isNumber[n] ? cell.padStart(widths[n]!) : cell.padEnd(widths[n]!))).join('  ');
  return [names, ...rows].map(line);
}
