/** The spool on a real disk: bounded, damaged, full, resealed; what was told is never lost, and the account balances. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Counters } from '../../common/batch/batch.ts';
import { openBatch } from '../../common/batch/open.ts';
import { isFull } from '../../common/sqlite/full.ts';
import { lostRecords, skippedTotal } from '../../sensor/spool/counters.ts';
import { openSpool } from '../../sensor/spool/recover.ts';
import { diskReserveBytes, Spool } from '../../sensor/spool/spool.ts';
import type { SpoolOptions } from '../../sensor/spool/types.ts';
import { accountOf, BALANCED, balanceOf, draft, fillUp, newSpool, SPOOL_OPTIONS, temporary } from './support.ts';

/** Takes every waiting batch, as a collector would that is there now. */
function shipAll(spool: Spool) {
  const batches = [];
  for (const id of spool.waiting(10_000)) {
    const waiting = spool.take(id);
    if (waiting === undefined) continue;
    batches.push(openBatch(waiting.wire));
    spool.giveBack(id);
    spool.acknowledge(id);
  }
  return batches;
}

const total = (counters: readonly Counters[]) => ({
  seen: counters.reduce((sum, { seen }) => sum + seen, 0),
  skipped: counters.reduce((sum, { skipped }) => sum + skippedTotal(skipped), 0),
  lost: counters.reduce((sum, { lost }) => sum + lostRecords(lost), 0),
});

describe('a bounded spool', () => {
  it('drops the oldest, and what arrives tells every packet that does not', () => {
    const spool = newSpool({ bytesMax: 100_000 });
    for (let n = 0; n < 40; n++) spool.commit([draft(1000, { skipped: { arp: 3 } })]);
    const account = accountOf(spool);
    expect(account.lost.batches).toBeGreaterThan(20);
    expect(account.spooled.bytes).toBeLessThanOrEqual(100_000);
    const batches = shipAll(spool);
    expect(batches.map(({ header }) => header.sequence)).toEqual(
      Array.from({ length: batches.length }, (_, n) => 41 - batches.length + n),
    );
    const arrived = batches.reduce((sum, { records }) => sum + records.count, 0);
    expect(total(batches.map(({ header }) => header.counters))).toEqual({
      seen: 40 * 1003,
      skipped: 40 * 3,
      lost: 40 * 1000 - arrived,
    });
    expect(accountOf(spool)).toMatchObject({ seen: 40 * 1003, recorded: 40_000, skipped: { arp: 120 } });
    expect(balanceOf(spool)).toEqual(BALANCED);
  });

  it('tells each lost batch and no other, though their ranges are more than a header holds', () => {
    const spool = newSpool();
    for (let n = 0; n < 400; n++) spool.commit([draft(10)]);
    const all = spool.waiting(400);
    const lost = all.filter((_, n) => n % 2 === 1);
    for (const id of lost) spool.quarantine(id, 'the collector says so');
    expect(spool.tellPending({ hour: 1, from: 0, to: 0, historic: true })).toBe(true);
    expect(spool.tellPending({ hour: 1, from: 0, to: 0, historic: true })).toBe(false);
    const ranges = shipAll(spool).flatMap(({ header }) => header.counters.lost);
    expect(ranges).toEqual(lost.map((_, n) => ({ epoch: 1, from: 2 * n + 2, to: 2 * n + 2, records: 10 })));
    expect(balanceOf(spool)).toEqual(BALANCED);
  });

  it('drops acknowledged batches before any that waits, and none that is in flight', () => {
    const spool = newSpool({ bytesMax: 100_000 });
    for (let n = 0; n < 4; n++) spool.commit([draft(1000)]);
    shipAll(spool);
    spool.commit([draft(1000)]);
    const [inFlight] = spool.waiting(1);
    spool.take(inFlight!);
    for (let n = 0; n < 2; n++) spool.commit([draft(1000)]);
    expect(accountOf(spool).lost.batches).toBe(0);
    for (let n = 0; n < 20; n++) spool.commit([draft(1000)]);
    expect(accountOf(spool).lost.batches).toBeGreaterThan(10);
    expect(spool.waiting(1)).toEqual([inFlight]);
  });

  it('forgets batches that were acknowledged long ago, and no others', () => {
    let nowMs = 1e12;
    const spool = newSpool({ keepMs: 1000, now: () => nowMs });
    spool.commit([draft(10)]);
    shipAll(spool);
    spool.commit([draft(10)]);
    nowMs += 1001;
    spool.release();
    expect(spool.requeue([{ epoch: 1, from: 1, to: 2 }], nowMs)).toBe(0);
    expect(spool.waiting(9)).toHaveLength(1);
  });
});

