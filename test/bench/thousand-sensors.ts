/**
 * Some hundred sensors in one process, for thousand.ts: each has a spool, a client with its own key and connections, and a shipper,
 * all as in `enaga-sensor`, at its own waits. Two things are not: nothing is captured, and spools do not wait for the disk, since a
 * thousand sensors do not share one.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, randomInt } from 'node:crypto';
import path from 'node:path';
import { mix } from '../../common/record/mix.ts';
import { createRecords } from '../../common/record/record.ts';
import { Client } from '../../sensor/ship/client.ts';
import { Shipper } from '../../sensor/ship/shipper.ts';
import { Spool } from '../../sensor/spool/spool.ts';
import { imbalance, readAccount } from '../../sensor/status/account.ts';

export interface SensorKey {
  readonly sensor: string;
  readonly keyId: string;
  /** PKCS 8, PEM. */
  readonly privateKey: string;
}

export type Order =
  | { readonly kind: 'start'; readonly url: string; readonly folder: string; readonly sensors: readonly SensorKey[] }
  | { readonly kind: 'seal'; readonly batches: number; readonly records: number }
  | { readonly kind: 'drain' };

export type Answer =
  | { readonly kind: 'started' | 'sealed' }
  | { readonly kind: 'acknowledged'; readonly batches: number }
  | { readonly kind: 'drained'; readonly done: Done };

export interface Done {
  /** When each sensor sent, milliseconds since 1970, and what came of it: a status, or 0 for no answer. */
  readonly sent: readonly (readonly { readonly atMs: number; readonly status: number; readonly tookMs: number }[])[];
  readonly acknowledged: { readonly batches: number; readonly records: number };
  readonly lost: number;
  /** Sensors whose account does not balance. */
  readonly unbalanced: number;
  readonly residentBytes: number;
}

interface Sensor {
  readonly spool: Spool;
  readonly client: Client;
  readonly shipper: Shipper;
  readonly sent: { atMs: number; status: number; tookMs: number }[];
}

/** Of all sensors together, as of a day. */
const sources = 100_000;
const drainMsMax = 600_000;
const hour = Math.floor(Date.UTC(2026, 2, 1) / 3_600_000);
const sensors: Sensor[] = [];
let acknowledged = 0;

const say = (answer: Answer): void => void process.send!(answer);

function start(url: string, folder: string, keys: readonly SensorKey[]): void {
  for (const { sensor, keyId, privateKey } of keys) {
    const options = { sensor, epoch: 1, bytesMax: 2 ** 30, keepMs: 1e9 };
    const spool = Spool.open(path.join(folder, `${sensor}.db`), options);
    spool.database.pragma('synchronous = OFF');
    spool.database.pragma('cache_size = -100'); // kilobytes: a thousand caches are in one machine here
    const client = new Client({
      collector: new URL(url),
      key: { id: keyId, privateKey: createPrivateKey(privateKey) },
    });
    const sent: Sensor['sent'] = [];
    const shipper = new Shipper({
      spool,
      client: {
        send: async request => {
          const one = { atMs: Date.now(), status: 0, tookMs: 0 };
          sent.push(one);
          const reply = await client.send(request);
          Object.assign(one, { status: reply.status, tookMs: Date.now() - one.atMs });
          if (reply.status === 200) acknowledged++;
          return reply;
        },
      },
      say: () => {},
      onEpoch: epoch => assert.fail(`epoch ${epoch}: nobody used another's key`),
      onFailure: error => {
        throw error;
      },
    });
    sensors.push({ spool, client, shipper, sent });
  }
}

/** To every sensor as many, which begin to send at once. */
async function seal(batches: number, count: number): Promise<void> {
  for (const { spool, shipper } of sensors) {
    const drafts = Array.from({ length: batches }, () => {
      const records = createRecords(4, count);
      Object.assign(records, { hour, count });
      for (let n = 0; n < count; n++) records.src[n] = 0x01000000 + (mix(randomInt(sources)) & 0x7fffffff);
      records.dstPort.fill(23);
      records.protocol.fill(6);
      const counters = { seen: count, kernelDrops: 0, interrupted: 0, skipped: {}, lost: [] };
      return { hour, from: 0, to: 3.6e9, historic: true, records, counters };
    });
    spool.commit(drafts);
    shipper.wake();
    await new Promise(resolve => setImmediate(resolve)); // those that send already are not to wait for all others
  }
}

async function drain(): Promise<Done> {
  const signal = AbortSignal.timeout(drainMsMax);
  await Promise.all(sensors.map(({ shipper }) => shipper.drained(signal, true)));
  const accounts = sensors.map(({ spool }) => readAccount(spool.database, Date.now()));
  const sum = (of: (account: (typeof accounts)[number]) => number) => accounts.reduce((all, one) => all + of(one), 0);
  const balanced = (one: (typeof accounts)[number]) => Object.values(imbalance(one)).every(packets => packets === 0);
  return {
    sent: sensors.map(({ sent }) => sent),
    acknowledged: { batches: sum(({ shipped }) => shipped.batches), records: sum(({ shipped }) => shipped.records) },
    lost: sum(({ lost }) => lost.batches),
    unbalanced: accounts.filter(one => !balanced(one)).length,
    residentBytes: process.memoryUsage.rss(),
  };
}

process.on('message', async (order: Order) => {
  if (order.kind === 'start') {
    start(order.url, order.folder, order.sensors);
    say({ kind: 'started' });
    setInterval(() => say({ kind: 'acknowledged', batches: acknowledged }), 100).unref();
  } else if (order.kind === 'seal') {
    await seal(order.batches, order.records);
    say({ kind: 'sealed' });
  } else say({ kind: 'drained', done: await drain() });
});
process.on('disconnect', () => process.exit(0));
