/** `enaga days`: what the collector's store says of its days. */
import fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { count } from '../publish/words.ts';
import { Registry, type Sensor } from '../registry/registry.ts';
import { jsonChunks } from '../replay/json.ts';
import { type Known, knownRows, parseKnown } from '../store/known.ts';
import { PERIODS, type PeriodKind } from '../store/periods.ts';
import { ALL_DAYS, type Choice, type DayRange } from '../store/query.ts';
import type { Subject } from '../store/series.ts';
import { loadConfig } from './config.ts';
import { BadData, type DataPaths, dataOption } from './data.ts';
import { parseDate } from './dates.ts';
import { printKnown, showDay } from './days/day.ts';
import { countrySubject, hourlyCsv, parseTarget } from './days/hourly.ts';
import { listDays } from './days/list.ts';
import { showPeriod } from './days/period.ts';
import { reporting } from './outcome.ts';
import { caughtUp, lagOf, type OpenStore, withStore } from './store.ts';

interface DaysFlags {
  data: string;
  json: boolean;
  date?: number;
  over?: PeriodKind;
  from?: number;
  to?: number;
  hourly: boolean;
  port?: number;
  country?: string;
  sensor?: string;
  economy?: string;
  top: number;
  known?: string;
  wait: boolean;
}

const rowsDefault = 10;
const waitMsMax = 120_000;

const EXAMPLES = `
Days are UTC. The list has a line a day; --date shows one day's tables, and --json has all rows of the days asked for in the shape
of enaga replay --json. Packets of a sensor whose clock was off by over a day are in no total: they stand below the list.

Examples:
  enaga days                                     all days and their totals
  enaga days --date 2026-03-01                   a day's ports and countries
  enaga days --date 2026-03-01 --economy JP      what sensors that stand in Japan saw of it
  enaga days --date 2026-03-01 --over week       the ranks of its week, and of the week before
  enaga days --from 2026-03-01 --to 2026-03-07 --json | jq '.days[].ports[:5]'
  enaga days --from 2026-03-01 --to 2026-03-07 --hourly --port 23/tcp > telnet.csv
  enaga days --date 2026-03-01 --known scanners.txt

--known names a file of declared research scanners, a prefix and a label a line: 192.0.2.0/24 Example University. # begins a comment.
A day shows those of the collector's configuration unless another is named.

Exit codes: 0 done; 1 failed; 2 wrong usage.`;

/** The command, for the program to add. */
export function daysCommand(): Command {
  const option = (flags: string, text: string) => new Option(flags, text);
  return new Command('days')
    .description('List the days that were counted, or show what was counted of one')
    .option('--date <date>', 'show this day, YYYY-MM-DD', parseDate)
    .addOption(option('--over <period>', 'show the week, month or quarter of that day').choices(PERIODS))
    .addOption(option('--from <date>', 'the first day to list').argParser(parseDate).conflicts('date'))
    .addOption(option('--to <date>', 'the last day to list').argParser(parseDate).conflicts('date'))
    .addOption(option('--sensor <name>', 'only what this sensor saw').conflicts('economy'))
    .addOption(option('--economy <cc>', 'only what sensors of this economy saw').argParser(parseCode))
    .addOption(option('--hourly', 'hours as CSV, with how many sensors watched').default(false).conflicts('json'))
    .addOption(option('--port <target>', 'of --hourly: this port alone, like 23/tcp').argParser(parseTarget))
    .addOption(option('--country <cc>', 'of --hourly: this country alone').argParser(parseCode).conflicts('port'))
    .option('--top <n>', 'rows of the tables', parseTop, rowsDefault)
    .option('--known <file>', 'show declared research scanners of this file apart')
    .option('--wait', 'wait until all that is logged now is counted', false)
    .option('--json', 'all rows, as JSON', false)
    .addOption(dataOption())
    .addHelpText('after', EXAMPLES)
    .action(function (this: Command, flags: DaysFlags) {
      if (flags.over !== undefined && flags.date === undefined) this.error('error: --over is of a day: give --date');
      const ofHours = flags.port !== undefined || flags.country !== undefined;
      if (ofHours && !flags.hourly) this.error('error: --port and --country are of --hourly');
      if (flags.known !== undefined && (flags.date === undefined || flags.over !== undefined))
        this.error('error: --known is of one day: give --date alone');
      return reporting('days', runDays)(flags);
    });
}

