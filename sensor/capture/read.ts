/**
 * Reads captures from where they were read to and hands their packets to a sink: at full speed, or paced by their own times; with their
 * own times, moved ones, or the clock's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Block, CaptureReader, createBlock } from '../../common/packet/capture.ts';
import { NO_HOUR, type Packets } from '../../common/packet/packets.ts';
import { systemReason } from '../../common/packet/reason.ts';
import type { Chunk } from '../../common/packet/walker.ts';
import type { Failure, Moment, Place } from './place.ts';
import { firstTimed, microsBetween, momentOf, shiftBetween, shiftPackets, stampPackets, timeOf } from './shift.ts';

export interface Sink {
  /** What is added to each packet's time, once it is known. */
  readonly shift: Moment | undefined;
  /** Goes on to this capture; returns how far it was read before. */
  begin(input: number): Place;
  /** Takes packets `from` to `to` (not included), and is done with their memory on return. */
  take(chunk: Chunk, packets: Packets, from: number, to: number): void;
  /** All packets from here on are moved by this much. */
  moved(shift: Moment): void;
  /** The capture is at its end or damage. */
  endOfInput(failure: Failure | undefined): void;
  /** To be awaited before more is handed over. */
  ready(): Promise<void>;
}

export interface ReadOptions {
  /** Paths, or `-` alone for standard input. */
  readonly captures: readonly string[];
  /** `now` stamps packets with the clock; a moment is the first packet's new time. */
  readonly shiftTo?: Moment | 'now';
  /** Seconds of the capture that pass in a second; absent for full speed. */
  readonly pace?: number;
  readonly signal: AbortSignal;
  /** Called now and then with the bytes taken and the packets read. */
  readonly onProgress?: (bytes: number, packets: number) => void;
}

/** Packets due within this time are handed over together: a wake-up costs more than a packet. */
const tickMs = 50;
/** Of a timer: Node's own limit is near 2^31. */
const sleepMsMax = 1_000_000_000;

/** Reads until the end of the last capture, or until the signal. */
export async function readCaptures(sink: Sink, options: ReadOptions): Promise<void> {
  const { captures, signal } = options;
  const pacer = options.pace === undefined ? undefined : createPacer(options.pace);
  const block = createBlock();
  let bytes = 0;
  let packets = 0;
  for (const [input, capture] of captures.entries()) {
    const place = sink.begin(input);
    if (place.done || signal.aborted) continue;
    const reader = await open(capture);
    if (!(reader instanceof CaptureReader)) {
      sink.endOfInput(reader);
      continue;
    }
    try {
      let done = place.packet;
      while (await untilAborted(reader.next(block), signal)) {
        packets += block.packets.count;
        const from = Math.min(done, block.packets.count);
        done -= from;
        await handOver(sink, block, from, pacer, options);
        options.onProgress?.(bytes + reader.taken, packets);
      }
      if (signal.aborted) return;
      bytes += reader.taken;
      sink.endOfInput(reader.damage === undefined ? undefined : { capture, ...reader.damage });
    } finally {
      reader.close();
    }
  }
}

async function open(capture: string): Promise<CaptureReader | Failure> {
  try {
    return await CaptureReader.open(capture);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    return { capture, reason: systemReason(error as NodeJS.ErrnoException) };
  }
}

async function handOver(
  sink: Sink,
  { chunk, packets }: Block,
  from: number,
  pacer: Pacer | undefined,
  { shiftTo, signal }: ReadOptions,
): Promise<void> {
  let done = from;
  if (shiftTo !== undefined && shiftTo !== 'now') shift(sink, packets, from, shiftTo);
  while (done < packets.count) {
    const to = pacer === undefined ? packets.count : await pacer.due(packets, done, signal);
    if (signal.aborted) return;
    if (shiftTo === 'now') stampPackets(packets, done, to, momentOf(Date.now()));
    sink.take(chunk, packets, done, to);
    done = to;
    await sink.ready();
  }
}

function shift(sink: Sink, packets: Packets, from: number, to: Moment): void {
  const first = firstTimed(packets, from);
  if (sink.shift === undefined && first < packets.count) sink.moved(shiftBetween(timeOf(packets, first), to));
  if (sink.shift !== undefined) shiftPackets(packets, from, sink.shift);
}

interface Pacer {
  /** Waits until the packet `from` is due; returns the first packet after it that is not. */
  due(packets: Packets, from: number, signal: AbortSignal): Promise<number>;
}

/** A packet without a time, or with one before its predecessor's, is due at once. */
function createPacer(pace: number): Pacer {
  let first: Moment | undefined;
  let startedMs = 0;
  const dueMs = (packets: Packets, n: number): number =>
    first === undefined || packets.hour[n] === NO_HOUR
      ? 0
      : startedMs + microsBetween(first, timeOf(packets, n)) / 1000 / pace;
  return {
    async due(packets, from, signal) {
      if (first === undefined) {
        const timed = firstTimed(packets, from);
        if (timed < packets.count) first = timeOf(packets, timed);
        startedMs = performance.now();
      }
      for (;;) {
        const waitMs = dueMs(packets, from) - performance.now();
        if (waitMs <= 0 || signal.aborted) break;
        await sleep(Math.min(sleepMsMax, Math.max(tickMs, waitMs)), undefined, { signal }).catch(() => {});
      }
      const now = performance.now();
      let to = from + 1;
      while (to < packets.count && dueMs(packets, to) <= now) to++;
      return to;
    },
  };
}

/** What `reading` gives, or false when the signal comes first: a quiet pipe may give nothing for hours. */
async function untilAborted(reading: Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  let stop = () => {};
  const aborted = new Promise<boolean>(resolve => {
    stop = () => resolve(false);
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([reading, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
