/** `enaga member`, `enaga audit` and `enaga pull` as people and cron run them; the last against a real server. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { auditCommand } from '../../../collector/commands/audit.ts';
import { memberCommand } from '../../../collector/commands/member.ts';
import { pullCommand } from '../../../collector/commands/pull.ts';
import { runCommand } from '../../support/admin.ts';
import { blocksOf, RECEIVED_MS } from '../../support/sealed-log.ts';
import { DATES, DAY_MS, FIRST_DAY, fold, makeSite, NOW, type Site } from './support.ts';

let site: Site;
let url: string;
let out: string;
let tokenFile: string;
/** Between pull and the collector: may cut an answer, or refuse. */
let meddle: ((request: http.IncomingMessage, response: http.ServerResponse) => boolean) | undefined;
const asked: string[] = [];
let front: http.Server;
beforeAll(async () => {
  site = await makeSite();
  front = http.createServer(async (request, response) => {
    asked.push(request.url!);
    if (meddle?.(request, response)) return;
    const answer = await site.app.inject({ method: 'GET', url: request.url!, headers: request.headers });
    response.writeHead(answer.statusCode, answer.headers as http.OutgoingHttpHeaders).end(answer.rawPayload);
  });
  await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  tokenFile = path.join(site.made.dir, 'token');
  fs.writeFileSync(tokenFile, `${site.tokens.foreign}\n`, { mode: 0o600 });
});
afterAll(async () => {
  front.closeAllConnections();
  front.close();
  await site.close();
});
beforeEach(() => {
  out = fs.mkdtempSync(path.join(site.made.dir, 'out-'));
  meddle = undefined;
  asked.length = 0;
});

const run = (...args: string[]) => runCommand([memberCommand, auditCommand, pullCommand], args);
const pull = (...more: string[]) => run('pull', '--collector', url, '--token-file', tokenFile, '--out', out, ...more);
const digest = (file: string) => createHash('sha256').update(fs.readFileSync(file)).digest('hex');

