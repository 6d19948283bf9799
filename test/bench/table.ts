/** The table of a run, its targets, and what the reader of both has to know; as Markdown, or set out for a terminal. */
import os from 'node:os';
import { count } from '../../collector/publish/words.ts';
import { type Contestant, cores, type Letter } from './contestants.ts';
import type { Spent } from './run.ts';

/** What one contestant did: a `Spent` a round, on this many packets. */
export interface Measured {
  readonly contestant: Contestant;
  readonly packets: number;
  readonly rounds: readonly Spent[];
}

/** Memory of one capture against the same capture several times. */
export interface Tenfold {
  readonly packets: number;
  readonly times: number;
  readonly once: number | undefined;
  readonly often: number | undefined;
}

export interface Outcome {
  readonly packets: number;
  readonly seed: number;
  readonly measured: readonly Measured[];
  readonly tenfold: Tenfold;
  /** One line each: who counted the same as we, who was missing. */
  readonly checks: readonly string[];
  readonly missing: readonly string[];
}

/** Targets: at the least this, and hoped for that. Ratios of packets/s, round by round. */
const TARGETS: readonly { of: Letter; to: Letter; min: number; aim?: number; say: string }[] = [
  { of: 'b', to: 'a', min: 0.08, aim: 0.15, say: 'of the speed of walking' },
  { of: 'b′', to: 'a', min: 0.15, say: 'of the speed of walking' },
  { of: 'b', to: 'd', min: 100, say: 'times as fast as tshark' },
  { of: 'b', to: 'f', min: 12, say: 'times as fast as nfpcapd and nfdump' },
  { of: 'b', to: 'g', min: 2, say: 'times as fast as tracereport' },
  { of: 'c', to: 'b', min: 1.6, say: `times as fast with ${cores} threads as with one` },
];
const memoryMax = 600e6;
const growthMax = 1.3;
/** The targets are for a capture of this size. */
const packetsMeant = 10_000_000;

interface Spread {
  min: number;
  median: number;
  max: number;
}

/** Of an even number of values the median is the mean of the middle two. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const median = (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
  return { min: sorted[0]!, median, max: sorted.at(-1)! };
}

/** Three digits that count. */
const digits = (value: number): string => (value >= 100 ? count(value) : value.toPrecision(value >= 0.1 ? 3 : 2));

const withRange = ({ min, median, max }: Spread): string =>
  min === max ? digits(median) : `${digits(median)} (${digits(min)}–${digits(max)})`;

const megabytes = (bytes: number | undefined): string => (bytes === undefined ? '–' : `${count(bytes / 1e6)} MB`);

const rates = ({ packets, rounds }: Measured): number[] => rounds.map(({ seconds }) => packets / seconds);

/** How much faster `of` is than `to`, round by round. */
const ratios = (of: Measured, to: Measured): Spread => {
  const others = rates(to);
  return spreadOf(rates(of).map((rate, round) => rate / others[round]!));
};

function peakOf({ rounds }: Measured): number | undefined {
  const peaks = rounds.flatMap(({ memory }) => memory ?? []);
  return peaks.length === 0 ? undefined : Math.max(...peaks);
}

// The table

const HEAD = ['what', 'packets', 'M packets/s', 'of (a)', 'against (b)', 'peak memory'] as const;

function rowsOf({ measured }: Outcome): string[][] {
  const of = (letter: Letter) => measured.find(({ contestant }) => contestant.letter === letter)!;
  const [walk, replay] = [of('a'), of('b')];
  return measured.map(one => {
    const { letter, what } = one.contestant;
    const speed = ratios(one, replay);
    const slower = ratios(replay, one);
    const against =
      letter === 'b' ? '' : speed.median >= 1 ? `${withRange(speed)}× faster` : `${withRange(slower)}× slower`;
    const rate = spreadOf(rates(one).map(value => value / 1e6));
    const ofWalk = letter === 'a' ? '' : withRange(ratios(one, walk));
    return [`(${letter}) ${what}`, count(one.packets), digits(rate.median), ofWalk, against, megabytes(peakOf(one))];
  });
}

// Its targets

const verdict = (met: boolean | undefined, text: string): string =>
  `${met === undefined ? 'not measured' : met ? 'met' : 'missed'}: ${text}`;

