/** Replays captures: reads and decodes them here, reduces them here or in worker threads, and says what the days were. */

import { randomInt } from 'node:crypto';
import type { GeoTable } from '../../common/geo/table.ts';
import { CaptureReader, createBlock } from '../../common/packet/capture.ts';
import { Decoder } from '../../common/packet/decoder.ts';
import { systemReason } from '../../common/packet/reason.ts';
import { SKIP_REASONS } from '../../common/packet/skip.ts';
import type { Prefix } from '../../common/record/address.ts';
import type { Records } from '../../common/record/record.ts';
import type { Day } from '../reduce/day.ts';
import { REPLAY_KEY } from '../reduce/hash.ts';
import { Reducer, type ReducerOptions } from '../reduce/reducer.ts';
import type { Results } from '../reduce/results.ts';
import { dayResult } from '../reduce/rows.ts';
import { Crew } from './crew.ts';
import { SENSOR } from './orders.ts';

export interface ReplayOptions {
  /** Paths, `-` for standard input. */
  readonly captures: readonly string[];
  /** Observed networks; none observes every destination. */
  readonly networks: readonly Prefix[];
  readonly geo: GeoTable;
  /** False leaves out distinct sources: for measuring what they cost. */
  readonly distinct: boolean;
  /** Of these one reads and decodes; 1 does all of it. */
  readonly threads: number;
  /** Called now and then with the bytes taken from the files and the packets found so far. */
  readonly onProgress?: (bytes: number, packets: number) => void;
  /** Is shown all records beside what counts them. */
  readonly records?: RecordsSink;
}

export interface RecordsSink {
  /** Is done with their memory on return. */
  take(records: Records): void;
  /** Awaited now and then: bounds what it holds. */
  ready(): Promise<void>;
}

/** A capture that could not be read, or not to its end. */
export interface Failure {
  readonly capture: string;
  readonly reason: string;
  /** Byte offset of the damage, in decompressed bytes; absent when the file could not be opened. */
  readonly offset?: number;
  /** The file is compressed. */
  readonly unpacked?: true;
}

export interface Replayed {
  readonly results: Results;
  /** What the results are of, ascending: states to be merged with others. */
  readonly days: readonly Day[];
  readonly failures: readonly Failure[];
  /** Link types whose packets were skipped, and the captures that have them. */
  readonly unknownLinkTypes: ReadonlyMap<number, ReadonlySet<string>>;
}

/** What makes days of records: a reducer in this thread, or a crew of worker threads. */
interface Counter {
  /** Takes a block of records and is done with its memory on return. */
  fold(records: Records): void;
  /** To be awaited now and then: bounds what is waiting to be counted. */
  ready(): Promise<void>;
  finish(): Promise<Day[]>;
  /** Ends what it has running, whether it finished or not. */
  dismiss(): Promise<void>;
}

/** Reads every capture to its end or damage; fails only on what is nobody's file: a bug, or memory that ran out. */
export async function replay(options: ReplayOptions): Promise<Replayed> {
  const { geo, distinct, threads } = options;
  const reducing: ReducerOptions = { geo, distinct, hashKey: REPLAY_KEY, tableSeed: randomInt(2 ** 32) };
  const counter = threads > 1 ? new Crew(reducing, threads - 1) : alone(new Reducer(reducing));
  try {
    return await replayInto(counter, options);
  } finally {
    await counter.dismiss();
  }
}

async function replayInto(counter: Counter, options: ReplayOptions): Promise<Replayed> {
  const { captures, networks, geo, onProgress, records: sink } = options;
  const decoder = new Decoder(networks, records => {
    sink?.take(records);
    counter.fold(records);
  });
  const block = createBlock();
  const failures: Failure[] = [];
  const unknownLinkTypes = new Map<number, Set<string>>();
  let packets = 0;
  let bytes = 0;
  for (const capture of captures) {
    try {
      const reader = await CaptureReader.open(capture);
      while (await reader.next(block)) {
        packets += block.packets.count;
        decoder.take(block.chunk, block.packets);
        await counter.ready();
        await sink?.ready();
        onProgress?.(bytes + reader.taken, packets);
      }
      bytes += reader.taken;
      reader.close();
      if (reader.damage !== undefined) failures.push({ capture, ...reader.damage });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      failures.push({ capture, reason: systemReason(error as NodeJS.ErrnoException) });
    }
    for (const linkType of decoder.unknownLinkTypes)
      unknownLinkTypes.set(linkType, (unknownLinkTypes.get(linkType) ?? new Set()).add(capture));
    decoder.unknownLinkTypes.clear(); // what it meets next is of the next capture
  }
  decoder.flush();
  const days = await counter.finish();
  const { skipped } = decoder;
  const results: Results = {
    packets,
    records: packets - skipped.reduce((sum, count) => sum + count, 0),
    skipped: Object.fromEntries(
      SKIP_REASONS.map((reason, n) => [reason, skipped[n]!] as const).filter(([, count]) => count > 0),
    ),
    geo: geo.geo,
    ...(geo.asn !== undefined && { asn: geo.asn }),
    days: days.map(day => dayResult(day, geo)),
  };
  return { results, days, failures, unknownLinkTypes };
}

const alone = (reducer: Reducer): Counter => ({
  fold: records => reducer.fold(records, SENSOR),
  ready: async () => {},
  finish: async () => reducer.days(),
  dismiss: async () => {},
});
