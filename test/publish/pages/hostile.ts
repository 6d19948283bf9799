/** Every page over answers as hostile as they come: markup in names, ports that are none, enormous numbers; and nothing, and little. */
import type { Route } from 'playwright-core';
import { expect, test } from 'vitest';
import { filled, type Look, type Opened, overflow, type Sites } from './look.ts';
import type { Site } from './support.ts';

const EVIL = '<img src=x onerror="document.title=`owned`">';
const HUGE = 9.9e15;

const ADDRESSES = [
  ...['/', '/ports/tcp/37215', '/ports/icmp/3:1', '/countries/CN', '/countries', '/domestic', '/days#2026-03-15'],
  ...['/sensors', '/sensors/sensor-2', '/enrol', '/members'],
];

/** Keys whose texts pages take apart: dates must be some, states and roles have their words. */
const SPARED =
  /^(date|start|from|to|state|role|created|expires|revoked|built|last\w+|oldest\w+|step|period|table|type|url)$/;
/** Keys that name what an evil one can be of. */
const NAMED =
  /^(sensor|owner|organisation|title|country|economy|name|geo|key|protocol|tool|class|alarms|networks|countries|prefixes|asns)$/;

function spoiled(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map(one => spoiled(one, key));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, spoiled(one, name)]));
  if (SPARED.test(key)) return value;
  if (typeof value === 'string') return NAMED.test(key) ? `${value}${EVIL}` : value;
  if (typeof value !== 'number' || key === 'clockOffsetMs') return value;
  return key === 'port' ? 65_535 : key === 'rank' ? value : HUGE;
}

async function spoil(route: Route): Promise<void> {
  const response = await route.fetch();
  if (!response.ok()) return route.fulfill({ response });
  const answer = spoiled(await response.json()) as { rows: Record<string, unknown>[] };
  // A sensor's own page looks for its name.
  const { pathname } = new URL(route.request().frame().url());
  if (pathname.startsWith('/sensors/'))
    for (const row of answer.rows) if (typeof row.sensor === 'string') row.sensor = row.sensor.replace(EVIL, '');
  return route.fulfill({ response, json: answer });
}

/** Beyond what one page takes: there are eleven, and the machine may be busy. */
const allMsMax = 120_000;

export function hostileTests(look: Look, sites: Sites): void {
  /** Every page in one tab. */
  const each = async (
    { page, trouble }: Opened,
    at: Site,
    query: string,
    check: (address: string) => Promise<void>,
  ) => {
    for (const address of ADDRESSES) {
      trouble.length = 0;
      await page.goto(`${at.url}${address}${query}`);
      await filled(page);
      await check(address);
    }
    await page.close();
  };

  test(
    'whatever /v1 says is text: markup, odd names, enormous numbers',
    async () => {
      const { small } = sites();
      const opened = await look(small, '/sign-in', { width: 360, token: small.token }, page =>
        page.route(url => url.pathname.startsWith('/v1/') && url.pathname !== '/v1/reader', spoil),
      );
      const { page, trouble } = opened;
      await each(opened, small, '', async address => {
        const main = page.locator('main');
        const found = {
          title: (await page.title()).includes('owned'),
          images: await main.locator('img').count(),
          told: (await main.textContent())!.includes('<img'),
          wide: await overflow(page),
          trouble: trouble.filter(text => !/status of 40[0-9]/.test(text)),
        };
        const told = !['/countries', '/days', '/ports/icmp/3:1'].includes(address.split('#')[0]!); // names there are only words of ours
        expect({ address, ...found, told: found.told || !told }).toEqual({
          ...{ address, title: false, images: 0, told: true, wide: 0, trouble: [] },
        });
      });
    },
    allMsMax,
  );

  test.each([
    ['nothing counted', 'empty'],
    ['one day', 'small'],
  ] as const)(
    'with %s',
    async (_, name) => {
      const at = sites()[name];
      const opened = await look(at, '/sign-in', { token: at.token });
      const { page, trouble } = opened;
      await each(opened, at, '', async address => {
        const found = {
          heads: await page.locator('h1').count(),
          said: (await page.locator('main').textContent())!.length > 10,
          trouble: trouble.filter(text => !/status of (404|503)/.test(text)),
        };
        expect({ address, ...found }).toEqual({ address, heads: 1, said: true, trouble: [] });
      });
    },
    allMsMax,
  );
}
