/**
 * What the log holds, by key: so that a batch is logged once, and a sensor learns what is missing. All of it can be had from
 * the day files, which are the truth; it is committed after them, and need not be on the disk: what it lacks when the log is
 * opened is added, what it has beyond them is removed (Log.open).
 *
 *   reached  one row: every entry up to this position is in
 *   batches  one row a batch
 *   epochs   the highest sequence of each epoch of a sensor
 *   gaps     ranges below the highest sequence that are not there, and were not told as lost: few, while batches are many
 *   lost     ranges that the heads of batches told as lost for good, apart from each other, each by the position that told it
 *            first: nobody is asked for them
 *   sensors  sums, so that a list of sensors is had at once
 *   left_out batches that could not be read when it came to them, and where they are: it does without them (left-out.ts)
 */
import fs from 'node:fs';
import path from 'node:path';
import { BadBatch } from '../../common/batch/format.ts';
import { readBatchHeader } from '../../common/batch/open.ts';
import type { SequenceRange } from '../../common/protocol/messages.ts';
import { openDatabase, type SqliteDatabase } from '../../common/sqlite/open.ts';
import type { LoggedBatch } from './entry.ts';
import { type LeftOut, type LeftOutKind, type LeftOutRange, rangesMax } from './left-out.ts';

/** Its name in the log's directory. */
export const LEDGER = 'ledger.db';

const MIGRATIONS = [
  `CREATE TABLE reached (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     position INTEGER NOT NULL
   ) STRICT;
   INSERT INTO reached VALUES (1, 0);
   CREATE TABLE batches (
     sensor INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     sequence INTEGER NOT NULL,
     sha256 BLOB NOT NULL,
     position INTEGER NOT NULL,
     received_ms INTEGER NOT NULL,
     records INTEGER NOT NULL,
     PRIMARY KEY (sensor, epoch, sequence)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX batches_by_position ON batches (position);
   CREATE TABLE epochs (
     sensor INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     highest INTEGER NOT NULL,
     PRIMARY KEY (sensor, epoch)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE gaps (
     sensor INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     first INTEGER NOT NULL,
     last INTEGER NOT NULL CHECK (last >= first),
     PRIMARY KEY (sensor, epoch, first)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE sensors (
     sensor INTEGER PRIMARY KEY,
     batches INTEGER NOT NULL,
     records INTEGER NOT NULL,
     last_received_ms INTEGER NOT NULL
   ) STRICT;`,
  // What was told as lost stands in the day files alone: all of it is read again.
  `CREATE TABLE lost (
     sensor INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     first INTEGER NOT NULL,
     last INTEGER NOT NULL CHECK (last >= first),
     position INTEGER NOT NULL,
     PRIMARY KEY (sensor, epoch, first)
   ) STRICT, WITHOUT ROWID;
   DELETE FROM batches;
   DELETE FROM epochs;
   DELETE FROM gaps;
   DELETE FROM sensors;
   UPDATE reached SET position = 0;`,
  `CREATE TABLE left_out (
     position INTEGER PRIMARY KEY,
     place TEXT NOT NULL,
     what TEXT NOT NULL CHECK (what IN ('batch', 'losses'))
   ) STRICT;`,
];

/** Everything else from `batches`; of the gaps those told as lost are still to be taken out. */
const DERIVE = `
  DELETE FROM epochs;
  INSERT INTO epochs SELECT sensor, epoch, max(sequence) FROM batches GROUP BY sensor, epoch;
  DELETE FROM gaps;
  INSERT INTO gaps SELECT sensor, epoch, before + 1, sequence - 1
    FROM (SELECT sensor, epoch, sequence,
                 lag(sequence, 1, 0) OVER (PARTITION BY sensor, epoch ORDER BY sequence) AS before FROM batches)
    WHERE sequence > before + 1;
  DELETE FROM sensors;
  INSERT INTO sensors SELECT sensor, count(*), sum(records), max(received_ms) FROM batches GROUP BY sensor;`;

/** As in a file's checks: a tenth of a second. */
const checkBytesMax = 64 * 2 ** 20;

type BatchKeyRow = Pick<
  LoggedBatch,
  'position' | 'sensor' | 'epoch' | 'sequence' | 'sha256' | 'receivedMs' | 'records' | 'bytes'
>;

/** What lies up to a position in one place. */
interface Added {
  /** Keys that the ledger does not have, in the order of their positions. */
  readonly batches?: readonly BatchKeyRow[];
  /** Positions of batches that cannot be read. */
  readonly damaged?: readonly number[];
  /** All entries are in up to there. */
  readonly reached: number;
  /** A day file's name, or `ARCHIVE`. */
  readonly place: string;
}

interface Span {
  readonly first: number;
  readonly last: number;
}

export interface LedgerEntry {
  readonly position: number;
  readonly sha256: Uint8Array;
}

/** What a sensor has sent. */
export interface Activity {
  readonly batches: number;
  readonly records: number;
  /** When its last batch came, milliseconds since 1970. */
  readonly lastReceivedMs: number;
}

export class Ledger {
  readonly #database: SqliteDatabase;
  readonly #statements: ReturnType<typeof prepare>;

