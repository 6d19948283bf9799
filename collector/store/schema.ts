/**
 * store.db: what was counted of the log up to a position, to be thrown away and counted again at any time.
 *
 * An open day is its segments: states of what was folded between two commits (reduce/codec.ts, compressed with zstd), whose
 * merge is the day. `states` has single tables of a day (reduce/codec.ts, the same way) whose cells are named by nothing of a
 * geography, so that distinct sources of several days can be told. A closed day is rows as well (reduce/rows.ts, packed.ts).
 */
import fs from 'node:fs';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { openDatabase } from '../../common/sqlite/open.ts';
import { PORT_ASNS_TABLE } from './port-asns.ts';
import { REVISIONS_TABLE } from './revisions.ts';

const MIGRATIONS = [
  `-- How far the log is counted, and what a state must have been made with to be merged with others.
   CREATE TABLE progress (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     log TEXT NOT NULL,
     position INTEGER NOT NULL,
     sha256 BLOB NOT NULL,
     state_version INTEGER NOT NULL,
     sources_max INTEGER NOT NULL,
     key_print TEXT NOT NULL
   ) STRICT;
   -- What of a geography is needed to read a state.
   CREATE TABLE geographies (
     sha256 TEXT PRIMARY KEY,
     origin TEXT NOT NULL,
     places BLOB NOT NULL
   ) STRICT;
   CREATE TABLE days (
     day INTEGER PRIMARY KEY,
     geo TEXT NOT NULL REFERENCES geographies (sha256),
     revision INTEGER NOT NULL,
     packets INTEGER NOT NULL,
     changed_ms INTEGER NOT NULL, -- receive time of the last batch
     stale INTEGER NOT NULL, -- to be folded again from the log
     closed_ms INTEGER, -- when its rows were written
     level INTEGER -- of a closed day: its sample
   ) STRICT;
   -- Sensors that the day was folded without.
   CREATE TABLE excluded (
     day INTEGER NOT NULL,
     sensor INTEGER NOT NULL,
     PRIMARY KEY (day, sensor)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE segments (
     id INTEGER PRIMARY KEY,
     day INTEGER NOT NULL,
     tier INTEGER NOT NULL,
     bytes BLOB NOT NULL
   ) STRICT;
   CREATE INDEX segments_by_day ON segments (day);
   CREATE TABLE states (
     day INTEGER NOT NULL,
     name TEXT NOT NULL,
     bytes BLOB NOT NULL,
     PRIMARY KEY (day, name)
   ) STRICT;
   -- Of each sensor and day; a misdated batch is under its receive date.
   CREATE TABLE accounts (
     sensor INTEGER NOT NULL,
     day INTEGER NOT NULL,
     misdated INTEGER NOT NULL,
     batches INTEGER NOT NULL,
     records INTEGER NOT NULL,
     seen INTEGER NOT NULL,
     kernel_drops INTEGER NOT NULL,
     interrupted INTEGER NOT NULL,
     lost_batches INTEGER NOT NULL,
     lost_records INTEGER NOT NULL,
     PRIMARY KEY (sensor, day, misdated)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE skipped (
     sensor INTEGER NOT NULL,
     day INTEGER NOT NULL,
     misdated INTEGER NOT NULL,
     reason TEXT NOT NULL,
     packets INTEGER NOT NULL,
     PRIMARY KEY (sensor, day, misdated, reason)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE lost (
     sensor INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     first INTEGER NOT NULL,
     last INTEGER NOT NULL,
     records INTEGER NOT NULL,
     PRIMARY KEY (sensor, epoch, first, last)
   ) STRICT, WITHOUT ROWID;
   -- What each sensor watched of each hour, in microseconds: the sum, and the spans as JSON.
   CREATE TABLE coverage (
     sensor INTEGER NOT NULL,
     hour INTEGER NOT NULL,
     watched INTEGER NOT NULL,
     spans TEXT NOT NULL,
     PRIMARY KEY (sensor, hour)
   ) STRICT, WITHOUT ROWID;
   -- A closed day: reduce/rows.ts says what a and b are, and which table has which number. sensor -1: all of them together.
   CREATE TABLE rows (
     name INTEGER NOT NULL,
     sensor INTEGER NOT NULL,
     day INTEGER NOT NULL,
     a INTEGER NOT NULL,
     b INTEGER NOT NULL,
     packets INTEGER NOT NULL,
     sources INTEGER NOT NULL,
     scanning_sources INTEGER NOT NULL,
     PRIMARY KEY (day, name, sensor, a, b)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE top_sources (
     day INTEGER NOT NULL,
     rank INTEGER NOT NULL,
     source TEXT NOT NULL, -- JSON
     PRIMARY KEY (day, rank)
   ) STRICT, WITHOUT ROWID;
   -- Weeks, months and quarters (rollup.ts) by their first days, and from which revisions of days they were made.
   CREATE TABLE rollup_periods (
     kind TEXT NOT NULL,
     day INTEGER NOT NULL,
     signature TEXT NOT NULL,
     PRIMARY KEY (kind, day)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE rollups (
     kind TEXT NOT NULL,
     day INTEGER NOT NULL,
     name TEXT NOT NULL,
     a INTEGER NOT NULL,
     rank INTEGER NOT NULL,
     packets INTEGER NOT NULL,
     source_days INTEGER NOT NULL,
     sources INTEGER,
     scanning_sources INTEGER,
     PRIMARY KEY (kind, day, name, a)
   ) STRICT, WITHOUT ROWID;`,
  `-- Batches of the log that are damaged, and so in no count.
   CREATE TABLE damaged (
     position INTEGER PRIMARY KEY,
     why TEXT NOT NULL
   ) STRICT;`,
  `-- Rows take a fifth now (packed.ts says how; part is the a of the first). Days whose states are there are closed again from
   -- them, others folded again from the log.
   UPDATE days SET closed_ms = NULL WHERE day IN (SELECT day FROM segments);
   UPDATE days SET stale = 1 WHERE closed_ms IS NOT NULL;
   DROP TABLE rows;
   CREATE TABLE rows (
     name INTEGER NOT NULL,
     sensor INTEGER NOT NULL,
     day INTEGER NOT NULL,
     part INTEGER NOT NULL,
     bytes BLOB NOT NULL,
     PRIMARY KEY (day, name, sensor, part)
   ) STRICT, WITHOUT ROWID;
   DELETE FROM rollup_periods;
   DROP TABLE rollups;
   CREATE TABLE rollups (
     kind TEXT NOT NULL,
     day INTEGER NOT NULL,
     name TEXT NOT NULL,
     bytes BLOB NOT NULL, -- rollup.ts
     PRIMARY KEY (kind, day, name)
   ) STRICT;
   -- By time before sensor: one asks for a day of all of them, and a year of 100 sensors has 876,000 hours.
   ALTER TABLE accounts RENAME TO accounts_before;
   CREATE TABLE accounts (
     sensor INTEGER NOT NULL,
     day INTEGER NOT NULL,
     misdated INTEGER NOT NULL,
     batches INTEGER NOT NULL,
     records INTEGER NOT NULL,
     seen INTEGER NOT NULL,
     kernel_drops INTEGER NOT NULL,
     interrupted INTEGER NOT NULL,
     lost_batches INTEGER NOT NULL,
     lost_records INTEGER NOT NULL,
     PRIMARY KEY (day, sensor, misdated)
   ) STRICT, WITHOUT ROWID;
   INSERT INTO accounts SELECT * FROM accounts_before;
   DROP TABLE accounts_before;
   ALTER TABLE skipped RENAME TO skipped_before;
   CREATE TABLE skipped (
     sensor INTEGER NOT NULL,
     day INTEGER NOT NULL,
     misdated INTEGER NOT NULL,
     reason TEXT NOT NULL,
     packets INTEGER NOT NULL,
     PRIMARY KEY (day, sensor, misdated, reason)
   ) STRICT, WITHOUT ROWID;
   INSERT INTO skipped SELECT * FROM skipped_before;
   DROP TABLE skipped_before;
   ALTER TABLE coverage RENAME TO coverage_before;
   CREATE TABLE coverage (
     sensor INTEGER NOT NULL,
     hour INTEGER NOT NULL,
     watched INTEGER NOT NULL,
     spans TEXT NOT NULL,
     PRIMARY KEY (hour, sensor)
   ) STRICT, WITHOUT ROWID;
   INSERT INTO coverage SELECT * FROM coverage_before;
   DROP TABLE coverage_before;`,
  REVISIONS_TABLE,
  PORT_ASNS_TABLE,
];

/** Tables whose rows are folded from the log. */
export const FOLDED_TABLES = [
  'progress',
  'excluded',
  'segments',
  'states',
  'days',
  'geographies',
  'accounts',
  'skipped',
  'lost',
  'coverage',
  'rows',
  'top_sources',
  'rollup_periods',
  'rollups',
  'damaged',
] as const;

/** Up to here a store is read through when it is opened for writing, a tenth of a second; a larger one is found damaged in use. */
const checkBytesMax = 64 * 2 ** 20;

/** Throws `BadDatabase`. */
export function openStoreFile(file: string, readonly: boolean): SqliteDatabase {
  const bytes = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return openDatabase(file, { migrations: MIGRATIONS, readonly, check: !readonly && bytes <= checkBytesMax });
}
