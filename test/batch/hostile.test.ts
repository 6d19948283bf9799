/** Opening what anybody may have made: refused as a bad batch, or as good as one that was sealed; within bounds of memory. */
import { constants, crc32, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadBatch } from '../../common/batch/format.ts';
import { openBatch, readBatchHeader } from '../../common/batch/open.ts';
import { sealBatch } from '../../common/batch/seal.ts';
import { batchWireBytesMax } from '../../common/limits.ts';
import { changed, header, someRecords } from './support.ts';

const sealed = sealBatch({ header, records: someRecords(4, 12) });
const { bytes } = sealed;
/** Two reasons and one range. */
const headBytes = 96 + 3 * 32;

/** A frame of zstd that says nothing. */
const SKIPPABLE = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0);

/** The name of what it opens to; undefined if it is refused. Anything else thrown fails the test. */
function nameOf(tried: Uint8Array): string | undefined {
  try {
    return openBatch(tried).sha256;
  } catch (error) {
    if (error instanceof BadBatch) return undefined;
    throw error;
  }
}

const refusal = (tried: Uint8Array, open: (bytes: Uint8Array) => unknown = openBatch): string => {
  try {
    open(tried);
  } catch (error) {
    expect(error).toBeInstanceOf(BadBatch);
    return (error as Error).message;
  }
  throw new Error('it was opened');
};

describe('damage', () => {
  it('of any bit never opens to another batch, and in the head is always found', () => {
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const damaged = new Uint8Array(bytes);
      damaged[bit >>> 3]! ^= 1 << (bit & 7);
      const name = nameOf(damaged);
      if (bit >>> 3 < headBytes) expect(name).toBeUndefined();
      else expect([undefined, sealed.sha256]).toContain(name);
    }
  });

  it('by bytes after a batch of any size is found', () => {
    for (let count = 1; count < 8; count++) {
      const small = sealBatch({ header, records: someRecords(4, count) }).bytes;
      for (const more of [Uint8Array.of(0), SKIPPABLE, small.subarray(headBytes)])
        expect(nameOf(Buffer.concat([small, more]))).toBeUndefined();
    }
  });

  it('of any byte never opens to another batch', () => {
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [0xff, 0x55]) {
        const damaged = new Uint8Array(bytes);
        damaged[at]! ^= flip;
        expect([undefined, sealed.sha256]).toContain(nameOf(damaged));
      }
    }
  });

  it('by an end too early, or bytes after it, is found', () => {
    for (let length = 0; length < bytes.length; length++) expect(nameOf(bytes.subarray(0, length))).toBeUndefined();
    expect(refusal(Buffer.concat([bytes, Buffer.of(0)]))).toBe('bytes after the last record');
    expect(refusal(Buffer.concat([bytes, bytes.subarray(headBytes)]))).toBe('bytes after the last record');
    for (const more of [SKIPPABLE, zstdCompressSync(new Uint8Array())])
      expect(refusal(Buffer.concat([bytes, more]))).toBe('bytes after the last record');
    const empty = sealBatch({ header, records: someRecords(4, 0) }).bytes;
    expect(refusal(Buffer.concat([empty, bytes.subarray(headBytes)]))).toBe('bytes after the last record');
  });

  it('of noise is found', () => {
    const start = bytes.subarray(0, 12);
    const noise = fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (some, begun) => {
      expect(nameOf(begun ? Buffer.concat([start, some]) : some)).toBeUndefined();
    });
    fc.assert(noise, { numRuns: 500 });
  });
});

