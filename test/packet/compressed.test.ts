import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { CaptureReader, createBlock, type Damage } from '../../common/packet/capture.ts';
import { type Compression, compressionOf, decompress } from '../../common/packet/decompress.ts';
import { concat, pcap, u32, zeros } from '../support/capture-writer.ts';
import { ETHERNET_FRAMES, packetsOf, partsOf } from '../support/captures.ts';
import { seeded } from '../support/records.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-compressed-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const random = seeded(17);
/** Bytes that compress to about half, so that a stream has many blocks and symbols of every length. */
const noise = (count: number) => Uint8Array.from({ length: count }, () => random(16));

const FRAMES = Array.from({ length: 400 }, (_, i) => concat(ETHERNET_FRAMES[i % ETHERNET_FRAMES.length]!, noise(300)));
const FILE = pcap(packetsOf(FRAMES));
/** Where each packet ends. */
const ENDS = partsOf(FILE).ends;
/** What Node's decoder was filling when it failed, it throws away (its chunkSize). */
const BUFFER_BYTES = 16_384;
const packetsIn = (bytes: number) => ENDS.filter(end => end <= bytes).length;

const COMPRESSIONS: Compression[] = ['gzip', 'zstd'];
const compress = (bytes: Uint8Array, compression: Compression): Buffer =>
  compression === 'gzip' ? zlib.gzipSync(bytes) : zlib.zstdCompressSync(bytes);
/** Members or frames of these sizes. */
const inParts = (bytes: Uint8Array, compression: Compression, size: number): Buffer => {
  const count = Math.ceil(bytes.length / size);
  return Buffer.concat(
    Array.from({ length: count }, (_, i) => compress(bytes.subarray(i * size, (i + 1) * size), compression)),
  );
};

/** What comes out, and the error it ends in. */
async function drain(pieces: AsyncIterable<Uint8Array>): Promise<{ bytes: Buffer; error?: string }> {
  const got: Uint8Array[] = [];
  try {
    for await (const piece of pieces) got.push(Uint8Array.from(piece));
  } catch (error) {
    return { bytes: Buffer.concat(got), error: (error as Error).message };
  }
  return { bytes: Buffer.concat(got) };
}

const split = (bytes: Uint8Array, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    Buffer.from(bytes.subarray(i * size, (i + 1) * size)),
  );

async function readFile(bytes: Uint8Array): Promise<{ packets: number; damage: Damage | undefined }> {
  const file = path.join(folder, 'capture');
  fs.writeFileSync(file, bytes);
  const reader = await CaptureReader.open(file);
  const block = createBlock();
  let packets = 0;
  while (await reader.next(block)) packets += block.packets.count;
  reader.close();
  return { packets, damage: reader.damage };
}

/** Standard input in pieces of one byte, each written by itself. */
function readStdin(pieces: readonly Uint8Array[]): Promise<{ packets: number; damage?: Damage }> {
  const program = fileURLToPath(new URL('../support/count-stdin.ts', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', text => {
    out += text;
  });
  child.stderr.on('data', text => {
    err += text;
  });
  child.stdin.on('error', () => {}); // the reader may stop before all is written
  let next = 0;
  const write = (): void => {
    if (next === pieces.length) child.stdin.end();
    else child.stdin.write(pieces[next++]!, () => setImmediate(write));
  };
  write();
  return new Promise((resolve, reject) => {
    child.on('close', code => (code === 0 ? resolve(JSON.parse(out)) : reject(new Error(`exit ${code}: ${err}`))));
  });
}

