/** A collector's HTTP side over a real registry and a real log in a directory of its own, and sensors that speak to it. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import fs from 'node:fs';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { LightMyRequestResponse } from 'fastify';
import { expect, onTestFinished } from 'vitest';
import { type AppOptions, buildApp } from '../../collector/ingest/app.ts';
import { GROUP_DEFAULTS, GroupCommit, type GroupOptions } from '../../collector/ingest/group.ts';
import { commitMetrics, Metrics } from '../../collector/ingest/metrics.ts';
import type { Appended, NewBatch, Powers, Readiness } from '../../collector/ingest/powers.ts';
import { Log } from '../../collector/log/log.ts';
import { Registry } from '../../collector/registry/registry.ts';
import type { LostRange } from '../../common/batch/batch.ts';
import { sealBatch } from '../../common/batch/seal.ts';
import {
  BATCH_TYPE,
  BATCHES_PATH,
  type Enrolment,
  HEARTBEATS_PATH,
  type Heartbeat,
  JSON_TYPE,
} from '../../common/protocol/messages.ts';
import { type SignedRequest, signRequest } from '../../common/protocol/signature.ts';
import { createRecords } from '../../common/record/record.ts';

export const HOUR = 492_336; // 2026-03-01T00:00Z

export interface CollectorOptions {
  readonly app?: Partial<AppOptions>;
  readonly group?: Partial<GroupOptions>;
  readonly powers?: Partial<Powers>;
  /** In place of the log's own, which it is handed. */
  readonly append?: (batches: readonly NewBatch[], log: Log) => Appended[];
}

export type Collector = Awaited<ReturnType<typeof startCollector>>;

/** Ends with the test that started it. */
export async function startCollector(options: CollectorOptions = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-ingest-'));
  const log = Log.open(path.join(dir, 'log'));
  const registry = Registry.open(path.join(dir, 'registry.db'), { nextEpoch: sensor => log.nextEpoch(sensor) });
  registry.addOrganisation({ name: 'org' }, Date.now());
  const lines: string[] = [];
  const metrics = new Metrics();
  const fatal: Error[] = [];
  const commits: number[] = [];
  const append = options.append ?? ((batches: readonly NewBatch[]) => log.append(batches));
  const group = new GroupCommit(batches => append(batches, log), {
    ...GROUP_DEFAULTS,
    fatal: error => void fatal.push(error),
    onCommit: (batches, seconds, done) => {
      commits.push(batches);
      commitMetrics(metrics, batches, seconds, done);
    },
    ...options.group,
  });
  const ready = (): Readiness => (group.state === 'open' ? { ok: true } : { ok: false, why: group.state });
  const powers: Powers = {
    keyOwner: id => registry.keyOwner(id, Date.now()),
    endedKeyOwner: id => registry.endedKeyOwner(id, Date.now()),
    enrol: request => registry.enrol(request, Date.now()),
    append: batch => group.add(batch),
    gaps: (sensor, epochs, max) => log.gaps(sensor, epochs, max),
    metrics,
    progress: () => ({ logPosition: log.head(), storePosition: 0, oldestUnfoldedMs: null, damaged: 0 }),
    ready,
    now: Date.now,
    random: () => 0.5,
    fatal: error => void fatal.push(error),
    ...options.powers,
  };
  const logTo = { write: (line: string) => void lines.push(line) };
  const app = buildApp(powers, { logLevel: 'trace', logTo, version: '0.0.0', metricsFor: 'loopback', ...options.app });
  onTestFinished(async () => {
    app.server.closeAllConnections?.();
    await app.close();
    log.close();
    registry.close();
    fs.rmSync(dir, { recursive: true });
  });
  let sensors = 0;
  const addSensor = (name = `sensor-${++sensors}`): TestSensor => {
    const networks = [`192.0.2.${sensors * 8}/29`];
    const { token } = registry.addSensor({ name, owner: 'org', economy: 'JP', networks }, Date.now());
    const keys = newKeys();
    const enrolment = registry.enrol({ token, publicKey: keys.publicText }, Date.now())!;
    return { enrolment, token, networks, ...keys };
  };
  const listen = async (): Promise<string> => {
    await app.listen({ host: '127.0.0.1', port: 0 });
    return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  };
  return { dir, log, registry, app, lines, metrics, fatal, commits, group, powers, addSensor, listen };
}

