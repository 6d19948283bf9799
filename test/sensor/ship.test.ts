/** Shipping over real sockets to a collector that misbehaves: nothing is lost, nothing is counted twice, and it always ends. */
import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { openBatch } from '../../common/batch/open.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { Client, type Reply } from '../../sensor/ship/client.ts';
import { beat } from '../../sensor/ship/heartbeat.ts';
import { Shipper, type ShipperOptions } from '../../sensor/ship/shipper.ts';
import type { Spool } from '../../sensor/spool/spool.ts';
import { FakeCollector, PROBLEM } from '../support/fake-collector.ts';
import { accountOf, BALANCED, balanceOf, draft, fillUp, newSpool } from './support.ts';

interface Setting {
  readonly collector: FakeCollector;
  readonly spool: Spool;
  readonly shipper: Shipper;
  readonly client: Client;
  readonly said: string[];
  readonly epochs: number[];
}

/** A sensor with batches to send, as fast as its waits allow in a test. */
async function setting(batches: number, options: Partial<ShipperOptions> = {}): Promise<Setting> {
  const collector = await new FakeCollector().start();
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const body = JSON.stringify({ token: 'good', publicKey: publicKey.export({ format: 'jwk' }).x });
  await fetch(`${collector.url}/v1/enrolments`, { method: 'POST', body });
  const spool = newSpool({ sensor: collector.sensor });
  for (let n = 0; n < batches; n++) spool.commit([draft(10, { skipped: { arp: 1 } })]);
  const client = new Client({ collector: new URL(collector.url), key: { id: 'key-1', privateKey }, idleMsMax: 5000 });
  const said: string[] = [];
  const epochs: number[] = [];
  const waits = { baseMs: 20, maxMs: 60 };
  const shipper = new Shipper({
    spool,
    client,
    say: text => void said.push(text),
    onEpoch: epoch => void epochs.push(epoch),
    onFailure: error => {
      throw error;
    },
    soon: waits,
    slow: waits,
    ...options,
  });
  onTestFinished(async () => {
    await shipper.stop(1000);
    client.close();
    await collector.stop();
  });
  return { collector, spool, shipper, client, said, epochs };
}

const problem = (code: string) => JSON.stringify({ type: `urn:enaga:problem:${code}`, title: 'Wrong' });
const drained = ({ shipper }: Setting) => shipper.drained(AbortSignal.timeout(20_000), true);

function expectAllThere({ collector, spool }: Setting, batches: number): void {
  expect(collector.records).toBe(batches * 10);
  expect(collector.counters).toMatchObject({ seen: batches * 11, skipped: batches, lost: 0 });
  expect(collector.bad).toEqual([]);
  expect(spool.waiting(1)).toEqual([]);
  expect(accountOf(spool)).toMatchObject({
    shipped: { batches, records: batches * 10 },
    lost: { batches: 0 },
    alarms: [],
  });
  expect(balanceOf(spool)).toEqual(BALANCED);
}

it('sends several at a time, and each once', async () => {
  const one = await setting(50);
  await drained(one);
  expectAllThere(one, 50);
  expect(one.collector.attempts).toHaveLength(50);
});

