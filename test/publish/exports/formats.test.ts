/** Each format, read by a reader of its own: what went in comes out, in bytes that depend on nothing else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadExport } from '../../../collector/publish/exports/check.ts';
import { FORMATS } from '../../../collector/publish/exports/formats.ts';
import { itemLines, type Shape } from '../../../collector/publish/exports/iodef.ts';
import { type Meta, TLPS } from '../../../collector/publish/exports/meta.ts';
import type { Row, Rows } from '../../../collector/publish/exports/row.ts';
import { COLUMNS } from '../../../collector/publish/exports/shadowserver.ts';
import {
  descendant,
  parseXml,
  type Read,
  type ReadSum,
  readCsv,
  readIntelmq,
  readIodef,
  readIodefJson,
  readMisp,
  readShadowserver,
  readStix,
  targetName,
} from './readers.ts';
import { blocks, META, manyRows, metas } from './rows.ts';
import { ALL_SHAPES, eventOf, filesOf, textOf } from './run.ts';

const iso = (us: number): string => {
  const ms = new Date(Math.floor(us / 1000)).toISOString().slice(0, -1);
  return `${ms}${String(us % 1000).padStart(3, '0')}`;
};

const common = (row: Row, time: string): Read => ({
  time,
  source: row.source,
  protocol: row.protocol,
  sourcePort: row.sourcePort,
  port: row.port,
  type: row.type,
  code: row.code,
  asn: row.asn,
  class: row.class,
  tools: [...row.tools],
});
const exact = (row: Row): Read => common(row, `${iso(row.timeUs)}Z`);

/** How each format is read, and what it carries of a row. */
const PER_ROW: [format: string, shape: Shape, read: (text: string) => Read[], carried: (row: Row) => Read][] = [
  ['iodef-v1', 'records', readIodef, exact],
  ['iodef-v1', 'csv', readIodef, exact],
  ['iodef-v2', 'records', readIodef, exact],
  ['iodef-v2', 'csv', readIodef, exact],
  ['iodef-json', 'records', readIodefJson, exact],
  ['iodef-json', 'csv', readIodefJson, exact],
  [
    'intelmq',
    'records',
    readIntelmq,
    row => ({
      ...common(row, `${iso(row.timeUs)}+00:00`),
      country: row.country,
      economy: row.economy,
      flags: row.flags,
    }),
  ],
  [
    'shadowserver',
    'records',
    readShadowserver,
    row => ({
      ...common(row, iso(row.timeUs).slice(0, 19).replace('T', ' ')),
      country: row.country,
      economy: row.economy,
    }),
  ],
];

/** What formats by source carry: summed here the simple way. */
function sumsOf(rows: readonly Row[], zone: string): ReadSum[] {
  const sums = new Map<string, { rows: Row[]; target: string }>();
  for (const row of rows) {
    const target = targetName(row.protocol, row.port, row.type, row.code);
    const key = `${row.source} ${target}`;
    const sum = sums.get(key) ?? { rows: [], target };
    sum.rows.push(row);
    sums.set(key, sum);
  }
  return [...sums.values()].map(({ rows, target }) => ({
    source: rows[0]!.source,
    asn: rows[0]!.asn,
    target,
    packets: rows.length,
    first: iso(Math.min(...rows.map(row => row.timeUs))) + zone,
    last: iso(Math.max(...rows.map(row => row.timeUs))) + zone,
  }));
}
const sorted = (sums: ReadSum[]) => sums.map(sum => JSON.stringify(sum)).sort();

