/**
 * IODEF v1, RFC 5070: one Incident a country and day, as ISDAS sent it. The order of children is the schema's; the category of
 * an address always stands, since what goes without saying differs between the versions.
 */
import { CSV_COLUMNS, CSV_MEANING, csvItems, enclosed, eventDescription, incidentId, type Shape } from './iodef.ts';
import { domainOf, endOf, generatedOf, type Meta, startOf, type Tlp, titleOf } from './meta.ts';
import type { Row, Rows } from './row.ts';
import { joined, timeText, xml } from './text.ts';

/** It has no TLP: the nearest that is not weaker. The description says the TLP itself. */
const RESTRICTIONS: Record<Tlp, string> = {
  clear: 'public',
  green: 'need-to-know',
  amber: 'need-to-know',
  'amber+strict': 'need-to-know',
  red: 'private',
};

const ANONYMIZED = {
  4: '<Address category="ext-value" ext-category="ipv4-addr-anonymized">x.x.x.x</Address>',
  6: '<Address category="ext-value" ext-category="ipv6-addr-anonymized">x:x:x:x:x:x:x:x</Address>',
} as const;

export async function* iodefV1(rows: Rows, meta: Meta, shape: Shape): AsyncGenerator<string> {
  yield head(meta);
  yield* shape === 'csv' ? csvEvent(rows, meta) : joined(rows, eventText);
  yield '</Incident>\n</IODEF-Document>\n';
}

const head = (meta: Meta): string => `<?xml version="1.0" encoding="UTF-8"?>
<IODEF-Document version="1.00" lang="en" xmlns="urn:ietf:params:xml:ns:iodef-1.0">
<Incident purpose="reporting" restriction="${RESTRICTIONS[meta.tlp]}">
<IncidentID name="${xml(domainOf(meta))}">${incidentId(meta)}</IncidentID>
<StartTime>${startOf(meta)}</StartTime>
<EndTime>${endOf(meta)}</EndTime>
<ReportTime>${generatedOf(meta)}</ReportTime>
<Description>${xml(titleOf(meta))}</Description>
<Assessment occurrence="actual"><Impact type="recon" completion="failed"/></Assessment>
<Contact role="creator" type="organization"><ContactName>${xml(meta.organisation.name)}</ContactName>\
<Email>${xml(meta.organisation.email)}</Email></Contact>
`;

function eventText(row: Row): string {
  const description = eventDescription(row);
  const asn = row.asn === 0 ? '' : `<Address category="asn">${row.asn}</Address>`;
  const type = row.type === null ? '' : `<ProtoType>${row.type}</ProtoType><ProtoCode>${row.code}</ProtoCode>`;
  return `<EventData>${description === undefined ? '' : `<Description>${description}</Description>`}\
<DetectTime>${timeText(row.timeUs)}</DetectTime><Flow>\
<System category="source"><Node><Address category="ipv${row.family}-addr">${row.source}</Address>${asn}</Node>\
<Service ip_protocol="${row.protocol}">${portText(row.sourcePort)}</Service></System>\
<System category="target"><Node>${ANONYMIZED[row.family]}</Node>\
<Service ip_protocol="${row.protocol}">${portText(row.port)}${type}</Service></System>\
</Flow></EventData>
`;
}

const portText = (port: number | null): string => (port === null ? '' : `<Port>${port}</Port>`);

const csvEvent = (rows: Rows, meta: Meta): AsyncGenerator<string> =>
  enclosed(csvItems(rows), {
    before: `<EventData><StartTime>${startOf(meta)}</StartTime><EndTime>${endOf(meta)}</EndTime><Record><RecordData>
<Description>${CSV_COLUMNS}</Description>
${ITEM}`,
    between: `</RecordItem>\n${ITEM}`,
    after: '</RecordItem>\n</RecordData></Record></EventData>\n',
  });

const ITEM = `<RecordItem dtype="csv" meaning="${CSV_MEANING}">`;
