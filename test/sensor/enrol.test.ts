/** Enrolment: a token is asked for by nobody who could not use it, and a sensor that runs keeps its state. */
import { createPublicKey } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { Registry } from '../../collector/registry/registry.ts';
import { takeLock } from '../../common/sqlite/lock.ts';
import { readConfig, readKey } from '../../sensor/enrol/config.ts';
import { enrol } from '../../sensor/enrol/enrol.ts';
import { type SensorPaths, sensorPaths } from '../../sensor/enrol/paths.ts';
import { Spool } from '../../sensor/spool/spool.ts';
import { startCollector } from '../ingest/support.ts';
import type { Random } from '../support/random.ts';
import { startRoughProxy } from '../support/rough-proxy.ts';
import { draft, newSpool, SENSOR, SPOOL_OPTIONS, temporary } from './support.ts';

interface Setting {
  readonly paths: SensorPaths;
  /** Tokens that were spent, and the keys they came with. */
  readonly spent: string[];
  readonly told: string[];
  /** Each time with another token, unless one is given. */
  readonly enrol: (token?: string) => ReturnType<typeof enrol>;
  /** What the collector does when it is asked; undefined: cuts the connection. */
  onAsked: () => { status: number; sensor?: string } | undefined;
}

async function setting(): Promise<Setting> {
  const paths = sensorPaths(path.join(temporary(), 'state'));
  const one: Setting = {
    paths,
    spent: [],
    told: [],
    enrol: (token = `token-${one.spent.length}`) => enrol(paths, { collector: url, token, insecureHttp: false }),
    onAsked: () => ({ status: 201 }),
  };
  const server = http.createServer(async (request, response) => {
    const body = (await json(request)) as { token: string; publicKey: string };
    const answer = one.onAsked();
    one.spent.push(body.token);
    one.told.push(body.publicKey);
    if (answer === undefined) return void request.socket.destroy();
    const { status, sensor = SENSOR } = answer;
    const keyId = `key-${one.spent.length}`;
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify({ sensor, name: 'one', economy: 'JP', keyId, networks: ['192.0.2.0/24'], epoch: 7 }));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return one;
}

const keysIn = ({ configDirectory }: SensorPaths) =>
  fs.readdirSync(configDirectory).filter(name => /\.pem$/.test(name));
const publicOf = (pem: string): string => createPublicKey(pem).export({ format: 'jwk' }).x!;

it('has its key on the disk before it spends the token, and takes it away when it is refused', async () => {
  const one = await setting();
  const found: string[][] = [];
  one.onAsked = () => {
    const keys = keysIn(one.paths).map(name => path.join(one.paths.configDirectory, name));
    for (const key of keys) expect(fs.statSync(key).mode & 0o777).toBe(0o600);
    found.push(keys.map(key => publicOf(fs.readFileSync(key, 'utf8'))));
    return { status: found.length === 1 ? 401 : 201 };
  };
  await expect(one.enrol()).rejects.toThrow('ask for a new one');
  expect(keysIn(one.paths)).toEqual([]);
  const config = await one.enrol();
  expect(found).toEqual(one.told.map(key => [key]));
  expect(createPublicKey(readKey(one.paths, readConfig(one.paths))).export({ format: 'jwk' }).x).toBe(one.told[1]);
  expect(config).toMatchObject({ sensor: SENSOR, keyId: 'key-2', epoch: 7 });
  const before = config.key;
  const again = await one.enrol();
  expect(keysIn(one.paths)).toEqual([again.key]);
  expect(again.key).not.toBe(before);
});

const MAY_BE_ENROLLED =
  /; it may have enrolled this sensor all the same: run the same command again .*, with the same token$/;

it('asks again with the same key while it has no word on its token, says so, and with another token makes another', async () => {
  const one = await setting();
  const { configDirectory } = one.paths;
  // A proxy's word says not whether the token is spent; no word says nothing.
  one.onAsked = () => undefined;
  await expect(one.enrol('token')).rejects.toThrow(
    /^nothing was heard from the collector http:\S+ \(the connection was cut\)/,
  );
  await expect(one.enrol('token')).rejects.toThrow(MAY_BE_ENROLLED);
  one.onAsked = () => ({ status: 524 });
  await expect(one.enrol('token')).rejects.toThrow('the collector answers 524; it may');
  await expect(one.enrol('token')).rejects.toThrow(MAY_BE_ENROLLED);
  one.onAsked = () => ({ status: 429 }); // this one says that it was not taken, of this time
  await expect(one.enrol('token')).rejects.toThrow(/answers 429: try again later$/);
  const nowhere = enrol(one.paths, { collector: 'http://127.0.0.1:1', token: 'token', insecureHttp: false });
  await expect(nowhere).rejects.toThrow(/^the collector \S+ cannot be reached: the connection is refused$/);
  expect(keysIn(one.paths)).toEqual([expect.stringMatching(/^pending-/)]);
  one.onAsked = () => ({ status: 201 });
  const { key } = await one.enrol('token');
  expect(new Set(one.told).size).toBe(1);
  expect(publicOf(fs.readFileSync(path.join(configDirectory, key), 'utf8'))).toBe(one.told[0]);
  expect(keysIn(one.paths)).toEqual([key]);

  one.onAsked = () => undefined;
  await expect(one.enrol('second')).rejects.toThrow(MAY_BE_ENROLLED);
  await expect(one.enrol('third')).rejects.toThrow(MAY_BE_ENROLLED);
  expect(keysIn(one.paths)).toHaveLength(2); // what is in use, and one to try with
  const [pending] = keysIn(one.paths).filter(name => name !== key);
  fs.writeFileSync(path.join(configDirectory, pending!), '-----BEGIN'); // damaged: another is made
  one.onAsked = () => ({ status: 401 });
  await expect(one.enrol('third')).rejects.toThrow('ask for a new one');
  expect(new Set(one.told).size).toBe(4);
  expect(keysIn(one.paths)).toEqual([key]);
});

it('is enrolled once where the collector takes the token and its answer is lost, and the same command is run again', async () => {
  const collector = await startCollector();
  const { host } = new URL(await collector.listen());
  let lost = 2;
  const choice = { pick: () => (lost-- > 0 ? 'swallowed' : 'passed'), below: () => 0 } as unknown as Random;
  const proxy = await startRoughProxy(() => host, choice);
  onTestFinished(() => proxy.close());
  proxy.begin();
  const networks = ['198.51.100.0/24'];
  const added = collector.registry.addSensor({ name: 'west', owner: 'org', economy: 'JP', networks }, Date.now());
  const enrolments = () => collector.registry.audit(added.sensor.index, 99).filter(({ action }) => action === 'enrol');
  const paths = sensorPaths(path.join(temporary(), 'state'));
  const run = () => enrol(paths, { collector: `http://${proxy.host}`, token: added.token, insecureHttp: false });
  for (let n = 0; n < 2; n++) {
    await expect(run()).rejects.toThrow(MAY_BE_ENROLLED);
    expect(enrolments()).toHaveLength(1);
    expect(fs.existsSync(paths.config)).toBe(false);
  }
  const config = await run();
  expect(enrolments()).toHaveLength(1);
  expect(config).toMatchObject({ sensor: added.sensor.id, name: 'west', networks, epoch: 1 });
  const owner = collector.registry.keyOwner(config.keyId, Date.now())!;
  expect(owner.publicKey.equals(createPublicKey(readKey(paths, readConfig(paths))))).toBe(true);
  await expect(run()).rejects.toThrow('ask for a new one'); // its key is in use: this is another, and the token is used
  expect(readConfig(paths)).toEqual(config);
});

it('is enrolled where the collector took the token, its answer was lost, and it was started again since', async () => {
  const before = await startCollector();
  let { host } = new URL(await before.listen());
  let isLost = true;
  const choice = { pick: () => (isLost ? 'swallowed' : 'passed'), below: () => 0 } as unknown as Random;
  const proxy = await startRoughProxy(() => host, choice);
  onTestFinished(() => proxy.close());
  proxy.begin();
  const networks = ['198.51.100.0/24'];
  const { token } = before.registry.addSensor({ name: 'west', owner: 'org', economy: 'JP', networks }, Date.now());
  const enrolIn = (folder: string) =>
    enrol(sensorPaths(folder), { collector: `http://${proxy.host}`, token, insecureHttp: false });
  const state = path.join(temporary(), 'state');
  await expect(enrolIn(state)).rejects.toThrow(MAY_BE_ENROLLED);
  isLost = false;
  // All that the collector has of it after a restart.
  const registry = Registry.open(path.join(before.dir, 'registry.db'));
  onTestFinished(() => registry.close());
  const after = await startCollector({ powers: { enrol: request => registry.enrol(request, Date.now()) } });
  host = new URL(await after.listen()).host;
  await expect(enrolIn(path.join(temporary(), 'another'))).rejects.toThrow('ask for a new one');
  const config = await enrolIn(state);
  expect(config).toMatchObject({ name: 'west', networks, epoch: 1 });
  const owner = registry.keyOwner(config.keyId, Date.now())!;
  expect(owner.publicKey.equals(createPublicKey(readKey(sensorPaths(state), config)))).toBe(true);
  expect(registry.audit(owner.sensor.index, 9).map(({ action }) => action)).toEqual(['enrol', 'sensor add']);
});

it('spends no token on a state or a configuration that it cannot use', async () => {
  const one = await setting();
  const { paths } = one;
  fs.mkdirSync(paths.stateDirectory, { recursive: true });
  fs.writeFileSync(paths.spool, 'no database at all, but long enough to be taken for one'.repeat(99));
  await expect(one.enrol()).rejects.toThrow(/spool\.db/);
  fs.rmSync(paths.spool);
  fs.mkdirSync(paths.config);
  await expect(one.enrol()).rejects.toThrow(/config\.json/);
  fs.rmdirSync(paths.config);
  expect(one.spent).toEqual([]);
  expect(keysIn(paths)).toEqual([]);
  fs.writeFileSync(paths.config, '{"damaged": '); // which is what an enrolment mends
  await one.enrol();
  expect(one.spent).toHaveLength(1);
  expect(readConfig(paths).sensor).toBe(SENSOR);
});

it('renews the key of a sensor that runs, and neither makes nor removes a state that another process has', async () => {
  const one = await setting();
  const { paths } = one;
  await one.enrol();
  const lock = takeLock(paths.lock);
  onTestFinished(() => lock.release());
  const renewed = await one.enrol();
  expect(renewed).toMatchObject({ keyId: 'key-2', epoch: 7 });
  one.onAsked = () => ({ status: 201, sensor: '00000000-0000-4000-8000-000000000000' });
  await expect(one.enrol()).rejects.toThrow(/enaga-sensor runs on .*: stop it/);
  expect(fs.existsSync(paths.spool)).toBe(true);
  expect(readConfig(paths)).toEqual(renewed);
  expect(keysIn(paths)).toEqual([renewed.key]);
  fs.rmSync(paths.spool);
  const before = one.spent.length;
  await expect(one.enrol()).rejects.toThrow(/enaga-sensor runs on .*: stop it/);
  expect(fs.existsSync(paths.spool)).toBe(false);
  expect(one.spent).toHaveLength(before);
});

it('keeps what was not sent, of the same sensor alone', async () => {
  const one = await setting();
  const { paths } = one;
  await one.enrol();
  const spool = Spool.open(paths.spool, SPOOL_OPTIONS);
  spool.commit([draft(5)]);
  spool.close();
  await one.enrol();
  const kept = newSpool({}, paths.spool);
  expect(kept.waiting(9)).toHaveLength(1);
  kept.close();
  one.onAsked = () => ({ status: 201, sensor: '00000000-0000-4000-8000-000000000000' });
  await expect(one.enrol()).rejects.toThrow('the state of another sensor');
  expect(readConfig(paths).sensor).toBe(SENSOR);
  expect(keysIn(paths)).toHaveLength(1);
});
