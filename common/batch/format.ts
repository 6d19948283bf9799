/**
 * The batch: what a sensor seals, keeps in its spool and sends, and what the collector logs. This comment is its
 * specification, version 1. All numbers are unsigned and little-endian; u64 are at most 2^53 - 1, so that a double holds
 * them.
 *
 * A batch has two forms. The *canonical* one is the head and then the columns, byte by byte as they lie in memory: checksums
 * and the SHA-256 that names a batch's content in an acknowledgement are over it. The *wire* form, on disk and in a
 * request's body, is the same head and then the columns coded and compressed. So a batch keeps its name whatever compressor
 * made its wire form, and whoever asks only whose it is reads the head and decompresses nothing.
 *
 *   canonical = head, columns              SHA-256(canonical) is the batch's name
 *   wire      = head, zstd(code(columns))  or the head alone, where there are no records
 *
 * The head: 96 bytes, and 32 for each reason and each range.
 *
 *      0  magic        8 bytes  "ENAGABAT"
 *      8  version      u16      1. Magic and version stand here in every version
 *     10  family       u8       4 or 6: all records are of this IP version
 *     11  flags        u8       bit 0 historic: the records come from a file, however old, and are no sign of a wrong clock;
 *                               the other bits are 0
 *     12  reasons      u16      how many follow, to 32
 *     14  ranges       u16      how many follow, to 64
 *     16  sensor       16 bytes the sensor's UUID, in the order it is written
 *     32  sequence     u64      from 1 in each epoch, one more with each batch sealed
 *     40  epoch        u32      from 1
 *     44  hour         u32      hours since 1970 in UTC, to the end of the year 9999; every record is within it
 *     48  from         u32      what the sensor watched of the hour, in microseconds from its start:
 *     52  to           u32      from <= to <= 3,600,000,000
 *     56  seen         u64      packets the sensor saw since the batch before
 *     64  kernelDrops  u64      of them: lost before the sensor could read them
 *     72  interrupted  u64      of them: read but not sealed when a live sensor was killed
 *     80  count        u32      records, to 65,536
 *     84  headBytes    u32      96 + 32 (reasons + ranges)
 *     88  each reason for which packets were skipped, ascending by name:
 *            0  packets  u64       at least 1
 *            8  name     24 bytes  1 to 24 of a-z 0-9 and -, then zeros
 *         each range of batches of this sensor that are lost for good (its spool dropped them, or they were refused):
 *            0  from     u64       sequences from `from`, at least 1,
 *            8  to       u64       to `to`, at least `from`
 *           16  records  u64       that were in them, at most 65,536 a sequence
 *           24  epoch    u32       at least 1
 *           28           u32       0
 *      then
 *          columnsCrc   u32     CRC-32 (of gzip and PNG) of the canonical columns, 0 for none
 *          headCrc      u32     CRC-32 of the head before it
 *
 * Counters are of what happened since the sensor sealed the batch before, so that the sum over a sensor's batches is its
 * whole account: seen = kernelDrops + interrupted + skipped + count + records of the lost. One batch alone need not balance,
 * and none is refused for it: a range lost now was seen long ago. Reasons unknown to the collector are kept as they are.
 *
 * The columns: one after the other without gaps, widest first, so that each is aligned for any count if the head is (it is a
 * multiple of 8). What they mean is told in record.ts and classify.ts. An IPv6 address is 4 words, the most significant
 * first; each word is little-endian like every number. 26 bytes a record of IPv4, 50 of IPv6. Columns are coded before they
 * are compressed:
 *
 *      src       u32 or 4 u32  as it is
 *      dst       u32 or 4 u32  transposed
 *      time      u32           differences, transposed
 *      srcPort, dstPort, length, window, seqFold  u16  as they are
 *      protocol, flags, ttl, tool                 u8   as they are
 *
 * *Transposed*: first byte 0 of every value of the column, then byte 1 of every value, and so on; a value is the 4 or 16
 * bytes of a record. *Differences*: each value less the one before it modulo 2^32, the first less 0. A coded column is as
 * long as it was and stands where it stood. All is compressed as one zstd frame (RFC 8878) with a window of at most 4 MiB,
 * no dictionary, and nothing after it. Records keep the order in which they were seen.
 *
 * A time is below 3,600,000,000, but need not lie within from and to: these tell when the sensor watched, and a packet may
 * reach it late or under a clock that is being set. A batch is at most 4 MiB in either form. It may hold no records: a quiet
 * sensor says that it is there, and what it skipped.
 *
 * A reader refuses a batch that breaks any of this, whole. It checks the head before it believes its sizes, and its sizes
 * before it decompresses: a batch that opens gives the same canonical bytes when it is sealed again.
 *
 * Why so. Measured on generated darknet traffic, 8,192 records a batch (`npm run bench`): 14.1 bytes a record at zstd's
 * level 3, where columns left as they are take 16.6 and all transposed 15.6: addresses and ports of sources come again as a
 * whole, which zstd finds unless they are torn apart; destinations and times do not, but their upper bytes are alike. Level
 * 7 gains another 0.15 bytes for twice the time, level 19 a byte for twenty times.
 *
 * A change of any of this is a new version. A collector reads the version before its own too (open.ts), as it is updated
 * before its sensors.
 */
