/**
 * Sealed batches on the sensor's disk until the collector has them, and the account of all packets (schema.ts). Bounded: what
 * does not fit pushes out acknowledged batches first, then those put aside, then the oldest waiting ones, which the next batch
 * tells as lost, together with all that they told themselves.
 *
 * One process writes (the caller holds the lock of the directory); others may read.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { BatchHeader, Counters } from '../../common/batch/batch.ts';
import { openBatch } from '../../common/batch/open.ts';
import { type Sealed, sealBatch } from '../../common/batch/seal.ts';
import type { SequenceRange } from '../../common/protocol/messages.ts';
import { createRecords } from '../../common/record/record.ts';
import { isFull } from '../../common/sqlite/full.ts';
import { checkSchema, damageNamed, openDatabase, type SqliteDatabase } from '../../common/sqlite/open.ts';
import { Alarms } from './alarms.ts';
import { addCounters, addSkipped, balances, batchesToTell, countersOfLost, NOTHING, partTold } from './counters.ts';
import { checkHeader } from './header.ts';
import { dropOldest } from './room.ts';
import { ACKNOWLEDGED, MIGRATIONS, QUARANTINED, WAITING } from './schema.ts';
import type { Draft, Progress, SpoolOptions, Waiting } from './types.ts';

interface Row {
  id: number;
  epoch: number;
  sequence: number;
  state: number;
  records: number;
  bytes: number;
  sha256: string;
  counters: string;
}

/** Left to the rest of the machine; below it the spool grows no more. */
export const diskReserveBytes = 32 * 2 ** 20;
/** Attempts to write on a full disk, each after dropping one batch more than before. */
const fullAttemptsMax = 16;
/** Captures whose place is remembered. */
const readingsMax = 100_000;
const ROW = 'id, epoch, sequence, state, records, bytes, sha256, counters';

/** The disk takes nothing, though batches were dropped for it. */
export class DiskFull extends Error {
  override readonly name = 'DiskFull';
}

export class Spool {
  readonly alarms: Alarms;
  readonly database: SqliteDatabase;
  readonly #options: SpoolOptions;
  readonly #now: () => number;
  /** Batches in flight: what becomes of them is not known, so they are not dropped. */
  readonly #held = new Set<number>();
  #bytes: number;
  /** Bytes there were when the disk became full; undefined while it is not. */
  #fullBytes: number | undefined;

  private constructor(database: SqliteDatabase, options: SpoolOptions) {
    this.database = database;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.alarms = new Alarms(database, this.#now);
    database
      .prepare('INSERT INTO state VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING')
      .run(options.sensor, options.epoch, JSON.stringify(NOTHING));
    this.#bytes = this.#sumBytes();
  }

  /** Reads the whole file for damage first. Throws `BadDatabase`. Nobody in this process may have it open. */
  static open(file: string, options: SpoolOptions): Spool {
    checkHeader(file);
    const database = openDatabase(file, { migrations: MIGRATIONS, checkIndexes: true });
    try {
      checkSchema(database, file, MIGRATIONS);
      return new Spool(database, options);
    } catch (error) {
      database.close();
      throw damageNamed(error, file); // the check misses some of it
    }
  }

  get sensor(): string {
    return this.#pluck('SELECT sensor FROM state') as string;
  }

  get epoch(): number {
    return this.#pluck('SELECT epoch FROM state') as number;
  }

  /** Nothing was ever sealed here. */
  get isEmpty(): boolean {
    return this.#pluck('SELECT count(*) FROM epoch') === 0;
  }

  /** Bytes of the waiting batches as a part of what may be kept; an upper bound while it is below a half. */
  get fill(): number {
    const most = this.#bytes / this.#options.bytesMax;
    if (most < 0.5) return most; // the sum below is only worth its time when it matters
    const bytes = this.#pluck(`SELECT coalesce(sum(bytes), 0) FROM batch WHERE state = ${WAITING}`) as number;
    return bytes / this.#options.bytesMax;
  }

  /** Counters that no batch has told yet: what was lost since. */
  get pending(): Counters {
    return JSON.parse(this.#pluck('SELECT pending FROM state') as string);
  }

  placeOf(name: string): string | undefined {
    return this.#pluck('SELECT place FROM reading WHERE capture = ?', name) as string | undefined;
  }

  /** The next reading of this capture begins at its start. */
  forgetPlace(name: string): void {
    this.#run('DELETE FROM reading WHERE capture = ?', name);
  }

  /** Seals the drafts and moves the reading on, all or nothing. Throws `DiskFull`. */
  commit(drafts: readonly Draft[], progress?: Progress): void {
    for (let dropMin = 0; ; dropMin++) {
      try {
        this.#transaction(() => {
          this.#drop(dropMin, 0);
          for (const draft of drafts) this.#seal(draft);
          if (progress !== undefined) this.#move(progress);
          this.#run('DELETE FROM open'); // these drafts tell it
        });
        return;
      } catch (error) {
        if (!isFull(error)) throw error;
        if (dropMin >= fullAttemptsMax) throw new DiskFull('the disk is full, and dropping batches made no room');
        this.#checkpoint();
      }
    }
  }

