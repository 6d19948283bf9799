/** Replies that get lost on their way back, between a real sensor and a real collector. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Observatory, type SensorPlace } from '../support/observatory.ts';
import type { Random } from '../support/random.ts';
import { startRoughProxy } from '../support/rough-proxy.ts';
import { replayed, writeDays } from './captures.ts';
import { loggedAt, storedBy } from './support.ts';

const TOKYO: SensorPlace = { name: 'tokyo', economy: 'JP', network: '192.0.2.0/24' };

const observatory = new Observatory();
beforeAll(async () => {
  await observatory.init();
  await observatory.serve('--log-level', 'debug');
});
afterAll(() => observatory.remove());

it('fault 7: the acknowledgement is lost after the commit: the batch comes again, gets the same, and counts once', async () => {
  let swallow = 0;
  // No chance here: so many connections lose their reply, the others pass.
  const choice = { pick: () => (swallow-- > 0 ? 'swallowed' : 'passed'), below: () => 0 } as unknown as Random;
  const proxy = await startRoughProxy(() => new URL(observatory.url).host, choice);
  await observatory.addSensor(TOKYO, `http://${proxy.host}`);
  const captures = writeDays(observatory.folder, TOKYO, 0, 1, 1000);
  proxy.begin();
  swallow = 4;
  await observatory.sensor('tokyo', ['run', '--quiet', '--read', ...captures]);
  await proxy.close();
  expect(proxy.done.swallowed).toBe(4);
  const logged = loggedAt(observatory.data);
  const keys = logged.map(({ epoch, sequence }) => `${epoch}/${sequence}`);
  expect(new Set(keys).size).toBe(keys.length);
  const metrics = await (await fetch(`${observatory.url}/metrics`)).text();
  const outcome = (name: string) =>
    Number(new RegExp(`batches_total\\{outcome="${name}"\\} (\\d+)`).exec(metrics)?.[1] ?? 0);
  expect(outcome('logged')).toBe(logged.length);
  expect(outcome('duplicate')).toBeGreaterThan(0); // they were in the log when they came again
  const [said, expected] = await Promise.all([storedBy(observatory), replayed(captures)]);
  expect(said.days).toEqual(expected.days);
  expect(said.records).toBe(expected.records);
});
