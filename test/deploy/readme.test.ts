/** What deploy/README.md says of alarms, held against the program that raises them. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../support/enaga.ts';

const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');
/** The first column of the table whose head begins so. */
const firstColumn = (file: string, head: string): string[] => {
  const [, , ...rows] = read(file)
    .slice(read(file).indexOf(`| ${head}`))
    .split('\n\n')[0]!
    .split('\n');
  return rows.map(row => row.split('|')[1]!.trim());
};

const english = firstColumn('deploy/README.md', 'a sensor says');
const japanese = firstColumn('deploy/README.ja.md', 'センサーの表示');
/** What is the same whatever it is about. */
const wordsOf = (alarm: string): string =>
  alarm
    .split(/\bE\/S\b|\bN\b|\.\.\.|: |\(/)
    .map(part => part.trim())
    .reduce((longest, part) => (part.length > longest.length ? part : longest));

it('names alarms in the words in which sensors say them', () => {
  const sources = fs.globSync('sensor/**/*.ts', { cwd: root }).map(read).join('\n');
  expect(english.length).toBeGreaterThan(10);
  expect(english.filter(alarm => !sources.includes(wordsOf(alarm)))).toEqual([]);
});

it('names each in both languages', () => {
  expect(japanese.map(wordsOf)).toEqual(english.map(wordsOf));
});

it('names every kind of alarm that there is', () => {
  const names = [...read('sensor/spool/alarms.ts').matchAll(/^ {2}\| '([a-z]+)'/gm)].map(([, name]) => name);
  expect(names).toEqual([
    'clock',
    'collector',
    'configuration',
    'conflict',
    'disk',
    'drops',
    'interface',
    'quarantine',
    'silence',
    'spool',
    'tripwire',
  ]);
});
