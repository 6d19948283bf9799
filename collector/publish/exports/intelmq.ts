/**
 * IntelMQ events, one a line (NDJSON), with the keys of its harmonization. Nothing is said of the destination but its port.
 *
 * IntelMQ knows TLP 1 only: white is clear, and amber+strict becomes red, the next that is not weaker; `extra.tlp` has the
 * TLP itself.
 */
import { generatedOf, type Meta, type Tlp } from './meta.ts';
import { transportName } from './protocols.ts';
import { type Class, type Row, type Rows, UNKNOWN_COUNTRY } from './row.ts';
import { joined, offsetTimeText } from './text.ts';

const TLP1: Record<Tlp, string> = {
  clear: 'WHITE',
  green: 'GREEN',
  amber: 'AMBER',
  'amber+strict': 'RED',
  red: 'RED',
};

/** The source of backscatter is the victim of a flood. */
const CLASSIFICATIONS: Record<Class, { readonly taxonomy: string; readonly type: string }> = {
  scan: { taxonomy: 'information-gathering', type: 'scanner' },
  backscatter: { taxonomy: 'availability', type: 'ddos' },
  other: { taxonomy: 'other', type: 'other' },
};

/** Those of IntelMQ's pattern for `protocol.transport` that occur; another one is in `extra` by its number. */
const TRANSPORTS = new Set(['icmp', 'igmp', 'tcp', 'udp', 'ipv6', 'gre', 'esp', 'ah', 'ipv6-icmp', 'sctp']);

export async function* intelmq(rows: Rows, meta: Meta): AsyncGenerator<string> {
  const { name, feedCode } = meta.organisation;
  const observation = generatedOf(meta).replace('Z', '+00:00');
  const feed = {
    'feed.name': 'Enaga scans',
    'feed.provider': name,
    'feed.code': feedCode,
    tlp: TLP1[meta.tlp],
  };
  const tlp = meta.tlp.toUpperCase();
  yield* joined(
    rows,
    row => `${JSON.stringify({ ...eventOf(row, observation), ...feed, extra: extraOf(row, tlp) })}\n`,
  );
}

function eventOf(row: Row, observation: string) {
  const transport = transportName(row.protocol);
  const { taxonomy, type } = CLASSIFICATIONS[row.class];
  return {
    'time.source': offsetTimeText(row.timeUs),
    'time.observation': observation,
    'source.ip': row.source,
    ...(row.sourcePort !== null && { 'source.port': row.sourcePort }),
    ...(row.port !== null && { 'destination.port': row.port }),
    ...(TRANSPORTS.has(transport) && { 'protocol.transport': transport }),
    ...(row.asn !== 0 && { 'source.asn': row.asn }),
    ...(row.country !== UNKNOWN_COUNTRY && { 'source.geolocation.cc': row.country }),
    'classification.taxonomy': taxonomy,
    'classification.type': type,
    'classification.identifier': row.tools[0] ?? row.class,
  };
}

const extraOf = (row: Row, tlp: string) => ({
  tlp,
  class: row.class,
  ...(row.tools.length > 0 && { tools: row.tools.join(' ') }),
  ip_protocol: row.protocol,
  ...(row.type !== null && { icmp_type: row.type, icmp_code: row.code }),
  ...(row.flags !== null && { tcp_flags: row.flags }),
  ...(row.economy !== '' && { sensor_economy: row.economy }),
});
