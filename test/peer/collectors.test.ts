/**
 * Two real collectors on loopback: one pulls the other, as anyone and as its member. What it keeps must be what the other's API
 * says, asked by the test itself.
 */
import fs from 'node:fs';
import path from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pullCommand } from '../../collector/commands/pull.ts';
import { runCommand } from '../support/admin.ts';
import { Observatory } from '../support/observatory.ts';
import type { SealedLog } from '../support/sealed-log.ts';
import { type Ran, run } from './run.ts';
import { appendLate, dateOf, FIRST, filled, NETWORK } from './support.ts';

const DAYS = [0, 1, 2].map(n => dateOf(FIRST + n));
/** The public's rule would want five sensors of three organisations: a test of a pull can do with fewer. */
const FEW = ['--public-sensors', '1', '--public-owners', '1'];

let theirs: SealedLog;
let ours: SealedLog;
/** The one that is pulled has a certificate that only --ca knows. */
let peer: Observatory;
let own: Observatory;
let authority: string;
let tls: string[];
let tokens: { peer: string; own: string };

/** A command on a collector's data, in this process. */
async function enaga(observatory: Observatory, args: readonly string[], code = 0): Promise<Ran> {
  const ran = await run(observatory.data, ...args);
  expect([ran.code, code === 0 ? ran.stderr : '']).toEqual([code, '']);
  return ran;
}

async function addMember(observatory: Observatory, name: string): Promise<string> {
  await enaga(observatory, ['org', 'add', name]);
  return JSON.parse((await enaga(observatory, ['member', 'add', name, '--json'])).stdout).token;
}

beforeAll(async () => {
  [theirs, ours] = await Promise.all([filled(900, 1, 3), filled(600, 77, 3)]);
  peer = new Observatory({ data: theirs.dir });
  own = new Observatory({ data: ours.dir });
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  authority = path.join(peer.folder, 'certificate.pem');
  fs.writeFileSync(authority, cert);
  fs.writeFileSync(path.join(peer.folder, 'key.pem'), key);
  tls = ['--tls-cert', authority, '--tls-key', path.join(peer.folder, 'key.pem')];
  tokens = { peer: await addMember(peer, 'foreign-csirt'), own: await addMember(own, 'our-csirt') };
  fs.writeFileSync(path.join(own.folder, 'token'), `${tokens.peer}\n`, { mode: 0o600 });
  await Promise.all([peer.serve(...tls, ...FEW), own.serve(...FEW)]);
}, 120_000);
afterAll(async () => {
  await peer?.remove();
  await own?.remove();
  theirs?.remove();
  ours?.remove();
});

async function ask(observatory: Observatory, question: string, token?: string) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const { request } = observatory.url.startsWith('https') ? await import('node:https') : await import('node:http');
  const ca = observatory.url.startsWith('https') ? { ca: fs.readFileSync(authority) } : {};
  return new Promise<{ status: number; text: string; body: { rows: Row[]; sources?: Row[]; days?: Row[] } }>(
    (resolve, reject) => {
      request(`${observatory.url}${question}`, { headers, ...ca }, response => {
        let text = '';
        response.on('data', piece => {
          text += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode!, text, body: JSON.parse(text) }));
      })
        .on('error', reject)
        .end();
    },
  );
}
type Row = Record<string, unknown>;

const without = (rows: readonly Row[], ...keys: string[]) =>
  rows.map(row => Object.fromEntries(Object.entries(row).filter(([key]) => !keys.includes(key))));

