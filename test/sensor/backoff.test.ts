/** How long a sensor waits, whatever a server asks for; and what an answer is taken for. */
import { describe, expect, it } from 'vitest';
import { backoffMs, retryAfterMs, SOON, withJitter } from '../../sensor/ship/backoff.ts';
import { BadAddress, parseCollector, type Reply } from '../../sensor/ship/client.ts';
import { judge } from '../../sensor/ship/verdict.ts';

const NOW = Date.parse('2026-07-01T00:00:00Z');

it.each([
  ['0', 1000],
  ['-5', 1000],
  ['120', 120_000],
  ['1000000000', 3_600_000],
  ['99999999999999999999999', 3_600_000],
  ['Wed, 01 Jul 2026 00:00:30 GMT', 30_000],
  ['Wed, 01 Jul 1998 00:00:30 GMT', 1000],
  ['Fri, 01 Jan 2100 00:00:00 GMT', 3_600_000],
  ['soon', undefined],
  ['Wednesday, perhaps', undefined],
  ['1.5', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After %s is %s ms', (header, ms) => expect(retryAfterMs(header, NOW)).toBe(ms));

it('backs off over an interval that doubles up to its bound', () => {
  expect([1, 2, 3, 4].map(failures => backoffMs(failures, 1, SOON))).toEqual([1000, 2000, 4000, 8000]);
  expect(backoffMs(10_000, 1, SOON)).toBe(SOON.maxMs);
  expect(backoffMs(10_000, 0.5, SOON)).toBe(SOON.maxMs / 2);
  expect(backoffMs(1, 0, SOON)).toBeGreaterThan(0);
});

it('fault 14: spreads a thousand sensors that were asked for the same time', () => {
  const waits = Array.from({ length: 1000 }, (_, n) => withJitter(60_000, n / 1000));
  expect(Math.min(...waits)).toBe(60_000);
  expect(Math.max(...waits)).toBeGreaterThan(85_000);
});

describe('an answer to a batch', () => {
  const batch = { sensor: 's', epoch: 1, sequence: 2, sha256: 'ab' };
  const reply = (status: number, body: unknown, type = 'application/json'): Reply => ({
    status,
    type,
    retryAfter: undefined,
    date: undefined,
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  });
  const kind = (...args: Parameters<typeof reply>) => judge(reply(...args), batch).kind;
  const problem = 'application/problem+json';

  it('is an acknowledgement only if it is exactly ours', () => {
    expect(kind(200, batch)).toBe('acknowledged');
    for (const other of [
      { ...batch, sha256: 'ac' },
      { ...batch, sequence: 3 },
      { ...batch, epoch: '1' },
      { ...batch, more: 1 },
      { epoch: 1, sequence: 2, sha256: 'ab' },
      [batch],
      null,
      '<html>Please log in</html>',
      JSON.stringify(batch).slice(0, -1),
      '',
    ])
      expect(kind(200, other)).toBe('refused');
    expect(kind(201, batch)).toBe('refused');
  });

  it('is final only if the collector says so', () => {
    expect(kind(400, { type: 'urn:enaga:problem:malformed-batch' }, problem)).toBe('malformed');
    expect(kind(413, { type: 'urn:enaga:problem:too-large' }, problem)).toBe('malformed');
    expect(kind(400, { type: 'urn:enaga:problem:malformed-request' }, problem)).toBe('blocked');
    expect(kind(413, { title: 'Too large' }, problem)).toBe('blocked');
    expect(kind(400, { type: 'urn:enaga:problem:malformed-batch' }, 'text/html')).toBe('blocked');
    expect(kind(400, '<html>Bad request</html>', 'text/html')).toBe('blocked');
    expect(kind(413, 'not JSON', problem)).toBe('blocked');
  });

  it('opens an epoch only if it names a sound one', () => {
    expect(judge(reply(409, { nextEpoch: 7 }, problem), batch)).toEqual({ kind: 'conflict', nextEpoch: 7 });
    for (const nextEpoch of [0, -1, 1.5, 2 ** 32, '7', undefined])
      expect(kind(409, { nextEpoch }, problem)).toBe('refused');
  });

  it('is worth another try in every other case', () => {
    for (const status of [429, 503]) expect(kind(status, '')).toBe('later');
    for (const status of [301, 302, 401, 403, 404, 418, 500, 502]) expect(kind(status, '')).toBe('refused');
  });

  it('leaves no control characters in what is logged', () => {
    const verdict = judge(reply(400, { title: 'a\u001b[2Jb\n' }, problem), batch);
    expect(verdict).toMatchObject({ kind: 'blocked', why: '400 a?[2Jb?' });
  });
});

describe("a collector's address", () => {
  const parse = (text: string, insecureHttp = false) => parseCollector(text, { insecureHttp }).origin;
  it('is https, or http to this machine', () => {
    expect(parse('https://collector.example:8443')).toBe('https://collector.example:8443');
    for (const local of ['http://localhost:1', 'http://127.0.0.9:1', 'http://[::1]:1'])
      expect(parse(local)).toBe(local);
    expect(() => parse('http://collector.example')).toThrow('--insecure-http');
    expect(() => parse('http://127.evil.example')).toThrow('--insecure-http');
    expect(parse('http://collector.example', true)).toBe('http://collector.example');
  });
  it('is an origin alone', () => {
    for (const wrong of ['collector.example', 'ftp://x', 'https://a.example/path', 'https://user:pw@a.example'])
      expect(() => parse(wrong)).toThrow(BadAddress);
  });
});
