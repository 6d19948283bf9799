/** `enaga-sensor` as a program, with a collector that is not always there: killed, doubled, bounded, enrolled again. */
import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { takeLock } from '../../common/sqlite/lock.ts';
import { bundleSensor } from '../../deploy/bundle.ts';
import { capture, root } from '../support/enaga.ts';
import { FakeCollector } from '../support/fake-collector.ts';
import * as support from '../support/sensor.ts';
import { decodeCaptures, digestOf, linesOf, TRAFFIC_NETWORK, writeTraffic } from '../support/sensor.ts';
import { temporary } from './support.ts';

const PACKETS = 60_000;
let folder: string;
let traffic: string;
let trafficDigest: string;
/** The sensor as it is packaged, which also starts faster. */
let main: string;
const startSensor = (args: readonly string[], options: support.SensorRun = {}) =>
  support.startSensor(args, { main, ...options });
const sensor = (...args: string[]) => startSensor(args).outcome;

beforeAll(async () => {
  folder = fs.mkdtempSync('/tmp/enaga-traffic-');
  main = path.join(folder, 'enaga-sensor.mjs');
  await bundleSensor(main);
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  traffic = path.join(folder, 'traffic.pcap');
  writeTraffic(traffic, PACKETS);
  trafficDigest = digestOf(await decodeCaptures([traffic], [TRAFFIC_NETWORK]));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

async function enrolled({ networks = [TRAFFIC_NETWORK] } = {}): Promise<{ collector: FakeCollector; state: string }> {
  const collector = await new FakeCollector().start();
  onTestFinished(() => collector.stop());
  collector.networks = networks;
  const state = path.join(temporary(), 'state');
  const outcome = await sensor('enrol', '--collector', collector.url, '--token', 'good', '--state', state);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  return { collector, state };
}

const digestAt = ({ batches }: FakeCollector) =>
  digestOf([...batches.values()].flatMap(({ records }) => [...linesOf(records)]));

async function statusOf(state: string) {
  const { code, stdout } = await sensor('status', '--json', '--state', state);
  const status = JSON.parse(stdout);
  const skipped = Object.values<number>(status.skipped).reduce((sum, packets) => sum + packets, 0);
  expect(status.seen).toBe(status.kernelDrops + status.interrupted + skipped + status.recorded);
  expect(status.recorded).toBe(status.open + status.spooled.records + status.shipped.records + status.lost.records);
  return { code, status };
}

/** Where the records of a pcap file in little-endian begin. */
function offsetsOf(pcap: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = 24; at < pcap.length; at += 16 + pcap.readUInt32LE(at + 8)) offsets.push(at);
  return offsets;
}

it('fault 1: counts every packet once, however often it is killed', async () => {
  const { collector, state } = await enrolled();
  for (const attempts of [2, 5, 6]) {
    const { child, outcome } = startSensor(['run', '--state', state, '--read', traffic]);
    // Killed when a batch has arrived: its acknowledgement, and what was sealed since, is anywhere on the way.
    collector.mischief = () => {
      if (collector.attempts.length >= attempts) child.kill('SIGKILL');
      return undefined;
    };
    expect((await outcome).signal).toBe('SIGKILL');
  }
  collector.mischief = () => undefined;
  const last = await sensor('run', '--state', state, '--read', traffic);
  expect(last).toMatchObject({ code: 0, stderr: '' });
  expect(last.stdout).toContain('60,000 records with the collector, 0 wait, 0 lost');
  expect(digestAt(collector)).toBe(trafficDigest);
  expect(collector.counters).toEqual({ seen: PACKETS, skipped: 0, lost: 0, interrupted: 0, kernelDrops: 0 });
  const { code, status } = await statusOf(state);
  expect(code).toBe(0);
  expect(status).toMatchObject({ healthy: true, seen: PACKETS, shipped: { records: PACKETS } });

  const batches = collector.batches.size;
  const finished = await sensor('run', '--state', state, '--read', traffic);
  expect(finished).toMatchObject({ code: 0 });
  expect(finished.stdout).toContain('1 capture read before');
  expect(finished.stdout).toContain('0 packets read');
  expect(collector.batches.size).toBe(batches);
  await sensor('run', '--state', state, '--read', traffic, '--again');
  expect(collector.records).toBe(2 * PACKETS);
});

it('says first of all that it does not run, unless it has read its captures and sent them', async () => {
  const { collector, state } = await enrolled();
  const told = async () => {
    const { code, stdout } = await sensor('status', '--state', state);
    return [code, stdout.split('\n', 1)[0]!.replace(/^\S+ /, ''), stdout.trimEnd().split('\n').at(-1)];
  };
  const idle = [1, 'DOES NOT RUN: the end says more', expect.stringMatching(/^! it does not run: nothing is/)];
  expect(await told()).toEqual(idle); // enrolled and never run
  expect((await sensor('run', '--state', state, '--read', traffic)).code).toBe(0);
  expect(await told()).toEqual([0, 'has read its captures, healthy', 'healthy']);
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const before = collector.heartbeats.length;
    const paced = ['--pace', '1x', '--shift-to', 'now'];
    const { child, outcome } = startSensor(['run', '--state', state, '--read', traffic, ...paced]);
    await expect.poll(() => collector.heartbeats.length, { timeout: 20_000 }).toBeGreaterThan(before);
    child.kill(signal);
    await outcome;
    expect(await told()).toEqual(idle);
  }
  await collector.stop();
  expect((await sensor('run', '--state', state, '--read', traffic, '--again', '--once')).code).toBe(0);
  expect(await told()).toEqual([
    1,
    'has read its captures, NOT HEALTHY: the end says why',
    expect.stringMatching(/^! it does not run, and batches wait/),
  ]);
});

