/**
 * A day as segments: compressed states whose merge is the day. A commit adds one to each day that it counted; as soon as a tier
 * has `fanIn` of them they become one of the next tier, so that a day of 43,200 commits has 35, and no record is merged more than
 * five times. Where large ones are merged beside (merging.ts), a tier has more of them meanwhile, but never `waitingMax`.
 */
import assert from 'node:assert/strict';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import type { CellTable } from '../reduce/cells.ts';
import { BadState, decodeDay, decodeTable, encodeDay, encodeTable } from '../reduce/codec.ts';
import { type Day, TABLES } from '../reduce/day.ts';
import type { DistinctLimits } from '../reduce/distinct.ts';

const fanIn = 8;
/** More of a tier are not left to a thread that does not get to them. */
export const waitingMax = 4 * fanIn;
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

/** A day's state as a segment has it. */
export const segmentOf = (day: Day): Uint8Array => compress(encodeDay(day));

export function addSegment(database: SqliteDatabase, day: number, segment: Uint8Array, tier = 0): void {
  database.prepare('INSERT INTO segments (day, tier, bytes) VALUES (?, ?, ?)').run(day, tier, segment);
}

/** Segments of a day that are to become one of the next tier. */
export interface FullTier {
  readonly day: number;
  readonly tier: number;
  readonly ids: readonly number[];
  /** Of all together, compressed. */
  readonly bytes: number;
}

/** The day's lowest tier that is full, if there is one. */
export function fullTier(database: SqliteDatabase, day: number): FullTier | undefined {
  const found = database
    .prepare(
      `SELECT tier, json_group_array(id) AS ids, sum(length(bytes)) AS bytes FROM segments WHERE day = ?
       GROUP BY tier HAVING count(*) >= ? ORDER BY tier LIMIT 1`,
    )
    .get(day, fanIn) as { tier: number; ids: string; bytes: number } | undefined;
  return found && { day, tier: found.tier, ids: JSON.parse(found.ids), bytes: found.bytes };
}

/** Days of which a tier is full. */
export const daysToMerge = (database: SqliteDatabase): number[] =>
  database
    .prepare('SELECT DISTINCT day FROM (SELECT day FROM segments GROUP BY day, tier HAVING count(*) >= ?) ORDER BY day')
    .pluck()
    .all(fanIn) as number[];

/** The segment that these become; undefined if one of them is there no longer. Throws `BadState`. */
export function mergeTier(
  database: SqliteDatabase,
  { day, ids }: FullTier,
  sourcesMax: number,
): Uint8Array | undefined {
  const segments = database
    .prepare('SELECT bytes FROM segments WHERE id IN (SELECT value FROM json_each(?))')
    .pluck()
    .all(JSON.stringify(ids)) as Uint8Array[];
  if (segments.length < ids.length) return undefined;
  const merged = merge(decodeAll(day, segments, sourcesMax));
  return segmentOf(merged!);
}

/** Puts a segment in the place of those that it was merged of; if they are gone, as those of a closed day for their age, drops it. */
export function keepMerged(database: SqliteDatabase, { day, tier, ids }: FullTier, segment: Uint8Array): void {
  database
    .transaction(() => {
      const { changes } = database
        .prepare('DELETE FROM segments WHERE day = ? AND tier = ? AND id IN (SELECT value FROM json_each(?))')
        .run(day, tier, JSON.stringify(ids));
      if (changes === ids.length) addSegment(database, day, segment, tier + 1);
      else assert.equal(changes, 0);
    })
    .immediate();
}

/** The whole day; undefined if it has no segments. Throws `BadState`. */
export const readDay = (database: SqliteDatabase, day: number, sourcesMax: number): Day | undefined =>
  merge(statesOf(database, day, sourcesMax));

/** The states whose merge the day is, the largest first and one in memory at a time. Throws `BadState`. */
export function* statesOf(database: SqliteDatabase, day: number, sourcesMax: number): Generator<Day, void> {
  const ids = database.prepare('SELECT id FROM segments WHERE day = ? ORDER BY length(bytes) DESC').pluck().all(day);
  const bytes = database.prepare('SELECT bytes FROM segments WHERE id = ?').pluck();
  for (const id of ids) yield decode(day, bytes.get(id) as Uint8Array, sourcesMax);
}

function merge(states: Iterable<Day>): Day | undefined {
  let merged: Day | undefined;
  for (const state of states) {
    if (merged === undefined) {
      merged = state;
      continue;
    }
    merged.merge(state);
    state.free();
  }
  return merged;
}

function* decodeAll(day: number, segments: readonly Uint8Array[], sourcesMax: number): Generator<Day, void> {
  for (const bytes of segments) yield decode(day, bytes, sourcesMax);
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

/** A table as it is kept for itself. */
export const stateOf = (table: CellTable): Uint8Array => compress(encodeTable(table));

export function writeState(database: SqliteDatabase, day: number, name: StateName, state: Uint8Array): void {
  database.prepare('INSERT OR REPLACE INTO states (day, name, bytes) VALUES (?, ?, ?)').run(day, name, state);
}

/** Throws `BadState`. */
export function readState(database: SqliteDatabase, day: number, name: StateName): CellTable | undefined {
  const bytes = database.prepare('SELECT bytes FROM states WHERE day = ? AND name = ?').pluck().get(day, name) as
    | Uint8Array
    | undefined;
  return bytes === undefined ? undefined : decodeTable(decompress(bytes), STATES[name]);
}
