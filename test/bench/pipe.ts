/**
 * The pipe: from sealed batches to committed aggregates through a real collector, with signatures, syncs, fold and checkpoints, on
 * loopback. The load comes from this process, on the same processors. Three loads one after the other, each until the store has
 * all of it: as fast as acknowledgements come, half of the rate so reached, and 100,000 records a second. A load before them is not
 * counted, in which the collector's code is compiled: what is asked is a rate that lasts.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { count } from '../../collector/publish/words.ts';
import { sealBatch } from '../../common/batch/seal.ts';
import { CaptureReader, createBlock } from '../../common/packet/capture.ts';
import { Decoder } from '../../common/packet/decoder.ts';
import {
  BATCH_TYPE,
  BATCHES_PATH,
  ENROLMENTS_PATH,
  type Enrolment,
  JSON_TYPE,
} from '../../common/protocol/messages.ts';
import { signRequest } from '../../common/protocol/signature.ts';
import type { Records } from '../../common/record/record.ts';
import { Observatory } from '../support/observatory.ts';

const sensors = 8;
/** Batches a sensor sends at once, as `enaga-sensor` does. */
const inFlight = 4;
const steadyRate = 100_000;
/** Shares of the records that each load gets. */
const SHARES = { warm: 0.1, full: 0.5, half: 0.3, steady: 0.1 };
const pollMs = 100;

export interface Load {
  readonly records: number;
  /** Records a second, from the first request until the store had all. */
  readonly rate: number;
  /** The same until the last acknowledgement. */
  readonly acknowledgedRate: number;
  /** Seconds: of an acknowledgement, 99% were quicker; and the greatest age of what was not in the store yet. */
  readonly p99: number;
  readonly freshness: number;
}

export interface Pipe {
  readonly tls: boolean;
  readonly full: Load;
  readonly half: Load;
  readonly steady: Load;
  /** The collector's, at its peak. */
  readonly memoryBytes: number;
}

interface Sensor {
  readonly enrolment: Enrolment;
  readonly privateKey: KeyObject;
}

interface Sealed {
  readonly sensor: Sensor;
  readonly bytes: Uint8Array;
  readonly records: number;
}

export async function measurePipe(capture: string, tls: boolean): Promise<Pipe> {
  const observatory = new Observatory({ tls });
  try {
    await observatory.init();
    await observatory.serve();
    const client = new Client(observatory);
    const enrolled: Sensor[] = [];
    for (let n = 0; n < sensors; n++) enrolled.push(await enrol(observatory, client, n));
    const batches = await seal(capture, enrolled);
    const all = batches.reduce((sum, { records }) => sum + records, 0);
    const take = (share: number) => batches.splice(0, Math.ceil((share * all) / batches[0]!.records));
    await run(client, take(SHARES.warm), Number.POSITIVE_INFINITY);
    const full = await run(client, take(SHARES.full), Number.POSITIVE_INFINITY);
    const half = await run(client, take(SHARES.half), full.acknowledgedRate / 2);
    const steady = await run(client, batches, steadyRate);
    const memoryBytes = peakMemory(observatory.pid);
    client.close();
    return { tls, full, half, steady, memoryBytes };
  } finally {
    await observatory.remove();
  }
}

export async function enrol(observatory: Observatory, client: Client, n: number): Promise<Sensor> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const place = ['--owner', 'example-csirt', '--economy', 'JP', '--network', `198.18.${n}.0/24`];
  const { stdout } = await observatory.enaga(['sensor', 'add', `load-${n}`, ...place, '--json']);
  const { token } = JSON.parse(stdout);
  const body = Buffer.from(JSON.stringify({ token, publicKey: publicKey.export({ format: 'jwk' }).x }));
  const request = { method: 'POST', path: ENROLMENTS_PATH, headers: { 'content-type': JSON_TYPE }, body };
  return { enrolment: JSON.parse(await client.send(request, 201)), privateKey };
}

/** The capture's records as batches of the sensors by turns. */
export async function seal(capture: string, enrolled: readonly Sensor[]): Promise<Sealed[]> {
  const sealed: Sealed[] = [];
  const decoder = new Decoder([], records => {
    const sensor = enrolled[sealed.length % enrolled.length]!;
    const sequence = 1 + Math.floor(sealed.length / enrolled.length);
    const batch = { header: headerOf(records, sensor.enrolment, sequence), records };
    sealed.push({ sensor, bytes: sealBatch(batch).bytes, records: records.count });
  });
  const reader = await CaptureReader.open(capture);
  const block = createBlock();
  while (await reader.next(block)) decoder.take(block.chunk, block.packets);
  decoder.flush();
  reader.close();
  return sealed;
}

const headerOf = ({ hour, count: seen }: Records, { sensor, epoch }: Enrolment, sequence: number) => ({
  sensor,
  epoch,
  sequence,
  hour,
  from: 0,
  to: 3.6e9,
  historic: true,
  counters: { seen, kernelDrops: 0, interrupted: 0, skipped: {}, lost: [] },
});

