/** Sensors of one economy against all others, and a port by sensor: against a naive recount of the same records, for each role. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { publicSplit } from '../../../collector/publish/api/domestic.ts';
import { Members } from '../../../collector/registry/members.ts';
import { type PlainRecord, seeded } from '../../support/records.ts';
import { blocksOf, SealedLog } from '../../support/sealed-log.ts';
import { DATES, FIRST_DAY, fold, NOW, openSite, type Site } from './support.ts';

/** owner, economy: six in JP, five in KR, one in KE. */
const SENSORS = [
  ...['alpha', 'alpha', 'beta', 'beta', 'gamma', 'gamma'].map(owner => [owner, 'JP'] as const),
  ...['alpha', 'beta', 'gamma', 'gamma', 'gamma'].map(owner => [owner, 'KR'] as const),
  ['delta', 'KE'] as const,
];
const JP = [0, 1, 2, 3, 4, 5];
const KR = [6, 7, 8, 9, 10];
const KE = 11;
/** Only the six in JP saw it; only one sensor did. */
const JP_PORT = 9001;
const LONE_PORT = 9002;
const [, PUBLISHED, , OPEN] = DATES;

function traffic(): PlainRecord[] {
  const random = seeded(5);
  const list: PlainRecord[] = [];
  const add = (sensor: number, day: number, dstPort: number) =>
    list.push({
      ...{ sensor, family: 4, hour: 24 * day + random(24), time: random(3_600_000) * 1000 },
      ...{ src: [(0x08080800 + random(60)) >>> 0], dst: [((198 << 24) | (51 << 16) | (sensor << 8) | 7) >>> 0] },
      ...{ protocol: 6, srcPort: 40_000, dstPort, flags: 2, window: 1024, seqFold: 0, tool: 0 },
    });
  for (let day = FIRST_DAY; day < FIRST_DAY + 4; day++)
    for (let sensor = 0; sensor < SENSORS.length; sensor++) {
      for (let n = 0; n < 40 + 7 * sensor; n++) add(sensor, day, [22, 23, 80][random(3)]!);
      if (JP.includes(sensor)) for (let n = 0; n < 30; n++) add(sensor, day, JP_PORT);
      if (sensor === 7) for (let n = 0; n < 500; n++) add(sensor, day, LONE_PORT);
    }
  return list;
}

const RECORDS = traffic();
let made: SealedLog;
let site: Omit<Site, 'members'>;
beforeAll(async () => {
  made = new SealedLog([]);
  for (const name of ['alpha', 'beta', 'gamma', 'delta', 'operator']) made.registry.addOrganisation({ name }, 0);
  for (const [n, [owner, economy]] of SENSORS.entries())
    made.registry.addSensor({ name: `s${n}`, owner, economy, networks: [`198.51.${n}.0/24`] }, 0);
  made.append(...blocksOf(RECORDS, 3));
  await fold(made, { segmentsMs: 0 });
  const members = Members.open(made.data.registry, { actor: 'test' });
  const token = (organisation: string, role?: 'admin') =>
    members.add({ organisation, ...(role && { role }) }, NOW).token;
  const tokens = { admin: token('operator', 'admin'), beta: token('beta'), foreign: '' };
  members.close();
  site = (await openSite(made, tokens)) as Omit<Site, 'members'>;
});
afterAll(async () => {
  await site.close();
  made.remove();
});

const rows = async (url: string, token?: string): Promise<Record<string, unknown>[]> => {
  const response = await site.get(url, token);
  expect([url, response.statusCode]).toEqual([url, 200]);
  return response.json().rows;
};
const counted = (date: string, sensors: readonly number[], port?: number): number => {
  const day = Date.parse(date) / 86_400_000;
  return RECORDS.filter(
    one =>
      Math.floor(one.hour / 24) === day && sensors.includes(one.sensor) && (port === undefined || one.dstPort === port),
  ).length;
};

