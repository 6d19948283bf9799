/** Live packets to sealed batches: what was watched goes by the clock, drops are told, a kill leaves a number with a time. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBatch } from '../../common/batch/open.ts';
import { createSkipped } from '../../common/packet/decode.ts';
import { createPackets, setTime } from '../../common/packet/packets.ts';
import { skipIndex } from '../../common/packet/skip.ts';
import type { Records } from '../../common/record/record.ts';
import { START } from '../../sensor/capture/place.ts';
import { NOTHING } from '../../sensor/spool/counters.ts';
import { noteOpen, readOpen, tellInterrupted, untold } from '../../sensor/spool/open.ts';
import { takeReserve, writeReserve } from '../../sensor/spool/reserve.ts';
import { Sealer } from '../../sensor/spool/sealer.ts';
import type { Spool } from '../../sensor/spool/spool.ts';
import { COUNTED_ONLY } from '../../sensor/status/account.ts';
import * as w from '../support/capture-writer.ts';
import { accountOf, BALANCED, balanceOf, HOUR, newSpool } from './support.ts';

const frame = w.ethernet(
  w.ETHERTYPE_IPV4,
  w.ipv4({ src: '198.51.100.1', dst: '192.0.2.1', payload: w.tcp({ dstPort: 23 }) }),
);
const SECOND = 1e6;
const at = (second: number) => ({ hour: HOUR + Math.floor(second / 3600), micros: (second % 3600) * SECOND });

function live(recordsMax = 8192) {
  const spool = newSpool();
  const sealer = new Sealer({
    networks: [],
    placeOf: () => START,
    nameOf: () => undefined,
    historic: false,
    live: true,
    recordsMax,
    ready: async () => {},
    commit: drafts => spool.commit(drafts),
  });
  return { spool, sealer, take: (...seconds: number[]) => take(sealer, seconds) };
}

/** Packets of these seconds from the start of `HOUR`. */
function take(sealer: Sealer, seconds: readonly number[]): void {
  const packets = createPackets(seconds.length);
  for (const [n, second] of seconds.entries()) {
    packets.linkType[n] = 1;
    packets.captured[n] = frame.length;
    setTime(packets, n, HOUR * 3600 + Math.floor(second), Math.round((second % 1) * SECOND));
  }
  packets.count = seconds.length;
  const chunk = { bytes: frame, view: new DataView(frame.buffer, frame.byteOffset, frame.byteLength) };
  sealer.take(chunk, packets, 0, seconds.length);
}

const batchesOf = (spool: Spool) => spool.waiting(1000).map(id => openBatch(spool.take(id)!.wire));
/** Of each batch: seconds watched, from the start of `HOUR`, and records. */
const told = (spool: Spool) =>
  batchesOf(spool).map(({ header: { hour, from, to }, records }) => [
    (hour - HOUR) * 3600 + from / SECOND,
    (hour - HOUR) * 3600 + to / SECOND,
    records.count,
  ]);

it('leaves records alone that were handed over, until as many blocks are full', () => {
  const handed: Records[] = [];
  const sealer = new Sealer({
    networks: [],
    placeOf: () => START,
    nameOf: () => undefined,
    historic: false,
    live: true,
    recordsMax: 2,
    blocks: 3,
    ready: async () => {},
    commit: ([draft]) => void handed.push(draft!.records!),
  });
  const secondsOf = ({ time, count }: Records) => [...time.subarray(0, count)].map(micros => micros / SECOND);
  take(sealer, [1, 2, 3, 4, 5]);
  expect(handed.map(secondsOf)).toEqual([
    [1, 2],
    [3, 4],
  ]);
  take(sealer, [6, 7]);
  expect(handed.slice(1).map(secondsOf)).toEqual([
    [3, 4],
    [5, 6],
  ]);
  expect(handed.every(({ src }) => src.buffer instanceof SharedArrayBuffer)).toBe(true);
});

describe('what was watched', () => {
  it('goes on from batch to batch, with packets or without', () => {
    const { spool, sealer, take } = live();
    sealer.watchFrom(at(100));
    take(105, 108);
    sealer.seal(at(110));
    sealer.seal(at(700));
    take(709.75);
    sealer.seal(at(709.5));
    expect(told(spool)).toEqual([
      [100, 110, 2],
      [110, 700, 0],
      [700, 709.75, 1],
    ]);
  });

  it('is split at the hour, by a packet or by the clock', () => {
    const { spool, sealer, take } = live();
    sealer.watchFrom(at(3590));
    take(3599, 3601);
    sealer.seal(at(3610));
    sealer.turn(HOUR + 2);
    sealer.seal(at(7205));
    expect(told(spool)).toEqual([
      [3590, 3600, 1],
      [3600, 3610, 1],
      [3610, 7200, 0],
      [7200, 7205, 0],
    ]);
  });

  it('is told once, though packets come out of order or a clock is set back', () => {
    const { spool, sealer, take } = live();
    sealer.watchFrom(at(3590));
    take(3600.5, 3599.5, 3601);
    sealer.seal(at(3700));
    take(3650);
    sealer.seal(at(3660));
    expect(told(spool)).toEqual([
      [3590, 3600, 0],
      [3600, 3600.5, 1],
      [3599.5, 3599.5, 1],
      [3600.5, 3700, 1],
      [3700, 3700, 1],
    ]);
  });

  it('leaves out the time in which an interface was not watched', () => {
    const { spool, sealer, take } = live();
    sealer.watchFrom(at(0));
    take(5);
    sealer.seal();
    sealer.watchFrom(undefined);
    take(8); // of another interface
    sealer.seal();
    sealer.watchFrom(at(20));
    sealer.seal(at(30));
    expect(told(spool)).toEqual([
      [0, 5, 1],
      [8, 8, 1],
      [20, 30, 0],
    ]);
  });

  it('goes on when a batch is full', () => {
    const { spool, sealer, take } = live(2);
    sealer.watchFrom(at(0));
    take(1, 2, 3);
    sealer.seal(at(10));
    expect(told(spool)).toEqual([
      [0, 2, 2],
      [2, 10, 1],
    ]);
  });
});

