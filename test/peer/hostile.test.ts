/** A peer that lies, is slow, or is down: it is said, nothing of it is kept, and what was kept before stays. */
import fs from 'node:fs';
import type http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Peers, type Source } from '../../collector/peer/peers.ts';
import { pullNoted } from '../../collector/peer/pull.ts';
import { dateOf, fakePeer } from './support.ts';

const NOW = Date.UTC(2026, 2, 10, 12);
const TODAY = NOW / 86_400_000 - 0.5;
const GOOD = dateOf(TODAY - 3);
const BAD = dateOf(TODAY - 2);
type Json = Record<string, unknown>;

const figures = { packets: 100, sources: 9, scanningSources: 8, meanPerSensor: 50, share: 1 };
const target = { protocol: 'tcp', port: 23, type: null, code: null };
const listRow = (date: string, more: Json = {}): Json => ({
  date,
  state: 'closed',
  revision: 1,
  packets: 100,
  ...more,
});
const list = (...rows: unknown[]): Json => ({ next: null, rows });
const total = (date: string, more: Json = {}): Json =>
  list({ ...listRow(date), ...figures, geo: 'some-database', built: '2026-01-01', ...more });
const table = (date: string, rows: unknown[], day: Json = {}): Json => ({
  ...{ table: 'x', next: null, rows },
  days: [{ ...listRow(date), geo: 'some-database', built: '2026-01-01', ...day }],
});
const port = (date: string, more: Json = {}): Json => ({ date, rank: 1, ...target, ...figures, ...more });
const country = (date: string, more: Json = {}): Json => ({ date, rank: 1, country: 'KR', ...figures, ...more });

/** What a peer with two days says, by path. */
function honest(...dates: string[]): Record<string, unknown> {
  const answers: Record<string, unknown> = { '/v1/days': list(...dates.map(date => listRow(date))) };
  for (const date of dates) {
    answers[`/v1/days/${date}`] = total(date);
    answers[`/v1/days/${date}/ports`] = table(date, [port(date)]);
    answers[`/v1/days/${date}/countries`] = table(date, [country(date)]);
  }
  return answers;
}