/** Distinct sources of one sensor, in the mean. */
function meanSources(date: string, sensors: readonly number[]): number {
  const day = Date.parse(date) / 86_400_000;
  const own = (sensor: number) => RECORDS.filter(one => one.sensor === sensor && Math.floor(one.hour / 24) === day);
  const counts = sensors.map(sensor => new Set(own(sensor).map(({ src }) => src.join())).size);
  return Number((counts.reduce((sum, count) => sum + count, 0) / counts.length).toPrecision(6));
}

describe('one economy against the rest', () => {
  test.each([PUBLISHED, OPEN])('of %s, for members: every side as it was counted', async date => {
    const query = `economy=KR&from=${date}&to=${date}`;
    const sides = await rows(`/v1/domestic?${query}`, site.tokens.beta);
    const rest = [...JP, KE];
    expect(sides.map(({ side, sensors, packets }) => [side, sensors, packets])).toEqual([
      ['domestic', 5, counted(date, KR)],
      ['overseas', 7, counted(date, rest)],
    ]);
    expect(sides.map(({ sources }) => sources)).toEqual([meanSources(date, KR), meanSources(date, rest)]);
    const ports = await rows(`/v1/domestic/ports?${query}`, site.tokens.beta);
    for (const { side, port, packets, share } of ports) {
      const sensors = side === 'domestic' ? KR : rest;
      expect(packets).toBe(counted(date, sensors, port as number));
      expect(share).toBeCloseTo((packets as number) / counted(date, sensors), 4);
    }
    expect(ports.filter(({ side }) => side === 'domestic')[0]).toMatchObject({ rank: 1, port: LONE_PORT });
    expect(ports.some(({ side, port }) => side === 'overseas' && port === LONE_PORT)).toBe(false);
  });

  test('several days add up', async () => {
    const [first] = await rows(
      `/v1/domestic/ports?economy=JP&from=${DATES[0]}&to=${DATES[3]}&limit=1`,
      site.tokens.admin,
    );
    const best = [22, 23, 80, JP_PORT].map(port => DATES.reduce((sum, date) => sum + counted(date, JP, port), 0));
    expect(first!.packets).toBe(Math.max(...best));
  });

  test('economies, with how many sensors each has', async () => {
    expect(await rows('/v1/economies', site.tokens.beta)).toEqual([
      { economy: 'JP', sensors: 6 },
      { economy: 'KR', sensors: 5 },
      { economy: 'KE', sensors: 1 },
    ]);
  });

  test('the public has one split, of ports that both sides saw, rounded', async () => {
    expect(await rows('/v1/economies')).toEqual([{ economy: 'JP', sensors: null }]);
    const span = `from=${DATES[0]}&to=${OPEN}`;
    const sides = await rows(`/v1/domestic?economy=JP&${span}`);
    expect(sides.map(({ start, side, sensors }) => [start, side, sensors])).toEqual(
      [DATES[0], PUBLISHED].flatMap(date => [
        [`${date}T00:00:00Z`, 'domestic', null],
        [`${date}T00:00:00Z`, 'overseas', null],
      ]),
    );
    expect(sides.every(({ sources }) => sources === null)).toBe(true);
    for (const { packets } of sides) expect(packets).toBe(Number((packets as number).toPrecision(2)));
    const ports = await rows(`/v1/domestic/ports?economy=JP&${span}`);
    expect(new Set(ports.map(({ port }) => port))).toEqual(new Set([22, 23, 80]));
    for (const economy of ['KR', 'KE', 'US']) {
      expect(await rows(`/v1/domestic?economy=${economy}&${span}`)).toEqual([]);
      expect(await rows(`/v1/domestic/ports?economy=${economy}&${span}`)).toEqual([]);
    }
  });

  test('the split is of the economy with the most sensors of which both sides are enough', () => {
    const owners = SENSORS.map(([owner]) => owner);
    const economies = SENSORS.map(([, economy]) => economy);
    const rule = { sensorsMin: 5, ownersMin: 3 };
    const all = SENSORS.map((_, n) => n);
    const split = (sensors: readonly number[]) =>
      publicSplit(
        sensors,
        n => economies[n],
        n => owners[n],
        rule,
      );
    expect(split(all)).toBe('JP');
    expect(split(all.filter(n => n !== KE))).toBe('JP'); // KR alone is enough for the other side
    expect(split(all.filter(n => n !== KE && n !== 6))).toBeUndefined();
    expect(split(JP)).toBeUndefined();
    expect(split(all.filter(n => n > 1))).toBe('KR'); // four are left in JP
  });

  test.each(['economy=XX', 'economy=JP&from=2026-03-02&to=2026-03-01', 'economy=JP&from=2020-01-01'])(
    '%s is refused',
    async wrong => {
      const query = new URLSearchParams(`from=${PUBLISHED}&to=${PUBLISHED}`);
      for (const [key, value] of new URLSearchParams(wrong)) query.set(key, value);
      expect((await site.get(`/v1/domestic?${query}`, site.tokens.beta)).statusCode).toBe(400);
    },
  );
});

