/** Each role at each route: who gets an answer, and that none of it holds what its reader may not see. */
import type { AddressInfo } from 'node:net';
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PUBLIC_RULE } from '../../../collector/publish/roles/roles.ts';
import { plantPeers } from '../../peer/planted.ts';
import {
  CANARIES,
  canary,
  DARK,
  DATES,
  DAY_MS,
  fold,
  makeSite,
  NOW,
  openSite,
  RARE_PORT,
  SENSORS,
  type Site,
  TWO_OWNERS_PORT,
} from './support.ts';

let site: Site;
beforeAll(async () => {
  site = await makeSite();
  plantPeers(site.made.data.peers, Date.parse(PUBLISHED) / DAY_MS, canary(3));
});
afterAll(() => site.close());

const [, PUBLISHED, LATE, OPEN] = DATES;
const SERIES = `table=ports&key=23/tcp&from=${PUBLISHED}&to=${PUBLISHED}`;

/** url: status of the public, of a member without sensors, of a member with two, of an admin. */
const ROUTES: readonly (readonly [url: string, open: number, foreign: number, owner: number, admin: number])[] = [
  ['/v1/days', 200, 200, 200, 200],
  [`/v1/days/${PUBLISHED}`, 200, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/files`, 200, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/ports`, 200, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/countries`, 200, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/classes`, 200, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/allocations`, 200, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/port-countries`, 401, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/asns`, 401, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/tools`, 401, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/hours`, 401, 200, 200, 200],
  [`/v1/days/${LATE}`, 404, 200, 200, 200],
  [`/v1/days/${OPEN}/ports`, 404, 200, 200, 200],
  [`/v1/series?${SERIES}&step=day`, 200, 200, 200, 200],
  [`/v1/series?${SERIES}&step=hour`, 401, 200, 200, 200],
  [`/v1/ranks/ports?period=week&start=${PUBLISHED}`, 200, 200, 200, 200],
  [`/v1/ranks/countries?period=day&start=${PUBLISHED}`, 200, 200, 200, 200],
  [`/v1/ranks/ports?period=day&start=${LATE}`, 404, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/sensors`, 401, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/records`, 401, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/sensor-records`, 401, 403, 200, 200],
  [`/v1/days/${PUBLISHED}/exports`, 401, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/exports/intelmq?country=KR`, 401, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/exports/intelmq?country=ZZ`, 401, 403, 200, 403],
  [`/v1/days/${PUBLISHED}/exports/intelmq?country=JP`, 401, 403, 403, 200],
  [`/v1/days/${PUBLISHED}/exports/misp?country=KR`, 401, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/exports/misp/hashes.csv?country=KR`, 401, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/exports/none?country=KR`, 400, 400, 400, 400],
  ['/v1/peers', 200, 200, 200, 200],
  ['/v1/peers/shown/days', 200, 200, 200, 200],
  ['/v1/peers/hidden/days', 404, 200, 200, 200],
  ['/v1/peers/nobody/days', 404, 404, 404, 404],
  [`/v1/peers/shown/days/${PUBLISHED}/ports`, 200, 200, 200, 200],
  [`/v1/peers/hidden/days/${PUBLISHED}/ports`, 404, 200, 200, 200],
  [`/v1/peers/hidden/days/${PUBLISHED}/countries`, 404, 200, 200, 200],
  [`/v1/peers/hidden/days/${PUBLISHED}/port-countries`, 404, 200, 200, 200],
  [`/v1/compare/${PUBLISHED}/ports`, 200, 200, 200, 200],
  [`/v1/compare/${PUBLISHED}/countries`, 200, 200, 200, 200],
  ['/v1/reader', 200, 200, 200, 200],
  ['/v1/economies', 200, 200, 200, 200],
  [`/v1/domestic?economy=JP&from=${PUBLISHED}&to=${PUBLISHED}`, 200, 200, 200, 200],
  [`/v1/domestic/ports?economy=JP&from=${PUBLISHED}&to=${PUBLISHED}`, 200, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/port-sensors?port=23/tcp`, 401, 200, 200, 200],
  [`/v1/port-kinds?port=23/tcp&from=${PUBLISHED}&to=${PUBLISHED}`, 401, 200, 200, 200],
  [`/v1/port-asns?port=23/tcp&from=${PUBLISHED}&to=${PUBLISHED}`, 401, 200, 200, 200],
  [`/v1/country-kinds?country=JP&from=${PUBLISHED}&to=${PUBLISHED}`, 401, 200, 200, 200],
  [`/v1/country-asns?country=JP&from=${PUBLISHED}&to=${PUBLISHED}`, 401, 200, 200, 200],
  [`/v1/asns?from=${PUBLISHED}&to=${PUBLISHED}`, 401, 200, 200, 200],
  [`/v1/rank-history?table=ports&key=23/tcp&period=day&from=${PUBLISHED}&to=${PUBLISHED}`, 200, 200, 200, 200],
  [`/v1/days/${PUBLISHED}/port-sensors?sensor=s2`, 401, 404, 200, 200],
  [`/v1/days/${PUBLISHED}/port-sensors?sensor=s0`, 401, 404, 404, 200],
  [`/v1/days/${PUBLISHED}/port-sensors?sensor=nobody`, 401, 404, 404, 404],
];

const rowsOf = (response: LightMyRequestResponse): Record<string, unknown>[] => response.json().rows;
const said = (response: LightMyRequestResponse): string =>
  `${response.body} ${JSON.stringify(response.headers)} ${response.rawPayload.toString('latin1')}`;

describe('each role at each route', () => {
  test.each(ROUTES)('%s', async (url, ...expected) => {
    const tokens = [undefined, site.tokens.foreign, site.tokens.beta, site.tokens.admin];
    const found = await Promise.all(tokens.map(token => site.get(url, token)));
    expect(found.map(({ statusCode }) => statusCode)).toEqual(expected);
    for (const response of found.filter(({ statusCode }) => statusCode >= 400)) {
      expect(response.headers['content-type']).toBe('application/problem+json');
      expect(response.headers['cache-control']).toBe('no-store');
    }
    expect(found[0]!.headers['www-authenticate']).toBe(expected[0] === 401 ? 'Bearer realm="enaga"' : undefined);
  });

  test('every route is among them', async () => {
    const { paths } = (await site.get('/v1/openapi.json')).json();
    const ours = Object.keys(paths).filter(path => /^\/v1\/(?!batches|heartbeats|enrolments|openapi)/.test(path));
    expect(ours.length).toBeGreaterThan(15);
    const untried = ours.filter(path => {
      const pattern = new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);
      return !ROUTES.some(([url]) => pattern.test(url.replace(/\?.*/, '')));
    });
    expect(untried).toEqual([]);
  });
});

test('the document says of each route whether it takes a token', async () => {
  const { paths } = (await site.get('/v1/openapi.json')).json();
  for (const [path, { get }] of Object.entries(paths as Record<string, { get?: { security?: object[] } }>)) {
    const pattern = new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);
    const open = ROUTES.filter(([url]) => pattern.test(url.replace(/\?.*/, ''))).map(([, status]) => status);
    if (open.length === 0) continue;
    const isOpen = open.some(status => status === 200 || status === 404);
    expect([path, get!.security]).toEqual([path, isOpen ? [{}, { token: [] }] : [{ token: [] }]]);
  }
});

describe('the canary', () => {
  test('no destination, network or sensor is in anything that the public or a foreign member gets', async () => {
    const outputs: string[] = [];
    for (const token of [undefined, site.tokens.foreign, 'enaga_00000000_x', canary(3)]) {
      const urls = ROUTES.flatMap(([url]) => {
        const [path, query] = url.split('?');
        return [
          url,
          ...['json', 'ndjson', 'csv'].map(one => `${path}.${one}${query === undefined ? '' : `?${query}`}`),
        ];
      });
      for (const format of ['iodef-v1', 'iodef-v2', 'iodef-json', 'shadowserver', 'stix', 'misp'])
        urls.push(`/v1/days/${PUBLISHED}/exports/${format}?country=KR`);
      for (const url of urls) outputs.push(said(await site.get(url, token)));
    }
    for (const planted of CANARIES.slice(0, 8)) {
      for (const url of [
        `/v1/days/${planted}`,
        `/v1/days/${PUBLISHED}/ports?${planted}=1`,
        `/v1/days/${PUBLISHED}/port-countries?port=${planted}`,
        `/v1/series?${SERIES}&step=${planted}`,
        `/v1/days/${PUBLISHED}/exports/stix/${planted}?country=KR`,
        `/v1/days?cursor=${planted}`,
      ]) {
        const response = await site.get(url, site.tokens.foreign);
        expect(response.statusCode).toBeGreaterThanOrEqual(400);
        outputs.push(said(response).replaceAll(encodeURIComponent(url), ''));
      }
    }
    outputs.push((await site.get('/metrics')).body, ...site.lines);
    expect(outputs.length).toBeGreaterThan(400);
    // Exports are of this collector's own address blocks, and name no sensor.
    const forbidden = [...CANARIES, DARK, ...SENSORS.map(([name]) => `"${name}"`), '2001:db8:99'];
    for (const output of outputs)
      for (const text of forbidden) if (output.includes(text)) expect([text, output.slice(0, 300)]).toBe('absent');
    expect(said(await site.get(`/v1/days/${PUBLISHED}/sensor-records`, site.tokens.beta))).toContain(canary(2));
  });

  test('no source address is in anything public', async () => {
    for (const [url, status] of ROUTES) {
      if (status !== 200) continue;
      expect(said(await site.get(url))).not.toMatch(/\d+\.\d+\.\d+\.\d+|[0-9a-f]+::/);
    }
  });
});

describe('members', () => {
  const all = async (url: string, token: string): Promise<Record<string, unknown>[]> => {
    const found: Record<string, unknown>[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const response = await site.get(`${url}?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`, token);
      expect(response.statusCode).toBe(200);
      expect(rowsOf(response).length).toBeLessThanOrEqual(100);
      found.push(...rowsOf(response));
      cursor = response.json().next;
    }
    return found;
  };

  test('read sources of their countries and prefixes, all of them, and no more', async () => {
    const url = `/v1/days/${PUBLISHED}/records`;
    const [foreign, beta, admin] = [
      await all(url, site.tokens.foreign),
      await all(url, site.tokens.beta),
      await all(url, site.tokens.admin),
    ];
    const [day] = site.store.days({ from: NOW / DAY_MS - 3.5, to: NOW / DAY_MS - 3.5 });
    expect(admin.length).toBe(day!.packets);
    const isPrefix = ({ source }: Record<string, unknown>) => /^8\.8\.8\.([0-9]|1[0-5])$/.test(String(source));
    expect(foreign).toEqual(admin.filter(({ country }) => country === 'KR'));
    expect(beta).toEqual(admin.filter(row => row.country === 'KR' || isPrefix(row)));
    expect(beta.filter(isPrefix).length).toBeGreaterThan(20);
    for (const row of foreign) expect(Object.keys(row)).not.toContain('destination');
  });

  test('read records of their own sensors with destination; a sensor that changed hands that day is nobody’s', async () => {
    const url = `/v1/days/${PUBLISHED}/sensor-records`;
    const own = await all(url, site.tokens.beta);
    expect(new Set(own.map(({ sensor }) => sensor))).toEqual(new Set(['s2', 's3']));
    expect(new Set(own.map(({ destination }) => destination))).toEqual(new Set([canary(2), canary(3)]));
    const { rows } = (await site.get(`/v1/days/${PUBLISHED}/sensors`, site.tokens.beta)).json();
    expect(rows.map(({ sensor }: { sensor: string }) => sensor)).toEqual(['s2', 's3']);
    expect(own.length).toBe(rows.reduce((sum: number, row: { packets: number }) => sum + row.packets, 0));
    site.made.registry.change('s3', { owner: 'delta' }, Date.parse(`${PUBLISHED}T12:00:00Z`));
    expect(new Set((await all(url, site.tokens.beta)).map(({ sensor }) => sensor))).toEqual(new Set(['s2']));
    const before = await all(`/v1/days/${DATES[0]}/sensor-records`, site.tokens.beta);
    expect(new Set(before.map(({ sensor }) => sensor))).toEqual(new Set(['s2', 's3']));
    expect(await all(`/v1/days/${LATE}/sensor-records`, site.tokens.beta)).toHaveLength(
      before.filter(({ sensor }) => sensor === 's2').length,
    );
    site.made.registry.change('s3', { owner: 'beta' }, Date.parse(`${PUBLISHED}T12:00:00Z`) + 1);
  });

  test('each read of raw records is in the audit, with whose it was and what', async () => {
    const before = site.members.audit({ action: 'read ', max: 1000 }).length;
    site.clock.ms = NOW + 5000;
    await site.get(`/v1/days/${PUBLISHED}/records?limit=3`, site.tokens.foreign);
    await site.get(`/v1/days/${PUBLISHED}/exports/stix?country=KR`, site.tokens.foreign);
    await site.get(`/v1/days/${PUBLISHED}/exports/stix?country=JP`, site.tokens.foreign);
    await site.get(`/v1/days/${PUBLISHED}/ports`, site.tokens.foreign);
    site.clock.ms = NOW;
    const entries = site.members.audit({ action: 'read ', max: 1000 });
    expect(entries.length).toBe(before + 2);
    expect(entries[1]).toMatchObject({ atMs: NOW + 5000, actor: 'kr-csirt', action: 'read records of sources' });
    expect(JSON.parse(entries[1]!.detail)).toEqual({ date: PUBLISHED, rows: 3, cursor: null });
    expect(JSON.parse(entries[0]!.detail)).toMatchObject({ country: 'KR', revision: 1 });
  });

  test('their exports are the same as those of enaga export', async () => {
    const { enaga } = await import('../../support/enaga.ts');
    const sender = ['--organisation', 'Example CSIRT', '--email', 'scan@csirt.example', '--feed', 'example-scans'];
    const args = ['export', '--date', PUBLISHED, '--country', 'KR', '--format', 'iodef-v2', ...sender];
    const { stdout, code } = await enaga([...args, '--data', site.made.dir]);
    expect(code).toBe(0);
    const url = `/v1/days/${PUBLISHED}/exports/iodef-v2?country=KR`;
    const response = await site.get(url, site.tokens.foreign);
    expect(response.body === stdout).toBe(true);
    const again = await site.get(url, site.tokens.foreign, {
      headers: { 'if-none-match': String(response.headers.etag) },
    });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    const manifest = await site.get(`/v1/days/${PUBLISHED}/exports/misp?country=KR`, site.tokens.foreign);
    const [event] = Object.keys(manifest.json());
    const file = await site.get(`/v1/days/${PUBLISHED}/exports/misp/${event}.json?country=KR`, site.tokens.foreign);
    expect(file.json().Event.uuid).toBe(event);
  });
});

test('exports of one member run two at a time, and are done when they are given up', async () => {
  const ask = () => site.get(`/v1/days/${PUBLISHED}/exports/intelmq?country=KR`, site.tokens.foreign);
  const status = async (n: number) => (await Promise.all(Array.from({ length: n }, ask))).map(one => one.statusCode);
  const pause = () => new Promise(resolve => setTimeout(resolve, 50)); // a stream closes a little after its answer
  await pause();
  expect((await status(3)).sort()).toEqual([200, 200, 429]);
  await pause();
  const url = `http://127.0.0.1:${await listen()}`;
  const headers = { authorization: `Bearer ${site.tokens.foreign}`, 'accept-encoding': 'zstd' };
  for (let n = 0; n < 4; n++) {
    const response = await fetch(`${url}/v1/days/${PUBLISHED}/exports/iodef-v1?country=KR`, { headers });
    expect(response.status).toBe(200);
    if (n < 2) await response.body!.cancel();
    else expect((await response.text()).trimEnd()).toMatch(/<\/IODEF-Document>$/);
    await pause();
  }
  expect(await status(2)).toEqual([200, 200]);
});

