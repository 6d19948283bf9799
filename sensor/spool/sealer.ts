/**
 * From packets to sealed batches. Packets are decoded straight into the blocks that are sealed: those of IPv4 and of IPv6
 * together, between two packets, so that every packet is in exactly one batch and the place in the captures fits them.
 */

import { createSkipped, type Decoded, decodePackets } from '../../common/packet/decode.ts';
import { observe } from '../../common/packet/observed.ts';
import { NO_HOUR, type Packets } from '../../common/packet/packets.ts';
import { SKIP_REASONS } from '../../common/packet/skip.ts';
import type { Chunk } from '../../common/packet/walker.ts';
import type { Prefix } from '../../common/record/address.ts';
import { createRecords } from '../../common/record/record.ts';
import { HOUR_MICROS } from '../../common/time.ts';
import { type Failure, type Moment, type Place, START } from '../capture/place.ts';
import type { Sink } from '../capture/read.ts';
import { microsBetween, momentOf } from '../capture/shift.ts';
import { NOTHING } from './counters.ts';
import { spanOfCapture, spanOfWatch } from './span.ts';
import type { Draft, OpenCounts, Progress } from './types.ts';

export interface SealerOptions {
  readonly networks: readonly Prefix[];
  /** How far a capture was read before, by its number; the place is kept under the name. */
  readonly placeOf: (input: number) => Place;
  /** Undefined for a capture that cannot be read from there again. */
  readonly nameOf: (input: number) => string | undefined;
  /** By which times were moved before. */
  readonly shift?: Moment;
  /** Records have the times of a file, not of this sensor's clock. */
  readonly historic: boolean;
  /** Seals, all or nothing. */
  readonly commit: (drafts: readonly Draft[], progress?: Progress) => void;
  /** The packets come from interfaces: what was watched goes by the clock (`watchFrom`), and not by their times. */
  readonly live?: boolean;
  /** Awaited between blocks of packets: holds the reading back. */
  readonly ready: () => Promise<void>;
  readonly recordsMax?: number;
  /** Of a batch's columns: fewer records of IPv6, which are longer. */
  readonly columnBytesMax?: number;
  /** Blocks of records taken in turn, in shared memory: `commit` may go on using those of so many drafts, less one. Else one. */
  readonly blocks?: number;
  readonly now?: () => number;
}

const recordsDefault = 8192;
const columnBytesDefault = 2 ** 18;
const RECORD_BYTES = { 4: 26, 6: 50 };
/** Hours without a packet that a capture may have watched; a longer pause is taken for one in the capturing. */
const quietHoursMax = 24;

export class Sealer implements Sink {
  /** Link types met that we do not read. */
  readonly unknownLinkTypes = new Set<number>();
  /** Packets and records taken by this process. */
  packets = 0;
  records = 0;
  /** Captures of which nothing was left to read. */
  readBefore = 0;
  /** When the first packet of the open batch came, by `performance.now()`; undefined if none is open. */
  openSince: number | undefined;
  /** Captures that could not be read, or not to their end, in this run or before. */
  readonly failures: Failure[] = [];
  readonly #options: SealerOptions;
  readonly #blocks: readonly Decoded[];
  #decoded: Decoded;
  #turns = 0;
  #input = 0;
  #place: Place = START;
  #shift: Moment | undefined;
  /** Packets since the last seal. */
  #seen = 0;
  /** Of them, dropped by the kernel. */
  #dropped = 0;
  #hour: number | undefined;
  /** Times of the open batch's packets, in microseconds of its hour. */
  #first = HOUR_MICROS;
  #last = 0;

