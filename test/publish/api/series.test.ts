/** What the public is told of a port or a country day by day is what the tables of these days tell it, also once one is counted anew. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DATES, FIRST_DAY, fold, makeSite, type Site } from './support.ts';

let site: Site;
beforeAll(async () => {
  site = await makeSite();
});
afterAll(() => site.close());

const PUBLIC_DATES = DATES.slice(0, 2);
const KEYS = {
  ports: ['22/tcp', '23/tcp', '80/tcp', '443/tcp', '53/udp', '8/icmp', '4444/tcp', '5555/tcp', '1001/tcp', '1015/tcp'],
  countries: ['US', 'JP', 'KR', 'DE', 'FR'],
};
type Told = Record<'packets' | 'meanPerSensor', number> & Record<string, unknown>;
const rows = async (url: string): Promise<Told[]> => (await site.get(url)).json().rows;
const keyOf = ({ country, port, type, protocol }: Told) => country ?? `${port ?? type}/${protocol}`;

/** By day and key, from the tables of the days; and from one question for a series. */
async function toldOf(table: 'ports' | 'countries') {
  const tables = await Promise.all(
    PUBLIC_DATES.map(async date =>
      (await rows(`/v1/days/${date}/${table}`)).map(row => [`${date} ${keyOf(row)}`, row.packets, row.meanPerSensor]),
    ),
  );
  const series = await rows(`/v1/series?table=${table}&key=${KEYS[table]}&step=day&from=${DATES[0]}&to=${DATES[3]}`);
  return {
    tables: tables
      .flat()
      .filter(([name]) => KEYS[table].includes(String(name).split(' ')[1]!))
      .sort(),
    series: series.map(row => [`${String(row.start).slice(0, 10)} ${row.key}`, row.packets, row.meanPerSensor]).sort(),
  };
}

test('a series of days tells the public what the tables do, before and after a sensor is left out', async () => {
  const before = { ports: await toldOf('ports'), countries: await toldOf('countries') };
  site.made.registry.exclude('s6', FIRST_DAY, FIRST_DAY, 'flooded', Date.now());
  const revision = async () => {
    await fold(site.made);
    return (await rows(`/v1/days/${DATES[0]}`))[0]?.revision;
  };
  await expect.poll(revision, { timeout: 20_000 }).toBe(2);
  for (const table of ['ports', 'countries'] as const) {
    const { tables, series } = before[table];
    expect(series.length).toBeGreaterThan(6);
    expect(series).toEqual(tables);
    const after = await toldOf(table);
    expect(after.series).toEqual(after.tables);
    const packets = (date: string, list: unknown[][]) =>
      list.filter(([name]) => String(name).startsWith(date)).map(([name, told]) => [name, told]);
    expect(packets(DATES[0], after.series)).not.toEqual(packets(DATES[0], series));
    expect(packets(DATES[1], after.series)).toEqual(packets(DATES[1], series));
  }
});
