/** What a listing of days says of their files and revisions, and that it is so. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renewIdentity } from '../../../collector/log/identity.ts';
import { Digests } from '../../../collector/publish/api/digests.ts';
import { measureDays } from '../../../collector/publish/api/measuring.ts';
import { blocksOf } from '../../support/sealed-log.ts';
import { DATES, FIRST_DAY, fold, makeSite, openSite, type Site } from './support.ts';

interface File {
  readonly name: string;
  readonly url: string;
  readonly size: number | null;
  readonly sha256: string | null;
}
interface Day {
  readonly date: string;
  readonly state: string;
  readonly revision: number;
  readonly changed?: Record<string, number>;
  readonly files: readonly File[];
}

let site: Site;
beforeAll(async () => {
  site = await makeSite();
});
afterAll(() => site.close());

const rowsOf = <T>(response: LightMyRequestResponse): T[] => response.json().rows;
const list = async (query = '', token: string | undefined = site.tokens.foreign, of = site) =>
  rowsOf<Day>(await of.get(`/v1/days${query}`, token));
const factsOf = (body: string) => ({
  size: Buffer.byteLength(body),
  sha256: createHash('sha256').update(body).digest('hex'),
});

describe('files of closed days', () => {
  test('are listed with what they are once they were measured; an open day has none', async () => {
    const before = await list();
    expect(before.map(({ files }) => files.length)).toEqual([7, 7, 7, 0]);
    expect(before[0]!.files.every(({ size, sha256 }) => size === null && sha256 === null)).toBe(true);
    expect(await measureDays(site.powers, { daysMax: 100 })).toBe(3 + 2);
    expect(await measureDays(site.powers, { daysMax: 100 })).toBe(0);
    for (const [token, days] of [
      [site.tokens.foreign, 3],
      [undefined, 2],
    ] as const)
      for (const format of ['csv', 'json', 'ndjson']) {
        const listed = rowsOf<Day>(await site.get(`/v1/days?files=${format}`, token)).slice(0, days);
        expect(listed).toHaveLength(days);
        for (const { name, url, size, sha256 } of listed.flatMap(({ files }) => files)) {
          expect(name).toMatch(new RegExp(`\\.${format}$`));
          expect([url, { size, sha256 }]).toEqual([url, factsOf((await site.get(url, token)).body)]);
        }
      }
    expect((await list('?files=none'))[0]).not.toHaveProperty('files');
  });

  test('exchange files are known once they were sent whole, each to whom it is for', async () => {
    const url = `/v1/days/${DATES[0]}/exports`;
    const listed = rowsOf<File & { format: string; country: string }>(await site.get(url, site.tokens.beta));
    expect(new Set(listed.map(({ country }) => country))).toEqual(new Set(['KR', 'ZZ']));
    expect(listed.filter(({ format }) => format === 'misp')).toHaveLength(2 * 3);
    expect(listed.every(({ sha256 }) => sha256 === null)).toBe(true);
    for (const one of listed) {
      const { statusCode, body } = await site.get(one.url, site.tokens.beta);
      expect(statusCode).toBe(200);
      const now = rowsOf<File>(await site.get(url, site.tokens.beta)).find(file => file.url === one.url)!;
      expect([one.url, now.size, now.sha256]).toEqual([one.url, ...Object.values(factsOf(body))]);
    }
    // The same country's is the same file for another member; its networks' are not.
    const foreign = rowsOf<File>(await site.get(url, site.tokens.foreign));
    expect(foreign.filter(({ sha256 }) => sha256 !== null)).toHaveLength(9);
    expect((await site.get(url)).statusCode).toBe(401);
    expect((await site.get(`/v1/days/${DATES[3]}/exports`, site.tokens.beta)).statusCode).toBe(409);
  });

  test('a listing of 400 days takes under 100 ms, and makes nothing', async () => {
    const dir = path.join(site.made.dir, 'year');
    fs.mkdirSync(dir);
    const store = new Database(site.made.data.store);
    await store.backup(path.join(dir, 'store.db'));
    store.close();
    const copy = new Database(path.join(dir, 'store.db'));
    const files = path.join(dir, 'files.db');
    const digests = Digests.open(files);
    copy.transaction(() => {
      for (let day = FIRST_DAY - 400; day < FIRST_DAY; day++)
        copy
          .prepare(
            'INSERT INTO days SELECT ?, geo, revision, packets, changed_ms, 0, closed_ms, level FROM days WHERE day = ?',
          )
          .run(day, FIRST_DAY);
    })();
    copy.close();
    for (let day = FIRST_DAY - 400; day < FIRST_DAY; day++)
      for (const name of ['total', 'ports', 'countries', 'asns', 'classes', 'tools', 'hours'])
        digests.keep({ day, scope: 'whole', name: `${name}.csv`, made: '1' }, { size: 1, sha256: '0'.repeat(64) });
    digests.close();
    const data = { ...site.made.data, store: path.join(dir, 'store.db'), files };
    const year = await openSite(Object.assign(Object.create(site.made), { data }), site.tokens);
    const times: number[] = [];
    for (let n = 0; n < 5; n++) {
      const start = performance.now();
      const response = await year.get('/v1/days', site.tokens.foreign);
      times.push(performance.now() - start);
      const rows = rowsOf<Day>(response);
      expect(rows).toHaveLength(404);
      expect(rows[0]!.files.map(({ size }) => size)).toEqual(Array(7).fill(1));
    }
    await year.close();
    expect(Math.min(...times)).toBeLessThan(100);
  });
});

describe('revisions', () => {
  const late = (port: number) => ({
    ...{ sensor: 1, family: 4 as const, hour: 24 * (FIRST_DAY + 1) + 3, time: 5, src: [0xd2600001], dst: [0xc633014d] },
    ...{ protocol: 6, srcPort: 1, dstPort: port, flags: 2, window: 1, seqFold: 0, tool: 0 },
  });
  const second = async (token?: string, of = site) => (await list('', token, of))[1]!;

  test('a revised day says what changed: late records, and sensors left out; the public is not told', async () => {
    const [{ packets }] = rowsOf<{ packets: number }>(await site.get(`/v1/days/${DATES[1]}`, site.tokens.foreign)) as [
      { packets: number },
    ];
    expect((await second()).changed).toBeUndefined();
    site.made.append(...blocksOf([late(9999), late(9998)], 1));
    await fold(site.made);
    const sum = { from: 1, packetsBefore: packets, packets: packets + 2, lateRecords: 2, leftOutBefore: 0, leftOut: 0 };
    const now = await second();
    expect([now.state, now.revision]).toEqual(['revised', 2]);
    expect(now.changed).toMatchObject(sum);
    expect(now.changed!.lateBatches).toBeGreaterThan(0);
    expect(now.files.every(({ sha256 }) => sha256 === null)).toBe(true); // those known are of revision 1
    const day = FIRST_DAY + 1;
    site.made.registry.exclude('s6', day, day, 'flooded', Date.now());
    await expect
      .poll(
        async () => {
          await fold(site.made);
          return (await second()).revision;
        },
        { timeout: 20_000 },
      )
      .toBe(3);
    const out = await second();
    expect(out.changed).toMatchObject({
      from: 2,
      packetsBefore: packets + 2,
      lateRecords: 0,
      leftOutBefore: 0,
      leftOut: 1,
    });
    expect(out.changed!.packets).toBeLessThan(packets);
    const open = rowsOf<Day>(await site.get('/v1/days'));
    expect(open[1]).toMatchObject({ date: DATES[1], state: 'revised', revision: 3 });
    expect(open[1]).not.toHaveProperty('changed');
  });

  test('counted again from the log, as after a restored backup, a day is the revision it was; another content is another', async () => {
    const before = await list('?files=none');
    expect(before[1]!.revision).toBe(3);
    renewIdentity(site.made.data.log); // what `enaga restore` does
    await fold(site.made);
    expect(await list('?files=none')).toEqual(before);
    renewIdentity(site.made.data.log);
    site.made.append(...blocksOf([late(9997)], 1));
    await fold(site.made);
    expect((await list('?files=none')).map(({ revision }) => revision)).toEqual([1, 4, 1, 1]);
  });
});
