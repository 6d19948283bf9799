import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadState, decodeDay, encodeDay } from '../../collector/reduce/codec.ts';
import { Day } from '../../collector/reduce/day.ts';
import { dayResult } from '../../collector/reduce/rows.ts';
import { sourcesMaxDefault } from '../../collector/reduce/sources.ts';
import {
  burst,
  foldAll,
  GEO,
  manySources,
  newReducer,
  type PlainRecord,
  record,
  records,
  reduce,
  seeded,
  shuffled,
} from '../support/records.ts';

/** Few records, or bursts that make sketches of the finer sets, in no order. Short to print, and expanded by `listOf`. */
const traffic = fc.record({
  few: records,
  bursts: fc.array(burst(1, 3, 20, 260, 700), { maxLength: 3 }),
  seed: fc.nat(),
});
type Traffic = typeof traffic extends fc.Arbitrary<infer T> ? T : never;
const listOf = ({ few, bursts, seed }: Traffic): PlainRecord[] =>
  shuffled([...few, ...bursts.flatMap(manySources)], seeded(seed));
/** The same in every run. */
const sampleBurst = (count: number, seed: number): PlainRecord[] =>
  manySources({ one: fc.sample(record, { numRuns: 1, seed })[0]!, count });

/** Exact, and thinned several times over. */
const bound = fc.constantFrom(16, 64, sourcesMaxDefault);

const encodings = (days: readonly Day[]): string[] => days.map(day => Buffer.from(encodeDay(day)).toString('latin1'));
const encoded = (list: readonly PlainRecord[], sourcesMax: number, random?: (limit: number) => number): string[] =>
  encodings(reduce(list, { sourcesMax, random }));

/** The days of parts reduced apart and merged in this order. */
function merged(parts: readonly (readonly PlainRecord[])[], sourcesMax: number): Day[] {
  const reducer = newReducer(sourcesMax);
  for (const part of parts) for (const day of reduce(part, { sourcesMax })) reducer.merge(day);
  return reducer.days();
}

const partsOf = (list: readonly PlainRecord[], count: number, random: (limit: number) => number): PlainRecord[][] => {
  const parts: PlainRecord[][] = Array.from({ length: count }, () => []);
  for (const one of list) parts[random(count)]!.push(one);
  return parts;
};

/** Compared as lists of booleans first: a difference of megabytes prints badly. */
const expectSame = (actual: string[], expected: string[]): void => {
  expect(actual.length).toBe(expected.length);
  expect(actual.map((bytes, n) => bytes === expected[n])).toEqual(expected.map(() => true));
};

/** The bytes with a checksum, their last four, that agrees. */
function seal(bytes: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(bytes);
  new DataView(sealed.buffer).setUint32(sealed.length - 4, crc32(sealed.subarray(0, -4)), true);
  return sealed;
}

