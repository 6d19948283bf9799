/**
 * The thread that reads: it answers /v1 and the pages over a socket that only `enaga serve` can reach, so that a question that takes
 * seconds keeps no batch waiting. It has the whole server, its document and its refusals are those of one; what sensors send
 * is never asked of it.
 */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { pino } from 'pino';
import { buildApp, HTTP_LIMITS } from '../ingest/app.ts';
import { loggerOptions, scrub } from '../ingest/logging.ts';
import { Metrics } from '../ingest/metrics.ts';
import type { Powers } from '../ingest/powers.ts';
import { LogPast } from '../log/past.ts';
import { adminPowers } from '../publish/api/admin-powers.ts';
import { openReadSide } from '../publish/api/read-powers.ts';
import { readRoutes } from '../publish/api/routes.ts';
import { documentRoutes } from '../publish/document/routes.ts';
import { keptAssets } from '../publish/pages/kept.ts';
import { pageRoutes } from '../publish/pages/plugin.ts';
import { followSender } from '../publish/sender.ts';
import type { Measured, ReadingOrder, ReadingSaid, ReadingStart } from './reading-orders.ts';

assert(parentPort !== null, 'this is the program of a thread');
const port = parentPort;
const given = workerData as ReadingStart;
const say = (one: ReadingSaid) => port.postMessage(one);
const standardError = 2;

/** Told to the main thread's, which are the ones that /metrics shows. */
class ToldMetrics extends Metrics {
  override add(name: Parameters<Metrics['add']>[0], labels: Measured['labels'] = {}, value = 1): void {
    say({ kind: 'measured', measured: { how: 'add', name, labels, value } });
  }

  override observe(name: Parameters<Metrics['observe']>[0], value: number, labels: Measured['labels'] = {}): void {
    say({ kind: 'measured', measured: { how: 'observe', name, labels, value } });
  }
}

const elsewhere = (): never => assert.fail('sensors speak to the main thread');

const powers: Powers = {
  keyOwner: elsewhere,
  endedKeyOwner: elsewhere,
  enrol: elsewhere,
  append: elsewhere,
  gaps: elsewhere,
  progress: elsewhere,
  ready: elsewhere,
  metrics: new ToldMetrics(),
  now: Date.now,
  random: Math.random,
  fatal: error => say({ kind: 'fatal', error }),
};

/** Who is slow, the main thread finds out; headers have grown by what it adds. */
const LIMITS = { headersMs: 0, requestMs: 0, idleMs: 0, headerBytesMax: 2 * HTTP_LIMITS.headerBytesMax };

const { app: options, budgets, data, rule, senderFile, past, socket } = given;
const heard = new Map(given.heard);
const logTo = pino.destination({ fd: standardError, sync: true });
const logger = pino(loggerOptions(options.logLevel), logTo);
const reads = openReadSide({
  data,
  past: new LogPast(() => past),
  renewal: {
    file: `${data.store}.made`,
    failed: error => logger.error({ err: error }, 'an open day could not be made'),
  },
  ...(rule !== undefined && { rule }),
  sender: followSender(senderFile, text => logger.warn(scrub(text))),
});
const app = buildApp(powers, { ...options, logTo, limits: LIMITS, isBehind: true });
const admin = adminPowers({ data, heard: sensor => heard.get(sensor) });
app.register(async scope => readRoutes(scope, reads.powers, { budgets, admin }));
const assets = keptAssets();
assets.catch(error => logger.error({ err: error }, 'the pages could not be made'));
app.register(async scope => pageRoutes(scope, { assets }));
app.register(async scope => documentRoutes(scope, { assets, budgets, rule: reads.powers.rule }));

port.on('message', async (order: ReadingOrder) => {
  if (order.kind === 'heard') {
    heard.set(order.sensor, order.heard);
    return;
  }
  await app.close();
  reads.close();
  process.exit(); // this thread
});
await app.listen({ path: socket, listenTextResolver: () => 'reads are answered' });
say({ kind: 'listening' });
