/** The log: each batch once, in order, and what is missing. */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DayFile } from '../../collector/log/day-file.ts';
import type { LoggedBatch } from '../../collector/log/entry.ts';
import { Ledger, sensorActivity } from '../../collector/log/ledger.ts';
import { Log } from '../../collector/log/log.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { batch, batches, DAY_MS, NOON, newFolder } from './batches.ts';

let dir: string;
let log: Log;
beforeEach(() => {
  dir = path.join(newFolder(), 'log');
  log = Log.open(dir);
});
afterEach(() => {
  log.close();
  fs.rmSync(path.dirname(dir), { recursive: true });
});

function read(): LoggedBatch[] {
  const reader = LogReader.open(dir);
  const found: LoggedBatch[] = [];
  for (;;) {
    const more = reader.after(found.at(-1)?.position ?? 0, { batches: 1e6, bytes: 1e9 });
    if (more.length === 0) break;
    found.push(...more);
  }
  reader.close();
  return found;
}
function reopen(): void {
  log.close();
  log = Log.open(dir);
}

describe('append', () => {
  it('gives back every batch as it was given, in its order', () => {
    const given = [
      batch(1, { historic: true }),
      batch(2, { clockOffsetMs: 8.64e15 }),
      batch(1, { sensor: 7, length: 0 }),
    ];
    expect(log.append(given)).toEqual([1, 2, 3].map(position => ({ kind: 'logged', position })));
    expect(read()).toEqual(given.map((one, n) => ({ ...one, position: n + 1 })));
    expect(log.head()).toBe(3);
  });

  it('logs a batch once, whether it comes again in the same group, a later one, or after a restart', () => {
    expect(log.append([batch(1), batch(1)]).map(({ kind }) => kind)).toEqual(['logged', 'duplicate']);
    expect(log.append([batch(2), batch(1)])).toEqual([
      { kind: 'logged', position: 2 },
      { kind: 'duplicate', position: 1 },
    ]);
    reopen();
    expect(log.append([batch(2), batch(3)])).toEqual([
      { kind: 'duplicate', position: 2 },
      { kind: 'logged', position: 3 },
    ]);
    expect(read().map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });

  it('fault 9: keeps the first of two contents of one key, and names an epoch beyond those of the same group', () => {
    const other = batch(1, { content: 'other' });
    expect(log.append([batch(1), other, batch(1, { epoch: 4 })])[1]).toEqual({ kind: 'conflict', nextEpoch: 5 });
    expect(log.append([other])).toEqual([{ kind: 'conflict', nextEpoch: 5 }]);
    expect(read().map(({ sha256 }) => sha256)).toEqual([batch(1).sha256, batch(1, { epoch: 4 }).sha256]);
    expect(log.nextEpoch(0)).toBe(5);
    expect(log.nextEpoch(1)).toBe(1);
  });

  it('logs nothing of a group of which one batch is not sound', () => {
    expect(() => log.append([batch(1), batch(2, { records: Number.NaN })])).toThrow(/records NaN/);
    expect(log.append([batch(1)])).toEqual([{ kind: 'logged', position: 1 }]);
  });

  it('begins a file each day, goes on counting, and does not go back when the clock does', () => {
    const tomorrow = NOON + DAY_MS;
    log.append([batch(1), batch(2)]);
    log.append([batch(3, { receivedMs: tomorrow })]);
    log.append([batch(4)]);
    log.append([batch(5, { receivedMs: tomorrow + 3 * DAY_MS })]);
    const days = fs.readdirSync(dir).filter(name => /^\d.*db$/.test(name));
    expect(days).toEqual(['2026-03-02.db', '2026-03-03.db', '2026-03-06.db']);
    expect(read().map(({ position, sequence }) => [position, sequence])).toEqual([1, 2, 3, 4, 5].map(n => [n, n]));
    reopen();
    expect(log.append([batch(6)])).toEqual([{ kind: 'logged', position: 6 }]);
  });
});

describe('geography', () => {
  it('takes a position between batches', () => {
    const entry = {
      sha256: 'ab',
      name: 'GeoLite2',
      built: '2026-02-28',
      files: [{ file: 'a.mmdb', role: 'geo' as const }],
    };
    log.append([batch(1)]);
    expect(log.appendGeo(entry)).toBe(2);
    log.append([batch(2)]);
    expect(log.appendGeo({ ...entry, sha256: 'cd' }, NOON + DAY_MS)).toBe(4);
    reopen();
    expect(log.head()).toBe(4);
    log.append([batch(3)]);
    expect(read().map(({ position }) => position)).toEqual([1, 3, 5]);
    const reader = LogReader.open(dir);
    expect(reader.geoEntries()).toEqual([
      { ...entry, position: 2 },
      { ...entry, sha256: 'cd', position: 4 },
    ]);
    expect([reader.sha256At(1), reader.sha256At(2), reader.sha256At(99)]).toEqual([
      batch(1).sha256,
      undefined,
      undefined,
    ]);
    reader.close();
  });
});

it('an empty file that was begun before the head went on elsewhere begins where it is to', () => {
  log.append(batches(1, 3));
  DayFile.create(path.join(dir, '2026-03-03.db'), 2); // it could not be opened, and the clock stepped back
  log.append(batches(4, 5, { receivedMs: NOON + DAY_MS }));
  expect(read().map(({ position, sequence }) => [position, sequence])).toEqual([1, 2, 3, 4, 5].map(n => [n, n]));
  const reader = LogReader.open(dir);
  expect(reader.after(1, { batches: 9, bytes: 1e6 }).map(({ position }) => position)).toEqual([2, 3]);
  reader.close();
  reopen();
  expect(log.append([batch(6)])).toEqual([{ kind: 'logged', position: 6 }]);
});

describe('gaps', () => {
  const epochs = [{ epoch: 1, sealed: 20 }];
  const ranges = (pairs: number[][], epoch = 1) => pairs.map(([from, to]) => ({ epoch, from, to }));

  it('fault 10: are what is missing of 1 to sealed, whatever the order of arrival', () => {
    expect(log.gaps(0, epochs, 256)).toEqual(ranges([[1, 20]]));
    log.append([5, 3, 9, 10, 4].map(n => batch(n)));
    expect(log.gaps(0, epochs, 256)).toEqual(ranges([[1, 2], [6, 8], [11, 20]])); // biome-ignore format: pairs
    log.append([7, 1].map(n => batch(n)));
    expect(log.gaps(0, epochs, 256)).toEqual(ranges([[2, 2], [6, 6], [8, 8], [11, 20]])); // biome-ignore format: pairs
    log.append([2, 6, 8].map(n => batch(n)));
    expect(log.gaps(0, [{ epoch: 1, sealed: 10 }], 256)).toEqual([]);
    expect(log.gaps(0, [{ epoch: 1, sealed: 7 }], 256)).toEqual([]);
  });

  it('are looked for no further than they may be told', () => {
    const epochs = Array.from({ length: 256 }, (_, n) => ({ epoch: n + 1, sealed: 999 }));
    for (const { epoch } of epochs) log.append([2, 4, 6, 8].map(n => batch(n, { epoch })));
    const asked = vi.spyOn(Ledger.prototype, 'gaps');
    expect(log.gaps(0, epochs, 7)).toHaveLength(7);
    expect(asked.mock.calls.map(([, epoch, , max]) => [epoch, max])).toEqual([
      [1, 7],
      [2, 2],
    ]);
    asked.mockRestore();
  });

  it('agree with those counted from the files', () => {
    const sequences = Array.from({ length: 200 }, (_, n) => ((n * 7919) % 400) + 1);
    for (const sequence of sequences) log.append([batch(sequence), batch(sequence, { epoch: 3 })]);
    const asked = [{ epoch: 3, sealed: 390 }, { epoch: 1, sealed: 410 }]; // biome-ignore format: short
    const before = log.gaps(0, asked, 1e6);
    const missing = (epoch: number, sealed: number) =>
      Array.from({ length: sealed }, (_, n) => n + 1)
        .filter(n => !sequences.includes(n))
        .map(n => `${epoch}/${n}`);
    const told = before.flatMap(({ epoch, from, to }) =>
      Array.from({ length: to - from + 1 }, (_, n) => `${epoch}/${from + n}`),
    );
    expect(told).toEqual([...missing(1, 410), ...missing(3, 390)]);
    log.close();
    fs.rmSync(path.join(dir, 'ledger.db'));
    log = Log.open(dir);
    expect(log.gaps(0, asked, 1e6)).toEqual(before);
  });

  it('beyond the most one answer holds come with the next, and then from the start again', () => {
    log.append([2, 4, 6].map(n => batch(n)));
    const asked = [{ epoch: 1, sealed: 8 }, { epoch: 2, sealed: 3 }]; // biome-ignore format: short
    const told = () => log.gaps(0, asked, 2).map(({ epoch, from, to }) => `${epoch}/${from}-${to}`);
    expect([told(), told(), told(), told()]).toEqual([
      ['1/1-1', '1/3-3'],
      ['1/5-5', '1/7-8'],
      ['2/1-3'],
      ['1/1-1', '1/3-3'],
    ]);
  });
});

describe('the ledger', () => {
  const state = () => [log.gaps(0, [{ epoch: 1, sealed: 50 }], 99), log.nextEpoch(0), [...sensorActivity(dir)]];
  beforeEach(() => {
    log.append([...batches(1, 10), batch(30)]);
    log.append(batches(11, 20, { receivedMs: NOON + DAY_MS }));
  });

  it('is made again when it was deleted or damaged; the log keeps its name', () => {
    const before = state();
    const { id } = log;
    const file = path.join(dir, 'ledger.db');
    for (const spoil of [() => fs.rmSync(file), () => fs.writeFileSync(file, 'no database at all'.repeat(1000))]) {
      log.close();
      spoil();
      log = Log.open(dir);
      expect(state()).toEqual(before);
      expect(log.append([batch(12)])).toEqual([{ kind: 'duplicate', position: 13 }]);
      expect(log.id).toBe(id);
    }
  });

  it('of before losses were told in it is made again', () => {
    const before = state();
    log.close();
    const file = new Database(path.join(dir, 'ledger.db'));
    file.exec('DROP TABLE lost; DROP TABLE left_out; UPDATE gaps SET first = 22; PRAGMA user_version = 1');
    file.close();
    log = Log.open(dir);
    expect(state()).toEqual(before);
  });

  it('fault 2: made again does without a batch that is damaged, which is asked for and logged again', () => {
    log.append(batches(61, 65, { epoch: 9 }));
    log.close();
    const day = fs
      .readdirSync(dir)
      .filter(name => /^\d.*\.db$/.test(name))
      .at(-1)!;
    const file = new Database(path.join(dir, day));
    expect(file.prepare('UPDATE batches SET records = 99 WHERE sequence = 63 AND epoch = 9').run().changes).toBe(1);
    file.close();
    fs.rmSync(path.join(dir, 'ledger.db'));
    const { id } = log;
    log = Log.open(dir);
    expect(log.id).not.toBe(id); // for whoever counted the batch would count it twice
    const gaps = () => log.gaps(0, [{ epoch: 9, sealed: 65 }], 9);
    expect(gaps()).toEqual([
      { epoch: 9, from: 1, to: 60 },
      { epoch: 9, from: 63, to: 63 },
    ]);
    const head = log.head();
    expect(log.append(batches(62, 64, { epoch: 9 }))).toEqual([
      { kind: 'duplicate', position: head - 3 },
      { kind: 'logged', position: head + 1 },
      { kind: 'duplicate', position: head - 1 },
    ]);
    expect(gaps()).toEqual([{ epoch: 9, from: 1, to: 60 }]);
  });

  it('catches up with what it missed', () => {
    const file = path.join(dir, 'ledger.db');
    log.close();
    fs.copyFileSync(file, `${file}.old`);
    log = Log.open(dir);
    log.append(batches(21, 25, { receivedMs: NOON + 2 * DAY_MS }));
    const after = state();
    log.close();
    fs.renameSync(`${file}.old`, file);
    log = Log.open(dir);
    expect(state()).toEqual(after);
  });

  it('forgets what the files lost, and the log takes another name', () => {
    log.close();
    log = Log.open(dir);
    const before = state();
    const { id } = log;
    log.append(batches(40, 45, { receivedMs: NOON + 5 * DAY_MS }));
    log.close();
    fs.rmSync(path.join(dir, '2026-03-07.db'));
    log = Log.open(dir);
    expect(state()).toEqual(before);
    expect(log.id).not.toBe(id);
    expect(log.append([batch(41)])).toEqual([{ kind: 'logged', position: 22 }]);
    expect(LogReader.open(dir).id).toBe(log.id);
  });

  it('is not believed beside the files of another log', () => {
    log.close();
    const other = path.join(path.dirname(dir), 'other');
    const otherLog = Log.open(other);
    otherLog.append(batches(1, 11, { content: 'another past' }));
    otherLog.append(batches(12, 21, { receivedMs: NOON + DAY_MS, content: 'another past' }));
    otherLog.close();
    fs.copyFileSync(path.join(other, 'ledger.db'), path.join(dir, 'ledger.db'));
    log = Log.open(dir);
    expect(log.append([batch(1), batch(1, { content: 'another past' })]).map(({ kind }) => kind)).toEqual([
      'duplicate',
      'conflict',
    ]);
  });

  it('knows what each sensor sent', () => {
    log.append([batch(1, { sensor: 3, records: 7, receivedMs: NOON + 5 })]);
    expect(sensorActivity(dir)).toEqual(
      new Map([
        [0, { batches: 21, records: 210, lastReceivedMs: NOON + DAY_MS }],
        [3, { batches: 1, records: 7, lastReceivedMs: NOON + 5 }],
      ]),
    );
  });

  it('may be kept from writing: the batches are logged, and it knows them afterwards', () => {
    const other = new Database(path.join(dir, 'ledger.db'));
    other.exec('BEGIN IMMEDIATE');
    expect(log.append([batch(50)])).toEqual([{ kind: 'logged', position: 22 }]); // having waited for 5 s
    other.exec('ROLLBACK');
    other.close();
    expect(log.append([batch(50), batch(51)])).toEqual([
      { kind: 'duplicate', position: 22 },
      { kind: 'logged', position: 23 },
    ]);
  });
});