it('drops the oldest while the collector is away, and says how many packets that were', async () => {
  const { collector, state } = await enrolled();
  const port = Number(new URL(collector.url).port);
  await collector.stop();
  const bounded = ['run', '--state', state, '--read', traffic, '--spool-bytes', '300K', '--once'];
  const away = await sensor(...bounded);
  expect(away).toMatchObject({ code: 0 });
  expect(away.stderr).toContain('the collector takes no batches');
  const before = await statusOf(state);
  expect(before.code).toBe(1);
  expect(before.status.lost.records).toBeGreaterThan(20_000);
  expect(before.status.spooled.bytes).toBeLessThanOrEqual(300 * 1024);
  expect(before.status.troubles.join()).toContain('lost');

  const again = new FakeCollector();
  onTestFinished(() => again.stop());
  await again.start(port);
  Object.defineProperty(again, 'sensor', { value: collector.sensor });
  again.networks = [TRAFFIC_NETWORK];
  const enrolment = await sensor('enrol', '--collector', again.url, '--token', 'good', '--state', state);
  expect(enrolment.code).toBe(0); // of the same sensor: keeps what was not sent
  const back = await sensor(...bounded);
  expect(back.code).toBe(0);
  const { status } = await statusOf(state);
  expect(status).toMatchObject({ seen: PACKETS, spooled: { batches: 0 }, lost: before.status.lost });
  expect(again.counters).toMatchObject({ seen: PACKETS, lost: PACKETS - again.records, skipped: 0 });
  expect(again.records).toBe(status.shipped.records);
});

it('fault 3: stops at a signal, keeps what is not sent, and lets no second one on its state', async () => {
  const { collector, state } = await enrolled();
  const paced = ['run', '--state', state, '--read', traffic, '--pace', '4x', '--shift-to', 'now'];
  const { child, outcome } = startSensor(paced);
  await expect.poll(() => collector.heartbeats.length, { timeout: 20_000 }).toBeGreaterThan(0);
  const second = await sensor(...paced);
  expect(second).toMatchObject({ code: 1, stdout: '' });
  expect(second.stderr).toMatch(/^enaga-sensor run: another enaga-sensor runs on .*--state\n$/);
  const runs = await sensor('status', '--state', state);
  expect([runs.code, runs.stdout]).toEqual([0, expect.stringMatching(/^\S+: runs, healthy\n[\s\S]*\nhealthy\n$/)]);
  collector.mischief = () => 'swallow';
  child.kill('SIGTERM');
  expect(await outcome).toMatchObject({ code: 0, signal: null });
  const { status } = await statusOf(state);
  expect(status.seen).toBeGreaterThan(0);
  expect(status.seen).toBeLessThan(PACKETS);
  expect(status.spooled.records).toBeGreaterThan(0);
  collector.mischief = () => undefined;
  const rest = await sensor('run', '--state', state, '--read', traffic, '--shift-to', 'now');
  expect(rest.code).toBe(0);
  expect(collector.records).toBe(PACKETS);
  const headers = [...collector.batches.values()].map(({ header }) => header);
  expect(headers.every(({ historic, hour }) => !historic && hour >= Math.floor(Date.now() / 3.6e6) - 1)).toBe(true);
});