let dir: string;
let peers: Peers;
let source: Source;
let answers: Record<string, unknown>;
let peer: Awaited<ReturnType<typeof fakePeer>>;
beforeEach(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-hostile-'));
  peers = Peers.open(path.join(dir, 'peers.db'));
  answers = honest(GOOD);
  peer = await fakePeer((request, response) => {
    const answer = answers[request.url!.split('?')[0]!];
    if (typeof answer === 'function') answer(response, request);
    else if (answer === undefined) response.writeHead(404).end('<b>not here</b>');
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  source = peers.addPeer({ name: 'liar', url: peer.url }, 0);
  await pull();
  expect(peers.days(source).map(({ packets }) => packets)).toEqual([100]);
});
afterEach(() => {
  peers.close();
  peer.close();
  fs.rmSync(dir, { recursive: true, force: true });
});

const pull = (requestMsMax = 5000) => pullNoted(peers, peers.source('liar')!, { now: () => NOW, requestMsMax });
/** All that is kept, but when it was asked. */
const kept = () => {
  const days = peers.days(source);
  return JSON.stringify([
    days,
    days.map(({ day }) => [peers.table(source, day, 'ports'), peers.table(source, day, 'countries')]),
  ]);
};

const raw =
  (text: string | Uint8Array, headers: http.OutgoingHttpHeaders = {}, status = 200) =>
  (response: http.ServerResponse) =>
    void response.writeHead(status, headers).end(text);
/** 5 MB, then for ever. */
const endless = (response: http.ServerResponse) => {
  response.writeHead(200);
  const more = () => {
    while (!response.destroyed && response.write('['.repeat(65_536)));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
};

const AT_LIST: Record<string, unknown> = {
  'no JSON': raw('<html><b>captive portal</b></html>'),
  'JSON of another kind': raw('[1,2,3]'),
  'no list': { rows: 'all', next: null },
  'rows of another kind': list(1, null, 'x'),
  'a date that is none': list(listRow('2026-02-30')),
  'a date in a tag': list(listRow('<i>2026-03-01</i>')),
  'a date before what was asked for': list(listRow('1970-01-01')),
  'a date of the year 9999': list(listRow('9999-12-31')),
  'a date in a year of six digits': list(listRow('+275760-09-13')),
  'a day twice': list(listRow(GOOD), listRow(GOOD)),
  'days that descend': list(listRow(BAD), listRow(GOOD)),
  'a revision that is none': list(listRow(BAD, { revision: 1e300 })),
  'a state that is none': list(listRow(BAD, { state: { closed: true } })),
  'an endless answer': endless,
  'a bomb': raw(gzipSync(Buffer.alloc(64 * 2 ** 20, 32)), { 'content-encoding': 'gzip' }),
  'a body that is not as it is coded': raw('plain', { 'content-encoding': 'gzip' }),
};
const AT_DAY: Record<string, (date: string) => [string, unknown]> = {
  'the total of another day': date => ['', total(GOOD === date ? BAD : GOOD)],
  'two totals': date => ['', list(...(total(date).rows as Json[]), ...(total(date).rows as Json[]))],
  'packets below zero': date => ['', total(date, { packets: -1 })],
  'packets as text': date => ['', total(date, { packets: '100' })],
  'packets beyond what is exact': date => ['', total(date, { packets: 1e300 })],
  'a share of two': date => ['/ports', table(date, [port(date, { share: 2 })])],
  'a geography with markup': date => ['', total(date, { geo: '<img src=x onerror=alert(1)>' })],
  'a geography with a control character': date => ['', total(date, { geo: 'a\u001b[31mred' })],
  'a geography of a megabyte': date => ['', total(date, { geo: 'x'.repeat(1 << 20) })],
  'a protocol with markup': date => ['/ports', table(date, [port(date, { protocol: '<b>' })])],
  'a protocol that is none': date => ['/ports', table(date, [port(date, { protocol: 'constructor' })])],
  'a port beyond the last': date => ['/ports', table(date, [port(date, { port: 65_536 })])],
  'ICMP with a port': date => ['/ports', table(date, [port(date, { protocol: 'icmp' })])],
  'a country with markup': date => ['/countries', table(date, [country(date, { country: '"><script>' })])],
  'a country in small letters': date => ['/countries', table(date, [country(date, { country: 'kr' })])],
  'a port twice': date => ['/ports', table(date, [port(date), port(date)])],
  'rows out of order': date => ['/ports', table(date, [port(date), port(date, { port: 22, packets: 101 })])],
  'rows of another day': date => ['/ports', table(date, [port(GOOD === date ? BAD : GOOD)])],
  'more rows than were asked for': date => [
    '/ports',
    table(
      date,
      Array.from({ length: 1001 }, (_, n) => port(date, { port: n })),
    ),
  ],
  'no head': date => ['/ports', list(port(date))],
  'a mean that is no number': date => ['/ports', table(date, [port(date, { meanPerSensor: 'NaN' })])],
};

describe('a peer that lies', () => {
  test.each(Object.keys(AT_LIST))('about its days: %s', async name => {
    const before = kept();
    answers['/v1/days'] = AT_LIST[name];
    const started = Date.now();
    expect(await pull()).toBeUndefined();
    expect(Date.now() - started).toBeLessThan(5000);
    const { trouble, troubleText } = peers.source('liar')!;
    expect(name === 'a body that is not as it is coded' ? 'unreachable' : 'wrong').toBe(trouble);
    expect(troubleText).not.toMatch(/[<>\p{Cc}]/u);
    expect(kept()).toBe(before);
  });

  test.each(Object.keys(AT_DAY))('about a day: %s', async name => {
    const before = kept();
    Object.assign(answers, honest(GOOD, BAD));
    const [at, answer] = AT_DAY[name]!(BAD);
    answers[`/v1/days/${BAD}${at}`] = answer;
    expect(await pull()).toBeUndefined();
    expect(peers.source('liar')).toMatchObject({ trouble: 'wrong', troubleText: expect.stringContaining(BAD) });
    expect(kept()).toBe(before);
    Object.assign(answers, honest(GOOD, BAD)); // it has come to its senses
    expect(await pull()).toEqual({ days: 1, left: 0 });
    expect(peers.source('liar')!.trouble).toBeNull();
  });

  test('its own words for a refusal are one short line of text', async () => {
    const title = `<script>alert(1)</script>\u001b[2J\n${'x'.repeat(9000)}`;
    answers['/v1/days'] = raw(JSON.stringify({ title, detail: '198.51.100.7 refused\u0007' }), {}, 403);
    await pull();
    const { trouble, troubleText } = peers.source('liar')!;
    expect(trouble).toBe('token');
    expect(troubleText!.length).toBeLessThan(400);
    expect(troubleText).not.toMatch(/\p{Cc}|198\.51/u);
  });

  test('it gets no token for another place', async () => {
    const elsewhere = await fakePeer((_, response) => response.end('{}'));
    const tokenFile = path.join(dir, 'token');
    fs.writeFileSync(tokenFile, 'secret-token');
    peers.addPeer({ name: 'mover', url: peer.url, tokenFile }, 0);
    answers['/v1/days'] = raw('', { location: `${elsewhere.url}/v1/days` }, 302);
    await pullNoted(peers, peers.source('mover')!, { now: () => NOW });
    expect(elsewhere.asked).toEqual([]);
    expect(peers.source('mover')!.trouble).toBe('refused');
    elsewhere.close();
  });
});

describe('a peer that changes', () => {
  test('what it takes back goes here too; an open day keeps what it was', async () => {
    Object.assign(answers, honest(GOOD, BAD));
    await pull();
    answers['/v1/days'] = list(listRow(GOOD, { state: 'open' }), listRow(BAD));
    expect(await pull()).toEqual({ days: 0, left: 0 });
    expect(peers.days(source)).toHaveLength(2);
    answers['/v1/days'] = list(listRow(BAD));
    await pull();
    expect(peers.days(source).map(({ day }) => dateOf(day))).toEqual([BAD]);
  });

  test('a day that changes between two questions is left for the next time', async () => {
    Object.assign(answers, honest(GOOD, BAD));
    answers[`/v1/days/${BAD}/countries`] = table(BAD, [country(BAD)], { revision: 2 });
    expect(await pull()).toEqual({ days: 0, left: 1 });
    expect(peers.source('liar')!.trouble).toBeNull();
    answers[`/v1/days/${BAD}/countries`] = table(BAD, [country(BAD)]);
    expect(await pull()).toEqual({ days: 1, left: 0 });
  });

  test('a run cut short goes on where it was, and 304 ends the next one', async () => {
    const dates = [5, 4, 3, 2].map(n => dateOf(TODAY - n));
    Object.assign(answers, honest(...dates));
    answers[`/v1/days/${dates[0]}`] = (response: http.ServerResponse) => response.destroy();
    expect(await pull()).toBeUndefined();
    expect(peers.source('liar')!.trouble).toBe('unreachable');
    expect(peers.days(source).map(({ day }) => dateOf(day))).toEqual(
      [GOOD, dates[3], dates[1]].sort().filter((d, n, all) => all.indexOf(d) === n),
    );
    Object.assign(answers, honest(...dates));
    peer.asked.length = 0;
    await pull();
    expect(peer.asked.filter(url => /^\/v1\/days\/\d{4}-\d\d-\d\d$/.test(url))).toEqual([`/v1/days/${dates[0]}`]);
    answers['/v1/days'] = (response: http.ServerResponse, request: http.IncomingMessage) =>
      request.headers['if-none-match'] === '"tag"'
        ? response.writeHead(304).end()
        : response.writeHead(200, { etag: '"tag"' }).end(JSON.stringify(honest(...dates)['/v1/days']));
    await pull();
    peer.asked.length = 0;
    expect(await pull()).toEqual({ days: 0, left: 0 });
    expect(peer.asked).toHaveLength(1);
  });
});

describe('a peer that is slow, or away', () => {
  test.each<[string, (response: http.ServerResponse) => void]>([
    ['it never answers', () => {}],
    [
      'its answer drips',
      response => {
        response.writeHead(200);
        const timer = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(timer));
      },
    ],
  ])('%s', async (_, answer) => {
    const before = kept();
    answers['/v1/days'] = answer;
    expect(await pull(100)).toBeUndefined();
    const { trouble, troubleText } = peers.source('liar')!;
    expect([trouble, troubleText]).toEqual(['unreachable', expect.stringContaining('no whole answer within 0.1 s')]);
    expect(kept()).toBe(before);
  });

  test.each([429, 408])('it asks for time with %i, and gets it', async status => {
    Object.assign(answers, honest(GOOD, BAD));
    let refused = 0;
    answers[`/v1/days/${BAD}`] = (response: http.ServerResponse) => {
      if (refused++ === 0) response.writeHead(status, { 'retry-after': '1' }).end('{}');
      else response.end(JSON.stringify(total(BAD)));
    };
    const started = Date.now();
    expect(await pull()).toEqual({ days: 1, left: 0 });
    expect(Date.now() - started).toBeGreaterThanOrEqual(990);
  });

  test('days beyond the last 400 go, of peers', async () => {
    const [old] = peers.days(source);
    peers.putDay(source, { ...old!, day: old!.day - 399 }, {});
    peers.putDay(source, { ...old!, day: old!.day - 400 }, {});
    expect(peers.days(source).map(({ day }) => old!.day - day)).toEqual([399, 0]);
  });

  test('told to end, it ends at once', async () => {
    answers['/v1/days'] = () => {};
    const ending = new AbortController();
    const started = Date.now();
    setTimeout(() => ending.abort(), 50);
    await pullNoted(peers, source, { now: () => NOW, signal: ending.signal });
    expect(Date.now() - started).toBeLessThan(2000);
    expect(peers.source('liar')!.trouble).toBeNull(); // it is no fault of the peer's
  });

  test('a token or an authority that cannot be read is ours to mend', async () => {
    const gone = path.join(dir, 'gone');
    peers.addPeer({ name: 'mine', url: peer.url, tokenFile: gone }, 0);
    await pullNoted(peers, peers.source('mine')!, { now: () => NOW });
    expect(peers.source('mine')!.trouble).toBe('files');
  });
});
