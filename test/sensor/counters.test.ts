/** Ranges of lost batches and the counters of a header: nothing told is lost, whatever is joined. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LostRange } from '../../common/batch/batch.ts';
import { lostRangesMax } from '../../common/limits.ts';
import {
  addCounters,
  balances,
  countersOfLost,
  joinRanges,
  lostRecords,
  NOTHING,
  partTold,
} from '../../sensor/spool/counters.ts';

const range = (epoch: number, from: number, to: number, records: number): LostRange => ({ epoch, from, to, records });

it('joins neighbours, and leaves what is apart', () => {
  const ranges = [range(1, 5, 5, 10), range(2, 1, 1, 1), range(1, 4, 4, 7), range(1, 9, 9, 2)];
  expect(joinRanges(ranges)).toEqual([range(1, 4, 5, 17), range(1, 9, 9, 2), range(2, 1, 1, 1)]);
});

it('never joins over a batch that is not lost, however many there are', () => {
  const ranges = Array.from({ length: 3 * lostRangesMax }, (_, n) => range(1, 2 * n + 1, 2 * n + 1, 1));
  expect(joinRanges(ranges)).toEqual(ranges);
});

const lostBatch = fc.record({
  epoch: fc.integer({ min: 1, max: 100 }),
  sequence: fc.integer({ min: 1, max: 1000 }),
  records: fc.integer({ min: 0, max: 8192 }),
  arp: fc.integer({ min: 0, max: 9 }),
});

it('counts every packet of lost batches, in as many headers as it takes', () => {
  fc.assert(
    fc.property(fc.uniqueArray(lostBatch, { selector: b => `${b.epoch}/${b.sequence}`, maxLength: 300 }), batches => {
      let pending = NOTHING;
      for (const batch of batches) {
        const told = { ...NOTHING, seen: batch.records + batch.arp, skipped: { arp: batch.arp } };
        pending = addCounters(pending, countersOfLost(told, batch));
      }
      const all = batches.reduce((sum, { records }) => sum + records, 0);
      expect(lostRecords(pending.lost)).toBe(all);
      let seen = 0;
      let records = 0;
      const told = new Set<string>();
      for (let headers = 0; pending.seen > 0 || pending.lost.length > 0; headers++) {
        expect(headers).toBeLessThan(5); // 300 ranges, 64 a header
        const { now, later } = partTold(pending);
        expect(balances(now, 0)).toBe(true);
        expect(now.lost.length).toBeLessThanOrEqual(lostRangesMax);
        seen += now.seen;
        records += lostRecords(now.lost);
        for (const { epoch, from, to } of now.lost)
          for (let sequence = from; sequence <= to; sequence++) told.add(`${epoch}/${sequence}`);
        pending = later;
      }
      expect(records).toBe(all);
      expect([...told].sort()).toEqual(batches.map(({ epoch, sequence }) => `${epoch}/${sequence}`).sort());
      expect(seen).toBe(batches.reduce((sum, batch) => sum + batch.records + batch.arp, 0));
    }),
  );
});
