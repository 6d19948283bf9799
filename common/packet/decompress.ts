/**
 * Decompressed bytes as they come, gzip or zstd, of any number of members or frames one after another.
 *
 * Why not a plain pipe: Node's zstd stream ends after the first frame and drops the rest without a word (nodejs/node issue
 * 64741), so each further frame gets a decoder of its own; and a stream that fails discards what it had buffered, while here
 * what was decoded before the damage counts.
 */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import zlib from 'node:zlib';

export type Compression = 'gzip' | 'zstd';

/** Told by content: the first four bytes of a file. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  const isFrame = head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd;
  const isSkippable = (head[0]! & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;
  return isFrame || isSkippable ? 'zstd' : undefined;
}

/** A high-water mark of one byte: the decoder holds nothing back that an error could take with it. */
const createDecoder = (compression: Compression) =>
  compression === 'gzip'
    ? zlib.createGunzip({ readableHighWaterMark: 1 } as zlib.ZlibOptions)
    : zlib.createZstdDecompress({ readableHighWaterMark: 1 } as zlib.ZstdOptions);

type Decoder = ReturnType<typeof createDecoder>;

/** Yields decompressed pieces; throws the decoder's error after all that it had decoded before. */
export async function* decompress(input: Readable, compression: Compression): AsyncGenerator<Uint8Array> {
  let decoder = createDecoder(compression);
  for await (const piece of input as AsyncIterable<Buffer>) {
    let rest = piece;
    while (rest.length > 0) {
      const before = decoder.bytesWritten;
      const written = new Promise<void>(resolve => decoder.write(rest, () => resolve()));
      yield* pieces(decoder, written);
      rest = rest.subarray(decoder.bytesWritten - before);
      if (rest.length === 0) break;
      // Zeros behind the last member are padding, as tapes leave it (gzip manual, "Tape usage").
      if (compression === 'gzip' && rest[0] === 0) return;
      decoder = createDecoder(compression);
    }
  }
  decoder.end();
  yield* pieces(
    decoder,
    once(decoder, 'close').catch(() => {}),
  );
}

/** What the decoder emits until `done`, until it ends or fails; it is paused while the consumer is at work. */
async function* pieces(decoder: Decoder, done: Promise<unknown>): AsyncGenerator<Uint8Array> {
  const queue: Uint8Array[] = [];
  let finished = false;
  let failure: Error | undefined;
  let wake = () => {};
  const finish = (error?: Error) => {
    failure ??= error;
    finished = true;
    wake();
  };
  const take = (piece: Uint8Array) => {
    decoder.pause();
    queue.push(piece);
    wake();
  };
  decoder.on('data', take).on('end', finish).on('error', finish);
  done.then(() => finish());
  while (!finished || queue.length > 0) {
    const piece = queue.shift();
    if (piece !== undefined) yield piece;
    else {
      const woken = new Promise<void>(resolve => {
        wake = resolve;
      });
      decoder.resume();
      if (!finished && queue.length === 0) await woken;
    }
  }
  decoder.off('data', take).off('end', finish).off('error', finish);
  if (failure !== undefined) throw failure;
}
