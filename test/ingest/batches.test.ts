/** PUT /v1/batches: what is acknowledged is in the log, once; everything else is refused as the protocol says. */
import http from 'node:http';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { LogReader } from '../../collector/log/reader.ts';
import { batchWireBytesMax } from '../../common/limits.ts';
import { BATCHES_PATH } from '../../common/protocol/messages.ts';
import {
  batchRequest,
  type Collector,
  expectProblem,
  HOUR,
  inject,
  makeBatch,
  newKeys,
  put,
  send,
  signed,
  startCollector,
} from './support.ts';

function logged({ dir }: Collector) {
  const reader = LogReader.open(`${dir}/log`);
  try {
    return reader.after(0, { batches: 100, bytes: 1e8 });
  } finally {
    reader.close();
  }
}

describe('a batch', () => {
  it('is in the log when it is acknowledged, over a socket', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor();
    const { bytes, sha256, header } = makeBatch(sensor);
    const signedMs = Date.now() - 90_000;
    const response = await send(await collector.listen(), await signed(sensor, batchRequest(bytes), signedMs));
    expect(response.status).toBe(200);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await response.json()).toEqual({ sensor: header.sensor, epoch: 1, sequence: 1, sha256 });
    const [entry, ...others] = logged(collector);
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ sensor: 0, epoch: 1, sequence: 1, day: Math.floor(HOUR / 24), records: 20 });
    expect(entry!.historic).toBe(true);
    expect(Buffer.from(entry!.sha256).toString('hex')).toBe(sha256);
    expect(Buffer.compare(entry!.bytes, bytes)).toBe(0);
    expect(entry!.clockOffsetMs).toBeLessThan(-88_000); // a signature has whole seconds
    expect(entry!.clockOffsetMs).toBeGreaterThan(-95_000);
  });

  it('fault 7: is acknowledged again, the same, and logged once', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor();
    const { bytes } = makeBatch(sensor);
    const [first, second] = [await put(collector, sensor, bytes), await put(collector, sensor, bytes)];
    expect([first.statusCode, second.statusCode]).toEqual([200, 200]);
    expect(second.body).toBe(first.body);
    expect(collector.log.head()).toBe(1);
    expect(await collector.metrics.text()).toMatch(/^enaga_batches_total\{outcome="duplicate"\} 1$/m);
  });

  it('fault 9: conflicts with other content under its key, which stays', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor();
    const first = makeBatch(sensor);
    await put(collector, sensor, first.bytes);
    const problem = expectProblem(await put(collector, sensor, makeBatch(sensor, { salt: 5 }).bytes), 409, 'conflict');
    expect(problem.nextEpoch).toBe(2);
    expect(logged(collector).map(one => Buffer.from(one.sha256).toString('hex'))).toEqual([first.sha256]);
    expect(collector.lines.some(line => line.includes('"level":"warn"') && line.includes('conflict'))).toBe(true);
  });

  it('of another sensor is malformed, whoever signed', async () => {
    const collector = await startCollector();
    const [sensor, other] = [collector.addSensor(), collector.addSensor()];
    expectProblem(await put(collector, sensor, makeBatch(other).bytes), 400, 'foreign-batch');
    expect(collector.log.head()).toBe(0);
  });

  it('fault 13: that is none is malformed, with the reason', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor();
    const { bytes } = makeBatch(sensor);
    const bad = [new Uint8Array(0), Buffer.from('GET / HTTP/1.1'), bytes.subarray(0, -1)];
    for (const at of [0, 8, 30, bytes.length - 1]) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 0x10;
      bad.push(flipped);
    }
    for (const one of bad) {
      const problem = expectProblem(await put(collector, sensor, one), 400, 'malformed-batch');
      expect(problem.errors).toEqual([{ at: '', message: expect.any(String) }]);
    }
    expect(collector.log.head()).toBe(0);
  });

  it('fault 17: that unpacks to more than it says is malformed, and is not unpacked', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor();
    const bytes = Buffer.from(makeBatch(sensor, { count: 500 }).bytes);
    const frame = bytes.indexOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]));
    expect(frame).toBeGreaterThan(0);
    const bomb = Buffer.concat([bytes.subarray(0, frame), zstdCompressSync(Buffer.alloc(512 * 2 ** 20))]);
    const before = process.resourceUsage().maxRSS;
    expectProblem(await put(collector, sensor, bomb), 400, 'malformed-batch');
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(64 * 1024); // kilobytes
  });
});