export interface TestSensor {
  readonly enrolment: Enrolment;
  readonly token: string;
  readonly networks: readonly string[];
  readonly privateKey: KeyObject;
  readonly publicText: string;
}

export function newKeys(): { privateKey: KeyObject; publicText: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, publicText: publicKey.export({ format: 'jwk' }).x as string };
}

export interface BatchParts {
  readonly sensor?: string;
  readonly epoch?: number;
  readonly sequence?: number;
  readonly count?: number;
  /** Makes other content. */
  readonly salt?: number;
  readonly lost?: readonly LostRange[];
}

export function makeBatch(sensor: TestSensor, { salt = 0, count = 20, lost = [], ...key }: BatchParts = {}) {
  const records = createRecords(4, count);
  records.hour = HOUR;
  records.count = count;
  for (let i = 0; i < count; i++) {
    records.src[i] = 0x08080000 + i * 977 + salt;
    records.dst[i] = 0xc0000208;
    records.time[i] = i * 1000;
    records.dstPort[i] = 23;
    records.protocol[i] = 6;
  }
  const seen = count + lost.reduce((sum, range) => sum + range.records, 0);
  const counters = { seen, kernelDrops: 0, interrupted: 0, skipped: {}, lost };
  const header = {
    ...{ sensor: sensor.enrolment.sensor, epoch: 1, sequence: 1, ...key },
    ...{ hour: HOUR, from: 0, to: 3.6e9, historic: true, counters },
  };
  return { ...sealBatch({ header, records }), header };
}

/** Header names in lower case, as they arrive. */
export async function signed(
  sensor: TestSensor,
  request: SignedRequest,
  createdMs = Date.now(),
): Promise<SignedRequest> {
  const { enrolment, privateKey } = sensor;
  const { headers, ...rest } = await signRequest(request, { id: enrolment.keyId, privateKey }, createdMs);
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { ...rest, headers: Object.fromEntries(lower) };
}

export const batchRequest = (body: Uint8Array): SignedRequest => ({
  method: 'PUT',
  path: BATCHES_PATH,
  headers: { 'content-type': BATCH_TYPE },
  body,
});

export const heartbeatRequest = (heartbeat: unknown): SignedRequest => ({
  method: 'POST',
  path: HEARTBEATS_PATH,
  headers: { 'content-type': JSON_TYPE },
  body: Buffer.from(JSON.stringify(heartbeat)),
});

export const STATUS: Heartbeat['status'] = {
  ...{ seen: 100, recorded: 90, kernelDrops: 1, interrupted: 2, skipped: { arp: 7 }, open: 3 },
  spooled: { batches: 1, records: 20, bytes: 400 },
  shipped: { batches: 3, records: 60 },
  lost: { batches: 1, records: 7 },
  ...{ quarantined: 0, oldestUnshipped: null, lastAcknowledgement: null, clockOffsetMs: 12, alarms: [] },
};

export function inject({ app }: Collector, { method, path: url, headers, body }: SignedRequest) {
  return app.inject({ method: method as 'PUT', url, headers, payload: Buffer.from(body) });
}

export const put = async (collector: Collector, sensor: TestSensor, bytes: Uint8Array, createdMs?: number) =>
  inject(collector, await signed(sensor, batchRequest(bytes), createdMs));

/** Over a socket. */
export async function send(url: string, { method, path: at, headers, body }: SignedRequest): Promise<Response> {
  return fetch(url + at, { method, headers, body: Buffer.from(body) });
}

/** Every refusal has one shape. */
export function expectProblem(response: LightMyRequestResponse, status: number, code: string): Record<string, unknown> {
  const problem = response.json();
  expect([response.statusCode, problem.type]).toEqual([status, `urn:enaga:problem:${code}`]);
  expect(response.headers['content-type']).toBe('application/problem+json');
  expect(response.headers['x-content-type-options']).toBe('nosniff');
  expect(problem).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
  const allowed = ['type', 'title', 'status', 'detail', 'nextEpoch', 'errors'];
  expect(Object.keys(problem).filter(name => !allowed.includes(name))).toEqual([]);
  return problem;
}
