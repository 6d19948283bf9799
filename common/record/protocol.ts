/** IANA protocol numbers the decoder and the reducer treat by name, and the names people read. */

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const DCCP = 33;
export const AH = 51;
export const ESP = 50;
export const ICMPV6 = 58;
export const SCTP = 132;
export const UDPLITE = 136;

const NAMES = new Map([
  [ICMP, 'icmp'],
  [TCP, 'tcp'],
  [UDP, 'udp'],
  [DCCP, 'dccp'],
  [ICMPV6, 'icmpv6'],
  [SCTP, 'sctp'],
  [UDPLITE, 'udplite'],
]);

/** `tcp`, `udp`, ..., or the number as text for a protocol without ports or types. */
export const protocolName = (protocol: number): string => NAMES.get(protocol) ?? String(protocol);