/** Sends every batch, in time for `rate` records a second, and waits until the store has them. */
export async function run(client: Client, batches: readonly Sealed[], rate: number): Promise<Load> {
  const records = batches.reduce((sum, batch) => sum + batch.records, 0);
  const latencies: number[] = [];
  const watch = watchFreshness(client);
  const started = performance.now();
  let next = 0;
  let due = 0;
  const send = async () => {
    while (next < batches.length) {
      const batch = batches[next++]!;
      const at = started + due;
      due += (1000 * batch.records) / rate;
      if (at > performance.now()) await sleep(at - performance.now());
      const asked = rate === Number.POSITIVE_INFINITY ? performance.now() : at;
      await put(client, batch);
      latencies.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: sensors * inFlight }, send));
  const acknowledged = performance.now() - started;
  await watch.drained();
  const done = performance.now() - started;
  latencies.sort((a, b) => a - b);
  return {
    records,
    rate: (1000 * records) / done,
    acknowledgedRate: (1000 * records) / acknowledged,
    p99: latencies[Math.floor(0.99 * latencies.length)]! / 1000,
    freshness: watch.worst(),
  };
}

async function put(client: Client, { sensor, bytes }: Sealed): Promise<void> {
  const request = { method: 'PUT', path: BATCHES_PATH, headers: { 'content-type': BATCH_TYPE }, body: bytes };
  const key = { id: sensor.enrolment.keyId, privateKey: sensor.privateKey };
  await client.send(await signRequest(request, key, Date.now()), 200);
}

/** Asks the collector how old what it has not counted is, until it has counted everything. */
function watchFreshness(client: Client) {
  let worst = 0;
  let ended = false;
  const ask = async () => {
    const text = await client.send({ method: 'GET', path: '/metrics', headers: {}, body: new Uint8Array(0) }, 200);
    const metric = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    worst = Math.max(worst, metric('enaga_store_freshness_seconds'));
    return metric('enaga_store_position') >= metric('enaga_log_position');
  };
  const watching = (async () => {
    for (;;) {
      const counted = await ask();
      if (ended && counted) return;
      await sleep(pollMs);
    }
  })();
  return {
    worst: () => worst,
    drained: () => {
      ended = true;
      return watching;
    },
  };
}

type Asked = Parameters<typeof signRequest>[0];

/** Requests over connections that are kept. */
export class Client {
  readonly #url: URL;
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;

  constructor({ url, certificate }: Observatory) {
    this.#url = new URL(url);
    const tls = this.#url.protocol === 'https:';
    const options = { keepAlive: true, maxSockets: sensors * inFlight + 1 };
    this.#agent = tls ? new https.Agent({ ...options, ca: fs.readFileSync(certificate) }) : new http.Agent(options);
    this.#request = tls ? https.request : http.request;
  }

  /** The body of the answer; fails if it has another status. */
  send({ method, path, headers, body }: Asked, status: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#url;
      const options = { method, hostname, port, path, agent: this.#agent };
      const length = body.length > 0 ? { 'content-length': body.length } : {};
      const request = this.#request({ ...options, headers: { ...headers, ...length } }, response => {
        const pieces: Buffer[] = [];
        response.on('data', piece => pieces.push(piece));
        response.on('end', () => {
          const text = Buffer.concat(pieces).toString();
          if (response.statusCode === status) resolve(text);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        });
        response.on('error', reject);
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function peakMemory(pid: number): number {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]);
}

/** A table, as text or Markdown, and the targets it meets or misses. */
export function renderPipe(pipes: readonly Pipe[], replayRate: number | undefined, markdown: boolean): string {
  const cells = pipes.flatMap(({ tls, full, half, steady, memoryBytes }) =>
    (
      [
        ['as fast as it goes', full],
        ['half of that', half],
        ['100,000 records/s', steady],
      ] as const
    ).map(([what, load]) => [
      `${what}, ${tls ? 'TLS' : 'HTTP'}`,
      (load.rate / 1e6).toFixed(2),
      replayRate === undefined ? '' : (load.rate / replayRate).toFixed(2),
      `${(load.p99 * 1000).toFixed(0)} ms`,
      `${load.freshness.toFixed(1)} s`,
      `${count(memoryBytes / 1e6)} MB`,
    ]),
  );
  const head = ['load', 'M records/s', 'of replay', 'p99 to acknowledge', 'oldest uncounted', 'peak memory'];
  const rows = [head, ...cells];
  if (markdown) {
    const line = (row: readonly string[]) => `| ${row.join(' | ')} |`;
    return `${[line(head), `| --- |${' ---: |'.repeat(head.length - 1)}`, ...cells.map(line)].join('\n')}\n`;
  }
  const widths = head.map((_, n) => Math.max(...rows.map(row => row[n]!.length)));
  return `${rows
    .map(row =>
      row
        .map((cell, n) => cell.padEnd(widths[n]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}
