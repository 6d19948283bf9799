/**
 * The frames a darknet receives, one of every kind that a careless box answers, as bytes. All come from one hardware address
 * that nobody has, so that a capture tells them from what the far end's kernel sends of its own.
 */
import {
  ACK,
  address4,
  address6,
  concat,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  FIN,
  fragment6,
  hopByHop,
  icmp,
  icmpv6,
  ipv4,
  ipv6,
  type Payload,
  raw,
  sctp,
  tcp,
  text,
  u8,
  u16,
  u32,
  udp,
  zeros,
} from '../support/capture-writer.ts';

export const PROBER_MAC = '02:00:00:00:00:99';

export interface Ends {
  /** Of the prober: it is on the far end's interface, so that what answers it comes there. */
  from4: string;
  from6: string;
  farMac: string;
  boxMac: string;
}

const mac = (address: string): Uint8Array => u8(...address.split(':').map(byte => Number.parseInt(byte, 16)));

const frame = (to: Uint8Array, type: number, payload: Uint8Array): Uint8Array =>
  concat(to, mac(PROBER_MAC), u16(type), payload, zeros(Math.max(0, 46 - payload.length)));

const OPEN = 80;
const CLOSED = 81;
const TRACEROUTE = 33_434;
const DATA = text('enaga'.padEnd(40, '.'));

const TRANSPORTS: readonly Payload[] = [
  tcp({ dstPort: OPEN }),
  tcp({ srcPort: 40_001, dstPort: CLOSED }),
  tcp({ srcPort: 40_002, dstPort: OPEN, flags: ACK }),
  tcp({ srcPort: 40_003, dstPort: CLOSED, flags: FIN }),
  udp({ dstPort: 7, data: DATA }),
  udp({ dstPort: CLOSED, data: DATA }),
  sctp({ dstPort: CLOSED }),
  raw(253, DATA),
];

/** Packets to one IPv4 address, and its ARP. */
export function probes4(target: string, { from4, farMac, boxMac }: Ends): Uint8Array[] {
  const [src, dst] = [from4, target];
  const packet = (payload: Payload, more: object = {}) => ipv4({ src, dst, payload, ...more });
  const echo = icmp({ type: 8, rest: u16(1, 1), data: DATA });
  const packets = [
    ...TRANSPORTS.map(payload => packet(payload)),
    packet(echo),
    packet(icmp({ type: 13, rest: u16(1, 1), data: zeros(12) })), // timestamp
    packet(udp({ dstPort: TRACEROUTE, data: DATA }), { ttl: 1 }),
    packet(icmp({ type: 8, rest: u16(1, 2), data: DATA }), { ttl: 1 }),
    packet(raw(1, echo.bytes.subarray(0, 24)), { id: 7, moreFragments: true }),
    packet(raw(1, echo.bytes.subarray(24)), { id: 7, fragmentOffset: 24 }),
    packet(raw(17, concat(u16(9, CLOSED, 48, 0), DATA)), { id: 8, moreFragments: true }), // the rest never comes
    packet(echo, { options: u8(0x83, 3, 99) }), // a source route that makes no sense
    ipv4({ src, dst, payload: igmpQuery, ttl: 1, options: ROUTER_ALERT }),
  ];
  const request = arp(1, { mac: farMac, address: src }, dst);
  return [
    ...packets.map(bytes => frame(mac(boxMac), ETHERTYPE_IPV4, bytes)),
    frame(u8(255, 255, 255, 255, 255, 255), ETHERTYPE_ARP, request),
    frame(mac(boxMac), ETHERTYPE_ARP, request),
  ];
}

