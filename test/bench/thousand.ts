/**
 * A thousand sensors and one collector that is killed in the middle and comes back half a minute later. Sensors are objects in a few
 * processes (thousand-sensors.ts), with spools, keys, connections and waits of their own: a thousand programs would measure how many
 * fit into this machine. What is shown: that nothing is lost or counted twice, how many knock in the same second when the collector is
 * back, and what memory it takes.
 */
import { type ChildProcess, fork } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { count } from '../../collector/publish/words.ts';
import { Registry } from '../../collector/registry/registry.ts';
import { loggedAt, storedBy } from '../faults/support.ts';
import { newKeys } from '../ingest/support.ts';
import { Observatory } from '../support/observatory.ts';
import type { Answer, Done, Order, SensorKey } from './thousand-sensors.ts';

const sensorCount = 1000;
const processes = 4;
const recordsEach = 100;
/** Of each sensor, before the collector is killed and while it is away. */
const BATCHES = { before: 12, during: 4 };
const outageMs = 30_000;

export interface Thousand {
  readonly sensors: number;
  readonly batches: number;
  readonly records: number;
  readonly outageSeconds: number;
  /** What the log and the store have, against what was sealed; keys that the log has twice. */
  readonly logged: number;
  readonly twice: number;
  readonly stored: number;
  readonly lost: number;
  readonly unbalanced: number;
  /** Sensors that knocked first in the busiest second after the return, and requests of the busiest second; seconds until all was taken. */
  readonly firstsMax: number;
  readonly requestsMax: number;
  readonly secondsToDrain: number;
  /** Requests a second while nobody was there. */
  readonly knocksMean: number;
  /** Answers that asked to come later, and requests without an answer, after the return. */
  readonly later: number;
  readonly unanswered: number;
  /** Connections that the collector did not take after the return. */
  readonly dropped: number;
  /** Seconds; after the return 99% of the acknowledgements were quicker. */
  readonly p99: number;
  readonly collectorBytes: { readonly killed: number; readonly returned: number };
  /** Of a sensor, with its share of the process. */
  readonly sensorBytes: number;
}

export async function measureThousand(say: (text: string) => void): Promise<Thousand> {
  const observatory = new Observatory();
  const children: ChildProcess[] = [];
  try {
    await observatory.init();
    await observatory.serve('--log-level', 'error');
    const keys = register(observatory.data);
    const groups = Array.from({ length: processes }, (_, n) => keys.filter((_, i) => i % processes === n));
    const folder = path.join(observatory.folder, 'spools');
    fs.mkdirSync(folder);
    for (const sensors of groups) {
      const child = fork(path.join(import.meta.dirname, 'thousand-sensors.ts'), { stdio: 'inherit' });
      children.push(child);
      await told(child, { kind: 'start', url: observatory.url, folder, sensors }, 'started');
    }
    return await outage(observatory, children, say);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await observatory.remove();
  }
}

/** Sensors beside the collector that runs, each with a key that it enrolled. */
function register(data: string): SensorKey[] {
  const registry = Registry.open(path.join(data, 'registry.db'));
  try {
    return Array.from({ length: sensorCount }, (_, n) => {
      const networks = [`198.${18 + (n >> 8)}.${n & 255}.0/24`];
      const place = { name: `load-${n}`, owner: 'example-csirt', economy: 'JP', networks };
      const { token } = registry.addSensor(place, Date.now());
      const { privateKey, publicText } = newKeys();
      const { sensor, keyId } = registry.enrol({ token, publicKey: publicText }, Date.now())!;
      return { sensor, keyId, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
    });
  } finally {
    registry.close();
  }
}

async function outage(
  observatory: Observatory,
  children: readonly ChildProcess[],
  say: (text: string) => void,
): Promise<Thousand> {
  const all = <Kind extends Answer['kind']>(order: Order, kind: Kind) =>
    Promise.all(children.map(child => told(child, order, kind)));
  const half = acknowledgedBy(children, (sensorCount * BATCHES.before) / 2);
  const sealing = all({ kind: 'seal', batches: BATCHES.before, records: recordsEach }, 'sealed');
  await half;
  const killed = peakMemory(observatory.pid);
  await observatory.stop('SIGKILL');
  const goneMs = Date.now();
  say('half is acknowledged: the collector is killed');
  await sealing;
  await all({ kind: 'seal', batches: BATCHES.during, records: recordsEach }, 'sealed');
  await sleep(Math.max(0, goneMs + outageMs - Date.now()));
  await observatory.serve('--log-level', 'error');
  const backMs = Date.now();
  say(`it is back after ${((backMs - goneMs) / 1000).toFixed(1)} s`);
  const drained = await all({ kind: 'drain' }, 'drained');
  const doneMs = Date.now();
  const returned = peakMemory(observatory.pid);
  const dropped = await droppedBy(observatory.url);
  return judge(
    observatory,
    drained.map(({ done }) => done),
    { goneMs, backMs, doneMs },
    { killed, returned },
    dropped,
  );
}

async function judge(
  observatory: Observatory,
  done: readonly Done[],
  { goneMs, backMs, doneMs }: { readonly goneMs: number; readonly backMs: number; readonly doneMs: number },
  collectorBytes: Thousand['collectorBytes'],
  dropped: number,
): Promise<Thousand> {
  const sent = done.flatMap(one => one.sent);
  const firsts = sent.flatMap(list => list.find(({ atMs }) => atMs > backMs)?.atMs ?? []);
  const after = sent.flat().filter(({ atMs }) => atMs > backMs);
  const during = sent.flat().filter(({ atMs }) => goneMs + 1000 < atMs && atMs <= backMs);
  const took = after
    .filter(({ status }) => status === 200)
    .map(({ tookMs }) => tookMs)
    .sort((a, b) => a - b);
  const logged = loggedAt(observatory.data);
  const keys = new Set(logged.map(({ sensor, epoch, sequence }) => `${sensor}/${epoch}/${sequence}`));
  const batches = sensorCount * (BATCHES.before + BATCHES.during);
  const sum = (of: (one: Done) => number) => done.reduce((total, one) => total + of(one), 0);
  return {
    sensors: sensorCount,
    batches,
    records: batches * recordsEach,
    outageSeconds: (backMs - goneMs) / 1000,
    logged: keys.size,
    twice: logged.length - keys.size,
    stored: (await storedBy(observatory)).records,
    lost: sum(({ lost }) => lost),
    unbalanced: sum(({ unbalanced }) => unbalanced),
    firstsMax: busiest(firsts),
    requestsMax: busiest(after.map(({ atMs }) => atMs)),
    secondsToDrain: (doneMs - backMs) / 1000,
    knocksMean: during.length / ((backMs - goneMs - 1000) / 1000),
    later: after.filter(({ status }) => status === 429 || status === 503).length,
    unanswered: after.filter(({ status }) => status === 0).length,
    p99: (took[Math.floor(0.99 * took.length)] ?? 0) / 1000,
    dropped,
    collectorBytes,
    sensorBytes: sum(({ residentBytes }) => residentBytes) / sensorCount,
  };
}

async function droppedBy(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^enaga_http_dropped_connections_total (\d+)/m.exec(text)?.[1] ?? 0);
}