  private constructor(database: SqliteDatabase) {
    this.#database = database;
    this.#statements = prepare(database);
  }

  /** Throws `BadDatabase`. */
  static open(file: string, { readonly = false, bytes = 0 } = {}): Ledger {
    const database = openDatabase(file, {
      migrations: MIGRATIONS,
      readonly,
      check: !readonly && bytes <= checkBytesMax,
    });
    // The day file was synced before it: what a power failure takes from here is there.
    if (!readonly) database.pragma('synchronous = NORMAL');
    return new Ledger(database);
  }

  reached(): number {
    return this.#statements.reached.get() as number;
  }

  find(sensor: number, epoch: number, sequence: number): LedgerEntry | undefined {
    return this.#statements.find.get(sensor, epoch, sequence) as LedgerEntry | undefined;
  }

  /** The last batch up to `reached`. */
  lastBatch(): LedgerEntry | undefined {
    return this.#statements.lastBatch.get() as LedgerEntry | undefined;
  }

  add({ batches = [], damaged = [], reached, place }: Added): void {
    this.#database
      .transaction(() => {
        for (const batch of batches) {
          const { position, sensor, epoch, sequence, sha256, receivedMs, records } = batch;
          this.#statements.add.run(sensor, epoch, sequence, sha256, position, receivedMs, records);
          this.#noteSequence(batch);
          const lost = lostOf(batch.bytes);
          if (lost === undefined) this.#statements.leaveOut.run(position, place, 'losses' satisfies LeftOutKind);
          for (const range of lost ?? []) this.#noteLost(sensor, range, position);
          this.#statements.noteActivity.run(sensor, records, receivedMs);
        }
        for (const position of damaged) this.#statements.leaveOut.run(position, place, 'batch' satisfies LeftOutKind);
        this.#statements.reach.run(reached);
      })
      .immediate();
  }

  /** Takes out what lies beyond a position. */
  trim(position: number): void {
    this.#database
      .transaction(() => {
        this.#statements.trim.run(position);
        this.#statements.trimLost.run(position);
        this.#statements.trimLeftOut.run(position);
        this.#database.exec(DERIVE);
        for (const { sensor, epoch, first, last } of this.#statements.allLost.all() as (EpochOf & Span)[])
          this.#closeGaps(sensor, epoch, { first, last });
        this.#statements.reach.run(position);
      })
      .immediate();
  }

  /** The highest epoch of which there is a batch, 0 if there is none. */
  lastEpoch(sensor: number): number {
    return (this.#statements.lastEpoch.get(sensor) as number | null) ?? 0;
  }

  /**
   * Up to `max` ranges missing below the highest sequence of an epoch and not told as lost, ascending, the first of them at or
   * after `from`.
   */
  gaps(sensor: number, epoch: number, from: number, max: number): SequenceRange[] {
    return this.#statements.gaps.all(sensor, epoch, from, max) as SequenceRange[];
  }

  /** What of `from` to `to` was not told as lost, ascending. */
  notLost(sensor: number, { epoch, from, to }: SequenceRange): SequenceRange[] {
    const lost = this.#overlapping(this.#statements.lost, sensor, epoch, { first: from, last: to });
    return without({ first: from, last: to }, lost).map(({ first, last }) => ({ epoch, from: first, to: last }));
  }

  /** The highest sequence of which there is a batch, 0 if there is none. */
  highest(sensor: number, epoch: number): number {
    return (this.#statements.highest.get(sensor, epoch) as number | undefined) ?? 0;
  }

  /** By the sensor's index; sensors that sent nothing are absent. */
  activity(): Map<number, Activity> {
    const rows = this.#statements.activity.all() as (Activity & { sensor: number })[];
    return new Map(rows.map(({ sensor, ...activity }) => [sensor, activity]));
  }

  leftOut(what: LeftOutKind): LeftOut {
    return {
      batches: this.#statements.countLeftOut.get(what) as number,
      ranges: this.#statements.leftOut.all(what, rangesMax) as LeftOutRange[],
    };
  }

  close(): void {
    this.#database.close();
  }

  #noteSequence({ sensor, epoch, sequence }: BatchKeyRow): void {
    const highest = this.highest(sensor, epoch);
    if (sequence <= highest) {
      this.#closeGaps(sensor, epoch, { first: sequence, last: sequence });
      return;
    }
    this.#statements.setHighest.run(sensor, epoch, sequence);
    for (const gap of this.notLost(sensor, { epoch, from: highest + 1, to: sequence - 1 }))
      this.#statements.addGap.run(sensor, epoch, gap.from, gap.to);
  }

  #noteLost(sensor: number, { epoch, from, to }: SequenceRange, position: number): void {
    for (const fresh of this.notLost(sensor, { epoch, from, to }))
      this.#statements.addLost.run(sensor, epoch, fresh.from, fresh.to, position);
    this.#closeGaps(sensor, epoch, { first: from, last: to });
  }

  /** Takes a span out of the gaps, as far as it is in them. */
  #closeGaps(sensor: number, epoch: number, span: Span): void {
    const { overlappingGaps, removeGap, addGap } = this.#statements;
    for (const gap of this.#overlapping(overlappingGaps, sensor, epoch, span)) {
      removeGap.run(sensor, epoch, gap.first);
      for (const { first, last } of without(gap, [span])) addGap.run(sensor, epoch, first, last);
    }
  }

