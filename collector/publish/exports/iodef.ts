/** What the three forms of IODEF share: a CSV of rows, descriptions, masked targets. */
import { type Meta, stemOf, type Tlp } from './meta.ts';
import type { Row, Rows } from './row.ts';
import { timeText } from './text.ts';

/** An EventData for each row, or the same rows as CSV in RecordItems, at a seventh of the size. */
export type Shape = 'records' | 'csv';

/** Unique for the sender, a revision its own. */
export const incidentId = (meta: Meta): string => `${stemOf(meta)}-r${meta.revision}`;

/** How IODEF v2 and its JSON say a TLP: of TLP 2.0's two new words neither is among theirs. */
export const RESTRICTIONS: Record<Tlp, readonly [restriction: string, extension?: string]> = {
  clear: ['ext-value', 'clear'],
  green: ['green'],
  amber: ['amber'],
  'amber+strict': ['ext-value', 'amber+strict'],
  red: ['red'],
};

/** A target without its address: that of a sensor is told to nobody. */
export const MASKED = {
  4: { category: 'ipv4-net-masked', value: 'x.x.x.x/x' },
  6: { category: 'ipv6-net-masked', value: 'x:x:x:x:x:x:x:x/x' },
} as const;

export const sourceCategory = ({ family }: Row): string => `ipv${family}-addr`;

/** Said of a row where there is more to say than that it is a scan: `backscatter`, `scan mirai`. */
export const eventDescription = (row: Row): string | undefined =>
  row.class === 'scan' && row.tools.length === 0 ? undefined : [row.class, ...row.tools].join(' ');

/** The columns of the CSV, told in its description; the first five are those ISDAS sent. */
export const CSV_COLUMNS = 'timestamp,src_ip,src_port,protocol,dst_port,icmp_type,icmp_code,src_asn,class,tools';
export const CSV_MEANING = 'scan packets';

const csvLine = (row: Row): string =>
  `${timeText(row.timeUs)},${row.source},${row.sourcePort ?? ''},${row.protocol},${row.port ?? ''},` +
  `${row.type ?? ''},${row.code ?? ''},${row.asn === 0 ? '' : row.asn},${row.class},${row.tools.join(' ')}`;

/** Lines of a RecordItem: libxml2 refuses a text of 10 MB and more, and others may hold it whole. */
export const itemLines = 8192;

/** The CSV in parts, lines divided by line feeds. It has no character that XML or JSON escape but these. */
export async function* csvItems(rows: Rows): AsyncGenerator<string> {
  let lines: string[] = [];
  for await (const block of rows) {
    for (const row of block) {
      lines.push(csvLine(row));
      if (lines.length < itemLines) continue;
      yield lines.join('\n');
      lines = [];
    }
  }
  if (lines.length > 0) yield lines.join('\n');
}

/** What stands before, between and after parts, and nothing at all without parts. */
export async function* enclosed(
  parts: AsyncIterable<string>,
  { before, between = '', after }: { before: string; between?: string; after: string },
): AsyncGenerator<string> {
  let any = false;
  for await (const part of parts) {
    yield any ? between : before;
    yield part;
    any = true;
  }
  if (any) yield after;
}
