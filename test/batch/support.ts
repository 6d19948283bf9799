/** Batches for tests: made by fast-check, of any count and values, and heads whose checksum is mended after they were changed. */
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import type { Batch, BatchHeader } from '../../common/batch/batch.ts';
import { createRecords, type Records } from '../../common/record/record.ts';

export const HOUR = 494_000;
export const COLUMNS = [
  'src',
  'dst',
  'time',
  'srcPort',
  'dstPort',
  'length',
  'window',
  'seqFold',
  'protocol',
  'flags',
  'ttl',
  'tool',
] as const;

export const header: BatchHeader = {
  sensor: '0197a0b1-c2d3-74e5-86f7-0819a2b3c4d5',
  epoch: 3,
  sequence: 17,
  hour: HOUR,
  from: 1_000_000,
  to: 11_000_000,
  historic: false,
  counters: {
    seen: 1042,
    kernelDrops: 2,
    interrupted: 0,
    skipped: { arp: 30, truncated: 7 },
    lost: [{ epoch: 2, from: 5, to: 6, records: 16_384 }],
  },
};

/** Records of which each value follows from `seed`: times ascend. */
export function someRecords(family: 4 | 6, count: number, seed = 1): Records {
  const records = createRecords(family, count);
  records.hour = HOUR;
  records.count = count;
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
  for (const name of COLUMNS) for (let i = 0; i < records[name].length; i++) records[name][i] = next();
  for (let i = 0; i < count; i++) records.time[i] = 1_000_000 + 100 * i;
  return records;
}

/** Columns as plain numbers, for comparing. */
export const valuesOf = (records: Records) => {
  const words = records.family === 4 ? 1 : 4;
  const length = (name: string) => records.count * (name === 'src' || name === 'dst' ? words : 1);
  const columns = COLUMNS.map(name => [name, [...records[name].subarray(0, length(name))]]);
  return { family: records.family, count: records.count, hour: records.hour, ...Object.fromEntries(columns) };
};

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const positive32 = fc.integer({ min: 1, max: 2 ** 32 - 1 });
const counter = fc.oneof(fc.nat(10_000), fc.maxSafeNat());
const positive = counter.map(value => Math.max(1, value));
const reason = fc.stringMatching(/^[a-z0-9-]{1,24}$/);
const span = fc.tuple(fc.nat(3_600_000_000), fc.nat(3_600_000_000)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);
const lost = fc
  .record({ epoch: positive32, from: positive, more: fc.nat(100), records: fc.nat(65_536) })
  .filter(({ from, more }) => Number.isSafeInteger(from + more))
  .map(({ epoch, from, more, records }) => ({ epoch, from, to: from + more, records }));

export const headers: fc.Arbitrary<BatchHeader> = fc
  .record({
    sensor: fc.uuid(),
    epoch: positive32,
    sequence: positive,
    hour: fc.nat(70_389_527),
    span,
    historic: fc.boolean(),
    counters: fc.record({
      seen: counter,
      kernelDrops: counter,
      interrupted: counter,
      skipped: fc.dictionary(reason, positive, { maxKeys: 32, noNullPrototype: true }),
      lost: fc.array(lost, { maxLength: 64 }),
    }),
  })
  .map(({ span: [from, to], ...rest }) => ({ ...rest, from: from!, to: to! }));

/** Blocks that are not full, with times that go back, too. */
export const batches: fc.Arbitrary<Batch> = fc
  .tuple(headers, fc.constantFrom(4 as const, 6 as const), fc.nat(40), fc.nat(3))
  .chain(([one, family, count, room]) => {
    const words = (family === 4 ? 1 : 4) * count;
    const column = (value: fc.Arbitrary<number>, length = count) =>
      fc.array(value, { minLength: length, maxLength: length });
    const [half, byte] = [fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 0, max: 255 })];
    const values = [
      column(u32, words),
      column(u32, words),
      column(fc.integer({ min: 0, max: 3_599_999_999 })),
      ...Array.from({ length: 5 }, () => column(half)),
      ...Array.from({ length: 4 }, () => column(byte)),
    ];
    return fc.tuple(...values).map(columns => {
      const records = createRecords(family, count + room);
      records.hour = one.hour;
      records.count = count;
      for (const [n, name] of COLUMNS.entries()) records[name].set(columns[n]!);
      return { header: one, records };
    });
  });

/** The same bytes with `change` made to a copy, and the head's checksum mended. */
export function changed(bytes: Uint8Array, change: (view: DataView, copy: Uint8Array) => void): Uint8Array {
  const copy = new Uint8Array(bytes);
  const view = new DataView(copy.buffer);
  const end = view.getUint32(84, true) - 4;
  change(view, copy);
  view.setUint32(end, crc32(copy.subarray(0, end)), true);
  return copy;
}
