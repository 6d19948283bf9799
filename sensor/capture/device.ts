/**
 * One interface through libpcap, and what the `pcap` binding (3.1.0) must be spared:
 *
 * - A time-out of zero asks for libpcap's immediate mode, whose ring has few slots, each as long as a packet may be; with one it
 *   is TPACKET_V3, where packets lie close together. The kernel hands a block of them over when it is full or this old.
 * - `close` only leaves a mark, which is found when the next packet is read: of an interface that is gone, never. So the process
 *   must be ended by `process.exit`, and an interface that comes and goes leaves a ring behind each time (`remains`).
 * - libuv's handle lies inside the session's object, and is never closed: an object that is collected would leave a loop of
 *   dangling pointers. So closed sessions are kept.
 * - libuv stops watching a socket at its first error (the interface went down), and the binding does not tell. So the ring is
 *   read each second whatever libuv says, and more often when libuv has nothing to say any more (live.ts).
 * - It reads on until the ring is empty: in a flood that is faster than we are, for ever. `abandon` ends that.
 *
 * Its addon alone is used, not the package's JavaScript (pcap.js), which makes an object and an event of each packet, and loads
 * decoders of fifty protocols: 6 MB.
 */
import fs from 'node:fs';
import type { CaptureStats, Device as Interface, LinkType } from 'pcap';

/** The addon (pcap_session.cc). */
interface Session {
  open_live(
    device: string,
    filter: string,
    bufferBytes: number,
    snapBytes: number,
    writeTo: string,
    onPacket: () => void,
    monitor: boolean,
    timeoutMs: number,
    onWarning: (text: string) => void,
    promiscuous: boolean,
  ): LinkType;
  start_polling(): void;
  /** Called when libuv says that there is something. */
  read_callback: () => void;
  /** Calls `onPacket` for each packet, which lies in `frame` then: its first bytes, as many as `header` says. */
  dispatch(frame: Buffer, header: Buffer): number;
  stats(): CaptureStats;
  close(): void;
}

export interface Pcap {
  readonly PcapSession: new () => Session;
  findalldevs(): Interface[];
}

/** Where a frame lies: the bytes are gone with the next one. */
export interface Frame {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The same bytes, for who copies them. */
  readonly words: Uint32Array;
}

export type OnFrame = (frame: Frame, length: number, seconds: number, micros: number) => void;

export interface DeviceOptions {
  readonly filter: (isLoopback: boolean) => string;
  readonly bufferBytes: number;
  readonly onFrame: OnFrame;
  /** Around every reading of the ring. */
  readonly onBegin: () => void;
  readonly onEnd: () => void;
}

/**
 * Ethernet, two VLAN tags and PPPoE are 30 bytes, IPv6 is 40, TCP 20: this leaves 166 for extension headers, more than anybody
 * has; and no payload beyond it ever enters the process.
 */
export const snapBytes = 256;
/** Of libpcap's words on a frame, which the addon writes (PacketReady). */
const headerBytes = 16;
/** For how long a packet may lie in the kernel's block. */
export const ringMsMax = 100;

export interface LinkState {
  readonly index: number;
  /** It is up, and so is the other end of the cable. */
  readonly up: boolean;
}

/** Undefined if there is no such interface. */
export function linkState(name: string): LinkState | undefined {
  const index = sysfs(name, 'ifindex');
  if (index === undefined) return undefined;
  return { index: Number(index), up: (Number(sysfs(name, 'flags')) & 1) === 1 && sysfs(name, 'carrier') === '1' };
}

function sysfs(name: string, file: string): string | undefined {
  try {
    return fs.readFileSync(`/sys/class/net/${name}/${file}`, 'utf8').trim();
  } catch {
    return undefined; // gone, or `carrier` of an interface that is down
  }
}

/** Link types that the binding names; others it gives as numbers in a sentence. */
const LINK_TYPES: Record<string, number> = {
  LINKTYPE_NULL: 0,
  LINKTYPE_ETHERNET: 1,
  LINKTYPE_RAW: 12,
  LINKTYPE_LINUX_SLL: 113,
  LINKTYPE_IEEE802_11_RADIO: 127,
};

/** See above: what is in here is never collected. */
const closed: Session[] = [];
/** What the binding's `dispatch` gives when it has closed the session; it must not be called again. */
const CLOSED = -2;

/** Closed sessions whose rings are still there, since no packet came by which they could be given back. */
export let remains = 0;

