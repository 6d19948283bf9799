/** What the routes tell, against the store and `enaga days --json`; in every format, in pages, and unchanged. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TABLE_NAMES } from '../../../collector/publish/api/tables.ts';
import { enaga } from '../../support/enaga.ts';
import { DATES, FIRST_DAY, makeSite, RARE_PORT, type Site } from './support.ts';

let site: Site;
beforeAll(async () => {
  site = await makeSite();
});
afterAll(() => site.close());

const read = (url: string, token = site.tokens.beta) => site.get(url, token);
async function rows(url: string, token?: string): Promise<Record<string, unknown>[]> {
  const response = await read(url, token);
  expect([url, response.statusCode]).toEqual([url, 200]);
  return response.json().rows;
}
/** Without keys that are null, and those of the API alone. */
const bare = (list: Record<string, unknown>[]) =>
  list.map(({ date, rank, meanPerSensor, share, ...row }) =>
    Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)),
  );

describe('the tables of a day', () => {
  test('are those of enaga days --json', async () => {
    const { stdout } = await enaga(['days', '--json', '--date', DATES[1], '--data', site.made.dir]);
    const [day] = JSON.parse(stdout).days;
    expect(day.packets).toBeGreaterThan(1000);
    expect(bare(await rows(`/v1/days/${DATES[1]}/ports`))).toEqual(day.ports);
    expect(bare(await rows(`/v1/days/${DATES[1]}/countries`))).toEqual(day.countries);
    expect(bare(await rows(`/v1/days/${DATES[1]}/asns`))).toEqual(day.asns);
    const counts = (list: Record<string, unknown>[], key: string) =>
      Object.fromEntries(list.map(row => [row[key], { packets: row.packets, sources: row.sources }]));
    for (const [table, key] of [
      ['classes', 'class'],
      ['tools', 'tool'],
    ] as const)
      expect(counts(await rows(`/v1/days/${DATES[1]}/${table}`), key)).toEqual(day[table]);
    const hours = await rows(`/v1/days/${DATES[1]}/hours`);
    expect(hours.map(({ hour, packets, sources }) => ({ hour, packets, sources }))).toEqual(day.hours);
    const [total] = await rows(`/v1/days/${DATES[1]}`);
    expect(total).toMatchObject({
      ...{ date: DATES[1], state: 'closed', revision: 1, share: 1 },
      ...{ packets: day.packets, sources: day.sources, scanningSources: day.scanningSources },
    });
  });

  test('ranks, shares, and the mean by sensor', async () => {
    const ports = await rows(`/v1/days/${DATES[1]}/ports`);
    const [total] = await rows(`/v1/days/${DATES[1]}`);
    expect(ports.map(({ rank }) => rank)).toEqual(ports.map((_, n) => n + 1));
    for (const { share, packets, meanPerSensor } of ports) {
      expect(share).toBeCloseTo((packets as number) / (total!.packets as number), 5);
      // Every batch covers its hour: of seven sensors nearly all the day.
      expect(meanPerSensor as number).toBeGreaterThan((packets as number) / 7);
      expect(meanPerSensor as number).toBeLessThan((packets as number) / 5);
    }
  });

  test('port-countries: the countries of a port, the ports of a country', async () => {
    const all = await rows(`/v1/days/${DATES[1]}/port-countries`);
    const ofPort = await rows(`/v1/days/${DATES[1]}/port-countries?port=23/tcp`);
    const ofCountry = await rows(`/v1/days/${DATES[1]}/port-countries?country=JP`);
    expect(ofPort.length).toBeGreaterThan(3);
    expect(ofPort).toEqual(all.filter(row => row.port === 23 && row.protocol === 'tcp'));
    expect(ofCountry).toEqual(all.filter(({ country }) => country === 'JP'));
    expect(await rows(`/v1/days/${DATES[1]}/port-countries?port=8/icmp&country=JP`)).toEqual(
      all.filter(row => row.type === 8 && row.protocol === 'icmp' && row.country === 'JP'),
    );
  });

  test('several days in one request', async () => {
    const both = await rows(`/v1/days/${DATES[0]}:${DATES[1]}/countries`);
    const each = await Promise.all([0, 1].map(n => rows(`/v1/days/${DATES[n]}/countries`)));
    expect(both).toEqual(each.flat());
    expect((await read('/v1/days/2026-03-02:2026-03-01/ports')).statusCode).toBe(400);
    expect((await read('/v1/days/2026-01-01:2026-03-01/ports')).statusCode).toBe(400);
    expect((await read('/v1/days/2026-02-30/ports')).statusCode).toBe(400);
    expect((await read('/v1/days/2026-02-01/ports')).json().type).toBe('urn:enaga:problem:no-day');
  });

  test('the list of days', async () => {
    const list = await rows('/v1/days');
    expect(list.map(({ date, state, revision }) => [date, state, revision])).toEqual(
      DATES.map((date, n) => [date, n === 3 ? 'open' : 'closed', 1]),
    );
    expect(list.map(({ packets }) => packets)).toEqual(site.store.days().map(({ packets }) => packets));
    expect((await rows('/v1/days?date=2026-03-02:2026-03-03')).map(({ date }) => date)).toEqual(DATES.slice(1, 3));
  });
});

