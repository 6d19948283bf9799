/** `enaga days`: what the collector's store says of its days. */
import fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { sourcesText } from '../publish/names.ts';
import { count } from '../publish/words.ts';
import { dateOf } from '../reduce/result.ts';
import { Registry } from '../registry/registry.ts';
import { jsonChunks } from '../replay/json.ts';
import { renderTerminal, speaksUtf8 } from '../replay/terminal.ts';
import { type Known, type KnownRow, knownRows, parseKnown } from '../store/known.ts';
import { ALL_DAYS, type Choice, type DayRange } from '../store/query.ts';
import { BadData, type DataPaths, dataOption } from './data.ts';
import { parseDate } from './dates.ts';
import { reporting } from './outcome.ts';
import { printLines, printTable } from './registry.ts';
import { caughtUp, lagOf, type OpenStore, withStore } from './store.ts';

interface DaysFlags {
  data: string;
  json: boolean;
  date?: number;
  from?: number;
  to?: number;
  sensor?: string;
  economy?: string;
  top: number;
  known?: string;
  wait: boolean;
}

const rowsDefault = 10;
const waitMsMax = 120_000;
const terminalWidthDefault = 80;
const TERMINAL_WIDTH = { min: 60, max: 100 };

const EXAMPLES = `
Days are UTC. The list has a line a day; --date shows one day's tables, and --json has all rows of the days asked for in the shape
of enaga replay --json. Sensors whose clocks were off by over a day are in no total: they are listed below the days.

Examples:
  enaga days                                     all days and their totals
  enaga days --date 2026-03-01                   a day's ports and countries
  enaga days --date 2026-03-01 --economy JP      what sensors that stand in Japan saw of it
  enaga days --from 2026-03-01 --to 2026-03-07 --json | jq '.days[].ports[:5]'
  enaga days --date 2026-03-01 --known scanners.txt

--known names a file of declared research scanners, a prefix and a label a line: 192.0.2.0/24 Example University. # begins a comment.

Exit codes: 0 done; 1 failed; 2 wrong usage.`;

/** The command, for the program to add. */
export function daysCommand(): Command {
  return new Command('days')
    .description('List the days that were counted, or show what was counted of one')
    .option('--date <date>', 'show this day, YYYY-MM-DD', parseDate)
    .addOption(new Option('--from <date>', 'the first day to list').argParser(parseDate).conflicts('date'))
    .addOption(new Option('--to <date>', 'the last day to list').argParser(parseDate).conflicts('date'))
    .option('--sensor <name>', 'only what this sensor saw')
    .addOption(
      new Option('--economy <cc>', 'only what sensors of this economy saw').argParser(economyOf).conflicts('sensor'),
    )
    .option('--top <n>', 'rows of the tables', topOf, rowsDefault)
    .addOption(
      new Option('--known <file>', 'show declared research scanners apart').conflicts(['json', 'sensor', 'economy']),
    )
    .option('--wait', 'wait until all that is logged now is counted', false)
    .option('--json', 'all rows, as JSON', false)
    .addOption(dataOption())
    .addHelpText('after', EXAMPLES)
    .action(reporting('days', runDays));
}

const runDays = (flags: DaysFlags): Promise<void> =>
  withStore(flags.data, async open => {
    if (flags.wait && !(await caughtUp(open, waitMsMax)))
      throw new BadData('what is logged is not counted in time: is enaga serve running?');
    const known = knownOf(flags);
    const sensors = choiceOf(open.paths, flags);
    const range = rangeOf(flags);
    warnOf(open, sensors, range);
    if (flags.json) await pipeline(jsonChunks(open.store.results(range, sensors)), process.stdout, { end: false });
    else if (flags.date === undefined) listDays(open, range, sensors);
    else showDay(open, flags.date, sensors, flags.top);
    if (known !== undefined)
      printKnown(
        open.store.together(() => knownRows(open.store, known.day, known.list)),
        dateOf(known.day),
      );
  });

function knownOf({ known: file, date }: DaysFlags): { day: number; list: Known[] } | undefined {
  if (file === undefined) return undefined;
  if (date === undefined) throw new BadData('--known is of one day: give --date');
  return { day: date, list: parseKnown(fs.readFileSync(file, 'utf8'), file) };
}

const rangeOf = ({ date, from, to }: DaysFlags): DayRange => ({
  from: date ?? from ?? ALL_DAYS.from,
  to: date ?? to ?? ALL_DAYS.to,
});

