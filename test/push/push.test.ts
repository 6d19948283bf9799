/** `enaga push` as an operator runs it, to receivers that are there: HTTPS, a mail server, a directory. */
import { createHash, createHmac } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sendMail } from '../../collector/push/mail.ts';
import { CANARIES, DARK, DATES, FIRST_DAY, fold, makeSite, SENSORS, type Site } from '../publish/api/support.ts';
import { MailServer } from '../support/mail-server.ts';
import { blocksOf } from '../support/sealed-log.ts';
import { addSender, Receiver, run } from './support.ts';

let site: Site;
let receiver: Receiver;
let mails: MailServer;
let out: string;
beforeAll(async () => {
  site = await makeSite();
  receiver = await Receiver.open(site.made.dir);
  mails = new MailServer();
  const smtpPort = await mails.listen();
  addSender(site, { smtpHost: '127.0.0.1', smtpPort, smtpSecurity: 'none', smtpFrom: 'enaga@csirt.example' });
  out = fs.mkdtempSync(path.join(site.made.dir, 'out-'));
});
afterAll(async () => {
  receiver.close();
  mails.close();
  await site.close();
});
/** All that ever left, as it came to its receivers. */
const sent: string[] = [];
let name = '';
let names = 0;
beforeEach(() => {
  name = `target-${++names}`;
  sent.push(...receiver.posts.splice(0).map(one => JSON.stringify(one)));
  sent.push(...mails.mails.splice(0).flatMap(({ text }) => [text, ...partsOf(text).map(String)]));
  receiver.answer = () => [204];
  mails.answer = '250 kept';
});

/** The parts of a multipart mail, decoded. */
function partsOf(text: string): Buffer[] {
  const boundary = /boundary="(.+?)"/.exec(text)![1]!;
  const parts = text.split(`--${boundary}`).slice(1, -1);
  return parts.map(part => {
    const [head, ...body] = part.split('\r\n\r\n');
    const bytes = body.join('');
    return Buffer.from(bytes, /base64/i.test(head!) ? 'base64' : 'latin1');
  });
}

const push = (...args: string[]) => run('push', ...args, '--data', site.made.dir);
const CLOSED = DATES.slice(0, 3);
const MEMBER = ['--member', 'kr-csirt', '--since', DATES[0]];
const toUrl = () => ['--url', `${receiver.url}/in?key=k1`, '--ca', receiver.caFile];
const add = async (...args: string[]) => {
  const added = await push('add', name, ...args);
  expect([added.stderr, added.code]).toEqual(['', 0]);
  return added.stdout;
};
const runOnce = () => push('run', '--target', name);
const exported = async (format: string, date: string, country = 'KR', token = site.tokens.foreign) =>
  (await site.get(`/v1/days/${date}/exports/${format}?country=${country}`, token)).body;
const states = async () => JSON.parse((await push('log', '--target', name, '--json')).stdout);

