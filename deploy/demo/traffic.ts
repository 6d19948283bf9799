/**
 * Made-up darknet traffic for the demo: seeded, so that the same days give the same packets. Four kinds of senders, in space
 * allocated to sixteen economies, and one event: on the third day before the last, bots of a new worm begin to call at TCP 37215,
 * and are more each hour.
 *
 * | kind    | share | senders | what each sends                                        |
 * | ------- | ----- | ------- | ------------------------------------------------------ |
 * | scanner | 45%   | 160     | SYNs to many ports, a third of them as Masscan or ZMap |
 * | bot     | 35%   | 900     | Mirai's SYNs to telnet                                 |
 * | UDP     | 12%   | 200     | DNS, NTP, SIP, SSDP, Memcached                         |
 * | victim  | 8%    | 60      | SYN+ACKs to random ports, and echo requests            |
 */
import { allocatedIpv4, type GeoTable } from '../../common/geo/table.ts';
import type { Prefix } from '../../common/record/address.ts';

/** Economies the senders are in, those with more first. */
const ECONOMIES = ['CN', 'US', 'BR', 'RU', 'IN', 'VN', 'TW', 'KR', 'NL', 'DE', 'ID', 'TH', 'JP', 'EG', 'GB', 'MX'];
const SCAN_PORTS = [22, 23, 80, 443, 445, 1433, 2222, 2375, 3306, 3389, 5432, 5555, 5900, 6379, 7547, 8080, 8443, 9200];
const UDP_PORTS = [53, 123, 161, 1900, 5060, 11_211];
/** Where the worm calls: routers of one maker (CVE-2017-17215), as Satori did in 2017. */
export const WORM_PORT = 37_215;

const FRAME_BYTES = 40;
const RAW_IP = 101;
const TCP = 6;
const UDP = 17;
const ICMP = 1;
const SYN = 0x02;
const SYN_ACK = 0x12;

export interface TrafficOptions {
  readonly geo: GeoTable;
  /** IPv4: the packets go to addresses in it. */
  readonly network: Prefix;
  /** Start, seconds since 1970; length in seconds. */
  readonly start: number;
  readonly seconds: number;
  readonly packets: number;
  /** How far the worm has come: hours since it began, at `start`; negative before. */
  readonly wormHours: number;
  readonly seed: number;
}

/** A capture (pcap, raw IP, microseconds), in the order of time. */
export function darknetCapture(options: TrafficOptions): Buffer {
  const { geo, network, start, seconds, packets, wormHours, seed } = options;
  const random = createRandom(seed);
  const senders = createSenders(geo);
  const frames = [fileHeader()];
  const usual = Array.from({ length: packets }, () => random() * seconds);
  const worm = wormTimes(wormHours, seconds, packets, random);
  const times = [...usual.map(at => ({ at, worm: false })), ...worm.map(at => ({ at, worm: true }))];
  for (const { at, worm } of times.sort((a, b) => a.at - b.at)) {
    const dst = (network.words[0]! + Math.floor(random() * 2 ** (32 - network.length))) >>> 0;
    const hours = wormHours + at / 3600;
    frames.push(frame(start + at, worm ? wormPacket(senders, dst, hours, random) : usualPacket(senders, dst, random)));
  }
  return Buffer.concat(frames);
}

/** From its first hour on the worm sends more each hour, up to twice the usual traffic. */
function wormTimes(wormHours: number, seconds: number, packets: number, random: () => number): number[] {
  const hours = Math.ceil(seconds / 3600);
  const usual = packets / hours;
  return Array.from({ length: hours }, (_, hour) => {
    const age = wormHours + hour;
    const count = age < 0 ? 0 : Math.round(usual * Math.min(2, 0.05 * (age + 1)));
    return Array.from({ length: count }, () => Math.min(seconds - 1, (hour + random()) * 3600));
  }).flat();
}

interface Packet {
  readonly protocol: number;
  readonly src: number;
  readonly dst: number;
  /** For ICMP the type and the code. */
  readonly srcPort: number;
  readonly dstPort: number;
  readonly flags: number;
  readonly id: number;
  readonly sequence: number;
}

type Senders = (rank: number) => number;

