/**
 * Deals records out by their source, so that each of a crew's workers has sources of its own. Dealt in any other way, nearly
 * every source and flow would be known to every worker, and all would be told to the day's tables once for each. By the source's
 * key, since a reducer knows sources by that.
 */
import type { Records } from '../../common/record/record.ts';
import { low4, low6, REPLAY_KEY } from '../reduce/hash.ts';

/** Appends each record to one of the hands, which are of the same family and have room for all. */
export function deal(records: Records, hands: readonly Records[]): void {
  if (hands.length === 1) {
    appendAll(records, hands[0]!);
    return;
  }
  const { src, count } = records;
  const words = records.family === 4 ? 1 : 4;
  const owner = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const w = words * i;
    const hash =
      words === 1 ? low4(REPLAY_KEY, src[i]!) : low6(REPLAY_KEY, src[w]!, src[w + 1]!, src[w + 2]!, src[w + 3]!);
    owner[i] = ((hash >>> 0) * hands.length) / 2 ** 32;
  }
  const chosen = new Uint16Array(count + 1);
  hands.forEach((hand, index) => {
    let n = 0;
    for (let i = 0; i < count; i++) {
      chosen[n] = i;
      n += ((owner[i]! ^ index) - 1) >>> 31; // 1 if it is this hand's: no branch that could only be guessed
    }
    append(records, chosen.subarray(0, n), hand, words);
  });
}

function appendAll(from: Records, to: Records): void {
  for (const [name, column] of Object.entries(from)) {
    if (!ArrayBuffer.isView(column)) continue;
    const words = from.family === 6 && (name === 'src' || name === 'dst') ? 4 : 1;
    to[name as 'src'].set((column as Uint32Array).subarray(0, words * from.count), words * to.count);
  }
  to.count += from.count;
}

function append(from: Records, chosen: Uint16Array, to: Records, words: number): void {
  const at = to.count;
  for (let word = 0; word < words; word++) {
    copy(from.src, chosen, to.src, at, words, word);
    copy(from.dst, chosen, to.dst, at, words, word);
  }
  copy(from.time, chosen, to.time, at, 1, 0);
  copy(from.srcPort, chosen, to.srcPort, at, 1, 0);
  copy(from.dstPort, chosen, to.dstPort, at, 1, 0);
  copy(from.length, chosen, to.length, at, 1, 0);
  copy(from.window, chosen, to.window, at, 1, 0);
  copy(from.seqFold, chosen, to.seqFold, at, 1, 0);
  copy(from.protocol, chosen, to.protocol, at, 1, 0);
  copy(from.flags, chosen, to.flags, at, 1, 0);
  copy(from.ttl, chosen, to.ttl, at, 1, 0);
  copy(from.tool, chosen, to.tool, at, 1, 0);
  to.count = at + chosen.length;
}

type Column = Uint32Array | Uint16Array | Uint8Array;

/** The chosen values of one column, to `at` and after; a value may be a word of several that are side by side. */
function copy(from: Column, chosen: Uint16Array, to: Column, at: number, words: number, word: number): void {
  for (let n = 0; n < chosen.length; n++) to[words * (at + n) + word] = from[words * chosen[n]! + word]!;
}
