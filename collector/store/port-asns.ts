/**
 * From which autonomous systems the packets to each port of a day came (count-asns.ts), as the store keeps it: by revision. The same
 * one never has another content, so what is kept of it stays right when the store is counted anew.
 */
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { DAY_MS } from '../../common/time.ts';
import type { Row } from '../reduce/rows.ts';
import { hourlyDays } from './closing.ts';
import { type Part, packRows, unpackRows } from './packed.ts';

/** SQL of its table, which is not among those that are folded (schema.ts). Of several `a` in a part, as in packed.ts. */
export const PORT_ASNS_TABLE = `
  CREATE TABLE port_asns (
    day INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    part INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (day, revision, part)
  ) STRICT, WITHOUT ROWID;`;

/** A closed day to be counted. */
export interface ClosedDay {
  readonly day: number;
  readonly revision: number;
  /** SHA-256 of its geography. */
  readonly geo: string;
}

/** Closed days that it is not counted of, the latest first; of those whose geography knows ASes. */
export const daysWithoutAsns = (database: SqliteDatabase, nowMs: number): ClosedDay[] =>
  database
    .prepare(
      `SELECT day, revision, geo FROM days JOIN geographies ON sha256 = geo
       WHERE closed_ms IS NOT NULL AND stale = 0 AND packets > 0 AND day >= ? AND origin ->> '$.asn' IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM port_asns p WHERE p.day = days.day AND p.revision = days.revision)
       ORDER BY day DESC`,
    )
    .all(firstKept(nowMs)) as ClosedDay[];

const firstKept = (nowMs: number): number => Math.floor(nowMs / DAY_MS) - hourlyDays;

/** Whether the day is closed still, and the same revision. */
export const isStill = (database: SqliteDatabase, { day, revision }: ClosedDay): boolean =>
  database
    .prepare('SELECT 1 FROM days WHERE day = ? AND revision = ? AND closed_ms IS NOT NULL AND stale = 0')
    .get(day, revision) !== undefined;

/** Keeps a day's rows if the day is still what was counted, and drops what is kept no longer. Returns whether it was. */
export function keepPortAsns(
  database: SqliteDatabase,
  closed: ClosedDay,
  rows: readonly Row[],
  nowMs: number,
): boolean {
  const { day, revision } = closed;
  return database
    .transaction(() => {
      if (!isStill(database, closed)) return false;
      database.prepare('DELETE FROM port_asns WHERE day = ? OR day < ?').run(day, firstKept(nowMs));
      const insert = database.prepare('INSERT INTO port_asns VALUES (?, ?, ?, ?)');
      for (const { part, bytes } of packRows('portAsns', rows)) insert.run(day, revision, part, bytes);
      return true;
    })
    .immediate();
}

/**
 * Of a day's revision, from which ASes the packets to a port came, or to all ports that are counted; most packets first. Undefined
 * where it was not counted. Throws `BadState`.
 */
export function readPortAsns(
  database: SqliteDatabase,
  { day, revision }: Pick<ClosedDay, 'day' | 'revision'>,
  target?: number,
): Row[] | undefined {
  const where = 'FROM port_asns WHERE day = ? AND revision = ?';
  const parts = (
    target === undefined
      ? database.prepare(`SELECT part, bytes ${where} ORDER BY part`).all(day, revision)
      : database
          .prepare(`SELECT part, bytes ${where} AND part <= ? ORDER BY part DESC LIMIT 1`)
          .all(day, revision, target)
  ) as Part[];
  const rows: Row[] = [];
  for (const part of parts) unpackRows('portAsns', part, rows, target);
  return rows.length === 0 ? undefined : rows.sort((x, y) => y.packets - x.packets || x.a - y.a || x.b - y.b);
}
