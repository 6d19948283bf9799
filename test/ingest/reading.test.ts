/** Reads are answered beside the batches: by a thread that may be busy, or dead, and no sensor notices. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startReading } from '../../collector/commands/reading.ts';
import { buildApp } from '../../collector/ingest/app.ts';
import { BUDGETS } from '../../collector/publish/api/auth.ts';
import { openReadSide } from '../../collector/publish/api/read-powers.ts';
import { readRoutes } from '../../collector/publish/api/routes.ts';
import { documentRoutes } from '../../collector/publish/document/routes.ts';
import { Members } from '../../collector/registry/members.ts';
import { createRecords } from '../../common/record/record.ts';
import { Observatory } from '../support/observatory.ts';
import { seeded } from '../support/records.ts';
import { SealedLog } from '../support/sealed-log.ts';
import {
  batchRequest,
  heartbeatRequest,
  makeBatch,
  newKeys,
  put,
  STATUS,
  send,
  signed,
  startCollector,
  type TestSensor,
} from './support.ts';

const PROGRAM = new URL('./reading-program.ts', import.meta.url);
const FAR_MS = 600_000;

/** What a browser asks for while nobody reads, the language that it likes, and what it is told in which. */
const PAGES_AWAY = [
  ['/', 'fr,en', 'en', 'Back in a moment'],
  ['/ports/tcp/23?window=month', 'ja', 'ja', 'まもなく再開します'],
  ['/days?lang=ja', 'en', 'ja', 'まもなく再開します'],
] as const;
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64');

/** A collector whose reads are answered by the test's own thread; what it said. */
async function startBoth({ failing = false, deaf = false, againMs = FAR_MS, directory = '' } = {}) {
  const said: string[] = [];
  const reading = startReading({
    program: PROGRAM,
    ...(directory !== '' && { directory }),
    given: () => ({ data: { failing, deaf }, transfer: [] }),
    say: (_level, facts, text) => void said.push(`${text} ${JSON.stringify(facts)}`),
    measured: () => {},
    fatal: error => {
      throw error;
    },
    againMs,
    againMsMax: FAR_MS,
  });
  const collector = await startCollector({ app: { others: reading.others } });
  onTestFinished(() => reading.stop());
  const sensor = collector.addSensor();
  const url = await collector.listen();
  return { collector, sensor, url, said, reading };
}

interface Told {
  readonly written: number;
  readonly rows: readonly { readonly sensor: string }[];
  readonly paths: object;
}
const json = async (answer: Response) => (await answer.json()) as Told;
const seenAt = async (url: string) => json(await fetch(`${url}/seen`));

describe('what has no route is asked of the thread', () => {
  it('whole: method, path, body and headers, but for those of one connection, and for who asks', async () => {
    const { url } = await startBoth();
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const headers = {
        ...{ authorization: 'Bearer x', te: 'trailers', connection: 'te, authorization', 'x-forwarded-for': '8.8.8.8' },
        ...{ 'x-enaga-request': 'forged', expect: '100-continue', 'content-type': 'nothing/known' },
      };
      const request = http.request(`${url}/any%20path?a=b`, { method: 'POST', headers }, resolve).on('error', reject);
      request.write('x'.repeat(70_000)); // more than the collector reads of anything but a batch
      request.end();
    });
    let text = '';
    for await (const piece of answer) text += piece;
    const { headers, ...asked } = JSON.parse(text);
    expect(asked).toEqual({ method: 'POST', url: '/any%20path?a=b', bytes: 70_000 });
    expect(headers).toMatchObject({ authorization: 'Bearer x', 'x-forwarded-for': '127.0.0.1', host: url.slice(7) });
    expect(headers['x-enaga-request']).toMatch(/^req-/);
    expect([headers.te, headers.expect]).toEqual([undefined, undefined]);
    expect([answer.statusCode, answer.headers['x-one'], answer.headers['proxy-connection']]).toEqual([
      ...[207, 'a, b'],
      undefined,
    ]);
  });

  it('over a socket in the directory that is named, without what was left there; or elsewhere if the path is too long', async () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-dir-'));
    onTestFinished(() => fs.rmSync(root, { recursive: true, force: true }));
    const directory = path.join(root, 'reading');
    fs.mkdirSync(path.join(directory, 'left'), { recursive: true });
    fs.chmodSync(directory, 0o755);
    const { url, reading } = await startBoth({ directory });
    expect(await seenAt(url)).toMatchObject({ open: 0 });
    expect([fs.readdirSync(directory), fs.statSync(directory).mode & 0o777]).toEqual([['1'], 0o700]);
    await reading.stop();
    expect(fs.readdirSync(root)).toEqual([]);
    const long = path.join(root, 'x'.repeat(120));
    fs.mkdirSync(long);
    const temporary = () => fs.readdirSync(os.tmpdir()).filter(name => name.startsWith('enaga-reads-'));
    const others = temporary();
    const killed = await startBoth({ directory: path.join(long, 'reading') });
    const left = temporary().filter(name => !others.includes(name));
    expect([await seenAt(killed.url), left.length, fs.readdirSync(long)]).toEqual([expect.anything(), 1, []]);
    // The next that has the data directory: the one before, which was killed, has left its own. Another's stay.
    const far = await startBoth({ directory: path.join(long, 'reading') });
    const other = await startBoth({ directory: path.join(root, 'y', '..', 'z'.repeat(120)) });
    expect(await seenAt(far.url)).toMatchObject({ open: 0 });
    expect(await seenAt(other.url)).toMatchObject({ open: 0 });
    expect(temporary()).not.toContain(left[0]);
    expect(temporary().filter(name => !others.includes(name))).toHaveLength(2);
  });

  it('and nobody who is given up on keeps it: neither without an answer, nor in the middle of one', async () => {
    const { url } = await startBoth();
    const silent = new AbortController();
    const never = fetch(`${url}/never`, { signal: silent.signal }).catch(error => error.name);
    await expect.poll(() => seenAt(url)).toMatchObject({ open: 1 });
    silent.abort();
    expect(await never).toBe('AbortError');
    await expect.poll(() => seenAt(url)).toMatchObject({ open: 0, closed: 1 });

    const slow = net.connect(Number(new URL(url).port), '127.0.0.1');
    slow.write('GET /endless HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise(resolve => slow.once('data', resolve));
    slow.pause();
    let written = 0;
    const more = async () => {
      const before = written;
      written = (await seenAt(url)).written;
      return written - before;
    };
    await expect.poll(more, { interval: 500 }).toBe(0); // it waits for whoever reads slowly
    expect(written).toBeLessThan(64 * 2 ** 20);
    slow.destroy();
    await expect.poll(() => seenAt(url)).toMatchObject({ open: 0, closed: 2 });
  });
});

