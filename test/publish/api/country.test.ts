/** One country by kind and by AS, against the other routes, which count in other ways; and that the public is told neither. */
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROW_TABLES } from '../../../collector/reduce/rows.ts';
import { DATES, makeSite, type Site } from './support.ts';

type Rows = Record<string, unknown>[];

/** Of the sources in support.ts: two ASes in the US, one of which is in Japan too; Korea's is unknown. */
const ASNS = [
  ['8.8.8.0/27', 64_496],
  ['8.8.8.32/27', 4_200_000_001],
  ['133.0.0.0/8', 64_496],
  ['78.46.0.0/16', 64_498],
] as const;
const COUNTRIES = ['US', 'JP', 'KR', 'DE'];
const CLASSES = ['scan', 'backscatter', 'other'];
const TOOLS = ['mirai', 'zmap', 'masscan', 'nmap'];
const DAYS = `from=${DATES[0]}&to=${DATES[3]}`;
const only = (date: string) => `from=${date}&to=${date}`;

let site: Site;
beforeAll(async () => {
  site = await makeSite({ asns: ASNS });
});
afterAll(() => site.close());

const read = (url: string, token: string | undefined = site.tokens.beta) => site.get(url, token);
async function rows(url: string): Promise<Rows> {
  const response = await read(url);
  expect([url, response.statusCode]).toEqual([url, 200]);
  return response.json().rows;
}
const sumOf = (list: Rows, key: 'packets' | 'sources'): number =>
  list.reduce((sum, row) => sum + (row[key] as number), 0);

/** The countries of a day: those in support.ts, and where one IPv6 source is. */
const countriesOf = async (date: string) =>
  (await rows(`/v1/days/${date}/countries`)).map(({ country }) => country as string);

describe('a country by kind', () => {
  test('its classes sum to the country, day by day', async () => {
    for (const country of COUNTRIES) {
      const kinds = await rows(`/v1/country-kinds?country=${country}&${DAYS}`);
      const series = await rows(`/v1/series?table=countries&key=${country}&${DAYS}&step=day`);
      expect(series).toHaveLength(4);
      for (const { start, packets, meanPerSensor } of series) {
        const ofDay = kinds.filter(row => row.start === start);
        expect(ofDay.map(({ kind }) => kind)).toEqual([...CLASSES, ...TOOLS]);
        const classes = ofDay.filter(({ kind }) => CLASSES.includes(kind as string));
        expect([country, start, sumOf(classes, 'packets')]).toEqual([country, start, packets]);
        const mean = classes.reduce((sum, row) => sum + (row.meanPerSensor as number), 0);
        expect(mean).toBeCloseTo(meanPerSensor as number, 3);
      }
    }
  });

  test.each([DATES[1], DATES[3]])(
    'on %s packets and sources of all countries sum to the classes and tools of the day',
    async date => {
      const sums: Record<string, [number, number]> = {};
      for (const country of await countriesOf(date))
        for (const row of await rows(`/v1/country-kinds?country=${encodeURIComponent(country)}&${only(date)}`)) {
          const [packets, sources] = sums[row.kind as string] ?? [0, 0];
          sums[row.kind as string] = [packets + (row.packets as number), sources + (row.sources as number)];
        }
      for (const [table, key] of [
        ['classes', 'class'],
        ['tools', 'tool'],
      ] as const)
        for (const row of await rows(`/v1/days/${date}/${table}`))
          expect([row[key], sums[row[key] as string]]).toEqual([row[key], [row.packets, row.sources]]);
      expect(sums.mirai![0]).toBe(35);
      expect(sums.nmap![0]).toBeGreaterThan(0);
    },
  );

  test('of a country that sent nothing there are zeroes; of what is no country, nothing', async () => {
    const none = await rows(`/v1/country-kinds?country=FR&${DAYS}`);
    expect(none).toHaveLength(4 * 7);
    expect([sumOf(none, 'packets'), sumOf(none, 'sources')]).toEqual([0, 0]);
    for (const route of ['country-kinds', 'country-asns'])
      for (const wrong of [
        `country=23/tcp&${DAYS}`,
        `country=jp&${DAYS}`,
        `country=JP&from=${DATES[1]}&to=${DATES[0]}`,
        'country=JP&from=2024-01-01&to=2026-03-01',
        'country=JP',
      ])
        expect([route, wrong, (await read(`/v1/${route}?${wrong}`)).statusCode]).toEqual([route, wrong, 400]);
  });
});

