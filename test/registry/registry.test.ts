/** Who may send: tokens, keys, revocation, networks, and what is kept of the past. */
import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Registry, RegistryError } from '../../collector/registry/registry.ts';

const NOW = Date.UTC(2026, 2, 2, 12);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let dir: string;
let registry: Registry;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-registry-'));
  registry = Registry.open(path.join(dir, 'registry.db'), { actor: 'tester' });
  registry.addOrganisation({ name: 'example', title: 'Example University' }, NOW);
});
afterEach(() => {
  registry.close();
  fs.rmSync(dir, { recursive: true });
});

const newKey = () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { text: publicKey.export({ format: 'jwk' }).x!, privateKey };
};
const add = (name = 'tokyo-1', networks = ['192.0.2.0/24'], economy = 'JP') =>
  registry.addSensor({ name, owner: 'example', economy, networks }, NOW);
const enrol = (token: string, atMs = NOW, publicKey = newKey().text) => registry.enrol({ token, publicKey }, atMs);

describe('enrolment', () => {
  it('gives a key an owner, with what the sensor needs to know', () => {
    const { sensor, token } = add();
    const { text, privateKey } = newKey();
    const enrolment = registry.enrol({ token, publicKey: text }, NOW)!;
    expect(enrolment).toMatchObject({
      sensor: sensor.id,
      name: 'tokyo-1',
      economy: 'JP',
      networks: ['192.0.2.0/24'],
      epoch: 1,
    });
    const owner = registry.keyOwner(enrolment.keyId, NOW)!;
    expect(owner.sensor).toEqual({ ...sensor, index: 0 });
    const message = Buffer.from('signed');
    expect(verify(null, message, owner.publicKey, sign(null, message, privateKey))).toBe(true);
  });

  it('takes a token once, and only before it expires', () => {
    const { token } = add();
    expect(enrol(token, NOW + DAY_MS)).toBeUndefined();
    expect(enrol(token, NOW + DAY_MS - 1)).toBeDefined();
    expect(enrol(token, NOW)).toBeUndefined();
  });

  it('takes no other token and no other key, and keeps the token for the right one', () => {
    const { token } = add();
    const secret = token.slice(-43);
    const garbage = [
      '',
      'enaga_',
      secret,
      token.slice(0, -1),
      `${token} `,
      token.replace(secret, randomBytes(32).toString('base64url')),
      token.replace(/_[0-9a-f]{8}_/, '_00000000_'),
      `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`,
      "' OR 1=1 --",
      'x'.repeat(60_000),
    ];
    for (const wrong of garbage) expect(enrol(wrong), wrong.slice(0, 60)).toBeUndefined();
    const key = newKey().text;
    for (const wrong of ['', key.slice(1), `${key}AA`, `${key}=`, `${key.slice(0, -1)}!`, 'ä'.repeat(43)])
      expect(enrol(token, NOW, wrong), wrong).toBeUndefined();
    expect(enrol(token)).toBeDefined();
  });

  it('is told again to the same token with the same key, also after a restart, within the hour, while both are good, and changes nothing', () => {
    const { token } = add();
    const key = newKey().text;
    const first = registry.enrol({ token, publicKey: key }, NOW);
    const restarted = <T>(ask: (later: Registry) => T): T => {
      const later = Registry.open(path.join(dir, 'registry.db'), { nextEpoch: () => 9 });
      try {
        return ask(later);
      } finally {
        later.close();
      }
    };
    const again = (atMs = NOW, publicKey = key, withToken = token) =>
      restarted(later => later.enrol({ token: withToken, publicKey }, atMs));
    expect(first).toMatchObject({ epoch: 1, isAgain: false });
    expect(registry.enrol({ token, publicKey: key }, NOW)).toEqual({ ...first, isAgain: true });
    for (const atMs of [NOW, NOW + HOUR_MS - 1]) expect(again(atMs)).toEqual({ ...first, isAgain: true });
    expect(again(NOW + HOUR_MS)).toBeUndefined();
    expect(again(NOW, newKey().text)).toBeUndefined();
    const other = add('other', ['198.51.100.0/24']);
    const theirs = newKey().text;
    expect(enrol(other.token, NOW, theirs)).toBeDefined();
    for (const [one, publicKey] of [
      [token, theirs],
      [other.token, key],
    ] as const)
      expect(again(NOW, publicKey, one)).toBeUndefined();
    const enrolments = () => registry.audit(0, 99).filter(({ action }) => action === 'enrol').length;
    expect([enrolments(), registry.keys(0).length]).toEqual([1, 1]);

    const next = registry.rotate('tokyo-1', NOW + 1).token;
    expect(again()).toEqual({ ...first, isAgain: true }); // nobody has used the other one
    const second = { ...enrol(next, NOW + 1, key), isAgain: true }; // of the same key, so what is good is of the second token alone
    expect([again(), again(NOW + 1, key, next)]).toEqual([undefined, second]);
    const unused = registry.rotate('tokyo-1', NOW + 1).token;
    registry.rotate('tokyo-1', NOW + 1); // at the very time at which that key began, which it did not take
    expect(again(NOW + 1, key, unused)).toBeUndefined();
    const short = registry.rotate('tokyo-1', NOW + 1, { expiresInMs: 2 }).token;
    expect(enrol(short, NOW + 1, key)).toBeDefined();
    expect([NOW + 2, NOW + 3].map(atMs => again(atMs, key, short)?.isAgain)).toEqual([true, undefined]);
    registry.revoke('tokyo-1', NOW + 2);
    expect(again(NOW + 2, key, short)).toBeUndefined();
  });

  it('begins beyond every epoch given out before, and every one the log knows', () => {
    const { token } = add();
    expect(enrol(token)?.epoch).toBe(1);
    expect(enrol(registry.rotate('tokyo-1', NOW).token)?.epoch).toBe(2);
    let used = 9;
    const knowing = Registry.open(path.join(dir, 'registry.db'), { nextEpoch: () => used });
    const again = () =>
      knowing.enrol({ token: registry.rotate('tokyo-1', NOW).token, publicKey: newKey().text }, NOW)?.epoch;
    expect(again()).toBe(9);
    used = 4;
    expect(again()).toBe(10);
    knowing.close();
  });
});

