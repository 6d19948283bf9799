/** What goes first when there is no room: what the collector has, then what nobody can use, then the oldest that waits. */
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { ACKNOWLEDGED, QUARANTINED, WAITING } from './schema.ts';

export interface Dropped {
  readonly epoch: number;
  readonly sequence: number;
  readonly state: number;
  readonly records: number;
  readonly bytes: number;
  readonly counters: string;
}

/**
 * Drops batches until at least `min` and `bytes` are gone, or none is left that may go. `held` ones stay. Returns how many
 * waiting ones went.
 */
export function dropOldest(
  database: SqliteDatabase,
  held: ReadonlySet<number>,
  { min, bytes }: { readonly min: number; readonly bytes: number },
  onDrop: (dropped: Dropped) => void,
): number {
  let [dropped, freed, waiting] = [0, 0, 0];
  for (const state of [ACKNOWLEDGED, QUARANTINED, WAITING]) {
    while (dropped < min || freed < bytes) {
      const ids = database
        .prepare('SELECT id FROM batch WHERE state = ? ORDER BY id LIMIT ?')
        .pluck()
        .all(state, held.size + 1) as number[];
      const id = ids.find(one => !held.has(one));
      if (id === undefined) break;
      const sql = 'DELETE FROM batch WHERE id = ? RETURNING epoch, sequence, state, records, bytes, counters';
      const batch = database.prepare(sql).get(id) as Dropped;
      dropped++;
      freed += batch.bytes;
      if (state === WAITING) waiting++;
      onDrop(batch);
    }
  }
  return waiting;
}