describe('who is not', () => {
  it('signed well is unauthorised', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor();
    const good = await signed(sensor, batchRequest(makeBatch(sensor).bytes));
    const without = (name: string) => {
      const { [name]: _, ...headers } = good.headers;
      return { ...good, headers };
    };
    const header = (name: string, edit: (value: string) => string) => ({
      ...good,
      headers: { ...good.headers, [name]: edit(good.headers[name]!) },
    });
    const unknown = { ...sensor, enrolment: { ...sensor.enrolment, keyId: 'nobody' } };
    const requests = {
      'unknown key': await signed(unknown, batchRequest(good.body)),
      'another key': await signed({ ...sensor, ...newKeys() }, batchRequest(good.body)),
      'altered body': { ...good, body: Buffer.concat([good.body, Buffer.of(0)]) },
      'altered signature': header('signature', value => value.replace(/:./, start => (start === ':A' ? ':B' : ':A'))),
      'other digest': header('content-digest', value => value.replace(/.=:$/, end => (end === 'A=:' ? 'E=:' : 'A=:'))),
      'signed elsewhere': { ...(await signed(sensor, { ...batchRequest(good.body), path: '/v1/other' })) },
      'component left out': header('signature-input', value => value.replace(' "content-digest"', '')),
      'method left out': header('signature-input', value => value.replace('"@method" ', '')),
      'time beyond time': header('signature-input', value => value.replace(/created=\d+/, 'created=99999999999999')),
      'no signature': without('signature'),
      'no input': without('signature-input'),
      'no digest': without('content-digest'),
      'no type': without('content-type'),
    };
    for (const [what, request] of Object.entries(requests)) {
      const response = await inject(collector, { ...request, path: BATCHES_PATH });
      const expected = what === 'no type' ? [415, undefined] : [401, 'Signature realm="enaga"'];
      expect([what, response.statusCode, response.headers['www-authenticate']]).toEqual([what, ...expected]);
    }
    expectProblem(await inject(collector, requests['unknown key']), 401, 'unauthorised');
    expect(collector.log.head()).toBe(0);
    expect((await inject(collector, good)).statusCode).toBe(200);
  });

  it('valid any more is told so with the next batch, though another process revoked; nobody else is', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor('gone');
    expect((await put(collector, sensor, makeBatch(sensor).bytes)).statusCode).toBe(200);
    const { Registry } = await import('../../collector/registry/registry.ts');
    const elsewhere = Registry.open(`${collector.dir}/registry.db`);
    elsewhere.revoke('gone', Date.now());
    elsewhere.close();
    const { bytes } = makeBatch(sensor, { sequence: 2 });
    expectProblem(await put(collector, sensor, bytes), 401, 'revoked');
    expect(collector.lines.map(line => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ sensor: 'gone', problem: 'revoked', status: 401 }),
    );
    expectProblem(await put(collector, { ...sensor, ...newKeys() }, bytes), 401, 'unauthorised');
    expect(collector.log.head()).toBe(1);
  });

  it('signed with its newest key once the overlap is over is told so too', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor('renewed');
    const { token } = collector.registry.rotate('renewed', Date.now(), { overlapMs: 0 });
    const keys = newKeys();
    const enrolment = collector.registry.enrol({ token, publicKey: keys.publicText }, Date.now())!;
    const { bytes } = makeBatch(sensor);
    expectProblem(await put(collector, sensor, bytes), 401, 'revoked');
    expect((await put(collector, { ...sensor, enrolment, ...keys }, bytes)).statusCode).toBe(200);
  });

  it('known has its answer before it has sent its body', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor();
    const { headers } = await signed(
      { ...sensor, enrolment: { ...sensor.enrolment, keyId: 'nobody' } },
      batchRequest(Buffer.of(1)),
    );
    const request = http.request(`${await collector.listen()}${BATCHES_PATH}`, {
      method: 'PUT',
      headers: { ...headers, 'content-length': 4_000_000 },
    });
    request.on('error', () => {}); // cut off at the end
    request.write('x');
    const status = await new Promise(resolve => request.on('response', response => resolve(response.statusCode)));
    request.destroy();
    expect(status).toBe(401);
  });
});