it('tells drops and frames left out, and the account balances', () => {
  const { spool, sealer, take } = live();
  sealer.watchFrom(at(0));
  take(1, 2);
  sealer.drop(7);
  const skipped = createSkipped();
  skipped[skipIndex('solicited')] = 3;
  sealer.skip(skipped);
  expect(sealer.open).toEqual({ seen: 12, kernelDrops: 7, skipped: { solicited: 3 }, recorded: 2 });
  sealer.seal(at(10));
  const [batch] = batchesOf(spool);
  expect(batch!.header.counters).toMatchObject({ seen: 12, kernelDrops: 7, skipped: { solicited: 3 } });
  expect(sealer.open.seen).toBe(0);
  expect(balanceOf(spool)).toEqual(BALANCED);
});

it('what was open when it was killed is told at the next start: a number with a time, and nothing watched', () => {
  const { spool, sealer, take } = live();
  sealer.watchFrom(at(0));
  take(1, 2);
  sealer.drop(7);
  const ms = HOUR * 3_600_000 + 5000;
  noteOpen(spool, sealer.open, ms);
  expect(accountOf(spool)).toMatchObject({ seen: 9, open: 2, recorded: 2, kernelDrops: 7 });
  expect(balanceOf(spool)).toEqual(BALANCED);

  expect(tellInterrupted(spool).recorded).toBe(2);
  const [batch] = batchesOf(spool);
  expect(batch!.header).toMatchObject({ hour: HOUR, from: 5 * SECOND, to: 5 * SECOND });
  expect(batch!.header.counters).toMatchObject({ seen: 9, kernelDrops: 7, interrupted: 2 });
  expect(accountOf(spool)).toMatchObject({ seen: 9, open: 0, recorded: 0, interrupted: 2, kernelDrops: 7 });
  expect(balanceOf(spool)).toEqual(BALANCED);
  expect(tellInterrupted(spool).recorded).toBe(0);
});

describe('what the spool has no room for', () => {
  const ms = HOUR * 3_600_000 + 5000;
  const reserveOf = (spool: Spool) => path.join(path.dirname(spool.database.name), 'reserve');

  it('is noted in the reserve, in place, and told at the next start, once', () => {
    const { spool, sealer, take } = live();
    expect(takeReserve(spool.database)).toBe(true);
    const { ino, size } = fs.statSync(reserveOf(spool));
    take(1, 2);
    const putOff = {
      hour: HOUR,
      from: 0,
      to: 0,
      historic: false,
      counters: { ...NOTHING, seen: 5, skipped: { fragment: 5 } },
    };
    const counts = untold(sealer.open, [putOff]);
    expect(counts).toEqual({ seen: 7, kernelDrops: 0, skipped: { fragment: 5 }, recorded: 2 });
    expect(writeReserve(spool.database, { counts, atMs: ms, flush: true })).toBe(true);
    expect(fs.statSync(reserveOf(spool))).toMatchObject({ ino, size });
    expect(accountOf(spool)).toMatchObject({ seen: 7, open: 2, alarms: [COUNTED_ONLY] });
    expect(balanceOf(spool)).toEqual(BALANCED);

    expect(tellInterrupted(spool)).toMatchObject({ recorded: 2, inReserve: true });
    const account = accountOf(spool);
    expect(account).toMatchObject({ seen: 7, open: 0, interrupted: 2, skipped: { fragment: 5 }, alarms: [] });
    expect(account.lostAt).toBe(new Date(ms).toISOString());
    expect(balanceOf(spool)).toEqual(BALANCED);
    expect(tellInterrupted(spool).seen).toBe(0);
  });

  it('is what a later note in the spool says, where that has more', () => {
    const { spool, take, sealer } = live();
    take(1);
    writeReserve(spool.database, { counts: sealer.open, atMs: ms });
    take(2);
    noteOpen(spool, sealer.open, ms + 1000);
    expect(tellInterrupted(spool)).toMatchObject({ recorded: 2, inReserve: false });
  });

  it('is of no use once a batch has told it, or damaged, or of another sensor', () => {
    const { spool, take, sealer } = live();
    take(1);
    const note = { counts: sealer.open, atMs: ms };
    writeReserve(spool.database, note);
    expect(readOpen(spool.database).seen).toBe(1);
    const page = fs.readFileSync(reserveOf(spool));
    const at = page.indexOf('"seen":1') + 7;
    fs.writeFileSync(reserveOf(spool), page.fill('2', at, at + 1));
    expect(readOpen(spool.database).seen).toBe(0);

    const other = live();
    writeReserve(other.spool.database, note);
    other.spool.database.exec("UPDATE state SET sensor = 'another'");
    expect(readOpen(other.spool.database).seen).toBe(0);

    writeReserve(spool.database, note);
    sealer.seal();
    expect(readOpen(spool.database).seen).toBe(0);
  });
});

it('a seal takes the note with it', () => {
  const { spool, sealer, take } = live();
  take(1);
  noteOpen(spool, sealer.open, HOUR * 3_600_000);
  sealer.seal();
  expect(readOpen(spool.database).seen).toBe(0);
  expect(tellInterrupted(spool).recorded).toBe(0);
  expect(spool.database.pragma('synchronous', { simple: true })).toBe(2); // FULL again
});