describe('a head that somebody wrote on purpose', () => {
  it('is refused, or is the head of a batch that seals to the same bytes', () => {
    const at = fc.integer({ min: 8, max: headBytes - 9 });
    const change = fc.property(fc.array(fc.tuple(at, fc.nat(255)), { minLength: 1, maxLength: 3 }), writes => {
      const tried = changed(bytes, (_, copy) => {
        for (const [where, value] of writes) copy[where] = value;
      });
      const name = nameOf(tried);
      if (name !== undefined) expect(sealBatch(openBatch(tried)).sha256).toBe(name);
    });
    fc.assert(change, { numRuns: 2000 });
  });

  const u64max = (view: DataView, at: number) => view.setBigUint64(at, 2n ** 53n, true);
  it.each<[string, (view: DataView, copy: Uint8Array) => void]>([
    ['no batch: it begins with something else', view => view.setUint8(0, 0)],
    ['version 2, where 1 can be read', view => view.setUint16(8, 2, true)],
    ['version 0, where 1 can be read', view => view.setUint16(8, 0, true)],
    ['neither IPv4 nor IPv6', view => view.setUint8(10, 5)],
    ['flags that are none', view => view.setUint8(11, 2)],
    ['too many reasons for skipping', view => view.setUint16(12, 33, true)],
    ['too many ranges of lost batches', view => view.setUint16(14, 65, true)],
    ['a head of another length than its parts have', view => view.setUint16(14, 2, true)],
    ['a head of another length than its parts have', view => view.setUint32(84, 0xffffffff, true)],
    ['an epoch or a sequence that is none', view => view.setBigUint64(32, 0n, true)],
    ['an epoch or a sequence that is none', view => u64max(view, 32)],
    ['an epoch or a sequence that is none', view => view.setUint32(40, 0, true)],
    ['an hour beyond the year 9999', view => view.setUint32(44, 70_389_528, true)],
    ['a span that is not within the hour', view => view.setUint32(48, 11_000_001, true)],
    ['a span that is not within the hour', view => view.setUint32(52, 3_600_000_001, true)],
    ['a counter that is no whole number to 2^53', view => u64max(view, 56)],
    ['a counter that is no whole number to 2^53', view => u64max(view, 64)],
    ['a counter that is no whole number to 2^53', view => u64max(view, 72)],
    ['too many records', view => view.setUint32(80, 65_537, true)],
    ['too many records', view => view.setUint32(80, 0xffffffff, true)],
    ['more records than announced', view => view.setUint32(80, 11, true)],
    ['more records than announced', view => view.setUint32(80, 1, true)],
    ['fewer records than announced', view => view.setUint32(80, 13, true)],
    ['fewer records than announced', view => view.setUint8(10, 6)],
    ["the records' checksum disagrees", view => view.setUint32(headBytes - 8, 1, true)],
    ['a reason for skipping without packets', view => view.setBigUint64(88, 0n, true)],
    ['reasons for skipping out of order', (_, copy) => void copy.fill(0, 96, 120)],
    ['reasons for skipping out of order', (_, copy) => void copy.set(copy.subarray(128, 152), 96)],
    ['a reason for skipping without a name', view => view.setUint8(97, 0x41)],
    ['a reason for skipping without a name', view => view.setUint8(97, 0)],
    ['a range of lost batches that is none', view => view.setBigUint64(152, 0n, true)],
    ['a range of lost batches that is none', view => view.setBigUint64(160, 4n, true)],
    ['more records lost than batches hold', view => view.setBigUint64(168, 2n * 65_536n + 1n, true)],
    ['a range of lost batches that is none', view => view.setUint32(176, 0, true)],
    ['a range of lost batches that is none', view => view.setUint32(180, 1, true)],
  ])('is refused: %s', (words, change) => {
    expect(refusal(changed(bytes, change))).toBe(words);
  });

  it('is refused for a time beyond the hour', () => {
    const columns = new Uint8Array(26);
    new DataView(columns.buffer).setUint32(8, 3_600_000_000, true);
    const coded = zstdCompressSync(columns); // of one record the coded columns are the columns
    const tried = changed(Buffer.concat([bytes.subarray(0, headBytes), coded]), view => {
      view.setUint32(80, 1, true);
      view.setUint32(headBytes - 8, crc32(columns), true);
    });
    expect(refusal(tried)).toBe('a record beyond its hour');
    expect(readBatchHeader(tried).count).toBe(1);
  });
});

describe('a frame that somebody wrote on purpose', () => {
  const framed = (frame: Uint8Array, count: number) =>
    changed(Buffer.concat([bytes.subarray(0, headBytes), frame]), view => view.setUint32(80, count, true));
  /** A frame without a content size, of a window of 2^(10 + log), and `blocks` blocks of 128 KiB of one byte, 4 bytes each. */
  const bomb = (log: number, blocks: number) => {
    const block = (last: number) => [(131_072 << 3) | 2 | last].flatMap(word => [word, word >>> 8, word >>> 16, 0]);
    const body = Array.from({ length: blocks }, (_, n) => block(n === blocks - 1 ? 1 : 0)).flat();
    return Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, log << 3, ...body]);
  };

  it('that holds a gigabyte is refused with no more memory than its head allows', () => {
    const tried = framed(bomb(12, 8192), 65_536);
    nameOf(tried); // whatever is made once
    const before = process.resourceUsage().maxRSS;
    for (let i = 0; i < 50; i++) expect(refusal(tried)).toBe('more records than announced');
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(200 * 1024); // KiB
    expect(refusal(framed(bomb(12, 8192), 1))).toBe('more records than announced');
  });

  it('that asks for a larger window than 4 MiB is refused', () => {
    expect(refusal(framed(bomb(13, 26), 65_536))).toBe('records that cannot be decompressed');
    // The same frame with less to remember is read: its checksum is what is wrong.
    expect(refusal(framed(bomb(12, 13), 65_536))).toBe("the records' checksum disagrees");
  });

  it('that is none, or says nothing, is refused', () => {
    expect(refusal(framed(Buffer.from('not a frame'), 12))).toBe('records that cannot be decompressed');
    expect(refusal(framed(new Uint8Array(), 12))).toBe('records that cannot be decompressed');
    expect(refusal(framed(SKIPPABLE, 12))).toBe('fewer records than announced');
    expect(refusal(framed(zstdCompressSync(new Uint8Array()), 12))).toBe('fewer records than announced');
  });

  it('of any level and with a checksum of its own is read', () => {
    const columns = new Uint8Array(26 * 3);
    for (const level of [1, 9, 19]) {
      const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
      const tried = changed(framed(zstdCompressSync(columns, { params }), 3), view =>
        view.setUint32(headBytes - 8, crc32(columns), true),
      );
      expect(openBatch(tried).records.count).toBe(3);
    }
  });

  it('is not looked at where the whole is larger than a batch may be', () => {
    const large = new Uint8Array(batchWireBytesMax + 1);
    large.set(bytes);
    expect(refusal(large)).toBe('larger than a batch may be');
    expect(refusal(large, readBatchHeader)).toBe('larger than a batch may be');
  });
});
