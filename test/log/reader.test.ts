/** Reading the log while it is written, and what a reader says of damage. */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DamagedEntry } from '../../collector/log/day-file.ts';
import type { LoggedBatch } from '../../collector/log/entry.ts';
import { Log } from '../../collector/log/log.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { newSeed } from '../support/random.ts';
import { batch, batches, DAY, DAY_MS, NOON, newFolder } from './batches.ts';

let dir: string;
let log: Log;
beforeEach(() => {
  dir = newFolder();
  log = Log.open(dir);
});
afterEach(() => {
  log.close();
  fs.rmSync(dir, { recursive: true });
});

const positions = (found: Iterable<{ position: number }>) => Array.from(found, ({ position }) => position);

describe('a reader', () => {
  it('follows the writer from day to day, in pieces of any size', () => {
    const reader = LogReader.open(dir);
    expect([reader.head(), reader.after(0, { batches: 5, bytes: 1e6 })]).toEqual([0, []]);
    const seen: number[] = [];
    for (let n = 1; n <= 60; n++) {
      // A new day every third group, more days than a reader keeps files open.
      log.append(batches(n * 10, n * 10 + (n % 5), { receivedMs: NOON + Math.floor(n / 3) * DAY_MS }));
      if (n % 7 === 0) log.appendGeo({ sha256: '', name: '', built: '', files: [] });
      if (n % 4 === 0) seen.push(...positions(reader.after(seen.at(-1) ?? 0, { batches: 3, bytes: 1e6 })));
    }
    for (;;) {
      const found = reader.after(seen.at(-1)!, { batches: 3, bytes: 1e6 });
      if (found.length === 0) break;
      seen.push(...positions(found));
    }
    expect(seen.length).toBe(180);
    expect(new Set(seen).size).toBe(180);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(reader.head()).toBe(log.head());
    reader.close();
  });

  it('gives one batch at least, and no more bytes than asked for beyond it', () => {
    log.append(batches(1, 10, { length: 1000 }));
    const reader = LogReader.open(dir);
    const count = (bytes: number) => reader.after(2, { batches: 100, bytes }).length;
    expect([1, 1000, 1999, 2000, 1e6].map(count)).toEqual([1, 1, 1, 2, 8]);
    reader.close();
  });

  it('gives the batches of one day wherever they lie, up to a position, and others may read meanwhile', () => {
    for (let n = 1; n <= 30; n++)
      log.append([batch(n, { day: DAY + (n % 3), receivedMs: NOON + Math.floor(n / 2) * DAY_MS })]);
    const reader = LogReader.open(dir);
    const found: number[] = [];
    for (const { position, day } of reader.ofDay(DAY + 1, 20)) {
      expect(day).toBe(DAY + 1);
      found.push(position);
      positions(reader.ofDay(DAY, 30)); // walks over all files, more than are kept open
    }
    expect(found).toEqual([1, 4, 7, 10, 13, 16, 19]);
    expect(positions(reader.ofDay(DAY + 9, 30))).toEqual([]);
    reader.close();
  });

  it('says that there is no log', () => {
    fs.rmSync(path.join(dir, 'id'));
    expect(() => LogReader.open(dir)).toThrow(BadDatabase);
  });
});

