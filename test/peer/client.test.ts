/** What `enaga pull` takes of a collector that means ill: never without end, never more than is said, and no name of its choice. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { ServerResponse } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { pullCommand } from '../../collector/commands/pull.ts';
import { Client, type ClientOptions, factsOf } from '../../collector/peer/client.ts';
import { runCommand } from '../support/admin.ts';
import { fakePeer } from './support.ts';

let dir: string;
const closing: (() => void)[] = [];
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-client-'));
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
  fs.rmSync(dir, { recursive: true, force: true });
});

const LIMITS = { triesMax: 1, listBytesMax: 10_000, rowsMax: 50, fileBytesMax: 5000 };

async function clientTo(answer: (url: string, response: ServerResponse) => void, more: Partial<ClientOptions> = {}) {
  const peer = await fakePeer(({ url = '' }, response) => answer(url, response));
  closing.push(() => peer.close());
  return { ...peer, client: new Client({ collector: new URL(peer.url), ...LIMITS, ...more }) };
}

const page = (rows: readonly unknown[], next: string | null) => JSON.stringify({ rows, next });

describe('a list', () => {
  test('of several pages is whole', async () => {
    const { client } = await clientTo((url, response) => {
      const n = Number(new URL(url, 'http://x').searchParams.get('cursor') ?? 0);
      response.end(page([n], n === 4 ? null : String(n + 1)));
    });
    expect(await client.rows('/v1/days')).toEqual([0, 1, 2, 3, 4]);
  });

  test('without end ends: by its rows, its bytes over all pages, its pages', async () => {
    let n = 0;
    const rows = await clientTo((_, response) => response.end(page(Array(20).fill(0), String(n++))));
    await expect(rows.client.rows('/v1/days')).rejects.toThrow('a list has more than 50 rows');
    expect(rows.asked).toHaveLength(3);
    const bytes = await clientTo((_, response) => response.end(page(['x'.repeat(4000)], String(n++))));
    await expect(bytes.client.rows('/v1/days')).rejects.toThrow(/a list is longer than \d+ bytes/);
    expect(bytes.asked).toHaveLength(3);
    const empty = await clientTo((_, response) => response.end(page([], String(n++))), { listBytesMax: 10 ** 9 });
    await expect(empty.client.rows('/v1/days')).rejects.toThrow('a list has more than 1000 pages');
    expect(empty.asked).toHaveLength(1000);
  });

  test('that comes back to the same page, or names it with a book, is none', async () => {
    const same = await clientTo((_, response) => response.end(page([1], 'again')));
    await expect(same.client.rows('/v1/days')).rejects.toThrow('comes back to the same page');
    expect(same.asked).toHaveLength(2);
    const long = await clientTo((_, response) => response.end(page([1], 'x'.repeat(257))));
    await expect(long.client.rows('/v1/days')).rejects.toThrow('what answers is no collector');
  });

  test('that unfolds to more than is taken is not unfolded', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 2 ** 20));
    const { client } = await clientTo((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    await expect(client.rows('/v1/days')).rejects.toThrow('a list is longer than 10000 bytes');
  });
});

describe('a file', () => {
  const told = (text: string) => ({ size: text.length, sha256: createHash('sha256').update(text).digest('hex') });
  const into = () => path.join(dir, 'file');

  test('announced as larger than is taken is not asked for', async () => {
    const { client, asked } = await clientTo((_, response) => response.end('x'));
    const wanted = { size: 5001, sha256: '0'.repeat(64) };
    await expect(client.download('/v1/f', into(), wanted)).rejects.toThrow(
      '/v1/f: a file of 5001 bytes, and at most 5000 are taken',
    );
    expect([asked, fs.readdirSync(dir)]).toEqual([[], []]);
  });

  test('whose size nobody told ends at what is taken, and leaves nothing', async () => {
    let written = 0;
    const { client } = await clientTo((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(1000))) written += 1000;
      };
      response.on('drain', more);
      more();
    });
    await expect(client.download('/v1/f', into())).rejects.toThrow('a file is longer than the 5000 bytes');
    expect(fs.readdirSync(dir)).toEqual([]);
    expect(written).toBeLessThan(50 * 2 ** 20);
  });

  test('after many others is taken no longer, however small each is; nor is one that comes wrong again and again', async () => {
    const { client, asked } = await clientTo((_, response) => response.end('x'.repeat(1000)), { filesBytesMax: 3500 });
    for (let n = 0; n < 3; n++) await client.download(`/v1/${n}`, into());
    const over = /of files at most \d+ bytes are taken at a time: the next run goes on/;
    await expect(client.download('/v1/3', path.join(dir, 'other'))).rejects.toThrow(over);
    expect([asked.length, fs.readdirSync(dir)]).toEqual([4, ['file']]);
    const limits = { triesMax: 5, filesBytesMax: 1500 };
    const wrong = await clientTo((_, response) => response.end('x'.repeat(1000)), limits);
    await expect(wrong.client.download('/v1/f', into(), { ...told('abc'), size: 1000 })).rejects.toThrow(over);
    expect(wrong.asked).toHaveLength(2);
  });

  test('that is longer, shorter or other than was told is refused', async () => {
    for (const text of ['abcd', 'ab', 'abd']) {
      const { client } = await clientTo((_, response) => response.end(text));
      await expect(client.download('/v1/f', into(), told('abc'))).rejects.toThrow('is not what was told');
      expect(fs.readdirSync(dir)).toEqual([]);
    }
    const { client } = await clientTo((_, response) => response.end('abc'));
    expect(await client.download('/v1/f', into(), told('abc'))).toEqual(told('abc'));
  });

  test('that is there is looked at piece by piece', () => {
    const bytes = Buffer.alloc(3 * 2 ** 20 + 7, 'enaga');
    fs.writeFileSync(into(), bytes);
    expect(factsOf(into())).toEqual({
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    expect(factsOf(path.join(dir, 'none'))).toBeUndefined();
  });
});

describe('enaga pull', () => {
  const DATE = '2026-03-01';
  const day = { date: DATE, state: 'closed', revision: 1 };
  const file = { name: 'total.csv', url: '/v1/x', size: 0, sha256: createHash('sha256').digest('hex') };

  async function pullFrom(days: readonly unknown[], files: readonly unknown[]) {
    const { url } = await clientTo((at, response) => {
      if (at.startsWith('/v1/days?')) response.end(page(days, null));
      else if (at.startsWith(`/v1/days/${DATE}/files`)) response.end(page(files, null));
      else response.end('');
    });
    const out = path.join(dir, 'out');
    const outcome = await runCommand([pullCommand], ['pull', '--collector', url, '--out', out]);
    return { ...outcome, there: fs.existsSync(path.join(out, DATE)) ? fs.readdirSync(path.join(out, DATE)) : [] };
  }

  test('takes what is right', async () => {
    expect(await pullFrom([day], [file])).toMatchObject({ code: 0, there: ['day.json', 'total.csv'] });
  });

  test('ends after a day, whatever it is at, and lets the next run go on', async () => {
    const timeout = AbortSignal.timeout;
    const spy = vi.spyOn(AbortSignal, 'timeout').mockImplementation(ms => timeout(ms === 86_400_000 ? 100 : ms));
    try {
      const { url } = await clientTo((_, response) => void response.write(' ')); // and never more
      const { code, stderr } = await runCommand(
        [pullCommand],
        ['pull', '--collector', url, '--out', path.join(dir, 'o')],
      );
      expect([code, stderr]).toEqual([1, 'enaga pull: it is not done after 24 hours: the next run goes on\n']);
    } finally {
      spy.mockRestore();
    }
    expect((await pullFrom([day], [file])).code).toBe(0);
  });

  test('tells who looks on that nothing is new, or that there is nothing; and cron neither', async () => {
    const { isTTY } = process.stdout;
    const nothing = 'nothing is public here yet: --token-file brings what a member of that collector may have\n';
    try {
      for (const [looks, said] of [
        [true, ['2026-03-01 revision 1: 1 file\n', 'nothing is new\n', nothing]],
        [false, ['2026-03-01 revision 1: 1 file\n', '', '']],
      ] as const) {
        process.stdout.isTTY = looks;
        fs.rmSync(path.join(dir, 'out'), { recursive: true, force: true });
        const days = [[day], [day], [{ ...day, state: 'open' }]];
        const told: string[] = [];
        for (const one of days) told.push((await pullFrom(one, [file])).stdout);
        expect(told).toEqual(said);
      }
    } finally {
      process.stdout.isTTY = isTTY;
    }
  });

  test.each([
    ['a name that leads elsewhere', { name: '../../total.csv' }],
    ['a hidden name', { name: '.total.csv' }],
    ['the name that the day is kept by', { name: 'day.json' }],
    ['a name without end', { name: `${'a'.repeat(40)}.csv` }],
    ['another place', { url: '//127.0.0.2/v1/x' }],
    ['a size that is none', { size: 1e300 }],
    ['a size beyond all disks', { size: 2 ** 52 }],
  ])('refuses %s', async (_, more) => {
    const { code, stderr, there } = await pullFrom([day], [{ ...file, ...more }]);
    expect([code, there]).toEqual([1, []]);
    expect(stderr).toMatch(/^enaga pull: (what answers is no collector|\/v1\/x: a file of \d+ bytes)/);
    expect(fs.readdirSync(dir)).toEqual(['out']);
  });

  test('refuses more files, or the same twice, and the same day twice', async () => {
    const many = Array.from({ length: 101 }, (_, n) => ({
      ...file,
      name: `t${'ab'[n % 2]}${[...String(n)].map(digit => 'abcdefghij'[Number(digit)]).join('')}.csv`,
    }));
    expect((await pullFrom([day], many)).stderr).toBe(
      'enaga pull: the collector lists 101, and at most 100 are taken\n',
    );
    expect((await pullFrom([day], [file, file])).stderr).toBe('enaga pull: the collector lists something twice\n');
    expect((await pullFrom([day, day], [file])).stderr).toBe('enaga pull: the collector lists something twice\n');
  });
});
