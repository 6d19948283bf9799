/** Answers that are no acknowledgement, for hours of a time that the test moves: what the sensor keeps, and how often it asks. */
import { expect, it, vi } from 'vitest';
import type { Reply } from '../../sensor/ship/client.ts';
import { QUARANTINED } from '../../sensor/spool/schema.ts';
import { accountOf, BALANCED, balanceOf, draft } from '../sensor/support.ts';
import { acknowledge, HOUR_MS, reply, startShipping, waitMsMax, waitsOf } from './shipping.ts';

const html = { type: 'text/html' };
const problem = { type: 'application/problem+json' };
const malformed = '{"type":"urn:enaga:problem:malformed-batch","title":"Malformed batch"}';
const batches = 6;

it.each<[string, (right: string) => Reply]>([
  ['401', () => reply(401, '{"title":"Unauthorised"}', problem)],
  ['403 of a proxy', () => reply(403, '<html>Forbidden</html>', html)],
  ['404 of a proxy', () => reply(404, '<html>Not found</html>', html)],
  ['500', () => reply(500, 'oops', { type: 'text/plain' })],
  ['502 of a proxy', () => reply(502, '<html>Bad gateway</html>', html)],
  ['302 to a portal', () => reply(302, '', html)],
  ["200 with a portal's page", () => reply(200, '<html>Please log in</html>', html)],
  ['200 with half of an acknowledgement', right => reply(200, right.slice(0, -9))],
  [
    '200 with an acknowledgement of another content',
    right => reply(200, right.replace(/"[0-9a-f]{64}"/, `"${'0'.repeat(64)}"`)),
  ],
  ['200 with more than an acknowledgement', right => reply(200, right.replace('{', '{"also":1,'))],
])('fault 12: %s is no acknowledgement: all is kept, tried again slowly, and told', async (_, wrong) => {
  const { spool, shipper, tries, taken } = startShipping((sinceMs, batch) =>
    sinceMs < 3 * HOUR_MS ? wrong(Buffer.from(acknowledge(batch).body).toString()) : undefined,
  );
  for (let n = 0; n < batches; n++) spool.commit([draft(10)]);
  shipper.wake();
  await vi.advanceTimersByTimeAsync(3 * HOUR_MS - 1000);
  expect(accountOf(spool)).toMatchObject({ spooled: { batches }, lost: { batches: 0 }, shipped: { batches: 0 } });
  expect(accountOf(spool).alarms).toHaveLength(1);
  // The first were under way together; then one knocks, once in two and a half minutes.
  expect(tries.length).toBeGreaterThan((3 * HOUR_MS) / waitMsMax);
  expect(tries.length).toBeLessThan((3 * HOUR_MS) / 60_000);
  expect(Math.max(...waitsOf(tries))).toBeLessThanOrEqual(waitMsMax);
  await vi.advanceTimersByTimeAsync(waitMsMax + 1000);
  expect(taken.map(({ header }) => header.sequence)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(accountOf(spool)).toMatchObject({ spooled: { batches: 0 }, shipped: { batches, records: 60 }, alarms: [] });
});

it.each([400, 413])(
  'fault 13: %i of the collector for one batch: it is put aside on the disk and told, the rest goes on',
  async status => {
    const { spool, shipper, tries, taken } = startShipping((_, { header }) =>
      header.sequence === 3 ? reply(status, malformed, problem) : undefined,
    );
    for (let n = 0; n < batches; n++) spool.commit([draft(10)]);
    shipper.wake();
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    expect(taken.map(({ header }) => header.sequence).sort()).toEqual([1, 2, 4, 5, 6]);
    expect(tries).toHaveLength(batches);
    const aside = `SELECT epoch || '/' || sequence || ' ' || (length(wire) > 100) FROM batch WHERE state = ${QUARANTINED}`;
    expect(spool.database.prepare(aside).pluck().all()).toEqual(['1/3 1']);
    spool.commit([draft(10)]);
    shipper.wake();
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    expect(taken.at(-1)!.header.counters.lost).toEqual([{ epoch: 1, from: 3, to: 3, records: 10 }]);
    expect(accountOf(spool)).toMatchObject({
      quarantined: 1,
      lost: { batches: 1, records: 10 },
      shipped: { records: 60 },
    });
    expect(balanceOf(spool)).toEqual(BALANCED);
  },
);

it("fault 13: a proxy's 413 for one batch: the rest goes on, and that one is kept and tried again", async () => {
  const { spool, shipper, taken } = startShipping((sinceMs, { header }) =>
    header.sequence === 3 && sinceMs < HOUR_MS ? reply(413, '<html>nginx</html>', html) : undefined,
  );
  for (let n = 0; n < batches; n++) spool.commit([draft(10)]);
  shipper.wake();
  await vi.advanceTimersByTimeAsync(HOUR_MS - 1000);
  expect(taken.map(({ header }) => header.sequence).sort()).toEqual([1, 2, 4, 5, 6]);
  expect(accountOf(spool)).toMatchObject({ quarantined: 0, lost: { batches: 0 } });
  expect(accountOf(spool).alarms).toEqual([expect.stringContaining('batch 1/3 does not get through')]);
  await vi.advanceTimersByTimeAsync(waitMsMax + 1000);
  expect(taken.at(-1)!.header.sequence).toBe(3);
  expect(accountOf(spool).alarms).toEqual([]);
});

const YEARS = 'Wed, 21 Oct 2199 07:28:00 GMT';
it.each<[string, number, number]>([
  ['0', 1000, 2000],
  ['-5', 1000, 2000],
  ['7', 7000, 14_000],
  ['1000000000', HOUR_MS, HOUR_MS + 30_000],
  ['99999999999999999999999', HOUR_MS, HOUR_MS + 30_000],
  [YEARS, HOUR_MS, HOUR_MS + 30_000],
  ['Wed, 21 Oct 2015 07:28:00 GMT', 1000, 2000],
  ['Infinity', 100, 2000],
  ['soon', 100, 2000],
])('fault 14: Retry-After: %s is kept to within bounds, and jittered', async (retryAfter, min, max) => {
  const waits = new Set<number>();
  // One wait in ten is the shortest there is where nothing sound was asked for: all eight are once in 10^8 runs.
  for (const status of [429, ...Array(7).fill(503)]) {
    let refused = false;
    const { spool, shipper, tries, taken } = startShipping(() => {
      if (refused) return undefined;
      refused = true;
      return reply(status, '{}', { ...problem, retryAfter });
    });
    spool.commit([draft(10)]);
    shipper.wake();
    await vi.advanceTimersByTimeAsync(max + 10);
    expect(taken).toHaveLength(1);
    const [waited] = waitsOf(tries);
    expect(waited).toBeGreaterThanOrEqual(min);
    expect(waited).toBeLessThanOrEqual(max + 1);
    waits.add(waited!);
  }
  expect(waits.size).toBeGreaterThan(1);
});