describe('to a URL', () => {
  test('each closed day once: signed, named, the same bytes as the API gives', async () => {
    const said = await add(...MEMBER, '--format', 'iodef-v2', 'intelmq', ...toUrl());
    const secret = /whsec_\S+/.exec(said)![0];
    const outcome = await runOnce();
    expect([outcome.code, outcome.stderr]).toEqual([0, '']);
    expect(outcome.stdout.split('\n').slice(0, -1)).toHaveLength(2 * CLOSED.length);
    const sent = receiver.posts.map(({ headers }) => [headers['enaga-date'], headers['enaga-format']].join(' '));
    expect(sent).toEqual(CLOSED.flatMap(date => [`${date} intelmq`, `${date} iodef-v2`]));
    for (const { path: at, headers, body } of receiver.posts) {
      expect(at).toBe('/in?key=k1');
      expect(body).toBe(await exported(String(headers['enaga-format']), String(headers['enaga-date'])));
      const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature } = headers;
      const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
      const mac = createHmac('sha256', key).update(`${id}.${time}.${body}`).digest('base64');
      expect(signature).toBe(`v1,${mac}`);
      expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60);
      expect(headers['idempotency-key']).toBe(`"${id}"`);
      expect(headers['content-digest']).toBe(`sha-256=:${createHash('sha256').update(body).digest('base64')}:`);
      expect(headers['enaga-revision']).toBe('1');
    }
    expect(new Set(receiver.posts.map(({ headers }) => headers['webhook-id'])).size).toBe(6);
    expect((await runOnce()).stdout).toBe('nothing is new\n');
    expect(receiver.posts).toHaveLength(6);
    const log = await states();
    expect(log.map(({ state }: { state: string }) => state)).toEqual(Array(6).fill('delivered'));
    const shown = (await push('list')).stdout + (await push('log')).stdout + JSON.stringify(log);
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain('key=k1');
    expect(shown).toContain(receiver.url);
  });

  test('what is refused is tried again under the same key, and other files go on where only one is refused', async () => {
    await add(...MEMBER, '--format', 'intelmq', ...toUrl());
    receiver.answer = () => [503, { 'retry-after': '3600' }];
    const refused = await runOnce();
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(/failed \(it answers 503; it may have arrived\)\n$/);
    expect(refused.stderr).toMatch(/^enaga push run: 3 of 3 files were not sent/);
    expect(receiver.posts).toHaveLength(1); // where one fails so, the others would
    expect((await push('list')).stdout).toMatch(/failed once, next try 20/);
    expect((await push('log', '--target', name)).stdout).toMatch(
      / waiting .*it answers 503; it may have arrived; .*; next try 20/,
    );
    expect((await states()).map(({ next }: { next: string | null }) => next?.slice(0, 2))).toEqual(['20', '20', '20']);
    receiver.answer = ({ headers }) => (headers['enaga-date'] === DATES[1] ? [413] : [200]);
    expect((await runOnce()).code).toBe(1);
    expect(receiver.posts.map(({ headers }) => headers['enaga-date'])).toEqual([DATES[0], ...CLOSED]);
    expect(receiver.posts[0]!.headers['webhook-id']).toBe(receiver.posts[1]!.headers['webhook-id']);
    receiver.answer = () => [200];
    expect((await runOnce()).code).toBe(0);
    expect(receiver.posts[4]!.headers['webhook-id']).toBe(receiver.posts[2]!.headers['webhook-id']);
    expect((await states()).map(({ state, tries }: { state: string; tries: number }) => [state, tries])).toEqual([
      ['delivered', 2],
      ['delivered', 1],
      ['delivered', 2],
    ]);
  });

  test('no redirect is followed, nobody else is trusted, nothing goes in the clear', async () => {
    await add(...MEMBER, '--format', 'intelmq', ...toUrl());
    receiver.answer = () => [307, { location: `${receiver.url}/elsewhere` }];
    expect((await runOnce()).stdout).toMatch(/307: redirects are not followed/);
    expect(receiver.posts.map(({ path: at }) => at)).toEqual(['/in?key=k1']);
    name = 'untrusting';
    await add(...MEMBER, '--format', 'intelmq', '--url', receiver.url);
    expect((await runOnce()).stdout).toMatch(/failed \((DEPTH_ZERO_)?SELF_SIGNED_CERT/);
    for (const url of [
      'http://csirt.example/',
      'ftp://127.0.0.1/',
      'https://a:b@csirt.example/',
      'https://csirt.example/#a',
      'http://127.0.0.1.csirt.example/',
      'file:///etc/passwd',
    ]) {
      const { code, stderr } = await push('add', 'other', ...MEMBER, '--format', 'stix', '--url', url);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^enaga push add: /)]);
      expect(stderr).not.toContain('a:b');
    }
  });

  test('a secret of the receiver’s own comes from a file, and is not shown', async () => {
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const file = path.join(out, 'secret');
    fs.writeFileSync(file, `${secret}\n`);
    expect(await add(...MEMBER, '--format', 'intelmq', ...toUrl(), '--secret-file', file)).not.toContain('whsec_');
    expect((await push('test', name)).stdout).toBe(
      `${name}: ${new URL(receiver.url).host} took a test, without any data\n`,
    );
    const [{ headers, body }] = receiver.posts as [(typeof receiver.posts)[number]];
    const mac = createHmac('sha256', Buffer.alloc(32, 7)).update(`${headers['webhook-id']}.`);
    expect(headers['webhook-signature']).toBe(
      `v1,${mac.update(`${headers['webhook-timestamp']}.${body}`).digest('base64')}`,
    );
    expect(JSON.parse(body)).toEqual({ type: 'test', target: name });
    receiver.answer = () => [401];
    expect(await push('test', name)).toMatchObject({
      code: 1,
      stderr: `enaga push test: ${name} did not take it: it answers 401\n`,
    });
    fs.writeFileSync(file, 'hunter2');
    const bad = await push('add', 'bad', ...MEMBER, '--format', 'stix', ...toUrl(), '--secret-file', file);
    expect([bad.code, bad.stderr.includes('hunter2')]).toEqual([1, false]);
  });
});

