/**
 * How the things that are counted are called: targets, countries, tools, classes, and counts of sources that may be
 * estimates. Names of services are in services.ts.
 */

import { CELL_SETS, DAY_SETS } from '../reduce/day.ts';
import type { PacketClass, Target, Tool } from '../reduce/results.ts';
import { TARGET_SETS } from '../reduce/sources.ts';
import { count, type Language, type Words } from './words.ts';

/** Distinct sources up to this many are counted exactly; above it the figure is a sketch's estimate. */
export const exactSourcesMax = DAY_SETS.exactMax;
/** The same for cells of port x country, and of a port or a country in an hour. */
export const exactCellSourcesMax = CELL_SETS.exactMax;
/** The same for the ports one source touched. */
export const exactPortsMax = TARGET_SETS.exactMax;

/** Distinct sources as text, marked '≈' where the number is an estimate. */
export const sourcesText = (sources: number, exactMax = exactSourcesMax): string =>
  sources > exactMax ? `≈${count(sources)}` : count(sources);

/**
 * One short form for every target: number first, then protocol, as "23/tcp". ICMP by its type, with the code where it is
 * not 0 ("8/icmp", "3:1/icmp"); a protocol without ports by its number ("47/ip").
 */
export function targetLabel(target: Target): string {
  if ('type' in target) return `${target.type}${target.code === 0 ? '' : `:${target.code}`}/${target.protocol}`;
  return /^\d+$/.test(target.protocol) ? `${target.protocol}/ip` : `${target.port}/${target.protocol}`;
}

/** Made when first asked for: each takes some milliseconds. */
const regions: Partial<Record<Language, Intl.DisplayNames>> = {};

/** What Intl calls a region, if anything. */
function regionName(code: string, language: Language): string | undefined {
  regions[language] ??= new Intl.DisplayNames(language, { type: 'region', fallback: 'none' });
  return regions[language].of(code);
}

/** Codes that are no ISO 3166 country but occur in registries' files, and those Intl names in a long or unusual way. */
const OWN_COUNTRIES: Record<string, Words> = {
  '??': { en: 'Unknown', ja: '不明' },
  AP: { en: 'Asia-Pacific, unspecified', ja: 'アジア太平洋(国不明)' },
  EU: { en: 'Europe, unspecified', ja: '欧州(国不明)' },
  ZZ: { en: 'Unknown', ja: '不明' },
  US: { en: 'United States', ja: '米国' },
  HK: { en: 'Hong Kong', ja: '香港' },
  MO: { en: 'Macao', ja: 'マカオ' },
};

/** The name of a country code in both languages; a code nobody knows is its own name. */
export function countryName(code: string): Words {
  if (Object.hasOwn(OWN_COUNTRIES, code)) return OWN_COUNTRIES[code];
  if (!/^[A-Z]{2}$/.test(code)) return { en: code, ja: code };
  return { en: regionName(code, 'en') ?? code, ja: regionName(code, 'ja') ?? code };
}

/** What Intl knows beside ISO 3166-1's codes that are assigned; its withdrawn ones stand for others. XK is taken as assigned. */
const UNASSIGNED = ['AC', 'CP', 'CQ', 'DG', 'EA', 'EU', 'EZ', 'IC', 'QO', 'TA', 'UN', 'XA', 'XB', 'ZZ'];

/** Whether an economy has this code, in capitals. */
export const isEconomy = (code: string): boolean =>
  /^[A-Z]{2}$/.test(code) &&
  !UNASSIGNED.includes(code) &&
  regionName(code, 'en') !== undefined &&
  new Intl.Locale(`und-${code}`).region === code;

/** An autonomous system's number as it is written; 0 is none known. */
export const asnText = (asn: number): string => (asn === 0 ? '–' : `AS${asn}`);

/** In the order they are shown. */
export { CLASSES, TOOLS } from '../../common/record/classify.ts';

export const TOOL_NAMES: Record<Tool, string> = { mirai: 'Mirai', zmap: 'ZMap', masscan: 'Masscan', nmap: 'Nmap' };

export const CLASS_NAMES: Record<PacketClass, Words> = {
  scan: { en: 'scan', ja: 'スキャン' },
  backscatter: { en: 'backscatter', ja: 'バックスキャッター' },
  other: { en: 'other', ja: 'その他' },
};

export const OTHER: Words = { en: 'other', ja: 'その他' };

/** Text from outside made safe for one line of a terminal or a label: no control or invisible formatting characters. */
export const plainText = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
