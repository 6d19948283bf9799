/** Everything but batches: heartbeats, enrolments, probes, metrics, the document, and the one shape of problems. */
import { describe, expect, it } from 'vitest';
import { METRICS, Metrics } from '../../collector/ingest/metrics.ts';
import { PROBLEMS } from '../../collector/ingest/problems.ts';
import { jsonBytesMax } from '../../common/limits.ts';
import { ENROLMENTS_PATH, type EnrolmentRequest, HEARTBEATS_PATH } from '../../common/protocol/messages.ts';
import {
  type BatchParts,
  type Collector,
  expectProblem,
  heartbeatRequest,
  inject,
  makeBatch,
  newKeys,
  put,
  STATUS,
  signed,
  startCollector,
  type TestSensor,
} from './support.ts';

const beat = async (collector: Collector, sensor: TestSensor, heartbeat: unknown) =>
  inject(collector, await signed(sensor, heartbeatRequest(heartbeat)));

describe('a heartbeat', () => {
  it('fault 10: is answered with the gaps, the time and the networks', async () => {
    const collector = await startCollector({ powers: { now: () => 1_800_000_000_000 } });
    const sensor = collector.addSensor('east');
    for (const sequence of [1, 2, 5]) await put(collector, sensor, makeBatch(sensor, { sequence }).bytes);
    const response = await beat(collector, sensor, { epochs: [{ epoch: 1, sealed: 7 }], status: STATUS });
    expect([response.statusCode, response.json()]).toEqual([
      200,
      {
        received: 1_800_000_000_000,
        gaps: [
          { epoch: 1, from: 3, to: 4 },
          { epoch: 1, from: 6, to: 7 },
        ],
        networks: sensor.networks,
      },
    ]);
    const metrics = (await collector.app.inject('/metrics')).body;
    expect(metrics).toMatch(/^enaga_sensor_seen_packets\{sensor="east"\} 100$/m);
    expect(metrics).toMatch(/^enaga_sensor_skipped_packets\{sensor="east"\} 7$/m);
    expect(metrics).toMatch(/^enaga_sensor_batches_total\{sensor="east"\} 3$/m);
    expect(metrics).toMatch(/^enaga_log_position 3$/m);
  });

  it('fault 10: gaps are filled later in any order; what batches tell as lost is asked for no more', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor();
    const gaps = async () => {
      const told = (await beat(collector, sensor, { epochs: [{ epoch: 1, sealed: 9 }], status: STATUS })).json().gaps;
      return told.map(({ from, to }: { from: number; to: number }) => `${from}-${to}`);
    };
    const send = async (sequence: number, lost: BatchParts['lost'] = []) =>
      expect((await put(collector, sensor, makeBatch(sensor, { sequence, lost }).bytes)).statusCode).toBe(200);
    for (const sequence of [1, 5]) await send(sequence);
    expect(await gaps()).toEqual(['2-4', '6-9']);
    await send(3);
    expect(await gaps()).toEqual(['2-2', '4-4', '6-9']);
    await send(9, [{ epoch: 1, from: 4, to: 7, records: 30 }]);
    expect(await gaps()).toEqual(['2-2', '8-8']);
    await send(8);
    await send(2);
    expect(await gaps()).toEqual([]);
    await send(6); // it was not lost after all
    expect([await gaps(), collector.log.head()]).toEqual([[], 7]);
  });

  it('has its alarms logged when they change, without addresses', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor('east');
    const tell = (alarms: string[]) => beat(collector, sensor, { epochs: [], status: { ...STATUS, alarms } });
    for (const alarms of [[], ['spool 90% full'], ['spool 90% full'], ['answered from 192.0.2.7 and 2001:db8::7'], []])
      expect((await tell(alarms)).statusCode).toBe(200);
    const told = collector.lines.filter(line => line.includes('alarms changed')).map(line => JSON.parse(line));
    expect(told.map(({ sensor: name, alarms }) => [name, alarms])).toEqual([
      ['east', ['spool 90% full']],
      ['east', ['answered from [address] and [address]']],
      ['east', []],
    ]);
  });

  it('may say more than we know, and nothing else than we do', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor();
    const more = { epochs: [], status: { ...STATUS, mood: 'fair', skipped: { 'new-reason': 4 } }, extra: 1 };
    expect((await beat(collector, sensor, more)).statusCode).toBe(200);
    for (const [at, wrong] of [
      ['/epochs/0/epoch', { epochs: [{ epoch: 0, sealed: 1 }], status: STATUS }],
      ['/epochs', { epochs: [1, 2, 1].map(epoch => ({ epoch, sealed: 1 })), status: STATUS }],
      ['/status/seen', { epochs: [], status: { ...STATUS, seen: '100' } }],
      ['/status/skipped', { epochs: [], status: { ...STATUS, skipped: { 'Not a reason': 1 } } }],
      ['/status/alarms', { epochs: [], status: { ...STATUS, alarms: Array(1000).fill('x') } }],
      ['', []],
    ] as const) {
      const problem = expectProblem(await beat(collector, sensor, wrong), 400, 'schema');
      expect((problem.errors as { at: string }[]).map(error => error.at)).toContain(at);
    }
  });

  it('that is empty asks whether the key is known: nothing is taken from it, and no refusal is logged', async () => {
    const heard: number[] = [];
    const collector = await startCollector({
      powers: { now: () => 1_800_000_000_000, heard: index => void heard.push(index) },
    });
    const sensor = collector.addSensor('east');
    const reply = await beat(collector, sensor, {});
    expect([reply.statusCode, reply.json()]).toEqual([
      200,
      { received: 1_800_000_000_000, gaps: [], networks: sensor.networks },
    ]);
    expect(heard).toEqual([]);
    expect(await collector.metrics.text()).not.toContain('sensor="east"');
    expect(collector.lines.filter(line => /"status":4/.test(line))).toEqual([]);
    const stranger = { ...sensor, ...newKeys() };
    expectProblem(await beat(collector, stranger, {}), 401, 'unauthorised');
  });

  it('is refused where there are too many, which holds no batch up', async () => {
    const collector = await startCollector({ powers: { now: () => 1_800_000_000_000 } });
    const [sensor, other] = [collector.addSensor(), collector.addSensor()];
    const ok = { epochs: [], status: STATUS };
    for (let n = 0; n < 10; n++) expect((await beat(collector, sensor, ok)).statusCode).toBe(200);
    expectProblem(await beat(collector, sensor, ok), 429, 'too-many');
    expect((await beat(collector, other, ok)).statusCode).toBe(200);
    expect((await put(collector, sensor, makeBatch(sensor).bytes)).statusCode).toBe(200);
  });

  it('is refused unsigned, malformed, too large', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor();
    const good = heartbeatRequest({ epochs: [], status: STATUS });
    expectProblem(await inject(collector, good), 401, 'unauthorised');
    const request = async (body: Uint8Array) => inject(collector, await signed(sensor, { ...good, body }));
    for (const body of ['', '{', '{"epochs":[]', '\xff\xfe']) {
      expectProblem(await request(Buffer.from(body, 'latin1')), 400, 'malformed-json');
    }
    expectProblem(await request(Buffer.alloc(jsonBytesMax + 1, ' ')), 413, 'too-large');
  });
});

