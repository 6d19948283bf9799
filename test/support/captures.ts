/** Small captures with something of everything in them, and ways to read one without a file. */
import { createSkipped, type Decoded, decodePackets } from '../../common/packet/decode.ts';
import type { Observed } from '../../common/packet/observed.ts';
import { createPackets, type Packets } from '../../common/packet/packets.ts';
import { PcapWalker, pcapKind } from '../../common/packet/pcap.ts';
import { PCAPNG_MAGIC, PcapngWalker } from '../../common/packet/pcapng.ts';
import { SKIP_REASONS } from '../../common/packet/skip.ts';
import type { Chunk, Walker } from '../../common/packet/walker.ts';
import { createRecords } from '../../common/record/record.ts';
import * as w from './capture-writer.ts';

const { at, LINK } = w;
export const START = at('2026-03-01T12:00:00.25Z');
const V4 = { src: '1.2.3.4', dst: '192.0.2.1' };
const V6 = { src: '2a00::1', dst: '2001:db8::1' };

const syn4 = w.ipv4({ ...V4, id: 54321, payload: w.tcp({ dstPort: 23, seq: w.number4(V4.dst), window: 1024 }) });
const syn6 = w.ipv6({ ...V6, payload: w.tcp({ dstPort: 443, window: 1024 }) });
const chained6 = w.ipv6({
  ...V6,
  payload: w.udp({ dstPort: 53 }),
  extensions: [
    w.hopByHop(),
    w.routing(['2001:db8::2']),
    w.fragment6({ more: true }),
    w.authentication(),
    w.destinationOptions(),
  ],
});
const ethernet4 = (payload: Uint8Array) => w.ethernet(w.ETHERTYPE_IPV4, payload);

/** One frame of each kind the decoder tells apart, for Ethernet. */
export const ETHERNET_FRAMES: readonly Uint8Array[] = [
  ethernet4(syn4),
  w.ethernet(w.ETHERTYPE_IPV6, chained6),
  w.ethernet(w.ETHERTYPE_QINQ, w.vlan(5, w.ETHERTYPE_VLAN, w.vlan(6, w.ETHERTYPE_IPV4, syn4))),
  w.ethernet(w.ETHERTYPE_PPPOE_SESSION, w.pppoe(w.ppp(w.PPP_IPV6, syn6))),
  ethernet4(w.ipv4({ ...V4, options: w.u8(7, 7, 4, 0, 0, 0, 0), payload: w.udp({ srcPort: 53, dstPort: 9 }) })),
  ethernet4(w.ipv4({ ...V4, payload: w.icmp({ type: 3, code: 1, data: syn4 }) })),
  w.ethernet(w.ETHERTYPE_IPV6, w.ipv6({ ...V6, payload: w.icmpv6({ type: 128 }) })),
  ethernet4(w.ipv4({ ...V4, payload: w.sctp({ dstPort: 3868 }) })),
  ethernet4(w.ipv4({ ...V4, payload: w.raw(47, w.zeros(4)) })),
  ethernet4(w.ipv4({ ...V4, fragmentOffset: 64, payload: w.raw(17, w.zeros(16)) })),
  w.ethernet(w.ETHERTYPE_ARP, w.zeros(28)),
  w.ethernet(w.ETHERTYPE_LLDP, w.zeros(8)),
];

/** Frames of every link type, a few each. */
export const LINK_FRAMES: readonly (readonly [linkType: number, frames: readonly Uint8Array[]])[] = [
  [LINK.ethernet, ETHERNET_FRAMES],
  [LINK.null, [w.bsdNull(2, syn4, 'little'), w.bsdNull(30, syn6, 'big'), w.bsdNull(7, syn4, 'little')]],
  [LINK.loop, [w.bsdNull(2, syn4, 'big'), w.bsdNull(24, chained6, 'big')]],
  [LINK.raw, [syn4, syn6]],
  [LINK.rawBsd, [syn4, chained6]],
  [14, [syn4, syn6]],
  [LINK.ipv4, [syn4, syn6]],
  [LINK.ipv6, [syn6, chained6, syn4]],
  [LINK.ppp, [w.pppHdlc(w.PPP_IPV4, syn4), w.ppp(w.PPP_IPV6, syn6, true), w.pppHdlc(w.PPP_LCP, w.zeros(4))]],
  [LINK.pppHdlc, [w.pppHdlc(w.PPP_IPV6, chained6)]],
  [LINK.pppEther, [w.pppoe(w.ppp(w.PPP_IPV4, syn4))]],
  [
    LINK.linuxSll,
    [w.linuxSll(w.ETHERTYPE_IPV4, syn4), w.linuxSll(w.ETHERTYPE_VLAN, w.vlan(1, w.ETHERTYPE_IPV6, syn6))],
  ],
  [LINK.linuxSll2, [w.linuxSll2(w.ETHERTYPE_IPV6, chained6), w.linuxSll2(w.ETHERTYPE_ARP, w.zeros(28))]],
  [LINK.user0, [syn4]],
];

