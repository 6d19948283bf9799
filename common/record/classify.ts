/**
 * What a packet tells of its sender: its class (scan, backscatter, other) and the marks of scan tools. Each rule is one
 * predicate with its source; which source a tool may be ascribed to is the reducer's to confirm, per UTC day.
 */
import { ICMP, ICMPV6, TCP, UDP } from './protocol.ts';

/** Classes, by number: their order is that of `CLASSES`. */
export const SCAN = 0;
export const BACKSCATTER = 1;
export const OTHER = 2;
export const CLASSES = ['scan', 'backscatter', 'other'] as const;

const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;

/** A connection attempt: SYN without ACK or RST. */
export const isSyn = (flags: number): boolean => (flags & (SYN | ACK | RST)) === SYN;

/** A victim of a spoofed flood answers with SYN+ACK or RST (Moore 2006; Corsaro 3, libcorsaro_filtering.c). */
const isTcpBackscatter = (flags: number): boolean => (flags & (SYN | ACK)) === (SYN | ACK) || (flags & RST) !== 0;

/** ICMP replies and errors, which only follow on something (Corsaro 3, libcorsaro_filtering.c; types: IANA). */
const ICMP_BACKSCATTER = [0, 3, 4, 5, 11, 12, 14, 16, 18];
/** Echo, timestamp, information and mask requests. */
const ICMP_SCAN = [8, 13, 15, 17];
/** The same by RFC 4443 and RFC 4620: errors, echo reply, node information reply. */
const ICMPV6_BACKSCATTER = [1, 2, 3, 4, 129, 140];
/** Echo request, node information query. */
const ICMPV6_SCAN = [128, 139];

const classTable = (classOf: (value: number) => number) =>
  Uint8Array.from({ length: 256 }, (_, value) => classOf(value));
const byType = (scan: number[], backscatter: number[]) =>
  classTable(type => (scan.includes(type) ? SCAN : backscatter.includes(type) ? BACKSCATTER : OTHER));

const TCP_CLASS = classTable(flags => (isTcpBackscatter(flags) ? BACKSCATTER : isSyn(flags) ? SCAN : OTHER));
const ICMP_CLASS = byType(ICMP_SCAN, ICMP_BACKSCATTER);
const ICMPV6_CLASS = byType(ICMPV6_SCAN, ICMPV6_BACKSCATTER);
const DNS = 53;

/** The class of a record, from the columns that decide it. */
export const classify = (protocol: number, flags: number, srcPort: number): number =>
  protocol === TCP
    ? TCP_CLASS[flags]!
    : protocol === UDP
      ? srcPort === DNS
        ? BACKSCATTER
        : SCAN
      : protocol === ICMP
        ? ICMP_CLASS[srcPort & 0xff]!
        : protocol === ICMPV6
          ? ICMPV6_CLASS[srcPort & 0xff]!
          : OTHER;

/** Marks, as bits of the record's `tool` column; `TOOLS[n]` names bit `n`. */
export const MIRAI = 1;
export const ZMAP = 2;
export const MASSCAN = 4;
/** Not in the record: the reducer derives it from window and marks. */
export const NMAP = 8;
export const TOOLS = ['mirai', 'zmap', 'masscan', 'nmap'] as const;

/** Mirai and its kin send the destination address as the sequence number (mirai bot/scanner.c). IPv4 TCP SYN. */
export const isMirai = (dst: number, seq: number): boolean => seq === dst;

/** ZMap marks its probes with this IP identification; since 4.1.0 (2024-03) it is random, so this is a floor. */
export const isZmap = (ipId: number): boolean => ipId === 54321;

/** Masscan sets the IP id to the xor of destination, port and sequence number (masscan src/templ-pkt.c). */
export const isMasscan = (ipId: number, dst: number, dstPort: number, seq: number): boolean =>
  ipId === ((dst ^ dstPort ^ seq) & 0xffff);

/**
 * A SYN that can be Nmap's: its window is 1024, in older versions 1024 k with k to 4 (nmap scan_engine_raw.cc). Masscan's is
 * 1024 too, so packets with its mark or ZMap's do not count.
 */
export const isNmapCandidate = (protocol: number, flags: number, window: number, tool: number): boolean =>
  protocol === TCP &&
  (window & 0x3ff) === 0 &&
  window >= 1024 &&
  window <= 4096 &&
  (tool & (ZMAP | MASSCAN)) === 0 &&
  isSyn(flags);

/** Halves of a 32-bit sequence number folded together: equal for all SYNs of one Nmap scan, whatever the target. */
export const foldSequence = (seq: number): number => (seq >>> 16) ^ (seq & 0xffff);
