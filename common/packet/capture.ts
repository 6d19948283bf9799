/**
 * A capture file, read in big chunks and walked packet by packet. The reader fills a `Block` at a time: bytes, and where the
 * packets lie in them; decoding is somebody else's (decode.ts).
 *
 * A damaged file is a value, not an exception: what came before the damage has been handed out, and `damage` tells the rest.
 */
import { createPackets, type Packets } from './packets.ts';
import { PcapWalker, pcapKind } from './pcap.ts';
import { PCAPNG_MAGIC, PcapngWalker } from './pcapng.ts';
import { type ByteSource, openSource } from './source.ts';
import type { Chunk, Walker } from './walker.ts';

/** A chunk that stays in the second-level cache between the walk and the decoding, with room for its packets. */
const chunkBytes = 1 << 19;
const packetsMax = 1 << 13;

export interface Block {
  chunk: Chunk;
  readonly packets: Packets;
}

const createChunk = (bytes: number): Chunk => {
  const memory = new ArrayBuffer(bytes);
  return { bytes: new Uint8Array(memory), view: new DataView(memory) };
};

export const createBlock = (): Block => ({ chunk: createChunk(chunkBytes), packets: createPackets(packetsMax) });

/** Why a file could not be read to its end: the byte offset of the first thing not understood, in decompressed bytes. */
export interface Damage {
  readonly offset: number;
  readonly reason: string;
  /** The file is compressed: it may have fewer bytes than the offset says. */
  readonly unpacked?: true;
}

/** In words, without the reason. */
export const damagedAt = ({ offset, unpacked }: Pick<Damage, 'offset' | 'unpacked'>): string =>
  `damaged at byte ${offset}${unpacked ? ' of what it unpacks to' : ''}`;

const MAGIC_BYTES = 4;
const END = 'the file ends';

export class CaptureReader {
  damage: Damage | undefined;
  readonly #source: ByteSource;
  #walker: Walker | undefined;
  /** What was read but not yet walked, and the file offset at which it begins. */
  #rest: Uint8Array = new Uint8Array(0);
  #position = 0;
  /** Set when there is no more to read: at the end of the file, or for the reason the system or the decoder gave. */
  #ended: string | undefined;

  private constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Opens a file, or standard input for `-`. Throws what the system says of a file that cannot be opened. */
  static async open(path: string): Promise<CaptureReader> {
    return new CaptureReader(await openSource(path));
  }

  /** Bytes of the file taken so far. */
  get taken(): number {
    return this.#source.taken();
  }

  /** Fills the block with the next packets; false when there are no more, or no more that can be read (see `damage`). */
  async next(block: Block): Promise<boolean> {
    block.packets.count = 0;
    while (this.damage === undefined) {
      const filled = await this.#fill(block);
      this.#walker ??= this.#recognise(block.chunk.view, filled);
      if (this.#walker !== undefined) this.#walk(this.#walker, block, filled);
      if (block.packets.count > 0) return true;
      if (this.#ended !== undefined) {
        this.#finish(this.#ended);
        break;
      }
    }
    return false;
  }

  close(): void {
    this.#source.close();
  }

  /** Puts the rest and what follows it in the file at the start of the chunk; returns how many bytes there are. */
  async #fill(block: Block): Promise<number> {
    const needed = this.#walker?.needed ?? MAGIC_BYTES;
    const room = Math.max(needed, this.#rest.length); // the rest may be of another block, with a larger chunk
    if (room > block.chunk.bytes.length) block.chunk = createChunk(2 ** Math.ceil(Math.log2(room)));
    const { bytes } = block.chunk;
    bytes.set(this.#rest);
    let filled = this.#rest.length;
    const wanted = Math.max(needed, bytes.length / 2);
    while (filled < wanted && this.#ended === undefined) {
      try {
        const read = await this.#source.read(bytes.subarray(filled));
        filled += read;
        if (read === 0) this.#ended = END;
      } catch (error) {
        this.#ended = `reading stops (${(error as Error).message})`;
      }
    }
    this.#rest = bytes.subarray(0, filled);
    return filled;
  }

  #recognise(view: DataView, filled: number): Walker | undefined {
    if (filled < MAGIC_BYTES) return undefined;
    const magic = view.getUint32(0);
    const pcap = pcapKind(magic);
    if (pcap !== undefined) return new PcapWalker(pcap.little, pcap.nanoseconds);
    if (magic === PCAPNG_MAGIC) return new PcapngWalker();
    this.#damage(0, 'this is neither a pcap nor a pcapng file');
    return undefined;
  }

  #walk(walker: Walker, block: Block, filled: number): void {
    const consumed = walker.walk(block.chunk, 0, filled, block.packets);
    this.#rest = block.chunk.bytes.subarray(consumed, filled);
    this.#position += consumed;
    if (walker.damage !== undefined) this.#damage(this.#position, walker.damage);
  }

  /** All was read and walked: what is left is the beginning of something. */
  #finish(why: string): void {
    if (why === END && this.#position === 0 && this.#rest.length === 0) this.#damage(0, 'the file is empty');
    else if (this.#rest.length > 0 || why !== END) {
      const part = this.#position === 0 ? 'its file header' : 'a packet'; // nothing is consumed before a whole header
      this.#damage(this.#position, `${why} ${this.#rest.length} bytes into ${part}`);
    }
  }

  /** The first that is found stays. */
  #damage(offset: number, reason: string): void {
    this.damage ??= { offset, reason, ...(this.#source.compressed && { unpacked: true as const }) };
  }
}