describe('enaga pull', () => {
  test('brings closed days, verified; and does nothing where nothing is new', async () => {
    const first = await pull();
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toBe(
      DATES.slice(0, 3)
        .map(date => `${date} revision 1: 7 files\n`)
        .join(''),
    );
    for (const date of DATES.slice(0, 3)) {
      const { files, revision } = JSON.parse(fs.readFileSync(path.join(out, date, 'day.json'), 'utf8'));
      expect(revision).toBe(1);
      for (const { name, sha256 } of files) expect(digest(path.join(out, date, name))).toBe(sha256);
      const ports = await site.get(`/v1/days/${date}/ports.csv`, site.tokens.foreign);
      expect(fs.readFileSync(path.join(out, date, 'ports.csv'), 'utf8')).toBe(ports.body);
    }
    asked.length = 0;
    expect(await pull()).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(asked).toEqual(['/v1/days?files=none']);
  });

  test('goes on where it was cut short; keeps nothing that is not what was told', async () => {
    let downloads = 0;
    meddle = ({ url: at }, response) => {
      if (!/\/(ports|asns)\.csv$/.test(at!)) return false;
      if (at!.includes(DATES[1]) && at!.includes('asns')) {
        response.writeHead(404).end();
        return true;
      }
      if (downloads++ > 0) return false;
      response.writeHead(200).end('date,rank\r\n'); // cut off, and whole to look at
      return true;
    };
    const cut = await pull('--quiet');
    expect(cut.code).toBe(1);
    expect(cut.stderr).toBe(`enaga pull: /v1/days/${DATES[1]}/asns.csv: it answers 404\n`);
    expect(fs.existsSync(path.join(out, DATES[0], 'day.json'))).toBe(true);
    expect(fs.readdirSync(path.join(out, DATES[1])).sort()).toEqual(['countries.csv', 'ports.csv', 'total.csv']);
    meddle = undefined;
    asked.length = 0;
    expect((await pull()).code).toBe(0);
    const files = asked.filter(one => one.endsWith('.csv'));
    expect(files.slice(0, 4)).toEqual(
      ['asns', 'classes', 'tools', 'hours'].map(name => `/v1/days/${DATES[1]}/${name}.csv`),
    );
    expect(files).toHaveLength(4 + 7);
  });

  test('runs that ask for different things share a directory; --verify finds what is missing or altered', async () => {
    const since = ['--since', DATES[2]];
    const files = () =>
      JSON.parse(fs.readFileSync(path.join(out, DATES[2], 'day.json'), 'utf8')).files.map(
        ({ name }: { name: string }) => name,
      );
    expect((await pull(...since, '--export', 'intelmq', '--country', 'KR')).code).toBe(0);
    expect((await pull(...since, '--export', 'misp', '--country', 'KR')).code).toBe(0);
    expect((await pull(...since, '--format', 'json')).code).toBe(0);
    expect(files()).toEqual(expect.arrayContaining(['ports.csv', 'ports.json', 'intelmq-KR.ndjson']));
    expect(files().filter((name: string) => name.startsWith('misp-KR/'))).toHaveLength(1);
    const again = ['intelmq', 'misp'].map(format => () => pull(...since, '--export', format, '--country', 'KR'));
    for (const one of again) expect(await one()).toEqual({ code: 0, stdout: '', stderr: '' });
    fs.chmodSync(tokenFile, 0o644);
    expect((await pull(...since)).stderr).toMatch(
      /^enaga pull: every user of this machine can read \S+token: chmod 600/,
    );
    fs.chmodSync(tokenFile, 0o600);

    const [gone, altered] = ['ports.csv', 'intelmq-KR.ndjson'].map(name => path.join(out, DATES[2], name));
    const whole = digest(altered!);
    fs.rmSync(gone!);
    fs.appendFileSync(altered!, '{}\n');
    const verify = () => pull(...since, '--export', 'intelmq', '--country', 'KR', '--verify');
    expect((await verify()).stdout).toMatch(/^2026-03-03 revision 1: /);
    expect([fs.existsSync(gone!), digest(altered!)]).toEqual([true, whole]);
    expect(files()).toEqual(expect.arrayContaining(['ports.csv', 'ports.json', 'intelmq-KR.ndjson']));
    expect(await verify()).toEqual({
      code: 0,
      stdout: `1 day, ${files().length} files: all as they came\n`,
      stderr: '',
    });
    const quiet = await pull(...since, '--export', 'intelmq', '--country', 'KR', '--verify', '--quiet');
    expect(quiet).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('exchange files, other formats, the public; what it cannot do it says', async () => {
    const exported = await pull(
      '--export',
      'iodef-v2',
      'intelmq',
      '--country',
      'KR',
      '--since',
      DATES[2],
      '--format',
      'ndjson',
    );
    expect([exported.stderr, exported.code]).toEqual(['', 0]);
    expect(fs.readdirSync(out).filter(name => name.startsWith('2026'))).toEqual([DATES[2]]);
    const folder = path.join(out, DATES[2]);
    expect(fs.readFileSync(path.join(folder, 'iodef-v2-KR.xml'), 'utf8')).toContain('<IODEF-Document');
    const events = fs.readFileSync(path.join(folder, 'intelmq-KR.ndjson'), 'utf8').trimEnd().split('\n');
    const { rows } = (await site.get(`/v1/days/${DATES[2]}/countries`, site.tokens.foreign)).json();
    expect(events).toHaveLength(rows.find(({ country }: { country: string }) => country === 'KR').packets);
    expect(fs.existsSync(path.join(folder, 'ports.ndjson'))).toBe(true);

    const bare = path.join(out, 'public');
    expect((await run('pull', '--collector', url, '--out', bare)).code).toBe(0);
    expect(fs.readdirSync(bare).filter(name => name.startsWith('2026'))).toEqual(DATES.slice(0, 2));
    expect(fs.readdirSync(path.join(bare, DATES[0]))).toHaveLength(5);

    const late = ['pull', '--collector', url, '--out', path.join(out, 'late'), '--since', DATES[2]];
    expect(await run(...late)).toEqual({ code: 0, stdout: '', stderr: '' }); // nothing is public: cron is not told

    const foreign = await pull('--export', 'stix', '--country', 'JP', '--since', DATES[2]);
    expect([foreign.code, foreign.stderr]).toEqual([
      1,
      `enaga pull: /v1/days/${DATES[2]}/exports/stix: 403 Forbidden. This token does not read that: GET /v1/reader says what it reads.\n`,
    ]);
    fs.writeFileSync(path.join(out, 'bad'), 'enaga_00000000_wrong');
    const wrong = await run('pull', '--collector', url, '--token-file', path.join(out, 'bad'), '--out', out);
    expect(wrong.stderr).toMatch(/401 Token wanted/);
    expect(wrong.stderr).not.toContain('enaga_00000000_wrong');
    for (const args of [
      ['--export', 'stix'],
      ['--country', 'JP'],
      ['--format', 'xml'],
      ['--since', 'monday'],
    ])
      expect((await pull(...args)).code).toBe(2);
    expect(
      (await run('pull', '--collector', 'http://192.0.2.1', '--token-file', tokenFile, '--out', out)).stderr,
    ).toMatch(/over HTTP/);
  });

  test('a MISP feed: one directory of all days; a file that is not what the collector sent is refused', async () => {
    expect((await pull('--export', 'misp', '--country', 'KR', '--quiet')).code).toBe(0);
    const feed = path.join(out, 'misp-KR');
    const manifest = JSON.parse(fs.readFileSync(path.join(feed, 'manifest.json'), 'utf8'));
    const events = Object.keys(manifest);
    expect(Object.values(manifest).map(one => (one as { date: string }).date)).toEqual(DATES.slice(0, 3));
    expect(fs.readdirSync(feed).sort()).toEqual(
      [...events.map(id => `${id}.json`), 'hashes.csv', 'manifest.json'].sort(),
    );
    for (const [n, event] of events.entries()) {
      const route = `/v1/days/${DATES[n]}/exports/misp/${event}.json?country=KR`;
      expect(fs.readFileSync(path.join(feed, `${event}.json`), 'utf8')).toBe(
        (await site.get(route, site.tokens.foreign)).body,
      );
    }
    const hashes = fs.readFileSync(path.join(feed, 'hashes.csv'), 'utf8').trimEnd().split('\n');
    expect(new Set(hashes.map(line => line.split(',')[1]))).toEqual(new Set(events));
    expect(new Set(hashes).size).toBe(hashes.length);
    asked.length = 0;
    expect((await pull('--export', 'misp', '--country', 'KR')).stdout).toBe('');
    expect(asked).toHaveLength(1);

    let lists = 0;
    meddle = ({ url: at }, response) => {
      if (!at!.endsWith('/exports')) return false;
      // Not known before it is sent; after, what was sent is said to have been another.
      const told = { url: `${at}/stix?country=KR`, size: 9, sha256: '0'.repeat(64) };
      response.writeHead(200).end(JSON.stringify({ next: null, rows: lists++ === 0 ? [] : [told] }));
      return true;
    };
    const forged = await pull('--export', 'stix', '--country', 'KR', '--since', DATES[2]);
    expect([forged.code, forged.stderr]).toEqual([1, expect.stringMatching(/its SHA-256 is another\n$/)]);
    expect(fs.readdirSync(path.join(out, DATES[2])).filter(name => name.includes('stix'))).toEqual([]);
  });

  test('a day that late data changed is pulled again', async () => {
    await pull('--since', DATES[2]);
    const late = {
      ...{
        sensor: 1,
        family: 4 as const,
        hour: 24 * (FIRST_DAY + 2) + 3,
        time: 5,
        src: [0x08080801],
        dst: [0xc6330107],
      },
      ...{ protocol: 6, srcPort: 1, dstPort: 9999, flags: 2, window: 1, seqFold: 0, tool: 0 },
    };
    expect(RECEIVED_MS).toBe((FIRST_DAY + 4) * DAY_MS);
    site.made.append(...blocksOf([late], 1));
    await fold(site.made);
    const again = await pull('--since', DATES[2]);
    expect(again.stdout).toBe(`${DATES[2]} revision 2: 7 files\n`);
    expect(fs.readFileSync(path.join(out, DATES[2], 'ports.csv'), 'utf8')).toContain(',9999,');
  });
});

describe('enaga member and enaga audit', () => {
  const admin = (...args: string[]) => run(...args, '--data', site.made.dir);

  test('add, list, show, rotate, revoke; a token is shown once and works', async () => {
    const added = await admin(
      'member',
      'add',
      'gamma',
      '--country',
      'KR',
      'DE',
      '--asn',
      '64496',
      'AS64500',
      '--prefix',
      '2001:DB8::/32',
    );
    expect([added.stderr, added.code]).toEqual(['', 0]);
    const token = /enaga_\w{8}_[\w-]{43}/.exec(added.stdout)![0];
    site.clock.ms = Date.now();
    const read = async (one: string) => (await site.get(`/v1/days/${DATES[0]}/asns`, one)).statusCode;
    expect(await read(token)).toBe(200);
    const list = await admin('member', 'list');
    expect(list.stdout).toMatch(/^gamma +member +DE KR AS64496 AS64500 2001:db8::\/32 +20/m);
    const rotated = JSON.parse((await admin('member', 'rotate', 'gamma', '--overlap', '0', '--json')).stdout);
    site.clock.ms = Date.now();
    expect([await read(token), await read(rotated.token)]).toEqual([401, 200]);
    expect((await admin('member', 'add', 'gamma')).stderr).toMatch(/a member already/);
    await site.get(`/v1/days/${DATES[0]}/records?limit=1`, rotated.token);
    const shown = await admin('member', 'show', 'gamma');
    expect(shown.stdout).toMatch(/read records of sources/);
    expect(shown.stdout).not.toContain(rotated.token);
    expect((await admin('member', 'revoke', 'gamma')).stdout).toBe('member gamma is revoked\n');
    expect(await read(rotated.token)).toBe(401);
    expect(
      JSON.parse((await admin('member', 'list', '--json')).stdout).find(
        ({ organisation }: { organisation: string }) => organisation === 'gamma',
      ),
    ).toMatchObject({ role: 'member', asns: [64496, 64500], expires: null, revoked: expect.any(String) });
    site.clock.ms = NOW;
    for (const [args, code, text] of [
      [['add', 'nobody'], 1, /no organisation nobody/],
      [['add', 'delta', '--country', 'jp'], 1, /'jp' is no country/],
      [['add', 'delta', '--prefix', '300.0.0.0/8'], 1, /is no network/],
      [['add', 'delta', '--asn', 'x'], 2, /AS numbers/],
      [['show', 'delta'], 1, /is no member/],
      [['revoke', 'gamma'], 1, /is revoked/],
    ] as const) {
      const outcome = await admin('member', ...args);
      expect([outcome.code, outcome.stdout]).toEqual([code, '']);
      expect(outcome.stderr).toMatch(text);
    }
  });

  test('audit: reads alone, or all; of one, since a day', async () => {
    site.clock.ms = Date.parse('2026-03-07T08:00:00Z');
    await site.get(`/v1/days/${DATES[0]}/sensor-records?limit=2`, site.tokens.beta);
    site.clock.ms = NOW;
    const entries = JSON.parse((await admin('audit', '--by', 'beta', '--json')).stdout);
    expect(entries[0]).toEqual({
      ...{ at: '2026-03-07T08:00:00Z', actor: 'beta', action: 'read records of sensors' },
      detail: { date: DATES[0], rows: 2, cursor: null },
    });
    expect((await admin('audit', '--by', 'beta', '--since', '2026-03-08')).stdout).toBe(
      'nothing was read (what was changed: --all)\n',
    );
    await site.get(`/v1/days/${DATES[2]}/exports/intelmq?country=KR`, site.tokens.beta);
    site.members.noteRead('beta', 'push intelmq', { scope: { asns: [64500], prefixes: ['8.8.8.0/28'] } }, NOW);
    const { stdout } = await admin('audit', '--by', 'beta');
    expect(stdout).toMatch(/read export intelmq .*, scope KR( |$)/m);
    expect(stdout).toMatch(/scope AS64500 8\.8\.8\.0\/28$/m);
    expect((await admin('audit')).stdout).not.toMatch(/member add/);
    expect((await admin('audit', '--all')).stdout).toMatch(/member add/);
  });
});
