/**
 * Declared research scanners: a file of prefixes and labels, a line each,
 *
 *     192.0.2.0/24     Example University     # begins a comment
 *     2001:db8::/32    Example University
 *
 * and what of a day came from each label. Of prefixes that lie within each other the longest counts.
 */
import { type Prefix, parsePrefix, prefixMask } from '../../common/record/address.ts';
import { IPV4_HIGH } from '../reduce/hash.ts';
import { SOURCE } from '../reduce/sources.ts';
import type { StoreReader } from './query.ts';

export interface Known {
  readonly prefix: Prefix;
  readonly label: string;
}

export interface KnownRow {
  readonly label: string;
  readonly packets: number;
  readonly sources: number;
}

/** The file is not of that form. */
export class BadKnown extends Error {
  override readonly name = 'BadKnown';
}

/** `name` is the file's, for errors. Throws `BadKnown`. */
export function parseKnown(text: string, name: string): Known[] {
  return text.split('\n').flatMap((line, n) => {
    const words = line.replace(/#.*/, '').trim();
    if (words === '') return [];
    const [, network, label] = /^(\S+)\s+(.+)$/.exec(words) ?? [];
    try {
      if (network === undefined || label === undefined) throw new RangeError('a line is a prefix and a label');
      return [{ prefix: parsePrefix(network), label }];
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new BadKnown(`${name}, line ${n + 1}: ${error.message}`);
    }
  });
}

/** Finds the label of an address among prefixes of one family: by length, the longest first, each a table of its prefixes. */
function finder(known: readonly Known[], family: 4 | 6): (words: readonly number[]) => string | undefined {
  const byLength = Map.groupBy(
    known.filter(({ prefix }) => prefix.family === family),
    ({ prefix }) => prefix.length,
  );
  const tables = [...byLength]
    .sort(([a], [b]) => b - a)
    .map(([length, list]) => ({ length, labels: new Map(list.map(one => [one.prefix.words.join(), one.label])) }));
  return words => {
    for (const { length, labels } of tables) {
      const label = labels.get(words.map((word, n) => (word & prefixMask(length, n)) >>> 0).join());
      if (label !== undefined) return label;
    }
    return undefined;
  };
}

/**
 * What of the day came from each label, most packets first; undefined where the day's sources are kept no longer. Of a day that
 * keeps a sample of its sources (`DayResult.sample`) the counts are scaled up. Throws `BadState`.
 */
export function knownRows(store: StoreReader, day: number, known: readonly Known[]): KnownRow[] | undefined {
  const state = store.state(day);
  if (state === undefined) return undefined;
  const { sources } = state;
  const find4 = finder(known, 4);
  const find6 = finder(known, 6);
  const scale = 2 ** sources.level;
  const counts = new Map(known.map(({ label }) => [label, { packets: 0, sources: 0 }]));
  for (let row = 0; row < sources.count * SOURCE.WORDS; row += SOURCE.WORDS) {
    const words = [...sources.address(row)];
    const label = sources.rows[row + SOURCE.KEY_HIGH] === IPV4_HIGH ? find4(words.slice(3)) : find6(words);
    if (label === undefined) continue;
    const sum = counts.get(label)!;
    sum.packets += scale * sources.packets(row);
    sum.sources += scale;
  }
  return [...counts]
    .map(([label, sum]) => ({ label, ...sum }))
    .sort((x, y) => y.packets - x.packets || (x.label < y.label ? -1 : 1));
}