describe('a collector that pulls another', () => {
  it('as its member: every figure is what the other API says, and the token goes nowhere', async () => {
    await enaga(own, [
      'peer',
      'add',
      'id-whole',
      '--url',
      peer.url,
      '--ca',
      authority,
      '--token-file',
      path.join(own.folder, 'token'),
    ]);
    const { stdout } = await enaga(own, ['peer', 'pull', 'id-whole']);
    expect(stdout).toBe('id-whole: 3 days\n');
    const theirs = await ask(peer, `/v1/days/${DAYS[0]}:${DAYS[2]}`, tokens.peer);
    const ours = await ask(own, '/v1/peers/id-whole/days', tokens.own);
    expect(without(ours.body.rows, 'taken', 'view')).toEqual(without(theirs.body.rows, 'state'));
    for (const table of ['ports', 'countries', 'port-countries']) {
      const said = await ask(peer, `/v1/days/${DAYS[0]}:${DAYS[2]}/${table}`, tokens.peer);
      const kept = await ask(own, `/v1/peers/id-whole/days/${DAYS[0]}:${DAYS[2]}/${table}`, tokens.own);
      expect(kept.body.rows.length).toBeGreaterThan(10);
      expect(kept.body.rows).toEqual(said.body.rows);
      expect(kept.body.days!.every(({ complete, view }) => complete === true && view === 'whole')).toBe(true);
    }
    expect((await enaga(own, ['peer', 'list', '--json'])).stdout).not.toContain(tokens.peer);
    expect(own.said).not.toContain(tokens.peer);
  });

  it('as anyone: what is public there, labelled as rounded and cut short', async () => {
    await enaga(own, ['peer', 'add', 'id-public', '--url', peer.url, '--ca', authority]);
    expect((await enaga(own, ['peer', 'pull', 'id-public'])).stdout).toBe('id-public: 3 days\n');
    const theirs = await ask(peer, `/v1/days/${DAYS[0]}:${DAYS[2]}/ports`);
    const kept = await ask(own, `/v1/peers/id-public/days/${DAYS[0]}:${DAYS[2]}/ports`, tokens.own);
    expect(theirs.body.rows.length).toBe(30);
    expect(kept.body.rows).toEqual(theirs.body.rows);
    expect(kept.body.days!.every(({ complete, view }) => complete === false && view === 'guarded')).toBe(true);
    expect((await ask(own, `/v1/peers/id-public/days/${DAYS[0]}/port-countries`, tokens.own)).status).toBe(404);
    const { rows } = (await ask(own, '/v1/peers', tokens.own)).body;
    expect(rows.map(({ name, view, days, trouble }) => [name, view, days, trouble])).toEqual([
      ['id-public', 'guarded', 3, null],
      ['id-whole', 'whole', 3, null],
    ]);
  });

  it('asks once where nothing is new, and gets a 304', async () => {
    expect((await enaga(own, ['peer', 'pull', 'id-whole'])).stdout).toBe('id-whole: nothing new\n');
    const [list] = JSON.parse((await enaga(own, ['peer', 'list', '--json'])).stdout);
    expect(list.trouble).toBeNull();
  });

  it('shows the public nothing of a peer, but where the operator said so', async () => {
    for (const question of ['/v1/peers/id-public/days', '/v1/peers/id-whole/days', '/v1/peers/nobody/days'])
      expect((await ask(own, question)).text).toBe((await ask(own, '/v1/peers/other/days')).text);
    expect((await ask(own, '/v1/peers')).body.rows).toEqual([]);
    const { body } = await ask(own, `/v1/compare/${DAYS[0]}:${DAYS[2]}/ports`, tokens.own);
    expect(body.sources!.map(({ name }) => name)).toEqual(['own', 'id-public', 'id-whole']);
    await enaga(own, ['peer', 'add', 'id-shown', '--url', peer.url, '--ca', authority, '--public']);
    await enaga(own, ['peer', 'pull', 'id-shown']);
    expect((await ask(own, '/v1/peers')).body.rows.map(({ name }) => name)).toEqual(['id-shown']);
    expect((await ask(own, `/v1/peers/id-shown/days/${DAYS[1]}/countries`)).status).toBe(200);
    await enaga(own, ['peer', 'remove', 'id-shown']);
    expect((await ask(own, '/v1/peers')).body.rows).toEqual([]);
    const token = path.join(own.folder, 'token');
    const refused = await enaga(
      own,
      ['peer', 'add', 'x', '--url', peer.url, '--ca', authority, '--public', '--token-file', token],
      2,
    );
    expect(refused.stderr).toContain('leave --token-file out');
  });

  it('compares in one unit: shares and means are those of each source alone', async () => {
    const { body } = await ask(own, `/v1/compare/${DAYS[0]}:${DAYS[2]}/ports?top=5`, tokens.own);
    const totals = { own: await ask(own, `/v1/days/${DAYS[0]}:${DAYS[2]}`, tokens.own) };
    const sum = (rows: readonly Row[], key: string) => rows.reduce((all, row) => all + Number(row[key]), 0);
    expect(body.sources!.find(({ name }) => name === 'own')!.packets).toBe(sum(totals.own.body.rows, 'packets'));
    for (const [source, base, asked, token] of [
      ['own', '/v1/days', own, tokens.own],
      ['id-whole', '/v1/days', peer, tokens.peer],
    ] as const) {
      const all = (await ask(asked, `${base}/${DAYS[0]}:${DAYS[2]}`, token)).body.rows;
      const ports = (await ask(asked, `${base}/${DAYS[0]}:${DAYS[2]}/ports`, token)).body.rows;
      const compared = body.rows.filter(row => row.source === source);
      expect(compared.length).toBeGreaterThanOrEqual(5);
      for (const { protocol, port, type, packets, share, meanPerSensor } of compared) {
        const same = ports.filter(row => row.protocol === protocol && row.port === port && row.type === type);
        expect(packets).toBe(sum(same, 'packets'));
        expect(share).toBeCloseTo(sum(same, 'packets') / sum(all, 'packets'), 5);
        expect(meanPerSensor).toBeCloseTo(sum(same, 'meanPerSensor') / 3, 3);
      }
    }
  });

  it('a revised day takes the place of the one before it', async () => {
    const before = (await ask(own, '/v1/peers/id-whole/days', tokens.own)).body.rows;
    await peer.stop();
    await appendLate(theirs, { day: FIRST + 1, packets: 400, seed: 999 });
    await peer.serve(...tls, ...FEW);
    expect((await enaga(own, ['peer', 'pull', 'id-whole'])).stdout).toBe('id-whole: 1 day\n');
    const after = (await ask(own, '/v1/peers/id-whole/days', tokens.own)).body.rows;
    expect(without([after[0]!, after[2]!], 'taken')).toEqual(without([before[0]!, before[2]!], 'taken'));
    expect(after[1]!.revision).toBe(2);
    const said = (await ask(peer, `/v1/days/${DAYS[1]}`, tokens.peer)).body.rows[0]!;
    expect([after[1]!.packets, after[1]!.sources]).toEqual([said.packets, said.sources]);
    expect(Number(after[1]!.packets)).toBeGreaterThan(Number(before[1]!.packets));
  });

  it('serve pulls by itself; a peer that is down is said, keeps its days, and harms nobody', async () => {
    await enaga(own, ['peer', 'remove', 'id-whole']);
    await enaga(own, [
      'peer',
      'add',
      'id-whole',
      '--url',
      peer.url,
      '--ca',
      authority,
      '--token-file',
      path.join(own.folder, 'token'),
    ]);
    await enaga(own, ['peer', 'add', 'nobody', '--url', 'http://127.0.0.1:9']);
    await enaga(own, ['peer', 'add', 'unsure', '--url', peer.url]); // whose authority nobody knows
    await own.stop();
    await own.serve(...FEW);
    const isPulled = async () => {
      const { rows } = (await ask(own, '/v1/peers', tokens.own)).body;
      const facts = Object.fromEntries(rows.map(({ name, days, trouble }) => [name, [days, trouble]]));
      const told = [facts['id-whole'], facts.nobody, facts.unsure];
      return JSON.stringify(told) === '[[3,null],[0,"unreachable"],[0,"unreachable"]]';
    };
    await expect.poll(isPulled, { timeout: 15_000, interval: 200 }).toBe(true);
    const { stdout } = await enaga(own, ['peer', 'list']);
    expect(stdout).toMatch(/^nobody .* unreachable: \/v1\/days: the connection is refused/m);
    expect(stdout).toMatch(/^unsure .* unreachable: .*of no authority that is trusted here/m);
    expect((await ask(own, '/v1/days', tokens.own)).status).toBe(200);
    const out = path.join(own.folder, 'pulled');
    const pull = (...more: string[]) =>
      runCommand(
        [pullCommand],
        ['pull', '--collector', peer.url, '--token-file', path.join(own.folder, 'token'), '--out', out, ...more],
      );
    expect((await pull()).stderr).toMatch(
      /^enaga pull: https:\S+\/v1\/days: its certificate .* \(--ca FILE names one\)\n$/,
    );
    expect(await pull('--ca', authority)).toMatchObject({ code: 0, stderr: '' });
    expect(fs.existsSync(path.join(out, DAYS[0]!, 'ports.csv'))).toBe(true);
    const failed = await enaga(own, ['peer', 'pull'], 1);
    expect(failed.stderr).toContain('nobody: ');
    expect(failed.stdout).toContain('id-whole: nothing new');
  });

  it('no observed address of either is in anything that the other, or its readers, get', async () => {
    const said = [
      (await enaga(own, ['peer', 'list', '--json'])).stdout,
      (await enaga(own, ['peer', 'days', 'id-whole', '--json'])).stdout,
      (await ask(own, `/v1/peers/id-whole/days/${DAYS[0]}:${DAYS[2]}/ports`, tokens.own)).text,
      (await ask(own, `/v1/compare/${DAYS[0]}:${DAYS[2]}/countries`, tokens.own)).text,
      (await ask(own, '/v1/peers', tokens.own)).text,
      own.said,
      peer.said,
      fs.readFileSync(path.join(own.data, 'peers.db'), 'latin1'),
    ].join('\n');
    expect(said).not.toContain(NETWORK.slice(0, -4));
  });
});