describe('series and ranks', () => {
  test('hours and days of a port add up to the port', async () => {
    const [port] = await rows(`/v1/days/${DATES[1]}/ports`);
    expect(port).toMatchObject({ protocol: 'tcp', port: RARE_PORT });
    const query = `table=ports&key=${RARE_PORT}/tcp&from=${DATES[1]}&to=${DATES[1]}`;
    const hours = await rows(`/v1/series?${query}&step=hour`);
    expect(hours.map(({ start }) => start).slice(0, 2)).toEqual(['2026-03-02T00:00:00Z', '2026-03-02T01:00:00Z']);
    expect(hours.reduce((sum, { packets }) => sum + (packets as number), 0)).toBe(port!.packets);
    const [day] = await rows(`/v1/series?${query}&step=day`);
    expect(day).toMatchObject({ start: '2026-03-02T00:00:00Z', packets: port!.packets, sources: port!.sources });
    const total = await rows(`/v1/series?table=total&from=${DATES[0]}&to=${DATES[3]}&step=day`);
    expect(total.map(({ packets }) => packets)).toEqual(site.store.days().map(({ packets }) => packets));
    for (const wrong of ['table=ports', 'table=total&key=JP', 'table=countries&key=23/tcp', 'table=sensors'])
      expect((await read(`/v1/series?${wrong}&from=${DATES[0]}&to=${DATES[0]}&step=day`)).statusCode).toBe(400);
  });

  test('several series in one question are those of several questions', async () => {
    const query = `from=${DATES[0]}&to=${DATES[3]}`;
    for (const [table, keys] of [
      ['ports', ['23/tcp', '8/icmp', '9/udp']],
      ['countries', ['US', '??']],
    ] as const)
      for (const [step, token] of [
        ['hour', site.tokens.beta],
        ['day', site.tokens.beta],
        ['day', undefined],
      ] as const) {
        const of = async (key: string) =>
          (await site.get(`/v1/series?table=${table}&key=${key}&${query}&step=${step}`, token)).json();
        const each = await Promise.all(keys.map(async key => (await of(key)).rows));
        expect((await of(keys.join())).rows).toEqual(each.flat());
        expect(each.flat().length).toBeGreaterThan(0);
      }
    const many = Array.from({ length: 13 }, (_, n) => `${n + 1}/tcp`).join();
    for (const wrong of ['23/tcp,23/tcp', '23/tcp,', '23/tcp,JP', many])
      expect((await read(`/v1/series?table=ports&key=${wrong}&${query}&step=day`)).statusCode).toBe(400);
  });

  test('ranks by sources', async () => {
    for (const period of ['day', 'week']) {
      const url = (day: string) => `/v1/ranks/ports?period=${period}&start=${day}&by=sources`;
      const ranked = await rows(url(DATES[3]));
      const sources = ranked.map(row => row.sources as number);
      expect(sources).toEqual(sources.toSorted((a, b) => b - a));
      expect(ranked.map(({ rank }) => rank)).toEqual(ranked.map((_, n) => n + 1));
      const byPackets = await rows(`/v1/ranks/ports?period=${period}&start=${DATES[3]}`);
      expect(new Set(ranked.map(row => row.packets))).toEqual(new Set(byPackets.map(row => row.packets)));
      expect(ranked.map(row => row.port)).not.toEqual(byPackets.map(row => row.port));
      const before = await rows(url(period === 'day' ? DATES[2] : DATES[0]));
      const [first] = ranked;
      expect(first!.previousRank).toBe(
        before.find(({ port, protocol }) => port === first!.port && protocol === first!.protocol)!.rank,
      );
    }
    expect((await site.get(`/v1/ranks/ports?period=day&start=${DATES[1]}&by=sources`)).statusCode).toBe(401);
  });

  test('ranks of a day, a week and a quarter, with those before', async () => {
    const [first, second] = await Promise.all([0, 1].map(n => rows(`/v1/days/${DATES[n]}/ports`)));
    const ranked = await rows(`/v1/ranks/ports?period=day&start=${DATES[1]}`);
    const key = ({ protocol, port, type }: Record<string, unknown>) => `${protocol} ${port} ${type}`;
    const before = new Map(first!.map(row => [key(row), row.rank]));
    expect(ranked.map(row => [row.rank, row.packets, row.previousRank])).toEqual(
      second!.map(row => [row.rank, row.packets, before.get(key(row)) ?? null]),
    );
    // 2026-03-01 is a Sunday: the week from Monday has the other three days.
    const week = await read(`/v1/ranks/countries?period=week&start=${DATES[3]}`);
    expect(week.json()).toMatchObject({ from: '2026-03-02', to: '2026-03-08', table: 'countries' });
    const days = await Promise.all([1, 2, 3].map(n => rows(`/v1/days/${DATES[n]}/countries`)));
    for (const { country, packets } of week.json().rows)
      expect(packets).toBe(
        days.flat().reduce((sum, row) => sum + (row.country === country ? (row.packets as number) : 0), 0),
      );
    expect(week.json().rows[0].previousRank).toBeGreaterThan(0);
    const quarter = await rows(`/v1/ranks/ports?period=quarter&start=${DATES[0]}`);
    expect(quarter[0]).toMatchObject({ rank: 1, previousRank: null, port: RARE_PORT, packets: 3600 });
    expect((await read('/v1/ranks/ports?period=month&start=2025-01-01')).statusCode).toBe(404);
  });
});