  constructor(options: SealerOptions) {
    const { recordsMax = recordsDefault, columnBytesMax = columnBytesDefault, blocks } = options;
    const Memory = blocks === undefined ? ArrayBuffer : SharedArrayBuffer;
    const capacity = (family: 4 | 6) => Math.min(recordsMax, Math.floor(columnBytesMax / RECORD_BYTES[family]));
    this.#options = options;
    this.#shift = options.shift;
    const skipped = createSkipped();
    const { unknownLinkTypes } = this;
    const observed = observe(options.networks);
    this.#blocks = Array.from({ length: blocks ?? 1 }, () => ({
      records4: createRecords(4, capacity(4), Memory),
      records6: createRecords(6, capacity(6), Memory),
      skipped,
      unknownLinkTypes,
      observed,
    }));
    this.#decoded = this.#blocks[0]!;
  }

  get shift(): Moment | undefined {
    return this.#shift;
  }

  /** The hour that the last packet was of; of the clock's if there was none. */
  get hour(): number {
    return this.#hour ?? momentOf((this.#options.now ?? Date.now)()).hour;
  }

  ready(): Promise<void> {
    return this.#options.ready();
  }

  begin(input: number): Place {
    this.#input = input;
    this.#place = this.#options.placeOf(input);
    const { watched, failure, done } = this.#place;
    if (done) this.readBefore++;
    if (watched !== undefined) this.#hour = watched.hour;
    if (failure !== undefined) this.failures.push(failure);
    return this.#place;
  }

  moved(shift: Moment): void {
    this.#shift = shift;
  }

  take(chunk: Chunk, packets: Packets, from: number, to: number): void {
    const { hour, count } = packets;
    for (let done = from; done < to; ) {
      const ours = hour[done]!;
      if (ours !== NO_HOUR && ours !== this.#hour) this.#turn(ours);
      let end = done + 1;
      while (end < to && (hour[end] === this.#hour || hour[end] === NO_HOUR)) end++;
      packets.count = end;
      this.#decode(chunk, packets, done);
      done = end;
    }
    packets.count = count;
    this.packets += to - from;
  }

  /** Frames that were left out before, by `skipIndex`. */
  skip(skipped: Float64Array): void {
    this.openSince ??= performance.now();
    for (const [reason, frames] of skipped.entries()) {
      this.#decoded.skipped[reason]! += frames;
      this.#seen += frames;
    }
  }

  /** The kernel dropped so many packets. */
  drop(packets: number): void {
    this.openSince ??= performance.now();
    this.#dropped += packets;
    this.#seen += packets;
  }

  /** What no batch tells yet. */
  get open(): OpenCounts {
    const { records4, records6 } = this.#decoded;
    const recorded = records4.count + records6.count;
    return { seen: this.#seen, kernelDrops: this.#dropped, skipped: this.#skipped(), recorded };
  }

  /** Live: up to where batches tell that it was watched; undefined while it is not. */
  get watched(): Moment | undefined {
    return this.#place.watched;
  }

  /** Live: from now on it is watched, or not. */
  watchFrom(moment: Moment | undefined): void {
    const { watched: _, ...place } = this.#place;
    this.#place = moment === undefined ? place : { ...place, watched: moment };
    if (moment !== undefined && this.#seen === 0) this.#hour = moment.hour;
  }

  /** Live: the clock is in this hour now. */
  turn(hour: number): void {
    if (hour !== this.#hour) this.#turn(hour);
  }

  /** Seals what is open. `watchedTo`: the capture goes on, so the batch watched until then. */
  seal(watchedTo?: Moment): void {
    const drafts = this.#drafts(watchedTo);
    if (drafts.length === 0) return;
    const last = drafts.at(-1)!;
    const told = { hour: last.hour, micros: last.to };
    const packet = this.#place.packet + this.#seen;
    if (this.#options.live !== true) this.#commit(drafts, { packet, done: false, watched: watchedTo ?? told });
    else {
      const before = this.#place.watched;
      const reached = watchedTo !== undefined && watchedTo.hour > last.hour ? watchedTo : told;
      const watched = before === undefined || microsBetween(before, reached) < 0 ? before : reached;
      this.#commit(drafts, { packet, done: false, ...(watched !== undefined && { watched }) });
    }
  }

  endOfInput(failure: Failure | undefined): void {
    const packet = this.#place.packet + this.#seen;
    this.#commit(this.#drafts(), { packet, done: true, ...(failure !== undefined && { failure }) });
    if (failure !== undefined) this.failures.push(failure);
  }

  #commit(drafts: readonly Draft[], reached: Place): void {
    const place = { ...reached, ...(this.#shift !== undefined && { shift: this.#shift }) };
    const name = this.#options.nameOf(this.#input);
    // One that could not be opened may be opened by the next run.
    const isKept = name !== undefined && (place.failure === undefined || place.failure.offset !== undefined);
    this.#options.commit(drafts, isKept ? { name, place: JSON.stringify(place) } : undefined);
    const { records4, records6, skipped } = this.#decoded;
    this.records += records4.count + records6.count;
    this.#decoded = this.#blocks[++this.#turns % this.#blocks.length]!;
    this.#decoded.records4.count = 0;
    this.#decoded.records6.count = 0;
    skipped.fill(0);
    this.#place = place;
    this.#seen = 0;
    this.#dropped = 0;
    this.#first = HOUR_MICROS;
    this.#last = 0;
    this.openSince = undefined;
  }

  /** Packets of one hour, or of none. */
  #decode(chunk: Chunk, packets: Packets, from: number): void {
    for (let done = from; done < packets.count; ) {
      this.openSince ??= performance.now();
      const next = decodePackets(chunk, packets, done, this.#decoded);
      for (let n = done; n < next; n++) {
        if (packets.hour[n] === NO_HOUR) continue;
        const micros = packets.time[n]!;
        if (micros < this.#first) this.#first = micros;
        if (micros > this.#last) this.#last = micros;
      }
      this.#seen += next - done;
      if (next < packets.count) this.seal();
      done = next;
    }
  }

  /** The next packet is of another hour. */
  #turn(next: number): void {
    const before = this.#hour ?? next;
    const live = this.#options.live === true;
    const goesOn = next > before && next - before <= (live ? 1 : quietHoursMax);
    if (goesOn && (this.#seen > 0 || this.#place.watched !== undefined)) this.seal({ hour: next, micros: 0 });
    else if (next !== before) {
      this.seal();
      if (!live || next > before) this.watchFrom(undefined);
    }
    this.#hour = next;
  }

  /**
   * What is open, as batches: that of IPv4 tells the counters, and comes first. When the capture went on into a later hour,
   * batches without records tell that it watched the hours between.
   */
  #drafts(watchedTo?: Moment): Draft[] {
    if (this.#seen === 0 && watchedTo === undefined) return [];
    const { historic } = this.#options;
    const { records4, records6 } = this.#decoded;
    const hour = this.hour;
    const span = { hour, first: this.#first, last: this.#last, watched: this.#place.watched, watchedTo };
    const { from, to } = this.#options.live === true ? spanOfWatch(span) : spanOfCapture(span);
    const records = records4.count + records6.count;
    const part = { hour, from, to, historic };
    const seen = this.#seen - (records4.count > 0 ? records6.count : 0);
    const counters = { ...NOTHING, seen, kernelDrops: this.#dropped, skipped: this.#skipped() };
    const drafts: Draft[] = [];
    if (records4.count > 0 || records === 0) drafts.push({ ...part, records: records4, counters });
    if (records6.count > 0)
      drafts.push({
        ...part,
        records: records6,
        counters: records4.count > 0 ? { ...NOTHING, seen: records6.count } : counters,
      });
    for (let quiet = hour + 1; quiet < (watchedTo?.hour ?? 0); quiet++)
      drafts.push({ hour: quiet, from: 0, to: HOUR_MICROS, historic, counters: NOTHING });
    return drafts;
  }

  #skipped(): Record<string, number> {
    const { skipped } = this.#decoded;
    const counts = SKIP_REASONS.map((reason, n) => [reason, skipped[n]!] as const);
    return Object.fromEntries(counts.filter(([, packets]) => packets > 0));
  }
}
