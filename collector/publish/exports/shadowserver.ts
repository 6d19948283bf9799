/**
 * CSV with the columns of Shadowserver's darknet events (event4_honeypot_darknet), which IntelMQ and others read. Every field is
 * quoted; times are UTC to the second and say no zone; nothing is known of the destination but its port (and, if it is to be
 * told, the sensor's economy). The format has no place for a TLP: send it with the file.
 */
import { dateOf, type Meta } from './meta.ts';
import { transportName } from './protocols.ts';
import { type Row, type Rows, UNKNOWN_COUNTRY } from './row.ts';
import { joined, secondOf } from './text.ts';

export const COLUMNS = [
  'timestamp',
  'protocol',
  'src_ip',
  'src_port',
  'src_asn',
  'src_geo',
  'src_region',
  'src_city',
  'src_hostname',
  'src_naics',
  'src_sector',
  'device_vendor',
  'device_type',
  'device_model',
  'severity',
  'dst_ip',
  'dst_port',
  'dst_asn',
  'dst_geo',
  'dst_region',
  'dst_city',
  'dst_hostname',
  'dst_naics',
  'dst_sector',
  'public_source',
  'infection',
  'family',
  'tag',
  'application',
  'version',
  'event_id',
  'count',
] as const;
type Column = (typeof COLUMNS)[number];

/** One packet to an unused address is no emergency. */
const SEVERITY = 'low';

const quoted = (cell: string | number): string => `"${String(cell).replaceAll('"', '""')}"`;

export async function* shadowserver(rows: Rows, meta: Meta): AsyncGenerator<string> {
  yield `${COLUMNS.map(quoted).join(',')}\n`;
  const source = meta.organisation.name.toWellFormed().replace(/\s+/g, ' '); // readers go by lines
  yield* joined(rows, row => {
    const cells: Partial<Record<Column, string | number>> = cellsOf(row, source);
    return `${COLUMNS.map(column => quoted(cells[column] ?? '')).join(',')}\n`;
  });
}

const cellsOf = (row: Row, source: string) => ({
  timestamp: secondOf(row.timeUs).replace('T', ' '),
  protocol: transportName(row.protocol),
  src_ip: row.source,
  src_port: row.sourcePort ?? '',
  src_asn: row.asn === 0 ? '' : row.asn,
  src_geo: row.country === UNKNOWN_COUNTRY ? '' : row.country,
  severity: SEVERITY,
  dst_port: row.port ?? '',
  dst_geo: row.economy,
  public_source: source,
  infection: row.tools.includes('mirai') ? 'mirai' : '',
  tag: tagOf(row),
  count: 1,
});

/** `scan;mirai`; of ICMP also what was asked: `scan;icmp-8-0`. */
const tagOf = (row: Row): string =>
  [row.class, ...row.tools, ...(row.type === null ? [] : [`icmp-${row.type}-${row.code}`])].join(';');

/** Its readers go by this name. */
export const shadowserverName = (meta: Meta): string => `${dateOf(meta)}-event4_honeypot_darknet-${meta.country}.csv`;