function targetsOf({ measured, tenfold }: Outcome): string[] {
  const of = (letter: Letter) => measured.find(({ contestant }) => contestant.letter === letter);
  const speed = TARGETS.map(({ of: one, to: other, min, aim, say }) => {
    const [fast, slow] = [of(one), of(other)];
    const wanted = aim === undefined ? `at least ${min}` : `at least ${min}, aim ${aim}`;
    if (fast === undefined || slow === undefined) return verdict(undefined, `(${one}) against (${other}), ${wanted}`);
    const found = ratios(fast, slow);
    return verdict(found.median >= min, `(${one}) is ${withRange(found)} ${say} (${other}); ${wanted}`);
  });
  const memory = (['b', 'c'] as const).map(letter => {
    const peak = peakOf(of(letter)!);
    const wanted = `under ${megabytes(memoryMax)}`;
    if (peak === undefined) return verdict(undefined, `peak memory of (${letter}), ${wanted} (GNU time measures it)`);
    return verdict(peak < memoryMax, `(${letter}) has ${megabytes(peak)} at its peak; ${wanted}`);
  });
  return [...speed, ...memory, growth(tenfold)];
}

function growth({ packets, times, once, often }: Tenfold): string {
  const what = `${count(packets)} packets given ${times} times over within the day`;
  if (once === undefined || often === undefined)
    return verdict(undefined, `memory of ${what}, at most ${growthMax} times (GNU time measures it)`);
  const found = `(b) needs ${digits(often / once)} times the memory for ${what} (${megabytes(once)}, ${megabytes(often)})`;
  return verdict(often / once <= growthMax, `${found}; at most ${growthMax}`);
}

// What the reader has to know

function notesOf({ packets, seed, measured }: Outcome): string[] {
  const { length } = measured[0]!.rounds;
  const cuts = measured.filter(one => one.packets < packets).map(({ contestant }) => `(${contestant.letter})`);
  const notes = [
    `${count(packets)} generated packets (seed ${seed}), in the page cache; whole processes, their start included.`,
    length === 1
      ? 'One round only: expect noise.'
      : `Medians of ${length} rounds, one contestant after another in each; ratios are taken round by round, in brackets the smallest and the largest.`,
  ];
  if (packets < packetsMeant)
    notes.push(`The targets are for ${count(packetsMeant)} packets: with fewer, starting a program counts for more.`);
  if (cuts.length > 0) {
    const whose = cuts.length === 1 ? `${cuts[0]} is` : `${cuts.slice(0, -1).join(', ')} and ${cuts.at(-1)} are`;
    notes.push(`${whose} slow and had a shorter cut: the first packets of the same capture, as the column says.`);
  }
  notes.push(
    'Replay keeps all tables of a day (ports, countries, networks, tools, hours, sources); the others only what their line names.',
    'Programs in a pipe, and nfpcapd by itself, may use every core; (a), (b) and (b′) work in one thread. Memory of a pipe is the sum of its programs.',
  );
  return notes;
}

export const machine = (): string => {
  const gigabytes = Math.round(os.totalmem() / 1e9);
  return `${os.cpus()[0]?.model.trim() ?? os.arch()}, ${cores} cores, ${gigabytes} GB, Node ${process.versions.node}`;
};

const list = (lines: readonly string[], bullet: string): string => lines.map(line => `${bullet}${line}\n`).join('');

export function renderMarkdown(outcome: Outcome, command: string): string {
  const rows = [HEAD.map(name => name as string), ['---', ...HEAD.slice(1).map(() => '---:')], ...rowsOf(outcome)];
  const table = rows.map(cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |\n`).join('');
  return [
    `\`${command}\` on ${machine()}:\n`,
    table,
    list(targetsOf(outcome), '- '),
    list([...notesOf(outcome), ...outcome.checks, ...outcome.missing], '- '),
  ].join('\n');
}

export function renderText(outcome: Outcome, command: string): string {
  const rows = [[...HEAD] as string[], ...rowsOf(outcome)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  const lines = rows.map(row =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  return [
    `${command}\n${machine()}\n`,
    list(lines, ''),
    list(targetsOf(outcome), ''),
    list([...notesOf(outcome), ...outcome.checks, ...outcome.missing], ''),
  ].join('\n');
}