describe('the ASes of a country', () => {
  test.each([DATES[1], DATES[3]])(
    'on %s sum to the country, and over all countries to the ASes of the day',
    async date => {
      const sums = new Map<number, [number, number]>();
      for (const told of await rows(`/v1/days/${date}/countries`)) {
        const country = encodeURIComponent(told.country as string);
        const list = await rows(`/v1/country-asns?country=${country}&${only(date)}`);
        expect([country, sumOf(list, 'packets'), sumOf(list, 'sources')]).toEqual([
          country,
          told.packets,
          told.sources,
        ]);
        for (const { asn, packets, sources } of list as { asn: number; packets: number; sources: number }[]) {
          const [m, n] = sums.get(asn) ?? [0, 0];
          sums.set(asn, [m + packets, n + sources]);
        }
      }
      const asns = await rows(`/v1/days/${date}/asns`);
      expect([...sums.keys()].sort()).toEqual(asns.map(({ asn }) => asn as number).sort());
      for (const { asn, packets, sources } of asns)
        expect([asn, sums.get(asn as number)]).toEqual([asn, [packets, sources]]);
    },
  );

  test('of several days have packets, shares and means, and no sources; the open day is among them', async () => {
    const answer = (await read(`/v1/country-asns?country=US&${DAYS}`)).json();
    expect(answer).toMatchObject({ country: 'US', counted: DATES, notCounted: [], database: 'Test-ASN 2025-06-15' });
    const list: Rows = answer.rows;
    expect(list.map(({ rank, asn }) => [rank, asn]).sort()).toEqual([
      [1, expect.any(Number)],
      [2, expect.any(Number)],
    ]);
    expect(list.map(({ asn }) => asn).sort()).toEqual([4_200_000_001, 64_496]);
    for (const { asn, packets, sources, meanPerSensor } of list) {
      let sum = 0;
      let means = 0;
      for (const date of DATES) {
        const one = (await rows(`/v1/country-asns?country=US&${only(date)}`)).find(row => row.asn === asn)!;
        sum += one.packets as number;
        means += one.meanPerSensor as number;
      }
      expect([packets, sources]).toEqual([sum, null]);
      expect(Math.abs((meanPerSensor as number) / means - 1)).toBeLessThan(0.01);
    }
    expect(list.reduce((sum, { share }) => sum + (share as number), 0)).toBeCloseTo(1, 5);
  });

  test('of all packets are the sums of the days, by pages; of one day its sources too', async () => {
    const answer = (await read(`/v1/asns?${DAYS}`)).json();
    expect(answer).toMatchObject({ counted: DATES, notCounted: [], database: 'Test-ASN 2025-06-15', next: null });
    const sums = new Map<number, number>();
    for (const date of DATES)
      for (const { asn, packets } of (await rows(`/v1/days/${date}/asns`)) as { asn: number; packets: number }[])
        sums.set(asn, (sums.get(asn) ?? 0) + packets);
    const all = [...sums.values()].reduce((sum, packets) => sum + packets, 0);
    const told = answer.rows as { rank: number; asn: number; packets: number; sources: null; share: number }[];
    expect([answer.asns, told.map(({ asn, packets }) => [asn, packets])]).toEqual([
      sums.size - 1, // without unknown
      [...sums].sort(([a, m], [b, n]) => n - m || a - b),
    ]);
    for (const { packets, share, sources } of told) {
      expect(sources).toBeNull();
      expect(share).toBeCloseTo(packets / all, 4);
    }
    const first = (await read(`/v1/asns?${DAYS}&limit=1`)).json();
    expect([first.rows, first.asns]).toEqual([told.slice(0, 1), sums.size - 1]);
    expect((await read(`/v1/asns?${DAYS}&cursor=${first.next}`)).json().rows).toEqual(told.slice(1));
    expect((await read(`/v1/asns?${only(DATES[1])}&cursor=${first.next}`)).statusCode).toBe(400);
    const day = await rows(`/v1/days/${DATES[1]}/asns`);
    expect((await rows(`/v1/asns?${only(DATES[1])}`)).map(({ asn, sources }) => [asn, sources]).sort()).toEqual(
      day.map(({ asn, sources }) => [asn, sources]).sort(),
    );
  });

  test('where none is known, all packets are of 0', async () => {
    expect(await rows(`/v1/country-asns?country=KR&${only(DATES[0])}`)).toMatchObject([{ asn: 0, share: 1 }]);
  });

  test('without a database of ASes there are none, and it is said of which days', async () => {
    const bare = await makeSite();
    const answer = (await bare.get(`/v1/country-asns?country=US&${DAYS}`, bare.tokens.beta)).json();
    expect(answer).toMatchObject({ counted: [], notCounted: DATES, database: null, rows: [] });
    const all = (await bare.get(`/v1/asns?${DAYS}`, bare.tokens.beta)).json();
    expect(all).toMatchObject({ asns: 0, counted: [], notCounted: DATES, rows: [] });
    const none = (await bare.get(`/v1/country-asns?country=FR&${DAYS}`, bare.tokens.beta)).json();
    expect(none).toMatchObject({ counted: [], notCounted: [], rows: [] });
    await bare.close();
  });
});