it('fault 19: reads what can be read of a damaged capture and of one that is not there, and standard input', async () => {
  const { collector, state } = await enrolled({ networks: ['0.0.0.0/0', '::/0'] });
  const broken = capture('broken-truncated-record.pcap');
  const outcome = await sensor('run', '--state', state, '--read', broken, '/nowhere.pcap');
  expect(outcome.code).toBe(3);
  const { offset } = JSON.parse(fs.readFileSync(capture('broken-truncated-record.expected.json'), 'utf8')).error;
  expect(outcome.stderr).toContain(`${broken}: damaged at byte ${offset}: `);
  expect(outcome.stderr).toContain('/nowhere.pcap: cannot be read: there is no such file');
  const records = collector.records;
  expect(records).toBe((await decodeCaptures([broken], [])).length);
  // With more captures beside it, as when a pattern matches more than yesterday, only these are read.
  const more = await sensor('run', '--state', state, '--read', broken, capture('two-days.pcap'));
  expect(more.code).toBe(3);
  expect(more.stderr).toContain('damaged at byte');
  const both = records + (await decodeCaptures([capture('two-days.pcap')], [])).length;
  expect(collector.records).toBe(both);
  const stdin = Readable.from([fs.readFileSync(capture('scanners-dark-24.pcap'))]);
  const piped = await startSensor(['run', '--state', state, '--read', '-'], { stdin }).outcome;
  expect(piped.code).toBe(0);
  expect(collector.records).toBe(both + (await decodeCaptures([capture('scanners-dark-24.pcap')], [])).length);
  expect(await sensor('run', '--state', state, '--read', '-', broken)).toMatchObject({ code: 2, stdout: '' });
});

it('says of a run that met damaged captures which they were, and where, until a run meets none', async () => {
  const { state } = await enrolled({ networks: ['0.0.0.0/0', '::/0'] });
  const whole = path.join(state, 'whole.pcap');
  const cut = path.join(state, 'cut.pcap');
  const packed = path.join(state, 'packed.pcap.gz');
  const none = path.join(state, 'none.pcap');
  const bytes = fs.readFileSync(capture('two-days.pcap'));
  const lastRecord = offsetsOf(bytes).at(-1)!;
  fs.writeFileSync(whole, bytes);
  fs.writeFileSync(cut, bytes.subarray(0, bytes.length - 7));
  fs.writeFileSync(packed, gzipSync(bytes.subarray(0, bytes.length - 7)));
  fs.writeFileSync(none, 'no capture at all, but a file that there is');
  const read = (...captures: string[]) => sensor('run', '--state', state, '--read', ...captures);
  const ran = await read(whole, cut, packed, none, '/nowhere.pcap');
  expect(ran.code).toBe(3);
  const { code, stdout } = await sensor('status', '--state', state);
  expect([code, stdout.split('\n', 1)[0]]).toEqual([1, 'test: has read its captures, NOT HEALTHY: the end says why']);
  const told = stdout.split('\n').filter(line => line.startsWith('! '));
  expect(told).toEqual([
    expect.stringContaining(`! ${cut}: damaged at byte ${lastRecord}: `),
    expect.stringContaining(`! ${packed}: damaged at byte ${lastRecord} of what it unpacks to: `),
    expect.stringContaining(`! ${none}: nothing of it can be read: `),
    '! /nowhere.pcap: cannot be read: there is no such file',
  ]);
  for (const line of told) expect(ran.stderr).toContain(line.slice(2)); // the run's own words
  expect(await statusOf(state)).toMatchObject({
    code: 1,
    status: {
      ...{ finished: true, healthy: false, troubles: told.map(line => line.slice(2)) },
      damaged: {
        captures: 4,
        first: [
          { capture: cut, offset: lastRecord },
          { capture: packed, offset: lastRecord, unpacked: true },
          { capture: none, offset: 0 },
          { capture: '/nowhere.pcap', reason: 'there is no such file' },
        ],
      },
    },
  });
  await read(...Array.from({ length: 23 }, (_, n) => `/nowhere-${n}.pcap`));
  const { status: many } = await statusOf(state);
  expect([many.damaged.captures, many.damaged.first.length, many.troubles.length]).toEqual([23, 20, 21]);
  expect(many.troubles[20]).toContain('cannot be read: 23; the first are named here');
  expect((await read(whole)).code).toBe(0);
  const after = await statusOf(state);
  expect(after).toMatchObject({ code: 0, status: { healthy: true, damaged: { captures: 0, first: [] } } });
});