describe('a body', () => {
  it('larger than a batch may be is refused by its announced length, and by what comes', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor();
    const request = await signed(sensor, batchRequest(Buffer.alloc(batchWireBytesMax + 1)));
    expectProblem(await inject(collector, request), 413, 'too-large');
    const url = await collector.listen();
    const chunked = http.request(url + BATCHES_PATH, { method: 'PUT', headers: request.headers });
    chunked.on('error', () => {});
    const answer = new Promise(resolve => chunked.on('response', ({ statusCode }) => resolve(statusCode)));
    for (let n = 0; n < 6; n++) chunked.write(Buffer.alloc(2 ** 20));
    expect(await answer).toBe(413);
    chunked.destroy();
  });

  it('of another type is refused', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor();
    const { bytes } = makeBatch(sensor);
    for (const type of ['application/json', 'text/plain', 'nonsense']) {
      const request = await signed(sensor, { ...batchRequest(bytes), headers: { 'content-type': type } });
      expectProblem(await inject(collector, request), 415, 'unsupported-media-type');
    }
  });

  it('waits outside while there is no room for it, and gives its room back', async () => {
    const room = { bytesMax: 1000, keyBytesMax: 1000 };
    const collector = await startCollector({ app: { limits: { room } } });
    const sensor = collector.addSensor();
    const small = makeBatch(sensor, { count: 1 });
    expect(small.bytes.length).toBeLessThan(1000);
    const url = await collector.listen();
    const { headers } = await signed(sensor, batchRequest(Buffer.alloc(900)));
    const slow = http.request(url + BATCHES_PATH, { method: 'PUT', headers: { ...headers, 'content-length': 900 } });
    slow.on('error', () => {});
    slow.write('x');
    await expect.poll(() => collector.app.inject('/metrics').then(({ body }) => body)).toMatch(/body_bytes 900$/m);
    const refused = await send(url, await signed(sensor, batchRequest(small.bytes)));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '3']);
    slow.destroy();
    await expect.poll(() => collector.app.inject('/metrics').then(({ body }) => body)).toMatch(/body_bytes 0$/m);
    expect((await send(url, await signed(sensor, batchRequest(small.bytes)))).status).toBe(200);
  });
});

describe('when the log cannot', () => {
  const failing = (code: string) => Object.assign(new Error('on 198.51.100.7'), { code });

  it('fault 4: take more for lack of room: 503, until it can again', async () => {
    let full = true;
    const collector = await startCollector({
      append: (batches, log) => {
        if (full) throw failing('SQLITE_FULL');
        return log.append(batches);
      },
    });
    const sensor = collector.addSensor();
    const { bytes } = makeBatch(sensor);
    const refused = await put(collector, sensor, bytes);
    expectProblem(refused, 503, 'disk-full');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(30);
    const notReady = await collector.app.inject('/readyz');
    expect(expectProblem(notReady, 503, 'unavailable').errors).toEqual([{ at: '', message: 'full' }]);
    full = false;
    expect((await put(collector, sensor, bytes)).statusCode).toBe(200);
    expect((await collector.app.inject('/readyz')).statusCode).toBe(200);
    expect(collector.fatal).toEqual([]);
  });

  it('fault 5: sync: nothing is acknowledged any more, and the process is to end', async () => {
    let broken = true;
    const collector = await startCollector({
      append: (batches, log) => {
        if (broken) throw failing('SQLITE_IOERR_FSYNC');
        return log.append(batches);
      },
    });
    const sensor = collector.addSensor();
    const { bytes } = makeBatch(sensor);
    expectProblem(await put(collector, sensor, bytes), 503, 'unavailable');
    expect(collector.fatal.map(error => (error as { code?: string }).code)).toEqual(['SQLITE_IOERR_FSYNC']);
    broken = false; // the kernel tells of a lost write once
    expectProblem(await put(collector, sensor, bytes), 503, 'unavailable');
    expect(collector.log.head()).toBe(0);
  });

  it('fault 14: keep up: 503 at once, with a time that is spread', async () => {
    const collector = await startCollector({ group: { batchesMax: 0 } });
    const sensor = collector.addSensor();
    const refused = await put(collector, sensor, makeBatch(sensor).bytes);
    expectProblem(refused, 503, 'unavailable');
    expect(refused.headers['retry-after']).toBe('3'); // 2 to 4, the middle by chance
  });
});

it('a sensor beyond its rate is asked to come later', async () => {
  const collector = await startCollector({ app: { limits: { sensor: { burst: 2, perSecond: 0.001 } } } });
  const [sensor, other] = [collector.addSensor(), collector.addSensor()];
  const { bytes } = makeBatch(sensor);
  await put(collector, sensor, bytes);
  await put(collector, sensor, bytes);
  const refused = await put(collector, sensor, bytes);
  expectProblem(refused, 429, 'too-many');
  expect(refused.headers['retry-after']).toBe('3');
  expect((await put(collector, other, makeBatch(other).bytes)).statusCode).toBe(200);
});
