/** Replays captures: walks them here, decodes and reduces here or in worker threads, and says what the days were. */
import { type Block, CaptureReader, createBlock, type Damage } from '../../common/packet/capture.ts';
import { SKIP_REASONS } from '../../common/packet/skip.ts';
import type { Day } from '../reduce/day.ts';
import type { Results } from '../reduce/results.ts';
import { dayResult } from '../reduce/rows.ts';
import { Crew } from './crew.ts';
import { Pipeline, type PipelineOptions } from './pipeline.ts';

export interface ReplayOptions extends PipelineOptions {
  /** Paths, `-` for standard input. */
  readonly captures: readonly string[];
  /** Threads that decode and reduce; 1 does so in this one. */
  readonly threads: number;
  /** Called now and then with the bytes taken from the files and the packets found so far. */
  readonly onProgress?: (bytes: number, packets: number) => void;
}

/** A capture that could not be read, or not to its end. */
export interface Failure {
  readonly capture: string;
  readonly reason: string;
  /** Byte offset of the damage, in decompressed bytes; absent when the file could not be opened. */
  readonly offset?: number;
}

export interface Replayed {
  readonly results: Results;
  readonly failures: readonly Failure[];
  /** Link types whose packets were skipped. */
  readonly unknownLinkTypes: readonly number[];
}

/** What takes walked packets and makes days of them: this thread's pipeline, or a crew of worker threads. */
interface Taker {
  /** A block that may be filled. */
  free(): Promise<Block>;
  take(block: Block): void;
  finish(): Promise<{ days: Day[]; skipped: Float64Array; unknownLinkTypes: ReadonlySet<number> }>;
}

/** Reads every capture to its end or damage; fails only on what is nobody's file: a bug, or memory that ran out. */
export async function replay(options: ReplayOptions): Promise<Replayed> {
  const taker = options.threads > 1 ? new Crew(options, options.threads) : alone(new Pipeline(options));
  const failures: Failure[] = [];
  let packets = 0;
  let bytes = 0;
  let block = await taker.free();
  for (const capture of options.captures) {
    try {
      const reader = await CaptureReader.open(capture);
      while (await reader.next(block)) {
        packets += block.packets.count;
        taker.take(block);
        options.onProgress?.(bytes + reader.taken, packets);
        block = await taker.free();
      }
      bytes += reader.taken;
      reader.close();
      if (reader.damage !== undefined) failures.push(damaged(capture, reader.damage));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      failures.push({ capture, reason: systemReason(error as NodeJS.ErrnoException) });
    }
  }
  const { days, skipped, unknownLinkTypes } = await taker.finish();
  const { geo } = options;
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
  return { results, failures, unknownLinkTypes: [...unknownLinkTypes].sort((a, b) => a - b) };
}

function alone(pipeline: Pipeline): Taker {
  const block = createBlock();
  return {
    free: async () => block,
    take: ({ chunk, packets }) => pipeline.take(chunk, packets),
    finish: async () => ({
      days: pipeline.days(),
      skipped: pipeline.skipped,
      unknownLinkTypes: pipeline.unknownLinkTypes,
    }),
  };
}

const damaged = (capture: string, { offset, reason }: Damage): Failure => ({ capture, offset, reason });

/** What the system says of a file, in words rather than in codes. */
function systemReason({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'it may not be read by this user';
  if (code === 'EISDIR') return 'it is a directory: name the captures in it';
  return message;
}
