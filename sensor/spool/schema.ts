/**
 * The sensor's state, one SQLite database:
 *
 *   state     whose it is, the epoch that batches are sealed in, and counters not told in any batch yet
 *   epoch     the last sequence sealed in each
 *   batch     sealed batches: waiting for the collector, acknowledged (kept for a while), or malformed to it
 *   account   all packets since the state was made; changes in the transaction of the batch that tells them
 *   open      what a live run has seen since its last batch, as of a second ago; no row: nothing, or it is in the reserve (reserve.ts)
 *   reading   how far each capture was read, likewise
 *   contact   what is known of the collector, and when something was lost
 *   alarm     what somebody should look at
 */

export const WAITING = 0;
export const ACKNOWLEDGED = 1;
/** The collector called it malformed, or it is damaged: its records are among the lost. */
export const QUARANTINED = 2;

/** In `reading`: a damaged database took with it how far captures were read; its place is the time of that (ISO 8601). */
export const LOST_PLACES = 'lost';

export const MIGRATIONS = [
  `
CREATE TABLE state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  sensor TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  pending TEXT NOT NULL
) STRICT;
CREATE TABLE epoch (epoch INTEGER PRIMARY KEY, sealed INTEGER NOT NULL) STRICT;
CREATE TABLE batch (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  epoch INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  state INTEGER NOT NULL,
  sealed_ms INTEGER NOT NULL,
  acknowledged_ms INTEGER,
  records INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  counters TEXT NOT NULL,
  wire_sha256 BLOB NOT NULL,
  wire BLOB NOT NULL,
  UNIQUE (epoch, sequence)
) STRICT;
CREATE INDEX batch_of_state ON batch (state, id, records, bytes);
CREATE TABLE account (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seen INTEGER NOT NULL DEFAULT 0,
  recorded INTEGER NOT NULL DEFAULT 0,
  kernel_drops INTEGER NOT NULL DEFAULT 0,
  interrupted INTEGER NOT NULL DEFAULT 0,
  skipped TEXT NOT NULL DEFAULT '{}',
  shipped_batches INTEGER NOT NULL DEFAULT 0,
  shipped_records INTEGER NOT NULL DEFAULT 0,
  lost_batches INTEGER NOT NULL DEFAULT 0,
  lost_records INTEGER NOT NULL DEFAULT 0,
  quarantined INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE open (one INTEGER PRIMARY KEY CHECK (one = 1), at_ms INTEGER NOT NULL, counts TEXT NOT NULL) STRICT;
CREATE TABLE reading (capture TEXT PRIMARY KEY, place TEXT NOT NULL, touched_ms INTEGER NOT NULL) STRICT;
CREATE TABLE contact (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  acknowledged_ms INTEGER,
  offset_ms INTEGER,
  lost_ms INTEGER
) STRICT;
CREATE TABLE alarm (name TEXT PRIMARY KEY, text TEXT NOT NULL, since_ms INTEGER NOT NULL, until_ms INTEGER) STRICT;
INSERT INTO account (one) VALUES (1);
INSERT INTO contact (one) VALUES (1);
`,
];
