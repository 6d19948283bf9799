import type { Packets } from './packets.ts';

/** The part of a capture file in memory: the same bytes, as bytes and as a view. */
export interface Chunk {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Walks the packets of one capture format. What it remembers between chunks (byte order, interfaces) it keeps itself. */
export interface Walker {
  /**
   * Appends the packets of `chunk[from, to)` to the list until it is full, a packet is cut by `to` or the file is damaged.
   * Returns the offset of the first byte not consumed.
   */
  walk(chunk: Chunk, from: number, to: number, packets: Packets): number;
  /** Bytes, from the offset returned, without which the walk cannot go on: 0 if the list was full. */
  readonly needed: number;
  /** Set when what stands at the offset returned cannot be a packet: why. Nothing after it can be trusted. */
  readonly damage: string | undefined;
}

/**
 * More than any link carries in one packet; a longer one is taken for damage, unless the file announces a longer snap length.
 * It is libpcap's limit too (MAXIMUM_SNAPLEN, pcap-int.h).
 */
export const packetBytesMin = 262_144;
/** No packet is longer than this, whatever the file announces: it bounds the chunk. */
export const packetBytesMax = 16 * 1024 * 1024;