/** Packets to one IPv6 address, and its neighbour discovery. */
export function probes6(target: string, { from6, farMac, boxMac }: Ends): Uint8Array[] {
  const [src, dst] = [from6, target];
  const packet = (payload: Payload, more: object = {}) => ipv6({ src, dst, payload, ...more });
  const echo = icmpv6({ type: 128, rest: u16(1, 1), data: DATA });
  const whole = ipv6({ src, dst, payload: echo }).subarray(40); // with its checksum
  const packets = [
    ...TRANSPORTS.map(payload => packet(payload)),
    packet(echo),
    packet(udp({ dstPort: TRACEROUTE, data: DATA }), { hopLimit: 1 }),
    packet(icmpv6({ type: 128, rest: u16(1, 2), data: DATA }), { hopLimit: 1 }),
    packet(raw(58, whole.subarray(0, 24)), { extensions: [fragment6({ more: true, id: 7 })] }),
    packet(raw(58, whole.subarray(24)), { extensions: [fragment6({ offset: 24, id: 7 })] }),
    packet(raw(58, whole.subarray(0, 24)), { extensions: [fragment6({ more: true, id: 8 })] }), // the rest never comes
    packet(echo, { extensions: [hopByHop(u8(0x9e, 4, 0, 0, 0, 0))] }), // an option that asks for an error
  ];
  const groupEnd = address6(dst).subarray(13);
  const group = concat(address6('ff02::1:ff00:0').subarray(0, 13), groupEnd);
  const payload = icmpv6({ type: 135, data: concat(address6(dst), u8(1, 1), mac(farMac)) });
  const solicit = (to: string) => ipv6({ src, dst: to, payload, hopLimit: 255 });
  const groupText = Array.from({ length: 8 }, (_, i) => ((group[2 * i]! << 8) | group[2 * i + 1]!).toString(16)).join(
    ':',
  );
  return [
    ...packets.map(bytes => frame(mac(boxMac), ETHERTYPE_IPV6, bytes)),
    frame(concat(u8(0x33, 0x33, 0xff), groupEnd), ETHERTYPE_IPV6, solicit(groupText)),
    frame(mac(boxMac), ETHERTYPE_IPV6, solicit(dst)),
  ];
}

/** To everybody on the segment: IGMP and MLD queries to be answered within 0.1 s, and a ping of all nodes. */
export function probesOfAll({ from4, from6 }: Ends): Uint8Array[] {
  const all4 = ipv4({ src: from4, dst: '224.0.0.1', payload: igmpQuery, ttl: 1, options: ROUTER_ALERT });
  const mldQuery = icmpv6({ type: 130, rest: u16(1, 0), data: concat(zeros(16), u8(2, 1), u16(0)) });
  const routerAlert = hopByHop(u8(5, 2, 0, 0, 1, 0));
  const all6 = ipv6({ src: 'fe80::99', dst: 'ff02::1', payload: mldQuery, hopLimit: 1, extensions: [routerAlert] });
  const ping = ipv6({ src: from6, dst: 'ff02::1', payload: icmpv6({ type: 128, rest: u16(1, 3), data: DATA }) });
  return [
    frame(u8(1, 0, 0x5e, 0, 0, 1), ETHERTYPE_IPV4, all4),
    frame(u8(0x33, 0x33, 0, 0, 0, 1), ETHERTYPE_IPV6, all6),
    frame(u8(0x33, 0x33, 0, 0, 0, 1), ETHERTYPE_IPV6, ping),
  ];
}

/** What a program on the box could send itself: one IPv4 packet, one IPv6 packet, ARP and a neighbour advertisement. */
export function forged({ target4, target6 }: { target4: string; target6: string }, { from4, from6, farMac }: Ends) {
  const to = mac(farMac);
  const payload = icmpv6({
    type: 136,
    rest: u32(0x6000_0000),
    data: concat(address6(target6), u8(2, 1), mac(PROBER_MAC)),
  });
  return [
    frame(to, ETHERTYPE_IPV4, ipv4({ src: target4, dst: from4, payload: udp({ dstPort: 9, data: DATA }) })),
    frame(to, ETHERTYPE_IPV6, ipv6({ src: target6, dst: from6, payload: udp({ dstPort: 9, data: DATA }) })),
    frame(to, ETHERTYPE_ARP, arp(2, { mac: PROBER_MAC, address: target4 }, from4)),
    frame(to, ETHERTYPE_IPV6, ipv6({ src: 'fe80::99', dst: from6, payload, hopLimit: 255 })),
  ];
}

const arp = (operation: number, sender: { mac: string; address: string }, target: string): Uint8Array =>
  concat(
    u16(1, ETHERTYPE_IPV4),
    u8(6, 4),
    u16(operation),
    mac(sender.mac),
    address4(sender.address),
    zeros(6),
    address4(target),
  );

const ROUTER_ALERT = u8(0x94, 4, 0, 0);

/** IGMPv3, general, 0.1 s; the checksum is the one ICMP has. */
const igmpQuery: Payload = raw(2, icmp({ type: 0x11, code: 1, rest: u32(0), data: u8(2, 1, 0, 0) }).bytes);
