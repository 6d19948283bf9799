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
] as const;

export type SkipReason = (typeof SKIP_REASONS)[number];

/** The number a counter of skipped packets is kept under. */
export const skipIndex = (reason: SkipReason): number => SKIP_REASONS.indexOf(reason);
