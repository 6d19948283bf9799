/** Everything that is asked of a store, by the pages, the API and the commands: how long each answer takes, over and over. */
import { setTimeout as sleep } from 'node:timers/promises';
import { count } from '../../collector/publish/words.ts';
import { dateOf } from '../../collector/reduce/result.ts';
import { countryNumber } from '../../collector/reduce/rows.ts';
import { madePorts } from '../../collector/store/made-day.ts';
import { PERIODS, periodOf } from '../../collector/store/periods.ts';
import type { StoreReader } from '../../collector/store/query.ts';
import { rankedRows } from '../../collector/store/rollup.ts';
import { completeness, coverageOf, hourlySeries, sensorsWatching } from '../../collector/store/series.ts';
import { mix } from '../../common/record/mix.ts';

export interface Asked {
  readonly what: string;
  readonly asks: number;
  /** Milliseconds by the clock: the middle and the 99th of a hundred; and the latter of this thread's processor time alone. */
  readonly p50: number;
  readonly p99: number;
  readonly cpu99: number;
}

const asksMax = 200;
/** A question that takes long is asked less often. */
const msMax = 6000;
const asksMin = 20;

/** `ask` is told how often it was called before: what it asks for should change with it. */
async function timed(what: string, ask: (n: number) => unknown): Promise<Asked> {
  const [wall, cpu]: [number[], number[]] = [[], []];
  for (const end = performance.now() + msMax; wall.length < asksMax; ) {
    if (wall.length >= asksMin && performance.now() > end) break;
    const [started, before] = [performance.now(), process.threadCpuUsage()];
    await ask(wall.length);
    const { user, system } = process.threadCpuUsage(before);
    wall.push(performance.now() - started);
    cpu.push((user + system) / 1000);
    await sleep(0);
  }
  const at = (part: number, values: readonly number[]) =>
    values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(part * values.length))]!;
  return { what, asks: wall.length, p50: at(0.5, wall), p99: at(0.99, wall), cpu99: at(0.99, cpu) };
}

const PORTS = [23, 80, 8080, 5555, 2323, 443, 22, 7547].map(port => (6 << 16) | port);
const COUNTRIES = ['US', 'CN', 'JP', 'BR', 'DE', 'IN'].map(countryNumber);

/** `lastDay` is open, all before it are closed. */
export function storeQuestions(store: StoreReader, lastDay: number, days: number) {
  const firstDay = lastDay - days + 1;
  const pick = <T>(list: readonly T[], n: number): T => list[n % list.length]!;
  const closed = (n: number) => firstDay + ((mix(n + 1) >>> 0) % (days - 1));
  const lately = (n: number, length: number) => {
    const to = lastDay - 1 - ((mix(n + 5) >>> 0) % Math.max(1, Math.min(days - length, 60)));
    return { from: Math.max(firstDay, to - length + 1), to };
  };
  const port = (n: number) => ({ table: 'ports', a: pick(PORTS, n) }) as const;
  const country = (n: number) => ({ table: 'countries', a: pick(COUNTRIES, n) }) as const;
  const daily = (n: number, length: number, { table, a }: { table: 'ports' | 'countries'; a: number }) => {
    const { from, to } = lately(n, length);
    for (let day = from; day <= to; day++) store.rows(day)?.rows(table, a);
  };
  const questions: Record<string, (n: number) => unknown> = {
    'all days with their sources': () => store.days(),
    "a closed day's totals, classes, tools and hours": n =>
      (['total', 'classes', 'tools', 'hours'] as const).map(table => store.rows(closed(n))!.rows(table)),
    'its ports, all': n => store.rows(closed(n))!.rows('ports'),
    'its countries': n => store.rows(closed(n))!.rows('countries'),
    'ports of a country': n => store.rows(closed(n))!.rows('portCountries', pick(COUNTRIES, n)),
    'all pairs of port and country': n => store.rows(closed(n))!.rows('portCountries'),
    'all of a day as replay tells it': n => store.day(closed(n)),
    "one sensor's day": n => store.closedRows(closed(n), n % 100).rows('ports'),
    'how complete the sensors of a day are': n => completeness(store, { from: closed(n), to: closed(n) }),
    'the same of a quarter': n => coverageOf(completeness(store, lately(n, 92)), lately(n, 92), () => 16),
    'how many sensors watched, hours of a month': n => sensorsWatching(store, lately(n, 31)),
    'hours of a week, all': n => hourlySeries(store, lately(n, 7), { table: 'total' }),
    'hours of a week, a port': n => hourlySeries(store, lately(n, 7), port(n)),
    'hours of a month, a port': n => hourlySeries(store, lately(n, 31), port(n)),
    'hours of a quarter, a port': n => hourlySeries(store, lately(n, 90), port(n)),
    'hours of a quarter, a country': n => hourlySeries(store, lately(n, 90), country(n)),
    'days of a quarter, a port': n => daily(n, 92, port(n)),
    'days of a year, a port': n => daily(n, 364, port(n)),
    'days of a year, a country': n => daily(n, 364, country(n)),
  };
  for (const kind of PERIODS) {
    const over = (n: number) => periodOf(kind, Math.max(firstDay, periodOf(kind, lastDay).from - 1 - 7 * (n % 8)));
    questions[`ranks of ports over a ${kind} that is over`] = n => rankedRows(store, over(n), 'ports');
    questions[`ranks of countries over a ${kind} that is over`] = n => rankedRows(store, over(n), 'countries');
  }
  return questions;
}

