/** What the main thread of a replay orders a worker to do, and what it answers: one answer an order, in their order. */
import type { Packets } from '../../common/packet/packets.ts';
import type { CellTableData } from '../reduce/cells.ts';
import type { DayData, TableName } from '../reduce/day.ts';
import type { SourceTableData } from '../reduce/sources.ts';

/** States of one table of a day, to be merged into the first. */
export type Merge = { table: TableName; parts: CellTableData[] } | { table: 'sources'; parts: SourceTableData[] };

export type Order =
  /** Decode and reduce packets in shared memory, which may be filled again after the answer. */
  | { kind: 'take'; bytes: Uint8Array; packets: Packets }
  /** Hand over all that was counted. */
  | { kind: 'finish' }
  | { kind: 'merge'; merge: Merge };

export interface Finished {
  kind: 'finished';
  days: DayData[];
  /** By `skipIndex`. */
  skipped: Float64Array;
  unknownLinkTypes: ReadonlySet<number>;
}

export type Answer = { kind: 'taken' } | Finished | { kind: 'merged'; data: CellTableData | SourceTableData };

/** The memory of every typed array within a value, to be handed over to another thread instead of copied. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(buffersOf);
}