/** The most times within one second, wherever it begins. */
function busiest(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  let [most, from] = [0, 0];
  for (let to = 0; to < sorted.length; to++) {
    while (sorted[to]! - sorted[from]! >= 1000) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

/** Gives an order, and waits for the answer of that kind. */
function told<Kind extends Answer['kind']>(
  child: ChildProcess,
  order: Order,
  kind: Kind,
): Promise<Extract<Answer, { kind: Kind }>> {
  const { promise, resolve, reject } = Promise.withResolvers<Extract<Answer, { kind: Kind }>>();
  const onMessage = (answer: Answer) => {
    if (answer.kind === kind) resolve(answer as Extract<Answer, { kind: Kind }>);
  };
  const onExit = (code: number | null) => reject(new Error(`sensors ended with ${code}`));
  child.on('message', onMessage).on('exit', onExit);
  child.send(order);
  return promise.finally(() => child.off('message', onMessage).off('exit', onExit));
}

/** When so many batches are acknowledged. */
function acknowledgedBy(children: readonly ChildProcess[], batches: number): Promise<void> {
  const counts = new Map<ChildProcess, number>();
  return new Promise(resolve => {
    for (const child of children)
      child.on('message', (answer: Answer) => {
        if (answer.kind === 'acknowledged') counts.set(child, answer.batches);
        if ([...counts.values()].reduce((sum, one) => sum + one, 0) >= batches) resolve();
      });
  });
}

/** Of a process that lives, in bytes. */
function peakMemory(pid: number): number {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]);
}

/** Whether nothing was lost and nothing counted twice: what must hold, whatever the machine. */
export const isWhole = (one: Thousand): boolean =>
  one.logged === one.batches && one.twice === 0 && one.stored === one.records && one.lost === 0 && one.unbalanced === 0;

export function renderThousand(one: Thousand): string {
  const megabytes = (bytes: number) => `${count(Math.round(bytes / 1e6))} MB`;
  const kilobytes = `${count(Math.round(one.sensorBytes / 1e3))} kB`;
  return `${count(one.sensors)} sensors, ${count(one.batches)} batches, the collector killed and away for ${one.outageSeconds.toFixed(0)} s:
  ${isWhole(one) ? 'nothing lost, nothing twice' : `NOT WHOLE: ${count(one.logged)} batches logged, ${one.twice} twice, ${one.lost} lost, ${one.unbalanced} accounts off`}: ${count(one.stored)} of ${count(one.records)} records in the store
  while it was away: ${one.knocksMean.toFixed(0)} requests a second of all sensors together
  when it was back: at most ${count(one.firstsMax)} sensors came back in the same second, and ${count(one.requestsMax)} requests; ${count(one.later)} were asked to wait, ${count(one.unanswered)} had no answer (${count(one.dropped)} connections beyond the limit)
  all was taken after ${one.secondsToDrain.toFixed(0)} s; 99% of acknowledgements within ${one.p99.toFixed(2)} s
  the collector's memory: ${megabytes(one.collectorBytes.killed)} at its peak before, ${megabytes(one.collectorBytes.returned)} after; a sensor here: ${kilobytes}
`;
}
