/**
 * Records as plain objects, for tests: made by fast-check, put into blocks in any order and any parts, reduced. Their values are
 * few, so that cells, sources and targets meet; bursts of many sources make exact sets outgrow their limits.
 */
import fc from 'fast-check';
import type { Day } from '../../collector/reduce/day.ts';
import { Reducer } from '../../collector/reduce/reducer.ts';
import { compile } from '../../common/geo/compile.ts';
import type { GeoTable } from '../../common/geo/table.ts';
import { createRecords, type Records } from '../../common/record/record.ts';

export interface PlainRecord {
  sensor: number;
  family: 4 | 6;
  /** Hours since 1970, microseconds since the hour began. */
  hour: number;
  time: number;
  /** One word or four, most significant first. */
  src: readonly number[];
  dst: readonly number[];
  protocol: number;
  srcPort: number;
  dstPort: number;
  flags: number;
  window: number;
  seqFold: number;
  tool: number;
}

/** Where sources of `place` are; all else is unknown. An AS number above 2^31 and one country of two ASes are among them. */
const PLACES = [
  { country: 'JP', asn: 64496, first4: 0x01000000, first6: 0x20010db8 },
  { country: 'TH', asn: 4_200_000_001, first4: 0x2d000000, first6: 0x2a000000 },
  { country: 'JP', asn: 64497, first4: 0x7f000000, first6: 0x24000000 },
  { country: 'VN', asn: 0, first4: 0xc8000000, first6: 0x3ffe0000 },
] as const;
const ELSEWHERE = { country: '??', asn: 0 };
const COUNTRIES = ['??', 'VN', 'JP', 'TH'];

/** Country and ASN of a source, by the list above. */
export function placeOf(src: readonly number[]): { country: string; asn: number } {
  const found = PLACES.find(({ first4, first6 }) =>
    src.length === 1 ? src[0]! >>> 24 === first4 >>> 24 : src[0] === first6,
  );
  return found ?? ELSEWHERE;
}

function madeUpGeo(): GeoTable {
  const ranges = (value: (place: (typeof PLACES)[number]) => number) => {
    const ipv4 = { starts: [0], values: [0] };
    const ipv6 = { starts: [0n], values: [0] };
    for (const place of [...PLACES].sort((a, b) => a.first4 - b.first4)) {
      ipv4.starts.push(place.first4, place.first4 + 0x1000000);
      ipv4.values.push(value(place), 0);
    }
    for (const place of [...PLACES].sort((a, b) => a.first6 - b.first6)) {
      ipv6.starts.push(BigInt(place.first6) << 96n, BigInt(place.first6 + 1) << 96n);
      ipv6.values.push(value(place), 0);
    }
    return { ipv4, ipv6 };
  };
  return {
    geo: { name: 'made up', built: '2026-01-01' },
    sha256: '',
    countries: COUNTRIES,
    ...compile(
      ranges(place => COUNTRIES.indexOf(place.country)),
      ranges(place => place.asn),
    ),
  };
}

export const GEO = madeUpGeo();
export const HASH_KEY = { low: 0x12345678, high: 0x1bcdef01 };
/** 2026-03-01. */
export const DAY = 20_513;

const TCP = 6;
const ICMP_LIKE = new Set([1, 58]);
const address4 = fc.oneof(
  fc.constantFrom(0x01000001, 0x01ffffff, 0x2d000001, 0x7f000001, 0xc8000001, 0xfe000001, 0, 0xffffffff),
  fc.integer({ min: 0x01000000, max: 0x01000010 }),
);
const address6 = fc
  .tuple(fc.constantFrom(0x20010db8, 0x2a000000, 0x24000000, 0xfe800000), fc.constantFrom(0, 0xffff0001), fc.nat(2))
  .map(([w0, w1, w3]) => [w0, w1, 0, w3]);
const destination4 = fc.constantFrom(0xc0000201, 0xc0000202, 0xc0000301, 0xc6336401);
/** Two in one /48, whose last words differ: Nmap's targets are told apart by that word alone. */
const destination6 = fc.constantFrom(
  [0x20010db8, 0x00010000, 0, 1],
  [0x20010db8, 0x00010000, 0, 2],
  [0x20010db8, 0xfff00001, 0, 3],
);
const addresses = fc.oneof(
  { weight: 2, arbitrary: fc.record({ src: address4.map(word => [word]), dst: destination4.map(word => [word]) }) },
  { weight: 1, arbitrary: fc.record({ src: address6, dst: destination6 }) },
);
const tcpFields = fc.record({
  protocol: fc.constant(TCP),
  srcPort: fc.constantFrom(1024, 53),
  dstPort: fc.constantFrom(23, 80, 65535),
  flags: fc.constantFrom(0x02, 0x02, 0x02, 0x02, 0x02, 0x12, 0x04, 0x14, 0x10, 0x00, 0xc2),
  window: fc.constantFrom(1024, 1024, 1024, 2048, 4096, 5120, 65535, 0),
  seqFold: fc.constantFrom(0, 7, 0xffff),
  tool: fc.constantFrom(0, 0, 0, 0, 0, 1, 1, 2, 4, 7),
});
const otherFields = fc.record({
  protocol: fc.constantFrom(17, 1, 58, 132, 136, 33, 47, 0, 255),
  srcPort: fc.constantFrom(53, 0, 3, 8, 128, 129, 255),
  dstPort: fc.constantFrom(53, 0, 1, 255),
  flags: fc.constant(0),
  window: fc.constant(0),
  seqFold: fc.constant(0),
  tool: fc.constant(0),
});
const fields = fc
  .oneof({ weight: 3, arbitrary: tcpFields }, { weight: 2, arbitrary: otherFields })
  // Protocols without ports have port 0, and only ICMP's are below 256.
  .map(one =>
    one.protocol === 47 || one.protocol === 0 || one.protocol === 255 ? { ...one, srcPort: 0, dstPort: 0 } : one,
  );