/** RFC 4180, for texts without quotes in them. */
function readCsv(text: string): Record<string, string>[] {
  const [head, ...lines] = text.split('\r\n').slice(0, -1);
  const columns = head!.split(',');
  return lines.map(line => Object.fromEntries(line.split(',').map((cell, n) => [columns[n]!, cell])));
}

describe('formats', () => {
  test('CSV and NDJSON have the rows of JSON, by extension and by Accept', async () => {
    const urls = [
      ...TABLE_NAMES.map(name => `/v1/days/${DATES[0]}:${DATES[1]}/${name}`),
      ...['/v1/days', `/v1/days/${DATES[1]}`, `/v1/days/${DATES[1]}/sensors`, `/v1/days/${DATES[1]}/records`],
      ...[`/v1/days/${DATES[1]}/sensor-records`, `/v1/days/${DATES[1]}/files`],
    ];
    for (const url of urls) {
      const json = await read(`${url}.json`);
      const ndjson = await read(`${url}.ndjson`);
      const csv = await read(`${url}.csv`);
      const list: Record<string, unknown>[] = json.json().rows;
      expect([url, list.length > 0]).toEqual([url, true]);
      const lines = ndjson.body.trimEnd().split('\n');
      expect(lines.map(line => JSON.parse(line))).toEqual(list);
      expect(readCsv(csv.body)).toEqual(
        list.map(row =>
          Object.fromEntries(
            Object.entries(row)
              .filter(([name]) => !(url === '/v1/days' && ['files', 'until', 'asnDatabase'].includes(name))) // JSON alone has them
              .map(([name, cell]) => [name, Array.isArray(cell) ? cell.join(' ') : String(cell ?? '')]),
          ),
        ),
      );
      for (const [accept, same] of [
        ['application/json', json],
        ['text/html;q=0.9, application/x-ndjson', ndjson],
        ['application/json;q=0.5, text/csv', csv],
      ] as const) {
        const response = await site.get(url, site.tokens.beta, { headers: { accept } });
        expect(response.body).toBe(same.body);
        expect(response.headers['content-type']).toBe(same.headers['content-type']);
      }
    }
    expect((await site.get('/v1/days', undefined, { headers: { accept: 'text/html' } })).statusCode).toBe(406);
    expect((await site.get('/v1/days.xml')).statusCode).toBe(404);
  });

  test('gzip and zstd hold the same text; each has its ETag, and 304', async () => {
    const url = `/v1/days/${DATES[1]}/ports`;
    const plain = await read(url);
    const tags = new Set<string>();
    for (const [coding, decode] of [
      ['gzip', gunzipSync],
      ['zstd', zstdDecompressSync],
      [undefined, (bytes: Buffer) => bytes],
    ] as const) {
      const headers = coding === undefined ? {} : { 'accept-encoding': `br, ${coding}` };
      const response = await site.get(url, site.tokens.beta, { headers });
      expect(response.headers['content-encoding']).toBe(coding);
      expect(decode(response.rawPayload).toString()).toBe(plain.body);
      const etag = String(response.headers.etag);
      expect(etag).toMatch(/^"[0-9a-f]{32}(-gzip|-zstd)?"$/);
      tags.add(etag);
      const again = await site.get(url, site.tokens.beta, { headers: { ...headers, 'if-none-match': `"x", ${etag}` } });
      expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', etag]);
      expect(again.headers.vary).toContain('authorization');
      const other = await site.get(url, site.tokens.beta, { headers: { ...headers, 'if-none-match': '"x"' } });
      expect(other.statusCode).toBe(200);
    }
    expect(tags.size).toBe(3);
    expect(plain.headers['cache-control']).toBe('private, no-cache');
    expect((await site.get('/v1/days')).headers['cache-control']).toBe('public, max-age=600');
  });

  test('pages together are the whole; a cursor of other rows is refused', async () => {
    const url = `/v1/days/${DATES[0]}:${DATES[2]}/ports`;
    const whole = await rows(url);
    const found: unknown[] = [];
    let next = `${url}?limit=7`;
    let pages = 0;
    let cursor = '';
    for (; next !== ''; pages++) {
      const response = await read(next);
      found.push(...response.json().rows);
      cursor = response.json().next ?? cursor;
      next = /<(.*)>; rel="next"/.exec(String(response.headers.link ?? ''))?.[1] ?? '';
      expect(next === '').toBe(response.json().next === null);
    }
    expect(pages).toBe(Math.ceil(whole.length / 7));
    expect(found).toEqual(whole);
    for (const wrong of [`/v1/days/${DATES[0]}/ports?cursor=${cursor}`, `${url}?cursor=x`, `${url}?cursor=${cursor}9x`])
      expect((await read(wrong)).json().type).toBe('urn:enaga:problem:cursor');
  });

  test('files of closed days: what their URLs give has the size and SHA-256 told', async () => {
    const { createHash } = await import('node:crypto');
    for (const token of [site.tokens.foreign, undefined]) {
      const answer = await site.get(`/v1/days/${DATES[1]}/files?type=ndjson`, token);
      expect(answer.json().rows.length).toBe(token === undefined ? 4 : 7);
      for (const { url, size, sha256, type } of answer.json().rows) {
        const file = await site.get(url, token);
        expect([url, file.statusCode, file.headers['content-type']]).toEqual([url, 200, type]);
        expect([size, sha256]).toEqual([
          file.rawPayload.length,
          createHash('sha256').update(file.rawPayload).digest('hex'),
        ]);
      }
      const [, listed] = (await site.get('/v1/days?files=ndjson', token)).json().rows;
      expect(listed.files).toEqual(answer.json().rows);
    }
    expect((await read(`/v1/days/${DATES[3]}/files`)).statusCode).toBe(409);
  });
});

test('the OpenAPI document describes the routes', async () => {
  const document = await site.get('/v1/openapi.json');
  expect([document.statusCode, site.lines.filter(line => /failed/.test(line))]).toEqual([200, []]);
  const { paths } = document.json();
  for (const name of TABLE_NAMES) {
    const { get } = paths[`/v1/days/{date}/${name}`];
    const schema = get.responses['200'].content['application/json'].schema;
    const [row] = await rows(`/v1/days/${DATES[1]}/${name}`);
    expect(Object.keys(schema.properties.rows.items.properties)).toEqual(Object.keys(row!));
  }
  expect(Object.keys(paths).filter(path => path.startsWith('/v1/days'))).toContain('/v1/days/{date}/exports/{format}');
});

test('sensors: how complete a day is', async () => {
  const all = await rows(`/v1/days/${DATES[1]}/sensors`, site.tokens.admin);
  expect(all.map(({ sensor }) => sensor)).toEqual(['s0', 's1', 's2', 's3', 's4', 's5', 's6']);
  expect(all.reduce((sum, { packets }) => sum + (packets as number), 0)).toBe(
    site.store.days({ from: FIRST_DAY + 1, to: FIRST_DAY + 1 })[0]!.packets,
  );
});
