/**
 * Watches interfaces and hands their packets to a sink, as blocks like those of a capture. Each second it reads what the kernel
 * has dropped, looks after the interfaces (one that is down, gone or deaf is opened again) and tells the sink the time until
 * which everything was watched.
 */
import type { Block } from '../../common/packet/capture.ts';
import { createBlock } from '../../common/packet/capture.ts';
import { createSkipped } from '../../common/packet/decode.ts';
import type { Packets } from '../../common/packet/packets.ts';
import { setTime } from '../../common/packet/packets.ts';
import type { Chunk } from '../../common/packet/walker.ts';
import type { Prefix } from '../../common/record/address.ts';
import { Device, type Frame, linkState, type Pcap, remains, ringMsMax, snapBytes } from './device.ts';
import { filterText } from './filter.ts';
import type { Moment } from './place.ts';
import { momentOf } from './shift.ts';
import { Judge, type Service, UNSOLICITED } from './unsolicited.ts';

export interface LiveSink {
  take(chunk: Chunk, packets: Packets, from: number, to: number): void;
  /** Frames of no use, by `skipIndex`. */
  skip(skipped: Float64Array): void;
  /** The kernel dropped so many packets. */
  drop(packets: number): void;
  /** Each second. Everything until `watchedTo` was handed over; undefined while an interface is not watched. */
  tick(watchedTo: Moment | undefined): void;
}

/** What somebody should know, in words; undefined: nothing. */
export interface LiveState {
  /** Interfaces that are not watched. */
  readonly interfaces: string | undefined;
  /** A packet left from an observed address. */
  readonly leak: string | undefined;
}

export interface LiveOptions {
  readonly interfaces: readonly string[];
  readonly networks: readonly Prefix[];
  /** Of a shared host. */
  readonly services?: readonly Service[];
  /** Of the kernel's ring, for each interface. */
  readonly bufferBytes: number;
  readonly onState: (state: LiveState) => void;
  /** The sink threw: nothing is handed over after this. */
  readonly onFailure: (error: unknown) => void;
}

/** No interface can be watched; the message says why. */
export class CannotCapture extends Error {
  override readonly name = 'CannotCapture';
}

const tickMs = 1000;
/** The sink is told of a time that is past for sure: a packet of it is not in the ring any more. */
const lagMs = 500;
/** It stands when the run is over too, for somebody to see (keeper-thread.ts). */
const LEAK =
  'a packet left from an observed address: see enaga-sensor silence --help; the next start of a live run ' +
  '(run --interface) ends this alarm';
/** No tick for so long: the machine slept, or the clock was set. */
const pauseMsMax = 30_000;
/** Reading without a turn of the event loop: a flood keeps batches, heartbeats and signals from their turn. */
const turnMsMax = 3000;
const framesBetweenLooks = 512;
/** Seconds in a row in which packets came without libuv's telling; then the ring is read this often. */
const deafTicksMax = 2;
const deafMs = 50;
const retryTicksMax = 60;
/** Rings of interfaces that are gone, which only the end of the process gives back. */
const remainsMax = 8;

interface Watch {
  readonly name: string;
  device: Device | undefined;
  /** Why it is not watched. */
  why: string | undefined;
  polls: number;
  deafTicks: number;
  failures: number;
  retryTicks: number;
}

export class LiveCapture {
  readonly #sink: LiveSink;
  readonly #options: LiveOptions;
  readonly #pcap: Pcap;
  readonly #watches: Watch[];
  readonly #block: Block = createBlock();
  readonly #skipped = createSkipped();
  readonly #judge: Judge;
  /** The block's bytes, and how many words of them are filled: each frame begins at a word. */
  readonly #words: Uint32Array;
  #filled = 0;
  #timer: NodeJS.Timeout | undefined;
  #deafTimer: NodeJS.Timeout | undefined;
  #reading: Watch | undefined;
  #readingSince = 0;
  #tickedAt = performance.now();
  #tickedMs = Date.now();
  #failed = false;
  #state: LiveState = { interfaces: undefined, leak: undefined };

