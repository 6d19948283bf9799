/** The head of a batch as bytes and back (format.ts). Writing, a broken rule is a broken invariant; reading, a bad batch. */

import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { batchRecordsMax, batchWireBytesMax, lostRangesMax, skipReasonLengthMax, skipReasonsMax } from '../limits.ts';
import { HOUR_MICROS } from '../time.ts';
import type { BatchHeader, LostRange } from './batch.ts';
import {
  BadBatch,
  check,
  ENTRY_BYTES,
  HEAD,
  HISTORIC,
  headBytesMin,
  headBytesOf,
  hourMax,
  MAGIC,
  RANGE,
  REASON,
  REASON_NAME,
  TAIL,
  UUID,
  VERSION,
} from './format.ts';

/** A head, and what is known of the columns after it. */
export interface Head {
  readonly header: BatchHeader;
  readonly family: 4 | 6;
  readonly count: number;
  readonly columnsCrc: number;
  readonly bytes: number;
}

const WORD = 2 ** 32;
const readU64 = (view: DataView, at: number): number => view.getUint32(at, true) + WORD * view.getUint32(at + 4, true);

function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, true);
  view.setUint32(at + 4, Math.floor(value / WORD), true);
}

/** Which rule of format.ts a header breaks, undefined if none. */
function faultOf(header: BatchHeader, count: number): string | undefined {
  const { counters } = header;
  const reasons = Object.entries(counters.skipped);
  const u32 = (value: number, min: number, max = WORD - 1) => Number.isInteger(value) && value >= min && value <= max;
  const u64 = (value: number, min: number) => Number.isSafeInteger(value) && value >= min;
  if (!UUID.test(header.sensor)) return 'a sensor that is no UUID';
  if (!u64(header.sequence, 1) || !u32(header.epoch, 1)) return 'an epoch or a sequence that is none';
  if (!u32(header.hour, 0, hourMax)) return 'an hour beyond the year 9999';
  if (!u32(header.from, 0, header.to) || !u32(header.to, 0, HOUR_MICROS)) return 'a span that is not within the hour';
  if (!u32(count, 0, batchRecordsMax)) return 'too many records';
  if (reasons.length > skipReasonsMax) return 'too many reasons for skipping';
  if (counters.lost.length > lostRangesMax) return 'too many ranges of lost batches';
  const counts = [counters.seen, counters.kernelDrops, counters.interrupted];
  if (!counts.every(value => u64(value, 0))) return 'a counter that is no whole number to 2^53';
  for (const [name, packets] of reasons) {
    if (!REASON_NAME.test(name) || name.length > skipReasonLengthMax) return 'a reason for skipping without a name';
    if (!u64(packets, 1)) return 'a reason for skipping without packets';
  }
  for (const { epoch, from, to, records } of counters.lost) {
    if (!u32(epoch, 1) || !u64(from, 1) || !u64(to, from)) return 'a range of lost batches that is none';
    if (!u64(records, 0) || records > (to - from + 1) * batchRecordsMax) return 'more records lost than batches hold';
  }
  return undefined;
}

/** Reasons that have packets, by name: as the head tells them. */
const reasonsOf = (skipped: Readonly<Record<string, number>>): [string, number][] =>
  Object.entries(skipped)
    .filter(([, packets]) => packets !== 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));

/** The bytes of a head; a header that breaks a rule is a broken invariant. */
export function writeHead(header: BatchHeader, family: 4 | 6, count: number, columnsCrc: number): Uint8Array {
  const reasons = reasonsOf(header.counters.skipped);
  const counters = { ...header.counters, skipped: Object.fromEntries(reasons) };
  const fault = faultOf({ ...header, counters }, count);
  assert(fault === undefined, `a batch with ${fault}`);
  const bytes = new Uint8Array(headBytesOf(reasons.length, counters.lost.length));
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint16(HEAD.version, VERSION, true);
  view.setUint8(HEAD.family, family);
  view.setUint8(HEAD.flags, header.historic ? HISTORIC : 0);
  view.setUint16(HEAD.reasons, reasons.length, true);
  view.setUint16(HEAD.ranges, counters.lost.length, true);
  bytes.set(Buffer.from(header.sensor.replaceAll('-', ''), 'hex'), HEAD.sensor);
  writeU64(view, HEAD.sequence, header.sequence);
  view.setUint32(HEAD.epoch, header.epoch, true);
  view.setUint32(HEAD.hour, header.hour, true);
  view.setUint32(HEAD.from, header.from, true);
  view.setUint32(HEAD.to, header.to, true);
  writeU64(view, HEAD.seen, counters.seen);
  writeU64(view, HEAD.kernelDrops, counters.kernelDrops);
  writeU64(view, HEAD.interrupted, counters.interrupted);
  view.setUint32(HEAD.count, count, true);
  view.setUint32(HEAD.headBytes, bytes.length, true);
  let at: number = HEAD.entries;
  for (const [name, packets] of reasons) {
    writeU64(view, at + REASON.packets, packets);
    bytes.set(Buffer.from(name, 'latin1'), at + REASON.name);
    at += ENTRY_BYTES;
  }
  for (const range of counters.lost) {
    writeU64(view, at + RANGE.from, range.from);
    writeU64(view, at + RANGE.to, range.to);
    writeU64(view, at + RANGE.records, range.records);
    view.setUint32(at + RANGE.epoch, range.epoch, true);
    at += ENTRY_BYTES;
  }
  view.setUint32(at + TAIL.columnsCrc, columnsCrc, true);
  view.setUint32(at + TAIL.headCrc, crc32(bytes.subarray(0, at + TAIL.headCrc)), true);
  return bytes;
}