const runDays = (flags: DaysFlags): Promise<void> =>
  withStore(flags.data, async open => {
    const { paths, store } = open;
    if (flags.wait && !(await caughtUp(open, waitMsMax)))
      throw new BadData('what is logged is not counted in time: is enaga serve running?');
    const known = knownOf(paths, flags);
    const sensors = sensorsOf(paths);
    const choice = choiceOf(sensors, flags);
    const range = rangeOf(flags);
    warnOf(open, choice, range);
    if (flags.json) await written(jsonChunks(store.results(range, choice)));
    else if (flags.hourly) await written(hourlyCsv(store, endsOf(open, range), subjectOf(flags), choice));
    else if (flags.date === undefined) listDays(store, range, choice, sensors);
    else if (flags.over !== undefined) showPeriod(store, flags.over, flags.date, { choice, sensors, top: flags.top });
    else showOne(open, flags.date, { choice, sensors, top: flags.top }, known);
  });

/** Positions named. */
const damagedShown = 10;

const written = (chunks: Iterable<string>): Promise<void> => pipeline(chunks, process.stdout, { end: false });

function showOne({ store }: OpenStore, day: number, options: Parameters<typeof showDay>[2], known?: Known[]): void {
  store.together(() => {
    showDay(store, day, options);
    if (known === undefined || options.choice !== undefined) return;
    if (store.geoOf(day) !== undefined && !printKnown(knownRows(store, day, known)))
      warn('the sources of this day are kept no longer: declared scanners cannot be told apart');
  });
}

const rangeOf = ({ date, from, to }: DaysFlags): DayRange => ({
  from: date ?? from ?? ALL_DAYS.from,
  to: date ?? to ?? ALL_DAYS.to,
});

/** A range without an end is to the last day that is counted. */
function endsOf({ store }: OpenStore, range: DayRange): DayRange {
  const days = store.daysWithRecords(range);
  const [first, last] = [days.at(0)?.day ?? 1, days.at(-1)?.day ?? 0];
  return {
    from: range.from === ALL_DAYS.from ? first : range.from,
    to: range.to === ALL_DAYS.to ? last : range.to,
  };
}

function subjectOf({ port, country }: DaysFlags): Subject {
  if (port !== undefined) return { table: 'ports', a: port };
  return country === undefined ? { table: 'total' } : countrySubject(country);
}

function sensorsOf(paths: DataPaths): Sensor[] {
  const registry = Registry.open(paths.registry, { readonly: true });
  try {
    return registry.sensors();
  } finally {
    registry.close();
  }
}

/** Sensors by name or economy, revoked ones too: what they saw is counted. */
function choiceOf(sensors: readonly Sensor[], { sensor: name, economy }: DaysFlags): Choice {
  if (name === undefined && economy === undefined) return undefined;
  const found = sensors.filter(one => (name === undefined ? one.economy === economy : one.name === name));
  if (found.length === 0) throw new BadData(name === undefined ? `no sensor is in ${economy}` : `no sensor ${name}`);
  return new Set(found.map(({ index }) => index));
}

/** Of the file named, or of the one that the collector is configured with. */
function knownOf(paths: DataPaths, { known, date, json }: DaysFlags): Known[] | undefined {
  if (date === undefined || json) return undefined;
  const file = known ?? loadConfig({ file: paths.config, environment: process.env, flags: {} }).settings.known;
  return file === undefined ? undefined : parseKnown(fs.readFileSync(file, 'utf8'), file);
}

/** What the reader of the figures should know, on standard error. */
function warnOf(open: OpenStore, choice: Choice, range: DayRange): void {
  const { store } = open;
  const lag = lagOf(open, Date.now());
  if (lag !== undefined)
    warn(`what was received ${count(Math.round(lag.waitedMs / 1000))} s ago and later is not counted yet`);
  const days = store.daysWithRecords(range);
  const dates = (list: typeof days) => list.map(({ date }) => date).join(', ');
  const stale = days.filter(one => one.stale);
  if (stale.length > 0) warn(`about to be folded again: ${dates(stale)}`);
  const damaged = store.damaged().map(({ position }) => count(position));
  if (damaged.length > 0)
    warn(
      `${count(damaged.length)} batches of the log are damaged, and in no count: positions ` +
        `${damaged.slice(0, damagedShown).join(', ')}${damaged.length > damagedShown ? ', ...' : ''}`,
    );
  if (choice === undefined) return;
  warn('of sensors alone there are totals, hours, classes, ports and countries: the other tables are empty');
  const added = choice.size < 2 ? [] : days.filter(({ day }) => store.addsSources(day));
  if (added.length > 0) warn(`long closed, so that sources of these sensors are only added up: ${dates(added)}`);
}

const warn = (text: string): void => void process.stderr.write(`enaga days: ${text}\n`);

function parseCode(text: string): string {
  if (!/^([A-Za-z]{2}|\?\?)$/.test(text)) throw new InvalidArgumentError('It takes two letters, like JP.');
  return text.toUpperCase();
}

function parseTop(text: string): number {
  const top = Number(text);
  if (!Number.isInteger(top) || top < 1 || top > 1000)
    throw new InvalidArgumentError('It takes a whole number from 1 to 1000.');
  return top;
}
