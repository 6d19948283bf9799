/** What the main thread of a replay orders a worker to do, and what it answers: one answer an order, in their order. */
import type { Records } from '../../common/record/record.ts';
import type { CellTableData } from '../reduce/cells.ts';
import type { DayData, TableName } from '../reduce/day.ts';
import type { ReducerOptions } from '../reduce/reducer.ts';
import type { FlowsElsewhere } from '../reduce/settle.ts';
import type { SourceTableData } from '../reduce/sources.ts';

/** A capture is one sensor's. */
export const SENSOR = 0;

/** What a worker begins with. */
export interface WorkerOptions extends Omit<ReducerOptions, 'elsewhere'> {
  /** One word of shared memory, if the worker has targets alone: how often the sources of its flows were settled. */
  readonly settled?: Int32Array;
}

/** What a worker asks for, and waits for: that the sources of its flows be settled. */
export interface Settle {
  readonly kind: 'settle';
  readonly flows: FlowsElsewhere;
}

/** States of one table of a day, to be merged into the first. */
export type Merge = { table: TableName; parts: CellTableData[] } | { table: 'sources'; parts: SourceTableData[] };

export type Order =
  /** Reduce the records of a block of shared memory, which may be filled again after the answer. It comes along the first time. */
  | { kind: 'fold'; block: number; count: number; hour: number; records?: Records }
  /** Hand over all that was counted. */
  | { kind: 'finish' }
  | { kind: 'merge'; merge: Merge };

export type Answer =
  | { kind: 'folded' }
  | { kind: 'finished'; days: DayData[] }
  | { kind: 'merged'; data: CellTableData | SourceTableData };

/** The memory of every typed array within a value, to be handed over to another thread instead of copied. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(buffersOf);
}
