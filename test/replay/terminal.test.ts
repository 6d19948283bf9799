import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { count, share } from '../../collector/publish/words.ts';
import type { DayResult } from '../../collector/reduce/results.ts';
import { renderTerminal, speaksUtf8, type TerminalOptions } from '../../collector/replay/terminal.ts';
import { sampleResults } from '../support/sample-results.ts';

const results = sampleResults({ days: 8 });
const options: TerminalOptions = { top: 10, width: 80, color: false, now: new Date('2026-07-10T00:00:00Z') };
const width = (line: string) => [...line].length;

test.each([20, 40, 59, 60, 80, 100, 200])('at %i columns no line is wider, within 40 to 100', columns => {
  const lines = renderTerminal(results, { ...options, width: columns }).split('\n');
  const limit = Math.min(100, Math.max(40, columns));
  expect(Math.max(...lines.map(width))).toBe(limit);
});

test('numbers of a column end at the same place', () => {
  const [day] = results.days;
  const text = renderTerminal({ ...results, days: [day] }, options);
  const ends = day.ports.slice(0, 10).map(row => {
    const line = text.split('\n').find(candidate => candidate.includes(` ${count(row.packets)} `))!;
    return [line.indexOf(count(row.packets)) + count(row.packets).length, width(line)];
  });
  expect(new Set(ends.map(String)).size).toBe(1);
});

test('a day says its packets, sources, ports with services, countries with names, classes and tools', () => {
  const [day] = results.days;
  const text = renderTerminal({ ...results, days: [day] }, options);
  expect(text).toContain(`${day.date}  ${count(day.packets)} packets from ≈${count(day.sources)} sources`);
  expect(text).toMatch(/23\/tcp +telnet +[\d,]+ +\d+\.\d% +█/);
  expect(text).toMatch(/CN +China/);
  expect(text).toMatch(/backscatter +[\d,]+/);
  expect(text).toMatch(/Mirai +[\d,]+/);
  expect(text).toContain('Skipped: arp 1,840, fragment 312, not-observed 57');
  expect(text).toContain('Countries: geo-whois-asn-country, built 2026-06-17');
});

test('unknown is no country among those that are not shown', () => {
  const [day] = results.days;
  const known = day.countries.filter(({ country }) => country !== '??').length;
  const withRows = (countries: DayResult['countries'], top: number) =>
    renderTerminal({ ...results, days: [{ ...day, countries }] }, { ...options, top });
  expect(withRows(day.countries, known - 2)).toContain('  2 more countries and unknown: ');
  expect(withRows(day.countries, known)).toContain('  unknown countries: ');
  const unknownShown = day.countries.toReversed(); // it is the last one of the day
  expect(withRows(unknownShown, known - 1)).toContain('  2 more countries: ');
});

test('a share that is less than the whole never reads as all of it, and one of something never as nothing', () => {
  for (const [part, whole, text] of [
    [7998, 8000, '>99.9%'],
    [10 ** 9 - 1, 10 ** 9, '>99.9%'],
    [0.9997, 1, '>99.9%'],
    [0.9994, 1, '99.9%'],
    [8000, 8000, '100%'],
    [Array.from({ length: 24 }, () => 1 / 24).reduce((sum, hour) => sum + hour), 1, '100%'],
    [1, 10_000, '<0.1%'],
    [0, 8000, '0.0%'],
  ] as const)
    expect(share(part, whole), `${part} of ${whole}`).toBe(text);
});

test('a stale database is said with the option that gives a newer one, where there is one', () => {
  const stale = { ...results, geo: { name: 'lands', built: '2020-01-01' }, asn: { name: 'nets', built: '2020-01-02' } };
  expect(renderTerminal(stale, { ...options, width: 100 })).not.toMatch(/--geo|--asn/);
  const text = renderTerminal(stale, { ...options, width: 100, hasOptions: true }).replace(/\n +/g, ' ');
  expect(text).toMatch(/lands is [\d,]+ days old; [^.]+: give a newer one with --geo\.\n/);
  expect(text).toMatch(/nets is [\d,]+ days old; [^.]+: give a newer one with --asn\.\n/);
});

test('no escape sequence unless colour is asked for, and then the same text', () => {
  const plain = renderTerminal(results, options);
  expect(plain).not.toContain('\u001b');
  const coloured = renderTerminal(results, { ...options, color: true });
  expect(coloured).toContain('\u001b[');
  expect(stripVTControlCharacters(coloured)).toBe(plain);
});

test('in a locale without UTF-8 everything is ASCII, in the same columns', () => {
  const plain = renderTerminal(results, options).split('\n');
  const ascii = renderTerminal(results, { ...options, ascii: true }).split('\n');
  expect(ascii.join('\n')).toMatch(/^[\n\x20-\x7e]*$/);
  expect(ascii).toHaveLength(plain.length);
  expect(ascii.every((line, i) => width(line) <= width(plain[i]))).toBe(true);
});

test('the locale is read in the order POSIX asks', () => {
  expect(speaksUtf8({ LANG: 'ja_JP.UTF-8' })).toBe(true);
  expect(speaksUtf8({ LANG: 'ja_JP.UTF-8', LC_ALL: 'C' })).toBe(false);
  expect(speaksUtf8({})).toBe(false);
});

test('a database older than 90 days is said aloud, a younger one is not', () => {
  const at = (day: string) => renderTerminal(results, { ...options, now: new Date(`${day}T00:00:00Z`) });
  expect(at('2026-09-15')).not.toContain('Warning');
  expect(at('2026-09-16')).toContain('Warning: geo-whois-asn-country is 91 days old');
});

test('without records it says so, and still what was skipped', () => {
  const text = renderTerminal(sampleResults({ days: 0 }), options);
  expect(text).toContain('No records');
  expect(text).toContain('arp 12');
});

test('names from outside cannot steer the terminal', () => {
  const hostile = {
    ...results,
    geo: { name: '\u001b]0;owned\u0007\u202e', built: '2026-06-17' },
    skipped: { '\u001b[2J': 3 },
  };
  const text = renderTerminal(hostile, options);
  expect(['\u001b', '\u0007', '\u202e'].filter(character => text.includes(character))).toEqual([]);
  expect(text).toContain(']0;owned');
});
