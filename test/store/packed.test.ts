/** Rows as bytes and back: numbers of any size, parts that hold all rows of a name together, and damage that is told. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadState } from '../../collector/reduce/bytes.ts';
import type { Row, RowTable } from '../../collector/reduce/rows.ts';
import { mostPacketsFirst, type Part, packRows, topRows, unpackRows } from '../../collector/store/packed.ts';
import { packRollup, unpackRollup } from '../../collector/store/rollup.ts';

const word = fc.oneof(fc.nat(3), fc.nat(0xffff), fc.integer({ min: 0, max: 0xffffffff }));
const counted = fc.oneof(fc.nat(2), fc.nat(200), fc.nat({ max: 2 ** 31 - 1 }), fc.maxSafeNat());
/** Both ways of a sketch to be off: more sources than packets, more of one side than of both. */
const row = fc.record({ a: word, b: word, packets: counted, sources: counted, scanningSources: counted });
const rows = fc.uniqueArray(row, { maxLength: 400, selector: ({ a, b }) => `${a} ${b}`, size: 'max' });

const ordered = (list: readonly Row[]) => list.toSorted((x, y) => x.a - y.a || x.b - y.b);
const unpacked = (table: RowTable, parts: readonly Part[], only?: number): Row[] => {
  const into: Row[] = [];
  for (const part of parts) unpackRows(table, part, into, only);
  return into;
};

describe('packed rows', () => {
  it('are what was packed, in the order of their names, whatever the numbers', () => {
    fc.assert(
      fc.property(rows, list => {
        const parts = packRows('portCountries', list);
        expect(unpacked('portCountries', parts)).toEqual(ordered(list));
        const first = parts.map(({ part }) => part);
        expect(first).toEqual([...new Set(first)].sort((x, y) => x - y));
        for (const { a } of list.slice(0, 5)) {
          const holding = parts.findLast(({ part }) => part <= a)!; // as it is looked up
          expect(unpacked('portCountries', [holding], a)).toEqual(ordered(list.filter(one => one.a === a)));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('of tables without sides or second words leave these out', () => {
    const one = { a: 7, b: 0, packets: 3, sources: 2, scanningSources: 0 };
    expect(packRows('hours', [one])).toEqual([{ part: 7, bytes: Uint8Array.of(0, 3, 2) }]);
    expect(unpacked('hours', packRows('hours', [one]))).toEqual([one]);
    expect(packRows('ports', [{ ...one, scanningSources: 2 }])).toEqual([
      { part: 7, bytes: Uint8Array.of(0, 3, 2, 0) },
    ]);
    expect(packRows('ports', [])).toEqual([]);
  });

  it('that end within a number are told as damage', () => {
    const [{ bytes } = { bytes: new Uint8Array() }] = packRows('ports', [
      { a: 1, b: 0, packets: 300, sources: 300, scanningSources: 1 },
    ]);
    for (let length = 1; length < bytes.length; length++)
      expect(() => unpacked('ports', [{ part: 1, bytes: bytes.subarray(0, length) }])).toThrow(BadState);
    expect(() => unpacked('ports', [{ part: 1, bytes: new Uint8Array(99).fill(0xff) }])).toThrow(BadState);
  });
});

it('the busiest of a table are the first of all its rows, also of many that tie', () => {
  const few = fc.record({ a: word, packets: fc.oneof(fc.nat(5), counted), sources: counted, scanningSources: counted });
  const named = fc.uniqueArray(few, { maxLength: 400, selector: ({ a }) => a, size: 'max' });
  fc.assert(
    fc.property(named, fc.integer({ min: 1, max: 60 }), (list, most) => {
      const all = list.map(one => ({ ...one, b: 0 }));
      const first = mostPacketsFirst(ordered(all)).slice(0, most);
      const expected = first.map(({ a, packets }) => ({ a, packets }));
      expect(topRows('ports', packRows('ports', all), most)).toEqual(expected);
      expect(topRows('hours', packRows('hours', all), most)).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

it('rows are sorted by packets as a stable sort does it, few or many, small or large', () => {
  fc.assert(
    fc.property(rows, list => {
      const plain = list.toSorted((x, y) => (x.packets < y.packets ? 1 : x.packets > y.packets ? -1 : 0));
      expect(mostPacketsFirst(list)).toEqual(plain);
    }),
  );
});

it('a roll-up is what was packed, with what is not known', () => {
  const orNull = fc.option(counted);
  const one = fc.record({ a: word, packets: counted, sourceDays: counted, sources: orNull, scanningSources: orNull });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 50 }), list => {
      const ranked = list.toSorted((x, y) => y.packets - x.packets).map((row, n) => ({ ...row, rank: n + 1 }));
      expect(unpackRollup(packRollup(ranked))).toEqual(ranked);
    }),
  );
});
