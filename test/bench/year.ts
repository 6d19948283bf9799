/**
 * What a year of an observatory takes: days of 100 sensors with a /28 each, at NICTER's rate (2024: one packet per address per 13 s),
 * counted by the store, closed, and asked. So many days are made as are asked for (`--days`), one after the other; sizes are
 * reckoned up to a year from the growth of the last of them.
 *
 *     node test/bench/year.ts [--days 8] [--sensors 100]
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { count } from '../../collector/publish/words.ts';
import { ROW_TABLES } from '../../collector/reduce/rows.ts';
import { closeDays } from '../../collector/store/closing.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { keepRollups } from '../../collector/store/rollup.ts';
import { hourlySeries } from '../../collector/store/series.ts';
import { Store } from '../../collector/store/store.ts';
import { loadGeo } from '../../common/geo/load.ts';
import { CaptureReader, createBlock } from '../../common/packet/capture.ts';
import { Decoder } from '../../common/packet/decoder.ts';
import type { Records } from '../../common/record/record.ts';
import { createRecords } from '../../common/record/record.ts';
import { writeTraffic } from './traffic.ts';

const addressesPerSensor = 16;
const secondsPerPacket = 13;
const DAY_SECONDS = 86_400;
const DAY_MS = 1000 * DAY_SECONDS;
const daysAYear = 365;
/** The first day that is made, days since 1970. */
const firstDay = Date.UTC(2026, 0, 1) / DAY_MS;
/** Segments of a closed day are dropped at once: they would hide how a year grows. */
const closing = { graceMs: 0, quietMs: 0, segmentsMs: 0 };
const asks = 20;

const { values } = parseArgs({
  options: { days: { type: 'string', default: '8' }, sensors: { type: 'string', default: '100' } },
});
const days = Number(values.days);
const sensors = Number(values.sensors);
const packetsPerDay = Math.round((sensors * addressesPerSensor * DAY_SECONDS) / secondsPerPacket);

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-year-'));
const file = path.join(folder, 'store.db');
const geo = loadGeo();
const store = Store.open(file, {
  hashKey: { low: 1, high: 2 },
  geographies: { at: () => geo, named: () => geo },
  excluded: () => [],
});
let position = 0;

/** Parts a block among sensors by the destination, and hands each part over as a batch. */
function fold(records: Records, day: number): void {
  const parts = new Map<number, Records>();
  for (let n = 0; n < records.count; n++) {
    const sensor = (records.dst[n]! >>> 4) % sensors;
    let part = parts.get(sensor);
    if (part === undefined) {
      part = createRecords(4, records.count);
      part.hour = 24 * day + (records.hour % 24);
      parts.set(sensor, part);
    }
    const to = part.count++;
    for (const column of ['src', 'dst', 'time', 'srcPort', 'dstPort', 'length', 'window', 'seqFold'] as const)
      part[column][to] = records[column][n]!;
    for (const column of ['protocol', 'flags', 'ttl', 'tool'] as const) part[column][to] = records[column][n]!;
  }
  for (const [sensor, part] of parts) {
    position++;
    const header = headerOf(part, position);
    const sha256 = new Uint8Array(32);
    const receivedMs = day * DAY_MS;
    store.fold([{ position, sensor, sha256, receivedMs, day, misdated: false, header, records: part }]);
  }
}

const headerOf = ({ hour, count: seen }: Records, sequence: number) => ({
  sensor: '00000000-0000-4000-8000-000000000000',
  epoch: 1,
  sequence,
  hour,
  from: 0,
  to: 3.6e9,
  historic: false,
  counters: { seen, kernelDrops: 0, interrupted: 0, skipped: {}, lost: [] },
});

async function makeDay(day: number): Promise<void> {
  const capture = path.join(folder, 'day.pcap');
  writeTraffic(capture, packetsPerDay, day);
  // The generator sends a /19's packets: its times are stretched over the day, so that each hour has its share.
  const blocks = new Decoder([], records => fold(spread(records), day));
  const reader = await CaptureReader.open(capture);
  const block = createBlock();
  while (await reader.next(block)) blocks.take(block.chunk, block.packets);
  blocks.flush();
  reader.close();
  fs.rmSync(capture);
  store.commit('year');
}

let taken = 0;
/** The records' hour by how many came before them. */
function spread(records: Records): Records {
  records.hour = Math.min(23, Math.floor((24 * (taken % packetsPerDay)) / packetsPerDay));
  taken += records.count;
  return records;
}

const bytes = (): number =>
  ['', '-wal'].reduce((sum, end) => sum + (fs.statSync(file + end, { throwIfNoEntry: false })?.size ?? 0), 0);

/** Milliseconds of the slowest of some calls, and of the middle one. */
function timed(what: string, ask: () => unknown): void {
  const took = Array.from({ length: asks }, () => {
    const started = performance.now();
    ask();
    return performance.now() - started;
  }).sort((a, b) => a - b);
  process.stdout.write(`${what.padEnd(44)} ${took[asks / 2]!.toFixed(1)} ms, slowest ${took.at(-1)!.toFixed(1)} ms\n`);
}

try {
  let before = 0;
  for (let n = 0; n < days; n++) {
    const day = firstDay + n;
    const started = performance.now();
    await makeDay(day);
    const folded = performance.now();
    closeDays(store.database, (day + 2) * DAY_MS, closing);
    keepRollups(store.database, (day + 2) * DAY_MS);
    store.database.pragma('wal_checkpoint(TRUNCATE)');
    const closed = performance.now();
    const size = bytes();
    process.stdout.write(
      `day ${n + 1}: ${count(packetsPerDay)} packets, made and counted in ${((folded - started) / 1000).toFixed(1)} s, ` +
        `closed in ${((closed - folded) / 1000).toFixed(1)} s, store ${count(size / 1e6)} MB (+${count((size - before) / 1e6)})\n`,
    );
    if (n === days - 1)
      process.stdout.write(`a year by that growth: ${((daysAYear * (size - before)) / 1e9).toFixed(1)} GB\n`);
    before = size;
  }
  const reader = StoreReader.open(file);
  const range = { from: firstDay, to: firstDay + days - 1 };
  timed('list of days', () => reader.days());
  timed("a day's ports (all tables)", () => reader.day(firstDay + days - 1)!.ports.length);
  timed("one sensor's day", () => reader.day(firstDay, new Set([3])));
  timed('hourly series of a port', () => hourlySeries(reader, range, { table: 'ports', a: (6 << 16) | 23 }));
  timed('hourly series of all', () => hourlySeries(reader, range, { table: 'total' }));
  const rows = store.database
    .prepare('SELECT name, sensor >= 0 AS bySensor, count(*) AS n FROM rows GROUP BY 1, 2')
    .all();
  for (const { name, bySensor, n } of rows as { name: number; bySensor: number; n: number }[])
    process.stdout.write(`${ROW_TABLES[name]}${bySensor ? ' by sensor' : ''}: ${count(n / days)} rows a day\n`);
  reader.close();
} finally {
  store.database.close();
  fs.rmSync(folder, { recursive: true });
}
