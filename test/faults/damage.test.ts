/** Databases with flipped bytes and torn write-ahead logs: what is wrong is found and told, and all the rest is used. */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import type { NewBatch } from '../../collector/log/entry.ts';
import { Log } from '../../collector/log/log.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { openBatch } from '../../common/batch/open.ts';
import { BadDatabase, openDatabase } from '../../common/sqlite/open.ts';
import { openSpool } from '../../sensor/spool/recover.ts';
import { batches, newFolder } from '../log/batches.ts';
import { accountOf, draft, newSpool, SPOOL_OPTIONS, temporary } from '../sensor/support.ts';
import { createRandom } from '../support/random.ts';

const random = createRandom(Number(process.env.ENAGA_SEED ?? Date.now() % 1e6));
console.log(`seed of the damage: ${random.seed} (ENAGA_SEED repeats it)`);

it('fault 2: a database whose head has any byte changed opens, or is called damaged by its name', () => {
  const file = path.join(temporary(), 'some.db');
  const options = { migrations: ['CREATE TABLE one (a INTEGER) STRICT'] };
  openDatabase(file, options).close();
  const sound = fs.readFileSync(file);
  let damaged = 0;
  for (let at = 0; at < 100; at++)
    for (const value of [0, 0xff, sound[at]! ^ 1, sound[at]! ^ 0x80]) {
      const bytes = Buffer.from(sound);
      bytes[at] = value;
      for (const suffix of ['-wal', '-shm', '-journal']) fs.rmSync(file + suffix, { force: true });
      fs.writeFileSync(file, bytes);
      try {
        openDatabase(file, options).close();
      } catch (error) {
        expect(error, `byte ${at} as ${value}`).toBeInstanceOf(BadDatabase);
        expect((error as Error).message).toContain(file);
        damaged++;
      }
    }
  expect(damaged).toBeGreaterThan(50);
});

it('fault 2: a spool with any byte flipped is told, and ships every batch that is whole, unchanged', () => {
  const folder = temporary();
  const file = path.join(folder, 'spool.db');
  const spool = newSpool({}, file);
  for (let n = 0; n < 10; n++) spool.commit([draft(1000)]);
  const wires = new Set(spool.waiting(99).map(id => spool.take(id)!.sha256));
  spool.close();
  const sound = fs.readFileSync(file);
  let told = 0;
  for (let n = 0; n < 60; n++) {
    const at = n < 20 ? random.below(4096) : random.below(sound.length);
    const bytes = Buffer.from(sound);
    bytes[at]! ^= 1 << random.below(8);
    const place = path.join(folder, String(n), 'spool.db');
    fs.mkdirSync(path.dirname(place));
    fs.writeFileSync(place, bytes);
    const { spool: opened, putAside } = openSpool(place, { ...SPOOL_OPTIONS, epoch: 2 });
    const where = `seed ${random.seed}, byte ${at}`;
    const shipped = opened.waiting(99).flatMap(id => opened.take(id) ?? []);
    for (const { wire } of shipped) expect(wires, where).toContain(openBatch(wire).sha256);
    expect(new Set(shipped.map(({ sha256 }) => sha256)).size, where).toBe(shipped.length);
    if (shipped.length < 10) {
      told++;
      const { quarantined, alarms } = accountOf(opened);
      expect(putAside !== undefined || quarantined === 1, where).toBe(true);
      expect(alarms.length, where).toBeGreaterThan(0);
      if (putAside === undefined) expect(shipped, where).toHaveLength(9);
      else expect(fs.existsSync(putAside), where).toBe(true);
    }
    opened.close();
  }
  expect(told).toBeGreaterThan(15); // most of the file is batches
});

it.each([
  { what: 'version is one to come', at: () => 18 },
  { what: 'index tells another size of a batch', at: endOfIndex },
])('fault 2: a spool whose $what is put aside, and all of its batches are shipped', ({ at }) => {
  const file = path.join(temporary(), 'spool.db');
  const spool = newSpool({}, file);
  for (let n = 0; n < 10; n++) spool.commit([draft(10)]);
  const wires = spool.waiting(99).map(id => spool.take(id)!.sha256);
  spool.close();
  const bytes = fs.readFileSync(file);
  bytes[at(file)]! ^= 1;
  fs.writeFileSync(file, bytes);
  const { spool: opened, putAside } = openSpool(file, { ...SPOOL_OPTIONS, epoch: 2 });
  expect(fs.readFileSync(putAside!)).toEqual(bytes);
  expect(opened.waiting(99).map(id => opened.take(id)!.sha256)).toEqual(wires);
  expect(accountOf(opened).alarms).toEqual([expect.stringContaining('10 unsent batches of it were saved')]);
  opened.close();
});

/** Where the entry lies that the index of the batches by state was given first: it ends with the batch's bytes. */
function endOfIndex(file: string): number {
  const database = new Database(file, { readonly: true });
  try {
    const root = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'batch_of_state'").pluck().get();
    return Number(root) * Number(database.pragma('page_size', { simple: true })) - 1;
  } finally {
    database.close();
  }
}

it('fault 2: a log whose write-ahead log is torn has what came before, says so by another name, and asks for the rest', () => {
  const folder = newFolder();
  onTestFinished(() => fs.rmSync(folder, { recursive: true }));
  const dir = path.join(folder, 'log');
  const log = Log.open(dir);
  const { id } = log;
  const all: NewBatch[] = batches(1, 40, { length: 900 });
  for (let n = 0; n < all.length; n += 4) log.append(all.slice(n, n + 4));
  const wal = fs.readdirSync(dir).find(name => /^\d.*-wal$/.test(name))!;
  let shorter = 0;
  for (let n = 0; n < 25; n++) {
    // As a kill leaves it, and then torn: cut, or with a byte that is another.
    const torn = path.join(folder, String(n));
    fs.cpSync(dir, torn, { recursive: true });
    for (const name of fs.readdirSync(torn)) if (name.endsWith('-shm')) fs.rmSync(path.join(torn, name));
    const bytes = fs.readFileSync(path.join(torn, wal));
    const at = random.below(bytes.length);
    bytes[at]! ^= 1 << random.below(8);
    fs.writeFileSync(path.join(torn, wal), n % 2 === 0 ? bytes : bytes.subarray(0, at));
    const where = `seed ${random.seed}, byte ${at}`;
    const again = Log.open(torn);
    const head = again.head();
    const reader = LogReader.open(torn);
    const found = reader.after(0, { batches: 100, bytes: 1e9 });
    reader.close();
    expect(found, where).toEqual(all.slice(0, head).map((one, i) => ({ ...one, position: i + 1 })));
    expect(again.id === id, where).toBe(head === all.length);
    const missing = head === all.length ? [] : [{ epoch: 1, from: head + 1, to: all.length }];
    expect(again.gaps(0, [{ epoch: 1, sealed: all.length }], 9), where).toEqual(missing);
    const kinds = again.append(all).map(({ kind }) => kind);
    expect(kinds, where).toEqual(all.map((_, i) => (i < head ? 'duplicate' : 'logged')));
    again.close();
    shorter += head < all.length ? 1 : 0;
  }
  expect(shorter).toBeGreaterThan(10);
  log.close();
});