describe('an enrolment', () => {
  const enrol = ({ app }: Collector, payload: object | string) =>
    app.inject({ method: 'POST', url: ENROLMENTS_PATH, payload, headers: { 'content-type': 'application/json' } });

  it('gives a key its name, once a token, in an epoch beyond those used', async () => {
    const collector = await startCollector();
    const sensor = collector.addSensor('east');
    await put(collector, sensor, makeBatch(sensor, { epoch: 6 }).bytes);
    const { token } = collector.registry.rotate('east', Date.now());
    const keys = newKeys();
    const response = await enrol(collector, { token, publicKey: keys.publicText });
    expect(response.statusCode).toBe(201);
    const enrolment = response.json();
    expect(enrolment).toMatchObject({ sensor: sensor.enrolment.sensor, name: 'east', economy: 'JP', epoch: 7 });
    expect(enrolment.networks).toEqual(sensor.networks);
    const renewed = { ...sensor, ...keys, enrolment };
    expect((await put(collector, renewed, makeBatch(renewed, { epoch: 7 }).bytes)).statusCode).toBe(200);
    expectProblem(await enrol(collector, { token, publicKey: newKeys().publicText }), 401, 'enrolment-refused');
  });

  it('is the same for who asks again with the same token and key, for an hour, while the key is good', async () => {
    let now = Date.now();
    const powers = { now: () => now, enrol: (request: EnrolmentRequest) => registry.enrol(request, now) };
    const collector = await startCollector({ powers });
    const { registry } = collector;
    collector.addSensor('east');
    const enrolments = () => registry.audit(0, 99).filter(({ action }) => action === 'enrol').length;
    const ask = async (token: string, { publicText: publicKey } = keys) => {
      now += 60_000; // of the rate by address
      const { statusCode, body } = await enrol(collector, { token, publicKey });
      return statusCode === 201 ? JSON.parse(body) : statusCode;
    };
    const keys = newKeys();
    const { token } = registry.rotate('east', now);
    const first = await ask(token);
    expect(first).toMatchObject({ name: 'east', epoch: 2 });
    expect(await ask(token)).toEqual(first);
    expect(enrolments()).toBe(2); // of addSensor, and this one
    expect(await ask(token, newKeys())).toBe(401);
    expect(await ask(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)).toBe(401);
    now += 55 * 60_000;
    expect(await ask(token)).toEqual(first);
    now += 60_000;
    expect(await ask(token)).toBe(401);
    // Replaced at once, by a key that is then revoked.
    const { token: next } = registry.rotate('east', now, { overlapMs: 0 });
    const second = await ask(next);
    expect([second.epoch, await ask(next)]).toEqual([3, second]);
    expect(await ask(registry.rotate('east', now, { overlapMs: 0 }).token, newKeys())).toMatchObject({
      epoch: 4,
    });
    expect(await ask(next)).toBe(401);
    const { token: last } = registry.rotate('east', now);
    expect(await ask(last)).toMatchObject({ epoch: 5 });
    registry.revoke('east', now);
    expect(await ask(last)).toBe(401);
  });

  it('is refused alike for a token and for a key that will not do', async () => {
    const collector = await startCollector();
    const [{ token }, { publicText }] = [collector.addSensor(), newKeys()];
    const used = await enrol(collector, { token, publicKey: publicText });
    const unknown = await enrol(collector, { token: `x${token.slice(1)}`, publicKey: publicText });
    expectProblem(used, 401, 'enrolment-refused');
    expect(unknown.body).toBe(used.body);
    expectProblem(await enrol(collector, { token, publicKey: 'short' }), 400, 'schema');
    expectProblem(await enrol(collector, '{"token":'), 400, 'malformed-json');
    expectProblem(await enrol(collector, `{"__proto__":{"token":"x"}}`), 400, 'malformed-json');
    expectProblem(await enrol(collector, ' '.repeat(jsonBytesMax + 1)), 413, 'too-large');
  });

  it('is tried ten times from one place, then slowly', async () => {
    let now = 1_000_000;
    const collector = await startCollector({ powers: { now: () => now } });
    const attempt = () => enrol(collector, { token: 'guess', publicKey: newKeys().publicText });
    for (let n = 0; n < 10; n++) expectProblem(await attempt(), 401, 'enrolment-refused');
    const refused = await attempt();
    expectProblem(refused, 429, 'too-many');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(10);
    now += 5_000;
    expect((await attempt()).statusCode).toBe(401);
    expect((await attempt()).statusCode).toBe(429);
  });
});