describe('by e-mail', () => {
  test('a mail a file, with the file, in English and Japanese; again under the same Message-ID', async () => {
    await add(...MEMBER, '--format', 'iodef-v1', '--mail', 'soc@csirt.example', 'duty@csirt.example');
    expect((await push('test', name)).stdout).toBe(
      `${name}: the mail server took a test mail to soc@csirt.example, duty@csirt.example\n`,
    );
    mails.mails.length = 0;
    mails.answer = '451 198.51.3.77 is busy';
    const refused = await runOnce();
    expect(refused.stdout).toMatch(/failed \(the mail server answers 451\)/);
    mails.answer = '250 kept';
    expect((await runOnce()).code).toBe(0);
    expect(mails.mails).toHaveLength(1 + CLOSED.length);
    const idOf = (n: number) => /^Message-ID: (.*)$/im.exec(mails.mails[n]!.text)![1];
    expect(idOf(0)).toBe(idOf(1));
    expect(idOf(1)).not.toBe(idOf(2));
    const [, { from, to, text }] = mails.mails as [unknown, (typeof mails.mails)[number]];
    expect([from, to]).toEqual(['enaga@csirt.example', ['soc@csirt.example', 'duty@csirt.example']]);
    const [words, file] = partsOf(text) as [Buffer, Buffer];
    expect(words.toString()).toMatch(
      /Scans from KR on 2026-03-01 \(UTC\)[\s\S]*2026-03-01（UTC）に KR から届いたスキャン/,
    );
    const whole = file.subarray(0, 2).toString('hex') === '1f8b' ? gunzipSync(file) : file;
    expect(whole.toString()).toBe(await exported('iodef-v1', DATES[0]));
    expect(words.toString()).toContain(createHash('sha256').update(whole).digest('hex'));
  });

  test('with a name and the password of a file; and never in the clear where that was not asked for', async () => {
    const passwordFile = path.join(out, 'password');
    fs.writeFileSync(passwordFile, 'hunter2\n');
    const { smtpPort: port } = JSON.parse(fs.readFileSync(path.join(site.made.dir, 'config.json'), 'utf8'));
    const settings = { host: '127.0.0.1', port, from: 'enaga@csirt.example', user: 'enaga', passwordFile };
    const mail = { id: 'enaga-1', to: ['soc@csirt.example'], subject: 'a', text: 'b' };
    expect(await sendMail({ ...settings, security: 'starttls' }, mail)).toMatchObject({ kind: 'failed', of: 'target' });
    expect([mails.mails.length, mails.signedIn]).toEqual([0, []]);
    expect(await sendMail({ ...settings, security: 'none' }, mail)).toEqual({ kind: 'delivered' });
    expect([mails.mails.length, mails.signedIn]).toEqual([1, ['enaga hunter2']]);
    mails.mails.length = 0;
    fs.rmSync(passwordFile);
    expect(await sendMail({ ...settings, security: 'none' }, mail)).toMatchObject({ why: 'ENOENT' });
  });

  test('only to addresses that are addresses', async () => {
    for (const address of ['nobody', 'a@b.example\r\nBcc: x@y.example', 'a@b, c@d', '<a@b.example>'])
      expect((await push('add', 'x', ...MEMBER, '--format', 'stix', '--mail', address)).stderr).toMatch(
        /is no e-mail address/,
      );
  });
});

