/** Of an hour, what was watched for a batch, in microseconds from its start. */
import { HOUR_MICROS } from '../../common/time.ts';
import type { Moment } from '../capture/place.ts';

export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface Spanned {
  readonly hour: number;
  /** Times of the batch's packets; `first > last` when none has one. */
  readonly first: number;
  readonly last: number;
  /** Up to where the batches before say that it was watched. */
  readonly watched: Moment | undefined;
  /** It was watched until then, for sure. */
  readonly watchedTo: Moment | undefined;
}

/** A capture watches from its first packet to its last, and between packets. */
export function spanOfCapture({ hour, first, last, watched, watchedTo }: Spanned): Span {
  const timed = first <= last;
  const start = watched?.hour === hour ? watched.micros : first;
  const from = timed ? Math.min(start, first) : Math.min(start, HOUR_MICROS);
  return { from, to: watchedTo !== undefined ? HOUR_MICROS : timed ? Math.max(from, last) : from };
}

/** A live sensor watches by the clock, and no time twice: packets of an earlier one (its clock was set back) add nothing. */
export function spanOfWatch({ hour, first, last, watched, watchedTo }: Spanned): Span {
  const start = watched === undefined || watched.hour > hour ? undefined : watched.hour < hour ? 0 : watched.micros;
  if (start === undefined) {
    const at = Math.min(first, HOUR_MICROS);
    return { from: at, to: at };
  }
  if (watchedTo !== undefined && watchedTo.hour > hour) return { from: start, to: HOUR_MICROS };
  const told = watchedTo?.hour === hour ? watchedTo.micros : 0;
  return { from: start, to: Math.max(start, told, first <= last ? last : 0) };
}