it('fault 7: survives lost requests, lost acknowledgements, cut answers, portals, proxies and overload', async () => {
  const one = await setting(40);
  const { collector } = one;
  const html = { 'content-type': 'text/html' };
  const mischiefs = [
    'swallow',
    'take and swallow',
    { status: 200, headers: html, body: '<html>Please log in</html>' },
    { status: 200, body: '{"sensor":"' },
    { status: 200, body: 'x'.repeat(200_000) },
    { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
    { status: 401, headers: PROBLEM, body: '{}' },
    { status: 404 },
    { status: 500, body: 'oops' },
    { status: 503, headers: { 'retry-after': 'garbage' } },
  ] as const;
  let turn = 0;
  collector.mischief = (_, attempt) => (attempt <= 2 ? mischiefs[turn++ % mischiefs.length] : undefined);
  await drained(one);
  expectAllThere(one, 40);
  expect(collector.attempts.length).toBeGreaterThan(80);
});

it('knocks with one batch at a time while nothing gets through', async () => {
  const one = await setting(20);
  one.collector.mischief = () => (one.collector.attempts.length < 15 ? { status: 500 } : undefined);
  await drained(one);
  const firstTries = one.collector.attempts.slice(4, 14);
  expect(new Set(firstTries).size).toBe(1);
  expectAllThere(one, 20);
});

it('fault 14: takes Retry-After: 0 for a second at least', async () => {
  const one = await setting(1, { random: () => 0 });
  one.collector.mischief = (_, attempt) =>
    attempt === 1 ? { status: 503, headers: { 'retry-after': '0' } } : undefined;
  const started = performance.now();
  await drained(one);
  expect(performance.now() - started).toBeGreaterThan(990);
  expectAllThere(one, 1);
});

it('keeps to the time that the collector asked for, though batches sent before pass', async () => {
  const one = await setting(6);
  const { client } = one;
  let askedAt = 0;
  const sentAfterMs: number[] = [];
  const busy: Reply = { status: 503, type: '', retryAfter: '1', date: undefined, body: new Uint8Array(0) };
  const shipper = new Shipper({
    spool: one.spool,
    client: {
      send: async request => {
        const { sequence } = openBatch(request.body).header;
        if (sequence > 4) sentAfterMs.push(performance.now() - askedAt);
        if (sequence === 1 && askedAt === 0) {
          askedAt = performance.now();
          return busy;
        }
        if (performance.now() - askedAt < 500) await sleep(50); // the answer comes after the other
        return client.send(request);
      },
    },
    say: () => {},
    onEpoch: () => {},
    onFailure: () => {},
    random: () => 0,
  });
  await shipper.drained(AbortSignal.timeout(20_000), true);
  expect(sentAfterMs).toHaveLength(2);
  expect(Math.min(...sentAfterMs)).toBeGreaterThan(990);
  expectAllThere(one, 6);
});

it('hears that it was revoked with a heartbeat too, and says so until it is taken again', async () => {
  const one = await setting(1);
  const { collector, spool, client } = one;
  collector.revoked = true;
  const heartbeat = { spool, client, say: () => {}, onGaps: () => {}, onNetworks: () => {} };
  const alarm = 'the collector does not take batches: 401 Revoked: Ask who runs the collector.';
  expect([await beat(heartbeat), accountOf(spool).alarms]).toEqual([false, [alarm]]);
  await one.shipper.drained(AbortSignal.timeout(200), true);
  expect(accountOf(spool).alarms).toEqual([alarm]);
  collector.revoked = false;
  await drained(one);
  expect(accountOf(spool).alarms).toEqual([]);
});

it('fault 12: raises an alarm while it is refused, and takes it back', async () => {
  const one = await setting(3);
  one.collector.mischief = () => ({ status: 401, headers: PROBLEM, body: JSON.stringify({ title: 'Revoked' }) });
  one.shipper.wake();
  const alarms = () => accountOf(one.spool).alarms;
  const refused = ['the collector does not take batches: 401 Revoked'];
  await expect.poll(alarms).toEqual(refused);
  await one.shipper.drained(AbortSignal.timeout(200), true);
  expect(alarms()).toEqual(refused);
  expect(accountOf(one.spool).spooled.batches).toBe(3);
  one.collector.mischief = () => undefined;
  await drained(one);
  expectAllThere(one, 3);
});

it('fault 13: puts a malformed batch aside, sends the rest, and tells the loss', async () => {
  const one = await setting(10);
  const { collector, spool } = one;
  collector.mischief = ({ header }) =>
    header.sequence === 4 ? { status: 400, headers: PROBLEM, body: problem('malformed-batch') } : undefined;
  await drained(one);
  expect(collector.attempts.filter(key => key === '1/4')).toHaveLength(1);
  expect(accountOf(spool)).toMatchObject({ quarantined: 1, lost: { batches: 1, records: 10 } });
  spool.tellPending({ hour: 1, from: 0, to: 0, historic: true });
  await drained(one);
  expect(collector.counters).toEqual({ seen: 110, skipped: 10, lost: 10, interrupted: 0, kernelDrops: 0 });
  expect(collector.records).toBe(90);
  expect(balanceOf(spool)).toEqual(BALANCED);
});

it("fault 13: goes around a batch that a proxy's 413 stops, and comes back to it", async () => {
  const one = await setting(10);
  const order: number[] = [];
  one.collector.mischief = ({ header }, attempt) => {
    order.push(header.sequence);
    return header.sequence === 1 && attempt < 3 ? { status: 413, body: '<html>nginx</html>' } : undefined;
  };
  await drained(one);
  expectAllThere(one, 10);
  expect(order.filter(sequence => sequence === 1)).toHaveLength(3);
});

it('puts nothing aside for what a proxy makes of a request, and what is not in the batch', async () => {
  const one = await setting(6);
  const codes = ['malformed-request', 'malformed-json', 'schema', 'new-word'];
  one.collector.mischief = (_, attempt) => {
    const code = attempt === 1 ? codes.pop() : undefined;
    return code === undefined ? undefined : { status: 400, headers: PROBLEM, body: problem(code) };
  };
  await drained(one);
  expect(accountOf(one.spool).quarantined).toBe(0);
  expectAllThere(one, 6);
});

it.each(['malformed-batch', 'foreign-batch', 'too-large'])('puts a batch aside that is %s', async code => {
  const one = await setting(2);
  one.collector.mischief = ({ header }) =>
    header.sequence === 1 ? { status: 413, headers: PROBLEM, body: problem(code) } : undefined;
  await drained(one);
  expect(accountOf(one.spool)).toMatchObject({ quarantined: 1, shipped: { batches: 1 } });
});

it('fault 9: opens a new epoch when its keys were used for another content, and sends what conflicts again', async () => {
  const one = await setting(6);
  const { collector, spool, epochs } = one;
  // As after the machine was set back: the collector has other batches 3 to 6 of epoch 1.
  const before = newSpool({ sensor: collector.sensor });
  for (let n = 0; n < 6; n++) before.commit([draft(7)]);
  for (const id of before.waiting(9).slice(2)) {
    const batch = before.take(id)!;
    collector.batches.set(`${batch.epoch}/${batch.sequence}`, openBatch(batch.wire));
  }
  await drained(one);
  expect(epochs).toEqual([2]);
  expect([...collector.batches.keys()].sort()).toEqual([
    '1/1',
    '1/2',
    '1/3',
    '1/4',
    '1/5',
    '1/6',
    '2/1',
    '2/2',
    '2/3',
    '2/4',
  ]);
  expect(collector.records).toBe(4 * 7 + 6 * 10);
  expect(accountOf(spool)).toMatchObject({ shipped: { batches: 6, records: 60 }, epoch: 2 });
  expect(accountOf(spool).alarms.join()).toContain('epoch 2 begins');
  expect(balanceOf(spool)).toEqual(BALANCED);
});

it('fault 15: sends again what the collector lacks, and notes its clock and networks', async () => {
  const one = await setting(8);
  const { collector, spool, client, shipper } = one;
  await drained(one);
  for (const key of ['1/2', '1/3', '1/7']) collector.batches.delete(key); // as after a backup was restored
  collector.gaps = [
    { epoch: 1, from: 2, to: 3 },
    { epoch: 1, from: 7, to: 99 },
    { epoch: 4, from: 1, to: 2 },
  ];
  collector.networks = ['198.51.100.0/24'];
  collector.clockMs = () => Date.now() - 90_000;
  const networks: string[] = [];
  const heartbeat = {
    spool,
    client,
    say: () => {},
    onGaps: () => shipper.wake(),
    onNetworks: (n: readonly string[]) => void networks.push(...n),
  };
  expect(await beat(heartbeat)).toBe(true);
  await drained(one);
  expect(collector.heartbeats.at(-1)).toMatchObject({
    epochs: [{ epoch: 1, sealed: 8 }],
    status: { recorded: 80 },
    version: packageJson.version,
  });
  expect(networks).toEqual(['198.51.100.0/24']);
  expect(accountOf(spool).clockOffsetMs).toBeGreaterThan(89_000);
  expect(accountOf(spool).alarms).toEqual([expect.stringMatching(/^this clock is 90\.\d s ahead of the collector's$/)]);
  collector.clockMs = () => Date.now();
  await beat(heartbeat);
  expectAllThere(one, 8);
});

it('waits for a collector that is not there yet', async () => {
  const one = await setting(5);
  const port = Number(new URL(one.collector.url).port);
  await one.collector.stop();
  one.shipper.wake();
  const refused = ['the collector cannot be reached: the connection is refused'];
  await expect.poll(() => accountOf(one.spool).alarms, { timeout: 10_000 }).toEqual(refused);
  const again = new FakeCollector();
  onTestFinished(() => again.stop());
  Object.assign(again, { mischief: () => undefined });
  await again.start(port);
  // Another collector, which knows no key of ours: still nothing is given up.
  await expect.poll(() => again.bad.length, { timeout: 10_000 }).toBeGreaterThan(0);
  expect(accountOf(one.spool).spooled.batches).toBe(5);
});

it('sends nothing again for gaps that were computed while it was on its way', async () => {
  const one = await setting(5);
  const { collector, spool, client } = one;
  collector.gaps = [{ epoch: 1, from: 1, to: 5 }]; // of when the heartbeat came: nothing had arrived
  const said: string[] = [];
  const heartbeat = {
    spool,
    client: {
      send: async (request: Parameters<Client['send']>[0]) => {
        await sleep(5);
        const reply = await client.send(request);
        await drained(one);
        return reply;
      },
    },
    say: (text: string) => void said.push(text),
    onGaps: () => one.shipper.wake(),
    onNetworks: () => {},
  };
  expect(await beat(heartbeat)).toBe(true);
  await drained(one);
  expect(said).toEqual([]);
  expect(collector.attempts).toHaveLength(5);
  expectAllThere(one, 5);
});

it('fault 4: outlives a collector that is away while its own disk is full', async () => {
  const failures: unknown[] = [];
  const one = await setting(3, { onFailure: error => void failures.push(error) });
  const { collector, spool } = one;
  const port = Number(new URL(collector.url).port);
  await collector.stop();
  const giveBack = fillUp(spool);
  await one.shipper.drained(AbortSignal.timeout(500), true);
  expect(accountOf(spool).alarms).toEqual([]); // there was no room for it
  giveBack();
  await collector.start(port);
  await drained(one);
  expect(failures).toEqual([]);
  expectAllThere(one, 3);
});

it('puts a damaged batch aside when there is room to say so', async () => {
  const failures: unknown[] = [];
  const one = await setting(3, { onFailure: error => void failures.push(error) });
  const { collector, spool, shipper } = one;
  spool.database.exec('UPDATE batch SET wire_sha256 = zeroblob(32) WHERE sequence = 1');
  const giveBack = fillUp(spool);
  shipper.wake();
  await expect.poll(() => collector.attempts.length).toBe(2); // the others do not wait for it
  expect(accountOf(spool).quarantined).toBe(0);
  giveBack();
  await drained(one);
  expect(failures).toEqual([]);
  expect(accountOf(spool)).toMatchObject({ quarantined: 1, lost: { batches: 1 }, shipped: { batches: 2 } });
});

it('tells a spool that breaks to whoever runs it, and not to whoever wakes it', async () => {
  const failures: unknown[] = [];
  const one = await setting(2, { onFailure: error => void failures.push(error) });
  one.spool.close();
  one.shipper.wake();
  one.shipper.wake();
  expect(failures).toHaveLength(1);
});
