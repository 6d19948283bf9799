/** `enaga serve` as a process: how it starts, refuses to, serves, ends and starts again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { dataPaths } from '../../collector/commands/data.ts';
import { servedUrl } from '../../collector/commands/served.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { Registry } from '../../collector/registry/registry.ts';
import { writeMmdb } from '../support/mmdb-writer.ts';
import { batchRequest, makeBatch, newKeys, send, signed, type TestSensor } from './support.ts';

const program = path.join(import.meta.dirname, 'program.ts');
const root = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-serve-')), 'data');
const certificates = path.dirname(root);

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  output(): string;
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

function start(args: readonly string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, ...environment } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', piece => {
    stdout += piece;
  });
  child.stderr.on('data', piece => {
    stderr += piece;
  });
  const closed = once(child, 'close').then(([code]) => code as number | null);
  return { child, closed, stdout: () => stdout, stderr: () => stderr };
}

async function run(args: readonly string[], environment?: Record<string, string>) {
  const one = start(args, environment);
  const code = await one.closed;
  return { code, stdout: one.stdout(), stderr: one.stderr() };
}

async function serve(...args: string[]): Promise<Running> {
  const one = start(['serve', '--data', root, '--listen', '127.0.0.1:0', ...args]);
  onTestFinished(() => void one.child.kill('SIGKILL'));
  await Promise.race([once(one.child.stdout, 'data'), one.closed]);
  const url = /^enaga serves (https?:\/\/127\.0\.0\.1:\d+)\n$/.exec(one.stdout())?.[1];
  if (url === undefined) throw new Error(`no URL: ${one.stdout()}${one.stderr()}`);
  const end = (signal: NodeJS.Signals = 'SIGTERM') => {
    one.child.kill(signal);
    return one.closed;
  };
  return { child: one.child, url, output: () => one.stdout() + one.stderr(), end };
}

let sensor: TestSensor;

beforeAll(async () => {
  expect((await run(['init', '--data', root])).code).toBe(0);
  // No default is written down: a later version's hold for those who never chose.
  expect(fs.readFileSync(path.join(root, 'config.json'), 'utf8')).toBe('{}\n');
  const registry = Registry.open(path.join(root, 'registry.db'));
  registry.addOrganisation({ name: 'org' }, Date.now());
  const networks = ['192.0.2.0/24'];
  const { token } = registry.addSensor({ name: 'east', owner: 'org', economy: 'JP', networks }, Date.now());
  const keys = newKeys();
  sensor = { enrolment: registry.enrol({ token, publicKey: keys.publicText }, Date.now())!, token, networks, ...keys };
  registry.close();
});

afterAll(() => fs.rmSync(certificates, { recursive: true }));

describe('serve', () => {
  it('serves, counts, refuses a second on its data, ends when told, and has it all when it starts again', async () => {
    const first = await serve();
    const { bytes, sha256 } = makeBatch(sensor);
    const response = await send(first.url, await signed(sensor, batchRequest(bytes)));
    expect([response.status, await response.json()]).toMatchObject([200, { sha256 }]);
    const metrics = () => fetch(`${first.url}/metrics`).then(answer => answer.text());
    await expect.poll(metrics, { timeout: 10_000 }).toMatch(/^enaga_store_position 2$/m); // a geography came before it
    expect(await metrics()).toMatch(/^enaga_store_freshness_seconds 0$/m);
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    const paths = dataPaths(root);
    expect([first.output(), servedUrl(paths)]).toEqual([
      expect.stringContaining(`"listening on ${first.url}"`),
      first.url,
    ]);

    const second = await run(['serve', '--data', root, '--listen', '127.0.0.1:0']);
    expect([second.code, second.stdout]).toEqual([1, '']);
    expect(second.stderr).toBe(`enaga serve: ${root} is in use: another enaga serves or restores it\n`);

    expect(await first.end()).toBe(0);
    expect(servedUrl(paths)).toBeUndefined();
    const again = await serve();
    const duplicate = await send(again.url, await signed(sensor, batchRequest(bytes)));
    expect([duplicate.status, await duplicate.json()]).toMatchObject([200, { sha256 }]);
    expect(await again.end('SIGINT')).toBe(0);
    const reader = LogReader.open(path.join(root, 'log'));
    const entries = reader.geoEntries();
    expect([entries.length, reader.head()]).toEqual([1, 2]);
    reader.close();
    expect(entries[0]!.name).toBe('geo-whois-asn-country');
    for (const { file } of entries[0]!.files) expect(fs.existsSync(path.join(root, 'geo', file))).toBe(true);
    for (const text of [sensor.token, '192.0.2.', sensor.publicText]) expect(first.output()).not.toContain(text);
  });

  it('has its batches after a kill', async () => {
    const first = await serve('--log-level', 'debug');
    const { bytes, sha256 } = makeBatch(sensor, { sequence: 2 });
    expect((await send(first.url, await signed(sensor, batchRequest(bytes)))).status).toBe(200);
    await first.end('SIGKILL');
    const reader = LogReader.open(path.join(root, 'log'));
    expect(Buffer.from(reader.sha256At(reader.head())!).toString('hex')).toBe(sha256);
    reader.close();
    expect(servedUrl(dataPaths(root))).toBeUndefined(); // though the file that was true is there yet
    const again = await serve();
    expect(await again.end()).toBe(0);
  });

  it('on all addresses is no URL: it says HOST', async () => {
    const one = start(['serve', '--data', root, '--listen', '0.0.0.0:0', '--insecure-http']);
    onTestFinished(() => void one.child.kill('SIGKILL'));
    await Promise.race([once(one.child.stdout, 'data'), one.closed]);
    expect(one.stdout()).toMatch(/^enaga serves http:\/\/HOST:\d+ \(HOST: any name or address of this machine\)\n$/);
    expect(one.stdout()).toContain(`${servedUrl(dataPaths(root))} `);
    one.child.kill('SIGTERM');
    expect(await one.closed).toBe(0);
  });

  it('serves TLS, and another certificate after SIGHUP, and keeps it when the next will not do', async () => {
    const [cert, key] = [path.join(certificates, 'cert.pem'), path.join(certificates, 'key.pem')];
    const renew = async () => {
      const pair = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' });
      fs.writeFileSync(cert, pair.cert);
      fs.writeFileSync(key, pair.private);
      return pair.fingerprint.toLowerCase();
    };
    const shown = (url: string) =>
      new Promise<string>((resolve, reject) => {
        https
          .get(`${url}/healthz`, { rejectUnauthorized: false, agent: false }, response => {
            const { fingerprint } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate();
            response.resume().on('end', () => resolve(fingerprint.toLowerCase()));
          })
          .on('error', reject);
      });
    const first = await renew();
    const running = await serve('--tls-cert', cert, '--tls-key', key);
    expect(running.url).toMatch(/^https:/);
    expect(await shown(running.url)).toBe(first);
    const second = await renew();
    running.child.kill('SIGHUP');
    await expect.poll(() => shown(running.url)).toBe(second);
    fs.writeFileSync(key, 'no key');
    running.child.kill('SIGHUP');
    await expect.poll(running.output).toContain('the new one will not do');
    expect(await shown(running.url)).toBe(second);
    expect(await running.end()).toBe(0);
    const outcomes = [];
    for (const other of [key, path.join(certificates, 'other.pem')]) {
      if (other !== key) fs.writeFileSync(other, (await generate([], { keyType: 'ec' })).private);
      outcomes.push(await run(['serve', '--data', root, '--tls-cert', cert, '--tls-key', other]));
    }
    const [noPem, noPair] = outcomes;
    expect([noPem!.code, noPair!.code]).toEqual([1, 1]);
    expect(noPem!.stderr).toMatch(
      /^enaga serve: tlsKey .*key\.pem has no line -----BEGIN PRIVATE KEY-----: it must be PEM/,
    );
    expect(noPair!.stderr).toMatch(/^enaga serve: tlsCert .* are no pair: /);
  });

  it('says in a line why it cannot start', async () => {
    const none = path.join(certificates, 'none');
    const cases: [string[], number, RegExp][] = [
      [['--data', none], 1, /none is not set up: run enaga init --data /],
      [['--data', root, '--listen', '0.0.0.0:0'], 1, /listen \(--listen\) is reached from elsewhere/],
      [['--data', root, '--geo', none], 1, /none/],
      [['--data', root, '--known', program], 1, /program\.ts/],
      [['--data', root, '--tls-cert', none, '--tls-key', none], 1, /no such file/],
      [['--data', root, '--known', certificates], 1, /enaga-serve-\w+: this is a directory: name a file$/m],
      [['--data', root, '--log-level', 'loud'], 1, /It takes one of fatal, /],
      [['--data', root, '--listen', 'everywhere'], 1, /It takes HOST:PORT, like /],
      [['--data', root, '--listen', '127.0.0.1:99999'], 1, /It takes HOST:PORT, like /],
      [['--data', root, '--listen', '[2001:db8::9]:8740'], 1, /listen \(--listen\) is reached from elsewhere/],
      [
        ['--data', root, '--listen', '203.0.113.9:8740', '--insecure-http'],
        1,
        /203\.0\.113\.9 is no address of this machine/,
      ],
    ];
    // On a port of its own, unless a case names one: the default's may be another collector's.
    const outcomes = await Promise.all(cases.map(([args]) => run(['serve', '--listen', '127.0.0.1:0', ...args])));
    for (const [n, { code, stdout, stderr }] of outcomes.entries()) {
      expect([code, stdout, stderr]).toEqual([cases[n]![1], '', expect.stringMatching(cases[n]![2])]);
      expect(stderr.split('\n').filter(line => /^\s+at /.test(line))).toEqual([]);
    }
  });

  it('says that another has its port, and leaves its data as they were', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as net.AddressInfo;
    const { code, stdout, stderr } = await run(['serve', '--data', root, '--listen', `127.0.0.1:${port}`]);
    taken.close();
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(`enaga serve: another program listens on 127.0.0.1:${port}: choose another --listen\n`);
    expect(await (await serve()).end()).toBe(0);
  });

  it('ends when counting cannot go on, and says so', async () => {
    const copy = path.join(certificates, 'copy');
    fs.cpSync(root, copy, { recursive: true });
    fs.rmSync(path.join(copy, 'geo'), { recursive: true }); // what its log names and, with another given, cannot be had again
    fs.rmSync(path.join(copy, 'store.db'));
    const other = path.join(certificates, 'other.mmdb');
    const about = { databaseType: 'Other-Country', buildEpoch: 1_790_000_000, ipVersion: 4 } as const;
    writeMmdb(other, about, [['0.0.0.0/1', { country: { iso_code: 'JP' } }]]);
    const { code, stderr } = await run(['serve', '--data', copy, '--listen', '127.0.0.1:0', '--geo', other]);
    expect(code).toBe(1);
    expect(stderr).toContain('counting failed');
  });

  it('prints its settings with secrets hidden', async () => {
    const { low, high } = JSON.parse(fs.readFileSync(path.join(root, 'secret.json'), 'utf8')).hashKey;
    const { code, stdout, stderr } = await run(['serve', '--data', root, '--print-config', '--metrics-for', 'all'], {
      ENAGA_LOG_LEVEL: 'warn',
      ENAGA_PASSWORD: 'hunter2hunter2',
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^logLevel +warn +ENAGA_LOG_LEVEL$/m);
    expect(stdout).toMatch(/^metricsFor +all +--metrics-for$/m);
    expect(stdout).toMatch(/^hashKey +\(hidden\) +.*secret\.json$/m);
    expect(stderr).toBe('enaga serve: ENAGA_PASSWORD is set and is no setting\n');
    for (const text of [String(low), String(high), 'hunter2hunter2']) expect(stdout + stderr).not.toContain(text);
  });
});
