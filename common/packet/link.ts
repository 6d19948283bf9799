/**
 * From a captured frame to its network header, for each link type we read (numbers and layouts: tcpdump.org/linktypes.html).
 * A finder is handed the bytes and the frame's bounds, and returns where the IP header starts together with the IP version
 * the link announced, or why there is none, all in one number, so that nothing is allocated per packet.
 */
import { skipIndex } from './skip.ts';

export const LINK_ETHERNET = 1;

/** The IP version the link announces: either, 4 or 6. */
const ANY = 0;
const V4 = 1;
const V6 = 2;

/** A place in the chunk (below 2^26) and an announced version; negative: minus one less the skip reason. */
export type Found = number;
const found = (offset: number, version: number): Found => offset * 4 + version;
const skipped = (reason: Parameters<typeof skipIndex>[0]): Found => -1 - skipIndex(reason);
export const foundOffset = (place: Found): number => place >> 2;
export const foundSkip = (place: Found): number => -1 - place;
/** Whether a header's version nibble is what the link announced. */
export const versionAgrees = (place: Found, version: number): boolean =>
  (place & 3) === ANY ? version === 4 || version === 6 : version === ((place & 3) === V4 ? 4 : 6);

const TRUNCATED = skipped('truncated');
const OTHER_ETHERTYPE = skipped('ethertype');
const ARP = skipped('arp');

export type Finder = (bytes: Uint8Array, at: number, end: number) => Found;

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

/** By the ethertype, through any stack of VLAN tags (802.1Q, 802.1ad, older QinQ) and PPPoE; `next` is what follows it. */
function byEthertype(bytes: Uint8Array, first: number, afterFirst: number, end: number): Found {
  let ethertype = first;
  let next = afterFirst;
  for (;;) {
    if (ethertype === 0x0800) return found(next, V4);
    if (ethertype === 0x86dd) return found(next, V6);
    if (ethertype === 0x0806 || ethertype === 0x8035) return ARP;
    if (ethertype === 0x8864) return fromPppoe(bytes, next, end);
    const isTag = ethertype === 0x8100 || ethertype === 0x88a8 || ethertype === 0x9100 || ethertype === 0x9200;
    if (!isTag) return OTHER_ETHERTYPE;
    if (next + 4 > end) return TRUNCATED;
    ethertype = u16(bytes, next + 2);
    next += 4;
  }
}

/** A link header of fixed length with the ethertype somewhere in it. */
const withEthertype =
  (ethertypeAt: number, headerBytes: number): Finder =>
  (bytes, at, end) =>
    at + headerBytes > end ? TRUNCATED : byEthertype(bytes, u16(bytes, at + ethertypeAt), at + headerBytes, end);

/** PPPoE session (RFC 2516): six bytes, then PPP without its address and control bytes. */
const fromPppoe: Finder = (bytes, at, end) => fromPppProtocol(bytes, at + 6, end);

/** The PPP protocol field, one byte where it is compressed (its low bit set, RFC 1661). */
function fromPppProtocol(bytes: Uint8Array, at: number, end: number): Found {
  if (at >= end) return TRUNCATED;
  const compressed = (bytes[at]! & 1) === 1;
  if (!compressed && at + 2 > end) return TRUNCATED;
  const protocol = compressed ? bytes[at]! : u16(bytes, at);
  const next = compressed ? at + 1 : at + 2;
  return protocol === 0x0021 ? found(next, V4) : protocol === 0x0057 ? found(next, V6) : OTHER_ETHERTYPE;
}

/** PPP, with or without the address and control bytes of HDLC-like framing (RFC 1662). */
const fromPpp: Finder = (bytes, at, end) =>
  at + 2 <= end && bytes[at] === 0xff && bytes[at + 1] === 0x03
    ? fromPppProtocol(bytes, at + 2, end)
    : fromPppProtocol(bytes, at, end);

/** BSD address family in four bytes of either order: 2 is IPv4, 24, 28 and 30 are the BSDs' IPv6. */
const fromNull: Finder = (bytes, at, end) => {
  if (at + 4 > end) return TRUNCATED;
  const bigEndian = bytes[at] === 0 && bytes[at + 1] === 0;
  const family = bigEndian ? u16(bytes, at + 2) : bytes[at]! | (bytes[at + 1]! << 8);
  if (family === 2) return found(at + 4, V4);
  return family === 24 || family === 28 || family === 30 ? found(at + 4, V6) : OTHER_ETHERTYPE;
};

/** Raw IP: the packet begins with its IP header. */
const raw =
  (version: number): Finder =>
  (_bytes, at) =>
    found(at, version);

const FINDERS = new Map<number, Finder>([
  [0, fromNull], // BSD loopback
  [LINK_ETHERNET, withEthertype(12, 14)],
  [9, fromPpp],
  [12, raw(ANY)], // raw IP, as DLT_RAW was written on some systems
  [14, raw(ANY)], // and on OpenBSD
  [50, fromPpp], // PPP in HDLC-like framing
  [51, fromPppoe],
  [101, raw(ANY)],
  [108, fromNull], // OpenBSD loopback
  [113, withEthertype(14, 16)], // Linux cooked v1
  [228, raw(V4)],
  [229, raw(V6)],
  [276, withEthertype(0, 20)], // Linux cooked v2
]);

/** How to find the IP header on this link type; undefined for one we do not read. */
export const finderOf = (linkType: number): Finder | undefined => FINDERS.get(linkType);