describe('what went in comes out', () => {
  it.each(PER_ROW)('%s (%s)', async (format, shape, read, carried) => {
    await fc.assert(
      fc.asyncProperty(blocks, metas, async (blocks, meta) => {
        const text = await textOf(format, blocks, meta, shape);
        expect(read(text)).toEqual(blocks.flat().map(carried));
      }),
      { numRuns: 25 },
    );
  });

  it.each(PER_ROW)('%s (%s): over the borders of chunks', async (format, shape, read, carried) => {
    const rows = [...manyRows(shape === 'csv' ? itemLines + 1 : 1025)];
    const text = await textOf(format, rows, META, shape);
    expect(read(text)).toEqual(rows.flat().map(carried));
  });

  it.each([
    ['stix', 'Z', (rows: Rows, meta: Meta) => textOf('stix', rows, meta).then(readStix)],
    ['misp', '+00:00', (rows: Rows, meta: Meta) => filesOf('misp', rows, meta).then(files => readMisp(eventOf(files)))],
  ])('%s, by source', async (_, zone, read) => {
    await fc.assert(
      fc.asyncProperty(blocks, metas, async (blocks, meta) => {
        expect(sorted(await read(blocks, meta))).toEqual(sorted(sumsOf(blocks.flat(), zone)));
      }),
      { numRuns: 25 },
    );
    const rows = [...manyRows(20_000)];
    expect(sorted(await read(rows, META))).toEqual(sorted(sumsOf(rows.flat(), zone)));
  });
});

describe('the same day is the same bytes', () => {
  it.each(ALL_SHAPES)('%s (%s), however it is parted and whenever it is made', async (format, shape) => {
    const rows = [...manyRows(3000)].flat();
    const first = await filesOf(format, [rows], META, shape);
    const parts = [rows.slice(0, 1), [], rows.slice(1, 2500), rows.slice(2500)];
    async function* slowly() {
      for (const part of parts) {
        await new Promise(resolve => setTimeout(resolve, 5));
        yield part;
      }
    }
    expect(await filesOf(format, slowly(), META, shape)).toEqual(first);
  });
});

describe('columns', () => {
  it('shadowserver: those of event4_honeypot_darknet, all quoted, without a destination', async () => {
    const text = await textOf('shadowserver', manyRows(3), META);
    const [header, first] = text.split('\n');
    expect(header).toBe(
      '"timestamp","protocol","src_ip","src_port","src_asn","src_geo","src_region","src_city","src_hostname","src_naics",' +
        '"src_sector","device_vendor","device_type","device_model","severity","dst_ip","dst_port","dst_asn","dst_geo",' +
        '"dst_region","dst_city","dst_hostname","dst_naics","dst_sector","public_source","infection","family","tag",' +
        '"application","version","event_id","count"',
    );
    expect(COLUMNS).toHaveLength(32);
    expect(first).toMatch(/^("[^"]*",){31}"[^"]*"$/);
    for (const cells of readCsv(text)) {
      expect(cells.timestamp).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
      expect([cells.dst_ip, cells.dst_asn, cells.dst_hostname, cells.dst_geo]).toEqual(['', '', '', '']);
      expect([cells.protocol, cells.count, cells.src_geo]).toEqual(['tcp', '1', 'KR']);
    }
  });

  it('intelmq: keys of its harmonization, in its cases, and a transport that it knows', async () => {
    await fc.assert(
      fc.asyncProperty(blocks, async blocks => {
        const text = await textOf('intelmq', blocks, META);
        for (const line of text.split('\n').slice(0, -1)) {
          const event = JSON.parse(line);
          expect(INTELMQ_KEYS).toEqual(expect.arrayContaining(Object.keys(event)));
          expect(
            Object.keys(event).filter(key => key.startsWith('destination.') && key !== 'destination.port'),
          ).toEqual([]);
          expect(event['source.geolocation.cc']).toBe('KR');
          expect(event['protocol.transport'] ?? 'tcp').toMatch(/^(tcp|udp|icmp|ipv6-icmp|igmp|ipv6|gre|esp|ah|sctp)$/);
          expect(event['time.source']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
          if (event.extra.class !== 'scan') continue;
          expect([event['classification.taxonomy'], event['classification.type']]).toEqual([
            'information-gathering',
            'scanner',
          ]);
        }
      }),
      { numRuns: 25 },
    );
  });
});

const INTELMQ_KEYS = [
  'time.source',
  'time.observation',
  'source.ip',
  'source.port',
  'destination.port',
  'protocol.transport',
  'source.asn',
  'source.geolocation.cc',
  'classification.taxonomy',
  'classification.type',
  'classification.identifier',
  'feed.name',
  'feed.provider',
  'feed.code',
  'tlp',
  'extra',
];

describe('TLP', () => {
  const found = async (format: string, pattern: RegExp) =>
    Promise.all(
      TLPS.map(async tlp => {
        const files = await filesOf(format, manyRows(1), { ...META, tlp });
        return pattern.exec(Object.values(files).join(''))?.slice(1).filter(Boolean).join(' ');
      }),
    );

  it.each([
    ['iodef-v1', /restriction="([^"]*)"/, ['public', 'need-to-know', 'need-to-know', 'need-to-know', 'private']],
    [
      'iodef-v2',
      / restriction="([^"]*)"(?: ext-restriction="([^"]*)")?/,
      ['ext-value clear', 'green', 'amber', 'ext-value amber+strict', 'red'],
    ],
    [
      'iodef-json',
      /"restriction":"([^"]*)"(?:,"ext-restriction":"([^"]*)")?/,
      ['ext-value clear', 'green', 'amber', 'ext-value amber+strict', 'red'],
    ],
    ['intelmq', /"tlp":"([^"]*)"/, ['WHITE', 'GREEN', 'AMBER', 'RED', 'RED']],
    ['misp', /"tlp:([^"]*)"/, [...TLPS]],
    ['stix', /"tlp_2_0":"([^"]*)"/, [...TLPS]],
  ])('%s says it in its words, never weaker', async (format, pattern, words) => {
    expect(await found(format, pattern)).toEqual(words);
  });

  it('every object of STIX that can be is marked, with a marking that is in the bundle', async () => {
    const { objects } = JSON.parse(await textOf('stix', manyRows(50), META));
    const marking = objects.find((one: { type: string }) => one.type === 'marking-definition').id;
    for (const one of objects)
      if (!['identity', 'marking-definition'].includes(one.type)) expect(one.object_marking_refs).toEqual([marking]);
  });
});

