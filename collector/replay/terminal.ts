/**
 * Results as text for a terminal: a day after the other, each with its headline, its hours as a small picture, and its
 * rankings with shares and bars. Between 40 and 100 columns wide; colour only when asked; plain ASCII where the locale can
 * show nothing else. Words from outside (names of databases, reasons) lose their control characters first.
 */

import { styleText } from 'node:util';
import { geoAgeDays, isStale } from '../publish/freshness.ts';
import {
  CLASS_NAMES,
  CLASSES,
  countryName,
  plainText,
  sourcesText,
  TOOL_NAMES,
  TOOLS,
  targetLabel,
} from '../publish/names.ts';
import { serviceName } from '../publish/services.ts';
import { skippedRows } from '../publish/totals.ts';
import { count, plural, share } from '../publish/words.ts';
import type { Count, CountryRow, DayResult, GeoSource, Results } from '../reduce/results.ts';

export interface TerminalOptions {
  /** Rows of each ranking. */
  top: number;
  /** Columns of the terminal. */
  width: number;
  color: boolean;
  /** Only ASCII characters; see `speaksUtf8`. */
  ascii?: boolean;
  /** The moment against which databases are judged stale. */
  now: Date;
  /** Of some sensors alone: without what is not kept for each. */
  ofSensors?: boolean;
  /** A stale database is said with the option that gives a newer one: of a command that has it. */
  hasOptions?: boolean;
}

const widthMin = 40;
const widthMax = 100;

/** Whether a locale says UTF-8, in the order POSIX asks its variables; none set is the C locale. */
export const speaksUtf8 = (env: Readonly<Record<string, string | undefined>>): boolean =>
  /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || '');

type Style = 'bold' | 'dim' | 'cyan' | 'yellow';
type Paint = (style: Style, text: string) => string;

/** What the parts of the page share. */
interface Page {
  width: number;
  top: number;
  paint: Paint;
  /** Text as the terminal can show it. */
  show: (text: string) => string;
  ofSensors: boolean;
  hasOptions: boolean;
}

const ASCII: Record<string, string> = { '≈': '~', '–': '-', '·': '|', '…': '.', '─': '-', '█': '#', '’': "'" };
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const HEIGHTS = ' ▁▂▃▄▅▆▇█';
const ASCII_HEIGHTS = ' .:-=+*%#';

/** One ASCII character for each other one, so that columns stay where they are. */
const toAscii = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .replace(/[^\0-\x7f]/gu, character => {
      const height = HEIGHTS.indexOf(character);
      const eighths = EIGHTHS.indexOf(character);
      if (ASCII[character] !== undefined) return ASCII[character];
      if (eighths > 0) return eighths > 3 ? '#' : ' ';
      return height > 0 ? ASCII_HEIGHTS[height] : '?';
    });

/** Cut to a width with an ellipsis, or filled up to it. */
function fitted(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const characters = [...text];
  if (characters.length > width) return `${characters.slice(0, Math.max(0, width - 1)).join('')}…`.slice(0, width);
  const space = ' '.repeat(width - characters.length);
  return side === 'left' ? text + space : space + text;
}

/** A bar of eighths of a character, `width` characters at the largest value. */
function bar(value: number, largest: number, width: number): string {
  const eighths = largest === 0 ? 0 : Math.round((8 * width * value) / largest);
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7];
}

/** The hours of a day, a character each. */
function hoursPicture(day: DayResult): string {
  const largest = Math.max(1, ...day.hours.map(row => row.packets));
  const heights = day.hours.map(({ packets }) =>
    packets === 0 ? 0 : Math.max(1, Math.round((8 * packets) / largest)),
  );
  return heights.map(height => HEIGHTS[height]).join('');
}

interface Line extends Count {
  name: string;
  detail: string;
}

/** Fixed columns; what is left of the width is divided between detail and bar. */
const NAME = 14;
const PACKETS = 13;
const SHARE = 8;
const SOURCES = 11;
/** Narrower than this has room for names, packets and shares alone. */
const roomyMin = 60;

function columnsOf(width: number): { detail: number; bar: number; sources: number } {
  if (width < roomyMin) return { detail: 0, bar: 0, sources: 0 };
  const left = width - 2 - NAME - 1 - PACKETS - SHARE - 2 - SOURCES;
  const detail = Math.min(24, Math.round(left * 0.6));
  return { detail, bar: left - detail, sources: SOURCES };
}

function ranking(title: string, lines: readonly Line[], whole: number, { width, paint, show }: Page): string[] {
  const columns = columnsOf(width);
  const largest = Math.max(0, ...lines.map(line => line.packets));
  const sources = (text: string) => fitted(text, columns.sources, 'right');
  const figures = (packets: string, part: string) => fitted(packets, PACKETS, 'right') + fitted(part, SHARE, 'right');
  const head =
    `  ${fitted(title, NAME + 1 + columns.detail)}${figures('packets', 'share')}` +
    `  ${' '.repeat(columns.bar)}${sources('sources')}`;
  const rows = lines.map(line => {
    const name = show(fitted(line.name, NAME));
    const detail = paint('dim', show(fitted(line.detail, columns.detail)));
    const picture = paint('cyan', show(fitted(bar(line.packets, largest, columns.bar), columns.bar)));
    const end = `  ${picture}${show(sources(sourcesText(line.sources)))}`;
    return `  ${name} ${detail}${figures(count(line.packets), share(line.packets, whole))}${end}`;
  });
  return ['', paint('dim', head.trimEnd()), ...rows];
}

