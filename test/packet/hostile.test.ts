import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { CaptureReader, createBlock } from '../../common/packet/capture.ts';
import { createPackets } from '../../common/packet/packets.ts';
import { concat, pcap, u32, zeros } from '../support/capture-writer.ts';
import {
  decodeAll,
  decodeFrame,
  ETHERNET_FRAMES,
  type FoundPacket,
  LINK_FRAMES,
  outcome,
  packetsOf,
  partsOf,
  smallPcapng,
  sumOf,
  type Walked,
  walkerOf,
  walkInChunks,
} from '../support/captures.ts';

const FILES: Record<string, Uint8Array> = {
  'pcap little': pcap(packetsOf(ETHERNET_FRAMES)),
  'pcap big, nanoseconds': pcap(packetsOf(ETHERNET_FRAMES.slice(0, 4)), { order: 'big', nanoseconds: true }),
  'pcapng little': smallPcapng('little'),
  'pcapng big': smallPcapng('big'),
};

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-hostile-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** Plain conditions: `expect` takes longer than a walk. */
function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const packets = createPackets(256);

/** Walks and decodes bytes that may be anything, and checks what must hold of any. */
function survive(bytes: Uint8Array): Walked {
  const walked = walkInChunks(bytes, bytes.length);
  must(walked.offset <= bytes.length, 'it stops beyond the end of the file');
  must(walked.steps <= bytes.length + 2, 'it does not move on');
  for (const [n, one] of walked.found.entries()) {
    must(one.offset + one.captured <= walked.offset, 'a packet beyond what was walked');
    packets.linkType[n] = one.linkType;
    packets.offset[n] = one.offset;
    packets.captured[n] = one.captured;
    packets.hour[n] = one.hour;
    packets.time[n] = one.time;
  }
  packets.count = walked.found.length;
  // The canary: memory that ends where the last packet does.
  const end = Math.max(0, ...walked.found.map(one => one.offset + one.captured));
  const memory = bytes.slice(0, end);
  const tally = decodeAll({ bytes: memory, view: new DataView(memory.buffer) }, packets, 5);
  must(tally.records + sumOf(tally.skipped) === walked.found.length, 'packets are not records and skipped');
  return walked;
}

const same = (a: FoundPacket, b: FoundPacket | undefined): boolean =>
  a.offset === b?.offset &&
  a.captured === b.captured &&
  a.hour === b.hour &&
  a.time === b.time &&
  a.linkType === b.linkType;

/** The same through a file. */
async function surviveFile(bytes: Uint8Array): Promise<void> {
  const file = path.join(folder, 'capture');
  fs.writeFileSync(file, bytes);
  const reader = await CaptureReader.open(file);
  const block = createBlock();
  let packets = 0;
  let blocks = 0;
  while (await reader.next(block)) {
    expect(++blocks).toBeLessThanOrEqual(bytes.length + 1);
    const tally = decodeAll(block.chunk, block.packets);
    expect(tally.records + sumOf(tally.skipped)).toBe(tally.packets);
    packets += tally.packets;
  }
  reader.close();
  const walked = walkInChunks(bytes, bytes.length);
  expect(packets).toBe(walked.found.length);
  if (reader.damage !== undefined) {
    expect(reader.damage.offset).toBe(walked.offset);
    expect(reader.damage.offset).toBeLessThanOrEqual(bytes.length);
  } else expect([walked.damage, walked.offset]).toEqual([undefined, bytes.length]);
}

