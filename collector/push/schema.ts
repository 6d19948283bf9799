/**
 * push.db: where files go, and what became of each.
 *
 *   targets     a member's places; `removed_ms` of those that are none any more, so that what went there can be told
 *   deliveries  a file for a target: of a day, a country (or ZZ: the member's networks), a format, a revision of the day
 *   state       `queued`: the last day (since 1970) on whose morning days were looked through
 *
 * A delivery is `waiting`, then `sending` while it is tried, then `delivered`; or `empty` (no row, so nothing was sent),
 * `superseded` (another revision came before it was sent), `withdrawn` (the member may not have it any more), `given-up`. One
 * that is `sending` when nobody is at work was interrupted: whether it arrived is not known, so it is tried again under the same
 * identifier.
 */
export const MIGRATIONS = [
  `CREATE TABLE targets (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     uuid TEXT NOT NULL UNIQUE,
     name TEXT NOT NULL,
     member TEXT NOT NULL,
     kind TEXT NOT NULL CHECK (kind IN ('https', 'mail', 'folder')),
     address TEXT NOT NULL,
     formats TEXT NOT NULL, -- JSON
     shape TEXT NOT NULL,
     empty INTEGER NOT NULL,
     secret TEXT,
     ca TEXT,
     from_day INTEGER NOT NULL,
     created_ms INTEGER NOT NULL,
     removed_ms INTEGER,
     failures INTEGER NOT NULL DEFAULT 0,
     next_ms INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE UNIQUE INDEX targets_by_name ON targets (name) WHERE removed_ms IS NULL;
   CREATE TABLE deliveries (
     id INTEGER PRIMARY KEY,
     target INTEGER NOT NULL REFERENCES targets,
     day INTEGER NOT NULL,
     country TEXT NOT NULL,
     format TEXT NOT NULL,
     revision INTEGER NOT NULL,
     state TEXT NOT NULL,
     tries INTEGER NOT NULL DEFAULT 0,
     interrupted INTEGER NOT NULL DEFAULT 0,
     queued_ms INTEGER NOT NULL,
     next_ms INTEGER NOT NULL,
     last_ms INTEGER,
     bytes INTEGER,
     sha256 TEXT,
     why TEXT,
     UNIQUE (target, day, country, format, revision)
   ) STRICT;
   CREATE INDEX deliveries_by_state ON deliveries (state, next_ms);
   CREATE TABLE state (
     name TEXT PRIMARY KEY,
     value INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  // How often all of it was sent and no answer told that it was not taken: it may be there, whatever became of it later.
  'ALTER TABLE deliveries ADD COLUMN unheard INTEGER NOT NULL DEFAULT 0',
];