  /** Rows of a table of spans that are apart from each other, ascending. */
  #overlapping(statement: Statement, sensor: number, epoch: number, { first, last }: Span): Span[] {
    return statement.all({ sensor, epoch, first, last }) as Span[];
  }
}

interface EpochOf {
  readonly sensor: number;
  readonly epoch: number;
}

/** `span` without `others`, which ascend and are apart from each other. */
function without(span: Span, others: readonly Span[]): Span[] {
  const left: Span[] = [];
  let { first } = span;
  for (const other of others) {
    if (first < other.first) left.push({ first, last: Math.min(span.last, other.first - 1) });
    first = Math.max(first, other.last + 1);
  }
  if (first <= span.last) left.push({ first, last: span.last });
  return left;
}

/** What a batch tells as lost. Undefined of bytes whose head cannot be read: the log keeps whatever it was given. */
function lostOf(bytes: Uint8Array): readonly SequenceRange[] | undefined {
  try {
    return readBatchHeader(bytes).counters.lost;
  } catch (error) {
    if (!(error instanceof BadBatch)) throw error;
    return undefined;
  }
}

type Statement = ReturnType<SqliteDatabase['prepare']>;

/** The last span that begins at or before @first may reach into it; all others that do begin after it. */
const overlapping = (table: 'gaps' | 'lost') =>
  `SELECT first, last FROM ${table} WHERE sensor = @sensor AND epoch = @epoch AND first <= @last AND last >= @first
     AND first >= coalesce((SELECT max(first) FROM ${table} WHERE sensor = @sensor AND epoch = @epoch AND first <= @first), 0)
     ORDER BY first`;

function prepare(database: SqliteDatabase) {
  return {
    reached: database.prepare('SELECT position FROM reached').pluck(),
    reach: database.prepare('UPDATE reached SET position = ?'),
    find: database.prepare('SELECT position, sha256 FROM batches WHERE sensor = ? AND epoch = ? AND sequence = ?'),
    lastBatch: database.prepare('SELECT position, sha256 FROM batches ORDER BY position DESC LIMIT 1'),
    add: database.prepare('INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?)'),
    trim: database.prepare('DELETE FROM batches WHERE position > ?'),
    trimLost: database.prepare('DELETE FROM lost WHERE position > ?'),
    trimLeftOut: database.prepare('DELETE FROM left_out WHERE position > ?'),
    leaveOut: database.prepare('INSERT OR IGNORE INTO left_out VALUES (?, ?, ?)'),
    countLeftOut: database.prepare('SELECT count(*) FROM left_out WHERE what = ?').pluck(),
    // The difference is the same of all neighbours.
    leftOut: database.prepare(
      `SELECT place, min(position) AS "from", max(position) AS "to"
         FROM (SELECT place, position, position - row_number() OVER (PARTITION BY place ORDER BY position) AS island
                 FROM left_out WHERE what = ?)
         GROUP BY place, island ORDER BY "from" LIMIT ?`,
    ),
    allLost: database.prepare('SELECT sensor, epoch, first, last FROM lost'),
    addLost: database.prepare('INSERT INTO lost VALUES (?, ?, ?, ?, ?)'),
    lost: database.prepare(overlapping('lost')),
    noteActivity: database.prepare(
      `INSERT INTO sensors VALUES (?, 1, ?, ?)
         ON CONFLICT (sensor) DO UPDATE SET batches = batches + 1, records = records + excluded.records,
           last_received_ms = max(last_received_ms, excluded.last_received_ms)`,
    ),
    lastEpoch: database.prepare('SELECT max(epoch) FROM epochs WHERE sensor = ?').pluck(),
    highest: database.prepare('SELECT highest FROM epochs WHERE sensor = ? AND epoch = ?').pluck(),
    setHighest: database.prepare('INSERT OR REPLACE INTO epochs VALUES (?, ?, ?)'),
    addGap: database.prepare('INSERT INTO gaps VALUES (?, ?, ?, ?)'),
    overlappingGaps: database.prepare(overlapping('gaps')),
    removeGap: database.prepare('DELETE FROM gaps WHERE sensor = ? AND epoch = ? AND first = ?'),
    gaps: database.prepare(
      `SELECT epoch, first AS "from", last AS "to" FROM gaps WHERE sensor = ? AND epoch = ? AND first >= ?
         ORDER BY first LIMIT ?`,
    ),
    activity: database.prepare('SELECT sensor, batches, records, last_received_ms AS lastReceivedMs FROM sensors'),
  };
}

/** What each sensor has sent, by its index, while another process may write. `dir` is the log's. */
export function sensorActivity(dir: string): Map<number, Activity> {
  const file = path.join(dir, LEDGER);
  if (!fs.existsSync(file)) return new Map();
  const ledger = Ledger.open(file, { readonly: true });
  try {
    return ledger.activity();
  } finally {
    ledger.close();
  }
}
