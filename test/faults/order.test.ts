/** The order in which batches reach a log, and how often: every one gives the same figures. */
import fs from 'node:fs';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { Log } from '../../collector/log/log.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { encodeDay } from '../../collector/reduce/codec.ts';
import { openLogged } from '../../collector/store/batch.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { Store } from '../../collector/store/store.ts';
import { loadGeo } from '../../common/geo/load.ts';
import { newFolder } from '../log/batches.ts';
import { capture } from '../support/enaga.ts';
import { HASH_KEY, partsOf, readCapture, Sealer } from '../support/sealed-log.ts';

const folder = newFolder();
afterAll(() => fs.rmSync(folder, { recursive: true }));

it('fault 8: whatever the order, the groups and the repetitions, the totals are the same', async () => {
  const geo = loadGeo();
  const { blocks, skipped } = await readCapture(capture('two-days.pcap'));
  const sealer = new Sealer();
  const parts = blocks.flatMap(block => partsOf(block, Math.ceil(block.count / 2)));
  const batches = parts.map((records, n) =>
    sealer.seal({ sensor: n % 2, records, historic: true, counters: n === 0 ? { skipped } : {} }),
  );
  expect(batches.length).toBeGreaterThan(3);
  let runs = 0;
  const figuresOf = (sent: readonly number[], groups: readonly number[]): string => {
    const dir = `${folder}/${++runs}`;
    const log = Log.open(`${dir}/log`);
    const rest = [...sent];
    for (let turn = 0; rest.length > 0; turn++)
      log.append(rest.splice(0, groups[turn % groups.length]!).map(n => batches[n]!));
    expect(log.head()).toBe(batches.length);
    log.close();
    const reader = LogReader.open(`${dir}/log`);
    const store = Store.open(`${dir}/store.db`, {
      hashKey: HASH_KEY,
      geographies: { at: () => geo, named: () => geo },
      excluded: () => [],
    });
    for (let turn = 0, from = 0; from < batches.length; turn++) {
      const found = reader.after(from, { batches: groups[turn % groups.length]!, bytes: 1e9 });
      store.append(found.map(openLogged), reader.id);
      from = found.at(-1)!.position;
    }
    reader.close();
    store.close();
    const reading = StoreReader.open(`${dir}/store.db`);
    const states = reading.days().map(({ day }) => Buffer.from(encodeDay(reading.state(day)!)).toString('hex'));
    const said = JSON.stringify([reading.results(), reading.accounts(), states]);
    reading.close();
    fs.rmSync(dir, { recursive: true });
    return said;
  };
  const all = batches.map((_, n) => n);
  const expected = figuresOf(all, [1]);
  const order = fc
    .tuple(fc.shuffledSubarray(all, { minLength: all.length }), fc.array(fc.constantFrom(...all), { maxLength: 6 }))
    .map(([once, again]) => [...again, ...once, ...again]);
  fc.assert(
    fc.property(order, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), (sent, groups) => {
      expect(figuresOf(sent, groups)).toBe(expected);
    }),
    { numRuns: 15 },
  );
});