  constructor(pcap: Pcap, sink: LiveSink, options: LiveOptions) {
    this.#pcap = pcap;
    this.#sink = sink;
    this.#options = options;
    this.#judge = new Judge(options);
    const { buffer, byteOffset, byteLength } = this.#block.chunk.bytes;
    this.#words = new Uint32Array(buffer, byteOffset, byteLength >>> 2);
    this.#watches = options.interfaces.map(name => ({
      name,
      device: undefined,
      why: undefined,
      polls: 0,
      deafTicks: 0,
      failures: 0,
      retryTicks: 0,
    }));
  }

  /** Throws `CannotCapture` if libpcap opens none of the interfaces; those that are down or absent may come later. */
  start(): void {
    for (const watch of this.#watches) this.#open(watch);
    if (this.#watches.every(({ name }) => linkState(name) === undefined))
      throw new CannotCapture(`there is no interface ${this.#options.interfaces.join(', ')} (enaga-sensor interfaces)`);
    const refused = this.#watches.find(({ failures }) => failures > 0);
    if (refused !== undefined) {
      this.#close();
      throw new CannotCapture(
        `${refused.why}${/permi/i.test(refused.why ?? '') ? ': it takes CAP_NET_RAW, or root' : ''}`,
      );
    }
    this.#tell();
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#deafTimer = setInterval(() => this.#readDeaf(), deafMs);
  }

  /** Hands over what the kernel still has, and ends. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#deafTimer);
    await new Promise(resolve => setTimeout(resolve, 2 * ringMsMax)); // until the kernel hands its block over
    this.#tick(0);
    this.#close();
  }

  #close(): void {
    for (const { device } of this.#watches) device?.close();
  }

  #open(watch: Watch): void {
    const state = linkState(watch.name);
    if (state === undefined || !state.up) {
      watch.why = `${watch.name} is ${state === undefined ? 'not there' : 'down'}`;
      return;
    }
    const { networks, bufferBytes } = this.#options;
    try {
      const device: Device = new Device(this.#pcap, watch.name, {
        filter: isLoopback => filterText(networks, isLoopback),
        bufferBytes,
        onFrame: (frame, length, seconds, micros) => this.#take(device, frame, length, seconds, micros),
        onBegin: () => {
          this.#reading = watch;
          this.#readingSince = performance.now();
        },
        onEnd: () => {
          this.#reading = undefined;
          this.#flush();
        },
      });
      watch.device = device;
      watch.why = undefined;
      watch.failures = 0;
      watch.polls = 0;
      watch.deafTicks = 0;
    } catch (error) {
      watch.failures++;
      watch.retryTicks = Math.min(retryTicksMax, 2 ** watch.failures);
      watch.why = `${watch.name} cannot be opened (${(error as Error).message})`;
    }
  }

  /** One frame, which is the binding's again on return. */
  #take(device: Device, { bytes, view, words }: Frame, length: number, seconds: number, micros: number): void {
    const { packets } = this.#block;
    const reason = this.#judge.judge(bytes, view, length, device, seconds);
    if (reason !== UNSOLICITED) this.#skipped[reason]!++;
    else {
      const n = packets.count++;
      const into = this.#words;
      let at = this.#filled;
      packets.linkType[n] = device.linkType;
      packets.offset[n] = 4 * at;
      packets.captured[n] = length;
      setTime(packets, n, seconds, micros);
      for (let i = 0; 4 * i < length; i++) into[at++] = words[i]!; // shorter than a call to copy takes
      this.#filled = at;
      if (n + 1 === packets.capacity || at + snapBytes / 4 > into.length) this.#flush();
    }
    if (device.frames % framesBetweenLooks === 0) this.#look();
  }

  /** In a flood nothing else has its turn: what is due is done from here, and the reading ended when it takes too long. */
  #look(): void {
    const now = performance.now();
    if (now - this.#tickedAt > 1.5 * tickMs) this.#tick();
    const watch = this.#reading;
    if (watch?.device === undefined || now - this.#readingSince < turnMsMax) return;
    const { device } = watch;
    this.#attempt(() => this.#sink.drop(device.drops() + device.abandon()));
    watch.device = undefined;
    watch.why = `${watch.name} is flooded`;
    setImmediate(() => this.#open(watch));
  }

  #flush(): void {
    const { chunk, packets } = this.#block;
    const { count } = packets;
    if (count > 0) this.#attempt(() => this.#sink.take(chunk, packets, 0, count));
    packets.count = 0;
    this.#filled = 0;
    if (!this.#skipped.some(skipped => skipped > 0)) return;
    this.#attempt(() => this.#sink.skip(this.#skipped));
    this.#skipped.fill(0);
  }

  /** What is thrown must not go through the binding: it would end the process. */
  #attempt(work: () => void): void {
    if (this.#failed) return;
    try {
      work();
    } catch (error) {
      this.#failed = true;
      this.#options.onFailure(error);
    }
  }

  /** Also called while the ring is being read, in a flood. */
  #tick(lag = lagMs): void {
    const isWatched = () => this.#watches.every(({ why }) => why === undefined);
    const watching = isWatched();
    for (const watch of this.#watches) this.#lookAfter(watch);
    this.#flush();
    for (const { device } of this.#watches) if (device !== undefined) this.#count(device);
    const nowMs = Date.now();
    const paused = Math.abs(nowMs - this.#tickedMs) > pauseMsMax;
    this.#tickedMs = nowMs;
    this.#tickedAt = performance.now();
    const goesOn = watching && !paused && isWatched();
    this.#attempt(() => this.#sink.tick(goesOn ? momentOf(nowMs - lag) : undefined));
    this.#tell();
  }

  #count(device: Device): void {
    const drops = device.drops();
    if (drops > 0) this.#attempt(() => this.#sink.drop(drops));
  }

  #lookAfter(watch: Watch): void {
    const { device, name } = watch;
    if (device === undefined) {
      if (watch.failures === 0 || --watch.retryTicks <= 0) this.#open(watch);
      return;
    }
    const state = linkState(name);
    if (state?.up === true && state.index === device.index) watch.why = undefined;
    else if (state?.index === device.index) {
      watch.why = `${name} is down`;
      watch.deafTicks = deafTicksMax; // libuv has heard of it; what comes later it will not tell
    }
    if (this.#reading !== undefined) return; // libpcap is at work
    const { polls } = device;
    const frames = device.drain();
    if (watch.deafTicks < deafTicksMax) watch.deafTicks = frames > 0 && polls === watch.polls ? watch.deafTicks + 1 : 0;
    watch.polls = polls;
    if (state?.index === device.index) return;
    device.close();
    watch.device = undefined;
    if (remains > remainsMax)
      this.#attempt(() => {
        throw new CannotCapture(`${name} went away too often for this process: start it again`);
      });
    this.#open(watch);
  }

  #readDeaf(): void {
    for (const { device, deafTicks } of this.#watches) if (deafTicks >= deafTicksMax) device?.drain();
  }

  #tell(): void {
    const missing = this.#watches.flatMap(({ why }) => why ?? []);
    const { leaked } = this.#judge;
    const state: LiveState = {
      interfaces: missing.length === 0 ? undefined : `not everything is watched: ${missing.join('; ')}`,
      leak: leaked === 0 ? undefined : LEAK,
    };
    if (state.interfaces === this.#state.interfaces && state.leak === this.#state.leak) return;
    this.#state = state;
    this.#attempt(() => this.#options.onState(state));
  }
}