describe('refusals', () => {
  it('of what is not there, or not so', async () => {
    const { app } = await startCollector();
    expectProblem(await app.inject('/v1/nothing?token=x'), 404, 'not-found');
    expectProblem(await app.inject('/%'), 404, 'not-found');
    expectProblem(
      await app.inject({ method: 'POST', url: '/v1/x', payload: '{', headers: { 'content-type': 'a/b' } }),
      404,
      'not-found',
    );
    const method = await app.inject({ method: 'DELETE', url: '/v1/batches?x' });
    expectProblem(method, 405, 'method');
    expect(method.headers.allow).toBe('PUT');
  });

  it('tell nothing of what failed inside', async () => {
    const secret = 'no such table: keys at 198.51.100.9';
    const failing = () => {
      throw new Error(secret);
    };
    const collector = await startCollector({ powers: { enrol: failing, gaps: failing, append: failing } });
    const sensor = collector.addSensor();
    const payload = { token: 'x', publicKey: newKeys().publicText };
    const responses = [
      await collector.app.inject({ method: 'POST', url: ENROLMENTS_PATH, payload }),
      await beat(collector, sensor, { epochs: [], status: STATUS }),
      await put(collector, sensor, makeBatch(sensor).bytes),
    ];
    for (const response of responses) {
      expectProblem(response, 500, 'internal');
      expect(response.body).not.toContain('table');
    }
    expect(collector.lines.join('')).toContain('no such table: keys at [address]');
    expect(collector.fatal).toEqual([]);
  });

  it('of a registry on a full disk pass, on a broken one are the end', async () => {
    let code = 'SQLITE_FULL';
    const enrol = () => {
      throw Object.assign(new Error('made up'), { code });
    };
    const collector = await startCollector({ powers: { enrol } });
    const attempt = () =>
      collector.app.inject({
        method: 'POST',
        url: ENROLMENTS_PATH,
        payload: { token: 'x', publicKey: newKeys().publicText },
      });
    expectProblem(await attempt(), 503, 'disk-full');
    expect(collector.fatal.length).toBe(0);
    code = 'SQLITE_IOERR_FSYNC';
    expectProblem(await attempt(), 500, 'internal');
    expect(collector.fatal.length).toBe(1);
  });

  it('have a status, a title and a text of their own', () => {
    const texts = Object.values(PROBLEMS).map(([, , detail]) => detail);
    expect(new Set(texts).size).toBe(texts.length);
    expect(Object.values(PROBLEMS).filter(([status]) => status < 400 || status > 599)).toEqual([]);
  });
});

