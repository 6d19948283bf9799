/**
 * From captured frames to records. Only the outermost IP header counts: what a tunnel carries or an ICMP error quotes is
 * payload. Nothing here throws or reads past the captured bytes; a packet that makes no record is counted by its reason.
 */
import { foldSequence, isMasscan, isMirai, isSyn, isZmap, MASSCAN, MIRAI, ZMAP } from '../record/classify.ts';
import { AH, DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE } from '../record/protocol.ts';
import type { Records } from '../record/record.ts';
import { type Finder, finderOf, foundOffset, foundSkip, LINK_ETHERNET, versionAgrees } from './link.ts';
import { type Observed, observes4, observes6 } from './observed.ts';
import { NO_HOUR, type Packets } from './packets.ts';
import { SKIP_REASONS, skipIndex } from './skip.ts';
import type { Chunk } from './walker.ts';

const LINK_TYPE = skipIndex('link-type');
const FRAGMENT = skipIndex('fragment');
const TRUNCATED = skipIndex('truncated');
const BAD_VERSION = skipIndex('bad-version');
const BAD_LENGTH = skipIndex('bad-length');
const NOT_OBSERVED = skipIndex('not-observed');
const NO_TIME = skipIndex('no-time');
const DECODED = -1;

/** Bytes of its header that a transport must have, by protocol number; 0 for protocols without ports or types. */
const TRANSPORT_BYTES = new Uint8Array(256);
TRANSPORT_BYTES[ICMP] = 4;
TRANSPORT_BYTES[TCP] = 20;
TRANSPORT_BYTES[UDP] = 8;
TRANSPORT_BYTES[DCCP] = 12;
TRANSPORT_BYTES[ICMPV6] = 4;
TRANSPORT_BYTES[SCTP] = 12;
TRANSPORT_BYTES[UDPLITE] = 8;

/** IPv6 extension headers that have another header after them (IANA; RFC 8200). ESP hides what follows, so it ends the chain. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT_HEADER = 44;
const DESTINATION = 60;
const MOBILITY = 135;
const HIP = 139;
const SHIM6 = 140;
const EXTENSIONS = Uint8Array.from({ length: 256 }, (_, n) =>
  [HOP_BY_HOP, ROUTING, FRAGMENT_HEADER, AH, DESTINATION, MOBILITY, HIP, SHIM6].includes(n) ? 1 : 0,
);

/** Where packets go: two blocks of records of the same hour, and the count of skipped packets by reason. */
export interface Decoded {
  readonly records4: Records;
  readonly records6: Records;
  /** By `skipIndex`. */
  readonly skipped: Float64Array;
  /** Undefined: every destination is observed. */
  readonly observed: Observed | undefined;
}

export const createSkipped = (): Float64Array => new Float64Array(SKIP_REASONS.length);

/**
 * Decodes packets `from` and after into the blocks, and returns the first packet not decoded: when it is not the list's count,
 * a block is full or the packet is of another hour than the blocks, which must be taken and emptied first.
 */
export function decodePackets(chunk: Chunk, packets: Packets, from: number, out: Decoded): number {
  const { linkType, hour, count } = packets;
  const { records4, records6, skipped } = out;
  let done = from;
  while (done < count) {
    const find = finderOf(linkType[done]!);
    const thisHour = hour[done]!;
    let end = done + 1;
    while (end < count && linkType[end] === linkType[done] && hour[end] === thisHour) end++;
    if (find === undefined || thisHour === NO_HOUR) {
      skipped[find === undefined ? LINK_TYPE : NO_TIME]! += end - done;
    } else {
      if (thisHour !== records4.hour && records4.count + records6.count > 0) return done;
      records4.hour = thisHour;
      records6.hour = thisHour;
      const room = Math.min(records4.capacity - records4.count, records6.capacity - records6.count, stretchMax);
      end = Math.min(end, done + room);
      if (end === done) return done;
      locate(chunk.bytes, packets, done, end, find, skipped);
      decode4(chunk, packets, done, end, out);
    }
    done = end;
  }
  return count;
}