export const packetsOf = (frames: readonly Uint8Array[]): w.Packet[] =>
  frames.map((data, i) => ({ time: START + BigInt(i) * 1_234_567_890n, data }));

/** pcapng of both kinds of order, options in every block, unknown blocks, four interfaces, two sections. */
export function smallPcapng(order: w.ByteOrder): Uint8Array {
  const ng = w.pcapng(order);
  const micros = START / 1000n;
  const section = w.concat(
    ng.section([ng.comment('made up')]),
    ng.interface(LINK.ethernet, 0, [ng.comment('dark'), ng.tsresol(6)]),
    ng.interface(LINK.raw, 96, [ng.tsresol(9), ng.tsoffset(-10n)]),
    ng.block(0xbad, w.zeros(8)),
    ng.enhanced(0, micros, ETHERNET_FRAMES[0]!, [ng.comment('a SYN')]),
    ng.enhanced(1, START + 10_000_000_000n, syn6),
    ng.packet(0, micros + 1n, ETHERNET_FRAMES[5]!),
    ng.simple(ETHERNET_FRAMES[0]!),
    ng.statistics(0, micros),
    ng.enhanced(1, START, syn4.subarray(0, 21), [], syn4.length),
  );
  const other = w.pcapng(order === 'little' ? 'big' : 'little');
  return w.concat(
    section,
    other.section(),
    other.interface(LINK.linuxSll2),
    other.enhanced(0, micros, w.linuxSll2(w.ETHERTYPE_IPV4, syn4)),
  );
}

// --- reading ---

export const walkerOf = (file: Uint8Array): Walker | undefined => {
  if (file.length < 4) return undefined;
  const magic = new DataView(file.buffer, file.byteOffset).getUint32(0);
  const pcap = pcapKind(magic);
  if (pcap !== undefined) return new PcapWalker(pcap.little, pcap.nanoseconds);
  return magic === PCAPNG_MAGIC ? new PcapngWalker() : undefined;
};

/**
 * Where each part of a whole file begins and one would begin after the last, and where the part that has the n-th packet ends.
 * By the formats' lengths alone.
 */
export function partsOf(file: Uint8Array): { starts: number[]; ends: number[] } {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const isPcap = view.getUint32(0) !== PCAPNG_MAGIC;
  let little = isPcap && file[0] !== 0xa1;
  const starts = isPcap ? [0, 24] : [0];
  const ends: number[] = [];
  while (starts.at(-1)! < file.length) {
    const start = starts.at(-1)!;
    if (!isPcap && view.getUint32(start) === PCAPNG_MAGIC) little = view.getUint32(start + 8, true) === 0x1a2b3c4d;
    const end = start + (isPcap ? 16 + view.getUint32(start + 8, little) : view.getUint32(start + 4, little));
    if (isPcap || [2, 3, 6].includes(view.getUint32(start, little))) ends.push(end);
    starts.push(end);
  }
  return { starts, ends };
}

/** A packet as found: where it lies in the file and when it was captured. */
export interface FoundPacket {
  linkType: number;
  offset: number;
  captured: number;
  hour: number;
  time: number;
}

export interface Walked {
  found: FoundPacket[];
  damage: string | undefined;
  /** The offset of the first byte not consumed. */
  offset: number;
  /** Steps taken, to show that it always moves on. */
  steps: number;
}

/** Stands before and after the bytes a walker may look at. */
const CANARY_BYTES = 64;

/**
 * Walks a file in memory as the reader does: chunks of `chunkBytes`, or as long as the walker says it needs, into a list of
 * `capacity` packets. Around each chunk's bytes is noise.
 */
