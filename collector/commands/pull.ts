/**
 * `enaga pull`: brings what is new of a collector's closed days into a directory, a folder a day:
 *
 *     OUT/2026-03-01/total.csv, ports.csv, ...   the tables
 *     OUT/2026-03-01/iodef-v2-KR.xml             exchange files, where asked for
 *     OUT/misp-KR/manifest.json, ...             a MISP feed of all days, where asked for
 *     OUT/2026-03-01/day.json                    {date, revision, files: [{name, size, sha256}]}, written last; `gone`: exchange
 *                                                files of a day whose records are kept no longer
 *
 * A day is done when its day.json has the collector's revision and all that is asked for; whatever of the others is there already,
 * with its SHA-256, is kept. So a run that was cut short goes on where it was, and one with nothing new does nothing.
 */
import fs from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Locked, takeLock } from '../../common/sqlite/lock.ts';
import { DAY_MS } from '../../common/time.ts';
import { Client, type FileFacts, factsOf, PullFailed } from '../peer/client.ts';
import { isThisMachine } from '../peer/http.ts';
import { FORMATS } from '../publish/api/formats.ts';
import { FORMATS as EXPORTS } from '../publish/exports/formats.ts';
import { plural } from '../publish/words.ts';
import { dateOf } from '../reduce/result.ts';
import { BadData } from './data.ts';
import { parseDate } from './dates.ts';
import { reporting } from './outcome.ts';
import { type ExportOrder, pullExport } from './pull/exports.ts';
import { readNamed } from './trouble.ts';

interface Flags {
  collector: URL;
  tokenFile?: string;
  out: string;
  format: (typeof FORMATS)[number];
  since?: number;
  export: string[];
  country: string[];
  ca?: string;
  verify: boolean;
  insecureHttp: boolean;
  quiet: boolean;
}

const EXAMPLES = `
Only closed days are pulled; one that late data changed is pulled again. Nothing is done where nothing is new: made for cron.
Without --token-file it pulls what is public. Several runs may share a directory and ask for different things: what one brought
the others keep. What is there is taken to be as it came; --verify reads it again, fetches what is missing or altered, and says
that all is as it came where it is. With --quiet it says nothing unless something is wrong.

Examples:
  enaga pull --collector https://collector.example --token-file token --out /srv/enaga
  enaga pull --collector https://collector.example --token-file token --out out --format ndjson --since 2026-03-01
  enaga pull --collector https://collector.example --token-file token --out out --export iodef-v2 misp --country KR
  enaga pull --collector https://10.1.2.3:8740 --ca lab-ca.pem --token-file token --out out --verify

Exit codes: 0 all that is new is there; 1 failed: what was done stays, the next run goes on; 2 wrong usage.`;

/** The command, for the program to add. */
export function pullCommand(): Command {
  return new Command('pull')
    .description("Download what is new of a collector's days, as a member or as anyone")
    .requiredOption('--collector <url>', 'where it is', collectorUrl)
    .option('--token-file <file>', 'file that holds the token')
    .requiredOption('--out <dir>', 'where the days go')
    .addOption(new Option('--format <format>', 'of the tables').choices(FORMATS).default('csv'))
    .option('--since <date>', 'the first day, UTC', parseDate)
    .addOption(new Option('--export <format...>', 'also these exchange files').choices([...EXPORTS.keys()]).default([]))
    .option('--country <cc...>', 'of these countries; ZZ: of your networks elsewhere', [])
    .option('--ca <file>', "PEM of its certificate's authority, if that is its own")
    .option('--verify', 'look whether what is there is what came, by its SHA-256', false)
    .option('--insecure-http', 'send the token over HTTP beyond loopback', false)
    .option('--quiet', 'say nothing but errors', false)
    .addHelpText('after', EXAMPLES)
    .action(function (this: Command, flags: Flags) {
      if (flags.export.length > 0 !== flags.country.length > 0) this.error('error: --export and --country go together');
      if (flags.country.some(code => !/^[A-Z]{2}$/.test(code)))
        this.error('error: --country takes two letters, like JP');
      return reporting('pull', runPull)(flags);
    });
}

/** A collector that answers slowly, and always in time, is not to keep the next run from its work. */
const runMsMax = DAY_MS;