async function listen(): Promise<number> {
  await site.app.listen({ host: '127.0.0.1', port: 0 });
  return (site.app.server.address() as AddressInfo).port;
}

describe('the public', () => {
  const get = async (url: string, from = site) => rowsOf(await from.get(url));

  test('gets closed days two whole days after their end, and no earlier', async () => {
    expect((await get('/v1/days')).map(({ date }) => date)).toEqual(DATES.slice(0, 2));
    site.clock.ms = Date.parse('2026-03-05T23:59:59.999Z');
    expect(await get('/v1/days')).toHaveLength(2);
    site.clock.ms = Date.parse('2026-03-06T00:00:00Z');
    expect(await get('/v1/days')).toHaveLength(3);
    site.clock.ms = Date.parse('2026-03-20T00:00:00Z');
    expect(await get('/v1/days')).toHaveLength(3); // the last one is open
    site.clock.ms = NOW;
  });

  test('sees what five sensors of three owners saw, ten rows of it, in two digits', async () => {
    const ports = await get(`/v1/days/${PUBLISHED}/ports`);
    expect(ports).toHaveLength(10);
    const numbers = ports.map(({ port }) => port);
    expect(numbers).not.toContain(RARE_PORT);
    expect(numbers).not.toContain(TWO_OWNERS_PORT);
    expect(numbers).toContain(23);
    const every = [...ports, ...(await get(`/v1/days/${PUBLISHED}/countries`)), ...(await get('/v1/days'))];
    for (const row of every) {
      for (const figure of [row.packets, row.meanPerSensor, row.share])
        if (figure !== undefined) expect(Number(Number(figure).toPrecision(2))).toBe(figure);
      expect([row.sources ?? null, row.scanningSources ?? null]).toEqual([null, null]);
    }
    const ranked = await get(`/v1/ranks/ports?period=month&start=${PUBLISHED}`);
    expect(ranked.map(({ port }) => port)).not.toContain(RARE_PORT);
    expect(await get(`/v1/series?table=ports&key=${RARE_PORT}/tcp&from=${PUBLISHED}&to=${PUBLISHED}&step=day`)).toEqual(
      [],
    );
  });

  test('sees no figure rise when one sensor alone is flooded', async () => {
    const other = await makeSite();
    try {
      const flooded = (await other.get(`/v1/days/${PUBLISHED}/ports`)).json();
      const { blocksOf } = await import('../../support/sealed-log.ts');
      const { RECEIVED_MS } = await import('../../support/sealed-log.ts');
      const probe = (time: number) => ({
        ...{ sensor: 4, family: 4 as const, hour: (24 * (RECEIVED_MS - 3 * DAY_MS)) / DAY_MS + 5, time },
        ...{ src: [0x08080801], dst: [0xc6330401], protocol: 6, srcPort: 1, dstPort: 23, flags: 2 },
        ...{ window: 1, seqFold: 0, tool: 0 },
      });
      other.made.append(
        ...blocksOf(
          Array.from({ length: 50_000 }, (_, n) => probe(n)),
          1,
        ),
      );
      await fold(other.made);
      const [whole] = rowsOf(await other.get(`/v1/days/${PUBLISHED}/ports`, other.tokens.beta));
      expect(whole).toMatchObject({ port: 23, rank: 1 });
      expect(whole!.packets).toBeGreaterThan(50_000);
      const after = (await other.get(`/v1/days/${PUBLISHED}/ports`)).json();
      expect(after.days[0]).toMatchObject({ state: 'revised', revision: 2 });
      for (const [n, row] of after.rows.entries()) {
        const before = flooded.rows[n];
        expect(row.port).toBe(before.port);
        expect(Math.abs(row.packets / before.packets - 1)).toBeLessThan(0.15);
      }
    } finally {
      await other.close();
    }
  });

  test('of days whose state is gone, the same; with other rules, by those', async () => {
    const rule = { sensorsMin: 1, ownersMin: 1, digits: 9, rowsMax: 1000, lateDays: 0 };
    const [old, bare] = [
      await makeSite({ closing: { segmentsMs: 0 } }),
      await openSite(site.made, site.tokens, { rule }),
    ];
    try {
      expect(old.store.state(NOW / DAY_MS - 3.5)).toBeUndefined();
      for (const table of ['ports', 'countries', 'classes'])
        expect((await old.get(`/v1/days/${PUBLISHED}/${table}`)).body).toBe(
          (await site.get(`/v1/days/${PUBLISHED}/${table}`)).body,
        );
      const counts = (response: LightMyRequestResponse) =>
        rowsOf(response).map(({ port, type, packets }) => [port, type, packets]);
      expect(counts(await bare.get(`/v1/days/${PUBLISHED}/ports`))).toEqual(
        counts(await bare.get(`/v1/days/${PUBLISHED}/ports`, bare.tokens.admin)),
      );
    } finally {
      await Promise.all([old.close(), bare.close()]);
    }
  });

  test('the defaults are the safe ones', () => {
    expect(PUBLIC_RULE).toEqual({ sensorsMin: 5, ownersMin: 3, lateDays: 2, digits: 2, rowsMax: 10 });
  });
});

