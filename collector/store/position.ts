/** How far a log is counted, and by which rules: kept with what was counted. */
import { createHash } from 'node:crypto';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { STATE_VERSION } from '../reduce/codec.ts';
import { sourcesMaxDefault } from '../reduce/sources.ts';
import type { DeltaOptions } from './delta.ts';

/** How far a log is counted: the batch at this position is the last that is; 0 and no bytes before the first. */
export interface Position {
  readonly log: string;
  readonly position: number;
  readonly sha256: Uint8Array;
}

/** Whether what is counted up to this position is of this log. A damaged batch may have no name left: then none is expected. */
export function isCountedFrom(
  log: { readonly id: string; sha256At(position: number): Uint8Array | undefined },
  { log: id, position, sha256 }: Position,
): boolean {
  const there = position === 0 ? sha256 : (log.sha256At(position) ?? new Uint8Array(0));
  return id === log.id && Buffer.compare(there, sha256) === 0;
}

/** States made with another of these cannot be merged. Of the key, which is a secret, only a hash is kept. */
export const rulesOf = ({ hashKey, sourcesMax = sourcesMaxDefault }: DeltaOptions) => ({
  stateVersion: STATE_VERSION,
  sourcesMax,
  keyPrint: createHash('sha256').update(`enaga ${hashKey.low} ${hashKey.high}`).digest('hex'),
});

export interface KeptProgress extends Position {
  readonly stateVersion: number;
  readonly sourcesMax: number;
  readonly keyPrint: string;
}

export const readProgress = (database: SqliteDatabase): KeptProgress | undefined =>
  database
    .prepare(
      `SELECT log, position, sha256, state_version AS stateVersion, sources_max AS sourcesMax, key_print AS keyPrint
       FROM progress`,
    )
    .get() as KeptProgress | undefined;
