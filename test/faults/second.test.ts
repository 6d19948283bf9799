/** Two of what may be one alone: the second says so and leaves all as it is, and a killed first leaves no lock behind. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isLocked } from '../../common/sqlite/lock.ts';
import { Observatory, type SensorPlace } from '../support/observatory.ts';
import { replayed, writeDays } from './captures.ts';
import { storedBy } from './support.ts';

const TOKYO: SensorPlace = { name: 'tokyo', economy: 'JP', network: '192.0.2.0/24' };
const observatory = new Observatory();
beforeAll(async () => {
  await observatory.init();
  await observatory.serve();
});
afterAll(() => observatory.remove());

it('fault 3: a second collector on one log refuses to start, and the first goes on', async () => {
  const { stdout, stderr } = await observatory.enaga(['serve', '--listen', '127.0.0.1:0'], 1);
  expect([stdout, stderr]).toEqual([
    '',
    `enaga serve: ${observatory.data} is in use: another enaga serves or restores it\n`,
  ]);
  expect((await fetch(`${observatory.url}/readyz`)).status).toBe(200);
});

it('fault 3: a second sensor on one spool refuses to start; after a kill the next one has it at once', async () => {
  await observatory.addSensor(TOKYO);
  const captures = writeDays(observatory.folder, TOKYO, 0, 1);
  const run = ['run', '--quiet', '--read', ...captures];
  const first = observatory.startSensor('tokyo', [...run, '--pace', '6000x']); // a quarter of a minute for the day
  const lock = path.join(observatory.state('tokyo'), 'lock');
  await expect.poll(() => isLocked(lock), { timeout: 10_000 }).toBe(true);
  const second = await observatory.sensor('tokyo', run, 1);
  expect(second.stdout).toBe('');
  expect(second.stderr).toMatch(
    /^enaga-sensor run: another enaga-sensor runs on .*: stop it, or give this one a directory/,
  );
  first.child.kill('SIGKILL');
  expect((await first.outcome).signal).toBe('SIGKILL');
  await observatory.sensor('tokyo', run);
  const [said, expected] = await Promise.all([storedBy(observatory), replayed(captures)]);
  expect(said.days).toEqual(expected.days);
});