it('lets wait again what was acknowledged before the question, also when the clock was set back', () => {
  let nowMs = 1e12;
  const spool = newSpool({ now: () => nowMs });
  const all = [{ epoch: 1, from: 1, to: 9 }];
  spool.commit([draft(10)]);
  shipAll(spool);
  expect(spool.requeue(all, nowMs - 1)).toBe(0);
  expect(spool.requeue(all, nowMs)).toBe(1);
  shipAll(spool);
  nowMs -= 1e9;
  expect(spool.requeue(all, nowMs)).toBe(1);
  expect(balanceOf(spool)).toEqual(BALANCED);
});

describe('a full disk', () => {
  it.each(['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT'])('says %s', code => {
    expect(isFull(Object.assign(new Error('no room'), { code }))).toBe(true);
  });

  it('is no failed disk', () => {
    for (const error of [new Error('no code'), Object.assign(new Error('bad'), { code: 'SQLITE_IOERR_WRITE' }), null])
      expect(isFull(error)).toBe(false);
  });

  it('takes no alarm, and is none; but a transaction is not cut in two', () => {
    const spool = newSpool();
    fillUp(spool);
    spool.alarms.raise('clock', 'late'.repeat(50));
    expect(spool.alarms.has('clock')).toBe(false);
    const both = spool.database.transaction(() => spool.alarms.raise('clock', 'late'.repeat(50)));
    expect(both).toThrow('full');
  });

  it('fault 4: costs the oldest batches, and writing goes on', () => {
    const spool = newSpool();
    for (let n = 0; n < 5; n++) spool.commit([draft(1000)]);
    spool.database.pragma(`max_page_count = ${spool.database.pragma('page_count', { simple: true })}`);
    for (let n = 0; n < 20; n++) spool.commit([draft(1000)]);
    const { lost, spooled, recorded } = accountOf(spool);
    expect(recorded).toBe(25_000);
    expect(lost.batches).toBeGreaterThan(10);
    expect(lost.records + spooled.records).toBe(25_000);
    spool.database.pragma('max_page_count = 1000000');
    spool.commit([draft(1000)]);
    const batches = shipAll(spool);
    expect(total(batches.map(({ header }) => header.counters)).lost).toBe(lost.records);
    expect(balanceOf(spool)).toEqual(BALANCED);
  });

  it('is seen coming: the spool keeps its size when little is left', () => {
    let free = diskReserveBytes * 10;
    const spool = newSpool({ diskFree: () => free });
    for (let n = 0; n < 5; n++) spool.commit([draft(1000)]);
    const { bytes } = accountOf(spool).spooled;
    free = diskReserveBytes / 2;
    for (let n = 0; n < 5; n++) spool.commit([draft(1000)]);
    const { lost, spooled, alarms } = accountOf(spool);
    expect([5, 6]).toContain(lost.batches); // they are not all of one size
    expect(spooled.bytes).toBeLessThanOrEqual(bytes);
    expect(alarms).toEqual([expect.stringContaining('disk is full')]);
    free = diskReserveBytes * 10;
    spool.commit([draft(1000)]);
    expect(accountOf(spool).alarms).toEqual([]);
    expect(accountOf(spool).lost).toEqual(lost);
  });
});