describe('revisions', () => {
  it('of MISP keep their identifiers and get a later time', async () => {
    const later = { ...META, revision: 2, generatedMs: META.generatedMs + 60_000 };
    const [one, two] = await Promise.all([META, later].map(meta => filesOf('misp', manyRows(10), meta)));
    expect(Object.keys(two!)).toEqual(Object.keys(one!));
    const [before, after] = [one!, two!].map(files => JSON.parse(eventOf(files)).Event);
    expect(after.Object.map((object: { uuid: string }) => object.uuid)).toEqual(
      before.Object.map((object: { uuid: string }) => object.uuid),
    );
    expect(Number(after.timestamp)).toBe(Number(before.timestamp) + 60);
  });

  it('of STIX are new versions of the same observed data, in another bundle', async () => {
    const later = { ...META, revision: 2, generatedMs: META.generatedMs + 60_000 };
    const [one, two] = (await Promise.all([META, later].map(meta => textOf('stix', manyRows(10), meta)))).map(text =>
      JSON.parse(text),
    );
    const observed = (bundle: typeof one) =>
      bundle.objects.filter((object: { type: string }) => object.type === 'observed-data');
    expect(two.id).not.toBe(one.id);
    expect(observed(two).map(({ id, created }: { id: string; created: string }) => [id, created])).toEqual(
      observed(one).map(({ id, created }: { id: string; created: string }) => [id, created]),
    );
    expect(observed(two)[0].modified > observed(one)[0].modified).toBe(true);
  });

  it('of another sender, day or country share nothing', async () => {
    const others: Meta[] = [
      { ...META, organisation: { ...META.organisation, feedCode: 'other' } },
      { ...META, organisation: { ...META.organisation, email: 'other@csirt.example' } },
    ];
    const names = await Promise.all(
      [META, ...others].map(async meta => Object.keys(await filesOf('misp', [], meta))[0]),
    );
    expect(new Set(names).size).toBe(3);
  });
});

