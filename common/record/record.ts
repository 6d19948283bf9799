/**
 * The record: what is kept of a packet, as columns and never as objects. IPv4 and IPv6 are apart, so that the IPv4 loops
 * stay tight; a block of records lies within one UTC hour, so that a time is 32 bits.
 */
import assert from 'node:assert/strict';
import os from 'node:os';

assert.equal(os.endianness(), 'LE', 'typed-array columns are little-endian; this machine is not');

/** Column, type, values a record: widest first, so that every column stays aligned for any count. */
const COLUMNS = [
  ['src', Uint32Array, 'address'],
  ['dst', Uint32Array, 'address'],
  ['time', Uint32Array, 1],
  ['srcPort', Uint16Array, 1],
  ['dstPort', Uint16Array, 1],
  ['length', Uint16Array, 1],
  ['window', Uint16Array, 1],
  ['seqFold', Uint16Array, 1],
  ['protocol', Uint8Array, 1],
  ['flags', Uint8Array, 1],
  ['ttl', Uint8Array, 1],
  ['tool', Uint8Array, 1],
] as const;

/** A block of records. Column `i` of the IPv4 addresses is one word, of the IPv6 addresses words `4 i` to `4 i + 3`. */
export interface Records {
  readonly family: 4 | 6;
  readonly capacity: number;
  count: number;
  /** Hours since 1970 in UTC, the same for every record of the block. */
  hour: number;
  /** Addresses in host order, most significant word first. */
  readonly src: Uint32Array;
  readonly dst: Uint32Array;
  /** Microseconds since the hour began, floored. */
  readonly time: Uint32Array;
  /** Ports, or for ICMP and ICMPv6 the type (srcPort) and the code (dstPort); 0 where a protocol has none. */
  readonly srcPort: Uint16Array;
  readonly dstPort: Uint16Array;
  /** Length of the IP packet by its own header, in bytes. */
  readonly length: Uint16Array;
  /** TCP window, else 0. */
  readonly window: Uint16Array;
  /** `foldSequence` of the TCP sequence number, else 0. */
  readonly seqFold: Uint16Array;
  /** IANA number of the first transport header. */
  readonly protocol: Uint8Array;
  /** TCP flags, else 0. */
  readonly flags: Uint8Array;
  /** IPv4 time to live or IPv6 hop limit. */
  readonly ttl: Uint8Array;
  /** Marks of scan tools that one packet shows (classify.ts), as bits. */
  readonly tool: Uint8Array;
}

const addressWords = (family: 4 | 6) => (family === 4 ? 1 : 4);

/**
 * An empty block for up to `capacity` records, in memory of this thread or shared. Written out, so that every block is the same
 * kind of object to the compiler.
 */
export function createRecords(
  family: 4 | 6,
  capacity: number,
  Memory: typeof ArrayBuffer | typeof SharedArrayBuffer = ArrayBuffer,
): Records {
  const addressBytes = 4 * addressWords(family) * capacity;
  return {
    family,
    capacity,
    count: 0,
    hour: 0,
    src: new Uint32Array(new Memory(addressBytes)),
    dst: new Uint32Array(new Memory(addressBytes)),
    time: new Uint32Array(new Memory(4 * capacity)),
    srcPort: new Uint16Array(new Memory(2 * capacity)),
    dstPort: new Uint16Array(new Memory(2 * capacity)),
    length: new Uint16Array(new Memory(2 * capacity)),
    window: new Uint16Array(new Memory(2 * capacity)),
    seqFold: new Uint16Array(new Memory(2 * capacity)),
    protocol: new Uint8Array(new Memory(capacity)),
    flags: new Uint8Array(new Memory(capacity)),
    ttl: new Uint8Array(new Memory(capacity)),
    tool: new Uint8Array(new Memory(capacity)),
  };
}

/** Fewer records are copied one by one, which is quicker than to make a view of each column. */
const viewedMin = 32;

/** Appends the first records of a block to another of the same family, which has room for them. */
export function appendRecords(to: Records, from: Records, count: number): void {
  const words = addressWords(to.family);
  for (const [name, , width] of COLUMNS) {
    const values = width === 'address' ? words : width;
    const [column, added] = [to[name], from[name]];
    const at = values * to.count;
    if (count < viewedMin) for (let n = 0; n < values * count; n++) column[at + n] = added[n]!;
    else column.set(added.subarray(0, values * count), at);
  }
  to.count += count;
}

/** Bytes a record takes in its columns. */
const recordBytes = (family: 4 | 6) =>
  COLUMNS.reduce(
    (sum, [, Column, width]) => sum + Column.BYTES_PER_ELEMENT * (width === 'address' ? addressWords(family) : width),
    0,
  );

assert.equal(recordBytes(4), 26);
assert.equal(recordBytes(6), 50);
