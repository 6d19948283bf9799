/** What was sent and nobody said a word on: it goes again under the same key, and counts as there where another revision is empty. */
import fs from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sendMail } from '../../collector/push/mail.ts';
import { post } from '../../collector/push/webhook.ts';
import { DATES, FIRST_DAY, fold, makeSite, type Site } from '../publish/api/support.ts';
import { MailServer } from '../support/mail-server.ts';
import { blocksOf } from '../support/sealed-log.ts';
import { addSender, Receiver, run } from './support.ts';

let site: Site;
let receiver: Receiver;
beforeAll(async () => {
  site = await makeSite();
  addSender(site);
  receiver = await Receiver.open(site.made.dir);
  site.members.add({ organisation: 'alpha', countries: ['IS'] }, Date.now());
});
afterAll(async () => {
  receiver.close();
  await site.close();
});

const push = (...args: string[]) => run('push', ...args, '--data', site.made.dir);
const entries = async (target: string) => JSON.parse((await push('log', '--target', target, '--json')).stdout);
const logOf = async (target: string) =>
  (await entries(target)).find(({ date }: { date: string }) => date === DATES[0]) as object;

test('of a revision that may have arrived the empty one takes the place; of one that was refused it does not', async () => {
  for (const name of ['proxied', 'refused'])
    await push(
      ...['add', name, '--member', 'alpha', '--since', DATES[0], '--format', 'intelmq'],
      ...['--url', `${receiver.url}/${name}`, '--ca', receiver.caFile],
    );
  const once = {
    ...{ sensor: 6, family: 4 as const, hour: 24 * FIRST_DAY + 3, time: 5, src: [0x82d00001], dst: [0xc633064d] },
    ...{ protocol: 6, srcPort: 1, dstPort: 23, flags: 2, window: 1, seqFold: 0, tool: 0 },
  };
  site.made.append(...blocksOf([once], 1));
  await fold(site.made);
  receiver.answer = ({ path: at }) => [at === '/proxied' ? 524 : 403];
  const first = await push('run');
  expect(first.code).toBe(1);
  expect(first.stdout).toContain('proxied: failed (it answers 524; it may have arrived)\n');
  expect(first.stdout).toContain('refused: failed (it answers 403)\n');
  expect(await logOf('proxied')).toMatchObject({ state: 'waiting', unheard: 1 });
  expect(await logOf('refused')).toMatchObject({ state: 'waiting', unheard: 0 });
  await push('run', '--target', 'proxied');
  const ids = receiver.posts.filter(({ path: at }) => at === '/proxied').map(({ headers }) => headers['webhook-id']);
  expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
  expect((await push('log', '--target', 'proxied')).stdout).toMatch(/2 tries; 2 without a word on whether it arrived/);

  receiver.posts.length = 0;
  receiver.answer = () => [204];
  site.made.registry.exclude('s6', FIRST_DAY, FIRST_DAY, 'flooded', Date.now());
  await expect
    .poll(
      async () => {
        await fold(site.made);
        return (await push('run')).stdout;
      },
      { timeout: 20_000 },
    )
    .toContain('revision 3 -> proxied: delivered, 0 bytes');
  expect(receiver.posts.map(({ path: at, body }) => [at, body])).toEqual([['/proxied', '']]);
  expect((await entries('refused')).map(({ state }: { state: string }) => state)).not.toContain('delivered');
}, 60_000);

test('a connection that ends after all was sent leaves it open; one that is never made does not', async () => {
  const file = path.join(site.made.dir, 'file.json');
  fs.writeFileSync(file, '{}');
  const made = { path: file, name: 'file.json', mediaType: 'application/json', bytes: 2, sha256: '00'.repeat(32) };
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const server = net.createServer(socket => socket.on('data', piece => piece.includes('{}') && socket.destroy()));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const message = { id: 'enaga-1', headers: {}, file: made };
  const cut = await post({ url, secret, ca: null }, message, 0);
  expect(cut).toMatchObject({ kind: 'failed', isMaybe: true, why: expect.stringMatching(/; it may have arrived$/) });
  await new Promise(resolve => server.close(resolve));
  const refused = await post({ url, secret, ca: null }, message, 0);
  expect(refused).toEqual({ kind: 'failed', of: 'target', why: expect.stringContaining('ECONNREFUSED') });

  const mails = new MailServer();
  const settings = {
    host: '127.0.0.1',
    port: await mails.listen(),
    from: 'a@csirt.example',
    security: 'none' as const,
  };
  const mail = { id: 'enaga-1', to: ['soc@csirt.example'], subject: 'a', text: 'b', file: made };
  mails.answer = '451 later';
  expect(await sendMail(settings, mail)).not.toHaveProperty('isMaybe');
  mails.answer = undefined;
  expect(await sendMail(settings, mail)).toMatchObject({ kind: 'failed', isMaybe: true });
  mails.close();
  expect(await sendMail(settings, mail)).not.toHaveProperty('isMaybe');
});