it('takes its token from a file or from standard input, and one of these alone', async () => {
  const collector = await new FakeCollector().start();
  onTestFinished(() => collector.stop());
  const folder = temporary();
  const enrol = (args: string[], typed?: string) =>
    startSensor(['enrol', '--collector', collector.url, '--state', path.join(folder, String(made++)), ...args], {
      ...(typed !== undefined && { stdin: Readable.from([typed]) }),
    }).outcome;
  let made = 0;
  const file = path.join(folder, 'token');
  fs.writeFileSync(file, ' good\n');
  expect(await enrol(['--token-file', file])).toMatchObject({ code: 0, stderr: '' });
  expect(await enrol(['--token-file', '-'], 'good\nand more')).toMatchObject({ code: 0, stderr: '' });
  expect((await enrol(['--token-file', '-'], '\n')).stderr).toBe('enaga-sensor enrol: standard input holds no token\n');
  expect((await enrol(['--token-file', '-'], 'x'.repeat(100_000))).stderr).toContain('too long');
  expect((await enrol(['--token-file', path.join(folder, 'none')])).code).toBe(1);
  expect((await enrol([])).code).toBe(2);
  expect((await enrol(['--token-file', file, '--token', 'good'])).code).toBe(2);
});

it('enrols with a good token alone, and keeps its secrets', async () => {
  const { collector, state } = await enrolled();
  const config = JSON.parse(fs.readFileSync(path.join(state, 'config.json'), 'utf8'));
  expect(config).toMatchObject({ collector: collector.url, sensor: collector.sensor, networks: collector.networks });
  expect(fs.statSync(path.join(state, config.key)).mode & 0o777).toBe(0o600);
  expect(fs.statSync(state).mode & 0o777).toBe(0o700);

  const enrol = (token: string, url: string, where = state) =>
    sensor('enrol', '--collector', url, '--token', token, '--state', where);
  const refused = await enrol('canary-token', collector.url);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('ask for a new one');
  expect(refused.stderr).not.toContain('canary-token');
  expect((await enrol('good', 'http://collector.example')).stderr).toContain('--insecure-http');

  await sensor('run', '--state', state, '--read', capture('two-days.pcap'), '--network', '0.0.0.0/0');
  const other = await new FakeCollector().start();
  onTestFinished(() => other.stop());
  const mixed = await enrol('good', other.url);
  expect(mixed.code).toBe(1);
  expect(mixed.stderr).toContain('the state of another sensor');
  expect(JSON.parse(fs.readFileSync(path.join(state, 'config.json'), 'utf8'))).toEqual(config);

  const running = takeLock(path.join(state, 'lock'));
  onTestFinished(() => running.release());
  expect((await enrol('good', collector.url)).stdout).toMatch(
    /^A sensor is running with the old key: start it again \(as a service: systemctl restart enaga-sensor\)$/m,
  );
});

it('learns of new networks for its next start, and says whether all is there that it needs', async () => {
  const { collector, state } = await enrolled();
  collector.networks = ['192.0.2.0/24'];
  await sensor('run', '--state', state, '--read', capture('no-packets.pcap'));
  expect(JSON.parse(fs.readFileSync(path.join(state, 'config.json'), 'utf8')).networks).toEqual(['192.0.2.0/24']);
  const good = await sensor('check', '--json', '--state', state);
  expect(good.code).toBe(0);
  const states = JSON.parse(good.stdout).filter(({ check }: { check: string }) => check !== 'disk');
  expect(states.map(({ state }: { state: string }) => state)).toEqual(Array(6).fill('pass'));
  collector.revoked = true;
  const revoked = await sensor('check', '--state', state);
  expect(revoked.code).toBe(1);
  expect(revoked.stdout).toMatch(
    /^fail {2}enrolment +401 Revoked: Ask who runs the collector\.\n +ask .* enrol again$/m,
  );
  const { key } = JSON.parse(fs.readFileSync(path.join(state, 'config.json'), 'utf8'));
  fs.chmodSync(path.join(state, key), 0o644);
  await collector.stop();
  const bad = await sensor('check', '--state', state);
  expect(bad.code).toBe(1);
  expect(bad.stdout).toMatch(/^fail {2}key +others can read .*\n +chmod 600 /m);
  expect(bad.stdout).toMatch(/^fail {2}collector +.* the connection is refused$/m);
  const nowhere = await sensor('status', '--state', path.join(state, 'nowhere'));
  expect(nowhere).toMatchObject({ code: 1, stdout: '' });
  expect(nowhere.stderr).toContain('not enrolled');
});

