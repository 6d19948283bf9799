/**
 * The pcap file format (IETF draft-ietf-opsawg-pcap): a 24-byte header, then packets of a 16-byte header each and the captured
 * bytes. Magic a1b2c3d4 has microseconds, a1b23c4d nanoseconds, each in the byte order of the machine that wrote it.
 */
import { type Packets, setTime } from './packets.ts';
import { type Chunk, packetBytesMax, packetBytesMin, type Walker } from './walker.ts';

const HEADER_BYTES = 24;
const PACKET_HEADER_BYTES = 16;
const MICROSECONDS = 0xa1b2c3d4;
const NANOSECONDS = 0xa1b23c4d;
const MICROS_PER_SECOND = 1_000_000;

/** Whether a file that begins with `magic`, read big-endian, is pcap, and of which byte order and resolution. */
export function pcapKind(magic: number): { little: boolean; nanoseconds: boolean } | undefined {
  const swapped = ((magic >>> 24) | ((magic >>> 8) & 0xff00) | ((magic << 8) & 0xff0000) | ((magic << 24) >>> 0)) >>> 0;
  for (const nanoseconds of [false, true]) {
    const wanted = nanoseconds ? NANOSECONDS : MICROSECONDS;
    if (magic === wanted || swapped === wanted) return { little: swapped === wanted, nanoseconds };
  }
  return undefined;
}

export class PcapWalker implements Walker {
  needed = HEADER_BYTES;
  damage: string | undefined;
  readonly #little: boolean;
  /** Fractions of a second in the file: how many, and how many of them are a microsecond. */
  readonly #perSecond: number;
  readonly #perMicro: number;
  #linkType = -1;
  #capturedMax = packetBytesMin;

  constructor(little: boolean, nanoseconds: boolean) {
    this.#little = little;
    this.#perSecond = nanoseconds ? 1e9 : 1e6;
    this.#perMicro = nanoseconds ? 1e3 : 1;
  }

  walk(chunk: Chunk, from: number, to: number, packets: Packets): number {
    if (this.#linkType >= 0) return this.#walkPackets(chunk.view, from, to, packets);
    this.needed = HEADER_BYTES;
    if (to - from < HEADER_BYTES) return from;
    const snapLength = chunk.view.getUint32(from + 16, this.#little);
    this.#capturedMax = Math.min(packetBytesMax, Math.max(packetBytesMin, snapLength));
    // The upper half of the word tells of a frame check sequence, which changes nothing here.
    this.#linkType = chunk.view.getUint32(from + 20, this.#little) & 0xffff;
    return this.#walkPackets(chunk.view, from + HEADER_BYTES, to, packets);
  }

  #walkPackets(view: DataView, from: number, to: number, packets: Packets): number {
    const little = this.#little;
    const perSecond = this.#perSecond;
    const perMicro = this.#perMicro;
    const capturedMax = this.#capturedMax;
    const { capacity, offset, captured, hour, time } = packets;
    this.needed = 0;
    const first = packets.count;
    let n = first;
    let at = from;
    let thisHour = -1;
    let hourStart = 0;
    while (n < capacity) {
      if (to - at < PACKET_HEADER_BYTES) {
        this.needed = PACKET_HEADER_BYTES;
        break;
      }
      const bytes = view.getUint32(at + 8, little);
      if (bytes > capturedMax) {
        this.damage = `a packet of ${bytes} bytes, more than the ${capturedMax} that can be`;
        break;
      }
      if (to - at - PACKET_HEADER_BYTES < bytes) {
        this.needed = PACKET_HEADER_BYTES + bytes;
        break;
      }
      const second = view.getUint32(at, little);
      const fraction = view.getUint32(at + 4, little);
      const sinceHour = second - hourStart;
      offset[n] = at + PACKET_HEADER_BYTES;
      captured[n] = bytes;
      if (thisHour >= 0 && sinceHour >= 0 && sinceHour < 3600 && fraction < perSecond) {
        hour[n] = thisHour;
        // Whole numbers: past half an hour they wrap, and the column takes them back as what they are.
        time[n] =
          Math.imul(sinceHour, MICROS_PER_SECOND) + (perMicro === 1 ? fraction : Math.floor(fraction / perMicro));
      } else {
        setTime(packets, n, second + Math.floor(fraction / perSecond), Math.floor((fraction % perSecond) / perMicro));
        thisHour = hour[n]!;
        hourStart = thisHour * 3600;
      }
      n++;
      at += PACKET_HEADER_BYTES + bytes;
    }
    packets.linkType.fill(this.#linkType, first, n);
    packets.count = n;
    return at;
  }
}
