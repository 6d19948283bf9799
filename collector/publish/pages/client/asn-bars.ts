/** Bars of the busiest autonomous systems, without a browser. */
import { count, plural, share, type Words } from '../../words.ts';
import type { AsnRow } from './subject-rows.ts';

const barsMax = 8;
/** The key of the bar of what is left. */
export const REST = 'other';

interface AsnBar {
  readonly key: string;
  readonly label: Words;
  readonly value: number;
  readonly text: string;
}

export const asnWords = (asn: number): Words =>
  asn === 0 ? { en: 'unknown', ja: '不明' } : { en: `AS${asn}`, ja: `AS${asn}` };

/** The busiest of so many, and what is left; `rows` may be the first of them alone. */
export function barsOf(rows: readonly AsnRow[], all: number): AsnBar[] {
  const first = rows.slice(0, all <= barsMax + 1 ? all : barsMax);
  const rest = all - first.length;
  const bars = first.map(row => ({
    key: String(row.asn),
    label: asnWords(row.asn),
    value: row.share,
    text: share(row.share, 1),
  }));
  if (rest === 0) return bars;
  // Shares are rounded: one less all of these may be less than nothing.
  const value =
    all <= rows.length
      ? rows.slice(first.length).reduce((sum, row) => sum + row.share, 0)
      : Math.max(
          0,
          first.reduce((left, row) => left - row.share, 1),
        );
  const hasUnknown = rows.slice(first.length).some(({ asn }) => asn === 0);
  return [...bars, { key: REST, label: restWords(rest, hasUnknown), value, text: share(value, 1) }];
}

/** Unknown is no autonomous system: it is not counted as one. */
function restWords(rest: number, hasUnknown: boolean): Words {
  if (!hasUnknown) return { en: `${count(rest)} others`, ja: `ほか${count(rest)}AS` };
  return { en: `${plural(rest - 1, 'other', 'others')} and unknown`, ja: `ほか${count(rest - 1)}ASと不明` };
}
