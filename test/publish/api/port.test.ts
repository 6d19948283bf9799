/** One port by kind and by AS, and ranks over time, against the other routes; and that nobody is told more by them than by those. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATES, makeSite, RARE_PORT, type Site, TWO_OWNERS_PORT } from './support.ts';

type Rows = Record<string, unknown>[];

let site: Site;
beforeAll(async () => {
  site = await makeSite();
});
afterAll(() => site.close());

const read = (url: string, token: string | undefined = site.tokens.beta) => site.get(url, token);
async function rows(url: string, token?: string): Promise<Rows> {
  const response = await read(url, token);
  expect([url, response.statusCode]).toEqual([url, 200]);
  return response.json().rows;
}
const asPublic = async (url: string) => {
  const response = await site.get(url);
  expect([url, response.statusCode]).toEqual([url, 200]);
  return response.json().rows as Rows;
};

const DAYS = `from=${DATES[0]}&to=${DATES[3]}`;
const CLASSES = ['scan', 'backscatter', 'other'];
const MARKS = ['mirai', 'zmap', 'masscan'];
const packetsOf = (list: Rows): number => list.reduce((sum, { packets }) => sum + (packets as number), 0);

describe('a port by kind', () => {
  test('its classes sum to the port, day by day, and the marks of all ports to the tools', async () => {
    const marks: Record<string, number> = {};
    for (const { protocol, port, type } of await rows(`/v1/days/${DATES[1]}/ports`)) {
      const key = protocol === 'icmp' ? `${type}/icmp` : `${port}/${protocol}`;
      const kinds = await rows(`/v1/port-kinds?port=${key}&${DAYS}`);
      const series = await rows(`/v1/series?table=ports&key=${key}&${DAYS}&step=day`);
      for (const { start, packets, meanPerSensor } of series) {
        const ofDay = kinds.filter(row => row.start === start);
        expect(ofDay.map(({ kind }) => kind)).toEqual([...CLASSES, ...MARKS]);
        const classes = ofDay.filter(({ kind }) => CLASSES.includes(kind as string));
        expect([key, start, packetsOf(classes)]).toEqual([key, start, packets]);
        const mean = classes.reduce((sum, row) => sum + (row.meanPerSensor as number), 0);
        expect(mean).toBeCloseTo(meanPerSensor as number, 3);
        if (start === `${DATES[1]}T00:00:00Z`)
          for (const { kind, packets: marked } of ofDay)
            marks[kind as string] = (marks[kind as string] ?? 0) + (marked as number);
      }
    }
    const tools = await rows(`/v1/days/${DATES[1]}/tools`);
    for (const mark of MARKS) expect(marks[mark]).toBe(tools.find(({ tool }) => tool === mark)!.packets);
    expect(marks.mirai).toBe(35);
    const classes = await rows(`/v1/days/${DATES[1]}/classes`);
    for (const name of CLASSES) expect(marks[name]).toBe(classes.find(row => row.class === name)!.packets);
  });

  test('of a port that nobody sent to there are zeroes; of what is no port, nothing', async () => {
    const none = await rows(`/v1/port-kinds?port=9/udp&${DAYS}`);
    expect(none).toHaveLength(4 * 6);
    expect(packetsOf(none)).toBe(0);
    for (const wrong of [
      `port=JP&${DAYS}`,
      `port=23/tcp&from=${DATES[1]}&to=${DATES[0]}`,
      'port=23/tcp&from=2024-01-01&to=2026-03-01',
      'port=23/tcp',
    ])
      expect([wrong, (await read(`/v1/port-kinds?${wrong}`)).statusCode]).toEqual([wrong, 400]);
  });

  test('of a day counted before kinds were, it is not known: neither zero nor left out', async () => {
    const { default: Database } = await import('better-sqlite3');
    const { ROW_TABLES } = await import('../../../collector/reduce/rows.ts');
    const old = await makeSite({ closing: { segmentsMs: 0 } });
    const database = new Database(old.made.data.store);
    database
      .prepare('DELETE FROM rows WHERE name = ? AND day = (SELECT min(day) FROM days)')
      .run(ROW_TABLES.indexOf('portKinds'));
    database.close();
    const response = await old.get(`/v1/port-kinds?port=23/tcp&from=${DATES[0]}&to=${DATES[1]}`, old.tokens.beta);
    const list: Rows = response.json().rows;
    expect(list.slice(0, 6).map(({ packets, meanPerSensor }) => [packets, meanPerSensor])).toEqual(
      Array(6).fill([null, null]),
    );
    expect(packetsOf(list.slice(6))).toBeGreaterThan(0);
    const csv = await old.get(`/v1/port-kinds.csv?port=23/tcp&from=${DATES[0]}&to=${DATES[0]}`, old.tokens.beta);
    expect(csv.body.split('\r\n')[1]).toBe(`${DATES[0]}T00:00:00Z,23/tcp,scan,,`);
    await old.close();
  });
});

describe('the ASes of a port', () => {
  test('without a database of ASes there are none, and it is said of which days', async () => {
    const answer = await read(`/v1/port-asns?port=23/tcp&${DAYS}`);
    expect(answer.json()).toMatchObject({ port: '23/tcp', counted: [], notCounted: DATES, database: null, rows: [] });
    expect((await read(`/v1/port-asns?port=9/udp&${DAYS}`)).json()).toMatchObject({ counted: [], notCounted: [] });
  });

  test('what was counted of a day is told with shares of the days counted', async () => {
    const { default: Database } = await import('better-sqlite3');
    const { packRows } = await import('../../../collector/store/packed.ts');
    const database = new Database(site.made.data.store);
    const day = Date.parse(DATES[1]) / 86_400_000;
    const row = { sources: 0, scanningSources: 0 };
    const target = 6 * 65_536 + 23;
    const list = [
      { a: target, b: 64_496, packets: 30, ...row },
      { a: target, b: 4_200_000_001, packets: 90, ...row },
      { a: target + 1, b: 1, packets: 7, ...row },
    ];
    for (const { part, bytes } of packRows('portAsns', list))
      database.prepare('INSERT INTO port_asns VALUES (?, 1, ?, ?)').run(day, part, bytes);
    database.close();
    const answer = (await read(`/v1/port-asns?port=23/tcp&${DAYS}`)).json();
    expect(answer).toMatchObject({ counted: [DATES[1]], notCounted: [DATES[0], DATES[2], DATES[3]] });
    expect(answer.rows).toMatchObject([
      { rank: 1, asn: 4_200_000_001, packets: 90, share: 0.75 },
      { rank: 2, asn: 64_496, packets: 30, share: 0.25 },
    ]);
    // Seven sensors that watched nearly all the day.
    expect(answer.rows[0].meanPerSensor).toBeGreaterThan(90 / 7);
    expect(answer.rows[0].meanPerSensor).toBeLessThan(90 / 5);
  });
});

describe('ranks over time', () => {
  test('means of the public are of what was watched of the days that are public, not of all days of the period', async () => {
    const days: Rows = [];
    for (const date of DATES) {
      const response = await site.get(`/v1/days/${date}`);
      if (response.statusCode === 200) days.push(...response.json().rows);
    }
    expect(days.length).toBeGreaterThan(0);
    expect(days.length).toBeLessThan(DATES.length);
    const watched = (list: Rows) =>
      list.reduce((sum, row) => sum + (row.packets as number) / (row.meanPerSensor as number), 0);
    const daysOf = { month: 31, quarter: 90 };
    for (const [period, length] of Object.entries(daysOf)) {
      const ranks = await asPublic(`/v1/ranks/ports?period=${period}&start=${DATES[3]}`);
      expect([period, (watched(ranks) / ranks.length) * length]).toEqual([period, expect.closeTo(watched(days), 0)]);
    }
  });

  test.each(['day', 'week', 'month', 'quarter'])('by %s are those of /v1/ranks', async period => {
    for (const [table, keys] of [
      ['ports', [`${RARE_PORT}/tcp`, '23/tcp', '8/icmp', '9/udp']],
      ['countries', ['JP', 'US', 'FR']],
    ] as const)
      for (const key of keys)
        for (const token of [site.tokens.foreign, undefined]) {
          const response = await site.get(`/v1/rank-history?table=${table}&key=${key}&period=${period}&${DAYS}`, token);
          expect(response.statusCode).toBe(200);
          const list: Rows = response.json().rows;
          expect(list.length).toBe({ day: 4, week: 2, month: 1, quarter: 1 }[period]);
          for (const { start, rank, packets, meanPerSensor, share, counted } of list) {
            const ranked = await site.get(`/v1/ranks/${table}?period=${period}&start=${start}`, token);
            const all: Rows = ranked.statusCode === 404 ? [] : ranked.json().rows;
            expect(counted).toBe(all.length > 0);
            const named = (row: Record<string, unknown>) =>
              (row.country ?? (row.type === null ? `${row.port}/${row.protocol}` : `${row.type}/${row.protocol}`)) ===
              key;
            const found = all.find(named);
            expect([key, start, rank, packets, meanPerSensor, share]).toEqual([
              ...[key, start, found?.rank ?? null, found?.packets ?? null],
              ...[found?.meanPerSensor ?? null, found?.share ?? null],
            ]);
          }
        }
  });

  test('of periods that nothing is known of, nothing; of too many periods, a refusal', async () => {
    const before = await rows('/v1/rank-history?table=ports&key=23/tcp&period=day&from=2026-02-01&to=2026-02-03');
    expect(before.map(({ rank, counted }) => [rank, counted])).toEqual(Array(3).fill([null, false]));
    for (const wrong of [
      'table=ports&key=23/tcp&period=day&from=2025-11-01&to=2026-03-01',
      `table=ports&key=JP&period=day&${DAYS}`,
      `table=countries&key=23/tcp&period=day&${DAYS}`,
      `table=asns&key=23/tcp&period=day&${DAYS}`,
    ])
      expect([wrong, (await read(`/v1/rank-history?${wrong}`)).statusCode]).toEqual([wrong, 400]);
    const year = 'table=ports&key=23/tcp&period=week&from=2025-03-05&to=2026-03-04';
    expect(await rows(`/v1/rank-history?${year}`)).toHaveLength(53);
  });
});

describe('the public', () => {
  test('is told neither kinds nor ASes of a port', async () => {
    for (const route of ['port-kinds', 'port-asns'])
      for (const suffix of ['', '.csv', '.ndjson']) {
        const response = await site.get(`/v1/${route}${suffix}?port=23/tcp&${DAYS}`);
        expect([route, response.statusCode]).toEqual([route, 401]);
        expect(response.body).not.toContain('packets');
      }
  });

  test('is told no rank of what too few sensors saw, nor of days that are not public', async () => {
    for (const port of [RARE_PORT, TWO_OWNERS_PORT]) {
      const list = await asPublic(`/v1/rank-history?table=ports&key=${port}/tcp&period=day&${DAYS}`);
      expect(list.every(({ rank, packets, share }) => rank === null && packets === null && share === null)).toBe(true);
    }
    const list = await asPublic(`/v1/rank-history?table=ports&key=23/tcp&period=day&${DAYS}`);
    expect(list.map(({ counted }) => counted)).toEqual([true, true, false, false]);
    for (const { rank, packets } of list.slice(0, 2)) {
      expect(rank).toBeLessThanOrEqual(10);
      expect(packets).toBe(Number((packets as number).toPrecision(2)));
    }
  });
});

test('CSV and NDJSON have the rows of JSON', async () => {
  for (const url of [
    `/v1/port-kinds?port=23/tcp&${DAYS}`,
    `/v1/port-asns?port=23/tcp&${DAYS}`,
    `/v1/rank-history?table=ports&key=23/tcp&period=day&${DAYS}`,
  ]) {
    const [path, query] = url.split('?');
    const list = await rows(url);
    expect(list.length).toBeGreaterThan(0);
    const ndjson = await read(`${path}.ndjson?${query}`);
    const lines = ndjson.body.trimEnd().split('\n');
    expect(lines.map(line => JSON.parse(line))).toEqual(list);
    const csv = await read(`${path}.csv?${query}`);
    const [head, ...cells] = csv.body.split('\r\n').slice(0, -1);
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
