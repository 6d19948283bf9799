/** A logged batch, opened: what the store folds. */

import type { Batch, BatchHeader } from '../../common/batch/batch.ts';
import { BadBatch } from '../../common/batch/format.ts';
import { openBatch } from '../../common/batch/open.ts';
import type { Records } from '../../common/record/record.ts';
import { DAY_MS } from '../../common/time.ts';
import type { LoggedBatch, NewBatch } from '../log/entry.ts';

/** A clock further off than this makes times that say nothing. */
const clockOffsetMsMax = DAY_MS;

export interface OpenedBatch {
  readonly position: number;
  /** The collector's index of the sensor. */
  readonly sensor: number;
  readonly sha256: Uint8Array;
  readonly receivedMs: number;
  /** Days since 1970 of the records, by the sensor's clock. */
  readonly day: number;
  /** The sensor's clock was off by more than a day: the records count under the receive date, outside all totals. */
  readonly misdated: boolean;
  readonly header: BatchHeader;
  readonly records: Records;
}

/** The log holds something that it cannot have been given. */
export class BadLog extends Error {
  override readonly name = 'BadLog';
}

/** One batch of the log that is not what was given to it, whether its file told or its own checksum did; all others are. */
export class DamagedBatch extends BadLog {
  readonly position: number;

  constructor(position: number, message: string) {
    super(message);
    this.position = position;
  }
}

export const isMisdated = ({ historic, clockOffsetMs }: Pick<LoggedBatch, 'historic' | 'clockOffsetMs'>): boolean =>
  !historic && Math.abs(clockOffsetMs) > clockOffsetMsMax;

/** Of a batch that was opened before it was logged, at this position. */
export const openedOf = (
  batch: Omit<NewBatch, 'bytes'>,
  position: number,
  { header, records }: Batch,
): OpenedBatch => ({
  position,
  sensor: batch.sensor,
  sha256: Uint8Array.from(batch.sha256), // not a view of memory that is others' too
  receivedMs: batch.receivedMs,
  day: batch.day,
  misdated: isMisdated(batch),
  header,
  records,
});

/** Throws `DamagedBatch`: only batches that open were logged. */
export function openLogged(logged: LoggedBatch): OpenedBatch {
  const { position, sha256 } = logged;
  try {
    const opened = openBatch(logged.bytes);
    if (opened.sha256 !== Buffer.from(sha256).toString('hex')) throw new BadBatch('its SHA-256 is another');
    return openedOf(logged, position, opened);
  } catch (error) {
    if (!(error instanceof BadBatch)) throw error;
    throw new DamagedBatch(position, `the batch at position ${position} of the log cannot be read: ${error.message}`);
  }
}

/** Of a batch that is damaged what is wrong, as a value: those after it are not to wait for it. */
export function openOrDamaged(logged: LoggedBatch): OpenedBatch | DamagedBatch {
  try {
    return openLogged(logged);
  } catch (error) {
    if (error instanceof DamagedBatch) return error;
    throw error;
  }
}

/** The day a batch is accounted under: its own, or the one it was received on. */
export const accountDay = ({ misdated, receivedMs, day }: OpenedBatch): number =>
  misdated ? Math.floor(receivedMs / DAY_MS) : day;