const hour = fc.constantFrom(0, 1, 12, 23, 24, 47).map(hours => DAY * 24 + hours);
const time = fc.constantFrom(0, 1, 999_999, 2_147_483_648, 3_599_999_999);
/** Among them indices that need a second, third and fifth pair of words of bits. */
const sensor = fc.constantFrom(0, 1, 31, 32, 63, 64, 65, 300);

const when = fc.record({ sensor, hour, time });
export const record: fc.Arbitrary<PlainRecord> = fc
  .tuple(when, addresses, fields)
  .map(([when, who, what]) => ({ family: who.src.length === 1 ? 4 : 6, ...when, ...who, ...what }));

/** What one source sends again in other hours, to other sensors; and what it sends under another sequence or to another target. */
const repeated = fc
  .tuple(
    record,
    fc.array(when, { maxLength: 4 }),
    fc.array(fc.record({ seqFold: fc.nat(2), dstPort: fc.nat(2) }), { maxLength: 3 }),
  )
  .map(([one, times, probes]) => [
    one,
    ...times.map(other => ({ ...one, ...other })),
    ...probes.map(({ seqFold, dstPort }) => (one.protocol === TCP ? { ...one, seqFold, dstPort } : one)),
  ]);
export const records = fc.array(repeated, { maxLength: 30 }).map(lists => lists.flat());

/** Records that differ in nothing but their source: the one given, and of the addresses after its own. */
export interface Burst {
  one: PlainRecord;
  count: number;
}
export const burst = (...counts: number[]): fc.Arbitrary<Burst> =>
  fc.record({ one: record, count: fc.constantFrom(...counts) });

export const manySources = ({ one, count }: Burst): PlainRecord[] =>
  Array.from({ length: count }, (_, i) => ({ ...one, src: [...one.src.slice(0, -1), (one.src.at(-1)! + i) >>> 0] }));

/** Numbers that repeat with their seed (xorshift32): below `limit`. */
export function seeded(seed: number): (limit: number) => number {
  let state = (seed ^ 0x9e3779b9) | 1;
  return limit => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

export function shuffled<T>(list: readonly T[], random: (limit: number) => number): T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = random(i + 1);
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}

/** Of which records can stand in one block one after another. */
const blockOf = ({ family, hour, sensor }: PlainRecord): string => `${family} ${hour} ${sensor}`;

export function toBlock(list: readonly PlainRecord[]): Records {
  const { family, hour } = list[0]!;
  const block = createRecords(family, list.length);
  block.hour = hour;
  block.count = list.length;
  for (const [n, one] of list.entries()) {
    block.src.set(one.src, n * one.src.length);
    block.dst.set(one.dst, n * one.dst.length);
    block.time[n] = one.time;
    block.srcPort[n] = one.srcPort;
    block.dstPort[n] = one.dstPort;
    block.window[n] = one.window;
    block.seqFold[n] = one.seqFold;
    block.protocol[n] = one.protocol;
    block.flags[n] = one.flags;
    block.tool[n] = one.tool;
    block.length[n] = 40;
    block.ttl[n] = 64;
  }
  return block;
}

export interface ReduceOptions {
  sourcesMax?: number;
  /** Parts the records at random, and asks for the days in between. */
  random?: (limit: number) => number;
}

/** Folds records in their order, in blocks as long as can be or parted at random; `days` settles what was counted so far. */
export function foldAll(reducer: Reducer, list: readonly PlainRecord[], random?: (limit: number) => number): void {
  for (let from = 0; from < list.length; ) {
    let to = from + 1;
    while (to < list.length && blockOf(list[to]!) === blockOf(list[from]!) && (random?.(4) ?? 1) > 0) to++;
    reducer.fold(toBlock(list.slice(from, to)), list[from]!.sensor);
    if (random?.(8) === 0) reducer.days();
    from = to;
  }
}

/** Each reducer lays its flows out in another way, which no result may show. */
let seeds = 1;
export const newReducer = (sourcesMax?: number): Reducer =>
  new Reducer({ geo: GEO, hashKey: HASH_KEY, tableSeed: seeds++, sourcesMax });

export function reduce(list: readonly PlainRecord[], { sourcesMax, random }: ReduceOptions = {}): Day[] {
  const reducer = newReducer(sourcesMax);
  foldAll(reducer, list, random);
  return reducer.days();
}

/** Whether a record of this protocol has a type and a code in place of ports. */
export const hasType = (protocol: number): boolean => ICMP_LIKE.has(protocol);
