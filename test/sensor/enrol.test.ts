/** Enrolment: a token is asked for by nobody who could not use it, and a sensor that runs keeps its state. */
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { takeLock } from '../../common/sqlite/lock.ts';
import { readConfig, readKey } from '../../sensor/enrol/config.ts';
import { enrol } from '../../sensor/enrol/enrol.ts';
import { type SensorPaths, sensorPaths } from '../../sensor/enrol/paths.ts';
import { Spool } from '../../sensor/spool/spool.ts';
import { draft, newSpool, SENSOR, SPOOL_OPTIONS, temporary } from './support.ts';

interface Setting {
  readonly paths: SensorPaths;
  /** Tokens that were spent. */
  readonly spent: string[];
  readonly enrol: () => ReturnType<typeof enrol>;
  /** What the collector does when it is asked. */
  onAsked: () => { status: number; sensor?: string };
}

async function setting(): Promise<Setting> {
  const paths = sensorPaths(path.join(temporary(), 'state'));
  const one: Setting = {
    paths,
    spent: [],
    enrol: () => enrol(paths, { collector: url, token: `token-${one.spent.length}`, insecureHttp: false }),
    onAsked: () => ({ status: 201 }),
  };
  const server = http.createServer(async (request, response) => {
    const body = (await json(request)) as { token: string };
    const { status, sensor = SENSOR } = one.onAsked();
    one.spent.push(body.token);
    const keyId = `key-${one.spent.length}`;
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify({ sensor, name: 'one', economy: 'JP', keyId, networks: ['192.0.2.0/24'], epoch: 7 }));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return one;
}

const keysIn = ({ configDirectory }: SensorPaths) => fs.readdirSync(configDirectory).filter(name => /^key-/.test(name));

it('has its key on the disk before it spends the token, and takes it away when it is refused', async () => {
  const one = await setting();
  const found: string[][] = [];
  one.onAsked = () => {
    found.push(keysIn(one.paths));
    return { status: found.length === 1 ? 401 : 201 };
  };
  await expect(one.enrol()).rejects.toThrow('ask for a new one');
  expect(keysIn(one.paths)).toEqual([]);
  const config = await one.enrol();
  expect(found).toEqual([[expect.any(String)], [config.key]]);
  expect(readKey(one.paths, readConfig(one.paths)).asymmetricKeyType).toBe('ed25519');
  expect(config).toMatchObject({ sensor: SENSOR, keyId: 'key-2', epoch: 7 });
  const before = config.key;
  const again = await one.enrol();
  expect(keysIn(one.paths)).toEqual([again.key]);
  expect(again.key).not.toBe(before);
  // A proxy's word says not whether the token is spent.
  one.onAsked = () => ({ status: 524 });
  await expect(one.enrol()).rejects.toThrow('answers 524: try again later, and ask for a new token if');
  one.onAsked = () => ({ status: 429 });
  await expect(one.enrol()).rejects.toThrow(/answers 429: try again later$/);
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