describe.each(Object.entries(FILES))('%s', (_name, file) => {
  const whole = walkInChunks(file, file.length);
  const { starts, ends } = partsOf(file);

  test('is whole: no damage, every packet', () => {
    expect([whole.damage, whole.offset]).toEqual([undefined, file.length]);
    expect(whole.found.length).toBeGreaterThanOrEqual(4);
  });

  test('fault 19: cut at every byte gives the packets before the cut, and says where the cut one begins', () => {
    for (let cut = 0; cut < file.length; cut++) {
      const walked = survive(file.slice(0, cut));
      const expected = whole.found.filter((_, n) => ends[n]! <= cut);
      expect(walked.found).toEqual(expected);
      expect(walked.damage === undefined || cut < 4).toBe(true);
      expect(walked.offset).toBe(Math.max(0, ...starts.filter(start => start <= cut)));
    }
  });

  test('fault 19: with any byte changed to any other gives all packets before it, and survives what follows', () => {
    const changed = file.slice();
    for (let at = 0; at < file.length; at++) {
      const before = whole.found.filter((_, n) => ends[n]! <= at);
      const kept = file[at]!;
      for (const value of at < 120
        ? Array.from({ length: 256 }, (_, i) => i)
        : [0, 1, 4, 0x7f, 0x80, 0xff, kept ^ 1, kept ^ 64, kept + 8]) {
        changed[at] = value;
        const walked = survive(changed);
        must(
          before.every((one, n) => same(one, walked.found[n])),
          `a packet before byte ${at} is lost`,
        );
      }
      changed[at] = kept;
    }
  });

  test('cut or changed, read through a file, gives what walking it in memory gives', async () => {
    for (let at = 0; at < file.length; at += 5) {
      await surviveFile(file.slice(0, at));
      const changed = file.slice();
      changed[at]! ^= at % 3 === 0 ? 0xff : 1 << (at % 8);
      await surviveFile(changed);
    }
    await surviveFile(file);
  });

  test('gives the same packets in chunks of every small size and lists of any capacity', () => {
    for (let chunkBytes = 1; chunkBytes <= 300; chunkBytes++)
      expect(walkInChunks(file, chunkBytes)).toMatchObject({
        found: whole.found,
        damage: undefined,
        offset: file.length,
      });
    for (const capacity of [1, 2, 3, 5])
      for (const chunkBytes of [1, 100, file.length])
        expect(walkInChunks(file, chunkBytes, capacity)).toMatchObject({ found: whole.found, offset: file.length });
  });

  test('says of a damage the same offset and reason in chunks of every size', () => {
    for (let at = 0; at < file.length; at += 3) {
      const changed = file.slice();
      changed[at]! ^= 0x41;
      const expected = walkInChunks(changed, changed.length);
      for (const chunkBytes of [1, 7, 64, 200]) {
        const { steps: _, ...walked } = walkInChunks(changed, chunkBytes, 2, 0xff);
        expect(walked).toEqual({ found: expected.found, damage: expected.damage, offset: expected.offset });
      }
    }
  });
});

test('random bytes behind any magic number are survived', () => {
  const magic = fc.constantFrom(
    ...Object.values(FILES).map(file => file.slice(0, 4)),
    Uint8Array.of(0xd4, 0xc3, 0xb2, 0xa1),
  );
  fc.assert(
    fc.property(magic, fc.uint8Array({ maxLength: 300 }), (head, rest) => {
      survive(concat(head, rest));
    }),
    { numRuns: 3000 },
  );
});

test('a file whose parts were swapped, repeated and changed is survived', () => {
  const piece = fc.record({ from: fc.nat(1200), length: fc.nat(200), value: fc.nat(255), at: fc.nat(200) });
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(FILES)),
      fc.nat(300),
      fc.array(piece, { maxLength: 8 }),
      (file, keep, pieces) => {
        const parts = pieces.map(({ from, length, value, at }) => {
          const part = file.slice(from, from + length);
          if (at < part.length) part[at] = value;
          return part;
        });
        survive(concat(file.subarray(0, keep), ...parts));
      },
    ),
    { numRuns: 2000 },
  );
});