describe('the document', () => {
  it('is OpenAPI 3.1 with every route, its bodies and its refusals', async () => {
    const { app } = await startCollector();
    await app.ready();
    const document = JSON.parse(JSON.stringify(app.swagger()));
    expect(document.openapi).toMatch(/^3\.1\./);
    const routes = Object.entries(document.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map(method => `${method} ${path}`),
    );
    expect(routes.sort()).toEqual([
      'get /healthz',
      'get /metrics',
      'get /readyz',
      'post /v1/enrolments',
      `post ${HEARTBEATS_PATH}`,
      'put /v1/batches',
    ]);
    const { put: batch } = document.paths['/v1/batches'];
    expect(batch.requestBody.content).toEqual({
      'application/vnd.enaga.batch': { schema: { type: 'string', format: 'binary' } },
    });
    expect(Object.keys(batch.responses)).toEqual(['200', '400', '401', '409', '413', '429', '503']);
    expect(Object.keys(batch.responses['409'].content)).toEqual(['application/problem+json']);
    expect(batch.responses['200'].content['application/json'].schema.required).toEqual([
      ...['sensor', 'epoch', 'sequence', 'sha256'],
    ]);
    const { post: heartbeat } = document.paths[HEARTBEATS_PATH];
    expect(heartbeat.requestBody.content['application/json'].schema.required).toEqual(['epochs', 'status']);
  });
});

describe('metrics', () => {
  it('are those of the table, and those of the process', async () => {
    const text = await new Metrics({ process: true }).text();
    const named = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
    const ours = named.filter(([name]) => name!.startsWith('enaga_'));
    expect(ours).toEqual(Object.entries(METRICS).map(([name, [type]]) => [name, type]));
    expect(named.some(([name]) => name === 'process_resident_memory_bytes')).toBe(true);
  });

  it('say how old the oldest batch is that is not in the store', async () => {
    const progress = { logPosition: 9, storePosition: 4, oldestUnfoldedMs: 1_000_000 as number | null, damaged: 2 };
    const { app } = await startCollector({ powers: { now: () => 1_007_500, progress: () => progress } });
    expect((await app.inject('/metrics')).body).toMatch(/^enaga_store_freshness_seconds 7.5$/m);
    expect((await app.inject('/metrics')).body).toMatch(/^enaga_log_damaged_batches 2$/m);
    progress.oldestUnfoldedMs = null;
    expect((await app.inject('/metrics')).body).toMatch(/^enaga_store_freshness_seconds 0$/m);
  });

  it('are for this machine alone, unless they are said to be for all', async () => {
    const from = (collector: Collector, remoteAddress: string, headers = {}) =>
      collector.app.inject({ url: '/metrics', remoteAddress, headers }).then(({ statusCode }) => statusCode);
    const loopback = await startCollector();
    expect(await from(loopback, '127.0.0.1')).toBe(200);
    expect(await from(loopback, '::1')).toBe(200);
    expect(await from(loopback, '203.0.113.5')).toBe(404);
    expect(await from(loopback, '127.0.0.1', { 'x-forwarded-for': '203.0.113.5' })).toBe(404);
    expect(await from(await startCollector({ app: { metricsFor: 'all' } }), '203.0.113.5')).toBe(200);
  });
});
