/** `enaga days`: what the collector's store says of its days. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { isLocked } from '../../common/sqlite/lock.ts';
import { toStdout } from '../../common/stdout.ts';
import { count } from '../publish/words.ts';
import type { Exclusion } from '../registry/exclusions.ts';
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
import { readNamed } from './trouble.ts';

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
of enaga replay --json. Packets of a sensor whose clock was off by over a day are in no total: they stand below the list. A sensor
that is left out (enaga sensor exclude) is named beside each day that it sent packets of, and why below the list.

A day is open while its packets are still coming. It is closed 24 hours after its end, and an hour after the last of its packets
came, at the earliest: so yesterday is open until midnight. What is pulled, pushed, archived and exported is of closed days. Its
revision begins with 1 and grows when what was said of it changes: when packets come of a closed day, or sensors are left out or
taken in again.

Of one sensor or one economy totals, hours, classes, ports and countries are kept: tables of tools, networks and sources are left
out. A mean takes the day as if all of it had been watched as the watched part was; with less than 5% of one sensor's day watched
there is none, and packetsPerSensor of --hourly is empty with less than 5% of the hour.

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
      const { from = ALL_DAYS.from, to = ALL_DAYS.to } = flags;
      if (from > to) this.error('error: --from is after --to');
      return reporting('days', runDays)(flags);
    });
}

const runDays = (flags: DaysFlags): Promise<void> =>
  withStore(flags.data, async open => {
    const { paths, store } = open;
    if (flags.wait) await allCounted(open);
    const known = knownOf(paths, flags);
    const { sensors, exclusions } = decidedIn(paths);
    const choice = choiceOf(sensors, flags);
    const options = { choice, sensors, exclusions, top: flags.top };
    const range = rangeOf(flags);
    if (flags.country !== undefined) checkCountry(open, range, flags.country);
    warnOf(open, flags, choice, range);
    if (flags.json) await toStdout(jsonChunks(store.results(range, choice), { ofSensors: choice !== undefined }));
    else if (flags.hourly) await toStdout(hourlyCsv(store, endsOf(open, range), subjectOf(flags), choice));
    else if (flags.date === undefined) listDays(store, range, options);
    else if (flags.over !== undefined) showPeriod(store, flags.over, flags.date, options);
    else showOne(open, flags.date, options, known);
  });

/** Throws `BadData` if nobody counts, or not fast enough. */
async function allCounted(open: OpenStore): Promise<void> {
  const { lock, root } = open.paths;
  const serves = () => isLocked(lock);
  if (await caughtUp(open, waitMsMax, serves)) return;
  if (!serves()) throw new BadData(`what is logged is not counted, and no enaga serve runs on ${root}: start it`);
  throw new BadData(`what is logged is not counted after ${waitMsMax / 1000} s: try again later, or without --wait`);
}

/** Positions named. */
const damagedShown = 10;

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

/** Throws `BadData` for a country that no database knows that these days were counted with. */
function checkCountry({ store }: OpenStore, range: DayRange, country: string): void {
  const used = new Set(store.daysWithRecords(range).flatMap(({ day }) => store.geoOf(day) ?? []));
  const databases = [...used].map(sha256 => store.places(sha256));
  if (databases.length > 0 && !databases.some(({ countries }) => countries.includes(country)))
    throw new BadData(`${databases.at(-1)!.geo.name} has no country ${country}`);
}

function decidedIn(paths: DataPaths): { sensors: Sensor[]; exclusions: Exclusion[] } {
  const registry = Registry.open(paths.registry, { readonly: true });
  try {
    return { sensors: registry.sensors(), exclusions: registry.exclusions() };
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
  return file === undefined ? undefined : parseKnown(readNamed(file).toString(), file);
}

/** What the reader of the figures should know, on standard error. */
function warnOf(open: OpenStore, { date, over, json }: DaysFlags, choice: Choice, range: DayRange): void {
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
  if (json || (date !== undefined && over === undefined))
    warn('of sensors alone there are totals, hours, classes, ports and countries: the other tables are left out');
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