describe('a state', () => {
  test('is the same whatever the order, the blocks and when it was settled', () => {
    fc.assert(
      fc.property(traffic, bound, fc.nat(), (some, sourcesMax, seed) => {
        const list = listOf(some);
        const random = seeded(seed);
        expectSame(encoded(shuffled(list, random), sourcesMax, random), encoded(list, sourcesMax));
      }),
      { numRuns: 25 },
    );
  });

  test('is sound whatever marks a sensor sends that nobody knows', () => {
    const [day] = reduce(sampleBurst(5, 3).map(one => ({ ...one, protocol: 6, tool: 0xf8 })));
    expect(day!.tables.portKinds.lookup(day!.tables.ports.nameA(0), 3)).toBe(-1);
    expectSame(encodings([decodeDay(encodeDay(day!), sourcesMaxDefault)]), encodings([day!]));
  });

  test('of merged parts is the state of all records: merge(reduce(a), reduce(b)) = reduce(a ++ b)', () => {
    fc.assert(
      fc.property(traffic, bound, fc.integer({ min: 2, max: 4 }), fc.nat(), (some, sourcesMax, count, seed) => {
        const list = listOf(some);
        const parts = partsOf(list, count, seeded(seed));
        expectSame(encodings(merged(parts, sourcesMax)), encoded(list, sourcesMax));
      }),
      { numRuns: 25 },
    );
  });

  test('does not depend on which part is merged into which, or which two first', () => {
    fc.assert(
      fc.property(traffic, bound, fc.nat(), (some, sourcesMax, seed) => {
        const list = listOf(some);
        const [a, b, c] = partsOf(list, 3, seeded(seed)) as [PlainRecord[], PlainRecord[], PlainRecord[]];
        const expected = encodings(merged([a, b, c], sourcesMax));
        expectSame(encodings(merged([c, b, a], sourcesMax)), expected);
        const reducer = newReducer(sourcesMax);
        for (const day of reduce(a, { sourcesMax })) reducer.merge(day);
        for (const day of merged([b, c], sourcesMax)) reducer.merge(day);
        expectSame(encodings(reducer.days()), expected);
      }),
      { numRuns: 12 },
    );
  });

  test('goes on where it was decoded: fold a, encode, decode, fold b = fold a ++ b', () => {
    fc.assert(
      fc.property(traffic, bound, fc.nat(1000), (some, sourcesMax, permille) => {
        const list = listOf(some);
        const cut = Math.floor((list.length * permille) / 1000);
        const reducer = newReducer(sourcesMax);
        for (const day of reduce(list.slice(0, cut), { sourcesMax }))
          reducer.merge(decodeDay(encodeDay(day), sourcesMax));
        foldAll(reducer, list.slice(cut));
        expectSame(encodings(reducer.days()), encoded(list, sourcesMax));
      }),
      { numRuns: 15 },
    );
  });

  test('merged twice with nothing is unchanged', () => {
    const list = sampleBurst(300, 7);
    const [day] = reduce(list);
    const before = encodings([day!]);
    const reducer = newReducer();
    reducer.merge(day!);
    for (const one of reduce([])) reducer.merge(one);
    expectSame(encodings(reducer.days()), before);
  });

  test('says the same rows, in the same order, whatever the order of the records', () => {
    fc.assert(
      fc.property(traffic, bound, fc.nat(), (some, sourcesMax, seed) => {
        const list = listOf(some);
        const random = seeded(seed);
        const rows = (records: readonly PlainRecord[]) =>
          reduce(records, { sourcesMax }).map(day => {
            const { portCountries, portHours, portKinds, countryHours, countryKinds, countryAsns, ...rest } = dayResult(
              day,
              GEO,
            );
            const finer = [portCountries, portHours, portKinds, countryHours, countryKinds, countryAsns];
            return JSON.stringify([rest, ...finer.map(rows => rows())]);
          });
        expectSame(rows(shuffled(list, random)), rows(list));
      }),
      { numRuns: 12 },
    );
  });
});

describe('an encoding', () => {
  test('decodes to a state that encodes to the same bytes', () => {
    fc.assert(
      fc.property(traffic, bound, (some, sourcesMax) => {
        const list = listOf(some);
        for (const day of reduce(list, { sourcesMax })) {
          const bytes = encodeDay(day);
          const decoded = decodeDay(bytes, sourcesMax);
          expect(Buffer.compare(encodeDay(decoded), bytes)).toBe(0);
          expect(JSON.stringify(dayResult(decoded, GEO))).toBe(JSON.stringify(dayResult(day, GEO)));
        }
      }),
      { numRuns: 20 },
    );
  });

  test('decoded under a lower bound is the state that this bound would have given', () => {
    fc.assert(
      fc.property(traffic, some => {
        const list = listOf(some);
        for (const [n, day] of reduce(list).entries()) {
          const thinned = encodeDay(decodeDay(encodeDay(day), 16));
          expect(Buffer.compare(thinned, encodeDay(reduce(list, { sourcesMax: 16 })[n]!))).toBe(0);
        }
      }),
      { numRuns: 12 },
    );
  });

  test('holds every kind of thing: sketches, exact sets, a sample, sensors beyond 64', () => {
    const list = sampleBurst(5000, 3).map(one => ({ ...one, sensor: 300 }));
    const [day] = reduce(list, { sourcesMax: 64 });
    const { ports, portCountries, total } = day!.tables;
    expect([ports.setSize(0), portCountries.setSize(0), total.setSize(0)]).toEqual([-1, -1, -1]);
    expect(day!.sources.level).toBeGreaterThan(4);
    const decoded = decodeDay(encodeDay(day!), 64).tables.ports;
    expect(decoded.sensorWordsUsed()).toBe((300 >>> 5) + 1);
    expect(decoded.sensorBits(0, 300 >>> 5)).toBe(1 << (300 & 31));
  });
});

