/** E-mail to a server whose way is protected: by TLS from the first byte or by STARTTLS, with a certificate that an authority of one's own signed. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MailSettings, sendMail } from '../../collector/push/mail.ts';
import { MailServer, type MailTls } from '../support/mail-server.ts';

interface Pair {
  readonly key: string;
  readonly cert: string;
}

const authority = async (name: string): Promise<Pair> => {
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
    ...{ keyType: 'ec', algorithm: 'sha256' },
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  return { key, cert };
};

const signedBy = async (ca: Pair, host: { type: 2; value: string } | { type: 7; ip: string }): Promise<Pair> => {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'mail.example' }], {
    ...{ keyType: 'ec', algorithm: 'sha256' },
    ca,
    extensions: [{ name: 'subjectAltName', altNames: [host] }],
  });
  return { key, cert };
};

let folder: string;
let caFile: string;
let foreignCaFile: string;
let passwordFile: string;
/** Signed for 127.0.0.1. */
let pair: Pair;
/** ... and for another host. */
let misnamed: Pair;
const servers: MailServer[] = [];
beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-mail-'));
  const [own, foreign] = [await authority('Own authority'), await authority('Foreign authority')];
  [pair, misnamed] = [
    await signedBy(own, { type: 7, ip: '127.0.0.1' }),
    await signedBy(own, { type: 2, value: 'other.example' }),
  ];
  [caFile, foreignCaFile, passwordFile] = ['ca.pem', 'foreign.pem', 'password'].map(name =>
    path.join(folder, name),
  ) as [string, string, string];
  fs.writeFileSync(caFile, own.cert);
  fs.writeFileSync(foreignCaFile, foreign.cert);
  fs.writeFileSync(passwordFile, 'hunter2\n');
});
afterAll(() => {
  for (const server of servers) server.close();
  fs.rmSync(folder, { recursive: true });
});

async function serverWith(protection?: MailTls): Promise<{ server: MailServer; port: number }> {
  const server = new MailServer(protection);
  servers.push(server);
  return { server, port: await server.listen() };
}

const MAIL = { id: 'enaga-1', to: ['soc@csirt.example'], subject: 'a day', text: 'to be kept from others' };
const settings = (port: number, more: Partial<MailSettings>): MailSettings => ({
  ...{ host: '127.0.0.1', port, security: 'starttls', from: 'enaga@csirt.example', user: 'enaga', passwordFile },
  ...more,
});

describe.each(['tls', 'starttls'] as const)('%s', how => {
  test('to a server that an authority named in smtpCa vouches for; nothing of the mail is said in the clear', async () => {
    const { server, port } = await serverWith({ how, ...pair });
    expect(await sendMail(settings(port, { security: how, caFile }), MAIL)).toEqual({ kind: 'delivered' });
    expect([server.mails.length, server.signedIn]).toEqual([1, ['enaga hunter2']]);
    expect(server.mails[0]!.to).toEqual(MAIL.to);
    expect(server.overheard.filter(line => !/^(EHLO|STARTTLS)/.test(line))).toEqual([]);
    expect(server.overheard.length > 0).toBe(how === 'starttls');
  });

  test('not to one whose certificate nobody vouches for, another authority signed, or is of another host', async () => {
    const { server, port } = await serverWith({ how, ...pair });
    const other = await serverWith({ how, ...misnamed });
    for (const [to, trusted, why] of [
      [port, undefined, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      [port, foreignCaFile, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      [other.port, caFile, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ] as const) {
      const sent = await sendMail(settings(to, { security: how, ...(trusted && { caFile: trusted }) }), MAIL);
      expect(sent).toEqual({ kind: 'failed', of: 'target', why: expect.stringMatching(`^${why}`) });
      expect(JSON.stringify(sent)).not.toContain('--ca');
      if (why.startsWith('UNABLE')) expect(JSON.stringify(sent)).toContain('smtpCa');
    }
    for (const one of [server, other.server]) {
      expect([one.mails, one.signedIn]).toEqual([[], []]);
      expect(one.overheard.filter(line => !/^(EHLO|STARTTLS|QUIT)/.test(line))).toEqual([]);
    }
  });
});

test('a server that offers no STARTTLS, or answers in the clear where TLS is wanted, gets neither password nor mail', async () => {
  const { server, port } = await serverWith();
  for (const security of ['starttls', 'tls'] as const)
    expect(await sendMail(settings(port, { security, caFile }), MAIL)).toMatchObject({ kind: 'failed', of: 'target' });
  expect([server.mails, server.signedIn]).toEqual([[], []]);
  expect(server.overheard.join('\n')).not.toMatch(/AUTH|MAIL|kept from/);
});

test('an authority’s file that is away is a failure that is told, and no mail goes', async () => {
  const { server, port } = await serverWith({ how: 'tls', ...pair });
  const gone = path.join(folder, 'gone.pem');
  expect(await sendMail(settings(port, { security: 'tls', caFile: gone }), MAIL)).toMatchObject({ why: 'ENOENT' });
  expect(server.mails).toEqual([]);
});