describe('what no schema finds is refused before it is written', () => {
  const [good] = [...manyRows(1)].flat();
  it.each<[string, Partial<Row>]>([
    ['an address that is none', { source: '192.0.2.256' }],
    ['an address with a zone', { family: 6, source: 'fe80::1%eth0' }],
    ['an address of the other family', { family: 6, source: '192.0.2.1' }],
    ['markup for an address', { source: '<!DOCTYPE x>' }],
    ['a port beyond 65535', { port: 99_999 }],
    ['a negative port', { sourcePort: -1 }],
    ['a port that is no whole number', { port: 1.5 }],
    ['a type beyond 255', { type: 256, code: 0 }],
    ['a protocol beyond 255', { protocol: 256 }],
    ['a time of the day after', { timeUs: (META.day + 1) * 86_400_000_000 }],
    ['a time of the day before', { timeUs: META.day * 86_400_000_000 - 1 }],
    ['another country', { country: 'JP' }],
  ])('%s', async (_, wrong) => {
    for (const [format, shape] of ALL_SHAPES) {
      const made = filesOf(format, [[{ ...good!, ...wrong }]], META, shape);
      await expect(made).rejects.toThrow(BadExport);
      await expect(made).rejects.not.toThrow(good!.source);
    }
  });

  it.each<[string, Partial<Meta>]>([
    ['no country', { country: 'K' }],
    ['a country in small letters', { country: 'kr' }],
    ['no TLP', { tlp: 'purple' as Meta['tlp'] }],
    ['no revision', { revision: 0 }],
    ['no e-mail address', { organisation: { ...META.organisation, email: 'nobody' } }],
    ['markup in an e-mail address', { organisation: { ...META.organisation, email: 'a@b.example"><x' } }],
    ['no name', { organisation: { ...META.organisation, name: ' ' } }],
    ['a feed code of several words', { organisation: { ...META.organisation, feedCode: 'a b' } }],
  ])('%s', async (_, wrong) => {
    for (const [name, format] of FORMATS) {
      expect(() => format.write([], { ...META, ...wrong }, 'records'), name).toThrow(BadExport);
    }
  });
});

describe('hostile names', () => {
  const name = 'A & B <CSIRT> "x" \'y\' ]]> &amp; ,;\r\nbreak \u0000\u0008\ud800\ufffe =1+1 日本';
  const hostile: Meta = { ...META, organisation: { ...META.organisation, name } };
  const forbidden = ['\u0000', '\u0008', '\ud800', '\ufffe'];
  const xmlName = forbidden.reduce((text, one) => text.replaceAll(one, '\ufffd'), name);

  it.each([
    ['iodef-v1', 'ContactName'],
    ['iodef-v2', 'ContactName'],
  ])('%s', async (format, element) => {
    const text = await textOf(format, manyRows(2), hostile);
    expect(descendant(parseXml(text), element)!.textContent).toBe(xmlName);
    expect(readIodef(text)).toHaveLength(2);
  });

  it('JSON has them as they are', async () => {
    const json = JSON.parse(await textOf('iodef-json', manyRows(2), hostile));
    expect(json.Incident[0].Contact[0].ContactName).toEqual([name]);
    const [event] = (await textOf('intelmq', manyRows(1), hostile)).split('\n');
    expect(JSON.parse(event!)['feed.provider']).toBe(name);
    const misp = await filesOf('misp', manyRows(2), hostile);
    expect(JSON.parse(eventOf(misp)).Event.Orgc.name).toBe(name);
    expect(Object.values(JSON.parse(misp['manifest.json']!))).toHaveLength(1);
  });

  it('in CSV they stay in their cell and their line', async () => {
    const rows = readCsv(await textOf('shadowserver', manyRows(2), hostile));
    expect(rows).toHaveLength(2);
    expect(rows[0]!.public_source).toContain('<CSIRT> "x"');
    expect(rows[0]!.public_source).not.toMatch(/[\r\n]/);
  });
});
