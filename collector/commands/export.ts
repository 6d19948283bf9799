/** `enaga export`: a day of what came from one country, as a file that others' systems read. */

import fs from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { GeoError } from '../../common/geo/error.ts';
import { toStdout } from '../../common/stdout.ts';
import { DAY_MS } from '../../common/time.ts';
import { archiveThread } from '../archive/past.ts';
import { LogReader } from '../log/reader.ts';
import { BadExport, checkMeta } from '../publish/exports/check.ts';
import { contentsMs, type DaySource, dayRows, surveyDay } from '../publish/exports/day-rows.ts';
import { FORMATS, type Format, SHAPES } from '../publish/exports/formats.ts';
import type { Shape } from '../publish/exports/iodef.ts';
import { type Meta, TLPS, type Tlp, tlpDefault } from '../publish/exports/meta.ts';
import { eventId } from '../publish/exports/misp.ts';
import { daysWithFiles } from '../publish/exports/open.ts';
import type { Class, LeftOut, Rows } from '../publish/exports/row.ts';
import { writeFeed, writeFile } from '../publish/exports/write.ts';
import { count } from '../publish/words.ts';
import { dateOf } from '../reduce/result.ts';
import { observedBy } from '../registry/observed.ts';
import { Registry } from '../registry/registry.ts';
import { BadLog } from '../store/batch.ts';
import { LoggedGeographies } from '../store/geography.ts';
import { StoreReader } from '../store/query.ts';
import { excludedOn } from '../store/tail.ts';
import { BadData, type DataPaths, dataOption, existingData } from './data.ts';
import { parseDate } from './dates.ts';
import { withMembers } from './member.ts';
import { reporting } from './outcome.ts';
import { userName } from './registry.ts';
import { readSender } from './sender.ts';

interface ExportFlags {
  date: number;
  country: string;
  format: string;
  shape?: Shape;
  class: keyof typeof CLASSES;
  tlp?: Tlp;
  revision?: number;
  organisation?: string;
  email?: string;
  feed?: string;
  sensorEconomy: boolean;
  data: string;
  out?: string;
}

/** Backscatter comes from victims of floods, so it is no scan. */
const CLASSES = {
  probes: new Set<Class>(['scan', 'other']),
  scan: new Set<Class>(['scan']),
  all: new Set<Class>(['scan', 'other', 'backscatter']),
};

const EXAMPLES = `
Formats:
${[...FORMATS.values()].map(({ name, title }) => `  ${name.padEnd(14)}${title}`).join('\n')}

No format has a destination address or names a sensor, and no row whose source is an address that a sensor observes. A day is counted in UTC, with the geography that was in force for it.
Each export is in enaga audit before its rows are written.
Who sends stands in exports.json of the data directory, unless it is given:
  {"organisation": "Example CSIRT", "email": "scan@csirt.example", "feed": "example-scans", "tlp": "amber"}

Examples:
  enaga export --date 2026-11-20 --country KR --format iodef-v2 > kr.xml
  enaga export --date 2026-11-20 --country KR --format iodef-v1 --shape csv --out out/
  enaga export --date 2026-11-20 --country KR --format intelmq --tlp green | gzip > kr.ndjson.gz
  enaga export --date 2026-11-20 --country KR --format misp --out feed/     adds the day to the feed there

Exit codes: 0 written; 1 failed; 2 wrong usage.`;

/** The command, for the program to add. */
export function exportCommand(): Command {
  return new Command('export')
    .description('Write a day of scans from one country in an exchange format')
    .requiredOption('--date <date>', 'the day, YYYY-MM-DD, UTC', parseDate)
    .requiredOption('--country <cc>', 'where the scans came from: ISO 3166-1 alpha-2', countryOf)
    .addOption(new Option('--format <format>', 'what to write').choices([...FORMATS.keys()]).makeOptionMandatory())
    .addOption(new Option('--shape <shape>', 'of IODEF: an event a record, or CSV within').choices(SHAPES))
    .addOption(
      new Option('--class <class>', 'probes: all but backscatter; scan: connection attempts and requests alone; all')
        .choices(Object.keys(CLASSES))
        .default('probes'),
    )
    .addOption(new Option('--tlp <tlp>', `how it may be shared (${tlpDefault} unless set)`).choices(TLPS))
    .option('--revision <n>', "of the day, from 1 (the store's, or 1 where it has not counted the day)", revisionOf)
    .option('--organisation <name>', 'who sends')
    .option('--email <address>', 'whom to ask')
    .option('--feed <code>', 'a short name of what is sent')
    .option('--sensor-economy', 'also say in which economy the sensor stands (IntelMQ, Shadowserver)', false)
    .option('--out <path>', 'a file, or a directory for the file or files; standard output unless given')
    .addOption(dataOption())
    .addHelpText('after', EXAMPLES)
    .action(function (this: Command, flags: ExportFlags) {
      const format = FORMATS.get(flags.format)!;
      if (flags.shape !== undefined && format.shapes.length === 0)
        this.error(`error: ${format.name} has one shape: leave --shape out`);
      if (format.kind === 'folder' && flags.out === undefined)
        this.error(`error: ${format.name} is several files: give a directory with --out`);
      return reporting('export', runExport)(format, flags);
    });
}