describe('a frame', () => {
  const cases = LINK_FRAMES.flatMap(([linkType, frames]) => frames.map((frame, n) => ({ linkType, frame, n })));

  test.each(cases)(
    'fault 18: of link type $linkType ($n), cut anywhere, is judged by its captured bytes alone',
    ({ linkType, frame }) => {
      for (let cut = 0; cut <= frame.length; cut++) {
        const part = frame.subarray(0, cut);
        // At the end of memory a read beyond would throw; before other bytes it would change the outcome.
        const alone = outcome(decodeFrame(linkType, part));
        expect(outcome(decodeFrame(linkType, part, zeros(3), new Uint8Array(80).fill(0xff)))).toBe(alone);
        expect(outcome(decodeFrame(linkType, part, new Uint8Array(40).fill(0x45), frame.subarray(cut)))).toBe(alone);
      }
    },
  );

  test.each(cases)(
    'fault 18: of link type $linkType ($n), with any byte changed, is one record or one skip',
    ({ linkType, frame }) => {
      const changed = frame.slice();
      for (let at = 0; at < frame.length; at++) {
        for (let value = 0; value < 256; value += at < 60 ? 1 : 17) {
          changed[at] = value;
          decodeFrame(linkType, changed);
        }
        changed[at] = frame[at]!;
      }
    },
  );

  test('fault 18: of random bytes, or random after a good beginning, is one record or one skip', () => {
    fc.assert(
      fc.property(fc.constantFrom(...cases), fc.nat(120), fc.uint8Array({ maxLength: 120 }), (one, keep, noise) => {
        const bytes = concat(one.frame.subarray(0, keep), noise);
        const alone = outcome(decodeFrame(one.linkType, bytes));
        expect(outcome(decodeFrame(one.linkType, bytes, zeros(1), new Uint8Array(64).fill(0x60)))).toBe(alone);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('a file that announces much', () => {
  test('takes no more memory than a packet may have', async () => {
    const walker = walkerOf(FILES['pcap little']!)!;
    const huge = concat(pcap([]).subarray(0, 16), u32(0xffffffff), u32(0x01000000), zeros(8), u32(0, 0));
    new DataView(huge.buffer).setUint32(32, 0xffffffff, true);
    const chunk = { bytes: huge, view: new DataView(huge.buffer) };
    const packets = createPackets(1);
    expect(walker.walk(chunk, 0, huge.length, packets)).toBe(24);
    expect(walker.damage).toMatch(/4294967295 bytes/);
    new DataView(huge.buffer).setUint32(32, 16 * 1024 * 1024, true);
    const again = walkerOf(huge)!;
    expect(again.walk(chunk, 0, huge.length, packets)).toBe(24);
    expect([again.damage, again.needed]).toEqual([undefined, 16 * 1024 * 1024 + 16]);
  });

  test('and has a packet longer than a chunk is read, whatever blocks take turns', async () => {
    const big = new Uint8Array(600_000).fill(7);
    const small = new Uint8Array(20).fill(9);
    const list = [small, big, ...Array.from({ length: 80_000 }, () => small), big, big, small];
    const file = path.join(folder, 'big');
    fs.writeFileSync(
      file,
      pcap(
        packetsOf(list).map(one => ({ ...one, time: one.time % 4_000_000_000_000_000_000n })),
        { snapLength: 1 << 20 },
      ),
    );
    for (const blocks of [1, 2, 3]) {
      const turns = Array.from({ length: blocks }, createBlock);
      const reader = await CaptureReader.open(file);
      let lengths = 0;
      let packets = 0;
      for (let turn = 0; await reader.next(turns[turn % blocks]!); turn++) {
        const { chunk, packets: found } = turns[turn % blocks]!;
        packets += found.count;
        for (let n = 0; n < found.count; n++) {
          lengths += found.captured[n]!;
          const last = chunk.bytes[found.offset[n]! + found.captured[n]! - 1];
          must(last === (found.captured[n] === 20 ? 9 : 7), 'bytes of another packet');
        }
      }
      reader.close();
      expect([reader.damage, packets, lengths]).toEqual([
        undefined,
        list.length,
        list.reduce((sum, { length }) => sum + length, 0),
      ]);
    }
  });
});