/** Packets decoded at a time. */
const stretchMax = 2048;
/** Of each packet at hand, where its IP header is and how many bytes are captured from there: 0 for a packet without one. */
const headers = new Uint32Array(stretchMax);
const headerBytes = new Uint32Array(stretchMax);

/** Finds the IP header of each packet. A packet that has none is counted. */
function locate(
  bytes: Uint8Array,
  packets: Packets,
  from: number,
  to: number,
  find: Finder,
  skipped: Float64Array,
): void {
  const { offset, captured, linkType } = packets;
  const ethernet = linkType[from] === LINK_ETHERNET;
  for (let i = from; i < to; i++) {
    const at = offset[i]!;
    const length = captured[i]!;
    // Untagged IPv4, nearly all there is; what follows would find the same.
    if (ethernet && length > 14 && bytes[at + 12] === 0x08 && bytes[at + 13] === 0x00 && bytes[at + 14]! >>> 4 === 4) {
      headers[i - from] = at + 14;
      headerBytes[i - from] = length - 14;
      continue;
    }
    const end = at + length;
    const place = find(bytes, at, end);
    const header = place < 0 ? end : foundOffset(place);
    headers[i - from] = header;
    headerBytes[i - from] = Math.max(0, end - header);
    if (place < 0) skipped[foundSkip(place)]!++;
    else if (header >= end) skipped[TRUNCATED]!++;
    else if (!versionAgrees(place, bytes[header]! >>> 4)) {
      skipped[BAD_VERSION]!++;
      headerBytes[i - from] = 0;
    }
  }
}

/** Decodes located packets of one hour; those of IPv6 are handed on. */
// Long: the loop every IPv4 packet goes through, kept in one piece so that the columns stay in registers.
function decode4(chunk: Chunk, packets: Packets, from: number, to: number, out: Decoded): void {
  const { bytes, view } = chunk;
  const { records4, records6, skipped, observed } = out;
  const { src, dst, time, srcPort, dstPort, length, window, seqFold, protocol, flags, ttl, tool } = records4;
  let n = records4.count;
  for (let i = from; i < to; i++) {
    if (headerBytes[i - from] === 0) continue;
    const header = headers[i - from]!;
    const end = header + headerBytes[i - from]!;
    if (bytes[header]! >>> 4 === 6) {
      const reason = decode6(view, header, end, records6, records6.count, observed);
      if (reason === DECODED) records6.time[records6.count++] = packets.time[i]!;
      else skipped[reason]!++;
      continue;
    }
    if (header + 20 > end) {
      skipped[TRUNCATED]!++;
      continue;
    }
    // Whole words, for each read checks its bounds: version, header length, TOS, length | id, fragment | TTL, protocol, checksum.
    const first = view.getUint32(header);
    const second = view.getUint32(header + 4);
    const third = view.getUint32(header + 8);
    const ownBytes = (first >>> 22) & 0x3c;
    const packetBytes = first & 0xffff;
    if (ownBytes < 20 || packetBytes < ownBytes) {
      skipped[BAD_LENGTH]!++;
      continue;
    }
    if ((second & 0x1fff) !== 0) {
      skipped[FRAGMENT]!++;
      continue;
    }
    const number = (third >>> 16) & 0xff;
    const transportBytes = TRANSPORT_BYTES[number]!;
    const needed = ownBytes + transportBytes;
    if (needed > packetBytes || header + needed > end) {
      skipped[needed > packetBytes ? BAD_LENGTH : TRUNCATED]!++;
      continue;
    }
    const destination = view.getUint32(header + 16);
    if (observed !== undefined && !observes4(observed, destination)) {
      skipped[NOT_OBSERVED]!++;
      continue;
    }
    const transport = header + ownBytes;
    const numbers = transportBytes === 0 ? 0 : view.getUint32(transport);
    src[n] = view.getUint32(header + 12);
    dst[n] = destination;
    time[n] = packets.time[i]!;
    length[n] = packetBytes;
    protocol[n] = number;
    ttl[n] = third >>> 24;
    if (number === TCP) {
      const sequence = view.getUint32(transport + 4);
      const control = view.getUint32(transport + 12); // data offset, flags, window
      const bits = (control >>> 16) & 0xff;
      srcPort[n] = numbers >>> 16;
      dstPort[n] = numbers;
      flags[n] = bits;
      window[n] = control;
      seqFold[n] = foldSequence(sequence);
      tool[n] = isSyn(bits) ? marksOf(second >>> 16, destination, numbers & 0xffff, sequence) : 0;
    } else {
      const hasType = number === ICMP || number === ICMPV6;
      srcPort[n] = hasType ? numbers >>> 24 : numbers >>> 16;
      dstPort[n] = hasType ? (numbers >>> 16) & 0xff : numbers;
      flags[n] = 0;
      window[n] = 0;
      seqFold[n] = 0;
      tool[n] = 0;
    }
    n++;
  }
  records4.count = n;
}