describe('tokens and budgets', () => {
  test('garbage, foreign, expired, rotated and revoked tokens are refused alike', async () => {
    const { members, tokens, clock } = site;
    const url = `/v1/days/${PUBLISHED}/ports`;
    const { token: brief } = members.add({ organisation: 'alpha', countries: ['JP'] }, NOW, { expiresInMs: 1000 });
    expect((await site.get(url, brief)).statusCode).toBe(200);
    clock.ms = NOW + 1000;
    const expired = await site.get(url, brief);
    const { token: next } = members.rotate('alpha', clock.ms, { overlapMs: 0 });
    expect((await site.get(url, next)).statusCode).toBe(200);
    members.revoke('alpha', clock.ms);
    const revoked = await site.get(url, next);
    clock.ms = NOW;
    const swapped = `${tokens.admin.slice(0, -2)}${tokens.admin.endsWith('A') ? 'BB' : 'AA'}`;
    const others = await Promise.all(
      [swapped, 'x', `${tokens.admin}x`, tokens.admin.toUpperCase(), ''].map(token => site.get(url, token)),
    );
    const basic = await site.app.inject({ url, headers: { authorization: `Basic ${tokens.admin}` } });
    for (const refused of [expired, revoked, basic, ...others]) {
      expect([refused.statusCode, refused.body]).toEqual([401, expired.body]);
      expect(refused.headers['www-authenticate']).toBe('Bearer realm="enaga"');
    }
    for (const token of [brief, next, tokens.admin])
      for (const line of site.lines) expect(line.includes(token)).toBe(false);
  });

  test('a budget for each member, and for each address without a token', async () => {
    const budgets = { member: { burst: 4, perSecond: 0.5 }, public: { burst: 2, perSecond: 0.1 } };
    const other = await openSite(site.made, site.tokens, { budgets });
    try {
      const status = async (token?: string, remoteAddress = '192.0.2.1') =>
        (await other.get('/v1/days', token, { remoteAddress })).statusCode;
      const times = async (n: number, one: () => Promise<number>) => {
        const found: number[] = [];
        for (let i = 0; i < n; i++) found.push(await one());
        return found;
      };
      expect(await times(5, () => status(other.tokens.beta))).toEqual([200, 200, 200, 200, 429]);
      expect(await status(other.tokens.foreign)).toBe(200);
      expect(await times(3, () => status(undefined))).toEqual([200, 200, 429]);
      expect(await status(undefined, '192.0.2.2')).toBe(200);
      expect(await times(2, () => status('wrong', '2001:db8::1'))).toEqual([401, 401]);
      expect(await status('wrong', '2001:db8::2')).toBe(429);
      const refused = await other.get('/v1/days', other.tokens.beta);
      expect(refused.json().type).toBe('urn:enaga:problem:budget');
      expect(refused.headers['retry-after']).toBe('2');
      other.clock.ms += 2000;
      expect(await status(other.tokens.beta)).toBe(200);
    } finally {
      await other.close();
    }
  });

  test('behind a proxy that is trusted each reader has its own, and nobody another’s by saying so', async () => {
    const budgets = { member: { burst: 4, perSecond: 0.1 }, public: { burst: 1, perSecond: 0.01 } };
    const trusting = await openSite(site.made, site.tokens, {
      budgets,
      trustedProxies: ['192.0.2.1', '2001:db8:f::/64'],
    });
    const plain = await openSite(site.made, site.tokens, { budgets });
    try {
      const status = async (of: typeof plain, remoteAddress: string, forwarded: string) =>
        (await of.get('/v1/days', undefined, { remoteAddress, headers: { 'x-forwarded-for': forwarded } })).statusCode;
      expect(await status(trusting, '192.0.2.1', '203.0.113.5')).toBe(200);
      expect(await status(trusting, '192.0.2.1', '203.0.113.6')).toBe(200);
      expect(await status(trusting, '192.0.2.1', '203.0.113.5')).toBe(429);
      expect(await status(trusting, '2001:db8:f::7', '203.0.113.5')).toBe(429); // another proxy, the same reader
      // Who comes through the proxy is what the proxy says last, and not what the reader said before.
      expect(await status(trusting, '192.0.2.1', '198.18.0.9, 203.0.113.6')).toBe(429);
      // Who is no proxy of ours is believed nothing.
      expect(await status(trusting, '203.0.113.7', '198.18.0.1')).toBe(200);
      expect(await status(trusting, '203.0.113.7', '198.18.0.2')).toBe(429);
      expect(await status(plain, '192.0.2.1', '203.0.113.5')).toBe(200);
      expect(await status(plain, '192.0.2.1', '203.0.113.6')).toBe(429);
    } finally {
      await Promise.all([trusting.close(), plain.close()]);
    }
  });
});
