/**
 * What a packet tells of its sender: its class (scan, backscatter, other) and the marks of scan tools. Each rule is one
 * predicate with its source; which source a tool may be ascribed to is the reducer's to confirm, per UTC day.
 */
import * as words from '../bits.ts';
import * as protocols from './protocol.ts';

// Constants of this module and not imports, for its loops: common/DESIGN.md, "Loops over packets".
const { ICMP, ICMPV6, TCP, UDP } = protocols;
const { same } = words;

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

const classOfType = (type: number, scan: number[], backscatter: number[]) =>
  scan.includes(type) ? SCAN : backscatter.includes(type) ? BACKSCATTER : OTHER;
const DNS = 53;

/** Class by a value: of TCP its flags, of UDP the source port, of ICMP and ICMPv6 the type; of others there is but one. */
const PROTOCOLS: readonly { protocol?: number; values: number; classOf: (value: number) => number }[] = [
  { values: 1, classOf: () => OTHER },
  {
    protocol: TCP,
    values: 256,
    classOf: flags => (isTcpBackscatter(flags) ? BACKSCATTER : isSyn(flags) ? SCAN : OTHER),
  },
  { protocol: UDP, values: 65_536, classOf: port => (port === DNS ? BACKSCATTER : SCAN) },
  { protocol: ICMP, values: 256, classOf: type => classOfType(type, ICMP_SCAN, ICMP_BACKSCATTER) },
  { protocol: ICMPV6, values: 256, classOf: type => classOfType(type, ICMPV6_SCAN, ICMPV6_BACKSCATTER) },
];
/** The classes of all protocols one after another, and by protocol where its own begin and which bits of a record say the value. */
const CLASS_OF = new Uint8Array(PROTOCOLS.reduce((sum, { values }) => sum + values, 0));
const CLASSES_FROM = new Uint32Array(256);
const FLAG_BITS = new Uint8Array(256);
const PORT_BITS = new Uint16Array(256);
let classesFrom = 0;
for (const { protocol, values, classOf } of PROTOCOLS) {
  if (protocol !== undefined) {
    CLASSES_FROM[protocol] = classesFrom;
    (protocol === TCP ? FLAG_BITS : PORT_BITS)[protocol] = values - 1;
  }
  for (let value = 0; value < values; value++) CLASS_OF[classesFrom + value] = classOf(value);
  classesFrom += values;
}

/**
 * The class of a record, from the columns that decide it. Looked up and not asked for: which protocol comes next nobody can guess, and
 * a wrong guess costs a processor as much as all of this.
 */
export const classify = (protocol: number, flags: number, srcPort: number): number =>
  CLASS_OF[CLASSES_FROM[protocol]! + ((flags & FLAG_BITS[protocol]!) | (srcPort & PORT_BITS[protocol]!))]!;

const MIRAI_BIT = 0;
const ZMAP_BIT = 1;
const MASSCAN_BIT = 2;
/** Marks, as bits of the record's `tool` column; `TOOLS[n]` names bit `n`. */
export const MIRAI = 1 << MIRAI_BIT;
export const ZMAP = 1 << ZMAP_BIT;
export const MASSCAN = 1 << MASSCAN_BIT;
/** Not in the record: the reducer derives it from window and marks. */
export const NMAP = 8;
export const TOOLS = ['mirai', 'zmap', 'masscan', 'nmap'] as const;

/** Mirai and its kin send the destination address as the sequence number (mirai bot/scanner.c). IPv4 TCP SYN. */
export const miraiMark = (dst: number, seq: number): number => same(seq, dst) << MIRAI_BIT;

/** ZMap marks its probes with this IP identification; since 4.1.0 (2024-03) it is random, so this is a floor. */
export const zmapMark = (ipId: number): number => same(ipId, 54321) << ZMAP_BIT;

/** Masscan sets the IP id to the xor of destination, port and sequence number (masscan src/templ-pkt.c). */
export const masscanMark = (ipId: number, dst: number, dstPort: number, seq: number): number =>
  same(ipId, (dst ^ dstPort ^ seq) & 0xffff) << MASSCAN_BIT;

/** All bits for the flags of a SYN, none for others. */
const IF_SYN = Uint8Array.from({ length: 256 }, (_, flags) => (isSyn(flags) ? 0xff : 0));

/** The marks that one TCP packet over IPv4 shows. */
export const marksOf = (flags: number, ipId: number, dst: number, dstPort: number, seq: number): number =>
  IF_SYN[flags]! & (miraiMark(dst, seq) | zmapMark(ipId) | masscanMark(ipId, dst, dstPort, seq));

const OTHER_SCANNERS = ZMAP | MASSCAN;

/**
 * A SYN that can be Nmap's: its window is 1024, in older versions 1024 k with k to 4 (nmap scan_engine_raw.cc). Masscan's is
 * 1024 too, so packets with its mark or ZMap's do not count. One question instead of five that could each be guessed wrongly.
 */
export const isNmapCandidate = (protocol: number, flags: number, window: number, tool: number): boolean =>
  ((protocol ^ TCP) | ((window - 1024) & ~0xc00) | (tool & OTHER_SCANNERS) | ((flags & (SYN | ACK | RST)) ^ SYN)) === 0;

/** Halves of a 32-bit sequence number folded together: equal for all SYNs of one Nmap scan, whatever the target. */
export const foldSequence = (seq: number): number => (seq >>> 16) ^ (seq & 0xffff);