const marksOf = (ipId: number, dst: number, dstPort: number, sequence: number): number =>
  (isMirai(dst, sequence) ? MIRAI : 0) |
  (isZmap(ipId) ? ZMAP : 0) |
  (isMasscan(ipId, dst, dstPort, sequence) ? MASSCAN : 0);

/** Decodes an IPv6 packet into row `n`; the time is left to the caller. Returns `DECODED` or a skip reason. */
function decode6(
  view: DataView,
  header: number,
  end: number,
  records: Records,
  n: number,
  observed: Observed | undefined,
): number {
  if (header + 40 > end) return TRUNCATED;
  const payloadBytes = view.getUint16(header + 4);
  const packetEnd = header + 40 + payloadBytes;
  let next = view.getUint8(header + 6);
  let at = header + 40;
  while (EXTENSIONS[next] === 1) {
    if (at + 8 > packetEnd) return BAD_LENGTH;
    if (at + 8 > end) return TRUNCATED;
    if (next === FRAGMENT_HEADER && (view.getUint16(at + 2) & 0xfff8) !== 0) return FRAGMENT;
    const units = view.getUint8(at + 1);
    const bytes = next === FRAGMENT_HEADER ? 8 : next === AH ? (units + 2) * 4 : (units + 1) * 8;
    next = view.getUint8(at);
    at += bytes;
    if (at > packetEnd) return BAD_LENGTH;
  }
  const needed = TRANSPORT_BYTES[next]!;
  if (at + needed > packetEnd) return BAD_LENGTH;
  if (at + needed > end) return TRUNCATED;
  const { src, dst } = records;
  for (let word = 0; word < 4; word++) {
    src[4 * n + word] = view.getUint32(header + 8 + 4 * word);
    dst[4 * n + word] = view.getUint32(header + 24 + 4 * word);
  }
  if (observed !== undefined && !observes6(observed, dst[4 * n]!, dst[4 * n + 1]!, dst[4 * n + 2]!, dst[4 * n + 3]!))
    return NOT_OBSERVED;
  const isTcp = next === TCP;
  const hasType = next === ICMP || next === ICMPV6;
  const numbers = needed === 0 ? 0 : view.getUint32(at);
  records.srcPort[n] = hasType ? numbers >>> 24 : numbers >>> 16;
  records.dstPort[n] = hasType ? (numbers >>> 16) & 0xff : numbers & 0xffff;
  records.flags[n] = isTcp ? view.getUint8(at + 13) : 0;
  records.window[n] = isTcp ? view.getUint16(at + 14) : 0;
  records.seqFold[n] = isTcp ? foldSequence(view.getUint32(at + 4)) : 0;
  records.tool[n] = 0; // the marks are in fields that IPv6 does not have, or compare 32-bit addresses
  records.protocol[n] = next;
  records.length[n] = Math.min(0xffff, 40 + payloadBytes);
  records.ttl[n] = view.getUint8(header + 7);
  return DECODED;
}
