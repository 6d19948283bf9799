/**
 * The pcapng file format (IETF draft-ietf-opsawg-pcapng): sections of blocks, each in its own byte order. A block is type,
 * total length, body, total length again, in whole 32-bit words. Interfaces are described before the packets that name them,
 * each with a link type, a time resolution and a time offset. Blocks and options not named here are passed over.
 */
import { NO_HOUR, type Packets, setTime } from './packets.ts';
import { type Chunk, packetBytesMax, type Walker } from './walker.ts';

export const PCAPNG_MAGIC = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

const INTERFACE_DESCRIPTION = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;

const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;

/** Type, total length, and total length again. */
const FRAME_BYTES = 12;
/** Far more than any machine has; a file made to fill the memory with interfaces is damaged. */
const interfacesMax = 65_536;
/** A block holds one packet and its options; other blocks (names, secrets) may be as long. */
const blockBytesMax = packetBytesMax + 65_536;

interface Interface {
  linkType: number;
  snapLength: number;
  /** Units a second of the time stamps, and seconds to add to them. */
  unitsPerSecond: number;
  offsetSeconds: number;
}

/** Where a packet block keeps its fields, after the block's first 8 bytes. */
interface PacketLayout {
  interfaceBytes: 2 | 4;
  timeAt: number;
  capturedAt: number;
  dataAt: number;
}
const ENHANCED: PacketLayout = { interfaceBytes: 4, timeAt: 4, capturedAt: 12, dataAt: 20 };
const OBSOLETE: PacketLayout = { interfaceBytes: 2, timeAt: 4, capturedAt: 12, dataAt: 20 };

export class PcapngWalker implements Walker {
  needed = FRAME_BYTES;
  damage: string | undefined;
  #little = true;
  #interfaces: Interface[] = [];

