/**
 * The bytes of a capture: a file or standard input (`-`), plain or compressed, told by content. A plain file is read straight
 * into the caller's chunk; anything else comes through a stream.
 */
import fs from 'node:fs';
import type { Readable } from 'node:stream';
import { compressionOf, decompress } from './decompress.ts';

export interface ByteSource {
  /** What is read is not what lies in the file, but what that unpacks to. */
  readonly compressed: boolean;
  /** Fills the start of `into` with the next bytes; returns how many, 0 at the end. Throws what the system or decoder says. */
  read(into: Uint8Array): Promise<number>;
  /** Bytes of the file itself taken so far, compressed or not: what a progress bar shows. */
  taken(): number;
  close(): void;
}

const MAGIC_BYTES = 4;
const streamBytes = 1 << 18;

/** Opens a file by its path, or standard input for `-`. Throws what `fs.openSync` throws. */
export async function openSource(path: string): Promise<ByteSource> {
  if (path === '-') return fromStream(process.stdin, () => 0);
  const fd = fs.openSync(path, 'r');
  if (!fs.fstatSync(fd).isFile()) return fromReadStream(fd);
  const head = new Uint8Array(MAGIC_BYTES);
  fs.readSync(fd, head, 0, MAGIC_BYTES, 0);
  return compressionOf(head) === undefined ? fromFile(fd) : fromReadStream(fd);
}

function fromReadStream(fd: number): Promise<ByteSource> {
  const stream = fs.createReadStream('', { fd, highWaterMark: streamBytes });
  return fromStream(stream, () => stream.bytesRead);
}

function fromFile(fd: number): ByteSource {
  let taken = 0;
  return {
    compressed: false,
    async read(into) {
      const bytes = fs.readSync(fd, into, 0, into.length, null);
      taken += bytes;
      return bytes;
    },
    taken: () => taken,
    close: () => fs.closeSync(fd),
  };
}

async function fromStream(stream: Readable, taken: () => number): Promise<ByteSource> {
  const head = await peek(stream);
  const compression = compressionOf(head);
  const pieces: AsyncIterator<Uint8Array> =
    compression === undefined ? stream[Symbol.asyncIterator]() : decompress(stream, compression);
  let piece = stream.readableEnded ? head : new Uint8Array(0);
  return {
    compressed: compression !== undefined,
    async read(into) {
      while (piece.length === 0) {
        const next = await pieces.next();
        if (next.done) return 0;
        piece = next.value as Uint8Array<ArrayBuffer>;
      }
      const bytes = Math.min(piece.length, into.length);
      into.set(piece.subarray(0, bytes));
      piece = piece.subarray(bytes);
      return bytes;
    },
    taken,
    close: () => void stream.destroy(),
  };
}

/** The first bytes of a stream, which stay in it; unless it ended with them, for then nothing can be put back. */
async function peek(stream: Readable): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  while (bytes < MAGIC_BYTES && !stream.readableEnded && !stream.destroyed) {
    const piece: Buffer | null = stream.read();
    if (piece === null) {
      if (!(await readable(stream))) break;
      continue;
    }
    pieces.push(piece);
    bytes += piece.length;
  }
  const head = Buffer.concat(pieces);
  if (bytes > 0 && !stream.readableEnded) stream.unshift(head);
  return head;
}

/** Waits until the stream can be read; false if it ended instead. */
function readable(stream: Readable): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => () => {
      stream.off('readable', onReadable).off('end', onEnd).off('error', reject);
      done();
    };
    const onReadable = settle(() => resolve(true));
    const onEnd = settle(() => resolve(false));
    stream.once('readable', onReadable).once('end', onEnd).once('error', reject);
  });
}
