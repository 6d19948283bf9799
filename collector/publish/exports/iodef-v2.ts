/** IODEF v2, RFC 7970: one Incident a country and day. The version is "2.00", not "2.0"; the order of children is the schema's. */
import {
  CSV_COLUMNS,
  CSV_MEANING,
  csvItems,
  enclosed,
  eventDescription,
  incidentId,
  MASKED,
  RESTRICTIONS,
  type Shape,
  sourceCategory,
} from './iodef.ts';
import { domainOf, endOf, generatedOf, type Meta, startOf, titleOf } from './meta.ts';
import type { Row, Rows } from './row.ts';
import { joined, timeText, xml } from './text.ts';

export async function* iodefV2(rows: Rows, meta: Meta, shape: Shape): AsyncGenerator<string> {
  yield head(meta);
  yield* shape === 'csv' ? csvEvent(rows, meta) : joined(rows, eventText);
  yield '</Incident>\n</IODEF-Document>\n';
}

function head(meta: Meta): string {
  const [restriction, extension] = RESTRICTIONS[meta.tlp];
  const attributes = extension === undefined ? '' : ` ext-restriction="${extension}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<IODEF-Document version="2.00" xml:lang="en" xmlns="urn:ietf:params:xml:ns:iodef-2.0">
<Incident purpose="reporting" restriction="${restriction}"${attributes}>
<IncidentID name="${xml(domainOf(meta))}">${incidentId(meta)}</IncidentID>
<StartTime>${startOf(meta)}</StartTime>
<EndTime>${endOf(meta)}</EndTime>
<GenerationTime>${generatedOf(meta)}</GenerationTime>
<Description>${xml(titleOf(meta))}</Description>
<Assessment occurrence="actual"><IncidentCategory>scanner</IncidentCategory>\
<SystemImpact type="ext-value" ext-type="recon" completion="failed"/></Assessment>
<Contact role="creator" type="organization"><ContactName>${xml(meta.organisation.name)}</ContactName>\
<Email><EmailTo>${xml(meta.organisation.email)}</EmailTo></Email></Contact>
`;
}

function eventText(row: Row): string {
  const description = eventDescription(row);
  const asn = row.asn === 0 ? '' : `<Address category="asn">${row.asn}</Address>`;
  const type = row.type === null ? '' : `<ProtoType>${row.type}</ProtoType><ProtoCode>${row.code}</ProtoCode>`;
  const masked = MASKED[row.family];
  return `<EventData>${description === undefined ? '' : `<Description>${description}</Description>`}\
<DetectTime>${timeText(row.timeUs)}</DetectTime><Flow>\
<System category="source"><Node><Address category="${sourceCategory(row)}">${row.source}</Address>${asn}</Node>\
<Service ip-protocol="${row.protocol}">${portText(row.sourcePort)}</Service></System>\
<System category="target"><Node><Address category="${masked.category}">${masked.value}</Address></Node>\
<Service ip-protocol="${row.protocol}">${portText(row.port)}${type}</Service></System>\
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
