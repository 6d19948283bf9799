/** What an admin types, and what it answers. */
import { generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { auditCommand } from '../../collector/commands/audit.ts';
import { dataPaths, readSecret } from '../../collector/commands/data.ts';
import { memberCommand } from '../../collector/commands/member.ts';
import { Log } from '../../collector/log/log.ts';
import { Registry } from '../../collector/registry/registry.ts';
import { takeLock } from '../../common/sqlite/lock.ts';
import { batch, NOON } from '../log/batches.ts';
import { admin, runCommand } from '../support/admin.ts';

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
    for (const [where, words] of [
      ['/proc/nope/deep', '/proc/nope: no directory can be made there: name another place'],
      [path.join(other, 'thesis.tex'), 'thesis.tex: a part of this path is no directory: check it'],
    ] as const) {
      const { code, stderr } = await admin('init', '--data', where);
      expect([code, stderr]).toEqual([1, expect.stringContaining(`${words}\n`)]);
    }
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

  it('add prints what enrols the sensor, and that does; the URL is the one that enaga serve answers on', async () => {
    const { url: file, lock } = dataPaths(data);
    fs.writeFileSync(file, 'http://127.0.0.1:8740\n'); // as one that was killed leaves it
    expect((await addSensor('early', '203.0.113.0/24')).stdout).toMatch(
      /^ {2}enaga-sensor enrol --collector URL --token-file -\nURL: where it reaches this collector/m,
    );
    const held = takeLock(lock);
    onTestFinished(() => held.release());
    const { stdout } = await addSensor();
    const [, token] = /^token, .*: (\S+)$/m.exec(stdout)!;
    const [, url] = /^ {2}enaga-sensor enrol --collector (\S+) --token-file -$/m.exec(stdout)!; // it asks for it
    expect(url).toBe('http://127.0.0.1:8740');
    const registry = Registry.open(dataPaths(data).registry);
    const publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x!;
    expect(registry.enrol({ token: token!, publicKey }, Date.now())?.name).toBe('tokyo-1');
    registry.close();
    expect(await json('sensor', 'list')).toMatchObject([
      { name: 'early', state: 'not enrolled' },
      { name: 'tokyo-1', state: 'enrolled', lastBatch: null },
    ]);
    expect((await run('sensor', 'show', 'tokyo-1')).stdout).not.toContain(token);
    fs.writeFileSync(file, 'https://HOST:8740\n');
    expect((await run('sensor', 'rotate', 'tokyo-1')).stdout).toMatch(
      /must enrol again with this token, and be started again; its old key is good for 24 h after that\n[\s\S]*--ca FILE[\s\S]*^HOST: a name/m,
    );
    const added = await runCommand([memberCommand], ['member', 'add', 'example', '--data', data]);
    expect(added.stdout).toMatch(
      / --collector https:\/\/HOST:8740 --token-file FILE [\s\S]* https:\/\/HOST:8740\/sign-in\n$/,
    );
    const changed = await run('sensor', 'change', 'tokyo-1', '--network', '198.51.100.0/25');
    expect(changed.stdout).toMatch(
      /^it is told within a minute, and records by them from its next start on: start it/m,
    );
    const all = (await runCommand([auditCommand], ['audit', '--all', '--data', data])).stdout;
    expect(all).toMatch(/ sensor change +tokyo-1 +networks 198\.51\.100\.0\/25$/m);
    expect(all).toMatch(/ org add +example +title Example University$/m);
  });

  it('add takes economies that there are, and says how it takes a network', async () => {
    for (const [code, economy] of [...['ZZ', 'EU', 'XX', 'SU', 'jp'].map(one => [2, one]), [0, 'XK']] as const) {
      const said = await run(
        ...['sensor', 'add', `a-${economy}`, '--owner', 'example', '--economy', String(economy)],
        '--network',
        '10.0.0.0/8',
      );
      expect([economy, said.code, said.stderr]).toEqual([
        economy,
        code,
        code === 0 ? '' : expect.stringContaining('like JP'),
      ]);
    }
    expect(await addSensor('host', '198.51.100.77/24')).toMatchObject({
      code: 0,
      stderr: 'enaga sensor add: 198.51.100.77/24 is taken as 198.51.100.0/24\n',
    });
    for (const plain of ['203.0.113.7', '2001:DB8::/32'])
      expect((await addSensor(`n${plain.length}`, plain)).stderr).toBe('');
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
    expect((await run('sensor', 'include', 'tokyo-1', '--from', '2026-03-01', '--to', '2026-03-01')).stdout).toBe(
      'sensor tokyo-1 is included again from 2026-03-01 to 2026-03-01: those days are to be counted again\n',
    );
    await run('sensor', 'change', 'tokyo-1', '--economy', 'KR');
    await run('sensor', 'revoke', 'tokyo-1');
    expect(await json('sensor', 'show', 'tokyo-1')).toMatchObject({
      state: 'revoked',
      records: 20,
      history: [{ economy: 'JP' }, { economy: 'KR' }],
      excluded: [{ from: '2026-02-28', to: '2026-02-28', reason: 'flooded' }],
      audit: ['revoke', 'change', 'include', 'exclude', 'add'].map(action => ({ action: `sensor ${action}` })),
    });
  });

  it('says what is wrong: exit code 1 for what cannot be, 2 for what makes no sense', async () => {
    await addSensor();
    await addSensor('gone', '198.51.100.0/24');
    await run('sensor', 'revoke', 'gone');
    const flooded = ['--from', '2026-03-01', '--to', '2026-03-02', '--reason', 'flooded'];
    await run('sensor', 'exclude', 'tokyo-1', ...flooded);
    for (const [args, code, text] of [
      [
        ['revoke', 'gone'],
        1,
        'enaga sensor revoke: sensor gone is revoked already, for good: add it under another name',
      ],
      [['exclude', 'tokyo-1', ...flooded], 1, 'sensor tokyo-1 is excluded on these days already'],
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