export function walkInChunks(file: Uint8Array, chunkBytes: number, capacity = 64, noise = 0xa5): Walked {
  const walker = walkerOf(file);
  if (walker === undefined) return { found: [], damage: 'no capture', offset: 0, steps: 0 };
  const packets = createPackets(capacity);
  const found: FoundPacket[] = [];
  let offset = 0;
  let filled = Math.min(file.length, chunkBytes);
  for (let steps = 1; ; steps++) {
    const chunk = noisyChunk(file.subarray(offset, filled), noise);
    packets.count = 0;
    const end = CANARY_BYTES + filled - offset;
    const consumed = walker.walk(chunk, CANARY_BYTES, end, packets) - CANARY_BYTES;
    for (let n = 0; n < packets.count; n++) found.push(packetAt(packets, n, offset - CANARY_BYTES));
    offset += consumed;
    const done = walker.damage !== undefined || (filled === file.length && walker.needed > 0);
    if (done) return { found, damage: walker.damage, offset, steps };
    filled = Math.min(file.length, Math.max(filled, offset + Math.max(walker.needed, chunkBytes)));
  }
}

function noisyChunk(part: Uint8Array, noise: number): Chunk {
  const bytes = new Uint8Array(part.length + 2 * CANARY_BYTES).fill(noise);
  bytes.set(part, CANARY_BYTES);
  return { bytes, view: new DataView(bytes.buffer) };
}

const packetAt = (packets: Packets, n: number, shift: number): FoundPacket => ({
  linkType: packets.linkType[n]!,
  offset: packets.offset[n]! + shift,
  captured: packets.captured[n]!,
  hour: packets.hour[n]!,
  time: packets.time[n]!,
});

export const newDecoded = (observed?: Observed, capacity = 64): Decoded => ({
  records4: createRecords(4, capacity),
  records6: createRecords(6, capacity),
  skipped: createSkipped(),
  unknownLinkTypes: new Set(),
  observed,
});

export interface Tally {
  packets: number;
  records: number;
  skipped: Record<string, number>;
}

/** Decodes the packets found in a chunk as a program does: blocks are emptied when they are full or the hour changes. */
export function decodeAll(chunk: Chunk, packets: Packets, capacity = 64): Tally {
  const out = newDecoded(undefined, capacity);
  let records = 0;
  let steps = 0;
  for (let from = 0; from < packets.count; ) {
    from = decodePackets(chunk, packets, from, out);
    records += out.records4.count + out.records6.count;
    out.records4.count = 0;
    out.records6.count = 0;
    if (++steps > 2 * packets.count + 2) throw new Error('decoding does not move on');
  }
  const skipped = SKIP_REASONS.map((reason, n) => [reason, out.skipped[n]!] as const).filter(([, count]) => count > 0);
  return { packets: packets.count, records, skipped: Object.fromEntries(skipped) };
}

export const sumOf = (counts: Record<string, number>): number => Object.values(counts).reduce((a, b) => a + b, 0);

const onePacket = createPackets(1);
const oneRecord = newDecoded(undefined, 1);

/** Decodes one frame, with `before` and `after` around it in memory; throws unless it is one record or one skip. */
export function decodeFrame(linkType: number, frame: Uint8Array, before?: Uint8Array, after?: Uint8Array): Decoded {
  const start = before?.length ?? 0;
  const bytes = new Uint8Array(start + frame.length + (after?.length ?? 0));
  if (before !== undefined) bytes.set(before);
  bytes.set(frame, start);
  if (after !== undefined) bytes.set(after, start + frame.length);
  onePacket.count = 1;
  onePacket.linkType[0] = linkType;
  onePacket.offset[0] = start;
  onePacket.captured[0] = frame.length;
  onePacket.hour[0] = 492_300;
  onePacket.time[0] = 5;
  const { records4, records6, skipped } = oneRecord;
  records4.count = 0;
  records6.count = 0;
  skipped.fill(0);
  const done = decodePackets({ bytes, view: new DataView(bytes.buffer) }, onePacket, 0, oneRecord);
  const total = records4.count + records6.count + skipped.reduce((a, b) => a + b, 0);
  if (done !== 1 || total !== 1) throw new Error(`one packet became ${total}`);
  return oneRecord;
}

/** The fields of the record that a frame became, or the reason why it is skipped. */
export function outcome({ records4, records6, skipped }: Decoded): string {
  const reason = SKIP_REASONS[skipped.indexOf(1)];
  if (reason !== undefined) return reason;
  const { family, hour, src, dst, time, srcPort, dstPort, length, window, seqFold, protocol, flags, ttl, tool } =
    records4.count > 0 ? records4 : records6;
  const columns = [src, dst, time, srcPort, dstPort, length, window, seqFold, protocol, flags, ttl, tool];
  return [family, hour, ...columns.map(column => column.join())].join(' ');
}
