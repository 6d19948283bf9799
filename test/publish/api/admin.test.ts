/** Admins over HTTP: what they change is what the command line sees, faults are by field, and nobody else changes anything. */
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminPowers, type Heard } from '../../../collector/publish/api/admin-powers.ts';
import { CHANGES } from '../../../collector/publish/api/admin-routes.ts';
import { Members } from '../../../collector/registry/members.ts';
import { Registry } from '../../../collector/registry/registry.ts';
import { enaga } from '../../support/enaga.ts';
import { SealedLog } from '../../support/sealed-log.ts';
import { NOW, openSite, type Site } from './support.ts';

const HEARD: Heard = {
  atMs: NOW,
  clockOffsetMs: 1500,
  oldestUnshipped: '2026-03-05T11:00:00Z',
  spooledRecords: 12,
  version: '0.1.0',
  alarms: ['its disk is nearly full'],
};

let made: SealedLog;
let site: Omit<Site, 'members'>;
beforeAll(async () => {
  made = new SealedLog([]);
  for (const name of ['alpha', 'beta', 'operator']) made.registry.addOrganisation({ name }, 0);
  const alpha = { owner: 'alpha', economy: 'JP' };
  made.registry.addSensor({ name: 'old', ...alpha, networks: ['198.51.100.0/24'] }, 0);
  made.registry.addSensor({ name: 'gone', ...alpha, networks: ['203.0.113.0/24'] }, 0);
  made.registry.revoke('gone', 1);
  const members = Members.open(made.data.registry, { actor: 'test' });
  const tokens = {
    admin: members.add({ organisation: 'operator', role: 'admin' }, NOW).token,
    beta: members.add({ organisation: 'beta' }, NOW).token,
    foreign: '',
  };
  members.close();
  const admin = adminPowers({ data: made.data, heard: sensor => (sensor === 0 ? HEARD : undefined) });
  site = { ...(await openSite(made, tokens, { admin })) } as Omit<Site, 'members'>;
});
afterAll(async () => {
  await site.close();
  made.remove();
});

const ask = (method: 'POST' | 'DELETE', url: string, payload?: object, more: Partial<InjectOptions> = {}) =>
  site.app.inject({
    method,
    url,
    ...(payload !== undefined && { payload }),
    ...more,
    headers: { authorization: `Bearer ${site.tokens.admin}`, ...more.headers },
  });
const rows = async (url: string, token = site.tokens.admin) => (await site.get(url, token)).json().rows;
/** As another process sees it. */
const registered = <T>(use: (registry: Registry) => T): T => {
  const registry = Registry.open(made.data.registry, { readonly: true });
  try {
    return use(registry);
  } finally {
    registry.close();
  }
};
const faultsOf = (response: Awaited<ReturnType<typeof ask>>) =>
  response.json().errors.map(({ at, code }: { at: string; code: string }) => `${at} ${code}`);

const TOKYO = { name: 'tokyo-1', owner: 'alpha', economy: 'JP', networks: ['192.0.2.7/24', '2001:db8::/48'] };

