/** Names of protocols as IANA's list has them in lower case, which the formats below IODEF use. */
import { ICMPV6, protocolName } from '../../../common/record/protocol.ts';

const OTHERS = new Map([
  [2, 'igmp'],
  [4, 'ipv4'],
  [41, 'ipv6'],
  [47, 'gre'],
  [50, 'esp'],
  [51, 'ah'],
  [ICMPV6, 'ipv6-icmp'],
]);

/** `tcp`, `ipv6-icmp`, ..., or the number as text. */
export const transportName = (protocol: number): string => OTHERS.get(protocol) ?? protocolName(protocol);