describe('a thread that dies', () => {
  it('is begun again, and batches are taken meanwhile', async () => {
    const { collector, sensor, url, said } = await startBoth({ againMs: 3000 });
    expect((await fetch(`${url}/echo`)).status).toBe(207);
    for (const path of ['/die', '/echo']) {
      const answer = await fetch(url + path);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([503, 'application/problem+json']);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await answer.json()).toMatchObject({ type: 'urn:enaga:problem:unavailable', status: 503 });
    }
    for (const [path, liked, language, title] of PAGES_AWAY) {
      const accept = 'text/html,application/xhtml+xml,*/*;q=0.8';
      const page = await fetch(url + path, { headers: { accept, 'accept-language': liked } });
      const [seconds, text] = [page.headers.get('retry-after'), await page.text()];
      expect([page.status, page.headers.get('content-type')]).toEqual([503, 'text/html; charset=utf-8']);
      expect([Number(seconds) > 0, page.headers.get('cache-control')]).toEqual([true, 'no-store']);
      const policy = page.headers.get('content-security-policy');
      const [, script = ''] = /<script>([^<]+)/.exec(text) ?? [];
      expect(policy).toContain(`default-src 'none'; script-src 'sha256-${sha256(script)}'; style-src 'self' 'sha256-`);
      expect(page.headers.get('referrer-policy')).toBe('no-referrer');
      expect(text).toContain(`<html lang="${language}" data-again="${seconds}">`);
      expect(text).toContain(`<h1>${title}</h1>`);
      expect(text).toContain(`<meta http-equiv="refresh" content="${seconds}">`);
      expect(text).not.toMatch(/(?:src|href)=/);
    }
    const json = await fetch(`${url}/v1/days`, { headers: { accept: 'text/html' } });
    const sent = await fetch(url, { method: 'POST', headers: { accept: 'text/html' } });
    for (const { status, headers } of [json, sent])
      expect([status, headers.get('content-type')]).toEqual([503, 'application/problem+json']);
    expect((await put(collector, sensor, makeBatch(sensor).bytes)).statusCode).toBe(200);
    expect(said).toEqual(['nobody reads: the thread is begun again {"code":3,"ms":3000}']);
    const refused = collector.lines.filter(line => line.includes('"status":503'));
    expect(refused.length).toBe(7); // which the thread could not tell
    await expect.poll(async () => (await fetch(`${url}/echo`)).status, { timeout: 10_000 }).toBe(207);
  });

  it('in the middle of an answer breaks that off', async () => {
    const { url } = await startBoth();
    const answer = await fetch(`${url}/half`);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('before it begins leaves a collector that takes batches, and says what it died of, without addresses', async () => {
    const { collector, sensor, url, said } = await startBoth({ failing: true });
    expect((await fetch(`${url}/echo`)).status).toBe(503);
    expect((await put(collector, sensor, makeBatch(sensor).bytes)).statusCode).toBe(200);
    expect(said.join()).toContain('it cannot begin, from [address]');
  });
});

it('a thread that does not heed its order to stop is ended, with whom it keeps waiting', async () => {
  const { url, reading, said } = await startBoth({ deaf: true });
  const never = fetch(`${url}/never`);
  await expect.poll(() => seenAt(url)).toMatchObject({ open: 1 });
  await reading.stop();
  expect([(await never).status, (await fetch(`${url}/echo`)).status, said]).toEqual([503, 503, []]);
});

const DAY_MS = 86_400_000;
const SENSORS = 12;
const RECORDS = 65_000;
const ACKNOWLEDGED = 10;

describe('enaga serve', () => {
  const made = new SealedLog([]);
  const observatory = new Observatory({ data: made.dir });
  const sockets = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-sockets-'));
  const day = Math.floor(Date.now() / DAY_MS);
  const date = new Date(day * DAY_MS).toISOString().slice(0, 10);
  let sensor: TestSensor;
  let token = '';
  const read = (at: string, headers: Record<string, string> = {}) =>
    fetch(observatory.url + at, { headers: { authorization: `Bearer ${token}`, ...headers } });
  /** As it is, which takes no time beside the reading. Not by fetch, which fails where a connection ends before all is read. */
  const readPlain = (at: string, began: (status: number | undefined) => void) =>
    new Promise<string>((resolve, reject) => {
      const take = (answer: http.IncomingMessage) => {
        began(answer.statusCode);
        answer
          .setEncoding('utf8')
          .toArray()
          .then(pieces => resolve(pieces.join('')), reject);
      };
      http.get(observatory.url + at, { headers: { authorization: `Bearer ${token}` } }, take).on('error', reject);
    });
  const metrics = async () => (await fetch(`${observatory.url}/metrics`)).text();
  const metric = async (name: string) =>
    Number(
      (await metrics())
        .split('\n')
        .find(line => line.startsWith(`${name} `))
        ?.slice(name.length + 1),
    );

  beforeAll(async () => {
    made.registry.addOrganisation({ name: 'operator' }, 0);
    for (let n = 0; n <= SENSORS; n++)
      made.registry.addSensor({ name: `s${n}`, owner: 'org', economy: 'JP', networks: [`198.51.${n}.0/24`] }, 0);
    const networks = ['192.0.2.0/24'];
    const keys = newKeys();
    const added = made.registry.addSensor({ name: 'live', owner: 'org', economy: 'JP', networks }, Date.now());
    const enrolment = made.registry.enrol({ token: added.token, publicKey: keys.publicText }, Date.now())!;
    sensor = { enrolment, token: added.token, networks, ...keys };
    const members = Members.open(made.data.registry, { actor: 'test' });
    token = members.add({ organisation: 'operator', role: 'admin' }, Date.now()).token;
    members.close();
    const random = seeded(5);
    for (let n = 0; n < SENSORS; n++)
      made.append({ sensor: n, records: scattered(24 * day, random), receivedMs: Date.now() });
    made.log.close();
    made.registry.close();
    process.env.TMPDIR = sockets;
    // As one that was killed leaves it.
    fs.mkdirSync(path.join(made.dir, 'reading'));
    fs.writeFileSync(path.join(made.dir, 'reading', '1'), '');
    await observatory.serve('--log-level', 'debug', '--trusted-proxies', '127.0.0.1');
    const head = await metric('enaga_log_position');
    while ((await metric('enaga_store_position')) < head) await sleep(100);
  });
  afterAll(async () => {
    await observatory.remove();
    fs.rmSync(made.dir, { recursive: true, force: true });
    fs.rmSync(sockets, { recursive: true, force: true });
  });

  it('acknowledges batches while a large open day is made, and then tells it', async () => {
    const asked = async () => (await read(`/v1/days/${date}/ports`)).status;
    const before = await asked();
    for (let sequence = 1; sequence <= ACKNOWLEDGED; sequence++) {
      const { bytes } = makeBatch(sensor, { sequence });
      expect((await send(observatory.url, await signed(sensor, batchRequest(bytes)))).status).toBe(200);
    }
    expect(before).toBe(503); // which says when to come again: nothing of the day was made before
    await expect.poll(asked, { timeout: 30_000, interval: 100 }).toBe(200);
    const { rows } = await json(await read(`/v1/days/${date}/ports`));
    expect(rows.length).toBeGreaterThan(1000);
  });

  it('tells once of each request, with its route, and of no token', async () => {
    const before = observatory.said.length;
    expect((await read('/v1/days')).status).toBe(200);
    expect((await fetch(`${observatory.url}/v1/days/${token}`)).status).toBe(400);
    const counted = /^enaga_http_requests_total\{method="GET",route="\/v1\/days",status="200"\} 1$/m;
    await expect.poll(metrics).toMatch(counted);
    await expect.poll(() => observatory.said.slice(before)).toContain('"status":400');
    const lines = observatory.said.slice(before).split('\n');
    expect(lines.filter(line => line.includes('"route":"/v1/days"')).length).toBe(1);
    expect(lines.filter(line => line.includes('"route":"/v1/days/:date"')).length).toBe(1);
    expect(observatory.said).not.toContain(token);
    expect(observatory.said).not.toMatch(/198\.51\.|192\.0\.2\./);
  });

  it('frees the reader of a download that is given up halfway, and tells of it once', async () => {
    const { port } = new URL(observatory.url);
    const client = net.connect(Number(port), '127.0.0.1');
    client.write(`GET /v1/days/${date}/ports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    const [head] = await once(client, 'data');
    expect(String(head)).toMatch(/^HTTP\/1\.1 200 /);
    client.pause();
    await sleep(200);
    expect(await metric('enaga_http_aborted_total')).toBe(0);
    client.destroy();
    await expect.poll(() => metric('enaga_http_aborted_total')).toBe(1);
    const lines = observatory.said.split('\n').filter(line => line.includes('"aborted"'));
    expect(lines).toEqual([expect.stringContaining('"route":"/v1/days/:date/ports"')]);
  });

  it('shows admins what a sensor said a moment ago', async () => {
    const status = { ...STATUS, alarms: ['the spool is full'] };
    const heartbeat = heartbeatRequest({ epochs: [], status, version: '9.9.9' });
    expect((await send(observatory.url, await signed(sensor, heartbeat))).status).toBe(200);
    const live = async () => (await json(await read('/v1/sensors'))).rows.find(one => one.sensor === 'live');
    await expect.poll(live).toMatchObject({ alarms: ['the spool is full'], version: '9.9.9' });
  });

  it('gives each reader behind a trusted proxy a budget of its own', async () => {
    const from = (address: string) =>
      fetch(`${observatory.url}/v1/reader`, { headers: { 'x-forwarded-for': address } });
    const statuses = new Set<number>();
    for (let n = 0; n < 140; n++) statuses.add((await from('203.0.113.1')).status);
    expect(statuses).toContain(429);
    expect((await from('203.0.113.2')).status).not.toBe(429);
  });

  it('has the document of all its routes', async () => {
    const reads = openReadSide({ data: made.data });
    const { powers } = await startCollector();
    const whole = buildApp(powers, {
      ...{ logLevel: 'silent', version: '0.0.0', metricsFor: 'loopback' },
      logTo: { write: () => {} },
    });
    const admin = { as: never, look: never, activity: never, heard: never };
    whole.register(async scope => readRoutes(scope, reads.powers, { admin }));
    whole.register(async scope => documentRoutes(scope, { budgets: BUDGETS, rule: reads.powers.rule }));
    const expected = (await whole.inject('/v1/openapi.json')).json();
    await whole.close();
    reads.close();
    const served = await json(await fetch(`${observatory.url}/v1/openapi.json`));
    expect(JSON.stringify({ ...served, info: {} })).toBe(JSON.stringify({ ...expected, info: {} }));
    expect(Object.keys(served.paths)).toEqual(expect.arrayContaining(['/v1/batches', '/v1/days', '/healthz']));
  });

  it('ends when told, not before what is being read was told, and leaves no socket', async () => {
    const asked = readPlain(`/v1/days/${date}/port-countries`, () => {});
    await sleep(100); // it is being read
    await metrics(); // and came before this, however busy the collector is
    const { code } = await observatory.stop();
    expect((JSON.parse(await asked) as Told).rows.length).toBeGreaterThan(1000);
    expect([code, fs.readdirSync(sockets), fs.existsSync(path.join(made.dir, 'reading'))]).toEqual([0, [], false]);
  });
});

const never = (): never => {
  throw new Error('nobody asks');
};

/** Of one hour: each record of another source, and most of other ports. */
function scattered(hour: number, random: (limit: number) => number) {
  const records = createRecords(4, RECORDS);
  records.hour = hour;
  records.count = RECORDS;
  for (let i = 0; i < RECORDS; i++) {
    records.src[i] = 0x01000000 + random(0x70000000);
    records.dst[i] = 0xc6330001;
    records.time[i] = i * 1000;
    records.dstPort[i] = random(65_536);
    records.protocol[i] = 6;
    records.flags[i] = 2;
  }
  return records;
}
