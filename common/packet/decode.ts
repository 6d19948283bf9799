/**
 * From captured frames to records. Only the outermost IP header counts: what a tunnel carries or an ICMP error quotes is
 * payload. Nothing here throws or reads past the captured bytes; a packet that makes no record is counted by its reason.
 */
import * as classes from '../record/classify.ts';
import * as protocols from '../record/protocol.ts';
import { appendRecords, createRecords, type Records } from '../record/record.ts';
import { type Finder, finderOf, foundOffset, foundSkip, LINK_ETHERNET, versionAgrees } from './link.ts';
import { type Observed, observes4, observes6 } from './observed.ts';
import { NO_HOUR, type Packets } from './packets.ts';
import { SKIP_REASONS, skipIndex } from './skip.ts';
import type { Chunk } from './walker.ts';

// Constants of this module and not imports, for its loops: common/DESIGN.md, "Loops over packets".
const { foldSequence, marksOf } = classes;
const { AH, DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE } = protocols;

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

/** Of its header without options. */
const IPV4_BYTES = 20;

/** Where the first word of a transport header has ports, or type and code: to be shifted, and which bits are left. */
const SRC_SHIFT = new Uint8Array(256);
const DST_SHIFT = new Uint8Array(256);
const NUMBER_BITS = new Uint16Array(256);
for (const protocol of [TCP, UDP, DCCP, SCTP, UDPLITE]) {
  SRC_SHIFT[protocol] = 16;
  NUMBER_BITS[protocol] = 0xffff;
}
for (const protocol of [ICMP, ICMPV6]) {
  SRC_SHIFT[protocol] = 24;
  DST_SHIFT[protocol] = 16;
  NUMBER_BITS[protocol] = 0xff;
}

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

/** Where packets go: two blocks of records of the same hour, and what is told of those that are skipped. */
export interface Decoded {
  readonly records4: Records;
  readonly records6: Records;
  /** By `skipIndex`. */
  readonly skipped: Float64Array;
  /** Link types met that we do not read. */
  readonly unknownLinkTypes: Set<number>;
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
  const { records4, records6, skipped, unknownLinkTypes } = out;
  for (let done = from; done < count; ) {
    const find = finderOf(linkType[done]!);
    const thisHour = hour[done]!;
    if (find === undefined || thisHour === NO_HOUR) {
      const end = sameUntil(packets, done, count);
      if (find === undefined) unknownLinkTypes.add(linkType[done]!);
      skipped[find === undefined ? LINK_TYPE : NO_TIME]! += end - done;
      done = end;
      continue;
    }
    if (thisHour !== records4.hour && records4.count + records6.count > 0) return done;
    records4.hour = thisHour;
    records6.hour = thisHour;
    const room = Math.min(records4.capacity - records4.count, records6.capacity - records6.count, stretchMax);
    if (room === 0) return done;
    const end = sameUntil(packets, done, Math.min(count, done + room));
    locate(chunk, packets, done, end, find, skipped);
    decode4(chunk, packets, done, end, out);
    done = end;
  }
  return count;
}

/** The first packet from `from` on, or `to`, that is of another link type or hour. */
function sameUntil({ linkType, hour }: Packets, from: number, to: number): number {
  const [firstLinkType, firstHour] = [linkType[from]!, hour[from]!];
  let end = from + 1;
  while (end < to && linkType[end] === firstLinkType && hour[end] === firstHour) end++;
  return end;
}

/** Packets decoded at a time. */
const stretchMax = 2048;
/** Of each packet at hand, where its IP header is and how many bytes are captured from there: 0 for a packet without one. */
const headers = new Uint32Array(stretchMax);
const headerBytes = new Uint32Array(stretchMax);

