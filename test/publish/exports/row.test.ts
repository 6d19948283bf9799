/** Rows from records: the right ones, with the right place, and nothing of where they went. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Class, rowsOf } from '../../../collector/publish/exports/row.ts';
import { formatAddress4, formatAddress6 } from '../../../common/record/address.ts';
import { CLASSES, classify } from '../../../common/record/classify.ts';
import { GEO, placeOf, record, toBlock } from '../../support/records.ts';

const ALL = new Set<Class>(CLASSES);
const words = (list: readonly number[]) =>
  list.length === 1 ? formatAddress4(list[0]!) : formatAddress6(list[0]!, list[1]!, list[2]!, list[3]!);

it('a row for each record of the country and class, in their order', () => {
  fc.assert(
    fc.property(record, fc.constantFrom('JP', 'TH', 'VN'), fc.subarray([...CLASSES]), (one, country, classes) => {
      const rows = rowsOf(toBlock([one, one]), GEO, { country, classes: new Set(classes) }, 'DE');
      const kind = CLASSES[classify(one.protocol, one.flags, one.srcPort)]!;
      const place = placeOf(one.src);
      if (place.country !== country || !classes.includes(kind)) {
        expect(rows).toEqual([]);
        return;
      }
      const hasPorts = [6, 17, 33, 132, 136].includes(one.protocol);
      const hasType = [1, 58].includes(one.protocol);
      const row = {
        timeUs: one.hour * 3_600_000_000 + one.time,
        source: words(one.src),
        family: one.family,
        protocol: one.protocol,
        sourcePort: hasPorts ? one.srcPort : null,
        port: hasPorts ? one.dstPort : null,
        type: hasType ? one.srcPort & 0xff : null,
        code: hasType ? one.dstPort & 0xff : null,
        country,
        asn: place.asn,
        economy: 'DE',
        flags: one.protocol === 6 ? one.flags : null,
        class: kind,
        tools: ['mirai', 'zmap', 'masscan'].filter((_, bit) => (one.tool >> bit) & 1),
      };
      expect(rows).toEqual([row, row]);
    }),
    { numRuns: 500 },
  );
});

it('a row is the same wherever the packet went', () => {
  fc.assert(
    fc.property(record, fc.nat(0xffffffff), (one, elsewhere) => {
      const other = { ...one, dst: one.dst.map(word => (word ^ elsewhere) >>> 0) };
      const [rows, others] = [one, other].map(record =>
        rowsOf(toBlock([record]), GEO, { country: 'JP', classes: ALL }, ''),
      );
      expect(others).toEqual(rows);
    }),
    { numRuns: 200 },
  );
});

it('what a sensor made up does no harm: marks and ICMP types beyond their bits', () => {
  const [one] = fc.sample(record, { seed: 3, numRuns: 1 });
  const icmp = {
    ...one!,
    src: [0x01000001],
    family: 4 as const,
    dst: [1],
    protocol: 1,
    srcPort: 0xff08,
    dstPort: 0x1203,
    tool: 0xff,
  };
  const [row] = rowsOf(toBlock([icmp]), GEO, { country: 'JP', classes: ALL }, '');
  expect(row).toMatchObject({ type: 8, code: 3, tools: ['mirai', 'zmap', 'masscan'] });
});