describe('a damaged spool', () => {
  /** A spool of ten batches, closed, as bytes of its file. */
  function made(): { file: string; wires: Uint8Array[]; options: SpoolOptions } {
    const file = path.join(temporary(), 'spool.db');
    const options = { ...SPOOL_OPTIONS };
    const spool = Spool.open(file, options);
    for (let n = 0; n < 10; n++) spool.commit([draft(1000)], { name: 'reading', place: String(n) });
    const wires = spool.waiting(99).map(id => spool.take(id)!.wire);
    spool.close();
    return { file, wires, options: { ...options, epoch: 2 } };
  }

  it('fault 2: puts one damaged batch aside, tells it as lost, and ships the rest', () => {
    const { file, wires, options } = made();
    const bytes = fs.readFileSync(file);
    const start = wires[4]!.slice(0, 200); // a blob's bytes go on in other pages
    const found = [];
    // A page that was split still has what moved to the other half.
    for (let at = bytes.indexOf(start); at !== -1; at = bytes.indexOf(start, at + 1)) found.push(at);
    expect(found.length).toBeGreaterThan(0);
    for (const at of found) bytes[at + 150]! ^= 1;
    fs.writeFileSync(file, bytes);
    const { spool, putAside } = openSpool(file, options);
    expect(putAside).toBeUndefined();
    expect(shipAll(spool)).toHaveLength(9);
    expect(accountOf(spool)).toMatchObject({ quarantined: 1, lost: { batches: 1, records: 1000 } });
    spool.tellPending({ hour: 1, from: 0, to: 0, historic: true });
    const [last] = shipAll(spool);
    expect(last!.header.counters.lost).toEqual([{ epoch: 1, from: 5, to: 5, records: 1000 }]);
    expect(balanceOf(spool)).toEqual(BALANCED);
    spool.close();
  });

  it('fault 2: is put aside; what is whole of it is sent under its old keys, and new batches are of a new epoch', () => {
    const { file, options } = made();
    const bytes = fs.readFileSync(file);
    bytes.fill(0xff, 4096 * 20, 4096 * 23); // in the batches' pages: the tree itself is broken
    fs.writeFileSync(file, bytes);
    const { spool, putAside } = openSpool(file, options);
    expect(fs.existsSync(putAside!)).toBe(true);
    expect(path.basename(putAside!)).toMatch(/^spool\.db\.damaged-\d{8}T\d{6}Z$/);
    spool.commit([draft(5)]);
    const batches = shipAll(spool);
    const old = batches.filter(({ header }) => header.epoch === 1);
    expect(old.length).toBeGreaterThan(4);
    expect(old.length).toBeLessThan(10);
    expect(batches.at(-1)!.header).toMatchObject({ epoch: 2, sequence: 1 });
    expect(accountOf(spool)).toMatchObject({ recorded: 10_005, lost: { records: 10_000 - 1000 * old.length } });
    expect(accountOf(spool).alarms.join()).toContain('was damaged');
    expect(balanceOf(spool)).toEqual(BALANCED);
    expect(spool.placeOf('reading')).toBe('9');
    spool.close();
  });

  it('keeps its account, though what was pending cannot be read', () => {
    const { file, options } = made();
    const before = Spool.open(file, options);
    before.database.exec('DROP TABLE state');
    before.close();
    const bytes = fs.readFileSync(file);
    bytes.fill(0xff, 4096 * 20, 4096 * 23);
    fs.writeFileSync(file, bytes);
    const { spool, putAside } = openSpool(file, options);
    expect(putAside).toBeDefined();
    expect(accountOf(spool)).toMatchObject({ seen: 10_000, recorded: 10_000 });
    expect(balanceOf(spool)).toEqual(BALANCED);
    spool.close();
  });

  it('fault 6: is recovered by the next start when the first was killed between its last steps', () => {
    const { file, options } = made();
    fs.renameSync(file, `${file}.recovered`);
    fs.writeFileSync(`${file}-wal`, 'left over of the damaged one');
    const { spool } = openSpool(file, options);
    expect(shipAll(spool)).toHaveLength(10);
    expect(spool.placeOf('reading')).toBe('9');
    spool.close();
  });

  it.each([0, 18, 100, 4100])(
    'with other bytes from %i on is never taken for sound, and never stops a start',
    offset => {
      const { file, options } = made();
      const bytes = fs.readFileSync(file);
      bytes.fill(0x5a, offset, offset + 50);
      fs.writeFileSync(file, bytes);
      const { spool, putAside } = openSpool(file, options);
      expect(putAside).toBeDefined();
      spool.commit([draft(5)]);
      expect(shipAll(spool).at(-1)!.header.epoch).toBe(2);
      spool.close();
    },
  );
});

describe('an epoch', () => {
  it('that is opened takes batches that are sealed again, unchanged but for their key', () => {
    const spool = newSpool();
    spool.commit([draft(100, { skipped: { arp: 2 } }), draft(50)]);
    const [first, second] = spool.waiting(9);
    const before = openBatch(spool.take(first!)!.wire);
    spool.giveBack(first!);
    spool.openEpoch(5);
    spool.reseal(first!);
    expect(spool.waiting(9)[0]).toBe(second);
    const after = openBatch(spool.take(spool.waiting(9)[1]!)!.wire);
    expect(after.header).toEqual({ ...before.header, epoch: 5, sequence: 1 });
    expect(after.records).toEqual(before.records);
    expect(spool.epochs()).toEqual([
      { epoch: 1, sealed: 2 },
      { epoch: 5, sealed: 1 },
    ]);
    expect(balanceOf(spool)).toEqual(BALANCED);
  });
});

it('moves a reading on with its batches or not at all', () => {
  const spool = newSpool();
  spool.commit([draft(1)], { name: 'reading', place: 'one' });
  const bad = draft(1, { seen: 7 });
  expect(() => spool.commit([draft(1), bad], { name: 'reading', place: 'two' })).toThrow();
  expect(spool.placeOf('reading')).toBe('one');
  expect(spool.waiting(9)).toHaveLength(1);
  expect(balanceOf(spool)).toEqual(BALANCED);
});