/** The version that bytes say they are of. Throws `BadBatch`. */
export function versionOf(bytes: Uint8Array): number {
  check(bytes.length <= batchWireBytesMax, 'larger than a batch may be');
  check(bytes.length >= headBytesMin, 'shorter than its head');
  check(
    MAGIC.every((byte, n) => bytes[n] === byte),
    'no batch: it begins with something else',
  );
  return bytes[HEAD.version]! | (bytes[HEAD.version + 1]! << 8);
}

/** The head that `bytes` begin with, `versionOf` them being ours. Throws `BadBatch`. */
export function readHead(bytes: Uint8Array): Head {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reasons = view.getUint16(HEAD.reasons, true);
  const ranges = view.getUint16(HEAD.ranges, true);
  check(reasons <= skipReasonsMax, 'too many reasons for skipping');
  check(ranges <= lostRangesMax, 'too many ranges of lost batches');
  const headBytes = headBytesOf(reasons, ranges);
  check(view.getUint32(HEAD.headBytes, true) === headBytes, 'a head of another length than its parts have');
  check(bytes.length >= headBytes, 'shorter than its head');
  const tail = HEAD.entries + ENTRY_BYTES * (reasons + ranges);
  const headCrc = crc32(bytes.subarray(0, tail + TAIL.headCrc));
  check(view.getUint32(tail + TAIL.headCrc, true) === headCrc, "the head's checksum disagrees");
  const family = view.getUint8(HEAD.family);
  check(family === 4 || family === 6, 'neither IPv4 nor IPv6');
  const flags = view.getUint8(HEAD.flags);
  check((flags & ~HISTORIC) === 0, 'flags that are none');
  const header: BatchHeader = {
    sensor: uuidText(bytes.subarray(HEAD.sensor, HEAD.sensor + 16)),
    epoch: view.getUint32(HEAD.epoch, true),
    sequence: readU64(view, HEAD.sequence),
    hour: view.getUint32(HEAD.hour, true),
    from: view.getUint32(HEAD.from, true),
    to: view.getUint32(HEAD.to, true),
    historic: flags === HISTORIC,
    counters: {
      seen: readU64(view, HEAD.seen),
      kernelDrops: readU64(view, HEAD.kernelDrops),
      interrupted: readU64(view, HEAD.interrupted),
      skipped: readReasons(bytes, view, reasons),
      lost: readRanges(view, HEAD.entries + ENTRY_BYTES * reasons, ranges),
    },
  };
  const count = view.getUint32(HEAD.count, true);
  const fault = faultOf(header, count);
  if (fault !== undefined) throw new BadBatch(fault);
  return { header, family, count, columnsCrc: view.getUint32(tail + TAIL.columnsCrc, true), bytes: headBytes };
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function readReasons(bytes: Uint8Array, view: DataView, count: number): Record<string, number> {
  const entries: [string, number][] = [];
  let before = '';
  for (let n = 0; n < count; n++) {
    const at = HEAD.entries + ENTRY_BYTES * n;
    const field = Buffer.from(bytes.subarray(at + REASON.name, at + ENTRY_BYTES)).toString('latin1');
    const name = field.replace(/\0+$/, ''); // a zero within is no letter of a name
    check(name > before, 'reasons for skipping out of order');
    entries.push([name, readU64(view, at + REASON.packets)]);
    before = name;
  }
  return Object.fromEntries(entries);
}

function readRanges(view: DataView, start: number, count: number): LostRange[] {
  return Array.from({ length: count }, (_, n) => {
    const at = start + ENTRY_BYTES * n;
    check(view.getUint32(at + RANGE.zero, true) === 0, 'a range of lost batches that is none');
    return {
      epoch: view.getUint32(at + RANGE.epoch, true),
      from: readU64(view, at + RANGE.from),
      to: readU64(view, at + RANGE.to),
      records: readU64(view, at + RANGE.records),
    };
  });
}
