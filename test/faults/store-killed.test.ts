/**
 * The store killed at its n-th write, sync or rename, for n from the first on: while it folds, commits, merges segments, closes days,
 * drops their states and makes weeks and months of them. Each start goes on with what the one before left.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { StoreReader } from '../../collector/store/query.ts';
import { writeTraffic } from '../bench/traffic.ts';
import { HASH_KEY, partsOf, readCapture, SealedLog } from '../support/sealed-log.ts';
import { hasStrace, runTraced, STRACE_MISSING, WRITES } from '../support/strace.ts';

/** Days are closed as soon as they are counted, and lose their states at once. */
const CLOSING = { graceMs: 0, quietMs: 0, segmentsMs: 0 };
const SCRIPT = path.resolve(import.meta.dirname, '../support/fold-log.ts');
/** Every write while the store is made, and then ever further apart. */
const WRITE_NUMBERS = [1, 2, 3, 4, 6, 9, 13, 19, 28, 40, 60, 90, 140, 220];

const made = new SealedLog();
afterAll(() => made.remove());

describe.skipIf(!hasStrace)(`the store, killed at a write (${hasStrace ? 'by strace' : STRACE_MISSING})`, () => {
  it('fault 1: is what a recount of the log gives, whichever write it was killed at', async () => {
    const file = path.join(made.dir, 'traffic.pcap');
    writeTraffic(file, 6000);
    const blocks = (await readCapture(file)).blocks.flatMap(block => partsOf(block, 20));
    const each = Math.floor(blocks.length / WRITE_NUMBERS.length);
    const options = path.join(made.dir, 'options.json');
    const given = { data: made.data, hashKey: HASH_KEY, checkpointMs: 1, closing: CLOSING };
    fs.writeFileSync(options, JSON.stringify({ options: given, toEnd: true }));
    let killed = 0;
    for (const [i, n] of WRITE_NUMBERS.entries()) {
      made.appendMixed(i, blocks.slice(each * i, each * (i + 1)));
      const { signal, code, stderr } = await runTraced(WRITES, `signal=SIGKILL:when=${n}`, [SCRIPT, options]);
      if (signal === 'SIGKILL') killed++;
      else expect([code, stderr], `write ${n}`).toEqual([0, '']); // it had fewer left to do
    }
    expect(killed).toBeGreaterThan(WRITE_NUMBERS.length / 2);
    expect(await runTraced(WRITES, 'signal=SIGKILL:when=65535', [SCRIPT, options])).toMatchObject({ code: 0 });
    const { differences, records } = made.recount();
    expect(differences).toEqual([]);
    expect(records).toBe(blocks.slice(0, each * WRITE_NUMBERS.length).reduce((sum, { count }) => sum + count, 0));
    const store = StoreReader.open(made.data.store);
    expect(store.days().every(({ closed }) => closed)).toBe(true);
    store.close();
  }, 120_000);
});