async function runPull(flags: Flags): Promise<void> {
  const { collector, insecureHttp, out } = flags;
  const token = flags.tokenFile === undefined ? undefined : readToken(flags.tokenFile);
  const isPlain = collector.protocol === 'http:' && !isThisMachine(collector);
  if (token !== undefined && isPlain && !insecureHttp)
    throw new BadData('the token would go over HTTP: give an https URL, or --insecure-http');
  fs.mkdirSync(out, { recursive: true });
  const limit = AbortSignal.timeout(runMsMax);
  try {
    const lock = takeLock(path.join(out, '.lock'));
    try {
      const ca = flags.ca === undefined ? undefined : readNamed(flags.ca).toString();
      await pullDays(
        new Client({
          collector,
          signal: limit,
          ...(token !== undefined && { token }),
          ...(ca !== undefined && { ca }),
        }),
        flags,
      );
    } finally {
      lock.release();
    }
  } catch (error) {
    if (error instanceof Locked) throw new BadData(`another enaga pull is at work in ${out}`);
    if (limit.aborted) throw new BadData('it is not done after 24 hours: the next run goes on', { cause: error });
    if (error instanceof PullFailed) {
      const isWay = error.status === undefined && error.message.startsWith('/'); // where it goes is in question then
      throw new BadData(isWay ? `${collector.origin}${error.message}` : error.message, { cause: error });
    }
    throw error;
  }
}

// What a collector says is looked at before it becomes a name of a file.
const NAME = '^(?!day\\.json$)[a-z][a-z-]{0,31}\\.(csv|json|ndjson)$'; // day.json is ours
const DaySchema = Type.Object({
  date: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
  state: Type.Union([Type.Literal('open'), Type.Literal('closed'), Type.Literal('revised')]),
  revision: Type.Integer({ minimum: 1, maximum: 2 ** 31 }),
});
const FileSchema = Type.Object({
  name: Type.String({ pattern: NAME }),
  url: Type.String({ pattern: '^/v1/' }),
  size: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
});
type ListedDay = Static<typeof DaySchema>;

/** At most so many rows, each as described and none twice. */
function checked<Schema extends typeof DaySchema | typeof FileSchema>(
  schema: Schema,
  rows: unknown[],
  { key, max }: { readonly key: keyof Static<Schema>; readonly max: number },
): Static<Schema>[] {
  const names = new Set<unknown>();
  for (const row of rows) {
    if (!Value.Check(schema, row)) throw new PullFailed('what answers is no collector of this version');
    names.add((row as Static<Schema>)[key]);
  }
  if (rows.length > max) throw new PullFailed(`the collector lists ${rows.length}, and at most ${max} are taken`);
  if (names.size < rows.length) throw new PullFailed('the collector lists something twice');
  return rows as Static<Schema>[];
}

async function pullDays(client: Client, flags: Flags): Promise<void> {
  const { out, since, quiet } = flags;
  const range = since === undefined ? '' : `?date=${dateOf(since)}:${dateOf(since + listDaysMax - 1)}`;
  const listed = await client.rows(`/v1/days${range}${range === '' ? '?' : '&'}files=none`);
  const days = checked(DaySchema, listed, { key: 'date', max: daysMax }).filter(({ state }) => state !== 'open');
  const say = (text: string) => void (quiet || process.stdout.write(`${text}\n`));
  // Cron mails whatever is said, and most of its runs bring nothing: of that only somebody who looks on is told.
  const sayToPerson = (text: string) => (process.stdout.isTTY ? say(text) : undefined);
  if (days.length === 0) return sayToPerson(nothingText(flags));
  let brought = 0;
  let files = 0;
  for (const day of days) {
    const folder = path.join(out, day.date);
    const before = doneIn(folder, day);
    if (isDone(folder, before, flags)) {
      files += before!.files.length;
      continue;
    }
    fs.mkdirSync(folder, { recursive: true });
    const done = await pullDay(client, folder, day, flags);
    const all = { ...pick(day), ...withOthers(folder, done, before) };
    writeWhole(path.join(folder, MANIFEST), `${JSON.stringify(all, null, 2)}\n`);
    const without = done.gone === undefined ? '' : `; its records are kept no longer: no ${done.gone.join(', ')}`;
    say(`${day.date} revision ${day.revision}: ${plural(done.files.length, 'file', 'files')}${without}`);
    brought++;
  }
  if (brought > 0) return;
  if (flags.verify) say(`${plural(days.length, 'day', 'days')}, ${plural(files, 'file', 'files')}: all as they came`);
  else sayToPerson('nothing is new');
}

