/**
 * The highest rate that a live sensor takes without a drop, through decoding, spool and shipping, against `tcpdump -w /dev/null`
 * with the same buffer and snap length: on a veth pair between two namespaces of its own. Packets are bounded.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleSensor } from '../../deploy/bundle.ts';
import { DARK_MAC, LiveNetwork, whyNot } from '../live/network.ts';
import { Outpost } from '../live/support.ts';
import { root } from '../support/enaga.ts';

const ratesTried = [50_000, 100_000, 200_000, 300_000, 400_000, 600_000, 800_000, 1_200_000];
const secondsPerRate = 2;
const packetsMax = 1_000_000;
const bufferBytes = 2 ** 24;
const snapBytes = 256;
const settleMs = 1500;
export const targetRatio = 0.7;

export interface Attempt {
  /** As it was asked for, and as the sender reached it, packets a second. */
  readonly asked: number;
  readonly reached: number;
  readonly packets: number;
  readonly dropped: number;
}

export interface LiveRates {
  readonly tcpdump: readonly Attempt[];
  readonly sensor: readonly Attempt[];
}

/** Undefined if this machine can; else why it cannot. */
export const whyNotLive = (): string | undefined => whyNot('tcpdump', 'cc');

export async function measureLive(): Promise<LiveRates> {
  const network = new LiveNetwork();
  try {
    const blast = path.join(network.folder, 'blast');
    execFileSync('cc', ['-O2', '-o', blast, path.join(root, 'test/bench/blast.c')]);
    const tcpdump = await climb(network, blast, () => watchWithTcpdump(network));
    const outpost = new Outpost(network);
    await outpost.make(['192.0.2.0/24']);
    const bundle = path.join(root, '.cache', 'bench', 'enaga-sensor.mjs'); // where it finds its addons
    await bundleSensor(bundle);
    return { tcpdump, sensor: await climb(network, blast, () => watchWithSensor(outpost, bundle)) };
  } finally {
    network.close();
  }
}

/** Stops, and says how many packets it had, and how many the kernel dropped. */
type Stop = () => Promise<{ packets: number; dropped: number }>;

async function climb(network: LiveNetwork, blast: string, watch: () => Promise<Stop>): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  for (const asked of ratesTried) {
    const packets = Math.min(packetsMax, asked * secondsPerRate);
    const stop = await watch();
    const said = network.exec('light', `${blast} out ${DARK_MAC} ${packets} ${asked}`);
    await sleep(settleMs);
    const had = await stop();
    if (had.packets + had.dropped !== packets)
      throw new Error(`${packets} packets were sent, and ${had.packets} arrived, ${had.dropped} dropped`);
    const [, ms] = said.split(' ').map(Number);
    attempts.push({ asked, reached: Math.round((packets / ms!) * 1000), packets, dropped: had.dropped });
    if (had.dropped > 0) break;
  }
  return attempts;
}

async function watchWithTcpdump(network: LiveNetwork): Promise<Stop> {
  const options = `-i dark -Q in -s ${snapBytes} -B ${bufferBytes / 1024} -w /dev/null`;
  const program = network.start('dark', `tcpdump -Z root -n ${options} ip dst net 192.0.2.0/24`.split(' '));
  await program.said('listening on');
  return async () => {
    program.child.kill('SIGINT');
    const { stderr } = await program.outcome;
    return { packets: countsOf(stderr, 'captured'), dropped: countsOf(stderr, 'dropped by kernel') };
  };
}

async function watchWithSensor(outpost: Outpost, bundle: string): Promise<Stop> {
  const before = await outpost.status().catch(() => undefined);
  const options = ['--interface', 'dark', '--buffer-bytes', String(bufferBytes), '--state', outpost.state];
  const program = outpost.network.node(bundle, ['run', ...options]);
  await program.said('watching');
  return async () => {
    await outpost.end(program);
    const { recorded, kernelDrops } = await outpost.status();
    return { packets: recorded - (before?.recorded ?? 0), dropped: kernelDrops - (before?.kernelDrops ?? 0) };
  };
}

/** A number of what tcpdump says at its end: `1000 packets captured`. */
const countsOf = (said: string, what: string): number =>
  Number(new RegExp(`(\\d+) packets? ${what}`).exec(said)?.[1] ?? Number.NaN);

const highest = (attempts: readonly Attempt[]): number =>
  Math.max(0, ...attempts.filter(({ dropped }) => dropped === 0).map(({ reached }) => reached));

const grouped = new Intl.NumberFormat('en');

export function renderLive({ tcpdump, sensor }: LiveRates): string {
  const line = (name: string, attempts: readonly Attempt[]) => {
    const lossy = attempts.find(({ dropped }) => dropped > 0);
    const end =
      lossy === undefined
        ? 'as fast as the sender went'
        : `at ${grouped.format(lossy.reached)}/s it dropped ${grouped.format(lossy.dropped)}`;
    return `${name.padEnd(24)} ${grouped.format(highest(attempts)).padStart(10)} packets/s without a drop (${end})`;
  };
  const ratio = highest(sensor) / highest(tcpdump);
  return `${[
    line('tcpdump -w /dev/null', tcpdump),
    line('enaga-sensor, shipping', sensor),
    `ratio ${ratio.toFixed(2)}, wanted at least ${targetRatio}: ${ratio >= targetRatio ? 'met' : 'missed'}`,
  ].join('\n')}\n`;
}
