/**
 * What readers are told in place of an answer: which parameter is wrong, when an open day is closed, why there is no answer now, and no
 * mean out of next to nothing.
 */
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shown } from '../../../collector/publish/api/figures.ts';
import { meanPerSensor } from '../../../collector/store/series.ts';
import { SealedLog } from '../../support/sealed-log.ts';
import { DATES, makeSite, openSite, type Site } from './support.ts';

let site: Site;
beforeAll(async () => {
  site = await makeSite();
});
afterAll(() => site.close());

const read = (url: string) => site.get(url, site.tokens.admin);

describe('a wrong question', () => {
  const errorsOf = async (url: string): Promise<{ at: string; message: string }[]> => {
    const response = await read(url);
    expect([url, response.statusCode]).toEqual([url, 400]);
    return response.json().errors;
  };

  test('a parameter that is missing is asked for', async () => {
    expect(await errorsOf(`/v1/days/${DATES[1]}/exports/iodef-v2`)).toEqual([{ at: 'country', message: 'is wanted' }]);
    const missing = await errorsOf('/v1/series');
    expect(missing).toContainEqual({ at: 'from', message: 'is wanted' });
    expect(missing.map(({ message }) => message)).toEqual(missing.map(() => 'is wanted'));
  });

  test('one too many is said once, with those that there are, and is not said back', async () => {
    const errors = await errorsOf(`/v1/ranks/ports?start=${DATES[0]}&period=week&top=2`);
    expect(errors).toHaveLength(1);
    expect(errors[0]!.at).toBe('');
    expect(errors[0]!.message).toMatch(/not described: there are .*period.*limit/);
    expect(errors[0]!.message).not.toContain('top');
  });

  test('of a name that is none the names are told, once', async () => {
    const errors = await errorsOf(`/v1/days/${DATES[1]}/exports/foo?country=KR`);
    expect(errors).toHaveLength(1);
    expect(errors[0]!.message).toMatch(/^must be one of .*iodef-v2.*misp/);
  });

  test('a date that is none', async () => {
    for (const date of ['2026-13-40', '2026-03-02:2026-03-01', 'yesterday'])
      expect((await errorsOf(`/v1/days/${date}`)).map(({ at }) => at)).toEqual(['date']);
    expect((await errorsOf('/v1/series?table=ports&key=70000/tcp&from=2026-03-01&to=2026-03-01&step=day'))[0]!.at).toBe(
      'key',
    );
  });
});

test('of an open day no file leaves, and it is said when the day is closed at the earliest', async () => {
  for (const part of ['files', 'exports', 'exports/iodef-v2?country=KR', 'exports/misp/hashes.csv?country=KR']) {
    const response = await read(`/v1/days/${DATES[3]}/${part}`);
    expect([part, response.statusCode]).toEqual([part, 409]);
    const { type, closes } = response.json();
    expect(type).toBe('urn:enaga:problem:open-day');
    expect(closes).toMatch(/^2026-03-0[5-9]T\d\d:\d\d:\d\dZ$/);
  }
  expect((await read(`/v1/days/${DATES[1]}/exports/iodef-v2?country=KR`)).statusCode).toBe(200);
  const unknown = await read('/v1/days/2026-02-01/exports/iodef-v2?country=KR');
  expect(unknown.json().type).toBe('urn:enaga:problem:no-day');
});

describe('503 says why', () => {
  const open = `/v1/days/${DATES[3]}/ports`;
  const typeOf = async ({ get }: Pick<Site, 'get'>, token?: string) => {
    const { statusCode, headers, body } = await get(open, token);
    return [statusCode, headers['retry-after'], JSON.parse(body).type];
  };

  test('a day that cannot be told for now is being counted; of a collector without any day nothing is', async () => {
    const file = new Database(site.made.data.store);
    const segments = file.prepare('SELECT id, bytes FROM segments').all() as { id: number; bytes: Buffer }[];
    file.exec("UPDATE segments SET bytes = x'00'");
    const again = await openSite(site.made, site.tokens);
    expect(await typeOf(again, site.tokens.admin)).toEqual([503, '5', 'urn:enaga:problem:being-counted']);
    await again.close();
    for (const { id, bytes } of segments) file.prepare('UPDATE segments SET bytes = ? WHERE id = ?').run(bytes, id);
    file.close();
    const nothing = new SealedLog([]);
    const empty = await openSite(nothing, site.tokens);
    expect(await typeOf(empty)).toEqual([503, '5', 'urn:enaga:problem:not-counted']);
    await empty.close();
    nothing.remove();
  });

  test('and the document names each', async () => {
    const { paths } = (await site.get('/v1/openapi.json')).json();
    for (const route of ['ports', 'exports/{format}', 'records']) {
      const { description } = paths[`/v1/days/{date}/${route}`].get.responses[503];
      expect(description).toMatch(/^not-counted: .*^being-counted: .*^unavailable: /ms);
    }
  });
});

describe('what was watched for moments', () => {
  const cell = { a: 0, b: 0, packets: 950, sources: 10, scanningSources: 10 };
  const watched = (part: number) => ({ hours: 24, sensorHours: 24 * part, addressHours: 0 });

  test('gives no mean, of a day nor of a cell', () => {
    expect(meanPerSensor(950, watched(0.0005))).toBeNull();
    expect(shown({ kind: 'whole' }, cell, cell, watched(0.049))).toMatchObject({ packets: 950, meanPerSensor: null });
    expect(shown({ kind: 'whole' }, cell, cell, watched(0.05))).toMatchObject({ meanPerSensor: 19_000 });
  });
});
