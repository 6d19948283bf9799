/** Machines that are set back to an earlier state: a collector restored from a backup, a sensor's disk of yesterday. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SensorStatus } from '../../common/protocol/messages.ts';
import { Observatory, type SensorPlace } from '../support/observatory.ts';
import { replayed, writeDays } from './captures.ts';
import { loggedAt, storedBy } from './support.ts';

const TOKYO: SensorPlace = { name: 'tokyo', economy: 'JP', network: '192.0.2.0/24' };
const NAIROBI: SensorPlace = { name: 'nairobi', economy: 'KE', network: '203.0.113.0/24' };

let observatory: Observatory;
beforeEach(async () => {
  observatory = new Observatory();
  await observatory.init();
  await observatory.serve();
});
afterEach(() => observatory.remove());

const read = ({ name }: SensorPlace, captures: readonly string[]) =>
  observatory.sensor(name, ['run', '--quiet', '--read', ...captures]);

async function expectFigures(captures: readonly string[]): Promise<void> {
  const [said, expected] = await Promise.all([storedBy(observatory), replayed(captures)]);
  expect(said.records).toBe(expected.records);
  expect(said.days).toEqual(expected.days);
}

it('fault 15: a collector restored from a backup gets again what came after it, and its totals are equal', async () => {
  const places = [TOKYO, NAIROBI];
  for (const place of places) await observatory.addSensor(place);
  const before = places.map(place => writeDays(observatory.folder, place, 0, 1));
  const after = places.map(place => writeDays(observatory.folder, place, 1, 1));
  await Promise.all(places.map((place, n) => read(place, before[n]!)));
  const backup = path.join(observatory.folder, 'backup');
  await observatory.enaga(['backup', '--to', backup]);
  const kept = loggedAt(observatory.data).length;
  await Promise.all(places.map((place, n) => read(place, after[n]!)));
  const all = loggedAt(observatory.data).length;
  expect(all).toBeGreaterThan(kept);

  await observatory.stop('SIGKILL');
  fs.rmSync(observatory.data, { recursive: true });
  await observatory.enaga(['restore', '--from', backup]);
  await observatory.serve();
  expect(loggedAt(observatory.data)).toHaveLength(kept);
  // They read nothing new: what they have acknowledged is asked for with their first heartbeat.
  await Promise.all(places.map((place, n) => read(place, after[n]!)));
  expect(loggedAt(observatory.data)).toHaveLength(all);
  await expectFigures([...before, ...after].flat());
  const status: SensorStatus = JSON.parse((await observatory.sensor('tokyo', ['status', '--json'])).stdout);
  expect(status).toMatchObject({ lost: { batches: 0 }, spooled: { batches: 0 }, alarms: [] });
  expect(status.seen).toBe(status.shipped.records);
});

it('fault 9: a sensor set back to an earlier state opens a new epoch, and both pasts are counted', async () => {
  await observatory.addSensor(TOKYO);
  const [first, second, third] = writeDays(observatory.folder, TOKYO, 0, 3) as [string, string, string];
  await read(TOKYO, [first]);
  const yesterday = path.join(observatory.folder, 'yesterday');
  fs.cpSync(observatory.state('tokyo'), yesterday, { recursive: true });
  await read(TOKYO, [second]);
  const original = loggedAt(observatory.data);
  fs.rmSync(observatory.state('tokyo'), { recursive: true });
  fs.renameSync(yesterday, observatory.state('tokyo'));

  const { stderr } = await read(TOKYO, [third]);
  expect(stderr).toContain('epoch 2 begins');
  const logged = loggedAt(observatory.data);
  expect(logged.slice(0, original.length)).toEqual(original);
  expect(new Set(logged.map(({ epoch }) => epoch))).toEqual(new Set([1, 2]));
  await expectFigures([first, second, third]);
  const { stdout } = await observatory.sensor('tokyo', ['status', '--json'], 1);
  const status: SensorStatus = JSON.parse(stdout);
  expect(status.alarms).toEqual([expect.stringContaining('as after a machine was set back or copied')]);
  expect(status.spooled.batches + status.lost.batches).toBe(0);
  expect(observatory.said).toMatch(/"sensor":"tokyo","epoch":1,.*conflict/);
});