/** Sensors by name or economy, revoked ones too: what they saw is counted. */
function choiceOf(paths: DataPaths, { sensor: name, economy }: DaysFlags): Choice {
  if (name === undefined && economy === undefined) return undefined;
  const registry = Registry.open(paths.registry, { readonly: true });
  try {
    const found = registry.sensors().filter(one => (name === undefined ? one.economy === economy : one.name === name));
    if (found.length === 0) throw new BadData(name === undefined ? `no sensor is in ${economy}` : `no sensor ${name}`);
    return new Set(found.map(({ index }) => index));
  } finally {
    registry.close();
  }
}

/** What the reader of the figures should know, on standard error. */
function warnOf(open: OpenStore, sensors: Choice, range: DayRange): void {
  const lag = lagOf(open, Date.now());
  if (lag !== undefined)
    warn(`what was received ${count(Math.round(lag.waitedMs / 1000))} s ago and later is not counted yet`);
  if (sensors !== undefined)
    warn('of sensors alone there are totals, hours, classes, ports and countries: the other tables are empty');
  const stale = open.store.days(range).filter(one => one.stale);
  if (stale.length > 0) warn(`about to be folded again: ${stale.map(({ date }) => date).join(', ')}`);
  if (sensors !== undefined && sensors.size > 1) {
    const added = open.store.days(range).filter(({ day }) => open.store.addsSources(day));
    if (added.length > 0)
      warn(
        `sources of several sensors are added up, as the days are long closed: ${added.map(one => one.date).join(', ')}`,
      );
  }
}

function listDays({ store }: OpenStore, range: DayRange, sensors: Choice): void {
  const days = store.days(range).flatMap(day => {
    if (sensors === undefined) return [day];
    const result = store.day(day.day, sensors);
    return result === undefined ? [] : [{ ...day, ...totalsOf(result) }];
  });
  if (days.length === 0) printLines('No day is counted.');
  else
    printTable(
      ['date', 'packets', 'sources', 'scanning', 'revision', 'state'],
      days.map(({ date, packets, sources, scanningSources, revision, closed }) => [
        date,
        count(packets),
        sourcesText(sources),
        sourcesText(scanningSources),
        String(revision),
        closed ? 'closed' : 'open',
      ]),
    );
  const misdated = store.misdated().filter(({ sensor }) => sensors?.has(sensor) ?? true);
  if (misdated.length === 0) return;
  printLines('', 'Under the date of their receipt, as the clock of the sensor was off by over a day; in no total:');
  printTable(
    ['received', 'sensor', 'packets'],
    misdated.map(({ day, sensor, packets }) => [dateOf(day), String(sensor), count(packets)]),
  );
}

const totalsOf = ({
  packets,
  sources,
  scanningSources,
}: {
  packets: number;
  sources: number;
  scanningSources: number;
}) => ({
  packets,
  sources,
  scanningSources,
});

function showDay({ store }: OpenStore, day: number, sensors: Choice, top: number): void {
  const results = store.results({ from: day, to: day }, sensors);
  if (results.days.length === 0) {
    printLines(`Nothing is counted of ${dateOf(day)}.`);
    return;
  }
  const { columns = terminalWidthDefault, isTTY } = process.stdout;
  process.stdout.write(
    renderTerminal(results, {
      top,
      width: Math.max(TERMINAL_WIDTH.min, Math.min(TERMINAL_WIDTH.max, columns)),
      color: isTTY === true && process.stdout.hasColors(),
      ascii: !speaksUtf8(process.env),
      now: new Date(),
    }),
  );
}

function printKnown(rows: readonly KnownRow[] | undefined, date: string): void {
  if (rows === undefined) {
    warn(`the sources of ${date} are not kept any more: declared scanners cannot be told apart`);
    return;
  }
  printLines('', 'Declared research scanners, which are in the counts above:');
  printTable(
    ['label', 'packets', 'sources'],
    rows.map(({ label, packets, sources }) => [label, count(packets), count(sources)]),
  );
}

const warn = (text: string): void => void process.stderr.write(`enaga days: ${text}\n`);

function economyOf(text: string): string {
  if (!/^[A-Za-z]{2}$/.test(text)) throw new InvalidArgumentError('It takes two letters, like JP.');
  return text.toUpperCase();
}

function topOf(text: string): number {
  const top = Number(text);
  if (!Number.isInteger(top) || top < 1 || top > 1000)
    throw new InvalidArgumentError('It takes a whole number from 1 to 1000.');
  return top;
}