describe('a key', () => {
  it('is good for the overlap after another took its place, and no longer', () => {
    const old = enrol(add().token)!.keyId;
    const { token } = registry.rotate('tokyo-1', NOW, { overlapMs: HOUR_MS });
    expect(registry.keyOwner(old, NOW + DAY_MS)).toBeDefined(); // nobody has enrolled yet
    const { keyId } = enrol(token, NOW + HOUR_MS)!;
    const good = (id: string, atMs: number) => registry.keyOwner(id, atMs) !== undefined;
    expect([good(old, NOW + 2 * HOUR_MS - 1), good(old, NOW + 2 * HOUR_MS)]).toEqual([true, false]);
    const third = enrol(registry.rotate('tokyo-1', NOW).token, NOW + HOUR_MS)!.keyId;
    expect([good(old, NOW + 2 * HOUR_MS), good(keyId, NOW + 2 * HOUR_MS)]).toEqual([false, true]); // not prolonged
    expect([good(keyId, NOW + 25 * HOUR_MS), good(third, NOW + 9999 * DAY_MS)]).toEqual([false, true]);
  });

  it('is void with the next look after another process revoked its sensor', () => {
    const { keyId } = enrol(add().token)!;
    const { token } = registry.rotate('tokyo-1', NOW);
    expect(registry.keyOwner(keyId, NOW)).toBeDefined();
    const other = Registry.open(path.join(dir, 'registry.db'));
    other.revoke('tokyo-1', NOW);
    expect(registry.keyOwner(keyId, NOW)).toBeUndefined();
    expect(enrol(token)).toBeUndefined();
    expect(() => registry.rotate('tokyo-1', NOW)).toThrow('sensor tokyo-1 is revoked');
    other.close();
  });

  it('tells of the networks another process has given its sensor', () => {
    const { keyId } = enrol(add().token)!;
    expect(registry.keyOwner(keyId, NOW)?.sensor.networks).toEqual(['192.0.2.0/24']);
    const other = Registry.open(path.join(dir, 'registry.db'));
    other.change('tokyo-1', { networks: ['198.51.100.0/24'] }, NOW);
    other.close();
    expect(registry.keyOwner(keyId, NOW)?.sensor.networks).toEqual(['198.51.100.0/24']);
    expect(registry.keyOwner('no such key', NOW)).toBeUndefined();
  });

  it('voids the token before when there is another', () => {
    const { token } = add();
    const next = registry.rotate('tokyo-1', NOW).token;
    expect([enrol(token), enrol(next)?.sensor]).toEqual([undefined, registry.find('tokyo-1')!.id]);
  });
});