describe.each(COMPRESSIONS)('%s', compression => {
  const packed = compress(FILE, compression);

  test('is told by its first bytes', () => {
    expect(compressionOf(packed)).toBe(compression);
    expect(compressionOf(FILE)).toBeUndefined();
    expect(compressionOf(new Uint8Array(0))).toBeUndefined();
  });

  test.each([FILE.length, 50_000, 4096, 333])('of parts of %i bytes each is read as one', async size => {
    expect(await readFile(inParts(FILE, compression, size))).toEqual({ packets: FRAMES.length, damage: undefined });
  });

  test('comes out the same in pieces of one byte, and in pieces that straddle its parts', async () => {
    const small = FILE.subarray(0, 9000);
    for (const parts of [compress(small, compression), inParts(small, compression, 700)]) {
      for (const size of [1, 2, 3, 7, 100]) {
        const { bytes, error } = await drain(decompress(Readable.from(split(parts, size)), compression));
        expect([error, bytes.equals(small)]).toEqual([undefined, true]);
      }
    }
  });

  test('cut anywhere gives every packet that the bytes before the cut hold, and the damage is behind them', async () => {
    for (let cut = 4; cut < packed.length; cut += 2381) {
      const { bytes } = await drain(decompress(Readable.from(split(packed.subarray(0, cut), 4096)), compression));
      expect(bytes.equals(FILE.subarray(0, bytes.length))).toBe(true);
      const { packets, damage } = await readFile(packed.subarray(0, cut));
      expect(packets).toBe(packetsIn(bytes.length));
      expect(damage?.offset).toBe(packets === 0 ? damage!.offset : ENDS[packets - 1]);
      if (compression === 'gzip') {
        const possible = zlib.gunzipSync(packed.subarray(0, cut), { finishFlush: zlib.constants.Z_SYNC_FLUSH });
        expect(bytes.length).toBe(possible.length);
      }
    }
  });

  test('cut at the end of a part is whole; one byte later it is damaged', async () => {
    const [first, second] = [
      compress(FILE.subarray(0, ENDS[199]), compression),
      compress(FILE.subarray(ENDS[199]!), compression),
    ];
    expect(await readFile(first)).toEqual({ packets: 200, damage: undefined });
    expect(await readFile(Buffer.concat([first, second]))).toEqual({ packets: 400, damage: undefined });
    for (const bytes of [1, 4, 8]) {
      const { packets, damage } = await readFile(Buffer.concat([first, second.subarray(0, bytes)]));
      expect([packets, damage?.offset]).toEqual([200, ENDS[199]]);
    }
  });

  test('changed anywhere gives the packets before the change but those of one buffer, and ends', async () => {
    for (let at = 5; at < packed.length; at += 3301) {
      const changed = Buffer.from(packed);
      changed[at]! ^= 0xff;
      const before = (await drain(decompress(Readable.from([packed.subarray(0, at)]), compression))).bytes.length;
      const { packets } = await readFile(changed);
      expect(packets).toBeGreaterThanOrEqual(packetsIn(before - BUFFER_BYTES));
    }
  });

  test('with garbage behind it gives all its packets but those of one buffer, and is damaged where they end', async () => {
    for (const garbage of [u32(0xdeadbeef), noise(20_000)]) {
      const { packets, damage } = await readFile(concat(packed, garbage));
      expect(packets).toBeGreaterThanOrEqual(
        packetsIn(compression === 'zstd' ? FILE.length : FILE.length - BUFFER_BYTES),
      );
      expect(damage?.offset).toBe(ENDS[packets - 1]);
    }
  });

  test('from standard input in pieces of one byte is read like a file', async () => {
    const small = FILE.subarray(0, ENDS[9]);
    expect(await readStdin(split(inParts(small, compression, 999), 1))).toEqual({ packets: 10 });
  });
});

test('a wrong checksum at the end of gzip gives all packets but those of one buffer, and is damaged where they end', async () => {
  const packed = zlib.gzipSync(FILE);
  packed[packed.length - 8]! ^= 1;
  const { packets, damage } = await readFile(packed);
  expect(packets).toBeGreaterThanOrEqual(packetsIn(FILE.length - BUFFER_BYTES));
  expect(damage?.offset).toBe(ENDS[packets - 1]);
});

test('zeros behind gzip, as tapes and some writers leave them, are no damage', async () => {
  expect(await readFile(concat(zlib.gzipSync(FILE), zeros(1000)))).toEqual({
    packets: FRAMES.length,
    damage: undefined,
  });
  const small = FILE.subarray(0, 5000);
  const packed = zlib.gzipSync(small);
  for (const size of [1, 2, packed.length, packed.length - 1, packed.length + 1]) {
    const { bytes, error } = await drain(decompress(Readable.from(split(concat(packed, zeros(40)), size)), 'gzip'));
    expect([size, error, bytes.equals(small)]).toEqual([size, undefined, true]);
  }
});

test('a skippable frame of zstd before, between and behind frames is passed over', async () => {
  const skippable = Buffer.concat([u32(0x502a4d18), Buffer.from([5, 0, 0, 0]), zeros(5)]);
  const half = ENDS[199]!;
  const frames = [FILE.subarray(0, half), FILE.subarray(half)].map(part => zlib.zstdCompressSync(part));
  const file = Buffer.concat([skippable, frames[0]!, skippable, frames[1]!, skippable]);
  expect(await readFile(file)).toEqual({ packets: FRAMES.length, damage: undefined });
});

describe('standard input', () => {
  test('in pieces of one byte is read like a file, and cut like one', async () => {
    const small = FILE.subarray(0, ENDS[9]);
    expect(await readStdin(split(small, 1))).toEqual({ packets: 10 });
    const cut = await readStdin(split(small.subarray(0, -1), 1));
    expect([cut.packets, cut.damage?.offset]).toEqual([9, ENDS[8]]);
  });

  test.each([0, 1, 3, 4, 23])('of %i bytes is damaged at 0, as such a file is', async bytes => {
    const expected = await readFile(FILE.subarray(0, bytes));
    expect(expected).toMatchObject({ packets: 0, damage: { offset: 0 } });
    expect(await readStdin(split(FILE.subarray(0, bytes), 1))).toEqual(expected);
  });

  test('that ends within a magic number is not taken for empty', async () => {
    for (const head of [Uint8Array.of(0x1f, 0x8b), Uint8Array.of(0x1f, 0x8b, 8), Uint8Array.of(0x28, 0xb5, 0x2f)]) {
      const { packets, damage } = await readFile(head);
      expect([packets, damage?.offset]).toEqual([0, 0]);
      expect(damage?.reason).not.toMatch(/empty/);
    }
  });
});
