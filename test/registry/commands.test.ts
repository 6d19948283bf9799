/** What an admin types, and what it answers. */
import { generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataPaths, readSecret } from '../../collector/commands/data.ts';
import { Log } from '../../collector/log/log.ts';
import { Registry } from '../../collector/registry/registry.ts';
import { batch, NOON } from '../log/batches.ts';
import { admin } from '../support/admin.ts';

let folder: string;
let data: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-admin-'));
  data = path.join(folder, 'data');
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const run = (...args: string[]) => admin(...args, '--data', data);
const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout);
const addSensor = (name = 'tokyo-1', network = '192.0.2.0/24') =>
  run('sensor', 'add', name, '--owner', 'example', '--economy', 'JP', '--network', network);

describe('enaga init', () => {
  const mode = (file: string) => (fs.statSync(file).mode & 0o777).toString(8);

  it('makes a directory only its owner can read, once', async () => {
    const first = await run('init');
    expect(first.code).toBe(0);
    expect(first.stdout).toContain(`enaga serve --data ${data}`);
    const paths = dataPaths(data);
    expect([mode(paths.root), mode(paths.secret)]).toEqual(['700', '600']);
    const { hashKey } = readSecret(paths);
    expect(first.stdout).not.toContain(String(hashKey.low));
    const again = await run('init');
    expect([again.code, again.stdout]).toEqual([0, `${data} is set up already: nothing was changed\n`]);
    expect(readSecret(paths)).toEqual({ hashKey });
  });

  it('completes what was broken off, and leaves a directory of somebody else alone', async () => {
    await run('init');
    fs.rmSync(dataPaths(data).secret);
    expect((await run('init')).code).toBe(0);
    const other = path.join(folder, 'other');
    fs.mkdirSync(other);
    fs.writeFileSync(path.join(other, 'thesis.tex'), '');
    const refused = await admin('init', '--data', other);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      `enaga init: ${other} has other files in it, like thesis.tex: give an empty directory\n`,
    ]);
    expect(fs.readdirSync(other)).toEqual(['thesis.tex']);
  });
});

it('every command says how to begin where nothing is set up', async () => {
  for (const args of [
    ['org', 'list'],
    ['sensor', 'list'],
    ['backup', '--to', path.join(folder, 'copy')],
  ]) {
    const { code, stderr } = await run(...args);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`is not set up: run enaga init --data ${data}\n`)]);
  }
  expect(fs.existsSync(data)).toBe(false);
});

describe('enaga sensor', () => {
  beforeEach(async () => {
    await run('init');
    await run('org', 'add', 'example', '--title', 'Example University');
  });

  it('add prints what enrols the sensor, and that does', async () => {
    const { stdout } = await addSensor();
    const [, url, token] = /^ {2}enaga-sensor enrol --collector (\S+) --token (\S+)$/m.exec(stdout)!;
    expect(url).toBe('http://127.0.0.1:8740');
    const registry = Registry.open(dataPaths(data).registry);
    const publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x!;
    expect(registry.enrol({ token: token!, publicKey }, Date.now())?.name).toBe('tokyo-1');
    registry.close();
    expect(await json('sensor', 'list')).toMatchObject([{ name: 'tokyo-1', state: 'enrolled', lastBatch: null }]);
    expect((await run('sensor', 'show', 'tokyo-1')).stdout).not.toContain(token);
  });

  it('list and show tell of what came and what was done, while the log is written', async () => {
    await addSensor('silent', '198.51.100.0/24');
    await addSensor();
    const log = Log.open(dataPaths(data).log);
    log.append([batch(1, { sensor: 1 }), batch(2, { sensor: 1, receivedMs: NOON + 61_000 })]);
    const table = (await run('sensor', 'list')).stdout;
    expect(table).toMatch(/^silent +example +JP +not enrolled +- +0 +198\.51\.100\.0\/24$/m);
    expect(table).toMatch(/^tokyo-1 +example +JP +not enrolled +2026-03-02T12:01:01Z +20 +192\.0\.2\.0\/24$/m);
    log.close();
    await run('sensor', 'exclude', 'tokyo-1', '--from', '2026-02-28', '--to', '2026-03-01', '--reason', 'flooded');
    await run('sensor', 'change', 'tokyo-1', '--economy', 'KR');
    await run('sensor', 'revoke', 'tokyo-1');
    expect(await json('sensor', 'show', 'tokyo-1')).toMatchObject({
      state: 'revoked',
      records: 20,
      history: [{ economy: 'JP' }, { economy: 'KR' }],
      excluded: [{ from: '2026-02-28', to: '2026-03-01', reason: 'flooded' }],
      audit: ['sensor revoke', 'sensor change', 'sensor exclude', 'sensor add'].map(action => ({ action })),
    });
  });

  it('says what is wrong: exit code 1 for what cannot be, 2 for what makes no sense', async () => {
    await addSensor();
    for (const [args, code, text] of [
      [['show', 'kyoto'], 1, 'enaga sensor show: there is no sensor kyoto'],
      [['exclude', 'tokyo-1', '--from', '2026-02-30', '--to', '2026-03-01', '--reason', 'x'], 2, 'It takes a UTC date'],
      [['rotate', 'tokyo-1', '--expires', '0'], 2, 'It takes hours'],
      [['add', 'kyoto', '--owner', 'example'], 2, "required option '--economy"],
      [['frob'], 2, "unknown command 'frob'"],
    ] as const) {
      const said = await run('sensor', ...args);
      expect([said.code, said.stderr]).toEqual([code, expect.stringContaining(text)]);
    }
  });
});