function usualPacket(senders: Senders, dst: number, random: () => number): Packet {
  const kind = random();
  const word = () => Math.floor(random() * 2 ** 32);
  const port = () => 1024 + Math.floor(random() * 60_000);
  const common = { dst, srcPort: port(), flags: SYN, id: word() & 0xffff, sequence: word() };
  if (kind < 0.45) {
    const rank = skewed(160, random);
    const dstPort = pick(SCAN_PORTS, random);
    const tool = rank % 3 === 0 ? rank % 2 : undefined;
    const id = tool === 0 ? 54_321 : tool === 1 ? (dst ^ dstPort ^ common.sequence) & 0xffff : common.id;
    return { ...common, protocol: TCP, src: senders(rank), dstPort, id };
  }
  if (kind < 0.8) {
    const dstPort = random() < 0.9 ? 23 : 2323;
    return { ...common, protocol: TCP, src: senders(1000 + skewed(900, random)), dstPort, sequence: dst };
  }
  if (kind < 0.92) {
    const src = senders(3000 + skewed(200, random));
    return { ...common, protocol: UDP, src, dstPort: pick(UDP_PORTS, random), flags: 0, sequence: 0 };
  }
  const src = senders(4000 + skewed(60, random));
  if (random() < 0.5) return { ...common, protocol: TCP, src, srcPort: 80, dstPort: port(), flags: SYN_ACK };
  return { ...common, protocol: ICMP, src, srcPort: 8, dstPort: 0, flags: 0, sequence: 0 };
}

function wormPacket(senders: Senders, dst: number, hours: number, random: () => number): Packet {
  const infected = Math.min(1200, 20 + 15 * hours);
  const src = senders(6000 + Math.floor(random() * infected));
  return { protocol: TCP, src, dst, srcPort: 40_000, dstPort: WORM_PORT, flags: SYN, id: 1, sequence: dst };
}

/** Senders by rank, each always at the same address, within the largest blocks of its economy. */
function createSenders(geo: GeoTable): Senders {
  const blocks = senderBlocks(geo);
  return rank => {
    const random = createRandom(0x5eed + rank);
    const { first, size } = blocks[Math.floor(random() ** 2 * blocks.length)]!;
    return first + Math.floor(random() * size);
  };
}

/** Where all senders are: IPv4 addresses from `first` on, so many; a block for each of sixteen economies at the most. */
export function senderBlocks(geo: GeoTable): { readonly first: number; readonly size: number }[] {
  const allocated = allocatedIpv4(geo);
  return ECONOMIES.filter(economy => allocated.has(economy)).map(economy => largestBlock(geo, economy));
}

function largestBlock({ starts4, places4, placeCountry, countries }: GeoTable, economy: string) {
  let [first, size] = [0, 0];
  for (let n = 0; n + 1 < starts4.length; n++) {
    const length = starts4[n + 1]! - starts4[n]!;
    if (length <= size || countries[placeCountry[places4[n]!]!] !== economy) continue;
    [first, size] = [starts4[n]!, length];
  }
  return { first, size };
}

function fileHeader(): Buffer {
  const header = Buffer.alloc(24);
  for (const [n, word] of [0xa1b2c3d4, 0x00040002, 0, 0, 65_535, RAW_IP].entries()) header.writeUInt32LE(word, 4 * n);
  return header;
}

/** Record header and packet. Checksums are left 0: nobody looks at them. */
function frame(time: number, { protocol, src, dst, srcPort, dstPort, flags, id, sequence }: Packet): Buffer {
  const b = Buffer.alloc(16 + FRAME_BYTES);
  const seconds = Math.floor(time);
  b.writeUInt32LE(seconds, 0);
  b.writeUInt32LE(Math.floor((time - seconds) * 1e6), 4);
  b.writeUInt32LE(FRAME_BYTES, 8);
  b.writeUInt32LE(FRAME_BYTES, 12);
  const ip = 16;
  b.writeUInt32BE(0x45000000 + FRAME_BYTES, ip);
  b.writeUInt16BE(id, ip + 4);
  b[ip + 8] = 52;
  b[ip + 9] = protocol;
  b.writeUInt32BE(src, ip + 12);
  b.writeUInt32BE(dst, ip + 16);
  if (protocol === ICMP) {
    b[ip + 20] = srcPort;
    b[ip + 21] = dstPort;
    return b;
  }
  b.writeUInt16BE(srcPort, ip + 20);
  b.writeUInt16BE(dstPort, ip + 22);
  if (protocol === UDP) {
    b.writeUInt16BE(FRAME_BYTES - 20, ip + 24);
    return b;
  }
  b.writeUInt32BE(sequence, ip + 24);
  b[ip + 32] = 0x50;
  b[ip + 33] = flags;
  b.writeUInt16BE(1024 + (sequence & 0x3fff), ip + 34);
  return b;
}

/** A rank below `count`, low ones far more often. */
const skewed = (count: number, random: () => number): number => Math.floor(random() ** 2.5 * count);
const pick = <Item>(items: readonly Item[], random: () => number): Item => items[skewed(items.length, random)]!;

/** Numbers from 0 to below 1, the same for the same seed (mulberry32, Ettinger 2017). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
