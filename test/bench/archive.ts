/**
 * What the archive costs: records a second archived, bytes a record beside other forms of the same packets, and whether batches are
 * acknowledged later while a day is archived.
 *
 *     node test/bench/archive.ts [--records 2000000] [--rounds 9] [--seconds 6]
 *
 * A collector is sent a day, counts it, and the day is marked closed in its store. Then `enaga archive run` is run as `enaga
 * serve` runs it, alone and, by turns with nothing, beside 100,000 records a second of another day. Other programs may share the
 * processors: ratios of the same minutes say more than times, and times of the processor more than those of the clock.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { archive } from '../../collector/archive/archiver.ts';
import { ARCHIVING_FLAGS } from '../../collector/commands/archiving.ts';
import { HTTP_LIMITS } from '../../collector/ingest/app.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { count } from '../../collector/publish/words.ts';
import { LoggedGeographies } from '../../collector/store/geography.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { root } from '../support/enaga.ts';
import { Observatory } from '../support/observatory.ts';
import { Client, enrol, run, seal } from './pipe.ts';
import { Workshop } from './run.ts';
import { writeTraffic } from './traffic.ts';
import { measureWire } from './wire.ts';

const steadyRate = 100_000;
const recordsPerSecondMin = 1e6;
const raisedMax = 1.2;
const DAY_SECONDS = 86_400;

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '2000000' },
    rounds: { type: 'string', default: '9' }, // of an even number the median is the higher one of two that differ much
    seconds: { type: 'string', default: '6' },
  },
});
const [records, rounds, seconds] = [values.records, values.rounds, values.seconds].map(Number) as [
  number,
  number,
  number,
];

const workshop = new Workshop({ kept: false });
const observatory = new Observatory();
process.on('exit', () => fs.rmSync(observatory.folder, { recursive: true, force: true }));

interface Spent {
  readonly seconds: number;
  readonly processor: number;
}

const archiveDir = path.join(observatory.data, 'archive');

/** In this process, so that no program's start is in it. */
async function archiveHere(): Promise<Spent> {
  fs.rmSync(archiveDir, { recursive: true, force: true });
  const at = (name: string) => path.join(observatory.data, name);
  const reader = LogReader.open(at('log'));
  const store = StoreReader.open(at('store.db'));
  const geographies = new LoggedGeographies(at('geo'), () => reader.geoEntries());
  const [started, used] = [performance.now(), process.cpuUsage()];
  const { parts } = await archive({
    dir: archiveDir,
    logDir: at('log'),
    reader,
    store,
    geographies,
    nowMs: Date.now(),
  });
  const { user, system } = process.cpuUsage(used);
  const spent = { seconds: (performance.now() - started) / 1000, processor: (user + system) / 1e6 };
  store.close();
  reader.close();
  check(parts);
  return spent;
}

function check(parts: readonly { readonly records: number }[]): void {
  const archived = parts.reduce((sum, part) => sum + part.records, 0);
  if (archived !== records) throw new Error(`archived ${archived} records`);
}

