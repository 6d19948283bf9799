/**
 * Builds capture files byte by byte: packets from the payload outwards, then a pcap or pcapng file around them.
 *
 *     const syn = ipv4({ src: '1.2.3.4', dst: '192.0.2.1', payload: tcp({ dstPort: 23, flags: SYN }) });
 *     const file = pcap([{ time: at('2026-03-01T00:00:00Z'), data: ethernet(ETHERTYPE_IPV4, syn) }]);
 *
 * Every function is pure and returns new bytes. Lengths and checksums are right unless a field is given to make them wrong;
 * the fields that exist only to lie are named in each interface's comment. Numbers in packets are in network byte order.
 *
 * It shares no code with the decoder, on purpose: a mistake in one must not hide in the other.
 */

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_RARP = 0x8035;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_QINQ = 0x88a8;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_MPLS = 0x8847;
export const ETHERTYPE_PPPOE_DISCOVERY = 0x8863;
export const ETHERTYPE_PPPOE_SESSION = 0x8864;
export const ETHERTYPE_LLDP = 0x88cc;

export const PPP_IPV4 = 0x0021;
export const PPP_IPV6 = 0x0057;
export const PPP_LCP = 0xc021;

/** Link types of capture files (tcpdump.org/linktypes.html). */
export const LINK = {
  null: 0,
  ethernet: 1,
  ppp: 9,
  rawBsd: 12,
  pppHdlc: 50,
  pppEther: 51,
  raw: 101,
  loop: 108,
  linuxSll: 113,
  user0: 147,
  ipv4: 228,
  ipv6: 229,
  linuxSll2: 276,
} as const;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;

export type ByteOrder = 'little' | 'big';

// --- bytes ---

export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** The low 8 bits of each number as a byte. */
export const u8 = (...values: number[]) => Uint8Array.from(values, value => value & 0xff);

/** 16-bit numbers in network byte order. */
export const u16 = (...values: number[]) => u8(...values.flatMap(value => [value >>> 8, value]));

/** 32-bit numbers in network byte order. */
export const u32 = (...values: number[]) => u16(...values.flatMap(value => [value >>> 16, value & 0xffff]));

export const zeros = (count: number) => new Uint8Array(count);
export const text = (value: string) => new TextEncoder().encode(value);

/** Bytes of a dotted IPv4 address. */
export const address4 = (address: string) => u8(...address.split('.').map(Number));

/** An IPv4 address as a 32-bit number. */
export const number4 = (address: string) => address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);

/** Bytes of an IPv6 address; `::` may stand for zeros, no dotted tail. */
export function address6(address: string): Uint8Array {
  const [head, tail] = address.split('::').map(half => (half ? half.split(':') : []));
  const gap = tail ? Array(8 - head!.length - tail.length).fill('0') : [];
  return u16(...[...head!, ...gap, ...(tail ?? [])].map(group => Number.parseInt(group, 16)));
}

