/** The columns of a batch: views of them in its canonical bytes, and how they are coded for the wire (format.ts). */
import type { Records } from '../record/record.ts';
import { COLUMNS, widthOf, wordsOf } from './format.ts';

/** Records whose columns are views of the canonical columns, `at` a multiple of 4. Written out, as `createRecords` is. */
export function viewRecords(family: 4 | 6, count: number, hour: number, buffer: ArrayBuffer, at: number): Records {
  const words = wordsOf(family) * count;
  const dst = at + 4 * words;
  const time = dst + 4 * words;
  const halves = time + 4 * count;
  const bytes = halves + 10 * count;
  return {
    family,
    capacity: count,
    count,
    hour,
    src: new Uint32Array(buffer, at, words),
    dst: new Uint32Array(buffer, dst, words),
    time: new Uint32Array(buffer, time, count),
    srcPort: new Uint16Array(buffer, halves, count),
    dstPort: new Uint16Array(buffer, halves + 2 * count, count),
    length: new Uint16Array(buffer, halves + 4 * count, count),
    window: new Uint16Array(buffer, halves + 6 * count, count),
    seqFold: new Uint16Array(buffer, halves + 8 * count, count),
    protocol: new Uint8Array(buffer, bytes, count),
    flags: new Uint8Array(buffer, bytes + count, count),
    ttl: new Uint8Array(buffer, bytes + 2 * count, count),
    tool: new Uint8Array(buffer, bytes + 3 * count, count),
  };
}

/** Copies the first `to.count` records. */
export function copyRecords(from: Records, to: Records): void {
  for (const [name] of COLUMNS) to[name].set(from[name].subarray(0, to[name].length));
}

/** The highest time, 0 of none. */
export function timeMaxOf({ time, count }: Records): number {
  let max = 0;
  for (let i = 0; i < count; i++) if (time[i]! > max) max = time[i]!;
  return max;
}

/** From canonical columns to coded ones, of the same length. */
export function codeColumns(plain: Uint8Array, coded: Uint8Array, family: 4 | 6, count: number): void {
  let at = 0;
  for (const column of COLUMNS) {
    const width = widthOf(column, family);
    const from = plain.subarray(at, at + width * count);
    const to = coded.subarray(at, at + width * count);
    const coding = column[3];
    if (coding === 'as it is') to.set(from);
    else if (coding === 'transposed') transpose(from, to, width, count);
    else transpose(differences(from, count), to, width, count);
    at += width * count;
  }
}

/** The other way. */
export function decodeColumns(coded: Uint8Array, plain: Uint8Array, family: 4 | 6, count: number): void {
  let at = 0;
  for (const column of COLUMNS) {
    const width = widthOf(column, family);
    const from = coded.subarray(at, at + width * count);
    const to = plain.subarray(at, at + width * count);
    const coding = column[3];
    if (coding === 'as it is') to.set(from);
    else if (coding === 'transposed') transpose(from, to, count, width);
    else sums(from, to, count);
    at += width * count;
  }
}

/** Reads `rows` rows of `width` bytes, writes `width` rows of `rows` bytes; with the two exchanged it undoes itself. */
function transpose(from: Uint8Array, to: Uint8Array, width: number, rows: number): void {
  if (width < rows) for (let byte = 0; byte < width; byte++) gather(from, byte, width, to, byte * rows, 1, rows);
  else for (let row = 0; row < rows; row++) gather(from, row * width, 1, to, row, rows, width);
}

/** Copies `count` bytes, each so many after the one before it. The longer side is the inner loop. */
function gather(
  from: Uint8Array,
  fromAt: number,
  fromStep: number,
  to: Uint8Array,
  toAt: number,
  toStep: number,
  count: number,
): void {
  for (let n = 0; n < count; n++) {
    to[toAt] = from[fromAt]!;
    fromAt += fromStep;
    toAt += toStep;
  }
}

function differences(from: Uint8Array, count: number): Uint8Array {
  const values = new Uint32Array(from.buffer, from.byteOffset, count);
  const coded = new Uint32Array(count);
  let before = 0;
  for (let i = 0; i < count; i++) {
    coded[i] = values[i]! - before;
    before = values[i]!;
  }
  return new Uint8Array(coded.buffer);
}

/** Undoes `differences` and its transposition in one. `to` is aligned. */
function sums(from: Uint8Array, to: Uint8Array, count: number): void {
  const values = new Uint32Array(to.buffer, to.byteOffset, count);
  const [second, third, fourth] = [count, 2 * count, 3 * count];
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const difference = from[i]! | (from[second + i]! << 8) | (from[third + i]! << 16) | (from[fourth + i]! << 24);
    sum = (sum + difference) | 0;
    values[i] = sum;
  }
}