/** What a ranking does not show, below it, called as `nameOf` says. */
function rest<Row extends Count>(
  nameOf: (left: readonly Row[]) => string,
  rows: readonly Row[],
  whole: number,
  { top, width, paint, show }: Page,
): string[] {
  const left = rows.slice(top);
  if (left.length === 0) return [];
  const packets = left.reduce((sum, row) => sum + row.packets, 0);
  const text = `${nameOf(left)}: ${count(packets)}, ${share(packets, whole)}`;
  return wrapped(text, width - 2).map(line => paint('dim', show(`  ${line}`)));
}

const morePorts = ({ length }: readonly unknown[]): string => plural(length, 'more port', 'more ports');

function moreCountries(left: readonly CountryRow[]): string {
  const known = left.filter(({ country }) => country !== '??').length;
  if (known === 0) return 'unknown countries';
  const more = plural(known, 'more country', 'more countries');
  return known === left.length ? more : `${more} and unknown`;
}

function dayLines(day: DayResult, page: Page): string[] {
  const { top, width, paint, show } = page;
  const whole = day.packets;
  const ports = day.ports.slice(0, top).map(row => ({ ...row, name: targetLabel(row), detail: serviceName(row) }));
  const countries = day.countries
    .slice(0, top)
    .map(row => ({ ...row, name: plainText(row.country), detail: plainText(countryName(row.country).en) }));
  const classes = CLASSES.map(name => ({ ...day.classes[name], name: CLASS_NAMES[name].en, detail: '' }));
  const tools = TOOLS.map(name => ({ ...day.tools[name], name: TOOL_NAMES[name], detail: '' }));
  const sources = day.sources === 1 ? 'source' : 'sources';
  const headline =
    `${plural(whole, 'packet', 'packets')} from ${sourcesText(day.sources)} ${sources}, ` +
    `${sourcesText(day.scanningSources)} scanning`;
  return [
    '',
    `${paint('bold', day.date)}  ${show(fitted(headline, width - 12).trimEnd())}`,
    paint('dim', show('─'.repeat(width))),
    `  ${paint('cyan', show(hoursPicture(day)))}  ${paint('dim', '00-24 UTC')}`,
    ...ranking('port', ports, whole, page),
    ...rest(morePorts, day.ports, whole, page),
    ...ranking('country', countries, whole, page),
    ...rest(moreCountries, day.countries, whole, page),
    ...ranking('class', classes, whole, page),
    ...(page.ofSensors ? [] : [...ranking('tool', tools, whole, page), ...sampleLines(day, page)]),
  ];
}

/** Said where it matters: the tools stand right above. */
function sampleLines({ sample }: DayResult, { width, show }: Page): string[] {
  if (sample === undefined) return [];
  const text = `Tools are scaled up from a sample: one in ${count(1 / sample)} of the day's sources.`;
  return ['', ...wrapped(text, width - 2).map(line => `  ${show(line)}`)];
}

/** Words filled into lines of at most the width, the following ones indented. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if ([...longer].length <= width || line === '') line = fitted(longer, Math.min(width, [...longer].length));
    else {
      lines.push(line);
      line = fitted(`  ${word}`, Math.min(width, [...word].length + 2));
    }
  }
  return [...lines, line];
}

const databaseText = ({ name, built }: GeoSource): string => `${plainText(name)}, built ${plainText(built)}`;

/** What was read and skipped, and which databases the names come from. */
function endLines({ packets, records, skipped, geo, asn }: Results, now: Date, page: Page): string[] {
  const { width, paint, show, hasOptions } = page;
  const dim = (text: string) => wrapped(show(text), width).map(line => paint('dim', line));
  const reasons = skippedRows(skipped).filter(([, n]) => n > 0);
  const skippedText = reasons.map(([reason, n]) => `${plainText(reason)} ${count(n)}`).join(', ');
  const lines = [
    '',
    ...dim(
      `${plural(packets, 'packet', 'packets')} read, ${count(records)} counted, ${count(packets - records)} skipped`,
    ),
    ...(skippedText === '' ? [] : dim(`Skipped: ${skippedText}`)),
    ...dim(`Countries: ${databaseText(geo)}`),
    ...(asn === undefined ? [] : dim(`Networks: ${databaseText(asn)}`)),
  ];
  for (const [database, option] of [
    [geo, '--geo'],
    [asn, '--asn'],
  ] as const) {
    if (database === undefined || !isStale(database, now)) continue;
    const age = count(geoAgeDays(database, now)!);
    const cure = hasOptions ? `: give a newer one with ${option}` : '';
    const text = `Warning: ${plainText(database.name)} is ${age} days old; addresses have changed hands since${cure}.`;
    lines.push(...wrapped(show(text), width).map(line => paint('yellow', line)));
  }
  return lines;
}

/** The whole page, ending with a newline. */
export function renderTerminal(results: Results, options: TerminalOptions): string {
  const { top, width, color, ascii = false, now, ofSensors = false, hasOptions = false } = options;
  const page: Page = {
    top,
    ofSensors,
    hasOptions,
    width: Math.max(widthMin, Math.min(widthMax, width)),
    paint: (style, text) => (color && text.trim() !== '' ? styleText(style, text, { validateStream: false }) : text),
    show: ascii ? toAscii : text => text,
  };
  const days = results.days.length === 0 ? ['', 'No records in these captures.'] : [];
  for (const day of results.days) days.push(...dayLines(day, page));
  const lines = [...days, ...endLines(results, now, page)];
  return `${lines.map(line => line.trimEnd()).join('\n')}\n`;
}