describe('a port by sensor', () => {
  test.each([PUBLISHED, OPEN])('of %s, for admins: each by name, those that saw nothing too', async date => {
    const found = await rows(`/v1/days/${date}/port-sensors?port=${LONE_PORT}/tcp`, site.tokens.admin);
    expect(found.length).toBe(SENSORS.length);
    expect(found[0]).toMatchObject({ sensor: 's7', owner: 'beta', economy: 'KR', packets: 500, seenBy: 1 });
    expect(found.slice(1).every(({ packets, seenBy }) => packets === 0 && seenBy === 0)).toBe(true);
    for (const { sensor, all } of found) expect(all).toBe(counted(date, [Number(String(sensor).slice(1))]));
    const telnet = await rows(`/v1/days/${date}/port-sensors?port=23/tcp`, site.tokens.admin);
    for (const { sensor, packets } of telnet)
      expect(packets).toBe(counted(date, [Number(String(sensor).slice(1))], 23));
  });

  test('a member is told its own by name, and all others in one row', async () => {
    const found = await rows(`/v1/days/${PUBLISHED}/port-sensors?port=${JP_PORT}/tcp`, site.tokens.beta);
    expect(found.map(({ sensor, packets }) => [sensor, packets])).toEqual([
      ['s2', 30],
      ['s3', 30],
      ['s7', 0],
      [null, 120],
    ]);
    expect(found.at(-1)).toMatchObject({ owner: null, economy: null, sensors: 9, seenBy: 4, busiest: 0.25 });
  });

  test.each([PUBLISHED, OPEN])('what a sensor saw of %s, to who owns it', async date => {
    const found = await rows(`/v1/days/${date}/port-sensors?sensor=s7`, site.tokens.beta);
    expect(found[0]).toMatchObject({ port: LONE_PORT, packets: 500, all: counted(date, [7]) });
    expect(found.map(({ packets }) => packets)).toEqual(
      [LONE_PORT, 22, 23, 80].map(port => counted(date, [7], port)).sort((a, b) => b - a),
    );
    for (const name of ['s0', 'none']) {
      const response = await site.get(`/v1/days/${date}/port-sensors?sensor=${name}`, site.tokens.beta);
      expect(response.json().type).toBe('urn:enaga:problem:no-sensor');
    }
    expect((await rows(`/v1/days/${date}/port-sensors?sensor=s0`, site.tokens.admin)).length).toBe(4);
  });

  test('is nothing for the public, and wants one of the two', async () => {
    expect((await site.get(`/v1/days/${PUBLISHED}/port-sensors?port=23/tcp`)).statusCode).toBe(401);
    for (const query of ['', '?port=23/tcp&sensor=s0'])
      expect((await site.get(`/v1/days/${PUBLISHED}/port-sensors${query}`, site.tokens.admin)).statusCode).toBe(400);
  });
});