  /** Seals what is pending into batches of its own, as many as it takes; false if there is nothing to tell. */
  tellPending(at: Pick<BatchHeader, 'hour' | 'from' | 'to' | 'historic'>): boolean {
    const batches = batchesToTell(this.pending); // before: where there is no room each pushes out another, which is pending then
    for (let n = 0; n < batches; n++) this.commit([{ ...at, counters: NOTHING }]);
    return batches > 0;
  }

  /** Ids of the oldest waiting batches. */
  waiting(max: number): number[] {
    const sql = `SELECT id FROM batch WHERE state = ${WAITING} ORDER BY id LIMIT ?`;
    return this.database.prepare(sql).pluck().all(max) as number[];
  }

  /** Takes a batch out to send it, until it is given back. Undefined if it is damaged, and then put aside, or gone. */
  take(id: number): Waiting | undefined {
    const sql = `SELECT ${ROW}, wire_sha256, wire FROM batch WHERE id = ? AND state = ${WAITING}`;
    const row = this.database.prepare(sql).get(id) as (Row & { wire_sha256: Buffer; wire: Buffer }) | undefined;
    if (row === undefined) return undefined;
    if (!row.wire_sha256.equals(digest(row.wire))) {
      this.quarantine(id, 'its bytes on the disk are damaged');
      return undefined;
    }
    this.#held.add(id);
    const { epoch, sequence, sha256, records, wire } = row;
    return { id, sensor: this.sensor, epoch, sequence, sha256, records, wire };
  }

  giveBack(id: number): void {
    this.#held.delete(id);
  }