async function runExport(format: Format, flags: ExportFlags): Promise<void> {
  const paths = existingData(flags.data);
  const reader = LogReader.open(paths.log, archiveThread(paths.archive).past());
  try {
    const leftOut: LeftOut = { observed: 0, damaged: 0 };
    const { rows, contents } = openDay(paths, reader, flags, leftOut);
    const meta = metaOf(paths, flags, contents);
    checkMeta(meta);
    noteExport(format, meta, flags);
    await write(format, rows, meta, flags);
    if (leftOut.observed > 0)
      warn(
        `${count(leftOut.observed)} packets are left out: as their source they have an address that a sensor observes`,
      );
    if (leftOut.damaged > 0) warn(`${count(leftOut.damaged)} batches are damaged in the log, and left out`);
    warnIfOpen(paths, flags.date);
  } catch (error) {
    if (![BadExport, BadLog, GeoError].some(kind => error instanceof kind)) throw error;
    throw new BadData((error as Error).message, { cause: error });
  } finally {
    reader.close();
  }
}

/** The day's rows, and when its contents are of. */
function openDay(paths: DataPaths, reader: LogReader, { date: day, country, ...flags }: ExportFlags, leftOut: LeftOut) {
  const registry = Registry.open(paths.registry, { readonly: true });
  try {
    const excluded = new Set(excludedOn(registry.exclusions(), day));
    const observed = observedBy(registry.placements());
    const source: DaySource = { reader, day, upTo: reader.head(), excluded, observed };
    const survey = surveyDay(source);
    if (survey === undefined) throw new BadData('nothing was received of that day');
    const geo = new LoggedGeographies(paths.geo, () => reader.geoEntries()).at(survey.firstPosition);
    if (!geo.countries.includes(country)) throw new BadData(`${geo.geo.name} has no country ${country}`);
    const economies = new Map(registry.sensors().map(({ index, economy }) => [index, economy]));
    const economyOf = flags.sensorEconomy ? (sensor: number) => economies.get(sensor) ?? '' : () => '';
    const rows: Rows = dayRows(source, geo, { country, classes: CLASSES[flags.class] }, economyOf, leftOut);
    const isOver = (day + 1) * DAY_MS <= Date.now();
    const receivedMs = isOver ? contentsMs(day, survey) : survey.lastReceivedMs;
    // An exclusion changes the contents too, and so does its end.
    return { rows, contents: Math.max(receivedMs, registry.exclusionChangedMs(day)) };
  } finally {
    registry.close();
  }
}

/** Before a row is written: what cannot be noted is not written. */
function noteExport(
  { name }: Format,
  { revision }: Meta,
  { data, date: day, country, class: kind }: ExportFlags,
): void {
  const detail = { command: 'enaga export', date: dateOf(day), country, class: kind, revision };
  withMembers(data, members => members.noteRead(userName(), `export ${name}`, detail, Date.now()));
}

async function write(format: Format, rows: Rows, meta: Meta, { out, shape }: ExportFlags): Promise<void> {
  if (format.kind === 'folder') return writeFeed(out!, eventId(meta), format.write(rows, meta));
  const chunks = format.write(rows, meta, shape ?? 'records');
  if (out === undefined) return toStdout(chunks);
  const isDirectory = out.endsWith(path.sep) || fs.statSync(out, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isDirectory) fs.mkdirSync(out, { recursive: true });
  return writeFile(isDirectory ? path.join(out, format.fileName(meta)) : out, chunks);
}

function metaOf(paths: DataPaths, flags: ExportFlags, generatedMs: number): Meta {
  const settings = readSender(paths);
  const said = (name: 'organisation' | 'email' | 'feed'): string => {
    const value = flags[name] ?? settings[name];
    if (value !== undefined) return value;
    const wanted = (['organisation', 'email', 'feed'] as const).filter(
      one => (flags[one] ?? settings[one]) === undefined,
    );
    const options = wanted.map(one => `--${one}`).join(', ');
    const names = wanted.map(one => `"${one}"`).join(', ');
    throw new BadData(
      `who sends? Give ${options}, or write ${names} into ${paths.exports}, as enaga export --help shows`,
    );
  };
  const organisation = { name: said('organisation'), email: said('email'), feedCode: said('feed') };
  const tlp = (flags.tlp ?? settings.tlp ?? tlpDefault) as Tlp; // a flag's is one of its choices
  const { date: day, country, revision = storedRevision(paths, flags.date) } = flags;
  return { day, country, revision, generatedMs, tlp, organisation };
}

/** 1 of a day that is not counted yet. */
function storedRevision(paths: DataPaths, day: number): number {
  if (!fs.existsSync(paths.store)) return 1;
  const store = StoreReader.open(paths.store);
  try {
    return daysWithFiles(store, { from: day, to: day })[0]?.revision ?? 1;
  } finally {
    store.close();
  }
}

/** What is written of such a day is not its last word, and in no way says so. */
function warnIfOpen({ store: file }: DataPaths, day: number): void {
  const isOver = (day + 1) * DAY_MS <= Date.now();
  if (!isOver) warn('the day is not over: this is what came so far');
  if (!isOver || !fs.existsSync(file)) return;
  const store = StoreReader.open(file);
  try {
    const [head] = store.daysWithRecords({ from: day, to: day });
    if (head !== undefined && (!head.closed || head.stale)) warn('the day is still open: more may come of it');
  } finally {
    store.close();
  }
}

const warn = (text: string): void => void process.stderr.write(`enaga export: ${text}\n`);

function countryOf(text: string): string {
  if (!/^[A-Za-z]{2}$/.test(text)) throw new InvalidArgumentError('It takes two letters, like JP.');
  return text.toUpperCase();
}

function revisionOf(text: string): number {
  const revision = Number(text);
  if (!/^\d{1,9}$/.test(text) || revision === 0) throw new InvalidArgumentError('It takes a whole number from 1.');
  return revision;
}
