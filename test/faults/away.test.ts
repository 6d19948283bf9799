/** A collector that is away for three days, by a clock that the test moves: nothing is given up for its age. */
import { expect, it, vi } from 'vitest';
import { Unreachable } from '../../sensor/ship/client.ts';
import { accountOf, draft } from '../sensor/support.ts';
import { HOUR_MS, startShipping, waitMsMax, waitsOf } from './shipping.ts';

const AWAY_MS = 72 * HOUR_MS;

it('fault 11: the collector is away for three days: every record arrives afterwards, in order, each once', async () => {
  const away = (sinceMs: number) => {
    if (sinceMs < AWAY_MS) throw new Unreachable('the connection is refused');
    return undefined;
  };
  const { spool, shipper, tries, taken } = startShipping(away, { keepMs: 24 * HOUR_MS });
  for (let hour = 0; hour < 72; hour++) {
    spool.commit([draft(10)]);
    spool.release(); // as with each heartbeat
    shipper.wake();
    await vi.advanceTimersByTimeAsync(HOUR_MS);
  }
  expect(taken).toEqual([]);
  expect(accountOf(spool)).toMatchObject({ spooled: { batches: 72, records: 720 }, lost: { batches: 0 } });
  expect(accountOf(spool).alarms).toEqual([expect.stringContaining('the collector cannot be reached')]);
  await vi.advanceTimersByTimeAsync(waitMsMax);

  expect(taken.map(({ header }) => header.sequence)).toEqual(Array.from({ length: 72 }, (_, n) => n + 1));
  expect(taken.reduce((sum, { records }) => sum + records.count, 0)).toBe(720);
  expect(accountOf(spool)).toMatchObject({ spooled: { batches: 0 }, lost: { batches: 0 }, alarms: [] });
  // It knocked all the time, and not all the time.
  expect(Math.max(...waitsOf(tries))).toBeLessThanOrEqual(waitMsMax);
  expect(tries.filter(ms => ms < AWAY_MS).length).toBeLessThan(AWAY_MS / 60_000);
});