  /** The collector has it. */
  acknowledge(id: number): void {
    const nowMs = this.#now();
    this.#transaction(() => {
      const row = this.#row(id);
      if (row?.state !== WAITING) return;
      this.#run(`UPDATE batch SET state = ${ACKNOWLEDGED}, acknowledged_ms = ? WHERE id = ?`, nowMs, id);
      this.#run(
        'UPDATE account SET shipped_batches = shipped_batches + 1, shipped_records = shipped_records + ?',
        row.records,
      );
      this.#run('UPDATE contact SET acknowledged_ms = ?', nowMs);
    });
  }

  /** Puts a batch aside that nobody can use: it is kept while there is room, and told as lost. */
  quarantine(id: number, why: string): void {
    this.#transaction(() => {
      const row = this.#row(id);
      if (row?.state !== WAITING) return;
      this.#run(`UPDATE batch SET state = ${QUARANTINED} WHERE id = ?`, id);
      this.#run('UPDATE account SET quarantined = quarantined + 1');
      this.#lose(row);
      this.alarms.raise('quarantine', `batch ${row.epoch}/${row.sequence} was put aside: ${why}`, quarantineAlarmMs);
    });
  }

  /** From now on batches are sealed in this epoch. */
  openEpoch(epoch: number): void {
    assert(epoch > this.epoch, 'epochs go up');
    this.#run('UPDATE state SET epoch = ?', epoch);
  }

  /** Seals a waiting batch again in the epoch of now: its key was used for another content. */
  reseal(id: number): void {
    this.#transaction(() => {
      const row = this.#row(id);
      if (row?.state !== WAITING) return;
      const wire = this.#pluck('SELECT wire FROM batch WHERE id = ?', id) as Buffer;
      const { header, records } = openBatch(wire);
      const sealedMs = this.#pluck('SELECT sealed_ms FROM batch WHERE id = ?', id) as number;
      this.#run('DELETE FROM batch WHERE id = ?', id);
      this.#bytes -= row.bytes;
      const key = this.#nextKey();
      this.#insert(key, sealBatch({ header: { ...header, ...key }, records }), row.counters, sealedMs);
    });
  }

  /**
   * Lets batches wait again that were acknowledged by the time `askedMs`; returns how many of these sequences are still kept.
   * (Later ones were on their way when it was asked what is missing. Times to come are of a clock that was set back.)
   */
  requeue(ranges: readonly SequenceRange[], askedMs: number): number {
    return this.#transaction(() => {
      let found = 0;
      for (const { epoch, from, to } of ranges) {
        const rows = this.database
          .prepare(
            `UPDATE batch SET state = ${WAITING}, acknowledged_ms = NULL
             WHERE state = ${ACKNOWLEDGED} AND epoch = ? AND sequence BETWEEN ? AND ?
             AND (acknowledged_ms <= ? OR acknowledged_ms > ?) RETURNING records`,
          )
          .pluck()
          .all(epoch, from, to, askedMs, this.#now()) as number[];
        const records = rows.reduce((sum, count) => sum + count, 0);
        this.#run(
          'UPDATE account SET shipped_batches = shipped_batches - ?, shipped_records = shipped_records - ?',
          rows.length,
          records,
        );
        found += rows.length;
      }
      return found;
    });
  }

  /** The last sequence sealed in each epoch of which there are batches, and in the one of now. */
  epochs(): { epoch: number; sealed: number }[] {
    const sql =
      'SELECT epoch, sealed FROM epoch WHERE epoch IN (SELECT epoch FROM batch) OR epoch IN (SELECT epoch FROM state)';
    return this.database.prepare(`${sql} ORDER BY epoch`).all() as { epoch: number; sealed: number }[];
  }

  /** Forgets batches acknowledged long ago. */
  release(): void {
    this.#transaction(() => {
      const before = this.#now() - this.#options.keepMs;
      this.#run(`DELETE FROM batch WHERE state = ${ACKNOWLEDGED} AND acknowledged_ms < ?`, before);
    });
    this.#bytes = this.#sumBytes();
  }

  noteClock(offsetMs: number): void {
    this.#run('UPDATE contact SET offset_ms = ?', Math.round(offsetMs));
  }

  close(): void {
    this.database.close();
  }

  #seal({ records: given, counters, ...part }: Draft): void {
    const records = given ?? createRecords(4, 0);
    records.hour = part.hour;
    assert(balances(counters, records.count), 'what a batch tells is what was seen');
    const key = this.#nextKey();
    for (;;) {
      const { now, later } = partTold(addCounters(counters, this.pending));
      const header: BatchHeader = { sensor: this.sensor, ...key, ...part, counters: now };
      const sealed = sealBatch({ header, records });
      // What is dropped for it is told by it, so it is sealed again.
      if (this.#drop(0, sealed.bytes.length) > 0) continue;
      this.#run('UPDATE state SET pending = ?', JSON.stringify(later));
      this.#insert(key, sealed, JSON.stringify(now), this.#now());
      this.#count(counters, records.count);
      return;
    }
  }

  #nextKey(): { epoch: number; sequence: number } {
    const { epoch } = this;
    const sql = 'INSERT INTO epoch VALUES (?, 1) ON CONFLICT DO UPDATE SET sealed = sealed + 1 RETURNING sealed';
    return { epoch, sequence: this.#pluck(sql, epoch) as number };
  }

  #insert(key: { epoch: number; sequence: number }, sealed: Sealed, counters: string, sealedMs: number): void {
    const { bytes, sha256, records } = sealed;
    const sql = `INSERT INTO batch (epoch, sequence, state, sealed_ms, records, bytes, sha256, counters, wire_sha256, wire)
      VALUES (?, ?, ${WAITING}, ?, ?, ?, ?, ?, ?, ?)`;
    const { epoch, sequence } = key;
    this.#run(sql, epoch, sequence, sealedMs, records, bytes.length, sha256, counters, digest(bytes), bytes);
    this.#bytes += bytes.length;
  }

  /** Into the account: what was seen now, and not what a lost batch had told before. */
  #count({ seen, kernelDrops, interrupted, skipped }: Counters, records: number): void {
    const before = JSON.parse(this.#pluck('SELECT skipped FROM account') as string);
    this.#run(
      `UPDATE account SET seen = seen + ?, recorded = recorded + ?, kernel_drops = kernel_drops + ?,
       interrupted = interrupted + ?, skipped = ?`,
      seen,
      records,
      kernelDrops,
      interrupted,
      JSON.stringify(addSkipped(before, skipped)),
    );
  }

  /** Drops `min` batches, and more until `bytes` fit; returns how many waiting ones were among them. */
  #drop(min: number, bytes: number): number {
    const room = Math.min(this.#options.bytesMax, this.#diskBytesMax());
    return dropOldest(this.database, this.#held, { min, bytes: this.#bytes + bytes - room }, dropped => {
      this.#bytes -= dropped.bytes;
      if (dropped.state === WAITING) this.#lose(dropped);
    });
  }

  /** What the disk lets the spool be: as large as it was when the disk became full, until there is room again. */
  #diskBytesMax(): number {
    const free = this.#options.diskFree?.();
    if (free === undefined) return Number.POSITIVE_INFINITY;
    const room = free - diskReserveBytes;
    if (room > 0) {
      if (this.alarms.has('disk')) this.alarms.clear('disk');
      this.#fullBytes = undefined;
      return this.#bytes + room;
    }
    this.#fullBytes ??= this.#bytes;
    this.alarms.raise('disk', 'the disk is full: the oldest batches make room for new ones');
    return this.#fullBytes;
  }

  #lose(row: Pick<Row, 'epoch' | 'sequence' | 'records' | 'counters'>): void {
    const pending = addCounters(this.pending, countersOfLost(JSON.parse(row.counters), row));
    this.#run('UPDATE state SET pending = ?', JSON.stringify(pending));
    this.#run('UPDATE account SET lost_batches = lost_batches + 1, lost_records = lost_records + ?', row.records);
    this.#run('UPDATE contact SET lost_ms = ?', this.#now());
  }

  #move({ name, place }: Progress): void {
    this.#run(
      'INSERT INTO reading VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET place = excluded.place, touched_ms = excluded.touched_ms',
      name,
      place,
      this.#now(),
    );
    this.#run(
      'DELETE FROM reading WHERE capture NOT IN (SELECT capture FROM reading ORDER BY touched_ms DESC LIMIT ?)',
      readingsMax,
    );
  }

  #row(id: number): Row | undefined {
    return this.database.prepare(`SELECT ${ROW} FROM batch WHERE id = ?`).get(id) as Row | undefined;
  }

  #sumBytes(): number {
    return this.#pluck('SELECT coalesce(sum(bytes), 0) FROM batch') as number;
  }

  #run(sql: string, ...values: unknown[]): void {
    this.database.prepare(sql).run(...values);
  }

  #pluck(sql: string, ...values: unknown[]): unknown {
    return this.database
      .prepare(sql)
      .pluck()
      .get(...values);
  }

  /** Hands the log's room back; on a full disk that may fail like anything else. */
  #checkpoint(): void {
    try {
      this.database.pragma('wal_checkpoint(TRUNCATE)');
    } catch (error) {
      if (!isFull(error)) throw error;
    }
  }

  #transaction<Result>(work: () => Result): Result {
    try {
      return this.database.transaction(work).immediate();
    } catch (error) {
      this.#bytes = this.#sumBytes();
      throw error;
    }
  }
}

/** For how long somebody is told that a batch was put aside. */
const quarantineAlarmMs = 24 * 3600_000;

const digest = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
