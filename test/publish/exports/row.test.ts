/** Rows from records: the right ones, with the right place, and nothing of where they went. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Class, rowsOf } from '../../../collector/publish/exports/row.ts';
import { observedBy } from '../../../collector/registry/observed.ts';
import { formatAddress4, formatAddress6 } from '../../../common/record/address.ts';
import { CLASSES, classify } from '../../../common/record/classify.ts';
import { GEO, placeOf, record, toBlock } from '../../support/records.ts';

const ALL = new Set<Class>(CLASSES);
const BESIDE = () => ({ economy: '', observed: observedBy([]), leftOut: { observed: 0, damaged: 0 } });
const words = (list: readonly number[]) =>
  list.length === 1 ? formatAddress4(list[0]!) : formatAddress6(list[0]!, list[1]!, list[2]!, list[3]!);

it('a row for each record of the country and class, in their order', () => {
  fc.assert(
    fc.property(record, fc.constantFrom('JP', 'TH', 'VN'), fc.subarray([...CLASSES]), (one, country, classes) => {
      const rows = rowsOf(
        toBlock([one, one]),
        GEO,
        { country, classes: new Set(classes) },
        { ...BESIDE(), economy: 'DE' },
      );
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
        rowsOf(toBlock([record]), GEO, { country: 'JP', classes: ALL }, BESIDE()),
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
  const [row] = rowsOf(toBlock([icmp]), GEO, { country: 'JP', classes: ALL }, BESIDE());
  expect(row).toMatchObject({ type: 8, code: 3, tools: ['mirai', 'zmap', 'masscan'] });
});

it('an address that a sensor observes, now or before, is no source of a row', () => {
  const [one] = fc.sample(record, { seed: 3, numRuns: 1 });
  const from = (family: 4 | 6, src: number[]) => ({ ...one!, family, src, protocol: 6, flags: 2 });
  const networks = [['1.0.0.0/30', '2001:200:1::/48'], ['1.0.0.0/24'], ['1.0.0.0/30']].map(list => ({
    networks: list,
  }));
  const leftOut = { observed: 0, damaged: 0 };
  const beside = { ...BESIDE(), observed: observedBy(networks), leftOut };
  const sources = (list: ReturnType<typeof from>[]) => {
    const countries = [...new Set(list.map(({ src }) => placeOf(src).country))];
    return countries.flatMap(country =>
      rowsOf(toBlock(list), GEO, { country, classes: ALL }, beside).map(({ source }) => source),
    );
  };
  expect(sources([from(4, [0x01000001]), from(4, [0x010000ff]), from(4, [0x01000100])])).toEqual(['1.0.1.0']);
  expect(sources([from(6, [0x20010200, 0x10000, 0, 9]), from(6, [0x20010200, 0x20000, 0, 9])])).toEqual([
    '2001:200:2::9',
  ]);
  expect(leftOut.observed).toBe(3);
  const { observed } = beside;
  const told = ['1.0.0.77', '1.0.1.0', '2001:200:1::1', '2001:200:2::1', '::ffff:1.0.0.77', '::ffff:1.0.1.0'];
  expect(told.map(observed.hasText)).toEqual([true, false, true, false, true, false]);
  expect(observedBy([]).hasText('1.0.0.77')).toBe(false);
});
