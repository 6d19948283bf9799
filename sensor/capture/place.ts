/** How far a capture was read: kept with the batches that were sealed from it, in one transaction. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { damagedAt } from '../../common/packet/capture.ts';

/** A capture that could not be read, or not to its end. */
export interface Failure {
  readonly capture: string;
  readonly reason: string;
  /** Byte offset of the damage, in decompressed bytes; absent when the file could not be opened. */
  readonly offset?: number;
  /** The file is compressed: it may have fewer bytes than the offset says. */
  readonly unpacked?: true;
}

export function failureText({ capture, offset, reason, ...more }: Failure): string {
  if (offset === undefined) return `${capture}: cannot be read: ${reason}`;
  if (offset === 0) return `${capture}: nothing of it can be read: ${reason}`;
  return `${capture}: ${damagedAt({ offset, ...more })}: ${reason}. Everything before it counts.`;
}

/** A moment, or a difference of two: hours since 1970 in UTC, and microseconds of that hour. */
export interface Moment {
  readonly hour: number;
  readonly micros: number;
}

export interface Place {
  /** Packets of the capture that are in sealed batches. */
  readonly packet: number;
  /** It was read to its end or damage. */
  readonly done: boolean;
  /** What is added to each packet's time, once the first packet of the run is known. */
  readonly shift?: Moment;
  /** Up to where the sealed batches say that this capture watched. */
  readonly watched?: Moment;
  readonly failure?: Failure;
}

export const START: Place = { packet: 0, done: false };

/** What makes the same packets of the same files. */
export interface Reading {
  readonly captures: readonly string[];
  /** As asked for; those of the enrolment may change between a run and the next. */
  readonly networks: readonly string[];
  readonly shiftTo?: string;
}

/**
 * A name for each capture: by its path, size and time of change, by how often it came before in the list, and by the options. With
 * moved times the first capture counts too, whose first packet the times go by. Undefined for standard input, which cannot be
 * read again. A file that is not there counts by its path: opening it says what is wrong.
 */
export function readingNames({ captures, networks, shiftTo }: Reading): (string | undefined)[] {
  const files = captures.map(identityOf);
  const anchor = shiftTo === undefined || shiftTo === 'now' ? null : files[0];
  const before = new Map<string, number>();
  return captures.map((capture, n) => {
    if (capture === '-') return undefined;
    const key = JSON.stringify(files[n]);
    const times = before.get(key) ?? 0;
    before.set(key, times + 1);
    const identity = JSON.stringify([files[n], times, networks, shiftTo ?? null, anchor]);
    return createHash('sha256').update(identity).digest('hex');
  });
}

function identityOf(capture: string): readonly (string | number)[] {
  const found = capture === '-' ? undefined : fs.statSync(capture, { throwIfNoEntry: false });
  return found === undefined ? [capture] : [fs.realpathSync(capture), found.size, found.mtimeMs];
}
