/** The registry's statements. Rows name a sensor by its index, parameters by its id (index and 1). */
import type { SqliteDatabase } from '../../common/sqlite/open.ts';

export interface KeyRow {
  readonly sensor: number;
  readonly publicKey: Uint8Array;
  readonly untilMs: number | null;
}

export interface TokenRow {
  readonly lookup: string;
  readonly sensor: number;
  readonly sha256: Uint8Array;
  readonly expiresMs: number;
  readonly overlapMs: number;
  readonly usedMs: number | null;
}

/** The last placement holds. */
const SENSOR = `
  SELECT s.id - 1 AS "index", s.uuid AS id, s.name, o.name AS owner, p.economy, s.created_ms AS createdMs,
         s.revoked_ms AS revokedMs
    FROM sensors s JOIN placements p ON p.id = (SELECT max(id) FROM placements WHERE sensor = s.id)
                   JOIN organisations o ON o.id = p.owner`;

export function prepare(database: SqliteDatabase) {
  const one = (sql: string) => database.prepare(sql).pluck();
  const rows = (sql: string) => database.prepare(sql);
  return {
    dataVersion: one('PRAGMA data_version'),
    organisations: rows('SELECT name, title, created_ms AS createdMs FROM organisations ORDER BY name'),
    organisationId: one('SELECT id FROM organisations WHERE name = ?'),
    addOrganisation: rows('INSERT INTO organisations (name, title, created_ms) VALUES (?, ?, ?)'),
    sensors: rows(`${SENSOR} ORDER BY s.id`),
    sensor: rows(`${SENSOR} WHERE s.id = ?`),
    sensorByName: rows(`${SENSOR} WHERE s.name = ?`),
    addSensor: rows('INSERT INTO sensors (uuid, name, created_ms) VALUES (?, ?, ?)'),
    revoke: rows('UPDATE sensors SET revoked_ms = ? WHERE id = ?'),
    epoch: one('SELECT epoch FROM sensors WHERE id = ?'),
    setEpoch: rows('UPDATE sensors SET epoch = ? WHERE id = ?'),
    placements: rows(
      `SELECT p.id, p.sensor - 1 AS "index", o.name AS owner, p.economy, p.from_ms AS fromMs
         FROM placements p JOIN organisations o ON o.id = p.owner ORDER BY p.sensor, p.id`,
    ),
    addPlacement: rows('INSERT INTO placements (sensor, from_ms, owner, economy) VALUES (?, ?, ?, ?)'),
    networks: one('SELECT prefix FROM networks WHERE placement = ? ORDER BY prefix'),
    networksNow: one(
      `SELECT prefix FROM networks WHERE placement = (SELECT max(id) FROM placements WHERE sensor = ?)
         ORDER BY prefix`,
    ),
    addNetwork: rows('INSERT INTO networks VALUES (?, ?)'),
    key: rows('SELECT sensor - 1 AS sensor, public_key AS publicKey, until_ms AS untilMs FROM keys WHERE key_id = ?'),
    keys: rows('SELECT key_id AS keyId, from_ms AS fromMs, until_ms AS untilMs FROM keys WHERE sensor = ? ORDER BY id'),
    keyTaken: one('SELECT key_id FROM keys WHERE sensor = ? AND public_key = ? AND from_ms = ? AND until_ms IS NULL'),
    addKey: rows('INSERT INTO keys (sensor, key_id, public_key, from_ms) VALUES (?, ?, ?, ?)'),
    endKeys: rows('UPDATE keys SET until_ms = min(coalesce(until_ms, @untilMs), @untilMs) WHERE sensor = @sensor'),
    token: rows(
      `SELECT lookup, sensor - 1 AS sensor, sha256, expires_ms AS expiresMs, overlap_ms AS overlapMs, used_ms AS usedMs
         FROM tokens WHERE lookup = ?`,
    ),
    addToken: rows('INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, NULL)'),
    useToken: rows('UPDATE tokens SET used_ms = ? WHERE lookup = ?'),
    voidTokens: rows(
      `UPDATE tokens SET used_ms = @nowMs, expires_ms = min(expires_ms, @nowMs)
         WHERE sensor = @sensor AND used_ms IS NULL`,
    ),
    exclude: rows('INSERT INTO exclusions (sensor, from_day, to_day, reason, created_ms) VALUES (?, ?, ?, ?, ?)'),
    exclusions: rows(
      `SELECT sensor - 1 AS sensor, from_day AS "from", to_day AS "to", reason, created_ms AS createdMs
         FROM exclusions WHERE withdrawn_ms IS NULL ORDER BY id`,
    ),
    exclusionsOf: rows(
      `SELECT id, from_day AS "from", to_day AS "to", reason FROM exclusions
         WHERE sensor = ? AND withdrawn_ms IS NULL AND from_day <= ? AND to_day >= ? ORDER BY id`,
    ),
    withdraw: rows('UPDATE exclusions SET withdrawn_ms = ? WHERE id = ?'),
    exclusionChanged: one(
      'SELECT max(max(created_ms, coalesce(withdrawn_ms, 0))) FROM exclusions WHERE from_day <= ? AND to_day >= ?',
    ),
    note: rows('INSERT INTO audit (at_ms, actor, action, sensor, detail) VALUES (?, ?, ?, ?, ?)'),
    audit: rows('SELECT at_ms AS atMs, actor, action, detail FROM audit WHERE sensor = ? ORDER BY id DESC LIMIT ?'),
  };
}