/** RFC 1071: the ones' complement of the ones' complement sum of 16-bit words. */
export function internetChecksum(...parts: Uint8Array[]): number {
  const bytes = concat(...parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** CRC-32C (Castagnoli), as SCTP stores it: least significant byte first. */
function crc32c(bytes: Uint8Array): Uint8Array {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  crc = ~crc;
  return u8(crc, crc >>> 8, crc >>> 16, crc >>> 24);
}

// --- transport: what an IP packet carries ---

/** `checksumAt` is where a checksum over the pseudo-header goes; `checksumBytes` how much it covers (default: all). */
export interface Payload {
  protocol: number;
  bytes: Uint8Array;
  checksumAt?: number;
  checksumBytes?: number;
}

/** `dataOffset` (in words) only to lie. */
export interface Tcp {
  srcPort?: number;
  dstPort: number;
  seq?: number;
  ack?: number;
  flags?: number;
  window?: number;
  options?: Uint8Array;
  data?: Uint8Array;
  dataOffset?: number;
}

export function tcp(t: Tcp): Payload {
  const options = t.options ?? zeros(0);
  const dataOffset = t.dataOffset ?? 5 + Math.ceil(options.length / 4);
  const head = concat(
    u16(t.srcPort ?? 40000, t.dstPort),
    u32(t.seq ?? 1, t.ack ?? 0),
    u8(dataOffset << 4, t.flags ?? SYN),
    u16(t.window ?? 65535, 0, 0),
  );
  const padding = zeros(-options.length & 3);
  return { protocol: 6, bytes: concat(head, options, padding, t.data ?? zeros(0)), checksumAt: 16 };
}

/** `length` only to lie. */
export interface Udp {
  srcPort?: number;
  dstPort: number;
  data?: Uint8Array;
  length?: number;
}

export function udp(u: Udp): Payload {
  const data = u.data ?? zeros(0);
  const head = u16(u.srcPort ?? 40000, u.dstPort, u.length ?? 8 + data.length, 0);
  return { protocol: 17, bytes: concat(head, data), checksumAt: 6 };
}

/** `coverage` in bytes from the start of the UDP-Lite header; 0 is all (RFC 3828). */
export function udpLite(u: { srcPort?: number; dstPort: number; data?: Uint8Array; coverage?: number }): Payload {
  const coverage = u.coverage ?? 0;
  const bytes = concat(u16(u.srcPort ?? 40000, u.dstPort, coverage, 0), u.data ?? zeros(0));
  return { protocol: 136, bytes, checksumAt: 6, checksumBytes: coverage || bytes.length };
}

/** An SCTP packet with one INIT chunk, or with the chunks given. */
export function sctp(s: { srcPort?: number; dstPort: number; tag?: number; chunks?: Uint8Array }): Payload {
  const init = concat(u8(1, 0), u16(20), u32(0x1234, 65535), u16(10, 10), u32(1));
  const bytes = concat(u16(s.srcPort ?? 40000, s.dstPort), u32(s.tag ?? 0, 0), s.chunks ?? init);
  bytes.set(crc32c(bytes), 8);
  return { protocol: 132, bytes };
}

/** A DCCP-Request with 48-bit sequence numbers (RFC 4340, 5.1). */
export function dccp(d: { srcPort?: number; dstPort: number; seq?: number; service?: number }): Payload {
  const head = concat(u16(d.srcPort ?? 40000, d.dstPort), u8(5, 0), u16(0));
  const rest = concat(u8(1, 0), u16(0), u32(d.seq ?? 1, d.service ?? 0));
  return { protocol: 33, bytes: concat(head, rest), checksumAt: 6 };
}

/** `rest` is the header's second word; `data` what follows (a quoted packet, an echo's bytes). */
export interface Icmp {
  type: number;
  code?: number;
  rest?: Uint8Array;
  data?: Uint8Array;
}

export function icmp(i: Icmp): Payload {
  const bytes = concat(u8(i.type, i.code ?? 0), u16(0), i.rest ?? zeros(4), i.data ?? zeros(0));
  bytes.set(u16(internetChecksum(bytes)), 2);
  return { protocol: 1, bytes };
}

export function icmpv6(i: Icmp): Payload {
  const bytes = concat(u8(i.type, i.code ?? 0), u16(0), i.rest ?? zeros(4), i.data ?? zeros(0));
  return { protocol: 58, bytes, checksumAt: 2 };
}

/** Any protocol, or a slice of one (a fragment). */
export const raw = (protocol: number, bytes: Uint8Array): Payload => ({ protocol, bytes });

/** The transport's bytes with its checksum over the pseudo-header, which begins with both addresses. */
function withChecksum(payload: Payload, src: Uint8Array, dst: Uint8Array): Uint8Array {
  if (payload.checksumAt === undefined) return payload.bytes;
  const bytes = payload.bytes.slice();
  const covered = bytes.subarray(0, payload.checksumBytes ?? bytes.length);
  const sum = internetChecksum(src, dst, u32(bytes.length, payload.protocol), covered);
  const zeroMeansNone = payload.protocol === 17 || payload.protocol === 136;
  bytes.set(u16(sum === 0 && zeroMeansNone ? 0xffff : sum), payload.checksumAt);
  return bytes;
}

// --- network ---

/** `version`, `headerWords`, `totalLength` and `checksum` only to lie. `fragmentOffset` in bytes, a multiple of 8. */
export interface Ipv4 {
  src: string;
  dst: string;
  payload: Payload;
  ttl?: number;
  id?: number;
  options?: Uint8Array;
  dontFragment?: boolean;
  moreFragments?: boolean;
  fragmentOffset?: number;
  version?: number;
  headerWords?: number;
  totalLength?: number;
  checksum?: number;
}

export function ipv4(p: Ipv4): Uint8Array {
  const [src, dst] = [address4(p.src), address4(p.dst)];
  const options = concat(p.options ?? zeros(0), zeros(-(p.options?.length ?? 0) & 3));
  const body = withChecksum(p.payload, src, dst);
  const headerBytes = 20 + options.length;
  const fragment = (p.dontFragment ? 0x4000 : 0) | (p.moreFragments ? 0x2000 : 0) | ((p.fragmentOffset ?? 0) >>> 3);
  const head = concat(
    u8(((p.version ?? 4) << 4) | (p.headerWords ?? headerBytes / 4), 0),
    u16(p.totalLength ?? headerBytes + body.length, p.id ?? 1, fragment),
    u8(p.ttl ?? 50, p.payload.protocol),
    u16(0),
    src,
    dst,
    options,
  );
  head.set(u16(p.checksum ?? internetChecksum(head)), 10);
  return concat(head, body);
}

/** A whole IPv4 packet cut into fragments of `bytes` payload bytes each (a multiple of 8). */
export function fragments4(p: Ipv4, bytes: number): Uint8Array[] {
  const body = withChecksum(p.payload, address4(p.src), address4(p.dst));
  const count = Math.ceil(body.length / bytes);
  return Array.from({ length: count }, (_, i) =>
    ipv4({
      ...p,
      payload: raw(p.payload.protocol, body.subarray(i * bytes, (i + 1) * bytes)),
      fragmentOffset: i * bytes,
      moreFragments: i < count - 1,
    }),
  );
}

/** An IPv6 extension header; its first byte is filled with the type of what follows. */
export interface Extension {
  type: number;
  bytes: Uint8Array;
}

/** Options padded with PadN to a multiple of 8 bytes. `words` (8-byte units after the first) only to lie. */
function optionsHeader(type: number, options: Uint8Array, words?: number): Extension {
  const missing = -(2 + options.length) & 7;
  const padding = missing === 0 ? zeros(0) : missing === 1 ? u8(0) : concat(u8(1, missing - 2), zeros(missing - 2));
  const bytes = concat(u8(0, 0), options, padding);
  bytes[1] = words ?? bytes.length / 8 - 1;
  return { type, bytes };
}

export const hopByHop = (options = zeros(0), words?: number) => optionsHeader(0, options, words);
export const destinationOptions = (options = zeros(0), words?: number) => optionsHeader(60, options, words);

/** Type 0 (or another) with no segment left, so that the IPv6 header's destination is the last one. */
export const routing = (addresses: string[], type = 0): Extension => ({
  type: 43,
  bytes: concat(u8(0, addresses.length * 2, type, 0), zeros(4), ...addresses.map(address6)),
});

/** `offset` in bytes, a multiple of 8. */
export const fragment6 = (f: { offset?: number; more?: boolean; id?: number }): Extension => ({
  type: 44,
  bytes: concat(u8(0, 0), u16((f.offset ?? 0) | (f.more ? 1 : 0)), u32(f.id ?? 1)),
});

/** With a 12-byte integrity value, 24 bytes in all: a multiple of 8, as IPv6 wants it. */
export const authentication = (spi = 0x100): Extension => ({
  type: 51,
  bytes: concat(u8(0, 4), u16(0), u32(spi, 1), zeros(12)),
});

/** Mobility (135), HIP (139) or Shim6 (140): `bytes` are those after the two for next header and length, 8n - 2 of them. */
export const extension = (type: number, bytes: Uint8Array): Extension => ({
  type,
  bytes: concat(u8(0, (bytes.length + 2) / 8 - 1), bytes),
});

/** `version` and `payloadLength` only to lie. */
export interface Ipv6 {
  src: string;
  dst: string;
  payload: Payload;
  extensions?: Extension[];
  hopLimit?: number;
  version?: number;
  payloadLength?: number;
}

export function ipv6(p: Ipv6): Uint8Array {
  const [src, dst] = [address6(p.src), address6(p.dst)];
  const extensions = p.extensions ?? [];
  const types = [...extensions.map(each => each.type), p.payload.protocol];
  const chain = extensions.map((each, i) => concat(u8(types[i + 1]!), each.bytes.subarray(1)));
  const body = concat(...chain, withChecksum(p.payload, src, dst));
  const head = concat(
    u8((p.version ?? 6) << 4, 0, 0, 0),
    u16(p.payloadLength ?? body.length),
    u8(types[0]!, p.hopLimit ?? 50),
    src,
    dst,
  );
  return concat(head, body);
}

/** No next header (59). */
export const NOTHING = raw(59, zeros(0));

// --- link ---

const MAC_DST = u8(2, 0, 0, 0, 0, 1);
const MAC_SRC = u8(2, 0, 0, 0, 0, 2);

/** `type` is an EtherType, or a length (802.3) below 1536. `minimum` pads with zeros, as a wire does to 60. */
export function ethernet(type: number, payload: Uint8Array, minimum = 0): Uint8Array {
  const frame = concat(MAC_DST, MAC_SRC, u16(type), payload);
  return concat(frame, zeros(Math.max(0, minimum - frame.length)));
}

/** The payload of a frame of type 0x8100 or 0x88a8: the tag, the type of what follows, and that. */
export const vlan = (id: number, type: number, payload: Uint8Array) => concat(u16(id, type), payload);

/** The payload of a PPPoE frame; session data (code 0) begins with a PPP protocol number. */
export const pppoe = (payload: Uint8Array, code = 0) =>
  concat(u8(0x11, code), u16(code === 0 ? 0x4242 : 0, payload.length), payload);

/** A PPP protocol number and what it carries. `compressed` sends the number as one byte (RFC 1661, 6.5). */
export const ppp = (protocol: number, payload: Uint8Array, compressed = false) =>
  concat(compressed ? u8(protocol) : u16(protocol), payload);

/** With address and control, as link types 9 and 50 have it. */
export const pppHdlc = (protocol: number, payload: Uint8Array) => concat(u8(0xff, 0x03), ppp(protocol, payload));

/** BSD null (byte order of the writing host) and loop (always big): a 4-byte address family. */
export const bsdNull = (family: number, payload: Uint8Array, order: ByteOrder) =>
  concat(order === 'big' ? u32(family) : u32(family).reverse(), payload);

/** Linux cooked v1. `packetType` 0 is to us, 4 sent by us. */
export const linuxSll = (type: number, payload: Uint8Array, packetType = 0) =>
  concat(u16(packetType, 1, 6), MAC_SRC, u16(0, type), payload);

/** Linux cooked v2. */
export const linuxSll2 = (type: number, payload: Uint8Array, packetType = 0) =>
  concat(u16(type, 0), u32(2), u16(1), u8(packetType, 6), MAC_SRC, u16(0), payload);

// --- files ---

/** `time` in nanoseconds since 1970; `length` is the packet's on the wire, where `data` is less than all of it. */
export interface Packet {
  time: bigint;
  data: Uint8Array;
  length?: number;
}

/** Nanoseconds since 1970 of an ISO time, whose fraction may have nine digits. */
export function at(iso: string): bigint {
  const [, whole, fraction] = /^([^.Z]+)(?:\.(\d+))?Z$/.exec(iso)!;
  return BigInt(Date.parse(`${whole}Z`)) * 1_000_000n + BigInt((fraction ?? '').padEnd(9, '0'));
}

/** 16- and 32-bit numbers in a file's byte order. */
function numbers(order: ByteOrder) {
  const turn = (size: number, bytes: Uint8Array) => {
    if (order === 'little') for (let i = 0; i < bytes.length; i += size) bytes.subarray(i, i + size).reverse();
    return bytes;
  };
  return {
    u16: (...values: number[]) => turn(2, u16(...values)),
    u32: (...values: number[]) => turn(4, u32(...values)),
  };
}

/** `snapLength` cuts the packets, too. */
export interface PcapOptions {
  linkType?: number;
  order?: ByteOrder;
  nanoseconds?: boolean;
  snapLength?: number;
}

export function pcapHeader(o: PcapOptions = {}): Uint8Array {
  const n = numbers(o.order ?? 'little');
  const magic = o.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4;
  return concat(n.u32(magic), n.u16(2, 4), n.u32(0, 0, o.snapLength ?? 262144, o.linkType ?? LINK.ethernet));
}

export function pcapRecord(p: Packet, o: PcapOptions = {}): Uint8Array {
  const data = p.data.subarray(0, o.snapLength ?? p.data.length);
  const fraction = Number(p.time % 1_000_000_000n);
  return concat(
    numbers(o.order ?? 'little').u32(
      Number(p.time / 1_000_000_000n),
      o.nanoseconds ? fraction : Math.floor(fraction / 1000),
      data.length,
      p.length ?? p.data.length,
    ),
    data,
  );
}

export const pcap = (packets: Packet[], o: PcapOptions = {}) =>
  concat(pcapHeader(o), ...packets.map(packet => pcapRecord(packet, o)));

/** A pcapng option: code and value. */
export type Option = [code: number, value: Uint8Array];

/** The pcapng blocks of one section, in its byte order. A file is these, concatenated; another section may follow in another order. */
export function pcapng(order: ByteOrder) {
  const n = numbers(order);
  const pad = (bytes: Uint8Array) => concat(bytes, zeros(-bytes.length & 3));
  const optionList = (options: Option[]) =>
    options.length === 0
      ? zeros(0)
      : concat(...options.map(([code, value]) => concat(n.u16(code, value.length), pad(value))), n.u16(0, 0));
  const block = (type: number, ...body: Uint8Array[]) => {
    const inside = pad(concat(...body));
    const length = n.u32(inside.length + 12);
    return concat(n.u32(type), length, inside, length);
  };
  return {
    /** Any block, by its type and body. */
    block,
    /** Of unknown length (-1), unless `length` is given. */
    section: (options: Option[] = [], length = -1n) =>
      block(
        0x0a0d0d0a,
        n.u32(0x1a2b3c4d),
        n.u16(1, 0),
        order === 'little'
          ? n.u32(Number(length & 0xffffffffn), Number((length >> 32n) & 0xffffffffn))
          : n.u32(Number((length >> 32n) & 0xffffffffn), Number(length & 0xffffffffn)),
        optionList(options),
      ),
    interface: (linkType: number, snapLength = 0, options: Option[] = []) =>
      block(1, n.u16(linkType, 0), n.u32(snapLength), optionList(options)),
    /** `ticks` in the interface's unit (a microsecond unless its if_tsresol says otherwise), less its if_tsoffset. */
    enhanced: (iface: number, ticks: bigint, data: Uint8Array, options: Option[] = [], length = data.length) =>
      block(
        6,
        n.u32(iface, Number(ticks >> 32n), Number(ticks & 0xffffffffn), data.length, length),
        pad(data),
        optionList(options),
      ),
    /** Belongs to the section's first interface and has no time. */
    simple: (data: Uint8Array, length = data.length) => block(3, n.u32(length), data),
    /** The obsolete packet block, type 2. */
    packet: (iface: number, ticks: bigint, data: Uint8Array, options: Option[] = [], length = data.length) =>
      block(
        2,
        n.u16(iface, 0xffff),
        n.u32(Number(ticks >> 32n), Number(ticks & 0xffffffffn), data.length, length),
        pad(data),
        optionList(options),
      ),
    nameResolution: (address: string, name: string) => {
      const value = concat(address4(address), text(name), u8(0));
      return block(4, n.u16(1, value.length), pad(value), n.u16(0, 0));
    },
    statistics: (iface: number, ticks: bigint, options: Option[] = []) =>
      block(5, n.u32(iface, Number(ticks >> 32n), Number(ticks & 0xffffffffn)), optionList(options)),
    /** if_tsresol: 10^-value, or 2^-(value & 0x7f) with the top bit set. */
    tsresol: (value: number): Option => [9, u8(value)],
    /** if_tsoffset: seconds added to every time of the interface. */
    tsoffset: (seconds: bigint): Option => {
      const [high, low] = [Number((seconds >> 32n) & 0xffffffffn), Number(seconds & 0xffffffffn)];
      return [14, order === 'little' ? n.u32(low, high) : n.u32(high, low)];
    },
    comment: (value: string): Option => [1, text(value)],
  };
}
