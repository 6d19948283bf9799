/** What goes into the spool and comes out of it. */
import type { BatchHeader, Counters } from '../../common/batch/batch.ts';
import type { BatchKey } from '../../common/protocol/messages.ts';
import type { Records } from '../../common/record/record.ts';

/** A batch to be sealed: its key comes with the sealing. */
export interface Draft extends Pick<BatchHeader, 'hour' | 'from' | 'to' | 'historic'> {
  /** None: the batch tells only counters and what was watched. */
  readonly records?: Records;
  readonly counters: Counters;
}

/** What no batch tells yet. `seen = kernelDrops + sum of skipped + recorded`. */
export interface OpenCounts {
  readonly seen: number;
  readonly kernelDrops: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly recorded: number;
}

/** As it was noted: when, and whether in the reserve, for the spool took nothing. */
export interface Noted extends OpenCounts {
  readonly atMs: number;
  readonly inReserve: boolean;
}

/** How far a capture was read, kept in the transaction of the batches that come from it. */
export interface Progress {
  readonly name: string;
  readonly place: string;
}

export interface Waiting extends BatchKey {
  readonly id: number;
  readonly sha256: string;
  readonly records: number;
  readonly wire: Uint8Array;
}

export interface SpoolOptions {
  readonly sensor: string;
  /** Of a new database; one that exists goes on with its own. */
  readonly epoch: number;
  /** Of all batches kept. */
  readonly bytesMax: number;
  /** For how long acknowledged batches are kept. */
  readonly keepMs: number;
  readonly now?: () => number;
  /** Bytes that the disk has free. */
  readonly diskFree?: () => number;
}