describe('bytes that are no encoding', () => {
  /** A small state with a sketch in it. */
  const state = (): Uint8Array => {
    const few = fc.sample(records, { numRuns: 20, seed: 11 }).flat();
    return encodeDay(reduce([...few, ...sampleBurst(300, 1)])[0]!);
  };
  const decodes = (bytes: Uint8Array): Uint8Array | undefined => {
    try {
      return encodeDay(decodeDay(bytes, 1024));
    } catch (error) {
      if (!(error instanceof BadState)) throw error;
      return undefined;
    }
  };

  test('are refused at every truncation, and with every byte changed', () => {
    const bytes = state();
    for (let cut = 0; cut < bytes.length; cut += cut < 300 ? 1 : 97)
      expect(decodes(bytes.subarray(0, cut))).toBeUndefined();
    for (let at = 0; at < bytes.length; at += at < 300 ? 1 : 61) {
      const changed = bytes.slice();
      changed[at]! ^= 1 << (at % 8);
      expect(decodes(changed)).toBeUndefined();
    }
  });

  test('with a checksum that agrees are refused, or are the one encoding of another state', () => {
    const bytes = state();
    let accepted = 0;
    const random = seeded(5);
    for (let run = 0; run < 1500; run++) {
      const changed = bytes.slice();
      const at = random(changed.length - 4);
      changed[at] = [0, 1, 0x7f, 0x80, 0xff, changed[at]! ^ 1][random(6)]!;
      const sealed = seal(changed);
      const again = decodes(sealed);
      if (again === undefined) continue;
      accepted++;
      expect(Buffer.compare(again, sealed)).toBe(0);
    }
    // Some changes (packets, a sensor, a country) make another state: the door is not shut to all.
    expect(accepted).toBeGreaterThan(100);
  });

  test('that are a small state with any one byte changed are refused, or are the one encoding of another state', () => {
    const one = fc.sample(record, { numRuns: 1, seed: 2 })[0]!;
    const bytes = encodeDay(reduce([0, 300].map(sensor => ({ ...one, sensor })))[0]!);
    expect(bytes.length).toBeLessThan(2000);
    for (let at = 0; at < bytes.length - 4; at++) {
      for (const value of [0, 1, 2, 0x7f, 0x80, 0xff, bytes[at]! + 1]) {
        const changed = bytes.slice();
        changed[at] = value;
        const sealed = seal(changed);
        const again = decodes(sealed);
        if (again !== undefined) expect([at, Buffer.compare(again, sealed)]).toEqual([at, 0]);
      }
    }
  });

  test('are refused when random, before or behind a good head', () => {
    const bytes = state();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(bytes.length), (noise, keep) => {
        expect(decodes(noise)).toBeUndefined();
        const sealed = seal(Buffer.concat([bytes.subarray(0, keep), noise, new Uint8Array(4)]));
        const again = decodes(sealed);
        if (again !== undefined) expect(Buffer.compare(again, sealed)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('that announce more than they hold are refused at once, and no memory is taken for it', () => {
    const empty = encodeDay(new Day(0, 16));
    const view = new DataView(empty.buffer, empty.byteOffset);
    const before = process.memoryUsage().arrayBuffers;
    for (let at = 16; at + 4 <= empty.length - 4; at += 2) {
      const changed = empty.slice();
      new DataView(changed.buffer).setUint32(at, 0x7fffffff, true);
      expect(decodes(seal(changed))).toBeUndefined();
    }
    expect(view.getUint32(12, true)).toBe(0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20);
  });
});
