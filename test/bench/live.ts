/**
 * The highest rate that a live sensor takes without a drop, through decoding, spool and shipping, against `tcpdump -w /dev/null`
 * with the same buffer and snap length: on a veth pair between two namespaces of its own. Packets are bounded. Both by turns, some
 * rounds; the sender has a processor of its own, so that both meet the same rates, and the collector, which would be on another
 * machine, takes what processor time nobody else wants.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleSensor } from '../../deploy/bundle.ts';
import { DARK_MAC, LiveNetwork, whyNot } from '../live/network.ts';
import { Outpost } from '../live/support.ts';
import { root } from '../support/enaga.ts';

const ratesTried = [100_000, 200_000, 400_000, 600_000, 800_000, 1_200_000];
const secondsPerRate = 2;
const rounds = 3;
const packetsMax = 1_000_000;
const bufferBytes = 2 ** 24;
const snapBytes = 256;
const settleMs = 1500;
/** Before all others of this machine, contestants and sender alike; and no contestant where the sender is. */
const FIRST = 'nice -n -20';
const ELSEWHERE = os.availableParallelism() > 1 ? `taskset -c 1-${os.availableParallelism() - 1} ${FIRST}` : FIRST;
export const targetRatio = 0.7;

export interface Attempt {
  /** As it was asked for, and as the sender reached it, packets a second. */
  readonly asked: number;
  readonly reached: number;
  readonly packets: number;
  readonly dropped: number;
  /** Processor time of the watcher, in seconds. */
  readonly cpu: number;
}

/** Of each round. */
export interface LiveRates {
  readonly tcpdump: readonly (readonly Attempt[])[];
  readonly sensor: readonly (readonly Attempt[])[];
}

/** Undefined if this machine can; else why it cannot. */
export const whyNotLive = (): string | undefined => whyNot('tcpdump', 'cc');

export async function measureLive(): Promise<LiveRates> {
  const network = new LiveNetwork();
  try {
    const blast = path.join(network.folder, 'blast');
    execFileSync('cc', ['-O2', '-o', blast, path.join(root, 'test/bench/blast.c')]);
    const outpost = new Outpost(network, { before: ['nice', '-n', '19'] });
    await outpost.make(['192.0.2.0/24']);
    const bundle = path.join(root, '.cache', 'bench', 'sensor', 'enaga-sensor.mjs'); // where it finds its addons
    await bundleSensor(bundle);
    const [tcpdump, sensor]: Attempt[][][] = [[], []];
    for (let round = 0; round < rounds; round++) {
      tcpdump!.push(await climb(network, blast, () => watchWithTcpdump(network)));
      sensor!.push(await climb(network, blast, () => watchWithSensor(outpost, bundle)));
    }
    return { tcpdump: tcpdump!, sensor: sensor! };
  } finally {
    network.close();
  }
}

/** Stops, and says how many packets it had, how many the kernel dropped, and what processor time it took until then. */
type Stop = () => Promise<Pick<Attempt, 'packets' | 'dropped' | 'cpu'>>;

async function climb(network: LiveNetwork, blast: string, watch: () => Promise<Stop>): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  for (const asked of ratesTried) {
    const packets = Math.min(packetsMax, asked * secondsPerRate);
    const stop = await watch();
    const said = network.exec('light', `taskset -c 0 ${FIRST} ${blast} out ${DARK_MAC} ${packets} ${asked}`);
    await sleep(settleMs);
    const had = await stop();
    if (had.packets + had.dropped !== packets)
      throw new Error(`${packets} packets were sent, and ${had.packets} arrived, ${had.dropped} dropped`);
    const [, ms] = said.split(' ').map(Number);
    attempts.push({ asked, reached: Math.round((packets / ms!) * 1000), packets, dropped: had.dropped, cpu: had.cpu });
    if (had.dropped > 0) break;
  }
  return attempts;
}

async function watchWithTcpdump(network: LiveNetwork): Promise<Stop> {
  const options = `-i dark -Q in -s ${snapBytes} -B ${bufferBytes / 1024} -w /dev/null`;
  const program = network.start(
    'dark',
    `${ELSEWHERE} tcpdump -Z root -n ${options} ip dst net 192.0.2.0/24`.split(' '),
  );
  await program.said('listening on');
  return async () => {
    const cpu = cpuOf(program.child.pid!);
    program.child.kill('SIGINT');
    const { stderr } = await program.outcome;
    return { packets: countsOf(stderr, 'captured'), dropped: countsOf(stderr, 'dropped by kernel'), cpu };
  };
}

async function watchWithSensor(outpost: Outpost, bundle: string): Promise<Stop> {
  const before = await outpost.status().catch(() => undefined);
  const options = ['--interface', 'dark', '--buffer-bytes', String(bufferBytes), '--state', outpost.state];
  const command = [...ELSEWHERE.split(' '), process.execPath, bundle, 'run', ...options];
  const program = outpost.network.start('dark', command);
  await program.said('watching');
  const started = cpuOf(program.child.pid!);
  return async () => {
    const cpu = cpuOf(program.child.pid!) - started;
    await outpost.end(program);
    const { recorded, kernelDrops } = await outpost.status();
    return { packets: recorded - (before?.recorded ?? 0), dropped: kernelDrops - (before?.kernelDrops ?? 0), cpu };
  };
}

/** A number of what tcpdump says at its end: `1000 packets captured`. */
const countsOf = (said: string, what: string): number =>
  Number(new RegExp(`(\\d+) packets? ${what}`).exec(said)?.[1] ?? Number.NaN);

/** Seconds of a process and its threads, in user and system mode (proc(5)); Linux counts them by hundredths. */
function cpuOf(pid: number): number {
  const fields = fs
    .readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const highest = (attempts: readonly Attempt[]): number =>
  Math.max(0, ...attempts.filter(({ dropped }) => dropped === 0).map(({ reached }) => reached));

const middle = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const grouped = new Intl.NumberFormat('en');

/** A line of what each round gave, and processor time a packet at the highest rate that all rounds tried. */
function renderOne(name: string, climbs: readonly (readonly Attempt[])[]): string {
  const rates = climbs.map(attempts => {
    const rate = grouped.format(highest(attempts));
    return attempts.at(-1)!.dropped > 0 ? rate : `${rate} (as fast as the sender went)`;
  });
  const tried = Math.min(...climbs.map(attempts => attempts.length)) - 1;
  const micros = middle(climbs.map(attempts => (attempts[tried]!.cpu / attempts[tried]!.packets) * 1e6));
  return `${name.padEnd(24)} ${rates.join(', ')} packets/s without a drop; ${micros.toFixed(2)} us of processor a packet`;
}

export function renderLive({ tcpdump, sensor }: LiveRates): string {
  const ratios = tcpdump.map((attempts, round) => highest(sensor[round]!) / highest(attempts));
  const ratio = middle(ratios);
  return `${[
    renderOne('tcpdump -w /dev/null', tcpdump),
    renderOne('enaga-sensor, shipping', sensor),
    `ratio ${ratio.toFixed(2)} (${ratios.map(one => one.toFixed(2)).join(', ')}), wanted at least ${targetRatio}: ` +
      `${ratio >= targetRatio ? 'met' : 'missed'}`,
  ].join('\n')}\n`;
}