export class Device {
  readonly name: string;
  readonly index: number;
  readonly linkType: number;
  /** Its own hardware address, where frames carry one. */
  readonly mac: Uint8Array | undefined;
  /** Frames handed over. */
  frames = 0;
  /** How often libuv said that there is something. */
  polls = 0;
  readonly #session: Session;
  /** Of one frame, and of what libpcap says of it: seconds, microseconds, bytes captured, bytes it had. */
  readonly #frame = Buffer.alloc(snapBytes);
  readonly #header = Buffer.alloc(headerBytes);
  readonly #options: DeviceOptions;
  #told = { received: 0, dropped: 0, missed: 0 };
  /** Received by the kernel and not dropped, since the opening. */
  #kept = 0;
  #isOpen = true;

  /** Throws what libpcap says. */
  constructor(pcap: Pcap, name: string, options: DeviceOptions) {
    const { filter, bufferBytes } = options;
    this.name = name;
    this.mac = macOf(name);
    this.index = linkState(name)?.index ?? 0;
    this.#options = options;
    this.#session = new pcap.PcapSession();
    const isLoopback = sysfs(name, 'type') === LOOPBACK;
    const type: string = this.#session.open_live(
      name,
      filter(isLoopback),
      bufferBytes,
      snapBytes,
      '',
      this.#receiver(),
      false,
      ringMsMax,
      () => {}, // that an interface has no address is what we want
      true,
    );
    this.linkType = LINK_TYPES[type] ?? Number(/\d+$/.exec(type)?.[0] ?? Number.NaN);
    const read = () => this.#around(() => this.#session.dispatch(this.#frame, this.#header));
    this.#session.read_callback = () => {
      this.polls++;
      read();
    };
    this.#session.start_polling();
    process.nextTick(read); // what came before the polling
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  #receiver(): () => void {
    const { onFrame } = this.#options;
    const { buffer, byteOffset } = this.#frame;
    const frame: Frame = {
      bytes: new Uint8Array(buffer, byteOffset, snapBytes),
      view: new DataView(buffer, byteOffset, snapBytes),
      words: new Uint32Array(buffer, byteOffset, snapBytes / 4),
    };
    const header = new Uint32Array(this.#header.buffer, this.#header.byteOffset, headerBytes / 4);
    return () => {
      if (!this.#isOpen) return;
      this.frames++;
      onFrame(frame, Math.min(header[2]!, snapBytes), header[0]!, header[1]!);
    };
  }

  #around(read: () => void): void {
    if (!this.#isOpen) return;
    this.#options.onBegin();
    read();
    this.#options.onEnd();
  }

  /** Reads what lies in the ring; how many frames that were. Not while the ring is being read. */
  drain(): number {
    const before = this.frames;
    this.#around(() => this.#session.dispatch(this.#frame, this.#header));
    return this.frames - before;
  }

  /**
   * What the kernel has dropped since the last call: for want of room in the ring, of what passed the filter; and the network
   * card for want of its own, of whatever it was.
   */
  drops(): number {
    let stats: CaptureStats;
    try {
      stats = this.#session.stats();
    } catch {
      return 0; // the interface went away under it
    }
    const { ps_recv, ps_drop, ps_ifdrop } = stats;
    // The counters are of 32 bits, and the binding takes them for signed.
    const received = (ps_recv - this.#told.received) >>> 0;
    const dropped = (ps_drop - this.#told.dropped) >>> 0;
    const missed = (ps_ifdrop - this.#told.missed) >>> 0;
    this.#told = { received: ps_recv, dropped: ps_drop, missed: ps_ifdrop };
    this.#kept += received - dropped; // Linux counts what it drops as received, too
    return dropped + missed;
  }

  /** Ends it. Not while the ring is being read. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#session.close();
    this.#session.read_callback = () => {};
    if (this.#session.dispatch(this.#frame, this.#header) !== CLOSED) remains++;
    closed.push(this.#session);
  }

  /** Ends it while the ring is being read; how many frames lay in it still. */
  abandon(): number {
    this.#isOpen = false;
    this.#session.close(); // whoever is reading finds the mark
    closed.push(this.#session);
    return Math.max(0, this.#kept - this.frames);
  }
}

/** The kernel's types of links (linux/if_arp.h). */
const ETHERNET = '1';
const LOOPBACK = '772';

/** Of Ethernet alone, and undefined where there is none, as on loopback. */
function macOf(name: string): Uint8Array | undefined {
  if (sysfs(name, 'type') !== ETHERNET) return undefined;
  const bytes = Buffer.from((sysfs(name, 'address') ?? '').replaceAll(':', ''), 'hex');
  return bytes.length === 6 && bytes.some(byte => byte !== 0) ? bytes : undefined;
}