/** What needs the open day, or a period that is not over. */
export const openQuestions = (store: StoreReader, lastDay: number): Record<string, (n: number) => unknown> => ({
  "the open day's totals, classes, tools and hours": () =>
    (['total', 'classes', 'tools', 'hours'] as const).map(table => store.rows(lastDay)!.rows(table)),
  'its ports, all': () => store.rows(lastDay)!.rows('ports'),
  'its countries': () => store.rows(lastDay)!.rows('countries'),
  'ports of a country in it': n => store.rows(lastDay)!.rows('portCountries', COUNTRIES[n % COUNTRIES.length]),
  'hours of a week to now, a port': n =>
    hourlySeries(store, { from: lastDay - 6, to: lastDay }, { table: 'ports', a: PORTS[n % PORTS.length]! }),
  'ports of a sensor in it': n => madePorts(store.openDay(lastDay)!, n % 100),
  ...Object.fromEntries(
    PERIODS.flatMap(kind =>
      (['ports', 'countries'] as const).map(table => [
        `ranks of ${table} over the ${kind} that runs`,
        () => rankedRows(store, periodOf(kind, lastDay), table),
      ]),
    ),
  ),
});

/** The same of the API: what the first page asks of a day that is not over. */
export function openRoutes(lastDay: number): Record<string, (n: number) => string> {
  const [from, to] = [dateOf(lastDay - 6), dateOf(lastDay)];
  const five = '23/tcp,80/tcp,8080/tcp,5555/tcp,22/tcp';
  return {
    '/v1/days/OPEN': () => `/v1/days/${to}`,
    '/v1/days/OPEN/ports?limit=100': () => `/v1/days/${to}/ports?limit=100`,
    '/v1/days/OPEN/port-countries?country=': () => `/v1/days/${to}/port-countries?country=JP&limit=100`,
    'hours of a week to now, all': () => `/v1/series?table=total&step=hour&from=${from}&to=${to}`,
    'hours of a week to now, five ports': () => `/v1/series?table=ports&key=${five}&step=hour&from=${from}&to=${to}`,
    'ranks of the week that runs': () => `/v1/ranks/ports?period=week&start=${to}&limit=200`,
    'ranks of the quarter that runs': () => `/v1/ranks/ports?period=quarter&start=${to}&limit=200`,
    'which sensors saw a port today': () => `/v1/days/${to}/port-sensors?port=23/tcp`,
  };
}

/** Paths of the API; the pages ask nothing else. */
export function routes(lastDay: number): Record<string, (n: number) => string> {
  const closed = (n: number) => dateOf(lastDay - 1 - ((mix(n + 1) >>> 0) % 300));
  const range = (days: number, n: number) =>
    `from=${dateOf(lastDay - days - (n % 7))}&to=${dateOf(lastDay - 1 - (n % 7))}`;
  const key = (n: number) => ['23/tcp', '80/tcp', '8080/tcp', '5555/tcp'][n % 4]!;
  return {
    '/v1/days': () => '/v1/days',
    '/v1/days/DATE': n => `/v1/days/${closed(n)}`,
    '/v1/days/DATE/ports?limit=100': n => `/v1/days/${closed(n)}/ports?limit=100`,
    '/v1/days/DATE/countries': n => `/v1/days/${closed(n)}/countries`,
    '/v1/days/DATE/port-countries?country=': n => `/v1/days/${closed(n)}/port-countries?country=JP&limit=100`,
    '/v1/days/DATE/port-countries?port=': n => `/v1/days/${closed(n)}/port-countries?port=${key(n)}`,
    '/v1/days/DATE/hours': n => `/v1/days/${closed(n)}/hours`,
    '/v1/days/DATE/sensors': n => `/v1/days/${closed(n)}/sensors`,
    'hours of a week, all': n => `/v1/series?table=total&step=hour&${range(7, n)}`,
    'hours of a month, a port': n => `/v1/series?table=ports&key=${key(n)}&step=hour&${range(31, n)}`,
    'days of a quarter, all': n => `/v1/series?table=total&step=day&${range(92, n)}`,
    'days of a quarter, a port': n => `/v1/series?table=ports&key=${key(n)}&step=day&${range(92, n)}`,
    'days of a year, a port': n => `/v1/series?table=ports&key=${key(n)}&step=day&${range(358, n)}`,
    'ranks of a day': n => `/v1/ranks/ports?period=day&start=${closed(n)}&limit=100`,
    'ranks of a week': n => `/v1/ranks/ports?period=week&start=${closed(n)}&limit=100`,
    'ranks of a quarter': n => `/v1/ranks/ports?period=quarter&start=${dateOf(lastDay - 100 - (n % 90))}&limit=100`,
  };
}

export async function askAll(
  questions: Readonly<Record<string, (n: number) => unknown>>,
  say: (one: Asked) => void,
): Promise<void> {
  for (const [what, ask] of Object.entries(questions)) say(await timed(what, ask));
}

export const line = ({ what, asks, p50, p99, cpu99 }: Asked): string =>
  `${what.padEnd(52)} ${[p50, p99, cpu99].map(ms => ms.toFixed(ms < 10 ? 1 : 0).padStart(7)).join('')} ${count(asks).padStart(6)}`;
