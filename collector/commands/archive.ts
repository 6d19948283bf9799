/** `enaga archive`: days that are closed as Parquet files; `enaga serve` does the same beside its work. */
import { Command } from 'commander';
import { Locked } from '../../common/sqlite/lock.ts';
import { type Archived, archive } from '../archive/archiver.ts';
import { dateText } from '../archive/layout.ts';
import { Manifest, type Part } from '../archive/manifest.ts';
import { NotArchived } from '../archive/part.ts';
import { count, plural } from '../publish/words.ts';
import { closesMs } from '../store/closing.ts';
import { LoggedGeographies } from '../store/geography.ts';
import type { StoreReader } from '../store/query.ts';
import { loadConfig } from './config.ts';
import { BadData, dataOption, existingData } from './data.ts';
import { parseDate } from './dates.ts';
import { reporting } from './outcome.ts';
import { printJson, printLines } from './registry.ts';
import { withStore } from './store.ts';

interface Flags {
  readonly data: string;
  readonly day?: number;
  readonly json: boolean;
}

const FAILED = 1;

const EXAMPLES = `
A day that enaga serve has closed becomes Parquet files in DIR/archive/date=YYYY-MM-DD, sorted by country and time. Each is read
back, and every batch compared by its SHA-256 with the one that was acknowledged, before a file of the log goes. enaga serve
does this itself unless "archive" is off in config.json; "recordsDays" there says for how many days records are kept (for ever
unless it is set). Figures are kept for ever.

Examples:
  enaga archive list                       the days that are in the archive
  enaga archive run                        archive what is closed, now; harmless beside enaga serve
  enaga archive run --day 2026-03-01       this day alone; no file of the log goes
  enaga archive verify --day 2026-03-01    read all of the day again, and compare
  duckdb -c "SELECT country, count(*) FROM 'archive/date=*/*.parquet' GROUP BY country"

Exit codes: 0 done; 1 failed, or something is damaged; 2 wrong usage.`;

/** The command, for the program to add. */
export function archiveCommand(): Command {
  const named = (name: string, description: string, action: (flags: Flags) => Promise<void>) =>
    new Command(name)
      .description(description)
      .option('--day <date>', 'this day alone, YYYY-MM-DD, UTC', parseDate)
      .option('--json', 'as JSON', false)
      .addOption(dataOption())
      .addHelpText('after', EXAMPLES)
      .action(reporting(`archive ${name}`, action));
  return new Command('archive')
    .description('Keep closed days as Parquet files in place of the log')
    .addCommand(named('list', 'The days that are in the archive', list), { isDefault: true })
    .addCommand(named('run', 'Archive the days that are closed, now', run))
    .addCommand(named('verify', 'Read the archive through, and compare', verify))
    .addHelpText('after', EXAMPLES);
}

const rowOf = ({ part, day, records, batches, bytes, madeMs, expiredMs }: Part) => ({
  date: dateText(day),
  part,
  records,
  batches,
  bytes,
  made: new Date(madeMs).toISOString(),
  expired: expiredMs === null ? null : new Date(expiredMs).toISOString(),
});

async function list({ data, day, json }: Flags): Promise<void> {
  const parts = partsOf(existingData(data).archive, day);
  if (json) return printJson(parts.map(rowOf));
  if (parts.length === 0) return printLines('nothing is archived');
  const lines = parts.map(rowOf).map(({ date, part, records, bytes, expired }) => {
    const kept = expired === null ? '' : `  records removed ${expired.slice(0, 'YYYY-MM-DD'.length)}`;
    return [date, String(part), count(records), count(bytes), (bytes / Math.max(1, records)).toFixed(1) + kept];
  });
  printLines(...tableLines([['date', 'part', 'records', 'bytes', 'a record'], ...lines]));
}

function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, n) => Math.max(...rows.map(row => row[n]!.length)));
  return rows.map(row =>
    row
      .map((cell, n) => (n === 0 || n === row.length - 1 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!)))
      .join('  ')
      .trimEnd(),
  );
}

function partsOf(dir: string, day?: number): Part[] {
  if (!Manifest.isThere(dir)) return [];
  const manifest = Manifest.open(dir, { readonly: true });
  try {
    return manifest.parts(day);
  } finally {
    manifest.close();
  }
}