describe('into a directory', () => {
  const files = (dir: string) => fs.readdirSync(dir).sort();

  test('whole files of the member’s country, by their own names; a MISP target’s is a feed', async () => {
    const [dir, feed] = [path.join(out, 'files'), path.join(out, 'feed')];
    for (const one of [dir, feed]) fs.mkdirSync(one);
    await add(...MEMBER, '--format', 'shadowserver', 'iodef-json', '--shape', 'csv', '--dir', dir);
    expect((await runOnce()).code).toBe(0);
    expect(files(dir)).toEqual(
      CLOSED.flatMap(date => [`${date}-KR.iodef-json.json`, `${date}-event4_honeypot_darknet-KR.csv`]),
    );
    for (const date of CLOSED)
      expect(fs.readFileSync(path.join(dir, `${date}-event4_honeypot_darknet-KR.csv`), 'utf8')).toBe(
        await exported('shadowserver', date),
      );
    name = 'feed';
    await add(...MEMBER, '--format', 'misp', '--dir', feed);
    expect((await runOnce()).code).toBe(0);
    const events = Object.keys(JSON.parse(fs.readFileSync(path.join(feed, 'manifest.json'), 'utf8')));
    expect(files(feed)).toEqual([...events.map(id => `${id}.json`), 'hashes.csv', 'manifest.json'].sort());
    expect(events).toHaveLength(3);
  });

  test('one that is away is waited for; one that has the file already keeps it', async () => {
    const dir = path.join(out, 'mounted');
    fs.mkdirSync(dir);
    await add(...MEMBER, '--format', 'stix', '--dir', dir);
    expect((await push('test', name)).stdout).toBe(
      `${name}: a file could be written to ${dir}, and was taken away again\n`,
    );
    expect(files(dir)).toEqual([]);
    fs.rmdirSync(dir);
    expect((await runOnce()).stdout).toMatch(/failed \(there is no such directory\)/);
    fs.mkdirSync(dir);
    expect((await runOnce()).code).toBe(0);
    const file = path.join(dir, `${DATES[0]}-KR.stix.json`);
    const before = fs.statSync(file);
    const book = new Database(path.join(site.made.dir, 'push.db'));
    const id = book.prepare('SELECT id FROM targets WHERE name = ?').pluck().get(name);
    book.prepare("UPDATE deliveries SET state = 'sending' WHERE target = ?").run(id); // as kill -9 leaves it
    book.close();
    expect((await runOnce()).code).toBe(0);
    expect(fs.statSync(file)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
    expect((await states())[0]).toMatchObject({ state: 'delivered', interrupted: 1 });
  });
});

describe('what goes where', () => {
  test('a member’s countries, and its networks elsewhere; nothing without a scan, unless asked for', async () => {
    const dir = path.join(out, 'beta');
    fs.mkdirSync(dir);
    await add('--member', 'beta', '--since', DATES[2], '--format', 'intelmq', '--dir', dir);
    expect((await runOnce()).code).toBe(0);
    expect(fs.readdirSync(dir).sort()).toEqual([`${DATES[2]}-KR.intelmq.ndjson`, `${DATES[2]}-ZZ.intelmq.ndjson`]);
    const events = (country: string) =>
      fs
        .readFileSync(path.join(dir, `${DATES[2]}-${country}.intelmq.ndjson`), 'utf8')
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line)['source.ip'] as string);
    expect(events('ZZ').length).toBeGreaterThan(10);
    expect(events('ZZ').filter(ip => !/^8\.8\.8\.([0-9]|1[0-5])$/.test(ip))).toEqual([]);
    expect(new Set(events('KR').map(ip => ip.split('.')[0]))).toEqual(new Set(['210']));
    expect(await exported('intelmq', DATES[2], 'ZZ', site.tokens.beta)).toBe(
      fs.readFileSync(path.join(dir, `${DATES[2]}-ZZ.intelmq.ndjson`), 'utf8'),
    );

    const empty = path.join(out, 'empty');
    fs.mkdirSync(empty);
    site.members.add({ organisation: 'delta', countries: ['IS'] }, Date.now());
    name = 'without';
    const without = ['--member', 'delta', '--since', DATES[2], '--format', 'intelmq', '--dir', empty];
    await add(...without);
    expect((await runOnce()).stdout).toMatch(/2026-03-03 IS intelmq revision 1 -> without: empty\n/);
    expect((await runOnce()).stdout).toBe('nothing is new\n');
    expect(fs.readdirSync(empty)).toEqual([]);
    name = 'with';
    await add(...without, '--empty');
    expect((await runOnce()).code).toBe(0);
    expect(fs.readdirSync(empty)).toEqual([`${DATES[2]}-IS.intelmq.ndjson`]);
  });

  test('nothing to a member that is revoked, not even what was queued', async () => {
    site.members.add({ organisation: 'gamma', countries: ['KR'] }, Date.now());
    const dir = path.join(out, 'gamma');
    fs.mkdirSync(dir);
    await add('--member', 'gamma', '--since', DATES[0], '--format', 'stix', '--dir', dir);
    fs.rmdirSync(dir);
    await runOnce();
    site.members.revoke('gamma', Date.now());
    fs.mkdirSync(dir);
    expect((await runOnce()).stdout).toMatch(/withdrawn \(the member may not have it any more\)/);
    expect(fs.readdirSync(dir)).toEqual([]);
    expect((await push('add', 'x', '--member', 'gamma', '--format', 'stix', '--dir', dir)).stderr).toBe(
      'enaga push add: member gamma is revoked\n',
    );
    expect((await push('remove', name)).stdout).toBe(`nothing goes to ${name} any more\n`);
    expect((await push('run', '--target', name)).stderr).toMatch(/there is no target/);
  });

  test('a day that late data changed goes once more, as its next revision', async () => {
    await add(...MEMBER, '--format', 'intelmq', ...toUrl());
    await runOnce();
    const before = receiver.posts.find(({ headers }) => headers['enaga-date'] === DATES[1])!;
    receiver.posts.length = 0;
    const late = {
      ...{ sensor: 1, family: 4 as const, hour: 24 * (FIRST_DAY + 1) + 3, time: 5, src: [0xd2600001] },
      ...{ dst: [0xc633014d], protocol: 6, srcPort: 1, dstPort: 9999, flags: 2, window: 1, seqFold: 0, tool: 0 },
    };
    site.made.append(...blocksOf([late], 1));
    await fold(site.made);
    expect((await push('run', '--target', name, '--dry-run')).stdout).toBe(
      `${DATES[1]} KR intelmq revision 2 -> ${name}\n`,
    );
    expect((await runOnce()).stdout).toMatch(/^2026-03-02 KR intelmq revision 2 -> \S+: delivered, [\d,]+ bytes\n$/);
    expect((await runOnce()).stdout).toBe('nothing is new\n');
    expect(receiver.posts).toHaveLength(1);
    const [{ headers, body }] = receiver.posts as [(typeof receiver.posts)[number]];
    expect(headers['enaga-revision']).toBe('2');
    expect(headers['webhook-id']).not.toBe(before.headers['webhook-id']);
    expect(body.split('\n').length).toBe(before.body.split('\n').length + 1);
    expect(body).toContain('"destination.port":9999');
  });

  test('what waits for a day that is counted again is the file of that day still, if its content is the same', async () => {
    await add('--member', 'kr-csirt', '--since', DATES[2], '--format', 'intelmq', ...toUrl());
    receiver.answer = () => [503];
    expect((await runOnce()).code).toBe(1);
    const store = new Database(site.made.data.store);
    const day = [FIRST_DAY + 2];
    const { closed, revision } = store
      .prepare('SELECT closed_ms AS closed, revision FROM days WHERE day = ?')
      .get(...day) as { closed: number; revision: number };
    const set = (...values: unknown[]) =>
      store.prepare('UPDATE days SET closed_ms = ?, revision = ? WHERE day = ?').run(...values, ...day);
    set(null, revision + 1);
    await runOnce();
    expect((await states()).map(({ state }: { state: string }) => state)).toEqual(['waiting']);
    set(closed, revision);
    store.close();
    // As books have it from before this.
    const book = new Database(path.join(site.made.dir, 'push.db'));
    book.exec(`UPDATE deliveries SET state = 'superseded', why = 'the day has changed since' WHERE state = 'waiting'`);
    book.close();
    receiver.answer = () => [204];
    expect((await runOnce()).stdout).toMatch(/^2026-03-03 KR intelmq revision \d -> \S+: delivered/);
    expect((await states()).map(({ state }: { state: string }) => state)).toEqual(['delivered']);
  });

  test('where a revision has no scan any more, its empty file takes the place of the one before', async () => {
    site.members.add({ organisation: 'alpha', countries: ['IS'] }, Date.now());
    const dir = path.join(out, 'iceland');
    fs.mkdirSync(dir);
    await add('--member', 'alpha', '--since', DATES[0], '--format', 'intelmq', '--dir', dir);
    const once = {
      ...{ sensor: 6, family: 4 as const, hour: 24 * FIRST_DAY + 3, time: 5, src: [0x82d00001], dst: [0xc633064d] },
      ...{ protocol: 6, srcPort: 1, dstPort: 23, flags: 2, window: 1, seqFold: 0, tool: 0 },
    };
    site.made.append(...blocksOf([once], 1));
    await fold(site.made);
    expect((await runOnce()).stdout).toMatch(/2026-03-01 IS intelmq revision 2 -> \S+: delivered/);
    const file = path.join(dir, `${DATES[0]}-IS.intelmq.ndjson`);
    expect(fs.readFileSync(file, 'utf8').split('\n')).toHaveLength(2);
    site.made.registry.exclude('s6', FIRST_DAY, FIRST_DAY, 'flooded', Date.now());
    await expect
      .poll(
        async () => {
          await fold(site.made);
          return (await runOnce()).stdout;
        },
        { timeout: 20_000 },
      )
      .toMatch(/revision 3 -> \S+: delivered, 0 bytes/);
    expect(fs.readFileSync(file, 'utf8')).toBe('');
  });

  test('a day of which every sensor was left out is an empty revision, pushed and served', async () => {
    const dir = path.join(out, 'emptied');
    fs.mkdirSync(dir);
    await add(...MEMBER, '--format', 'intelmq', '--dir', dir);
    await runOnce();
    const file = path.join(dir, `${DATES[2]}-KR.intelmq.ndjson`);
    expect(fs.statSync(file).size).toBeGreaterThan(1000);
    const day = FIRST_DAY + 2;
    const { token } = site.members.rotate('kr-csirt', Date.now());
    const listed = async () => (await site.get(`/v1/days?date=${DATES[2]}&files=none`, token)).json().rows[0];
    const { revision } = await listed();
    for (const [sensor] of SENSORS) site.made.registry.exclude(sensor, day, day, 'miswired', Date.now());
    await expect
      .poll(
        async () => {
          await fold(site.made);
          return (await runOnce()).stdout;
        },
        { timeout: 20_000 },
      )
      .toContain(`2026-03-03 KR intelmq revision ${revision + 1} -> ${name}: delivered, 0 bytes`);
    expect(fs.readFileSync(file, 'utf8')).toBe('');
    expect(await listed()).toMatchObject({ state: 'revised', revision: revision + 1, packets: 0 });
    const { rows } = (await site.get(`/v1/days/${DATES[2]}/files`, token)).json();
    expect(rows).toHaveLength(7);
    for (const { url, sha256 } of rows) {
      const { body, statusCode } = await site.get(url, token);
      expect([statusCode, createHash('sha256').update(body).digest('hex')]).toEqual([200, sha256]);
    }
    expect((await site.get(`/v1/days/${DATES[2]}/ports`, token)).json().rows).toEqual([]);
    expect((await site.get(`/v1/days/${DATES[2]}/exports/intelmq?country=KR`, token)).body).toBe('');
    // The public never had it, and has no day without a figure.
    expect((await site.get(`/v1/days/${DATES[2]}`)).statusCode).toBe(404);
    for (const [sensor] of SENSORS) site.made.registry.include(sensor, day, day, Date.now());
    await expect
      .poll(
        async () => {
          await fold(site.made);
          return (await listed()).packets;
        },
        { timeout: 20_000 },
      )
      .toBeGreaterThan(1000);
    expect((await runOnce()).stdout).toContain(`revision ${revision + 2} -> ${name}: delivered`);
    expect(fs.statSync(file).size).toBeGreaterThan(1000);
  });

  test('every file that left is in the audit, before it left; and every target that was added and removed', async () => {
    const audit = JSON.parse((await run('audit', '--by', 'beta', '--json', '--data', site.made.dir)).stdout);
    const pushed = audit.filter(({ action }: { action: string }) => action === 'read push intelmq');
    expect(pushed.map(({ detail }: { detail: { country: string } }) => detail.country).sort()).toEqual(['KR', 'ZZ']);
    const { stdout } = await run('audit', '--all', '--json', '--data', site.made.dir);
    const changes: { action: string; detail: { name: string; to?: string } }[] = JSON.parse(stdout).filter(
      ({ action }: { action: string }) => action.startsWith('push '),
    );
    expect(changes.filter(({ action }) => action === 'push remove').length).toBe(1);
    expect(changes.filter(({ action }) => action === 'push add').length).toBeGreaterThan(8);
    expect(stdout).toContain(`"to": "${receiver.url}/in?..."`);
    expect(stdout).not.toMatch(/whsec_|key=k1/);
  });
});