const nothingText = ({ tokenFile, since }: Flags): string => {
  const from = since === undefined ? '' : ` from ${dateOf(since)} on`;
  return tokenFile === undefined
    ? `nothing${from} is public here yet: --token-file brings what a member of that collector may have`
    : `no day${from} is closed here yet`;
};

const listDaysMax = 4000;
/** A hundred years; tables of a day in one format, and room for more. */
const daysMax = 36_525;
const filesMax = 100;
const MANIFEST = 'day.json';
type Kept = FileFacts & { readonly name: string };

/** What of a day is there; exchange files that are no more, by what their names would begin with. */
interface Done {
  readonly files: readonly Kept[];
  readonly gone?: readonly string[];
}

const DoneSchema = Type.Object({
  revision: Type.Integer(),
  files: Type.Array(Type.Object({ name: Type.String(), size: Type.Integer(), sha256: Type.String() })),
  gone: Type.Optional(Type.Array(Type.String())),
});

const pick = ({ date, revision }: ListedDay) => ({ date, revision });

const exportsOf = ({ export: formats, country: countries }: Flags): ExportOrder[] =>
  formats.flatMap(name => countries.map(country => ({ format: EXPORTS.get(name)!, country })));

/** What day.json says of this revision of the day; undefined if it says nothing of it. */
function doneIn(folder: string, { revision }: ListedDay): Done | undefined {
  let text: string;
  try {
    text = fs.readFileSync(path.join(folder, MANIFEST), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const done: unknown = JSON.parse(text);
    return Value.Check(DoneSchema, done) && done.revision === revision ? done : undefined;
  } catch {
    return undefined; // damaged: pulled again
  }
}

function isDone(folder: string, done: Done | undefined, flags: Flags): boolean {
  if (done === undefined) return false;
  const names = [...done.files.map(({ name }) => name), ...(done.gone ?? [])];
  const wanted = [`total.${flags.format}`, ...exportsOf(flags).map(exportStem)];
  if (!wanted.every(stem => names.some(name => name.startsWith(stem)))) return false;
  return !flags.verify || done.files.every(file => isThere(folder, file));
}

/** A feed's file lies in the directory of all days. */
function isThere(folder: string, { name, sha256 }: Kept): boolean {
  return factsOf(path.join(name.includes('/') ? path.dirname(folder) : folder, name))?.sha256 === sha256;
}

/** With what other runs brought of this revision, as far as it is there. */
function withOthers(folder: string, done: Done, before: Done | undefined): Done {
  const names = new Set(done.files.map(({ name }) => name));
  const others = (before?.files ?? []).filter(file => !names.has(file.name) && isThere(folder, file));
  const gone = [...new Set([...(before?.gone ?? []), ...(done.gone ?? [])])];
  return { files: [...done.files, ...others], ...(gone.length > 0 && { gone }) };
}

/** What the names of its files begin with. */
const exportStem = ({ format, country }: ExportOrder): string =>
  `${format.name}-${country}${format.kind === 'file' ? '.' : '/'}`;

async function pullDay(client: Client, folder: string, { date }: ListedDay, flags: Flags): Promise<Done> {
  const kept: Kept[] = [];
  const told = await client.rows(`/v1/days/${date}/files?type=${flags.format}`);
  for (const { name, url, size, sha256 } of checked(FileSchema, told, { key: 'name', max: filesMax })) {
    const file = path.join(folder, name);
    const there = factsOf(file);
    if (there?.sha256 !== sha256) await client.download(url, file, { size, sha256 });
    kept.push({ name, size, sha256 });
  }
  const gone: string[] = [];
  for (const order of exportsOf(flags)) {
    const files = await pullExport(client, { ...order, date, folder, out: flags.out });
    if (files === 'gone') gone.push(exportStem(order));
    else kept.push(...files);
  }
  return { files: kept, ...(gone.length > 0 && { gone }) };
}

function writeWhole(file: string, text: string): void {
  fs.writeFileSync(`${file}.part`, text);
  fs.renameSync(`${file}.part`, file);
}

function readToken(file: string): string {
  const token = readNamed(file).toString().trim();
  if ((fs.statSync(file).mode & 0o004) !== 0)
    process.stderr.write(`enaga pull: every user of this machine can read ${file}: chmod 600 is better\n`);
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(token)) throw new BadData(`${file} holds no token`);
  return token;
}

function collectorUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.pathname !== '/')
    throw new InvalidArgumentError('It takes a URL like https://collector.example.');
  return url;
}
