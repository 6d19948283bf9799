/**
 * The two languages everything published speaks, and how numbers, shares and dates are written in each. What is the same
 * in both (digits, "23/tcp", ISO dates) is written once and has no language.
 */

export type Language = 'en' | 'ja';

export const LANGUAGES: readonly Language[] = ['en', 'ja'];

/** One text in every language. */
export type Words = Record<Language, string>;

/** Made when first asked for, as all of Intl's here: each takes some milliseconds. */
let grouped: Intl.NumberFormat | undefined;

/** A count with its thousands grouped: English and Japanese write it alike. */
export function count(value: number): string {
  grouped ??= new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
  return grouped.format(value);
}

/** More than this of a whole is all of it: fractions that were added up miss it by less, and one packet of a day by more. */
const wholeMin = 1 - 1e-12;

/** A part of a whole in per cent with one decimal; one that would round to nothing or to the whole says so instead. */
export function share(part: number, whole: number): string {
  if (whole === 0) return '–';
  const percent = (100 * part) / whole;
  if (part > 0 && percent < 0.05) return '<0.1%';
  if (percent < 99.95) return `${percent.toFixed(1)}%`;
  return part / whole < wholeMin ? '>99.9%' : `${percent.toFixed(0)}%`;
}

/** Whole per cents, for sentences; a part that would round to nothing or to the whole says so instead, in words. */
export function roughShare(part: number, whole: number): Words {
  const percent = (100 * part) / whole;
  if (part > 0 && percent < 1) return { en: 'less than 1%', ja: '1%未満' };
  const rounded = Math.round(percent);
  if (rounded === 100 && part / whole < wholeMin) return { en: 'more than 99%', ja: '99%超' };
  const text = whole === 0 ? '–' : `${rounded}%`;
  return { en: text, ja: text };
}

/** A short number for an axis, with SI letters: 1500 is 1.5k. Read the same in both languages. */
export function shortCount(value: number): string {
  for (const [size, letter] of [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value >= size) return `${Number((value / size).toPrecision(3))}${letter}`;
  }
  return String(Number(value.toPrecision(3)));
}

/** Midnight UTC of a day written YYYY-MM-DD. */
export const dayStart = (date: string): Date => new Date(`${date}T00:00:00Z`);

const proses: Partial<Record<Language, Intl.DateTimeFormat>> = {};
function prose(language: Language): Intl.DateTimeFormat {
  const locale = language === 'en' ? 'en-GB' : 'ja-JP';
  proses[language] ??= new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' });
  return proses[language];
}

/** From one day to another, in words: "1–8 July 2026", 「2026年7月1日～8日」. Text that is no date stays as it is. */
export function dayRange(first: string, last: string): Words {
  const [from, to] = [dayStart(first), dayStart(last)];
  if (Number.isNaN(from.getTime()) || Number.isNaN(to.getTime())) {
    const text = first === last ? first : `${first} – ${last}`;
    return { en: text, ja: text };
  }
  return { en: rangeIn('en', from, to), ja: japaneseRange(from, to) };
}

const rangeIn = (language: Language, from: Date, to: Date): string =>
  prose(language).formatRange(from, to).replaceAll('\u2009', '');

/** Intl writes 2026/07/01～2026/07/08 for a long range; people write the year once and the days in words. */
function japaneseRange(from: Date, to: Date): string {
  const start = prose('ja').format(from);
  if (from.getTime() === to.getTime()) return start;
  const end = prose('ja').format(to);
  const sameYear = from.getUTCFullYear() === to.getUTCFullYear();
  const sameMonth = sameYear && from.getUTCMonth() === to.getUTCMonth();
  const short = sameMonth ? end.replace(/^.*月/, '') : sameYear ? end.replace(/^.*年/, '') : end;
  return `${start}～${short}`;
}

/** Things named one after the other: "a, b and c", 「a、b、c」. */
export function listed(items: readonly string[], language: Language): string {
  if (language === 'ja') return items.join('、');
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** One item, many items: English only, as Japanese has no plural. */
export const plural = (value: number, one: string, many: string): string =>
  `${count(value)} ${value === 1 ? one : many}`;
