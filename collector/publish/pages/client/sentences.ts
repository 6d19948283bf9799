/** What changed, in words: targets and countries by their names, and moves as sentences. */
import { countryName } from '../../names.ts';
import { count, type Words } from '../../words.ts';
import { language, say } from './dom.ts';
import type { Move } from './moves.ts';
import type { SensorInfo } from './rows.ts';

export type ServiceOf = (label: string) => string;

/** IANA's names are a file of their own, so that the first figures need not wait for them. */
export async function loadServices(): Promise<ServiceOf> {
  const { serviceName } = await import('../../services.ts');
  return label => {
    const [number = '', protocol = ''] = label.split('/');
    if (protocol === 'ip') return serviceName({ protocol: number, port: 0 });
    if (protocol !== 'icmp' && protocol !== 'icmpv6') return serviceName({ protocol, port: Number(number) });
    const [type, code] = number.split(':').map(Number);
    return serviceName({ protocol, type: type!, code: code ?? 0 });
  };
}

/** "23/tcp (telnet)", 「23/tcp（telnet）」, the service only where it has a name. */
export function targetText(label: string, serviceOf: ServiceOf): string {
  const service = serviceOf(label);
  if (service === '') return label;
  return language === 'en' ? `${label} (${service})` : `${label}（${service}）`;
}

/** Countries whose English name takes an article in a sentence. */
const WITH_ARTICLE = new Set(['AE', 'BS', 'CF', 'DO', 'GB', 'GM', 'MV', 'NL', 'PH', 'US']);

export function countryText(code: string): string {
  const name = say(countryName(code));
  if (code === '??') return language === 'en' ? 'unknown countries' : '地域不明';
  return language === 'en' && WITH_ARTICLE.has(code) ? `the ${name}` : name;
}

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A mean as it is read: whole from ten on, one decimal below, so that little is not nothing. */
export const meanText = (mean: number): string =>
  mean >= 9.95 || mean === 0 ? count(mean) : mean < 0.05 ? '<0.1' : mean.toFixed(1);

const timesMin = 2;
const timesExactMax = 9.5;
/** Beyond it there was next to nothing before. */
const timesMax = 200;

/** "rose 12-fold", "rose by 35%", "fell by 40%", "appeared". */
export function changeWords({ now, before }: Pick<Move, 'now' | 'before'>): Words {
  const factor = now / before;
  if (factor > timesMax) return { en: 'appeared', ja: '新たに出現' };
  if (factor < 1 / timesMax) return { en: 'vanished', ja: '観測されなくなりました' };
  if (factor >= timesMin) {
    const times = factor > timesExactMax ? count(factor) : String(Number(factor.toFixed(1)));
    return { en: `rose ${times}-fold`, ja: `約${times}倍に増加` };
  }
  const percent = Math.round(100 * Math.abs(factor - 1));
  if (percent === 0) return { en: 'did not change', ja: '横ばい' };
  return factor >= 1
    ? { en: `rose by ${percent}%`, ja: `${percent}%増加` }
    : { en: `fell by ${percent}%`, ja: `${percent}%減少` };
}

/** Both weeks' means a day; of the week it is not listed in, the most it can have been. */
export function moveFigures({ now, before, listed }: Move): string {
  const bound = (mean: number, isBound: boolean) => {
    const text = meanText(mean / 7);
    return isBound && mean > 0 && !text.startsWith('<') ? `<${text}` : text;
  };
  return `${bound(before, listed === 'now')} → ${bound(now, listed === 'before')}`;
}

let short: Intl.DateTimeFormat | undefined;

/** "16–22 Mar", 「3月16日～22日」. */
export function datesText(from: string, to: string): string {
  const [first, last] = [new Date(`${from}T00:00:00Z`), new Date(`${to}T00:00:00Z`)];
  if (language === 'en') {
    short ??= new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
    return short
      .formatRange(first, last)
      .replaceAll('\u2009', '')
      .replace(/(\d) – (\d+ [A-Z]\w+)$/, '$1–$2');
  }
  const dayOf = (date: Date) => `${date.getUTCDate()}日`;
  const monthOf = (date: Date) => `${date.getUTCMonth() + 1}月`;
  if (from === to) return `${monthOf(first)}${dayOf(first)}`;
  const sameMonth = from.slice(0, 7) === to.slice(0, 7);
  return `${monthOf(first)}${dayOf(first)}～${sameMonth ? '' : monthOf(last)}${dayOf(last)}`;
}

let long: Intl.DateTimeFormat | undefined;
export function dateText(date: string): string {
  const locale = language === 'en' ? 'en-GB' : 'ja-JP';
  long ??= new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' });
  return long.format(new Date(`${date}T00:00:00Z`));
}

/** A moment as the reader's own clock has it. */
export function localText(ms: number): string {
  const format = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return `${format.format(ms)} ${zone}`;
}

/** `2026-11-22 05:00`, and only the date of a bucket that is a day. */
export const utcText = (ms: number, daily: boolean): string =>
  new Date(ms)
    .toISOString()
    .slice(0, daily ? 10 : 16)
    .replace('T', ' ');

/** "Japan JP". */
export const economyText = (code: string): string => `${countryName(code)[language]} ${code}`;

/** `2026-11-22 05:00 UTC` of a time of /v1. */
export const momentText = (text: string | null): string =>
  text === null ? '–' : `${utcText(Date.parse(text), false)} UTC`;

const ENROLMENTS = {
  'not enrolled': { en: 'not enrolled yet', ja: '未登録' },
  enrolled: { en: 'enrolled', ja: '登録済み' },
  revoked: { en: 'revoked', ja: '失効' },
} as const;

export const enrolmentText = (state: SensorInfo['state']): string => say(ENROLMENTS[state]);

const UNITS = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [0, 'second'],
] as const;

/** A length of time in its largest unit: "3 hours", 「3時間」. */
export function durationText(ms: number): string {
  const seconds = Math.abs(ms) / 1000;
  const [size, unit] = UNITS.find(([least]) => seconds >= least)!;
  const value = size === 0 ? Number(seconds.toPrecision(2)) : Math.round(seconds / size);
  const text = new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(value);
  return language === 'ja' ? text.replace(' ', '') : text;
}
