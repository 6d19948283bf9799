/** IODEF as JSON, RFC 8727: the contents of v2. A list that would be empty is left out, as its schema wants. */
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
import { joined, timeText } from './text.ts';

export async function* iodefJson(rows: Rows, meta: Meta, shape: Shape): AsyncGenerator<string> {
  const incident = JSON.stringify(incidentOf(meta));
  yield `{"version":"2.0","lang":"en","Incident":[${incident.slice(0, -1)}`;
  yield* shape === 'csv' ? csvEvent(rows, meta) : events(rows);
  yield '}]}\n';
}

function incidentOf(meta: Meta) {
  const [restriction, extension] = RESTRICTIONS[meta.tlp];
  const { name, email } = meta.organisation;
  return {
    purpose: 'reporting',
    restriction,
    ...(extension !== undefined && { 'ext-restriction': extension }),
    IncidentID: { name: domainOf(meta), id: incidentId(meta) },
    StartTime: startOf(meta),
    EndTime: endOf(meta),
    GenerationTime: generatedOf(meta),
    Description: [titleOf(meta)],
    Assessment: [
      {
        occurrence: 'actual',
        IncidentCategory: ['scanner'],
        Impact: [{ SystemImpact: { type: 'ext-value', 'ext-type': 'recon', completion: 'failed' } }],
      },
    ],
    Contact: [{ role: 'creator', type: 'organization', ContactName: [name], Email: [{ EmailTo: email }] }],
  };
}

const events = (rows: Rows): AsyncGenerator<string> =>
  enclosed(
    joined(rows, row => JSON.stringify(eventOf(row)), ',\n'),
    { before: ',"EventData":[\n', after: ']' },
  );

function eventOf(row: Row) {
  const description = eventDescription(row);
  const addresses = [{ category: sourceCategory(row), value: row.source }];
  if (row.asn !== 0) addresses.push({ category: 'asn', value: String(row.asn) });
  const service = { 'ip-protocol': row.protocol };
  const source = { ...service, ...(row.sourcePort !== null && { Port: row.sourcePort }) };
  const target = {
    ...service,
    ...(row.port !== null && { Port: row.port }),
    ...(row.type !== null && { ProtoType: row.type, ProtoCode: row.code }),
  };
  return {
    ...(description !== undefined && { Description: [description] }),
    DetectTime: timeText(row.timeUs),
    System: [
      { category: 'source', Node: { Address: addresses }, Service: [source] },
      { category: 'target', Node: { Address: [MASKED[row.family]] }, Service: [target] },
    ],
  };
}

function csvEvent(rows: Rows, meta: Meta): AsyncGenerator<string> {
  const event = JSON.stringify({ StartTime: startOf(meta), EndTime: endOf(meta) }).slice(0, -1);
  return enclosed(itemTexts(rows), {
    before: `,"EventData":[${event},"RecordData":[{"Description":["${CSV_COLUMNS}"],"RecordItem":[\n`,
    between: ',\n',
    after: ']}]}]',
  });
}

async function* itemTexts(rows: Rows): AsyncGenerator<string> {
  for await (const value of csvItems(rows)) yield JSON.stringify({ dtype: 'csv', meaning: CSV_MEANING, value });
}
