/** What comes too slowly, too large, too often or not as HTTP, on real sockets: cut off, while others are served. */
import http from 'node:http';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { BATCHES_PATH } from '../../common/protocol/messages.ts';
import { batchRequest, makeBatch, signed, startCollector } from './support.ts';

const limits = { headersMs: 200, requestMs: 400, idleMs: 500, checkMs: 50 };

/** All that a raw connection gets until it is closed. */
function talk(url: string, text: string, then?: (socket: net.Socket) => void): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  let answer = '';
  socket.on('error', () => {}); // a reset is an end too
  socket.on('data', piece => {
    answer += piece;
  });
  socket.write(text);
  then?.(socket);
  return new Promise(resolve => socket.on('close', () => resolve(answer)));
}

function expectRaw(answer: string, status: number, code: string): void {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(head).toMatch(/content-type: application\/problem\+json/i);
  expect(JSON.parse(body)).toMatchObject({ status, type: `urn:enaga:problem:${code}` });
}

describe('cut off', () => {
  it('fault 17: one that says nothing, or never ends its headers, or its body', async () => {
    const collector = await startCollector({ app: { limits } });
    const sensor = collector.addSensor();
    const url = await collector.listen();
    const { headers } = await signed(sensor, batchRequest(Buffer.alloc(100)));
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const trickle = (socket: net.Socket) => {
      const timer = setInterval(() => socket.write('x'), 30);
      socket.on('close', () => clearInterval(timer));
    };
    const [silent, headless, bodyless] = await Promise.all([
      talk(url, ''),
      talk(url, 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ', trickle),
      talk(url, `PUT ${BATCHES_PATH} HTTP/1.1\r\nHost: x\r\n${head.join('')}Content-Length: 100\r\n\r\n`, trickle),
    ]);
    for (const answer of [silent, headless, bodyless]) expectRaw(answer, 408, 'timeout');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(await collector.metrics.text()).toMatch(/^enaga_http_malformed_total 3$/m);
  });

  it('fault 17: headers beyond 16 KiB, and what is no HTTP', async () => {
    const collector = await startCollector({ app: { limits } });
    const url = await collector.listen();
    const large = await talk(url, `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`);
    expectRaw(large, 431, 'headers-too-large');
    expectRaw(await talk(url, '\x16\x03\x01\x02\x00\r\n\r\n'), 400, 'malformed-request');
    const both =
      'PUT /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    expectRaw(await talk(url, both), 400, 'malformed-request');
  });

  it('fault 17: connections beyond the limit, and not those that were there', async () => {
    const collector = await startCollector({ app: { limits: { connectionsMax: 3 } } });
    const url = await collector.listen();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const get = () =>
      new Promise<number | undefined>((resolve, reject) =>
        http
          .get(`${url}/healthz`, { agent }, response => response.resume().on('end', () => resolve(response.statusCode)))
          .on('error', reject),
      );
    expect(await get()).toBe(200);
    const { hostname, port } = new URL(url);
    const idle = Array.from({ length: 6 }, () => net.connect(Number(port), hostname));
    for (const socket of idle) socket.on('error', () => {});
    await expect.poll(() => collector.metrics.text()).toMatch(/^enaga_http_dropped_connections_total 4$/m);
    expect(await get()).toBe(200);
    for (const socket of idle) socket.destroy();
    agent.destroy();
    const again = () =>
      fetch(`${url}/healthz`).then(
        ({ status }) => status,
        () => 'not yet',
      );
    await expect.poll(again).toBe(200);
  });
});

it('a request under way when the collector ends is answered', async () => {
  const collector = await startCollector();
  const sensor = collector.addSensor();
  const url = await collector.listen();
  const { headers, body } = await signed(sensor, batchRequest(makeBatch(sensor).bytes));
  const request = http.request(url + BATCHES_PATH, {
    method: 'PUT',
    headers: { ...headers, 'content-length': body.length },
  });
  const answer = new Promise<number | undefined>(resolve =>
    request.on('response', ({ statusCode }) => resolve(statusCode)),
  );
  request.write(body.subarray(0, 10));
  await expect.poll(() => collector.app.inject('/metrics').then(({ body }) => body)).not.toMatch(/body_bytes 0$/m);
  const closed = collector.app.close();
  request.end(body.subarray(10));
  expect(await answer).toBe(200);
  await closed;
  expect(collector.log.head()).toBe(1);
});
