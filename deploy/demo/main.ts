/**
 * `npm run demo [-- --once] [-- --data DIR]`: an observatory on this machine, as it runs on many. A collector, three sensors in
 * three economies, the traffic of the last eight days with the outbreak of a worm in it, and the fixture captures; then what the
 * collector's store says of those days, and whether a recount from its log agrees. It talks to loopback only.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { existingData, readSecret } from '../../collector/commands/data.ts';
import type { Results } from '../../collector/reduce/results.ts';
import { CLOSING } from '../../collector/store/closing.ts';
import { startFolding } from '../../collector/store/folding.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { loadGeo } from '../../common/geo/load.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { asnDatabase } from './asns.ts';
import { darknetCapture, WORM_PORT } from './traffic.ts';

const root = path.dirname(path.dirname(import.meta.dirname));
const fixtures = path.join(root, 'fixtures', 'captures');

const SENSORS = [
  { name: 'tokyo', economy: 'JP', network: '192.0.2.0/24' },
  { name: 'jakarta', economy: 'ID', network: '198.51.100.0/24' },
  { name: 'nairobi', economy: 'KE', network: '203.0.113.0/24' },
];
const ORGANISATION = 'enaga-demo';
/** Who sends exchange files. */
const SENDER = { organisation: 'Enaga demo', email: 'demo@enaga.example', feed: 'enaga-demo' };

const DAY_SECONDS = 86_400;
const days = 8;
/** A sensor's packets a day, without the worm: one in two hundred of what reaches a /24 (NICTER 2024). */
const packetsPerDay = 8000;
const barWidth = 40;
/** When the worm begins: so many hours before the end of the last day. */
const wormHours = 66;
const closeMsMax = 60_000;
/** Hours of traffic that goes on, as it was on the last day, while the demo runs. */
const liveHours = 12;

/** Fixture captures, and how many days before today their packets are put. */
const SHOWN = [
  { daysAgo: 6, pattern: /^(mirai-backscatter|icmp-errors|other-protocols)\.pcap$/ },
  { daysAgo: 4, pattern: /^(tool-marks|tcp-flags)\.pcap$/ },
  { daysAgo: 2, pattern: /^scanners-dark-24\.pcap$/ },
];

const HELP = `An observatory on this machine: a collector, three sensors, eight days of made-up traffic.

usage: npm run demo [-- --once] [-- --data DIR]
  --once      end when the days were shown; otherwise the collector goes on until Ctrl-C
  --data DIR  keep everything there; otherwise it is in a temporary directory that goes when the demo ends
`;

