/**
 * peers.db: figures of others beside our own and never among them. A source is a peer (another Enaga collector, pulled through
 * its API) or an import (captures and files of another system, counted here). Nothing of it is in the store or in any total.
 *
 * Names of cells are numbers, as in reduce/rows.ts: of what a peer says no text is kept but the name of its geography. A
 * revised day replaces the one before it whole, in one transaction. An import keeps the state of each of its days
 * (reduce/codec.ts, compressed with zstd) with the geography it was counted with, so that the next file can be merged into it.
 */

import type { RowTable } from '../reduce/rows.ts';

export const MIGRATIONS = [
  `CREATE TABLE sources (
     id INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     kind TEXT NOT NULL CHECK (kind IN ('peer', 'import')),
     url TEXT, -- of a peer; and paths, never what is in the files
     token_file TEXT,
     ca_file TEXT,
     published INTEGER NOT NULL, -- the public may see it
     added_ms INTEGER NOT NULL,
     etag TEXT, -- of its list of days as it was last read whole
     tried_ms INTEGER,
     done_ms INTEGER,
     trouble TEXT,
     trouble_text TEXT
   ) STRICT;
   CREATE TABLE days (
     source INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
     day INTEGER NOT NULL,
     revision INTEGER NOT NULL,
     guarded INTEGER NOT NULL, -- rounded and cut short, as its public gets it
     packets INTEGER NOT NULL,
     sources INTEGER,
     scanning INTEGER,
     mean REAL,
     geo TEXT NOT NULL,
     built TEXT NOT NULL,
     taken_ms INTEGER NOT NULL,
     PRIMARY KEY (source, day)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE tables (
     source INTEGER NOT NULL,
     day INTEGER NOT NULL,
     name TEXT NOT NULL,
     complete INTEGER NOT NULL,
     PRIMARY KEY (source, day, name),
     FOREIGN KEY (source, day) REFERENCES days (source, day) ON DELETE CASCADE
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE cells (
     source INTEGER NOT NULL,
     day INTEGER NOT NULL,
     name TEXT NOT NULL,
     rank INTEGER NOT NULL,
     a INTEGER NOT NULL,
     b INTEGER NOT NULL,
     packets INTEGER NOT NULL,
     sources INTEGER,
     scanning INTEGER,
     mean REAL,
     share REAL NOT NULL,
     PRIMARY KEY (source, day, name, rank),
     FOREIGN KEY (source, day, name) REFERENCES tables (source, day, name) ON DELETE CASCADE
   ) STRICT, WITHOUT ROWID;
   -- Of an import, by content.
   CREATE TABLE files (
     source INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
     sha256 TEXT NOT NULL,
     file TEXT NOT NULL, -- its name, without folders
     format TEXT NOT NULL,
     taken_ms INTEGER NOT NULL,
     packets INTEGER NOT NULL,
     records INTEGER NOT NULL,
     skipped TEXT NOT NULL, -- JSON: packets by reason
     damage TEXT,
     PRIMARY KEY (source, sha256)
   ) STRICT, WITHOUT ROWID;
   -- What of a geography is needed to read a state (store/geography.ts).
   CREATE TABLE geographies (
     sha256 TEXT PRIMARY KEY,
     origin TEXT NOT NULL,
     places BLOB NOT NULL
   ) STRICT;
   CREATE TABLE states (
     source INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
     day INTEGER NOT NULL,
     geo TEXT NOT NULL REFERENCES geographies (sha256),
     version INTEGER NOT NULL,
     bytes BLOB NOT NULL,
     PRIMARY KEY (source, day)
   ) STRICT;
   -- Up to which position of the log a day was sent to DShield.
   CREATE TABLE submitted (
     url TEXT NOT NULL,
     day INTEGER NOT NULL,
     log TEXT NOT NULL,
     position INTEGER NOT NULL,
     records INTEGER NOT NULL,
     at_ms INTEGER NOT NULL,
     PRIMARY KEY (url, day, log)
   ) STRICT;`,
  `-- What is being sent: of a run that was cut short nobody knows whether it was taken.
   ALTER TABLE submitted ADD COLUMN under_position INTEGER;
   ALTER TABLE submitted ADD COLUMN under_records INTEGER;`,
];

export const sourcesMax = 64;
/** Of a source; older ones go. */
export const keptDaysMax = 400;
/** Rows of a day's table that are kept, the busiest. */
export const KEPT_ROWS = { ports: 1000, countries: 300, portCountries: 5000 } as const satisfies Partial<
  Record<RowTable, number>
>;
export type KeptTable = keyof typeof KEPT_ROWS;
export const KEPT_TABLES = Object.keys(KEPT_ROWS) as KeptTable[];