/** Finds the IP header of each packet. A packet that has none is counted. */
function locate(
  { bytes, view }: Chunk,
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
    // Untagged IPv4, nearly all there is; what follows would find the same. Ethertype, and the version in the byte after it.
    if (ethernet && length >= 16 && view.getUint32(at + 12) >>> 12 === 0x0800_4) {
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

/** Records of a stretch: constants, for the compiler to know where they lie and how long they are. */
const AT_HAND = createRecords(4, stretchMax);
const { src, dst, time, srcPort, dstPort, length, window, seqFold, protocol, flags, ttl, tool } = AT_HAND;

/** Packets of the stretch that are not plain IPv4 with all that is needed of it, and how many. */
const odd = new Uint32Array(stretchMax);

/** Decodes located packets of one hour. */
function decode4({ bytes, view }: Chunk, packets: Packets, from: number, to: number, out: Decoded): void {
  // In a chunk that is shorter than a header there is none, and nothing that could be read in its place.
  const plainTo = view.byteLength < IPV4_BYTES ? from : to;
  const count = decodePlain(view, packets.time, from, plainTo);
  for (let o = 0; o < plainTo - from - count; o++) decodeOdd(bytes, view, packets, from, odd[o]!, out);
  for (let i = plainTo; i < to; i++) decodeOdd(bytes, view, packets, from, i, out);
  const kept = out.observed === undefined ? count : keepObserved(out.observed, count);
  out.skipped[NOT_OBSERVED]! += count - kept;
  appendRecords(out.records4, AT_HAND, kept);
}

/**
 * Decodes the IPv4 packets of a stretch into the records at hand, and returns how many there are. The others are odd: they are
 * dealt with one by one.
 */
function decodePlain(view: DataView, times: Uint32Array, from: number, to: number): number {
  let n = 0;
  for (let i = from; i < to; i++) {
    const header = headers[i - from]!;
    const captured = headerBytes[i - from]!;
    // Whole words, for each read checks its bounds: version, header length, TOS, length | id, fragment | TTL, protocol, checksum.
    const readable = captured < IPV4_BYTES ? 0 : header;
    const first32 = view.getUint32(readable);
    const second32 = view.getUint32(readable + 4);
    const third32 = view.getUint32(readable + 8);
    const ownBytes = (first32 >>> 22) & 0x3c;
    const packetBytes = first32 & 0xffff;
    const number = (third32 >>> 16) & 0xff;
    const transportBytes = TRANSPORT_BYTES[number]!;
    const needed = ownBytes + transportBytes;
    // One question for all that can be wrong, whose answer is nearly always no: negative if anything is.
    const wrong =
      (captured - IPV4_BYTES) |
      (captured - needed) |
      (packetBytes - needed) |
      (ownBytes - IPV4_BYTES) |
      -((first32 >>> 28) ^ 4) |
      -(second32 & 0x1fff);
    if (wrong < 0) {
      odd[i - from - n] = i;
      continue;
    }
    const destination = view.getUint32(header + 16);
    const transport = transportBytes === 0 ? header : header + ownBytes;
    const numbers = view.getUint32(transport);
    const port = (numbers >>> DST_SHIFT[number]!) & NUMBER_BITS[number]!;
    src[n] = view.getUint32(header + 12);
    dst[n] = destination;
    time[n] = times[i]!;
    srcPort[n] = (numbers >>> SRC_SHIFT[number]!) & NUMBER_BITS[number]!;
    dstPort[n] = port;
    length[n] = packetBytes;
    protocol[n] = number;
    ttl[n] = third32 >>> 24;
    let control = 0; // data offset, flags, window
    let fold = 0;
    let marks = 0;
    if (number === TCP) {
      const sequence = view.getUint32(transport + 4);
      control = view.getUint32(transport + 12);
      fold = foldSequence(sequence);
      marks = marksOf((control >>> 16) & 0xff, second32 >>> 16, destination, port, sequence);
    }
    flags[n] = control >>> 16;
    window[n] = control;
    seqFold[n] = fold;
    tool[n] = marks;
    n++;
  }
  return n;
}

/** Packet `i` of a stretch that begins at `from`: of IPv6, and becomes a record, or one that makes none, and is counted. */
function decodeOdd(bytes: Uint8Array, view: DataView, packets: Packets, from: number, i: number, out: Decoded): void {
  const { records6, skipped, observed } = out;
  const captured = headerBytes[i - from]!;
  if (captured === 0) return; // counted when it was located
  const header = headers[i - from]!;
  if (bytes[header]! >>> 4 === 6) {
    const reason = decode6(view, header, header + captured, records6, records6.count, observed);
    if (reason === DECODED) records6.time[records6.count++] = packets.time[i]!;
    else skipped[reason]!++;
  } else skipped[whyNot4(view, header, captured)]!++;
}

/** Why an IPv4 packet makes no record. */
function whyNot4(view: DataView, header: number, captured: number): number {
  if (captured < IPV4_BYTES) return TRUNCATED;
  const first32 = view.getUint32(header);
  const ownBytes = (first32 >>> 22) & 0x3c;
  const packetBytes = first32 & 0xffff;
  if (ownBytes < IPV4_BYTES || packetBytes < ownBytes) return BAD_LENGTH;
  if ((view.getUint16(header + 6) & 0x1fff) !== 0) return FRAGMENT;
  return ownBytes + TRANSPORT_BYTES[view.getUint8(header + 9)]! > packetBytes ? BAD_LENGTH : TRUNCATED;
}

/** Leaves out of the records at hand those to destinations that are not observed; returns how many are left. */
function keepObserved(observed: Observed, count: number): number {
  let left = 0;
  for (let n = 0; n < count; n++) {
    src[left] = src[n]!;
    dst[left] = dst[n]!;
    time[left] = time[n]!;
    srcPort[left] = srcPort[n]!;
    dstPort[left] = dstPort[n]!;
    length[left] = length[n]!;
    window[left] = window[n]!;
    seqFold[left] = seqFold[n]!;
    protocol[left] = protocol[n]!;
    flags[left] = flags[n]!;
    ttl[left] = ttl[n]!;
    tool[left] = tool[n]!;
    if (observes4(observed, dst[n]!)) left++;
  }
  return left;
}

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