  walk(chunk: Chunk, from: number, to: number, packets: Packets): number {
    this.needed = 0;
    let at = from;
    while (packets.count < packets.capacity) {
      const length = this.#blockLength(chunk.view, at, to);
      if (length === 0) break;
      if (!this.#readBlock(chunk.view, at, length, packets)) break;
      at += length;
    }
    return at;
  }

  /** The length of the block at `at`; 0 if it is not all there (see `needed`) or damaged. */
  #blockLength(view: DataView, at: number, to: number): number {
    if (to - at < FRAME_BYTES) return this.#need(FRAME_BYTES);
    if (view.getUint32(at) === PCAPNG_MAGIC) {
      this.#little = view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC;
      if (!this.#little && view.getUint32(at + 8) !== BYTE_ORDER_MAGIC)
        return this.#damaged('a section header with no byte-order magic') || 0;
    }
    const length = view.getUint32(at + 4, this.#little);
    if (length < FRAME_BYTES || length % 4 !== 0 || length > blockBytesMax)
      return this.#damaged(`a block of ${length} bytes, which no block can have`) || 0;
    if (to - at < length) return this.#need(length);
    const again = view.getUint32(at + length - 4, this.#little);
    if (again !== length) return this.#damaged(`a block that begins with length ${length} and ends with ${again}`) || 0;
    return length;
  }

  /** False if the block is damaged. */
  #readBlock(view: DataView, at: number, length: number, packets: Packets): boolean {
    const type = view.getUint32(at, this.#little);
    if (type === ENHANCED_PACKET) return this.#readPacket(view, at + 8, length - FRAME_BYTES, ENHANCED, packets);
    if (type === SIMPLE_PACKET) return this.#readSimplePacket(view, at + 8, length - FRAME_BYTES, packets);
    if (type === OBSOLETE_PACKET) return this.#readPacket(view, at + 8, length - FRAME_BYTES, OBSOLETE, packets);
    if (type === INTERFACE_DESCRIPTION) return this.#readInterface(view, at + 8, length - FRAME_BYTES);
    if (type === PCAPNG_MAGIC) this.#interfaces = [];
    return true;
  }

  #readInterface(view: DataView, body: number, length: number): boolean {
    if (length < 8) return this.#damaged('an interface description that is too short');
    if (this.#interfaces.length === interfacesMax) return this.#damaged(`more than ${interfacesMax} interfaces`);
    const found: Interface = {
      linkType: view.getUint16(body, this.#little),
      snapLength: view.getUint32(body + 4, this.#little),
      unitsPerSecond: 1e6,
      offsetSeconds: 0,
    };
    let at = body + 8;
    const end = body + length;
    while (end - at >= 4) {
      const code = view.getUint16(at, this.#little);
      const bytes = view.getUint16(at + 2, this.#little);
      if (code === 0) break;
      if (end - at - 4 < bytes) return this.#damaged('an option that is longer than its block');
      if (code === IF_TSRESOL && bytes === 1) {
        const resolution = view.getUint8(at + 4);
        found.unitsPerSecond = (resolution & 0x80 ? 2 : 10) ** (resolution & 0x7f);
      }
      if (code === IF_TSOFFSET && bytes === 8) found.offsetSeconds = Number(view.getBigInt64(at + 4, this.#little));
      at += 4 + bytes + (-bytes & 3);
    }
    this.#interfaces.push(found);
    return true;
  }

  #readPacket(view: DataView, body: number, length: number, layout: PacketLayout, packets: Packets): boolean {
    if (length < layout.dataAt) return this.#damaged('a packet block that is too short');
    const little = this.#little;
    const id = layout.interfaceBytes === 4 ? view.getUint32(body, little) : view.getUint16(body, little);
    const captured = view.getUint32(body + layout.capturedAt, little);
    if (captured > length - layout.dataAt) return this.#damaged('a packet that is longer than its block');
    const source = this.#interfaces[id];
    if (source === undefined) return this.#damaged(`a packet of interface ${id}, which was not described`);
    const n = packets.count++;
    packets.linkType[n] = source.linkType;
    packets.offset[n] = body + layout.dataAt;
    packets.captured[n] = captured;
    const high = view.getUint32(body + layout.timeAt, little);
    const low = view.getUint32(body + layout.timeAt + 4, little);
    setUnits(packets, n, high, low, source);
    return true;
  }

  /** A simple packet block has no time and belongs to the first interface, whose snap length cuts it. */
  #readSimplePacket(view: DataView, body: number, length: number, packets: Packets): boolean {
    if (length < 4) return this.#damaged('a simple packet block that is too short');
    const source = this.#interfaces[0];
    if (source === undefined) return this.#damaged('a simple packet before any interface was described');
    const original = view.getUint32(body, this.#little);
    const n = packets.count++;
    packets.linkType[n] = source.linkType;
    packets.offset[n] = body + 4;
    packets.captured[n] = Math.min(original, source.snapLength || original, length - 4);
    packets.hour[n] = NO_HOUR;
    packets.time[n] = 0;
    return true;
  }

  #need(bytes: number): 0 {
    this.needed = bytes;
    return 0;
  }

  #damaged(why: string): false {
    this.damage = why;
    return false;
  }
}

/** Up to this many units a second the divisions below are exact in doubles. */
const unitsExactMax = 2 ** 33;

/** Sets the time of packet `n` from a 64-bit count of the interface's units: exact, and without BigInts for usual resolutions. */
function setUnits(packets: Packets, n: number, high: number, low: number, source: Interface): void {
  const units = source.unitsPerSecond;
  if (units > unitsExactMax) {
    const count = (BigInt(high) << 32n) | BigInt(low);
    const perSecond = BigInt(units);
    const micros = Number(((count % perSecond) * 1_000_000n) / perSecond);
    setTime(packets, n, Number(count / perSecond) + source.offsetSeconds, micros);
    return;
  }
  // Long division by digits of 16 bits: every value on the way stays below 2^53.
  const first = high >>> 0;
  let seconds = Math.floor(first / units);
  let rest = first - seconds * units;
  for (let shift = 16; shift >= 0; shift -= 16) {
    const value = rest * 65_536 + ((low >>> shift) & 0xffff);
    const quotient = Math.floor(value / units);
    seconds = seconds * 65_536 + quotient;
    rest = value - quotient * units;
  }
  setTime(packets, n, seconds + source.offsetSeconds, Math.floor((rest * 1e6) / units));
}
