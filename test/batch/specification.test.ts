/** Batches put together here from the specification in format.ts alone, as by a sensor in another language. */
import { createHash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { openBatch } from '../../common/batch/open.ts';
import { sealBatch } from '../../common/batch/seal.ts';
import { valuesOf } from './support.ts';

/** CRC-32 bit by bit: reflected, polynomial 0xedb88320. */
function crc(bytes: readonly number[]): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

const number = (width: number) => (value: number | bigint) =>
  Array.from({ length: width }, (_, n) => Number((BigInt(value) >> BigInt(8 * n)) & 255n));
const [u16, u32, u64] = [number(2), number(4), number(8)];
const text = (value: string, width: number) => [...Buffer.from(value.padEnd(width, '\0'), 'latin1')];

const head = (family: number, count: number, columns: readonly number[]) => {
  const fixed = [
    ...text('ENAGABAT', 8),
    ...u16(1),
    family,
    1, // historic
    ...u16(2),
    ...u16(1),
    ...Buffer.from('0197a0b1c2d374e586f70819a2b3c4d5', 'hex'),
    ...u64(2n ** 40n + 7n),
    ...u32(3),
    ...u32(494_000),
    ...u32(1_000_000),
    ...u32(3_600_000_000),
    ...u64(2n ** 53n - 1n),
    ...u64(12),
    ...u64(13),
    ...u32(count),
    ...u32(96 + 3 * 32),
    ...u64(30),
    ...text('arp', 24),
    ...u64(7),
    ...text('x-of-a-sensor-to-come-24', 24),
    ...u64(5),
    ...u64(6),
    ...u64(16_000),
    ...u32(2),
    ...u32(0),
    ...u32(crc(columns)),
  ];
  return [...fixed, ...u32(crc(fixed))];
};

const HEADER = {
  sensor: '0197a0b1-c2d3-74e5-86f7-0819a2b3c4d5',
  sequence: 2 ** 40 + 7,
  epoch: 3,
  hour: 494_000,
  from: 1_000_000,
  to: 3_600_000_000,
  historic: true,
  counters: {
    seen: 2 ** 53 - 1,
    kernelDrops: 12,
    interrupted: 13,
    skipped: { arp: 30, 'x-of-a-sensor-to-come-24': 7 },
    lost: [{ epoch: 2, from: 5, to: 6, records: 16_000 }],
  },
};

const halves = { srcPort: [4096, 53], dstPort: [23, 8], length: [40, 1500], window: [1024, 0], seqFold: [0xbeef, 0] };
const bytes = { protocol: [6, 17], flags: [2, 0], ttl: [50, 255], tool: [4, 0] };
const narrow = [...Object.values(halves).flat().flatMap(u16), ...Object.values(bytes).flat()];
/** The second packet was seen before the first. */
const time = [3_599_999_999, 3_000_000_000];
const difference = 2 ** 32 + time[1]! - time[0]!;

const canonicalName = (canonical: readonly number[]) =>
  createHash('sha256').update(Uint8Array.from(canonical)).digest('hex');

/** Byte 0 of each value, then byte 1 of each. */
const transposed = (...values: number[][]) => values[0]!.flatMap((_, byte) => values.map(value => value[byte]!));

it('opens a batch of IPv4 written by hand', () => {
  const [src, dst] = [
    [0x01020304, 0xfffefdfc],
    [0xc0000201, 0xc6336402],
  ];
  const columns = [...[...src!, ...dst!, ...time].flatMap(u32), ...narrow];
  const coded = [
    ...src!.flatMap(u32),
    ...[0x01, 0x02, 0x02, 0x64, 0x00, 0x33, 0xc0, 0xc6],
    ...transposed(u32(time[0]!), u32(difference)),
    ...narrow,
  ];
  const start = head(4, 2, columns);
  const opened = openBatch(Buffer.concat([Buffer.from(start), zstdCompressSync(Uint8Array.from(coded))]));
  expect(opened.header).toEqual(HEADER);
  expect(valuesOf(opened.records)).toEqual({ family: 4, count: 2, hour: 494_000, src, dst, time, ...halves, ...bytes });
  expect(opened.sha256).toBe(canonicalName([...start, ...columns]));
  expect(sealBatch(opened).sha256).toBe(opened.sha256);
  expect([...sealBatch(opened).bytes.subarray(0, start.length)]).toEqual(start);
});

it('opens a batch of IPv6 written by hand', () => {
  // 2001:db8:1:2::3 and fe80::4 to 2001:db8::1 and 2001:db8::2.
  const src = [0x20010db8, 0x00010002, 0, 3, 0xfe800000, 0, 0, 4];
  const dst = [0x20010db8, 0, 0, 1, 0x20010db8, 0, 0, 2];
  const columns = [...[...src, ...dst, ...time].flatMap(u32), ...narrow];
  const coded = [
    ...src.flatMap(u32),
    ...transposed(dst.slice(0, 4).flatMap(u32), dst.slice(4).flatMap(u32)),
    ...transposed(u32(time[0]!), u32(difference)),
    ...narrow,
  ];
  const start = head(6, 2, columns);
  const opened = openBatch(Buffer.concat([Buffer.from(start), zstdCompressSync(Uint8Array.from(coded))]));
  expect(opened.header).toEqual(HEADER);
  expect(valuesOf(opened.records)).toEqual({ family: 6, count: 2, hour: 494_000, src, dst, time, ...halves, ...bytes });
  expect(opened.sha256).toBe(canonicalName([...start, ...columns]));
  expect(sealBatch(opened).sha256).toBe(opened.sha256);
});

it('opens a batch without records: the head and nothing else', () => {
  const start = head(4, 0, []);
  const opened = openBatch(Uint8Array.from(start));
  expect(opened.header).toEqual(HEADER);
  expect(opened.records.count).toBe(0);
  expect(opened.sha256).toBe(canonicalName(start));
  expect([...sealBatch(opened).bytes]).toEqual(start);
});
