/** What deploy/README.md says of alarms, held against the program that raises them. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../common/time.ts';
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

it('has the same commands, settings and sections in both languages', () => {
  const [ours, theirs] = ['deploy/README.md', 'deploy/README.ja.md'].map(read) as [string, string];
  const blocksOf = (text: string) =>
    (text.match(/^ {4,}\S.*$/gm) ?? []).map(line => line.replace(/\s+# .*/, '').trim());
  expect(blocksOf(ours).length).toBeGreaterThan(30);
  expect(blocksOf(theirs)).toEqual(blocksOf(ours));
  const headsOf = (text: string) => text.match(/^#+(?= )/gm);
  expect(headsOf(theirs)).toEqual(headsOf(ours));
  const spans = ours.match(/`[^`\n]+`/g) ?? [];
  expect(spans.filter(span => !theirs.includes(span))).toEqual([]);
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

describe.each(['deploy/README.md', 'deploy/README.ja.md'])('%s says what ends an alarm', file => {
  const isEnglish = file === 'deploy/README.md';
  const rowOf = (words: string) =>
    read(file)
      .split('\n')
      .find(line => line.startsWith(`| ${words}`))!;
  /** How long the program keeps one of these, in hours. */
  const hoursOf = (source: string, constant: string): number => {
    const [, factors] = new RegExp(`const ${constant} = ([\\d_ *]+);`).exec(read(source))!;
    return factors!.split('*').reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1) / HOUR_MS;
  };

  it('of what ends by itself, and of what stands until the sensor is started again', () => {
    expect(rowOf('a packet left from an observed address')).toMatch(
      isEnglish
        ? /stays until `systemctl restart enaga-sensor` \|$/
        : /`systemctl restart enaga-sensor`を.*まで消えない \|$/,
    );
    expect(rowOf('not everything is watched')).toMatch(
      isEnglish ? /the alarm ends when all are watched/ : /警告は消える/,
    );
  });

  it('of what stays for a while, as long as the program keeps it', () => {
    const hours = hoursOf('sensor/commands/keeper-thread.ts', 'tripwireAlarmMs');
    expect(rowOf('the rules of silence had to stop')).toContain(
      isEnglish ? `ends ${hours} hours after` : `から${hours}時間で消える`,
    );
    const paragraph = read(file)
      .split('\n\n')
      .find(part => part.startsWith(isEnglish ? 'An alarm ends' : '表に書いていない限り、警告は'))!
      .replaceAll('\n', ' ');
    const [drops, aside, conflict, spool] = [
      hoursOf('sensor/commands/keeper-thread.ts', 'dropsAlarmMs'),
      hoursOf('sensor/spool/spool.ts', 'quarantineAlarmMs'),
      hoursOf('sensor/ship/shipper.ts', 'conflictAlarmMs'),
      hoursOf('sensor/spool/recover.ts', 'alarmMs'),
    ];
    expect([drops, conflict]).toEqual([1, aside]);
    expect(paragraph).toContain(
      isEnglish
        ? `for an hour, a batch that was put aside and other batches under the same keys for ${aside} hours, a damaged spool for ${spool / 24} days`
        : `破棄は${drops}時間、バッチの隔離と、同じキーの別のバッチは${aside}時間、スプールの損傷は${spool / 24}日間`,
    );
  });
});