describe('a sensor', () => {
  test('is added, told with its command, enrolled by its token once, and in the audit', async () => {
    const answer = await ask('POST', '/v1/sensors', {
      ...TOKYO,
      collector: 'https://collector.example:8740',
      hours: 2,
    });
    expect([answer.statusCode, answer.headers['cache-control']]).toEqual([201, 'no-store']);
    const { token, ...told } = answer.json();
    expect(told).toEqual({
      sensor: 'tokyo-1',
      expires: '2026-03-05T14:00:00Z',
      enrol: 'enaga-sensor enrol --collector https://collector.example:8740 --token-file -',
    });
    const known = registered(registry => registry.existing('tokyo-1'));
    expect(known).toMatchObject({ owner: 'alpha', economy: 'JP', networks: ['192.0.2.0/24', '2001:db8::/48'] });
    const publicKey = Buffer.alloc(32, 7).toString('base64url');
    expect(made.registry.enrol({ token, publicKey }, NOW)).toMatchObject({ name: 'tokyo-1' });
    const another = Buffer.alloc(32, 8).toString('base64url');
    expect(made.registry.enrol({ token, publicKey: another }, NOW)).toBeUndefined();
    const [, added] = registered(registry => registry.audit(known.index, 10));
    expect(added).toMatchObject({ actor: 'operator', action: 'sensor add', atMs: NOW });
    expect([JSON.stringify(added), ...site.lines].join()).not.toContain(token);
  });

  test('that cannot be is refused field by field, and nothing is written', async () => {
    const before = registered(registry => registry.sensors().length);
    const wrong = {
      name: 'a b',
      owner: 'nobody',
      economy: 'ZZ',
      networks: ['198.51.100.128/25', 'x', '10.0.0.0/8', '10.1.0.0/16'],
    };
    const answer = await ask('POST', '/v1/sensors', { ...wrong, collector: 'https://x/; rm -rf /' });
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([422, 'application/problem+json']);
    expect(faultsOf(answer)).toEqual([
      ...['/name name', '/owner no-organisation', '/economy economy', '/networks/0 observed', '/networks/1 network'],
      ...['/networks/3 overlap', '/collector collector'],
    ]);
    expect(faultsOf(await ask('POST', '/v1/sensors', { ...TOKYO, name: 'gone', networks: [] }))).toEqual([
      '/name taken',
      '/networks missing',
    ]);
    expect(faultsOf(await ask('POST', '/v1/sensors', { name: 7, networks: ['a'.repeat(99)] }))).toEqual(
      expect.arrayContaining(['/owner missing', '/economy missing', '/name form', '/networks/0 form']),
    );
    const unknown = await ask('POST', '/v1/sensors', { ...TOKYO, '<b>secret</b>': 1 });
    expect([unknown.statusCode, unknown.body.includes('secret')]).toEqual([422, false]);
    expect(registered(registry => registry.sensors().length)).toBe(before);
  });

  test('gets another token, and is revoked for good', async () => {
    await ask('POST', '/v1/sensors', { ...TOKYO, name: 'kyoto', networks: ['192.0.3.0/24'] });
    const rotated = await ask('POST', '/v1/sensors/kyoto/tokens', {}, { headers: { host: 'collector.example' } });
    expect(rotated.json().enrol).toContain('--collector http://collector.example --token-file -');
    expect((await ask('DELETE', '/v1/sensors/kyoto')).statusCode).toBe(200);
    expect((await ask('DELETE', '/v1/sensors/kyoto')).json().type).toBe('urn:enaga:problem:no-sensor');
    expect((await ask('POST', '/v1/sensors/kyoto/tokens', {})).statusCode).toBe(404);
    expect(registered(registry => registry.existing('kyoto').revokedMs)).toBe(NOW);
  });

  test('is listed with its state, and what it said of itself, to who may know', async () => {
    const [old, gone] = await rows('/v1/sensors');
    expect(old).toMatchObject({
      sensor: 'old',
      state: 'not enrolled',
      clockOffsetMs: 1500,
      version: '0.1.0',
      alarms: HEARD.alarms,
    });
    expect(old).toMatchObject({
      lastBatch: null,
      lastHeartbeat: '2026-03-05T12:00:00Z',
      networks: ['198.51.100.0/24'],
    });
    expect(gone).toMatchObject({ sensor: 'gone', state: 'revoked', clockOffsetMs: null, version: null, alarms: [] });
    expect(await rows('/v1/sensors', site.tokens.beta)).toEqual([]);
    expect((await site.get('/v1/sensors')).statusCode).toBe(401);
  });
});

describe('a member', () => {
  test('is invited, reads with its token, gets another, and is revoked', async () => {
    expect((await ask('POST', '/v1/organisations', { name: 'kr-csirt', title: 'Korea' })).statusCode).toBe(201);
    const body = {
      organisation: 'kr-csirt',
      role: 'member',
      countries: ['KR'],
      asns: [64496],
      prefixes: ['8.8.8.8/28'],
    };
    const { token, expires } = (await ask('POST', '/v1/members', { ...body, days: 1 })).json();
    expect(expires).toBe('2026-03-06T12:00:00Z');
    expect(await rows('/v1/reader', token)).toEqual([
      { role: 'member', organisation: 'kr-csirt', countries: ['KR'], asns: [64496], prefixes: ['8.8.8.0/28'] },
    ]);
    expect((await site.get('/v1/reader')).json().rows).toEqual([
      { role: 'public', organisation: null, countries: [], asns: [], prefixes: [] },
    ]);
    expect(faultsOf(await ask('POST', '/v1/members', body))).toEqual(['/organisation member']);
    const listed = (await rows('/v1/members')).find((row: { organisation: string }) => row.organisation === 'kr-csirt');
    expect(listed).toMatchObject({ role: 'member', asns: ['64496'], prefixes: ['8.8.8.0/28'], revoked: null });
    expect((await ask('POST', '/v1/members/kr-csirt/tokens', { days: 3 })).json().token).not.toBe(token);
    expect((await ask('DELETE', '/v1/members/kr-csirt')).statusCode).toBe(200);
    expect((await site.get('/v1/reader', token)).statusCode).toBe(401);
    expect((await ask('DELETE', '/v1/members/operator')).json().type).toBe('urn:enaga:problem:own');
  });

  test('that cannot be is refused field by field', async () => {
    const wrong = { organisation: 'nobody', role: 'member', countries: ['JP', 'XX'], asns: [0], prefixes: ['x'] };
    expect(faultsOf(await ask('POST', '/v1/members', wrong))).toEqual([
      ...['/organisation no-organisation', '/countries/1 country', '/asns/0 asn', '/prefixes/0 prefix'],
    ]);
    expect(faultsOf(await ask('POST', '/v1/organisations', { name: 'alpha', title: ' ' }))).toEqual([
      '/name taken',
      '/title title',
    ]);
  });
});

