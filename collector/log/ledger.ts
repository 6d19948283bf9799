/**
 * What the log holds, by key: so that a batch is logged once, and a sensor learns what is missing. All of it can be had from
 * the day files, which are the truth; it is committed after them, and need not be on the disk: what it lacks when the log is
 * opened is added, what it has beyond them is removed (Log.open).
 *
 *   reached  one row: every entry up to this position is in
 *   batches  one row a batch
 *   epochs   the highest sequence of each epoch of a sensor
 *   gaps     ranges below the highest sequence that are not there: few, while batches are many
 *   sensors  sums, so that a list of sensors is had at once
 */
import fs from 'node:fs';
import path from 'node:path';
import type { SequenceRange } from '../../common/protocol/messages.ts';
import { openDatabase, type SqliteDatabase } from '../../common/sqlite/open.ts';
import type { LoggedBatch } from './entry.ts';

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
];

/** Everything but `batches`, from it. */
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
  'position' | 'sensor' | 'epoch' | 'sequence' | 'sha256' | 'receivedMs' | 'records'
>;

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

  /** Keys it does not have, in the order of their positions, and the position all entries are in up to then. */
  add(batches: readonly BatchKeyRow[], reached: number): void {
    this.#database
      .transaction(() => {
        for (const batch of batches) {
          const { position, sensor, epoch, sequence, sha256, receivedMs, records } = batch;
          this.#statements.add.run(sensor, epoch, sequence, sha256, position, receivedMs, records);
          this.#noteSequence(batch);
          this.#statements.noteActivity.run(sensor, records, receivedMs);
        }
        this.#statements.reach.run(reached);
      })
      .immediate();
  }

  /** Takes out what lies beyond a position. */
  trim(position: number): void {
    this.#database
      .transaction(() => {
        this.#statements.trim.run(position);
        this.#database.exec(DERIVE);
        this.#statements.reach.run(position);
      })
      .immediate();
  }

  /** The highest epoch of which there is a batch, 0 if there is none. */
  lastEpoch(sensor: number): number {
    return (this.#statements.lastEpoch.get(sensor) as number | null) ?? 0;
  }

  /** Up to `max` ranges missing below the highest sequence of an epoch, ascending, the first of them at or after `from`. */
  gaps(sensor: number, epoch: number, from: number, max: number): SequenceRange[] {
    return this.#statements.gaps.all(sensor, epoch, from, max) as SequenceRange[];
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

  close(): void {
    this.#database.close();
  }

  #noteSequence({ sensor, epoch, sequence }: BatchKeyRow): void {
    const { setHighest, addGap, gapAround, removeGap } = this.#statements;
    const highest = this.highest(sensor, epoch);
    if (sequence > highest) {
      if (sequence > highest + 1) addGap.run(sensor, epoch, highest + 1, sequence - 1);
      setHighest.run(sensor, epoch, sequence);
      return;
    }
    const gap = gapAround.get(sensor, epoch, sequence) as { first: number; last: number };
    removeGap.run(sensor, epoch, gap.first);
    if (gap.first < sequence) addGap.run(sensor, epoch, gap.first, sequence - 1);
    if (sequence < gap.last) addGap.run(sensor, epoch, sequence + 1, gap.last);
  }
}

function prepare(database: SqliteDatabase) {
  return {
    reached: database.prepare('SELECT position FROM reached').pluck(),
    reach: database.prepare('UPDATE reached SET position = ?'),
    find: database.prepare('SELECT position, sha256 FROM batches WHERE sensor = ? AND epoch = ? AND sequence = ?'),
    lastBatch: database.prepare('SELECT position, sha256 FROM batches ORDER BY position DESC LIMIT 1'),
    add: database.prepare('INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?)'),
    trim: database.prepare('DELETE FROM batches WHERE position > ?'),
    noteActivity: database.prepare(
      `INSERT INTO sensors VALUES (?, 1, ?, ?)
         ON CONFLICT (sensor) DO UPDATE SET batches = batches + 1, records = records + excluded.records,
           last_received_ms = max(last_received_ms, excluded.last_received_ms)`,
    ),
    lastEpoch: database.prepare('SELECT max(epoch) FROM epochs WHERE sensor = ?').pluck(),
    highest: database.prepare('SELECT highest FROM epochs WHERE sensor = ? AND epoch = ?').pluck(),
    setHighest: database.prepare('INSERT OR REPLACE INTO epochs VALUES (?, ?, ?)'),
    addGap: database.prepare('INSERT INTO gaps VALUES (?, ?, ?, ?)'),
    gapAround: database.prepare(
      'SELECT first, last FROM gaps WHERE sensor = ? AND epoch = ? AND first <= ? ORDER BY first DESC LIMIT 1',
    ),
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
