/** Why a packet becomes no record. `packets = records + sum of skipped`, always. */
export const SKIP_REASONS = [
  /** The capture's link type is none we read (link.ts). */
  'link-type',
  /** ARP or RARP. */
  'arp',
  /** The link carries neither IPv4 nor IPv6 nor ARP: LLDP, spanning tree, PPP control, MPLS. */
  'ethertype',
  /** A fragment that is not the first: its ports are in another packet. */
  'fragment',
  /** The captured bytes end before the headers do, though the packet itself had them. */
  'truncated',
  /** The IP version is not what the link announced, or neither 4 nor 6. */
  'bad-version',
  /** The packet's own lengths contradict each other. */
  'bad-length',
  /** The destination is in none of the observed networks. */
  'not-observed',
  /** The capture gives no time (pcapng simple packet block), or one outside the years 1970 to 9999. */
  'no-time',
  /** Live: this machine sent it. */
  'sent',
  /** Live: the frame went to everybody on the link, or to a group, whatever address the packet has. */
  'broadcast',
  'multicast',
  /** Live: neighbour discovery of the link itself (ICMPv6 with a hop limit of 255). */
  'neighbour',
  /** Live on a shared host: it answers what the host sent. */
  'solicited',
  /** Live on a shared host: it goes to a service that the operator declared. */
  'managed',
] as const;

export type SkipReason = (typeof SKIP_REASONS)[number];

/** The number a counter of skipped packets is kept under. */
export const skipIndex = (reason: SkipReason): number => SKIP_REASONS.indexOf(reason);