describe('nobody else', () => {
  const CHANGED = [
    ['POST', '/v1/sensors'],
    ['POST', '/v1/sensors/old/tokens'],
    ['DELETE', '/v1/sensors/old'],
    ['POST', '/v1/organisations'],
    ['POST', '/v1/members'],
    ['POST', '/v1/members/beta/tokens'],
    ['DELETE', '/v1/members/beta'],
  ] as const;

  test.each(CHANGED)('may %s %s', async (method, url) => {
    const as = (authorization?: string) =>
      site.app.inject({ method, url, payload: TOKYO, ...(authorization && { headers: { authorization } }) });
    const answers = [await as(), await as('Bearer enaga_00000000_x'), await as(`Bearer ${site.tokens.beta}`)];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([401, 401, 403]);
    const cookie = await site.app.inject({ method, url, payload: TOKYO, cookies: { token: site.tokens.admin } });
    expect(cookie.statusCode).toBe(401);
  });

  test('a form of another site has no way in: no other type of body, and no leave to ask', async () => {
    const headers = { 'content-type': 'text/plain', origin: 'https://evil.example' };
    const form = await ask('POST', '/v1/sensors', undefined, { payload: JSON.stringify(TOKYO), headers });
    expect(form.statusCode).toBe(415);
    const preflight = await site.app.inject({ method: 'OPTIONS', url: '/v1/sensors', headers });
    expect([preflight.statusCode, preflight.headers['access-control-allow-origin']]).toEqual([405, undefined]);
  });

  test.each(['/v1/organisations', '/v1/members'])('may read %s', async url => {
    expect((await site.get(url)).statusCode).toBe(401);
    expect((await site.get(url, site.tokens.beta)).statusCode).toBe(403);
  });
});

test('two who ask at once for one name: one gets it', async () => {
  const body = { ...TOKYO, name: 'twice', networks: ['192.0.4.0/24'] };
  const answers = await Promise.all([ask('POST', '/v1/sensors', body), ask('POST', '/v1/sensors', body)]);
  expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, 422]);
});

test('the command line writes the same registry at the same time: nobody is lost, nothing is told twice', async () => {
  const names = Array.from({ length: 6 }, (_, n) => `busy-${n}`);
  const network = (n: number) => `172.16.${n}.0/24`;
  const flags = ['--owner', 'alpha', '--economy', 'JP', '--data', made.dir];
  const typed = names.slice(0, 2).map((name, n) => enaga(['sensor', 'add', name, ...flags, '--network', network(n)]));
  const asked = names
    .slice(2)
    .map((name, n) => ask('POST', '/v1/sensors', { ...TOKYO, name, networks: [network(2 + n)] }));
  expect((await Promise.all(typed)).map(({ code }) => code)).toEqual([0, 0]);
  expect((await Promise.all(asked)).map(({ statusCode }) => statusCode)).toEqual([201, 201, 201, 201]);
  const found = registered(registry => registry.sensors()).filter(({ name }) => names.includes(name));
  expect(found.map(({ name }) => name).sort()).toEqual(names);
  expect(new Set(found.map(({ index }) => index)).size).toBe(6);
  // What the server keeps of the registry in memory follows what others wrote.
  expect((await rows('/v1/sensors')).length).toBe(registered(registry => registry.sensors().length));
});

test('the document has the bodies, the answers and the refusals', async () => {
  const { paths } = (await site.get('/v1/openapi.json')).json();
  const { post } = paths['/v1/sensors'];
  const schema = post.requestBody.content['application/json'].schema;
  expect(schema.required).toEqual(['name', 'owner', 'economy', 'networks']);
  expect(Object.keys(post.responses)).toEqual(expect.arrayContaining(['201', '401', '403', '422', '429']));
  expect(paths['/v1/members/{name}'].delete.security).toEqual([{ token: [] }]);
});

test('changes have a rate of their own', async () => {
  const statuses: number[] = [];
  for (let n = 0; n <= CHANGES.burst; n++) statuses.push((await ask('DELETE', '/v1/sensors/none')).statusCode);
  expect(statuses.at(-1)).toBe(429);
  expect((await ask('DELETE', '/v1/sensors/none')).headers['retry-after']).toBe('5');
});
