/** Prefixes of sensors: their one way to be written, and whether two share an address. */
import { formatAddress4, formatAddress6, type Prefix, parsePrefix, prefixMask } from '../../common/record/address.ts';

/** Two ways to write a network give the same text. Throws `RangeError`. */
export function canonicalPrefix(text: string): string {
  const { family, words, length } = parsePrefix(text);
  const [w0, w1, w2, w3] = words;
  return `${family === 4 ? formatAddress4(w0!) : formatAddress6(w0!, w1!, w2!, w3!)}/${length}`;
}

/** The first two that overlap, of which the first is among `ours`. */
export function findOverlap(ours: readonly string[], theirs: readonly string[]): [string, string] | undefined {
  const parsed = theirs.map(text => [text, parsePrefix(text)] as const);
  for (const our of ours) {
    const prefix = parsePrefix(our);
    const found = parsed.find(([, their]) => overlap(prefix, their));
    if (found !== undefined) return [our, found[0]];
  }
  return undefined;
}

function overlap(a: Prefix, b: Prefix): boolean {
  const length = Math.min(a.length, b.length);
  return a.family === b.family && a.words.every((word, i) => ((word ^ b.words[i]!) & prefixMask(length, i)) === 0);
}
