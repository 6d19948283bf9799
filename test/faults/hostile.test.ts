/** A real collector among clients that mean harm: its memory stays bounded, and a sensor that does nothing wrong is served. */
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { batchWireBytesMax } from '../../common/limits.ts';
import { BATCHES_PATH } from '../../common/protocol/messages.ts';
import { batchRequest, signed, type TestSensor } from '../ingest/support.ts';
import { Observatory } from '../support/observatory.ts';
import { addSensors, loggedAt, putBatch, sealSpec } from './support.ts';

/** Kilobytes that an attack may cost: the bodies that may be in memory (128 MiB), and as much again for the rest. */
const growthMax = 256 * 1024;
/** Of a healthy sensor's batch, while two cores are shared with the attack. */
const answerMsMax = 5000;

const observatory = new Observatory();
let healthy: TestSensor;
let attacker: TestSensor;
let agent: http.Agent;
let sequence = 0;
let before: number;

beforeAll(async () => {
  await observatory.init();
  await observatory.serve('--log-level', 'error');
  [healthy, attacker] = addSensors(observatory, 2) as [TestSensor, TestSensor];
  agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  await expectHealthy();
});
beforeEach(() => {
  before = peak();
});
afterAll(async () => {
  agent.destroy();
  await observatory.remove();
});

/** Kilobytes of memory at the most so far. */
const peak = (): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${observatory.pid}/status`, 'utf8'))![1]);

/** A batch over the connection that the sensor has, acknowledged in good time. */
async function expectHealthy(): Promise<void> {
  const { bytes } = sealSpec(healthy, { sequence: ++sequence });
  const { method, headers, body } = await signed(healthy, batchRequest(bytes));
  const started = performance.now();
  const status = await new Promise((resolve, reject) => {
    const request = http.request(observatory.url + BATCHES_PATH, { method, headers, agent }, response =>
      response.resume().on('end', () => resolve(response.statusCode)),
    );
    request.on('error', reject);
    request.end(body);
  });
  expect(status).toBe(200);
  expect(performance.now() - started).toBeLessThan(answerMsMax);
}

function connect(): Promise<net.Socket> {
  const { hostname, port } = new URL(observatory.url);
  const socket = net.connect(Number(port), hostname);
  socket.on('error', () => {}); // cut off, which is right
  return new Promise(resolve => {
    socket.on('connect', () => resolve(socket));
    socket.on('close', () => resolve(socket));
  });
}

it.skipIf(!fs.existsSync('/proc/self/status'))(
  'fault 17: decompression bombs are refused, and cost nothing',
  async () => {
    const good = Buffer.from(sealSpec(attacker, { sequence: 1, count: 5000 }).bytes);
    const frame = good.indexOf(Buffer.of(0x28, 0xb5, 0x2f, 0xfd));
    const bomb = Buffer.concat([good.subarray(0, frame), zstdCompressSync(Buffer.alloc(2 ** 30))]);
    expect(bomb.length).toBeLessThan(batchWireBytesMax);
    const answers = Promise.all(Array.from({ length: 40 }, () => putBatch(observatory.url, attacker, bomb)));
    await expectHealthy();
    expect(new Set((await answers).map(({ status }) => status))).toEqual(new Set([400]));
    expect(peak() - before).toBeLessThan(growthMax);
  },
);

it.skipIf(!fs.existsSync('/proc/self/status'))(
  'fault 17: bodies that come slowly and headers without end hold no memory',
  async () => {
    const { headers } = await signed(attacker, batchRequest(Buffer.alloc(10)));
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `PUT ${BATCHES_PATH} HTTP/1.1\r\nHost: x\r\n${lines.join('')}Content-Length: ${batchWireBytesMax}\r\n\r\n`;
    const slow = await Promise.all(Array.from({ length: 200 }, connect));
    for (const socket of slow) socket.write(head + 'x'.repeat(1000));
    await expectHealthy();
    const endless = await Promise.all(Array.from({ length: 20 }, connect));
    const answers = endless.map(
      socket =>
        new Promise<string>(resolve => {
          let said = '';
          socket.on('data', piece => {
            said += piece;
          });
          socket.on('close', () => resolve(said));
          socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(10 * 2 ** 20)}\r\n\r\n`);
        }),
    );
    await expectHealthy();
    // Some are cut off while they still write, and then never read their answer.
    for (const said of await Promise.all(answers)) expect(said).toMatch(/^(HTTP\/1\.1 431 |$)/);
    for (const socket of slow) socket.destroy();
    expect(peak() - before).toBeLessThan(growthMax);
  },
);

it.skipIf(!fs.existsSync('/proc/self/status'))(
  'fault 17: ten thousand idle connections leave a sensor its own',
  async () => {
    const idle: net.Socket[] = [];
    for (let n = 0; n < 20; n++) idle.push(...(await Promise.all(Array.from({ length: 500 }, connect))));
    for (let n = 0; n < 5; n++) await expectHealthy();
    expect(idle.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(8000);
    for (const socket of idle) socket.destroy();
    await expect
      .poll(() =>
        fetch(`${observatory.url}/healthz`).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
    expect(peak() - before).toBeLessThan(growthMax);
    expect(loggedAt(observatory.data)).toHaveLength(sequence);
  },
);
