/** What a process that pushes leaves when it is killed, and what a thread of `enaga serve` does by itself. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { DEFAULTS } from '../../collector/commands/config.ts';
import { dataPaths } from '../../collector/commands/data.ts';
import { pushPlace } from '../../collector/commands/push-place.ts';
import { PUBLIC_RULE } from '../../collector/publish/roles/roles.ts';
import { type PushCount, type PushWord, startPushing } from '../../collector/push/background.ts';
import { isMorning, minutesOf } from '../../collector/push/morning.ts';
import { backoffMs } from '../../collector/push/round.ts';
import { takeLock } from '../../common/sqlite/lock.ts';
import { DATES, makeSite, type Site } from '../publish/api/support.ts';
import { root } from '../support/enaga.ts';
import { addSender, Receiver, run } from './support.ts';

let site: Site;
let receiver: Receiver;
beforeAll(async () => {
  site = await makeSite();
  addSender(site);
  receiver = await Receiver.open(site.made.dir);
});
afterAll(async () => {
  receiver.close();
  await site.close();
});
beforeEach(() => void receiver.posts.splice(0));

const push = (...args: string[]) => run('push', ...args, '--data', site.made.dir);
const FORMATS = ['intelmq', 'shadowserver'];
const add = (name: string) => {
  const to = ['--url', receiver.url, '--ca', receiver.caFile, '--format', ...FORMATS];
  return push('add', name, '--member', 'kr-csirt', '--since', DATES[0], ...to);
};
const WANTED = 3 * FORMATS.length;
const idOf = ({ headers }: Receiver['posts'][number]) => String(headers['webhook-id']);

test('killed when a file had arrived and before that was written down: it comes again under the same key, others once', async () => {
  await add('killed');
  const killedAt: string[] = [];
  for (const nth of [1, 3]) {
    const args = ['push', 'run', '--target', 'killed', '--data', site.made.dir];
    const child = spawn(process.execPath, [path.join(root, 'collector', 'main.ts'), ...args], { stdio: 'ignore' });
    let count = 0;
    receiver.answer = post => {
      if (++count < nth) return [204];
      killedAt.push(idOf(post));
      child.kill('SIGKILL');
      return undefined;
    };
    const [, signal] = await once(child, 'close');
    expect(signal).toBe('SIGKILL');
  }
  receiver.answer = () => [204];
  const last = await push('run', '--target', 'killed');
  expect([last.code, last.stderr]).toEqual([0, '']);
  const byId = Map.groupBy(receiver.posts, idOf);
  expect(byId.size).toBe(WANTED);
  for (const [id, posts] of byId) {
    const times = 1 + killedAt.filter(one => one === id).length;
    const bodies = new Set(posts.map(({ body }) => createHash('sha256').update(body).digest('hex')));
    expect([posts.length, bodies.size]).toEqual([times, 1]);
  }
  const log = JSON.parse((await push('log', '--target', 'killed', '--json')).stdout);
  expect(log.map(({ state }: { state: string }) => state)).toEqual(Array(WANTED).fill('delivered'));
  const interrupted = log.reduce((sum: number, one: { interrupted: number }) => sum + one.interrupted, 0);
  expect(interrupted).toBe(killedAt.length);
  expect((await push('log', '--target', 'killed')).stdout).toMatch(/delivered +[\d,]+ +2 tries; 1 interrupted$/m);
});

test('the thread of enaga serve: in the morning, once, and not while another process is at it', async () => {
  await push('remove', 'killed');
  await add('by-thread');
  const paths = dataPaths(site.made.dir);
  const place = pushPlace(paths, DEFAULTS);
  const pushed = async (atMinutes: number) => {
    const words: PushWord[] = [];
    const pushing = startPushing({ place, atMinutes, rule: PUBLIC_RULE }, word => words.push(word));
    return { words, pushing };
  };
  const lock = takeLock(paths.pushLock);
  const waiting = await pushed(0);
  await new Promise(resolve => setTimeout(resolve, 700));
  await waiting.pushing.stop();
  expect([receiver.posts.length, waiting.words]).toEqual([0, []]);
  expect((await push('run')).stderr).toMatch(/^enaga push run: enaga serve is pushing now/);
  lock.release();

  const first = await pushed(0);
  await expect.poll(() => receiver.posts.length, { timeout: 20_000 }).toBe(WANTED);
  await expect.poll(() => first.words, { timeout: 10_000 }).toEqual([{ level: 'info', text: 'pushed: 6 delivered' }]);
  await first.pushing.stop();
  const second = await pushed(0);
  await new Promise(resolve => setTimeout(resolve, 700));
  await second.pushing.stop();
  expect([receiver.posts.length, second.words]).toEqual([WANTED, []]);
});

test('without a sender it says so, and sends nothing', async () => {
  await add('unsent');
  const place = pushPlace(dataPaths(site.made.dir), DEFAULTS);
  const kept = fs.readFileSync(place.senderFile);
  fs.rmSync(place.senderFile);
  const words: PushWord[] = [];
  const book = await import('../../collector/push/book.ts').then(({ Book }) => Book.open(place.book));
  book.noteQueued(-1);
  book.close();
  const pushing = startPushing({ place, atMinutes: 0, rule: PUBLIC_RULE }, word => words.push(word));
  await expect.poll(() => words, { timeout: 10_000 }).toHaveLength(1);
  await pushing.stop();
  expect(words).toEqual([{ level: 'warn', text: 'nothing can be pushed: exports.json does not say who sends' }]);
  expect(receiver.posts).toEqual([]);

  // Said at last, it holds from the next look on, without a restart; and what waits is counted.
  fs.writeFileSync(place.senderFile, kept);
  const counts: PushCount[] = [];
  const again = startPushing(
    { place, atMinutes: 0, rule: PUBLIC_RULE },
    word => words.push(word),
    one => counts.push(one),
  );
  await expect.poll(() => receiver.posts.length, { timeout: 20_000 }).toBe(WANTED);
  await again.stop();
  const outcomes = counts.flatMap(one => (one.kind === 'file' ? [`${one.target} ${one.outcome}`] : []));
  expect(outcomes.filter(one => one === 'unsent delivered')).toHaveLength(WANTED);
  expect(counts.filter(({ kind }) => kind === 'waiting').at(-1)).toEqual({ kind: 'waiting', files: 0, sinceMs: null });
});

test('what waits, and since when', async () => {
  await add('late');
  const { Book } = await import('../../collector/push/book.ts');
  const book = Book.open(dataPaths(site.made.dir).push);
  const file = { day: 20_000, country: 'KR', format: 'stix', revision: 1 };
  book.queue(book.existing('late'), [file], 5000);
  book.queue(book.existing('late'), [{ ...file, day: 20_001 }], 7000);
  expect(book.outstanding()).toEqual({ files: 2, sinceMs: 5000 });
  expect(book.done(book.existing('late'))).toEqual(new Map());
  const [first] = book.waiting(book.existing('late'), 8000);
  book.settle(first!, 'delivered', 8000);
  expect(book.outstanding()).toEqual({ files: 1, sinceMs: 7000 });
  expect(book.done(book.existing('late'))).toEqual(new Map([['20000 KR stix', 1]]));
  book.remove('late', 9000);
  expect(book.outstanding()).toEqual({ files: 0, sinceMs: null });
  book.close();
});

test('mornings and waits', () => {
  const at = minutesOf('06:00');
  const time = (text: string) => Date.parse(`2026-03-10T${text}Z`);
  const day = Date.parse('2026-03-10T00:00Z') / 86_400_000;
  expect(isMorning(time('05:59:59'), at, day - 1)).toBe(false);
  expect(isMorning(time('06:00:00'), at, day - 1)).toBe(true);
  expect(isMorning(time('23:00:00'), at, day)).toBe(false);
  expect(isMorning(time('05:00:00'), at, day - 3)).toBe(true); // it stood still for days
  expect([0, 1, 2, 6, 7, 50].map(n => backoffMs(n) / 60_000)).toEqual([5, 10, 20, 320, 360, 360]);
});
