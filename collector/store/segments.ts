/**
 * A day as segments: compressed states whose merge is the day. A commit adds one to each day that it counted; as soon as a tier
 * has `fanIn` of them they become one of the next tier, so that a day of 43,200 commits has 35 at the most, and no record is
 * merged more than five times.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import type { CellTable } from '../reduce/cells.ts';
import { BadState, decodeDay, decodeTable, encodeDay, encodeTable } from '../reduce/codec.ts';
import { Day, TABLES } from '../reduce/day.ts';
import type { DistinctLimits } from '../reduce/distinct.ts';

const fanIn = 8;
/** Of a day's whole state: the last tier. */
export const WHOLE = 100;
/** Keys are as good as random: more effort gains little. */
const COMPRESSION = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

export const compress = (bytes: Uint8Array): Uint8Array => zstdCompressSync(bytes, COMPRESSION);

/** Throws `BadState`. */
export function decompress(bytes: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(bytes);
  } catch (error) {
    throw new BadState(`it cannot be decompressed: ${(error as Error).message}`);
  }
}

export function addSegment(database: SqliteDatabase, day: Day, tier = 0): void {
  database
    .prepare('INSERT INTO segments (day, tier, bytes) VALUES (?, ?, ?)')
    .run(day.day, tier, compress(encodeDay(day)));
}

interface Segment {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** Merges segments of the day while a tier is full, each in a transaction of its own. Returns how many it made. */
export function mergeSegments(database: SqliteDatabase, day: number, sourcesMax: number): number {
  const fullTier = database
    .prepare('SELECT min(tier) FROM (SELECT tier FROM segments WHERE day = ? GROUP BY tier HAVING count(*) >= ?)')
    .pluck();
  for (let made = 0; ; made++) {
    const tier = fullTier.get(day, fanIn) as number | null;
    if (tier === null) return made;
    const segments = database
      .prepare('SELECT id, bytes FROM segments WHERE day = ? AND tier = ? ORDER BY id')
      .all(day, tier) as Segment[];
    const merged = mergeAll(day, segments, sourcesMax);
    database
      .transaction(() => {
        const remove = database.prepare('DELETE FROM segments WHERE id = ?');
        for (const { id } of segments) remove.run(id);
        addSegment(database, merged, tier + 1);
      })
      .immediate();
  }
}

/** The whole day; undefined if it has no segments. Throws `BadState`. */
export function readDay(database: SqliteDatabase, day: number, sourcesMax: number): Day | undefined {
  const segments = database.prepare('SELECT id, bytes FROM segments WHERE day = ? ORDER BY id').all(day) as Segment[];
  return segments.length === 0 ? undefined : mergeAll(day, segments, sourcesMax);
}

/** The states whose merge the day is, the largest first and one in memory at a time. Throws `BadState`. */
export function* statesOf(database: SqliteDatabase, day: number, sourcesMax: number): Generator<Day, void> {
  const ids = database.prepare('SELECT id FROM segments WHERE day = ? ORDER BY length(bytes) DESC').pluck().all(day);
  const bytes = database.prepare('SELECT bytes FROM segments WHERE id = ?').pluck();
  for (const id of ids) yield decode(day, bytes.get(id) as Uint8Array, sourcesMax);
}

function mergeAll(number: number, segments: readonly Segment[], sourcesMax: number): Day {
  let day: Day | undefined;
  for (const { bytes } of segments) {
    const state = decode(number, bytes, sourcesMax);
    if (day === undefined) day = state;
    else day.merge(state);
  }
  return day ?? new Day(number, sourcesMax);
}

function decode(day: number, bytes: Uint8Array, sourcesMax: number): Day {
  const state = decodeDay(decompress(bytes), sourcesMax);
  if (state.day !== day) throw new BadState('it is of another day');
  return state;
}

/** Tables of a day that are kept for themselves, with the limits of their sets. */
export const STATES = {
  total: TABLES.total,
  countries: TABLES.countries,
  ports: TABLES.ports,
} as const satisfies Record<string, DistinctLimits>;
export type StateName = keyof typeof STATES;

export function writeState(database: SqliteDatabase, day: number, name: StateName, table: CellTable): void {
  database
    .prepare('INSERT OR REPLACE INTO states (day, name, bytes) VALUES (?, ?, ?)')
    .run(day, name, compress(encodeTable(table)));
}

/** Throws `BadState`. */
export function readState(database: SqliteDatabase, day: number, name: StateName): CellTable | undefined {
  const bytes = database.prepare('SELECT bytes FROM states WHERE day = ? AND name = ?').pluck().get(day, name) as
    | Uint8Array
    | undefined;
  return bytes === undefined ? undefined : decodeTable(decompress(bytes), STATES[name]);
}
