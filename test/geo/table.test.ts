import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compile } from '../../common/geo/compile.ts';
import { merge, type Ranges } from '../../common/geo/ranges.ts';
import { allocatedIpv4, type GeoTable, lookup4, lookup6, lookupMany4 } from '../../common/geo/table.ts';

const ORIGIN = { geo: { name: 'made up', built: '2026-01-01' }, sha256: '', countries: ['??', 'JP', 'TH', 'US'] };
const NOTHING4: Ranges<number> = { starts: [0], values: [0] };
const NOTHING6: Ranges<bigint> = { starts: [0n], values: [0] };

const table = (
  ipv4: Ranges<number>,
  ipv6 = NOTHING6,
  asn?: { ipv4: Ranges<number>; ipv6: Ranges<bigint> },
): GeoTable => ({
  ...ORIGIN,
  ...compile({ ipv4, ipv6 }, asn),
});

const countryAt = (geo: GeoTable, address: number) => geo.placeCountry[lookup4(geo, address)];

/** Boundaries close to each other and to /17 edges as well as anywhere. */
const address4 = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.integer({ min: 0x01020000, max: 0x01020010 }),
  fc
    .tuple(fc.integer({ min: 1, max: 0x1ffff }), fc.integer({ min: -2, max: 2 }))
    .map(([block, by]) => block * 32768 + by),
);

function rangesOf<A extends number | bigint>(zero: A, entries: [A, number][]): Ranges<A> {
  const sorted = new Map([[zero, 0] as [A, number], ...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  return { starts: [...sorted.keys()], values: [...sorted.values()] };
}

function scan<A extends number | bigint>({ starts, values }: Ranges<A>, address: A): number {
  let value = 0;
  for (let i = 0; i < starts.length; i++) if (starts[i]! <= address) value = values[i]!;
  return value;
}

const ranges4 = fc
  .array(fc.tuple(address4, fc.integer({ min: 0, max: 3 })), { maxLength: 40 })
  .map(list => rangesOf(0, list));

const address6 = fc
  .tuple(fc.constantFrom(0x2001n, 0x2a00n, 0x3fffn), fc.bigInt({ min: 0n, max: (1n << 112n) - 1n }), fc.boolean())
  .map(([head, rest, sparse]) => (head << 112n) | (sparse ? rest & ~((1n << 64n) - 1n) : rest));

const ranges6 = fc
  .array(fc.tuple(address6, fc.integer({ min: 0, max: 3 })), { maxLength: 40 })
  .map(list => rangesOf(0n, list));

test('an IPv4 lookup finds what a linear scan finds, at random addresses and at every edge', () => {
  const property = fc.property(ranges4, fc.array(address4), (ranges, addresses) => {
    const geo = table(ranges);
    const edges = ranges.starts.flatMap(start => [start - 1, start, start + 1]).filter(edge => edge >= 0);
    const asked = [...addresses, ...edges, 0xffffffff].filter(address => address <= 0xffffffff);
    const expected = asked.map(address => scan(ranges, address));
    expect(asked.map(address => countryAt(geo, address))).toEqual(expected);
    const places = new Int32Array(asked.length);
    lookupMany4(geo, Uint32Array.of(7, ...asked), 1, asked.length, places, new Int32Array(asked.length));
    expect(Array.from(places, place => geo.placeCountry[place])).toEqual(expected);
  });
  fc.assert(property);
});

test('an IPv6 lookup finds what a linear scan finds, at random addresses and at every edge', () => {
  const property = fc.property(ranges6, fc.array(address6), (ranges, addresses) => {
    const closed = rangesOf(0n, [
      ...ranges.starts.map((start, i): [bigint, number] => [start, ranges.values[i]!]),
      [1n << 126n, 0],
    ]);
    const geo = table(NOTHING4, closed);
    const edges = ranges.starts.slice(1).flatMap(start => [start - 1n, start, start + 1n]);
    for (const address of [...addresses, ...edges]) {
      const [w0, w1, w2, w3] = [96n, 64n, 32n, 0n].map(shift => Number((address >> shift) & 0xffffffffn));
      expect(geo.placeCountry[lookup6(geo, w0!, w1!, w2!, w3!)]).toBe(scan(closed, address));
    }
  });
  fc.assert(property);
});

test('merged ranges give at every address the pair of both, and no place that no address has', () => {
  const property = fc.property(ranges4, ranges4, fc.array(address4), (countries, asns, addresses) => {
    const geo = table(countries, NOTHING6, { ipv4: asns, ipv6: NOTHING6 });
    for (const address of [...addresses, ...countries.starts, ...asns.starts]) {
      const place = lookup4(geo, address);
      expect([geo.placeCountry[place], geo.placeAsn[place]]).toEqual([scan(countries, address), scan(asns, address)]);
    }
    expect(new Set([0, ...geo.places4]).size).toBe(geo.placeAsn.length);
  });
  fc.assert(property);
});

test('neighbours with the same value are one range', () => {
  const a = { starts: [0, 10, 20], values: [0, 1, 2] };
  const b = { starts: [0, 15], values: [0, 1] };
  expect(merge(a, b, first => first)).toEqual({ starts: [0, 10, 20], values: [0, 1, 2] });
});

test('range edges: before, first, last, after, and both ends of the address space', () => {
  const geo = table({ starts: [0, 0x01020300, 0x01020400, 0xffffff00], values: [1, 2, 0, 3] });
  expect(
    [0, 0x010202ff, 0x01020300, 0x010203ff, 0x01020400, 0xfffffeff, 0xffffff00, 0xffffffff].map(at =>
      countryAt(geo, at),
    ),
  ).toEqual([1, 1, 2, 2, 0, 0, 3, 3]);
});

test('space outside 2000::/3 is unknown, whatever the inputs say', () => {
  const geo = table(NOTHING4, { starts: [0n], values: [1] });
  expect([0, 0xfe800000, 0x40000000, 0x1fffffff].map(w0 => lookup6(geo, w0, 0, 0, 1))).toEqual([0, 0, 0, 0]);
  expect([0x20000000, 0x3fffffff].map(w0 => geo.placeCountry[lookup6(geo, w0, 0, 0, 1)])).toEqual([1, 1]);
});

test('IPv4 addresses per country: unknown space in no entry, the last range to the end of the address space', () => {
  const geo = table({ starts: [0, 256, 1024, 2048, 0xffffff00], values: [0, 1, 2, 1, 3] });
  expect([...allocatedIpv4(geo)]).toEqual([
    ['JP', 768 + (0xffffff00 - 2048)],
    ['TH', 1024],
    ['US', 256],
  ]);
  const property = fc.property(ranges4, ranges => {
    const known = [...allocatedIpv4(table(ranges)).values()].reduce((sum, count) => sum + count, 0);
    const ends = [...ranges.starts.slice(1), 2 ** 32];
    const unknown = ranges.starts.reduce((sum, start, i) => (ranges.values[i] === 0 ? sum + ends[i]! - start : sum), 0);
    expect(known + unknown).toBe(2 ** 32);
  });
  fc.assert(property);
});

test('a worker thread sees the same memory', async () => {
  const geo = table({ starts: [0, 256], values: [0, 2] });
  const code =
    "const { parentPort, workerData } = require('worker_threads'); workerData.places4[0] = 7; parentPort.postMessage(workerData.countries);";
  const worker = new Worker(code, { eval: true, workerData: geo });
  const countries = await new Promise(resolve => worker.once('message', resolve));
  await worker.terminate();
  expect(countries).toEqual(ORIGIN.countries);
  expect(geo.places4[0]).toBe(7);
});