function readFlags(): { once: boolean; data?: string } {
  try {
    const { values } = parseArgs({
      options: { once: { type: 'boolean', default: false }, data: { type: 'string' }, help: { type: 'boolean' } },
    });
    if (!values.help) return values;
    process.stdout.write(HELP);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`demo: ${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}

const flags = readFlags();

const running = new Set<ChildProcess>();
let stopping = false;

interface Sensor {
  readonly name: string;
  readonly network: string;
  readonly state: string;
}

const say = (text = ''): void => void process.stdout.write(`${text}\n`);
/** A reader that has seen enough (`| head`) ends the demo, with all that it started. */
process.stdout.on('error', () => void stop());
const shownPath = (file: string): string => path.relative(process.cwd(), file) || file;

/** A program of this project, in a process of its own. */
function start(main: string, args: readonly string[], stdio: 'inherit' | 'pipe'): ChildProcess {
  const child = spawn(process.execPath, [path.join(root, main), ...args], {
    stdio: ['ignore', stdio, stdio === 'pipe' ? 'pipe' : 'inherit'],
  });
  running.add(child);
  child.on('close', () => running.delete(child));
  return child;
}

/** Its standard output, once it has ended well; fails with what it had to say. */
function finished(child: ChildProcess, what: string): Promise<string> {
  let [out, err] = ['', ''];
  child.stdout?.on('data', piece => {
    out += piece;
  });
  child.stderr?.on('data', piece => {
    err += piece;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => {
      if (code === 0) resolve(out);
      else reject(new Error(`${what} failed${stopping ? ': it was stopped' : ''}\n${err}`));
    });
  });
}

const enaga = (...args: string[]) => finished(start('collector/main.ts', args, 'pipe'), `enaga ${args.join(' ')}`);
const enagaSensor = (...args: string[]) =>
  finished(start('sensor/main.ts', args, 'pipe'), `enaga-sensor ${args.join(' ')}`);

/** Runs a command as a user would, and shows it. */
async function show(...args: string[]): Promise<void> {
  say(`\n$ enaga ${args.join(' ')}`);
  await finished(start('collector/main.ts', args, 'inherit'), `enaga ${args[0]}`);
}

/** The collector, and the URL it says it answers on. */
function serve(data: string, listen = '127.0.0.1:0'): Promise<{ collector: ChildProcess; url: string }> {
  const collector = start('collector/main.ts', ['serve', '--data', data, '--listen', listen], 'pipe');
  let [out, err] = ['', ''];
  collector.stderr!.on('data', piece => {
    err = (err + piece).slice(-4000);
  });
  return new Promise((resolve, reject) => {
    collector.stdout!.on('data', piece => {
      out += piece;
      const url = /https?:\/\/\S+/.exec(out)?.[0];
      if (url !== undefined) resolve({ collector, url });
    });
    collector.on('close', () => {
      if (!stopping && !pausing.has(collector)) reject(new Error(`the collector ended\n${err}`));
    });
  });
}

/** Collectors that are to end though the demo goes on. */
const pausing = new Set<ChildProcess>();

/**
 * A day is closed 24 hours after its end and an hour after its last packets came. Those of the demo's old days came this minute:
 * while the collector is away they are closed without that hour.
 */
async function closeOldDays(data: string, collector: ChildProcess, yesterday: string): Promise<void> {
  pausing.add(collector);
  const ended = new Promise(resolve => collector.on('close', resolve));
  collector.kill('SIGTERM');
  await ended;
  const paths = existingData(data);
  const closing = { ...CLOSING, quietMs: 0 };
  const folding = startFolding({ data: paths, ...readSecret(paths), closing });
  const store = StoreReader.open(paths.store);
  try {
    const end = Date.now() + closeMsMax;
    while (store.days().some(({ date, closed }) => date < yesterday && !closed)) {
      if (stopping) return;
      if (Date.now() > end) throw new Error('the old days were not closed');
      await sleep(100);
    }
  } finally {
    store.close();
    await folding.stop();
  }
}

/** The senders' autonomous systems, which are as made up as the senders. */
function useAsns(data: string): void {
  const [config, name] = [path.join(data, 'config.json'), 'made-up-asns.mmdb'];
  fs.writeFileSync(path.join(data, name), asnDatabase(loadGeo({ geoFiles: [] })));
  const settings = JSON.parse(fs.readFileSync(config, 'utf8'));
  fs.writeFileSync(config, `${JSON.stringify({ ...settings, asn: name }, null, 2)}\n`);
}

async function addSensor(data: string, url: string, folder: string, sensor: (typeof SENSORS)[number]): Promise<Sensor> {
  const { name, economy, network } = sensor;
  const where = ['--owner', ORGANISATION, '--economy', economy, '--network', network];
  const { token } = JSON.parse(await enaga('sensor', 'add', name, ...where, '--data', data, '--json'));
  const state = path.join(folder, 'sensors', name);
  await enagaSensor('enrol', '--collector', url, '--token', token, '--state', state);
  say(`  ${name.padEnd(8)} ${economy}  ${network}`);
  return { name, network, state };
}

/** Start of a UTC day so many before today, seconds since 1970. */
const dayStart = (today: number, daysAgo: number): number => today - daysAgo * DAY_SECONDS;

/** One capture a day, oldest first. */
function writeCaptures(folder: string, { name, network }: Sensor, number: number, today: number): string[] {
  fs.mkdirSync(folder, { recursive: true });
  const geo = loadGeo({ geoFiles: [] });
  return Array.from({ length: days }, (_, n) => {
    const daysAgo = days - n;
    const file = path.join(folder, `${name}-${daysAgo}-days-ago.pcap`);
    fs.writeFileSync(
      file,
      darknetCapture({
        geo,
        network: parsePrefix(network),
        start: dayStart(today, daysAgo),
        seconds: DAY_SECONDS,
        packets: packetsPerDay,
        wormHours: wormHours - 24 * daysAgo,
        seed: 100 * number + daysAgo,
      }),
    );
    return file;
  });
}

/** What the sensor at 192.0.2.0/24 also saw: packets of real scanners, and the odd ones of the fixtures. */
async function readFixtures(sensor: Sensor, today: number): Promise<void> {
  for (const { daysAgo, pattern } of SHOWN) {
    const captures = fs
      .readdirSync(fixtures)
      .filter(name => pattern.test(name))
      .sort();
    const at = new Date((dayStart(today, daysAgo) + DAY_SECONDS / 2) * 1000).toISOString();
    const read = captures.map(name => path.join(fixtures, name));
    await enagaSensor('run', '--state', sensor.state, '--shift-to', at, '--read', ...read);
  }
}

/** Goes on at the pace of the packets' own times, as if they arrived now. */
function goLive(folder: string, sensor: Sensor, number: number): void {
  const file = path.join(folder, `${sensor.name}-live.pcap`);
  const seconds = liveHours * 3600;
  const network = parsePrefix(sensor.network);
  const packets = Math.round((packetsPerDay * seconds) / DAY_SECONDS);
  const options = { geo: loadGeo({ geoFiles: [] }), network, start: 0, seconds, packets, wormHours, seed: number };
  fs.writeFileSync(file, darknetCapture(options));
  const child = start(
    'sensor/main.ts',
    ['run', '--state', sensor.state, '--shift-to', 'now', '--pace', '1x', '--read', file],
    'pipe',
  );
  child.stdout!.resume();
  child.stderr!.resume();
}

async function demo(folder: string): Promise<void> {
  const data = path.join(folder, 'collector');
  const today = Math.floor(Date.now() / 1000 / DAY_SECONDS) * DAY_SECONDS;

  say('\nA collector, and three sensors that enrol with it:');
  await enaga('init', '--data', data);
  await enaga('org', 'add', ORGANISATION, '--data', data);
  fs.writeFileSync(path.join(data, 'exports.json'), `${JSON.stringify(SENDER, null, 2)}\n`);
  useAsns(data);
  const { collector: first, url } = await serve(data);
  say(`  collector at ${url}, its data in ${shownPath(data)}`);
  say('  countries are those of the default database; AS numbers are made up, of those set aside for documentation');
  const sensors: Sensor[] = [];
  for (const sensor of SENSORS) sensors.push(await addSensor(data, url, folder, sensor));

  say(
    `\nThe sensors read ${days} days of made-up traffic, with a worm that begins on the third day from the end, and fixtures:`,
  );
  const captures = path.join(folder, 'captures');
  await Promise.all(
    sensors.map(async (sensor, number) => {
      await enagaSensor('run', '--state', sensor.state, '--read', ...writeCaptures(captures, sensor, number, today));
      if (number === 0) await readFixtures(sensor, today);
    }),
  );
  for (const { state } of sensors) {
    say(`\n$ enaga-sensor status --state ${shownPath(state)}`);
    await finished(start('sensor/main.ts', ['status', '--state', state], 'inherit'), 'enaga-sensor status');
  }

  const date = (daysAgo: number) => new Date(dayStart(today, daysAgo) * 1000).toISOString().slice(0, 10);
  const where = ['--data', shownPath(data)];
  await enaga('days', '--wait', ...where);
  await closeOldDays(data, first, date(1));
  const { collector } = await serve(data, new URL(url).host);
  await show('days', ...where);
  for (let daysAgo = days; daysAgo > 0; daysAgo--) await show('days', '--date', date(daysAgo), '--top', '5', ...where);
  for (let daysAgo = days; daysAgo > 0; daysAgo--) await show('recount', date(daysAgo), ...where);

  await showWorm(data);

  if (flags.once) return;
  for (const [number, sensor] of sensors.entries()) goLive(captures, sensor, number);
  const { token } = JSON.parse(await enaga('member', 'add', ORGANISATION, '--role', 'admin', '--data', data, '--json'));
  say(`
The collector goes on, and the sensors with traffic of this moment. In a browser:
  ${url}/sign-in#${token}
    the pages, signed in as a member who is an admin too; what comes after # is sent to no server. On top of each page
    stands what the public sees of it; under Sensors, how to enrol one and whom to invite
  ${url}/
    as the public: too few sensors to show anything of, by the rules that protect them
For programs, or from another terminal:
  ${url}/api
  ${url}/metrics
  npm run -s enaga -- days --data ${data}
  npm run -s enaga -- export --date ${date(2)} --country CN --format iodef-json --data ${data}
Ctrl-C ends it${flags.data === undefined ? ' and removes its files; --data DIR keeps them' : ''}.`);
  await new Promise(resolve => collector.on('close', resolve));
}

/** The event of these days, which nobody should have to look for. */
async function showWorm(data: string): Promise<void> {
  const { days: counted }: Pick<Results, 'days'> = JSON.parse(await enaga('days', '--json', '--data', data));
  const packets = counted.map(({ date, ports }) => {
    const port = ports.find(row => row.protocol === 'tcp' && 'port' in row && row.port === WORM_PORT);
    return [date, port?.packets ?? 0] as const;
  });
  const most = Math.max(...packets.map(([, count]) => count));
  say(`\nThe worm, packets to TCP ${WORM_PORT}:`);
  for (const [date, count] of packets)
    say(
      `  ${date} ${count.toLocaleString('en').padStart(8)}  ${'#'.repeat(Math.round((barWidth * count) / most))}`.trimEnd(),
    );
}

/** Sensors before the collector, so that what they still have can be sent. */
async function stop(): Promise<void> {
  stopping = true;
  for (const child of [...running].reverse()) {
    const closed = new Promise(resolve => child.on('close', resolve));
    child.kill('SIGTERM');
    await closed;
  }
}

const kept = flags.data === undefined ? undefined : path.resolve(flags.data);
if (kept !== undefined && fs.existsSync(path.join(kept, 'collector'))) {
  process.stderr.write(`demo: ${kept} holds a demo already: name another directory, or remove it\n`);
  process.exit(1);
}
const folder = kept ?? fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-demo-'));
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    say(`\nEnding${kept === undefined ? ' and removing its files' : ''}.`);
    void stop();
  });
try {
  await demo(folder);
} catch (error) {
  if (!stopping) {
    process.stderr.write(`\ndemo: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
} finally {
  await stop();
  if (kept === undefined) fs.rmSync(folder, { recursive: true, force: true });
}
