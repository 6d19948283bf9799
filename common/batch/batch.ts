/** What a batch is in memory; its bytes are in format.ts. */
import type { BatchKey, SequenceRange } from '../protocol/messages.ts';
import type { Records } from '../record/record.ts';

/** Batches that the spool had to drop, or the collector to refuse, and their records. */
export interface LostRange extends SequenceRange {
  readonly records: number;
}

/**
 * What happened to packets on the sensor since the batch before it was sealed. Over all batches of a sensor
 * `seen = kernelDrops + interrupted + sum of skipped + records + records lost`.
 */
export interface Counters {
  readonly seen: number;
  readonly kernelDrops: number;
  /** Seen by a live sensor that was killed before they were sealed. */
  readonly interrupted: number;
  /** By reason; reasons of newer sensors are kept as they are. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly lost: readonly LostRange[];
}

export interface BatchHeader extends BatchKey {
  /** Hours since 1970 in UTC: every record is within it. */
  readonly hour: number;
  /** What of the hour the sensor watched for this batch, in microseconds from its start: 0 <= from <= to <= 3.6e9. */
  readonly from: number;
  readonly to: number;
  /** The records come from a file, as old as they may be: their times are no sign of a wrong clock. */
  readonly historic: boolean;
  readonly counters: Counters;
}

/** May hold no record: a quiet sensor says so, and what it skipped. */
export interface Batch {
  readonly header: BatchHeader;
  readonly records: Records;
}
