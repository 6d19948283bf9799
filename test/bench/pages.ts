/**
 * How soon the first page can be used: from the start of the navigation until its first chart is drawn, and from a click on
 * another window until that is answered; beside a page of one line, loaded by the same browser in the same rounds, for the machine
 * and the browser are in both. The browser has nothing kept of it. The collector answers in this process, from eleven days of
 * seven sensors, or it is the one at --url.
 *
 *     node test/bench/pages.ts [--rounds 9] [--latency 0] [--url http://127.0.0.1:8080 --token TOKEN]
 *
 * --latency: milliseconds that each request is made to wait for, as over a network.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { type Browser, chromium } from 'playwright-core';
import { keptAssets } from '../../collector/publish/pages/kept.ts';
import { makeSite, NOW } from '../publish/pages/support.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    latency: { type: 'string', default: '0' },
    url: { type: 'string' },
    token: { type: 'string' },
  },
});
const [rounds, latency] = [Number(values.rounds), Number(values.latency)];

/** Milliseconds, but for bytes and requests. */
interface Measured {
  /** Since the navigation began, that the page's first chart, or its first line, was painted. */
  readonly drawn: number;
  /** Since the click, that what was asked for was painted; of a page with nothing to click, none. */
  readonly answered?: number;
  /** Of the main thread's own processor time, until all of it was there: what others do on the machine changes it least. */
  readonly busy: number;
  /** Tasks of over 50 ms, by how much over. */
  readonly blocked: number;
  readonly bytes: number;
  readonly requests: number;
}

/** Runs in the page before anything else: notes when the element is there, and when that was painted. */
const WATCH = (selector: string) => `
  window.blocked = 0;
  new PerformanceObserver(list => {
    for (const { duration } of list.getEntries()) window.blocked += duration - 50;
  }).observe({ type: 'longtask', buffered: true });
  window.painted = isThere => new Promise(resolve => {
    const look = () => isThere() ? requestAnimationFrame(() => setTimeout(() => resolve(performance.now()))) : requestAnimationFrame(look);
    look();
  });
  window.drawn = painted(() => document.querySelector(${JSON.stringify(selector)}) !== null);`;

/** The days of the site are over: the page is to think that it is that time. Only `Date`, or what the browser measures is gone. */
const CLOCK = (nowMs: number) => `{
  const Real = Date;
  const ahead = ${nowMs} - Real.now();
  window.Date = class extends Real {
    constructor(...given) { given.length === 0 ? super(Real.now() + ahead) : super(...given); }
    static now() { return Real.now() + ahead; }
  };
}`;

/** Asks for the last three months, as a hand would. */
const CLICK = `(async () => {
  const began = performance.now();
  const before = document.querySelector('#ports');
  document.querySelector('.controls a[href*="window=quarter"]').click();
  return (await painted(() => document.querySelector('#ports .drawn') !== null && document.querySelector('#ports') !== before)) - began;
})()`;

interface Visit {
  readonly url: string;
  readonly token?: string;
  /** What is to be drawn. */
  readonly selector: string;
  readonly hasControls: boolean;
  readonly nowMs?: number;
}

async function visit(browser: Browser, { url, token, selector, hasControls, nowMs }: Visit): Promise<Measured> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  if (nowMs !== undefined) await page.addInitScript(CLOCK(nowMs));
  if (token !== undefined) await page.addInitScript(`sessionStorage.setItem('enaga-token', '${token}')`);
  await page.addInitScript(WATCH(selector));
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  if (latency > 0)
    await session.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency, downloadThroughput: -1, uploadThroughput: -1 },
    });
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  let [bytes, requests] = [0, 0];
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
    requests++;
  });
  await page.goto(url);
  const drawn = (await page.evaluate('drawn')) as number;
  if (hasControls) await page.locator('main[data-filled]').waitFor();
  const { metrics } = await session.send('Performance.getMetrics');
  const busy = 1000 * metrics.find(({ name }) => name === 'TaskDuration')!.value;
  const blocked = (await page.evaluate('blocked')) as number;
  const first = { drawn, busy, blocked, bytes, requests };
  const answered = hasControls ? ((await page.evaluate(CLICK)) as number) : undefined;
  await context.close();
  return { ...first, ...(answered !== undefined && { answered }) };
}

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!;
const COLUMNS = ['drawn', 'answered', 'busy', 'blocked', 'bytes', 'requests'] as const;

function print(what: string, list: readonly Measured[]): void {
  const cells = COLUMNS.map(name => {
    const found = list.flatMap(one => one[name] ?? []);
    return (found.length === 0 ? '' : Math.round(median(found)).toLocaleString('en')).padStart(10);
  });
  process.stdout.write(`${what.padEnd(28)}${cells.join('')}\n`);
}

const line = http.createServer((_, response) =>
  response.setHeader('content-type', 'text/html').end('<!doctype html><title>One line</title><p>One line.'),
);
await new Promise<void>(resolve => line.listen(0, '127.0.0.1', resolve));
const site =
  values.url === undefined
    ? await makeSite({ days: 10, sensors: 7, packetsPerDay: 3000, assets: keptAssets() })
    : undefined;
const own = {
  ...{ url: site?.url ?? values.url!, selector: '#ports .drawn svg', hasControls: true },
  ...(site !== undefined && { nowMs: NOW }),
};
const token = site?.token ?? values.token;
const visits: Record<string, Visit> = {
  'a page of one line': {
    ...{ url: `http://127.0.0.1:${(line.address() as AddressInfo).port}/`, selector: 'p', hasControls: false },
  },
  'the first page, the public': own,
  ...(token !== undefined && { 'the first page, a member': { ...own, token } }),
};
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const measured = new Map(Object.keys(visits).map((what): [string, Measured[]] => [what, []]));
for (let round = 0; round <= rounds; round++)
  for (const [what, one] of Object.entries(visits)) {
    const found = await visit(browser, one);
    if (round > 0) measured.get(what)!.push(found); // the first finds a browser that has run nothing
  }
process.stdout.write(`${`median of ${rounds}`.padEnd(28)}${COLUMNS.map(name => name.padStart(10)).join('')}\n`);
for (const [what, list] of measured) print(what, list);
const [plain] = [...measured.values()];
for (const [what, list] of [...measured].slice(1)) {
  const ratios = list.map(({ drawn }, round) => drawn / plain![round]!.drawn);
  process.stdout.write(`${what}: drawn after ${median(ratios).toFixed(1)} times as long as a page of one line\n`);
}
await browser.close();
await site?.close();
line.close();
