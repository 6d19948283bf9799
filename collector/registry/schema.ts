/**
 * registry.db: who may send, and what they are. Rows are never removed: a name or a number means the same sensor for ever.
 *
 *   organisations  own sensors
 *   sensors        `id` less 1 is the sensor's index in log and store; `epoch` is the last one given out at an enrolment
 *   placements     owner, economy and networks of a sensor since a time; the last one holds
 *   networks       prefixes of a placement, as text
 *   keys           Ed25519 public keys, good until `until_ms` (null: until revoked or replaced)
 *   tokens         for one enrolment each: what names it, and the SHA-256 of the whole; one made void is used and expired at once
 *   exclusions     days of a sensor that are not to count, and why
 *   audit          who did what; reads of raw records are by the member's organisation
 *   members        organisations that may read more than the public, or all of it
 *   member_scopes  what a member may read of: countries, AS numbers and prefixes of sources
 *   member_tokens  what names a token, and the SHA-256 of the whole
 */
export const MIGRATIONS = [
  `CREATE TABLE organisations (
     id INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     title TEXT NOT NULL,
     created_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE sensors (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     uuid TEXT NOT NULL UNIQUE,
     name TEXT NOT NULL UNIQUE,
     created_ms INTEGER NOT NULL,
     revoked_ms INTEGER,
     epoch INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE TABLE placements (
     id INTEGER PRIMARY KEY,
     sensor INTEGER NOT NULL REFERENCES sensors,
     from_ms INTEGER NOT NULL,
     owner INTEGER NOT NULL REFERENCES organisations,
     economy TEXT NOT NULL CHECK (economy GLOB '[A-Z][A-Z]')
   ) STRICT;
   CREATE INDEX placements_by_sensor ON placements (sensor);
   CREATE TABLE networks (
     placement INTEGER NOT NULL REFERENCES placements,
     prefix TEXT NOT NULL,
     PRIMARY KEY (placement, prefix)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE keys (
     id INTEGER PRIMARY KEY,
     sensor INTEGER NOT NULL REFERENCES sensors,
     key_id TEXT NOT NULL UNIQUE,
     public_key BLOB NOT NULL CHECK (length(public_key) = 32),
     from_ms INTEGER NOT NULL,
     until_ms INTEGER
   ) STRICT;
   CREATE INDEX keys_by_sensor ON keys (sensor);
   CREATE TABLE tokens (
     lookup TEXT PRIMARY KEY,
     sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
     sensor INTEGER NOT NULL REFERENCES sensors,
     created_ms INTEGER NOT NULL,
     expires_ms INTEGER NOT NULL,
     overlap_ms INTEGER NOT NULL,
     used_ms INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX tokens_by_sensor ON tokens (sensor);
   CREATE TABLE exclusions (
     id INTEGER PRIMARY KEY,
     sensor INTEGER NOT NULL REFERENCES sensors,
     from_day INTEGER NOT NULL,
     to_day INTEGER NOT NULL CHECK (to_day >= from_day),
     reason TEXT NOT NULL,
     created_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE audit (
     id INTEGER PRIMARY KEY,
     at_ms INTEGER NOT NULL,
     actor TEXT NOT NULL,
     action TEXT NOT NULL,
     sensor INTEGER REFERENCES sensors,
     detail TEXT NOT NULL
   ) STRICT;
   CREATE INDEX audit_by_sensor ON audit (sensor);`,
  `CREATE TABLE members (
     id INTEGER PRIMARY KEY,
     organisation INTEGER NOT NULL UNIQUE REFERENCES organisations,
     role TEXT NOT NULL CHECK (role IN ('member', 'admin')),
     created_ms INTEGER NOT NULL,
     revoked_ms INTEGER
   ) STRICT;
   CREATE TABLE member_scopes (
     member INTEGER NOT NULL REFERENCES members,
     kind TEXT NOT NULL CHECK (kind IN ('country', 'asn', 'prefix')),
     value TEXT NOT NULL,
     PRIMARY KEY (member, kind, value)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE member_tokens (
     lookup TEXT PRIMARY KEY,
     sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
     member INTEGER NOT NULL REFERENCES members,
     created_ms INTEGER NOT NULL,
     expires_ms INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX member_tokens_by_member ON member_tokens (member);
   CREATE INDEX audit_by_time ON audit (at_ms);`,
  `-- An exclusion that was taken back, for some of its days or all: what is left of it is another row.
   ALTER TABLE exclusions ADD COLUMN withdrawn_ms INTEGER;`,
];