test('of a day that a version before counted neither is known: not zero, and not left out', async () => {
  const old = await makeSite({ asns: ASNS, closing: { segmentsMs: 0 } });
  const database = new Database(old.made.data.store);
  const remove = database.prepare('DELETE FROM rows WHERE name = ? AND day = (SELECT min(day) FROM days)');
  for (const name of ['countryKinds', 'countryAsns'] as const) remove.run(ROW_TABLES.indexOf(name));
  database.close();
  const two = `from=${DATES[0]}&to=${DATES[1]}`;
  const list: Rows = (await old.get(`/v1/country-kinds?country=JP&${two}`, old.tokens.beta)).json().rows;
  const figures = list.map(({ packets, sources, meanPerSensor }) => [packets, sources, meanPerSensor]);
  expect(figures.slice(0, 7)).toEqual(Array(7).fill([null, null, null]));
  expect(sumOf(list.slice(7), 'packets')).toBeGreaterThan(0);
  const csv = await old.get(`/v1/country-kinds.csv?country=JP&${two}`, old.tokens.beta);
  expect(csv.body.split('\r\n')[1]).toBe(`${DATES[0]}T00:00:00Z,JP,scan,,,`);
  const asns = (await old.get(`/v1/country-asns?country=JP&${two}`, old.tokens.beta)).json();
  expect(asns).toMatchObject({ counted: [DATES[1]], notCounted: [DATES[0]], rows: [{ asn: 64_496 }, { asn: 0 }] });
  await old.close();
});

test('of all packets a closed day is added up once a revision, an open one each time', async () => {
  const own = await makeSite({ asns: ASNS, closing: { segmentsMs: 0 } });
  const ask = async () => (await own.get(`/v1/asns?${DAYS}`, own.tokens.beta)).json();
  const before = await ask();
  const database = new Database(own.made.data.store);
  const [first] = database.prepare('SELECT min(day) FROM days').pluck().all();
  database.prepare('DELETE FROM rows WHERE name = ? AND day = ?').run(ROW_TABLES.indexOf('asns'), first);
  expect(await ask()).toEqual(before);
  database.prepare('UPDATE days SET revision = revision + 1 WHERE day = ?').run(first);
  const others = await own.get(`/v1/asns?from=${DATES[1]}&to=${DATES[3]}`, own.tokens.beta);
  expect(await ask()).toEqual({ ...others.json(), notCounted: [DATES[0]] });
  database.prepare('UPDATE days SET stale = 1 WHERE day = (SELECT min(day) + 1 FROM days)').run();
  expect(await ask()).toMatchObject({ counted: DATES.slice(1), notCounted: [DATES[0]] });
  database.close();
  await own.close();
});

test('the public is told neither', async () => {
  for (const route of ['country-kinds', 'country-asns'])
    for (const suffix of ['', '.csv', '.ndjson']) {
      const response = await site.get(`/v1/${route}${suffix}?country=JP&${DAYS}`);
      expect([route, response.statusCode]).toEqual([route, 401]);
      expect(response.body).not.toContain('packets');
    }
});

test('CSV and NDJSON have the rows of JSON', async () => {
  for (const route of ['country-kinds', 'country-asns']) {
    const list = await rows(`/v1/${route}?country=US&${DAYS}`);
    expect(list.length).toBeGreaterThan(1);
    const ndjson = await read(`/v1/${route}.ndjson?country=US&${DAYS}`);
    const lines = ndjson.body.trimEnd().split('\n');
    expect(lines.map(line => JSON.parse(line))).toEqual(list);
    const [head, ...cells] = (await read(`/v1/${route}.csv?country=US&${DAYS}`)).body.split('\r\n').slice(0, -1);
    expect(head).toBe(Object.keys(list[0]!).join());
    expect(cells).toEqual(
      list.map(row =>
        Object.values(row)
          .map(cell => String(cell ?? ''))
          .join(),
      ),
    );
  }
});
