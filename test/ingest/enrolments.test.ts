/** What a collector tells again that it has enrolled, and what its log says of it. */
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Registry } from '../../collector/registry/registry.ts';
import { ENROLMENTS_PATH } from '../../common/protocol/messages.ts';
import { type Collector, newKeys, startCollector } from './support.ts';

const MINUTE_MS = 60_000;

it('is told again within the hour, by the same collector and after a restart, and logged as such', async () => {
  let now = Date.now();
  const before = await startCollector({ powers: { now: () => now } });
  before.addSensor('east');
  const { token } = before.registry.rotate('east', now);
  const payload = { token, publicKey: newKeys().publicText };
  const ask = async ({ app }: Collector) => {
    const { statusCode, body } = await app.inject({ method: 'POST', url: ENROLMENTS_PATH, payload });
    return statusCode === 201 ? JSON.parse(body) : statusCode;
  };
  const first = await ask(before);
  expect(Object.keys(first).sort()).toEqual(['economy', 'epoch', 'keyId', 'name', 'networks', 'sensor']);
  expect(await ask(before)).toEqual(first);
  expect(logged(before)).toEqual(['enrolled', 'told again that it is enrolled']);

  const registry = Registry.open(path.join(before.dir, 'registry.db'));
  onTestFinished(() => registry.close());
  const after = await startCollector({
    powers: {
      now: () => now,
      enrol: request => registry.enrol(request, now),
      keyOwner: keyId => registry.keyOwner(keyId, now),
    },
  });
  now += 59 * MINUTE_MS;
  expect(await ask(after)).toEqual(first);
  now += 2 * MINUTE_MS; // of the enrolment; what was told again begins no other hour
  expect(await ask(after)).toBe(401);
  expect(logged(after)).toEqual(['told again that it is enrolled']);
});

const logged = ({ lines }: Collector): string[] =>
  lines.map(line => JSON.parse(line).msg as string).filter(text => text.includes('enrolled'));