test('wrong usage is said, with exit code 2; what cannot be, with 1', async () => {
  const to = ['--dir', out];
  for (const [args, code, words] of [
    [['add', 'x', ...MEMBER, '--format', 'stix'], 2, /give one of --url, --mail and --dir/],
    [['add', 'x', ...MEMBER, '--format', 'stix', ...to, '--url', 'https://a.example'], 2, /cannot be used with/],
    [['add', 'x', ...MEMBER, '--format', 'stix', ...to, '--secret-file', 'x'], 2, /--secret-file goes with --url/],
    [['add', 'x', ...MEMBER, ...to, '--format', 'pdf'], 2, /Allowed choices are iodef-v1/],
    [['add', 'x', ...MEMBER, '--format', 'stix', 'stix', ...to], 1, /a target has formats, each once/],
    [['add', 'a b', ...MEMBER, '--format', 'stix', ...to], 1, /a target has a name of letters/],
    [['add', 'feed', ...MEMBER, '--format', 'stix', ...to], 1, /there is a target feed already/],
    [['add', 'x', '--member', 'nobody', '--format', 'stix', ...to], 1, /nobody is no member/],
    [['add', 'x', ...MEMBER, '--format', 'stix', '--dir', '/nowhere'], 1, /\/nowhere is no directory: make it first/],
    [['remove', 'x'], 1, /there is no target x: enaga push list shows all/],
    [['log', '--top', '0'], 2, /from 1 to 100000/],
    [['log', '--state', 'lost'], 2, /Allowed choices are waiting/],
  ] as const) {
    const outcome = await push(...args);
    expect([args, outcome.code, outcome.stdout]).toEqual([args, code, '']);
    expect(outcome.stderr).toMatch(words);
  }
});

test('the canary: no destination, network or sensor in anything that was sent, written, said or kept', async () => {
  const everything = [
    ...sent,
    ...(
      await Promise.all([push('list'), push('log', '--top', '1000'), push('list', '--json'), push('log', '--json')])
    ).map(one => one.stdout),
  ];
  const walk = (dir: string): void => {
    for (const one of fs.readdirSync(dir, { withFileTypes: true })) {
      const file = path.join(dir, one.name);
      if (one.isDirectory()) walk(file);
      else everything.push(one.name, fs.readFileSync(file, 'latin1'));
    }
  };
  walk(out);
  everything.push(fs.readFileSync(path.join(site.made.dir, 'push.db'), 'latin1'));
  expect(everything.join('').length).toBeGreaterThan(100_000);
  for (const text of [...CANARIES, DARK, ...SENSORS.map(([sensor]) => `"${sensor}"`), '2001:db8:99'])
    expect([text, everything.some(one => one.includes(text))]).toEqual([text, false]);
});
