/** Whatever of a log is handed on, and whenever the thread gets to it, the store comes to what the log holds. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type OpenedBatch, openLogged } from '../../collector/store/batch.ts';
import { Handed, handedBytes } from '../../collector/store/handed.ts';
import { Tail } from '../../collector/store/tail.ts';
import { record, toBlock } from '../support/records.ts';
import { FIRST_DAY, HASH_KEY, RECEIVED_MS, SealedLog } from '../support/sealed-log.ts';

const OPEN = { graceMs: 1e15, quietMs: 0, segmentsMs: 0 };
const [template] = fc.sample(record, { seed: 8, numRuns: 1 });

const event = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('handed', 'not handed', 'handed after a step') },
  { weight: 4, arbitrary: fc.constantFrom('step', 'geo') },
  { weight: 1, arbitrary: fc.constant('begin anew') },
);

/** A log and the thread that follows it. */
class Pair {
  readonly made = new SealedLog();
  readonly handed = new Handed();
  bytes = 0;
  tail = this.#begin();

  happens(what: string, n: number): void {
    if (what === 'step') this.tail.step();
    else if (what === 'geo') this.made.log.appendGeo(this.made.geoEntry(), RECEIVED_MS);
    else if (what === 'begin anew') {
      this.tail.close(); // what was not committed comes from the log again
      this.tail = this.#begin();
    } else {
      const batch = this.#log(n);
      if (what === 'handed after a step') this.tail.step();
      if (what !== 'not handed') this.#hand(batch);
    }
  }

  close(): void {
    this.tail.close();
    this.made.remove();
  }

  #begin(): Tail {
    const { made, handed } = this;
    return new Tail({
      reader: made.reader(),
      file: made.data.store,
      geoDir: made.data.geo,
      exclusions: () => [],
      hashKey: HASH_KEY,
      checkpointMs: 1e15,
      closing: OPEN,
      handed,
      now: () => RECEIVED_MS,
      say: () => {},
    });
  }

  #log(n: number): OpenedBatch {
    const { made } = this;
    const src = [0x01010000 + n];
    const one = { ...template!, family: 4 as const, sensor: 0, hour: 24 * FIRST_DAY, src, dst: [0xc6336401] };
    made.append({ sensor: 0, records: toBlock([one]) });
    const reader = made.reader();
    const batch = openLogged(reader.after(made.log.head() - 1, { batches: 1, bytes: 1 })[0]!);
    reader.close();
    return batch;
  }

  #hand(batch: OpenedBatch): void {
    this.handed.add(batch);
    this.bytes += handedBytes(batch);
  }
}

test('batches handed, left out and handed late are each counted once', () => {
  const run = (events: readonly string[]) => {
    const pair = new Pair();
    try {
      for (const [n, what] of events.entries()) pair.happens(what, n);
      while (pair.tail.step());
      pair.tail.commit();
      const { differences, records } = pair.made.recount();
      expect(differences).toEqual([]);
      expect(records).toBe(events.filter(what => what.includes('handed')).length);
      expect(pair.handed.bytesDone).toBe(pair.bytes);
    } finally {
      pair.close();
    }
  };
  fc.assert(fc.property(fc.array(event, { minLength: 30, maxLength: 60 }), run), { numRuns: 5, endOnFailure: true });
});