/** `enaga archive run` as `enaga serve` runs it, the last to get a processor, with nothing archived before. */
async function archiveBeside(): Promise<void> {
  fs.rmSync(archiveDir, { recursive: true, force: true });
  const program = path.join(root, 'collector', 'main.ts');
  const args = [...ARCHIVING_FLAGS, program, 'archive', 'run', '--data', observatory.data, '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  os.setPriority(child.pid!, os.constants.priority.PRIORITY_LOW);
  let text = '';
  child.stdout!.on('data', piece => {
    text += piece;
  });
  const code = await new Promise(resolve => child.on('close', resolve));
  if (code !== 0) throw new Error(`enaga archive run ended with ${code}`);
  check(JSON.parse(text).parts);
}

/** Closed before its time: what `enaga serve` does a day after the day's end. */
function closeDays(): void {
  const store = new Database(path.join(observatory.data, 'store.db'), { timeout: 10_000 });
  store.prepare('UPDATE days SET closed_ms = ? WHERE closed_ms IS NULL').run(Date.now());
  store.close();
}

/** The capture of another day. */
function dayLater(from: string, to: string, packets: number): void {
  writeTraffic(from, packets, 2);
  const bytes = fs.readFileSync(from);
  for (let at = 24; at < bytes.length; at += 16 + bytes.readUInt32LE(at + 8))
    bytes.writeUInt32LE(bytes.readUInt32LE(at) + DAY_SECONDS, at);
  fs.writeFileSync(to, bytes);
}

/** As `HTTP_LIMITS` has it. */
const enrolmentEveryMs = 1000 / HTTP_LIMITS.enrolments.perSecond;

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!;
const verdict = (met: boolean) => (met ? 'met' : 'missed');

async function main(): Promise<void> {
  const capture = workshop.file('day.pcap');
  writeTraffic(capture, records);
  await observatory.init();
  await observatory.serve('--archive', 'off'); // it is archived when it is to be measured
  const client = new Client(observatory);
  const sensors = [];
  for (let n = 0; n < 8; n++) sensors.push(await enrol(observatory, client, n));
  await run(client, await seal(capture, sensors), Number.POSITIVE_INFINITY);
  closeDays();
  const alone: Spent[] = [];
  for (let n = 0; n < 3; n++) alone.push(await archiveHere());
  const rate = records / median(alone.map(one => one.seconds));
  const processorRate = records / median(alone.map(one => one.processor));
  console.log(`archived alone: ${count(rate)} records/s by the clock, ${count(processorRate)} a second of processor`);
  console.log(`${verdict(rate >= recordsPerSecondMin)}: at least ${count(recordsPerSecondMin)} records/s`);

  const { sizes } = await measureWire(capture, records, workshop);
  const files = (fs.readdirSync(archiveDir, { recursive: true }) as string[]).filter(name =>
    /\.(parquet|zst)$/.test(name),
  );
  const bytes = files.reduce((sum, name) => sum + fs.statSync(path.join(archiveDir, name)).size, 0);
  for (const [what, size] of [...sizes, ["Enaga's archive: records", bytes] as const])
    console.log(`${what.padEnd(34)}${(size / records).toFixed(1).padStart(6)} bytes a packet`);

  const steady = Math.ceil(steadyRate * seconds);
  const tails: { with: number[]; without: number[] } = { with: [], without: [] };
  dayLater(workshop.file('raw.pcap'), workshop.file('load.pcap'), steady * rounds * 2);
  // While something is measured or sealed, the collector ends connections that nobody uses.
  client.close();
  const enrolling = new Client(observatory);
  const load = await seal(workshop.file('load.pcap'), await moreSensors(enrolling, sensors.length));
  enrolling.close();
  const later = new Client(observatory);
  for (let round = 0; round < 2 * rounds; round++) {
    const isWith = round % 2 === 1;
    const batches = load.splice(0, Math.ceil(steady / load[0]!.records));
    const archiving = isWith ? archiveFor(seconds * 1000) : undefined;
    const { p99, rate } = await run(later, batches, steadyRate);
    const runs = await archiving;
    tails[isWith ? 'with' : 'without'].push(p99 * 1000);
    const beside = runs === undefined ? '' : `, a day archived ${runs} times`;
    console.log(
      `${isWith ? 'with' : 'without'} archiving: p99 ${(p99 * 1000).toFixed(1)} ms at ${count(rate)} records/s${beside}`,
    );
  }
  const raised = median(tails.with) / median(tails.without);
  console.log(`acknowledgements with archiving take ${raised.toFixed(2)} of those without (median of p99)`);
  console.log(`${verdict(raised <= raisedMax)}: at most ${raisedMax}`);
  later.close();
}

async function moreSensors(client: Client, from: number) {
  await sleep(8 * enrolmentEveryMs); // an address has ten enrolments at once, and then one at a time
  const sensors = [];
  for (let n = from; n < from + 8; n++) sensors.push(await enrol(observatory, client, n));
  return sensors;
}

/** Again and again; returns how often. */
async function archiveFor(ms: number): Promise<number> {
  const end = performance.now() + ms;
  let runs = 0;
  while (performance.now() < end) {
    await archiveBeside();
    runs++;
    await sleep(10);
  }
  return runs;
}

try {
  await main();
} finally {
  await observatory.remove();
}
process.exit(0);
