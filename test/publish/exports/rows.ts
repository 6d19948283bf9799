/** Rows for the tests of formats, and what they are exported with. */
import fc from 'fast-check';
import { type Meta, TLPS } from '../../../collector/publish/exports/meta.ts';
import type { Class, Row, Tool } from '../../../collector/publish/exports/row.ts';
import { seeded } from '../../support/records.ts';

/** 2026-11-20. */
export const DAY = 20_777;
const DAY_US = 86_400_000_000;

export const META: Meta = {
  day: DAY,
  country: 'KR',
  revision: 1,
  generatedMs: Date.UTC(2026, 10, 21, 0, 30, 0, 250),
  tlp: 'amber',
  organisation: { name: 'Example CSIRT', email: 'scan@csirt.example', feedCode: 'example-scans' },
};

const timeUs = fc
  .oneof(fc.constantFrom(0, 1, 999_999, 1_000_000, DAY_US - 1), fc.integer({ min: 0, max: DAY_US - 1 }))
  .map(us => DAY * DAY_US + us);
const who = fc.oneof(
  fc
    .constantFrom('192.0.2.10', '0.0.0.0', '255.255.255.255', '1.2.3.4')
    .map(source => ({ source, family: 4 as const })),
  fc.constantFrom('2001:db8::1', '::', '2400:cb00:1:2:3:4:5:6').map(source => ({ source, family: 6 as const })),
);
const port = fc.constantFrom(0, 1, 23, 1023, 65_535);
const byte = fc.constantFrom(0, 1, 3, 8, 128, 255);
const noPorts = { sourcePort: null, port: null };
const noType = { type: null, code: null };
const tools = fc.constantFrom<readonly Tool[]>([], [], ['mirai'], ['zmap', 'masscan'], ['mirai', 'zmap', 'masscan']);
const kind = fc.constantFrom<Class>('scan', 'scan', 'other', 'backscatter');
const what = fc.oneof(
  fc
    .record({ protocol: fc.constant(6), sourcePort: port, port, flags: byte, tools })
    .map(one => ({ ...one, ...noType })),
  fc.record({ protocol: fc.constantFrom(17, 33, 132, 136), sourcePort: port, port }).map(one => ({
    ...one,
    ...noType,
    flags: null,
    tools: [],
  })),
  fc.record({ protocol: fc.constantFrom(1, 58), type: byte, code: byte }).map(one => ({
    ...one,
    ...noPorts,
    flags: null,
    tools: [],
  })),
  fc.constantFrom(0, 2, 4, 41, 47, 50, 51, 255).map(protocol => ({
    protocol,
    ...noPorts,
    ...noType,
    flags: null,
    tools: [],
  })),
);
const where = fc.record({
  country: fc.constant('KR'),
  asn: fc.constantFrom(0, 4766, 64_496, 4_294_967_295),
  economy: fc.constantFrom('', 'JP'),
});

export const row: fc.Arbitrary<Row> = fc
  .tuple(timeUs, who, what, where, kind)
  .map(([timeUs, who, what, where, kind]) => ({ timeUs, ...who, ...what, ...where, class: kind }));

/** Blocks of rows, some empty. An address has one AS, as in a geography of one day. */
export const blocks = fc.array(fc.array(row, { maxLength: 8 }), { maxLength: 6 }).map(list => {
  const asns = new Map<string, number>();
  for (const one of list.flat()) if (!asns.has(one.source)) asns.set(one.source, one.asn);
  return list.map(block => block.map(one => ({ ...one, asn: asns.get(one.source)! })));
});

export const metas: fc.Arbitrary<Meta> = fc.constantFrom(...TLPS).map(tlp => ({ ...META, tlp }));

/** Plausible scans, always the same for a seed: from `sources` addresses to `ports` ports. */
export function* manyRows(count: number, { sources = 500, ports = 40 } = {}): Generator<Row[]> {
  const random = seeded(7);
  const blockRows = 5000;
  for (let made = 0; made < count; made += blockRows) {
    yield Array.from({ length: Math.min(blockRows, count - made) }, (_, n) => {
      const source = random(sources);
      return {
        timeUs: DAY * DAY_US + (made + n) * 100,
        source: `10.${source >>> 16}.${(source >>> 8) & 0xff}.${source & 0xff}`,
        family: 4 as const,
        protocol: 6,
        sourcePort: 1024 + random(60_000),
        port: random(ports),
        ...noType,
        country: 'KR',
        asn: 4766,
        economy: '',
        flags: 2,
        class: 'scan' as const,
        tools: random(4) === 0 ? (['mirai'] as const) : [],
      };
    });
  }
}