describe('sensors', () => {
  it('of which two would see the same packet are refused, with the reason', () => {
    add('a', ['192.0.2.0/25', '2001:db8::/33']);
    for (const [networks, reason] of [
      [['192.0.2.5'], '192.0.2.5/32 overlaps with 192.0.2.0/25, which sensor a observes'],
      [['192.0.0.0/16'], '192.0.0.0/16 overlaps with 192.0.2.0/25'],
      [['198.51.100.0/24', '2001:db8:1::/48'], '2001:db8:1::/48 overlaps with 2001:db8::/33'],
      [['198.51.100.0/24', '198.51.100.9'], '198.51.100.0/24 and 198.51.100.9/32 overlap'],
      [['198.51.100.0/33'], "'198.51.100.0/33' is no network"],
      [[], '1 to 256 networks'],
    ] as const)
      expect(() => add('b', [...networks])).toThrow(reason);
    expect(registry.find('b')).toBeUndefined(); // nothing of a refused one is left
    add('b', ['192.0.2.128/25', '2001:db8:8000::/33']);
    registry.revoke('a', NOW);
    expect(add('c', ['192.0.2.7/24'.replace('/24', '/26')]).sensor.networks).toEqual(['192.0.2.0/26']);
  });

  it('have names and economies of a form, and an owner there is', () => {
    for (const name of ['', 'a b', 'x'.repeat(65), '../a', 'ä']) expect(() => add(name)).toThrow(RegistryError);
    for (const economy of ['', 'jp', 'JPN', 'J1', 'ÄÖ'])
      expect(() => add('a', ['192.0.2.0/24'], economy)).toThrow(economy);
    const orphan = { name: 'a', owner: 'nobody', economy: 'JP', networks: ['192.0.2.0/24'] };
    expect(() => registry.addSensor(orphan, NOW)).toThrow('there is no organisation nobody');
    expect(() => registry.addOrganisation({ name: 'example' }, NOW)).toThrow('already');
  });

  it('keep their number for ever, and their name', () => {
    expect([add('a', ['192.0.2.0/26']), add('b', ['192.0.2.64/26'])].map(({ sensor }) => sensor.index)).toEqual([0, 1]);
    registry.revoke('b', NOW + 5);
    expect(() => add('b', ['192.0.2.128/26'])).toThrow(
      'there is a sensor b already, revoked for good: take another name',
    );
    expect(add('c', ['192.0.2.128/26']).sensor.index).toBe(2);
    expect(registry.sensors().map(({ name, revokedMs }) => [name, revokedMs])).toEqual([
      ['a', null],
      ['b', NOW + 5],
      ['c', null],
    ]);
  });

  it('are known as they were at any time', () => {
    add();
    registry.addOrganisation({ name: 'other' }, NOW);
    registry.change('tokyo-1', { owner: 'other', networks: ['192.0.2.0/25'] }, NOW + 1);
    registry.change('tokyo-1', { economy: 'KR' }, NOW + 2);
    expect(registry.find('tokyo-1')).toMatchObject({ owner: 'other', economy: 'KR', networks: ['192.0.2.0/25'] });
    expect(
      registry.placements().map(({ fromMs, owner, economy, networks }) => [fromMs - NOW, owner, economy, ...networks]),
    ).toEqual([
      [0, 'example', 'JP', '192.0.2.0/24'],
      [1, 'other', 'JP', '192.0.2.0/25'],
      [2, 'other', 'KR', '192.0.2.0/25'],
    ]);
  });

  it('may be excluded from days, which are told with the reason', () => {
    add();
    registry.exclude('tokyo-1', 20_514, 20_515, 'flooded', NOW);
    expect(() => registry.exclude('tokyo-1', 5, 4, 'x', NOW)).toThrow('before the first');
    expect(() => registry.exclude('tokyo-1', 5, 5, ' ', NOW)).toThrow('reason');
    expect(registry.exclusions()).toEqual([{ sensor: 0, from: 20_514, to: 20_515, reason: 'flooded', createdMs: NOW }]);
    expect([20_513, 20_515].map(day => registry.exclusionChangedMs(day))).toEqual([0, NOW]);
  });

  it('may be included again, on some of the days or all, which is kept', () => {
    add();
    registry.exclude('tokyo-1', 10, 20, 'flooded', NOW);
    registry.exclude('tokyo-1', 18, 30, 'mended', NOW + 1);
    const days = () => registry.exclusions().map(({ from, to, reason }) => [from, to, reason]);
    expect(() => registry.include('tokyo-1', 31, 40, NOW)).toThrow('not excluded');
    expect(() => registry.include('tokyo-1', 12, 11, NOW)).toThrow('before the first');
    expect(registry.include('tokyo-1', 19, 19, NOW + 2)).toBe(2);
    expect(days()).toEqual([
      [10, 18, 'flooded'],
      [20, 20, 'flooded'],
      [18, 18, 'mended'],
      [20, 30, 'mended'],
    ]);
    expect([9, 14, 19].map(day => registry.exclusionChangedMs(day))).toEqual([0, NOW + 2, NOW + 2]);
    registry.include('tokyo-1', 0, 99, NOW + 3);
    expect(days()).toEqual([]);
    expect(registry.exclusionChangedMs(10)).toBe(NOW + 3);
    expect(registry.audit(0, 2).map(({ action }) => action)).toEqual(['sensor include', 'sensor include']);
  });

  it('have an account of all that was done to them, by whom', () => {
    enrol(add().token);
    registry.rotate('tokyo-1', NOW + 1);
    registry.revoke('tokyo-1', NOW + 2);
    expect(registry.audit(0, 10).map(({ atMs, actor, action }) => [atMs - NOW, actor, action])).toEqual([
      [2, 'tester', 'sensor revoke'],
      [1, 'tester', 'sensor rotate'],
      [0, 'tester', 'enrol'],
      [0, 'tester', 'sensor add'],
    ]);
  });
});

it('keeps no token, nor a part of one that is secret, in any file', () => {
  const used = add('a', ['192.0.2.0/25']).token;
  const open = add('b', ['192.0.2.128/25']).token;
  enrol(used);
  const rotated = registry.rotate('a', NOW).token;
  const files = fs.readdirSync(dir).map(name => fs.readFileSync(path.join(dir, name)));
  expect(files.length).toBeGreaterThan(1);
  const holds = (needle: string | Buffer) => files.some(bytes => bytes.includes(needle));
  expect(holds('Example University')).toBe(true);
  for (const token of [used, open, rotated]) {
    const secret = token.slice(-43);
    for (const part of [secret.slice(0, 8), secret.slice(-8), Buffer.from(secret, 'base64url').subarray(0, 6)])
      expect(holds(part)).toBe(false);
  }
});