import assert from 'node:assert/strict';
import { batchBytesMax, batchRecordsMax, batchWireBytesMax, lostRangesMax, skipReasonsMax } from '../limits.ts';

/** The bytes are not a batch, or break its format. */
export class BadBatch extends Error {
  override readonly name = 'BadBatch';
}

export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new BadBatch(what);
}

export const MAGIC = new TextEncoder().encode('ENAGABAT');
export const VERSION = 1;
export const HISTORIC = 1;

/** Where each field of the head is. */
export const HEAD = {
  version: 8,
  family: 10,
  flags: 11,
  reasons: 12,
  ranges: 14,
  sensor: 16,
  sequence: 32,
  epoch: 40,
  hour: 44,
  from: 48,
  to: 52,
  seen: 56,
  kernelDrops: 64,
  interrupted: 72,
  count: 80,
  headBytes: 84,
  entries: 88,
} as const;

/** Where each field of a reason is, of a range, and of what follows them. */
export const REASON = { packets: 0, name: 8 } as const;
export const RANGE = { from: 0, to: 8, records: 16, epoch: 24, zero: 28 } as const;
export const TAIL = { columnsCrc: 0, headCrc: 4 } as const;

export const ENTRY_BYTES = 32;
const TAIL_BYTES = 8;
export const headBytesMin: number = HEAD.entries + TAIL_BYTES;
export const headBytesOf = (reasons: number, ranges: number): number => headBytesMin + ENTRY_BYTES * (reasons + ranges);

/** 2^22: the window a frame may ask its reader to keep. */
export const windowLogMax = 22;
/** The last hour of the year 9999. */
export const hourMax = 70_389_527;
export const REASON_NAME = /^[a-z0-9-]+$/;
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Columns in their order: values a record, and how they are coded. */
export const COLUMNS = [
  ['src', Uint32Array, 'address', 'as it is'],
  ['dst', Uint32Array, 'address', 'transposed'],
  ['time', Uint32Array, 1, 'differences, transposed'],
  ['srcPort', Uint16Array, 1, 'as it is'],
  ['dstPort', Uint16Array, 1, 'as it is'],
  ['length', Uint16Array, 1, 'as it is'],
  ['window', Uint16Array, 1, 'as it is'],
  ['seqFold', Uint16Array, 1, 'as it is'],
  ['protocol', Uint8Array, 1, 'as it is'],
  ['flags', Uint8Array, 1, 'as it is'],
  ['ttl', Uint8Array, 1, 'as it is'],
  ['tool', Uint8Array, 1, 'as it is'],
] as const;

export const wordsOf = (family: 4 | 6): number => (family === 4 ? 1 : 4);

/** Bytes of one record in a column. */
export const widthOf = ([, Column, values]: (typeof COLUMNS)[number], family: 4 | 6): number =>
  Column.BYTES_PER_ELEMENT * (values === 'address' ? wordsOf(family) : values);

const recordBytes = (family: 4 | 6): number => COLUMNS.reduce((sum, column) => sum + widthOf(column, family), 0);
const RECORD_BYTES = { 4: recordBytes(4), 6: recordBytes(6) };
export const columnBytes = (family: 4 | 6, count: number): number => RECORD_BYTES[family] * count;

// What the specification says, and so a sensor in another language relies on.
assert.deepEqual(RECORD_BYTES, { 4: 26, 6: 50 });
assert.deepEqual([headBytesMin, headBytesMin % 8, ENTRY_BYTES % 8], [96, 0, 0]);
assert.deepEqual([skipReasonsMax, lostRangesMax, batchRecordsMax], [32, 64, 65_536]);
assert.deepEqual([batchBytesMax, batchWireBytesMax], [2 ** windowLogMax, 2 ** windowLogMax]);
const bytesMax = headBytesOf(skipReasonsMax, lostRangesMax) + columnBytes(6, batchRecordsMax);
assert(bytesMax <= batchBytesMax, 'a full batch fits in memory');
assert(bytesMax + 1024 + (bytesMax >>> 8) <= batchWireBytesMax, 'and on the wire, where zstd finds nothing to gain');