async function run({ data, day, json }: Flags): Promise<void> {
  let whyNot = '';
  const archived = await withStore(data, async ({ paths, reader, store }) => {
    if (day !== undefined) whyNot = whyNotOf(store, paths.archive, day);
    const { recordsDays } = loadConfig({ file: paths.config, environment: process.env, flags: {} }).settings;
    const say = process.stderr.isTTY && !json ? tell : undefined;
    return await archive({
      dir: paths.archive,
      logDir: paths.log,
      reader,
      store,
      geographies: new LoggedGeographies(paths.geo, () => reader.geoEntries()),
      ...(day !== undefined && { day }),
      ...(recordsDays > 0 && { recordsDays }),
      nowMs: Date.now(),
      ...(say && { onPart: say }),
    });
  }).catch(told);
  if (json) printJson(outcomeOf(archived));
  else printLines(outcomeText(archived, whyNot));
}

/** What a day is that has nothing to archive. */
function whyNotOf(store: StoreReader, dir: string, day: number): string {
  const [head] = store.daysWithRecords({ from: day, to: day });
  if (head === undefined) return `nothing is counted of ${dateText(day)}`;
  if (!head.closed || head.stale) {
    const ms = closesMs(store.database, day)!;
    const text = new Date(ms).toISOString().slice(0, 'YYYY-MM-DDTHH:MM'.length).replace('T', ' ');
    return `${dateText(day)} is open: it is closed at ${text} UTC at the earliest`;
  }
  return partsOf(dir, day).length > 0 ? `${dateText(day)} is in the archive` : '';
}

const tell = ({ day, records, bytes }: Part): void =>
  void process.stderr.write(`${dateText(day)}: ${plural(records, 'record', 'records')}, ${count(bytes)} bytes\n`);

/** What an operator can wait for or mend is no fault of the program. */
function told(error: unknown): never {
  if (error instanceof Locked) throw new BadData('another archives, or takes a backup: try again when it is done');
  throw error instanceof NotArchived ? new BadData(error.message) : error;
}

const outcomeOf = ({ parts, damaged, files, expired, strange }: Archived) => ({
  parts: parts.map(rowOf),
  damaged: damaged.map(({ position, message }) => ({ position, why: message })),
  logFilesRemoved: files,
  expired: expired.map(rowOf),
  notOfTheArchive: strange,
});

const namesMax = 5;
const namesText = (names: readonly string[]): string =>
  names.length <= namesMax
    ? names.join(', ')
    : `${names.slice(0, namesMax).join(', ')} and ${count(names.length - namesMax)} more`;

function outcomeText({ parts, damaged, files, expired, strange }: Archived, whyNot: string): string {
  const records = parts.reduce((sum, one) => sum + one.records, 0);
  const days = new Set(parts.map(({ day }) => day)).size;
  const lines = [
    parts.length === 0
      ? `nothing was to be archived${whyNot === '' ? '' : `: ${whyNot}`}`
      : `${plural(days, 'day', 'days')}, ${plural(records, 'record', 'records')} archived`,
    ...(damaged.length > 0 ? [`${plural(damaged.length, 'batch was', 'batches were')} damaged in the log`] : []),
    ...(files.length > 0 ? [`${plural(files.length, 'file', 'files')} of the log went: ${files.join(', ')}`] : []),
    ...(expired.length > 0 ? [`records of ${plural(expired.length, 'part', 'parts')} were removed for their age`] : []),
    ...(strange.length > 0 ? [`left as it is, for it is not the archive's: ${namesText(strange)}`] : []),
  ];
  return lines.join('\n');
}

async function verify({ data, day, json }: Flags): Promise<void> {
  const { archive: dir, log: logDir } = existingData(data);
  const { verifyArchive } = await import('../archive/verify.ts'); // with DuckDB, which the other commands do without
  const { parts, records, damaged } = await verifyArchive(dir, { day, logDir });
  if (json) printJson({ parts, records, damaged });
  else if (damaged.length === 0)
    printLines(
      `${plural(parts, 'part', 'parts')}, ${plural(records, 'record', 'records')}: every batch is what was acknowledged`,
    );
  for (const { file, why } of json ? [] : damaged) process.stderr.write(`enaga archive verify: ${file}: ${why}\n`);
  if (damaged.length > 0) process.exitCode = FAILED;
}
