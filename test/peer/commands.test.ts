/** `enaga peer` as people meet it: what it says, and what it refuses before anything is kept. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from './run.ts';

let dir: string;
const peer = (...args: string[]) => run(path.join(dir, 'data'), 'peer', ...args);
beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-peer-'));
  await run(path.join(dir, 'data'), 'init');
  fs.writeFileSync(path.join(dir, 'token'), 'a-token');
});
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

test('before there is a peer', async () => {
  for (const verb of ['list', 'pull'])
    expect((await peer(verb)).stdout).toBe('no peer yet: enaga peer add NAME --url URL\n');
  expect((await peer('remove', 'x')).stderr).toBe('enaga peer remove: no peer or import is called x\n');
  expect((await peer('pull', 'x')).stderr).toBe('enaga peer pull: no peer is called x\n');
});

test.each([
  [2, ['add', 'x', '--url', 'collector.example'], 'It takes a URL'],
  [2, ['add', 'x', '--url', 'https://user@collector.example'], 'It takes a URL'],
  [2, ['add', 'x', '--url', 'https://collector.example/v1'], 'It takes a URL'],
  [2, ['add', 'x'], "required option '--url"],
  [1, ['add', 'own', '--url', 'https://collector.example'], 'is not own'],
  [1, ['add', '<b>', '--url', 'https://collector.example'], 'a name has small letters'],
  [1, ['add', 'x', '--url', 'https://collector.example', '--ca', '/nowhere.pem'], 'no such file'],
  [1, ['add', 'x', '--url', 'http://collector.example', '--token-file', 'TOKEN'], 'the token would go over HTTP'],
  [
    2,
    ['add', 'x', '--url', 'https://collector.example', '--public', '--token-file', 'TOKEN'],
    'leave --token-file out',
  ],
] as const)('exit code %i: %j', async (code, args, text) => {
  const ran = await peer(...args.map(one => (one === 'TOKEN' ? path.join(dir, 'token') : one)));
  expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(text)]);
  expect(ran.stderr).not.toContain('a-token');
  expect((await peer('list', '--json')).stdout).toBe('[]\n');
});

test('a name is taken once; the file of the token is named, and never what is in it', async () => {
  const add = () => peer('add', 'jakarta', '--url', 'http://127.0.0.1:9', '--token-file', path.join(dir, 'token'));
  expect((await add()).stdout).toContain('peer jakarta is added, and read as a member');
  expect((await add()).stderr).toBe('enaga peer add: jakarta is there already\n');
  const [told] = JSON.parse((await peer('list', '--json')).stdout);
  expect(told).toMatchObject({
    name: 'jakarta',
    kind: 'peer',
    readAs: 'a member',
    public: false,
    days: 0,
    trouble: null,
  });
  expect(fs.readFileSync(path.join(dir, 'data', 'peers.db'), 'latin1')).not.toContain('a-token');
  expect((await peer('days', 'jakarta')).stderr).toBe('enaga peer days: nothing is kept of jakarta\n');
  expect((await peer('remove', 'jakarta')).stdout).toBe('peer jakarta is forgotten, with its days\n');
});

test('what was added and removed is in the audit, with who did it', async () => {
  await peer('add', 'nairobi', '--url', 'https://enaga.example.ke', '--public');
  await peer('remove', 'nairobi');
  await peer('remove', 'nairobi'); // there is none any more: nothing was done
  const { stdout } = await run(path.join(dir, 'data'), 'audit', '--all', '--json');
  const told = JSON.parse(stdout).filter(({ detail }: { detail: { name?: string } }) => detail.name === 'nairobi');
  expect(told.map(({ action, detail }: { action: string; detail: object }) => [action, detail])).toEqual([
    ['peer remove', { name: 'nairobi', kind: 'peer' }],
    ['peer add', { name: 'nairobi', url: 'https://enaga.example.ke', readAs: 'anyone', public: true }],
  ]);
  expect(told.map(({ actor }: { actor: string }) => actor)).toEqual(Array(2).fill(os.userInfo().username));
});
