/**
 * Records as rows in memory, seven words each, on their way into the order of a part and out of it. A record's columns lie far
 * apart, so that to move a million records by their columns is to miss the cache fourteen million times; a row is one place.
 *
 *   0  source, IPv4; of IPv6 nothing
 *   1  destination, IPv4; of IPv6 nothing
 *   2  microseconds since the hour began
 *   3  source port, and 2^16 times the destination port
 *   4  length, and 2^16 times the window
 *   5  the folded sequence number; its upper half is the caller's
 *   6  protocol, flags, TTL and tool, a byte each
 *
 * IPv6 addresses lie beside the rows: eight words a record, source and destination.
 */
import type { Records } from '../../common/record/record.ts';

export const ROW_WORDS = 7;
export const WIDE_WORDS = 8;

/** Writes all of the records, the first at word `at`, each `stride` words after the one before it. */
export function packRows(records: Records, rows: Uint32Array, at: number, stride: number): void {
  const { count, time, srcPort, dstPort, length, window, seqFold, protocol, flags, ttl, tool } = records;
  for (let i = 0, to = at + 2; i < count; i++, to += stride) {
    rows[to] = time[i]!;
    rows[to + 1] = srcPort[i]! | (dstPort[i]! << 16);
    rows[to + 2] = length[i]! | (window[i]! << 16);
    rows[to + 3] = seqFold[i]!;
    rows[to + 4] = protocol[i]! | (flags[i]! << 8) | (ttl[i]! << 16) | (tool[i]! << 24);
  }
  if (records.family === 6) return;
  const { src, dst } = records;
  for (let i = 0, to = at; i < count; i++, to += stride) {
    rows[to] = src[i]!;
    rows[to + 1] = dst[i]!;
  }
}

/** The other way: fills the records, all of them. */
export function unpackRows(rows: Uint32Array, at: number, stride: number, records: Records): void {
  const { count, time, srcPort, dstPort, length, window, seqFold, protocol, flags, ttl, tool } = records;
  for (let i = 0, from = at + 2; i < count; i++, from += stride) {
    const ports = rows[from + 1]!;
    const sizes = rows[from + 2]!;
    const bytes = rows[from + 4]!;
    time[i] = rows[from]!;
    srcPort[i] = ports;
    dstPort[i] = ports >>> 16;
    length[i] = sizes;
    window[i] = sizes >>> 16;
    seqFold[i] = rows[from + 3]!;
    protocol[i] = bytes;
    flags[i] = bytes >>> 8;
    ttl[i] = bytes >>> 16;
    tool[i] = bytes >>> 24;
  }
  if (records.family === 6) return;
  const { src, dst } = records;
  for (let i = 0, from = at; i < count; i++, from += stride) {
    src[i] = rows[from]!;
    dst[i] = rows[from + 1]!;
  }
}

/** IPv6 addresses of the records, from word `at` on. */
export function packWide({ count, src, dst }: Records, wide: Uint32Array, at: number): void {
  for (let i = 0, to = at; i < count; i++, to += WIDE_WORDS) {
    for (let word = 0; word < 4; word++) {
      wide[to + word] = src[4 * i + word]!;
      wide[to + 4 + word] = dst[4 * i + word]!;
    }
  }
}

/** The other way. */
export function unpackWide(wide: Uint32Array, at: number, { count, src, dst }: Records): void {
  for (let i = 0, from = at; i < count; i++, from += WIDE_WORDS) {
    for (let word = 0; word < 4; word++) {
      src[4 * i + word] = wide[from + word]!;
      dst[4 * i + word] = wide[from + 4 + word]!;
    }
  }
}