it('goes on where its configuration cannot be written, says so, and tells no network', async () => {
  const { collector, state } = await enrolled({ networks: ['0.0.0.0/0'] });
  const block = path.join(state, 'config.json.tmp');
  fs.mkdirSync(block);
  fs.rmSync(path.join(state, 'spool.db')); // so an epoch is to be written down
  collector.networks = ['192.0.2.0/24', '198.51.100.0/24'];
  const run = () => sensor('run', '--state', state, '--read', capture('two-days.pcap'));
  const outcome = await run();
  expect(outcome.code).toBe(0);
  expect(outcome.stderr.match(/the configuration cannot be written/g)).toHaveLength(1);
  expect(collector.records).toBeGreaterThan(0);
  expect((await statusOf(state)).status).toMatchObject({
    epoch: 2,
    alarms: [expect.stringContaining('configuration')],
  });
  fs.rmdirSync(block);
  const mended = await run();
  expect(mended.code).toBe(0);
  expect(mended.stderr).toMatch(/^enaga-sensor: .* 2 new, 1 gone, .*\n$/);
  for (const { stderr } of [outcome, mended]) expect(stderr).not.toMatch(/192\.0\.2|198\.51/);
  expect(JSON.parse(fs.readFileSync(path.join(state, 'config.json'), 'utf8'))).toMatchObject({
    epoch: 2,
    networks: collector.networks,
  });
  expect((await statusOf(state)).status.alarms).toEqual([]);
});

it('goes on in a new epoch when its spool is gone or damaged', async () => {
  const { collector, state } = await enrolled();
  const captured = capture('two-days.pcap');
  const run = () => sensor('run', '--state', state, '--read', captured, '--network', '0.0.0.0/0');
  await run();
  for (const name of ['spool.db', 'spool.db-wal', 'spool.db-shm']) fs.rmSync(path.join(state, name), { force: true });
  expect((await run()).code).toBe(0);
  expect(new Set([...collector.batches.values()].map(({ header }) => header.epoch))).toEqual(new Set([1, 2]));
  fs.writeFileSync(path.join(state, 'spool.db'), 'no database at all, but long enough to be taken for one'.repeat(99));
  const damaged = await run();
  expect(damaged.code).toBe(1); // whether these captures were sent is not known any more
  expect(damaged.stderr).toContain('put aside');
  expect(damaged.stderr).toContain('--again');
  expect((await statusOf(state)).status).toMatchObject({ epoch: 3, healthy: false });
  // --again answers for the captures that it is given; others of before are still in doubt, and later ones are not.
  const read = (...args: string[]) => sensor('run', '--state', state, '--network', '0.0.0.0/0', '--read', ...args);
  expect((await read(captured, '--again')).code).toBe(0);
  expect((await read(captured)).stdout).toContain('1 capture read before');
  const doubtful = await read(capture('scanners-dark-24.pcap'));
  expect(doubtful).toMatchObject({ code: 1 });
  expect(doubtful.stderr).toContain('--again');
  const later = path.join(state, 'later.pcap');
  fs.writeFileSync(later, fs.readFileSync(captured));
  expect((await read(later)).code).toBe(0);
});

it('drops nothing of a file larger than its spool while the collector takes batches', async () => {
  const { collector, state } = await enrolled();
  expect((await sensor('run', '--state', state, '--read', traffic, '--spool-bytes', '300K')).code).toBe(0);
  expect(collector.records).toBe(PACKETS);
  const size = fs.statSync(path.join(state, 'spool.db')).size;
  expect(size).toBeLessThan(600 * 1024);
});