describe('damage', () => {
  const file = () => path.join(dir, '2026-03-02.db');
  const everything = () => {
    const reader = LogReader.open(dir);
    try {
      const found: LoggedBatch[] = [];
      for (;;) {
        const more = reader.after(found.at(-1)?.position ?? 0, { batches: 1e6, bytes: 1e9 });
        if (more.length === 0) return found;
        found.push(...more);
      }
    } finally {
      reader.close();
    }
  };

  it('fault 2: of any one byte is found, and the file is named', () => {
    log.append(batches(1, 20, { length: 3000 }));
    log.close();
    const sound = fs.readFileSync(file());
    const before = everything();
    const seed = newSeed();
    let found = 0;
    for (let n = 0; n < 300; n++) {
      const at = n < 100 ? n : (seed * 7919 + n * 104_729) % sound.length; // the file's header, then anywhere
      const flipped = Buffer.from(sound);
      flipped[at]! ^= 1 << (n % 8);
      for (const suffix of ['-wal', '-shm']) fs.rmSync(file() + suffix, { force: true });
      fs.writeFileSync(file(), flipped);
      try {
        // Bytes that nothing is in (free space, counters in the header) may be anything: what is read is what was written.
        expect(everything(), `seed ${seed}, byte ${at}`).toEqual(before);
      } catch (error) {
        if ((error as Error).name === 'AssertionError') throw error;
        expect(error, `seed ${seed}, byte ${at}`).toBeInstanceOf(BadDatabase);
        expect((error as Error).message).toContain(file());
        found++;
      }
    }
    expect(found).toBeGreaterThan(100); // most of the file is batches
    fs.writeFileSync(file(), sound);
    log = Log.open(dir);
  });

  it('of one bit, which makes a letter of a column a capital, changes nothing that is read', () => {
    log.append(batches(1, 3));
    log.close();
    const before = everything();
    const bytes = fs.readFileSync(file());
    for (const column of ['position', 'historic', 'checksum']) {
      const at = bytes.indexOf(`${column} INTEGER`, bytes.indexOf('CREATE TABLE batches'));
      bytes[at]! ^= 0x20;
    }
    fs.writeFileSync(file(), bytes);
    expect(bytes.includes('Historic INTEGER')).toBe(true);
    expect(everything()).toEqual(before);
    log = Log.open(dir);
  });

  it('of one entry has its position told, and those around it are read', () => {
    log.append(batches(1, 2));
    log.appendGeo({ sha256: '', name: '', built: '', files: [] }, NOON);
    log.append(batches(3, 6));
    const database = new Database(file());
    database.exec('UPDATE batches SET records = 11 WHERE position = 4');
    const reader = LogReader.open(dir);
    const readOn = (position: number) => reader.after(position, { batches: 10, bytes: 1e6 });
    expect(positions(readOn(0))).toEqual([1, 2]);
    expect(() => readOn(2)).toThrow(DamagedEntry);
    expect(() => readOn(2)).toThrow(/2026-03-02\.db is damaged: the entry at position 4 is not what was written/);
    expect(positions(readOn(4))).toEqual([5, 6, 7]);
    expect(() => positions(reader.ofDay(DAY, 7))).toThrow(DamagedEntry);
    const told: number[] = [];
    expect(positions(reader.ofDay(DAY, 7, ({ position }) => told.push(position)))).toEqual([1, 2, 5, 6, 7]);
    expect(told).toEqual([4]);
    database.exec('DELETE FROM batches WHERE position = 2'); // then nobody knows which one position 4 is
    database.close();
    expect(() => readOn(1)).toThrow(/lacks entries: some of positions 2 to 4/);
    reader.close();
  });

  it('a row or a file that is gone is not passed over', () => {
    log.append(batches(1, 5));
    log.append(batches(6, 7, { receivedMs: NOON + DAY_MS }));
    log.append(batches(8, 9, { receivedMs: NOON + 2 * DAY_MS }));
    const database = new Database(file());
    database.prepare('DELETE FROM batches WHERE position = 3').run();
    expect(everything).toThrow(/2026-03-02\.db lacks entries: some of positions 1 to 5/);
    database.prepare('DELETE FROM batches WHERE position > 2').run();
    database.close();
    const reader = LogReader.open(dir);
    expect(() => reader.after(2, { batches: 10, bytes: 1e6 })).toThrow(/positions 3 to 5/);
    fs.rmSync(path.join(dir, '2026-03-03.db'));
    expect(() => reader.after(5, { batches: 10, bytes: 1e6 })).toThrow(BadDatabase);
    expect(positions(reader.after(7, { batches: 10, bytes: 1e6 }))).toEqual([8, 9]);
    reader.close();
  });

  it('of the newest file keeps the log from being opened', () => {
    log.append(batches(1, 200, { length: 3000 }));
    log.close();
    const bytes = fs.readFileSync(file());
    bytes.fill(0xaa, 8192, 12_288);
    fs.writeFileSync(file(), bytes);
    expect(() => Log.open(dir)).toThrow(BadDatabase);
    fs.rmSync(file());
    log = Log.open(dir);
  });
});
