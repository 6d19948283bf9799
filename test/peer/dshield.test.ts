/** `enaga dshield`: what DShield's own sensor would send of the same packets, without a trace of where they went. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { generate } from 'selfsigned';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { authorization } from '../../collector/peer/submit.ts';
import { networkWords } from '../../common/protocol/network-words.ts';
import { mayBeTaken } from '../../common/protocol/taken.ts';
import { type PlainRecord, toBlock } from '../support/records.ts';
import { RECEIVED_MS, SealedLog } from '../support/sealed-log.ts';
import { run } from './run.ts';
import { fakePeer } from './support.ts';

const DAY = RECEIVED_MS / 86_400_000 - 2;
const DATE = '2026-03-03';
const DARK = 0xc633644d; // 198.51.100.77
const HOUR = 24 * DAY + 5;
const record = (more: Partial<PlainRecord>): PlainRecord => ({
  ...{
    sensor: 0,
    family: 4,
    hour: HOUR,
    time: 1_999_999,
    src: [0x08080808],
    dst: [DARK],
    protocol: 6,
    srcPort: 40_000,
  },
  ...{ dstPort: 23, flags: 2, window: 1024, seqFold: 0, tool: 0 },
  ...more,
});
const RECORDS = [
  record({}),
  record({ flags: 0b1100_0010, dstPort: 443 }),
  record({ protocol: 17, flags: 0, dstPort: 53, srcPort: 5353 }),
  record({ protocol: 1, flags: 0, srcPort: 8, dstPort: 0 }),
  record({ family: 6, src: [0x20010db8, 0, 0, 7], dst: [0x20010db8, 0x99, 0, 0x77] }),
  record({ flags: 0x12 }), // backscatter
  record({ protocol: 132, flags: 0 }), // SCTP, which the reference does not send
  record({ src: [DARK] }), // a LAND packet
];
const TIME = HOUR * 3600 + 1;
const EXPECTED = [
  { time: TIME, sip: '8.8.8.8', dip: '0.0.0.0', proto: 6, sport: '40000', dport: '23', flags: 'S', version: 4 },
  { time: TIME, sip: '8.8.8.8', dip: '0.0.0.0', proto: 6, sport: '40000', dport: '443', flags: '12S', version: 4 },
  { time: TIME, sip: '8.8.8.8', dip: '0.0.0.0', proto: 17, sport: '5353', dport: '53', flags: '', version: 4 },
  { time: TIME, sip: '8.8.8.8', dip: '0.0.0.0', proto: 1, sport: '8', dport: '0', flags: '', version: 4 },
  { time: TIME, sip: '2001:db8::7', dip: '::', proto: 6, sport: '40000', dport: '23', flags: 'S', version: 6 },
];

let made: SealedLog;
beforeEach(() => {
  made = new SealedLog([]);
  made.registry.addOrganisation({ name: 'alpha' }, 0);
  made.registry.addSensor({ name: 's', owner: 'alpha', economy: 'JP', networks: ['198.51.100.0/24'] }, 0);
  fs.writeFileSync(path.join(made.dir, 'secret.json'), '{"hashKey":{"low":1,"high":2}}');
  append(RECORDS);
});
afterEach(() => made.remove());

function append(list: readonly PlainRecord[]): void {
  for (const group of Map.groupBy(list, ({ family }) => family).values())
    made.append({ sensor: 0, records: toBlock(group) });
}
const dshield = (...more: string[]) => run(made.dir, 'dshield', '--date', DATE, ...more);

describe('enaga dshield', () => {
  test('writes the document, and says what is left out; no observed address is in it', async () => {
    const file = path.join(made.dir, 'out.json');
    const { code, stdout, stderr } = await dshield('--output', file);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr.split('\n')).toEqual([
      'enaga dshield: left out: packets of backscatter, 1',
      "enaga dshield: left out: packets of protocols that DShield's own sensor does not send, 1",
      'enaga dshield: left out: packets whose source is an address that a sensor observes, 1',
      '',
    ]);
    const text = fs.readFileSync(file, 'utf8');
    expect(JSON.parse(text)).toEqual({ type: 'firewall', logs: EXPECTED });
    for (const canary of ['198.51', '77.100', 'c633644d', String(DARK), '2001:db8:99'])
      expect(text).not.toContain(canary);
    expect((await dshield()).stdout).toBe(text);
    expect((await run(made.dir, 'dshield', '--date', '2026-01-01')).stderr).toContain(
      'nothing was received of that day',
    );
  });

  test('signs as the reference does: its digest, computed with Python for another project', () => {
    expect(authorization({ userId: '12345', apiKey: 'secretkey' }, 'ADOUf58prEY=')).toBe(
      'ISC-HMAC-SHA256 Credentials=1y5abGdvi8l691fBHtBjHicFThimxHSvZq4JN4Fagz0= Userid=12345 Nonce=ADOUf58prEY=',
    );
  });

  test('what a status says of whether it was taken: only a refusal is one', () => {
    const refusals = [301, 307, 308, 400, 401, 403, 404, 409, 413, 429, 501, 521, 523, 525, 526, 530];
    const silent = [201, 204, 302, 303, 408, 499, 500, 502, 503, 504, 520, 522, 524, 527];
    expect([...refusals, ...silent].filter(mayBeTaken)).toEqual(silent);
  });

  test('what Node says of a connection has words, whatever the code', () => {
    expect(
      ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'HPE_INVALID_CONSTANT', 'CERT_REVOKED', 'toString'].map(code =>
        networkWords(code),
      ),
    ).toEqual([
      'no TLS is agreed on with it',
      'what it answers is no HTTP',
      'its certificate is not taken (CERT_REVOKED)',
      undefined,
    ]);
  });

  test('sends nothing unless it is told where and as whom', async () => {
    expect((await dshield('--submit')).code).toBe(2);
    expect((await dshield('--submit', '--url', 'https://dshield.example/')).code).toBe(2);
    expect((await dshield('--url', 'https://dshield.example/')).code).toBe(2);
    const plain = await dshield('--submit', '--url', 'http://dshield.example/', '--credentials', 'x');
    expect([plain.code, plain.stderr]).toEqual([2, expect.stringContaining('It takes an https URL')]);
  });

  test('submits as the reference does, once; then only what has come since', async () => {
    const bodies: { headers: Record<string, unknown>; body: { type: string; logs: unknown[]; authheader: string } }[] =
      [];
    let answer = '<status>ok</status>';
    const server = await fakePeer(async (request, response) => {
      let text = '';
      for await (const piece of request) text += piece;
      bodies.push({ headers: request.headers, body: JSON.parse(text) });
      response.end(answer);
    });
    const credentials = path.join(made.dir, 'dshield.ini');
    fs.writeFileSync(credentials, '[DShield]\nuserid=12345\napikey = secretkeysecretkey==\n');
    const submit = () => dshield('--submit', '--url', `${server.url}/submitapi/`, '--credentials', credentials);
    answer = 'ERROR: no authinfo';
    const refused = await submit();
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('takes it not')]);
    answer = '<!DOCTYPE html><html>';
    expect((await submit()).stderr).toContain('is the URL right?');
    answer = '<status>ok</status>';
    bodies.length = 0;
    const first = await submit();
    expect([first.code, first.stdout]).toEqual([
      0,
      expect.stringMatching(/^2026-03-03: 5 packets submitted to 127\.0\.0\.1/),
    ]);
    const [{ headers, body }] = bodies as [(typeof bodies)[0]];
    expect(body).toEqual({ type: 'firewall', logs: EXPECTED, authheader: headers['x-isc-authorization'] });
    expect([headers['x-isc-logtype'], headers['content-type']]).toEqual(['firewall', 'application/json']);
    const [, hash, nonce] = /^ISC-HMAC-SHA256 Credentials=(\S+) Userid=12345 Nonce=(\S+)$/.exec(body.authheader)!;
    expect(hash).toBe(createHmac('sha256', `${nonce}12345`).update('secretkeysecretkey==').digest('base64'));
    expect(Buffer.from(nonce!, 'base64')).toHaveLength(8);
    expect((await submit()).stdout).toContain('0 packets submitted');
    append([record({ dstPort: 2323 })]);
    expect((await submit()).stdout).toMatch(/: 1 packet submitted to [\d.:]+; 5 were sent before/);
    expect(bodies).toHaveLength(2);
    expect(bodies[1]!.body.logs).toEqual([{ ...EXPECTED[0], dport: '2323' }]);
    for (const { stdout, stderr } of [refused, first]) expect(`${stdout}${stderr}`).not.toContain('secretkey');
    server.close();
  });

  test('what may have been taken waits for a word on it; what was not taken is sent again', async () => {
    const ports: string[] = [];
    let answers: number | 'nothing' = 'nothing';
    const server = await fakePeer(async (request, response) => {
      let text = '';
      for await (const piece of request) text += piece;
      ports.push(...JSON.parse(text).logs.map(({ dport }: { dport: string }) => dport));
      if (answers === 'nothing') response.destroy();
      else response.writeHead(answers).end('<status>ok</status>');
    });
    const credentials = path.join(made.dir, 'dshield.ini');
    fs.writeFileSync(credentials, 'userid=12345\napikey = secretkeysecretkey==\n');
    const submit = (...more: string[]) =>
      dshield('--submit', '--url', `${server.url}/submitapi/`, '--credentials', credentials, ...more);
    const all = EXPECTED.map(({ dport }) => dport);
    // It has the whole document, and nobody knows what it does with it.
    expect((await submit()).code).toBe(1);
    expect(ports.splice(0)).toEqual(all);
    answers = 400;
    append([record({ dstPort: 2323 })]);
    for (let times = 0; times < 2; times++)
      expect(await submit()).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('5 packets may have been taken'),
      });
    expect(ports).toEqual([]);
    const refused = await submit('--leave-out');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('left out: 5 packets that may have')]);
    expect(ports.splice(0)).toEqual(['2323']);
    answers = 200;
    const taken = await submit();
    expect([taken.code, taken.stderr]).toEqual([0, expect.not.stringContaining('may have been')]);
    expect(ports.splice(0)).toEqual(['2323']);
    expect((await submit('--resend')).stdout).toContain('0 packets submitted');
    // A proxy that has waited in vain says nothing of the server behind it; nor does a status that is none of the reference's.
    for (const [n, none] of (['nothing', 204, 502, 524] as const).entries()) {
      const dstPort = 4440 + n;
      answers = none;
      append([record({ dstPort })]);
      const { code, stderr } = await submit();
      expect([code, stderr]).toEqual([1, expect.stringMatching(/[Ii]t (may have been|was) taken\n$/)]);
      answers = 200;
      expect((await submit()).stderr).toContain('1 packet may have been taken');
      expect((await submit('--resend')).stdout).toContain(': 1 packet submitted');
      expect(ports.splice(0)).toEqual([String(dstPort), String(dstPort)]);
      expect((await submit()).stdout).toContain('0 packets submitted');
    }
    server.close();
    // Nobody is there: nothing left, and nothing is held back later.
    append([record({ dstPort: 5555 })]);
    expect((await submit()).stderr).toMatch(
      /^enaga dshield: \S+ cannot be asked: the connection is refused\. Nothing was taken: mend that, and run it again\n$/,
    );
    expect((await submit()).stderr).not.toMatch(/may have been/);
    expect((await submit('--resend', '--leave-out')).code).toBe(2);
    expect((await dshield('--leave-out')).code).toBe(2);
  });

  test('a server whose certificate nobody vouches for gets nothing, and nothing is held back later', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'dshield.example' }]);
    let requests = 0;
    const server = https.createServer({ key, cert }, () => requests++).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const credentials = path.join(made.dir, 'dshield.ini');
    fs.writeFileSync(credentials, 'userid=12345\napikey = secretkeysecretkey==\n');
    for (let times = 0; times < 2; times++) {
      const { code, stderr } = await dshield('--submit', '--url', url, '--credentials', credentials);
      expect([code, stderr]).toEqual([
        1,
        `enaga dshield: ${new URL(url).host} cannot be asked: its certificate is of no authority that is trusted here (--ca FILE names one). Nothing was taken: mend that, and run it again\n`,
      ]);
    }
    expect(requests).toBe(0);
    server.close();
  });
});
