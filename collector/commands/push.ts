/** `enaga push`: exchange files that go to members each morning, and what became of them. */
import fs from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Locked, takeLock } from '../../common/sqlite/lock.ts';
import { DAY_MS } from '../../common/time.ts';
import { FORMATS, SHAPES } from '../publish/exports/formats.ts';
import { daysWithFiles } from '../publish/exports/open.ts';
import { count } from '../publish/words.ts';
import { Book, fileName, type LogEntry, STATES } from '../push/book.ts';
import { openPush } from '../push/open.ts';
import { cutsFor, filesFor } from '../push/plan.ts';
import { deliverRound, type PushPowers, queueDays, type Told } from '../push/round.ts';
import { type Kind, type NewTarget, PushError, shownAddress, type Target } from '../push/targets.ts';
import { sendTest, tookText } from '../push/test-message.ts';
import { checkSecret, newSecret } from '../push/webhook.ts';
import { dateOf } from '../reduce/result.ts';
import { ALL_DAYS } from '../store/query.ts';
import { loadConfig, type Settings } from './config.ts';
import { BadData, type DataPaths, dataOption, existingData } from './data.ts';
import { parseDate } from './dates.ts';
import { withMembers } from './member.ts';
import { reporting } from './outcome.ts';
import { pushPlace } from './push-place.ts';
import { addExamples, isoTime, printJson, printLines, printTable } from './registry.ts';
import { senderOf } from './sender.ts';
import { readNamed } from './trouble.ts';

const ABOUT = `
Each morning (enaga serve --push-at, 06:00 UTC) every newly closed or revised day goes to its member's targets: scans from each of
the member's countries, and from its AS numbers and prefixes elsewhere (ZZ); never a destination. What fails is tried again, after 5
minutes to 6 hours, for two weeks. The same revision of a day is sent once; a try that was cut short (a crash) is made again
under the same key, which the receiver can tell by: webhook-id, Message-ID.

To a URL it is a POST, signed as Standard Webhooks say: webhook-signature is v1,BASE64 of HMAC-SHA256 over ID.TIMESTAMP.BODY.
E-mail needs smtpHost and smtpFrom among the settings. A directory is for others to take from, by SFTP, say; it must be there.
Who sends stands in exports.json (enaga export --help). What left is in enaga audit.`;

const EXAMPLES = {
  add: [
    'add kr-soc --member kr-csirt --format iodef-v2 intelmq --url https://soc.example/enaga',
    'add kr-mail --member kr-csirt --format shadowserver --mail soc@csirt.example duty@csirt.example',
    'add kr-sftp --member kr-csirt --format misp --dir /srv/sftp/kr-csirt/feed',
  ],
  list: ['list'],
  remove: ['remove kr-mail'],
  test: ['test kr-soc'],
  run: ['run', 'run --target kr-soc --dry-run'],
  log: ['log --top 20', 'log --target kr-soc --state given-up waiting'],
};

interface Flags {
  data: string;
  json: boolean;
}
interface AddFlags extends Flags {
  member: string;
  format: string[];
  shape: string;
  url?: string;
  mail?: string[];
  dir?: string;
  secretFile?: string;
  ca?: string;
  since?: number;
  empty: boolean;
}
interface RunFlags extends Flags {
  target?: string;
  dryRun: boolean;
}
interface LogFlags extends Flags {
  target?: string;
  state?: (typeof STATES)[number][];
  top: number;
}

const topMax = 100_000;

/** The command, for the program to add. */
export function pushCommand(): Command {
  const push = new Command('push')
    .description('Exchange files that go to members each morning')
    .exitOverride() // before its own commands are made, which take it over: wrong usage is exit code 2 everywhere
    .addHelpText('after', ABOUT);
  const withJson = (command: Command) => command.option('--json', 'as JSON', false).addOption(dataOption());
  withJson(push.command('add').description('Add a place that a member wants its files at; prints the secret of a URL'))
    .argument('<name>', 'how to call it')
    .requiredOption('--member <org>', 'whose it is: what that member may read goes there')
    .addOption(new Option('--format <format...>', 'what to send').choices([...FORMATS.keys()]).makeOptionMandatory())
    .addOption(
      new Option('--shape <shape>', 'of IODEF: an event a record, or CSV within').choices(SHAPES).default('records'),
    )
    .addOption(new Option('--url <url>', 'send it there by HTTPS').conflicts(['mail', 'dir']))
    .addOption(new Option('--mail <address...>', 'or to these e-mail addresses').conflicts('dir'))
    .option('--dir <dir>', 'or write it into this directory')
    .option(
      '--secret-file <file>',
      'file (- standard input) with the secret to sign with; made and shown once unless given',
    )
    .option('--ca <file>', "trust this certificate of the receiver's, PEM")
    .option('--since <date>', 'the first day to send, UTC (yesterday unless given)', parseDate)
    .option('--empty', 'also send files of days without a scan', false)
    .action(function (this: Command, name: string, flags: AddFlags) {
      const given = [flags.url, flags.mail, flags.dir].filter(one => one !== undefined);
      if (given.length !== 1) this.error('error: give one of --url, --mail and --dir');
      if (flags.secretFile !== undefined && flags.url === undefined) this.error('error: --secret-file goes with --url');
      return reporting('push add', addTarget)(name, flags);
    });
  withJson(push.command('list').description('List all targets')).action(reporting('push list', listTargets));
  withJson(push.command('remove').description('Send nothing there any more').argument('<name>')).action(
    reporting('push remove', removeTarget),
  );
  withJson(push.command('test').description('Send a test there, without any data').argument('<name>')).action(
    reporting('push test', testTarget),
  );
  withJson(push.command('run').description('Send now what is new, and what waits to be tried again'))
    .option('--target <name>', 'only there')
    .option('--dry-run', 'only say what would be sent', false)
    .action(reporting('push run', runPush));
  withJson(push.command('log').description('Show what became of each file, the last first'))
    .option('--target <name>', 'only of this target')
    .addOption(new Option('--state <state...>', 'only what is so').choices(STATES))
    .option('--top <n>', 'entries', top, 50)
    .action(reporting('push log', showLog));
  addExamples(push, EXAMPLES);
  return push;
}

async function withBook<T>(paths: DataPaths, use: (book: Book) => T | Promise<T>): Promise<T> {
  const book = Book.open(paths.push);
  try {
    return await use(book);
  } catch (error) {
    if (error instanceof PushError) throw new BadData(error.message, { cause: error });
    throw error;
  } finally {
    book.close();
  }
}

const settingsOf = (paths: DataPaths): Settings =>
  loadConfig({ file: paths.config, environment: process.env, flags: {} }).settings;

/** A secret on the command line would be in the list of processes, and in the shell's history. */
function addTarget(name: string, flags: AddFlags): Promise<void> {
  const paths = existingData(flags.data);
  const { member, format: formats, shape, empty, since, url, mail, dir } = flags;
  const nowMs = Date.now();
  const [kind, address]: [Kind, string] =
    url !== undefined ? ['https', url] : mail !== undefined ? ['mail', mail.join(' ')] : ['folder', path.resolve(dir!)];
  if (kind === 'folder' && !fs.statSync(address, { throwIfNoEntry: false })?.isDirectory())
    throw new BadData(`${address} is no directory: make it first`);
  withMembers(flags.data, members => {
    const { revokedMs } = members.existing(member);
    if (revokedMs !== null) throw new BadData(`member ${member} is revoked`);
  });
  const ca = flags.ca === undefined ? null : readNamed(flags.ca).toString();
  const fromDay = since ?? Math.floor(nowMs / DAY_MS) - 1;
  const target: NewTarget = { name, member, kind, address, formats, shape, empty, fromDay, ca };
  return withBook(paths, book => {
    const secret = kind === 'https' ? secretOf(flags) : null;
    const added = book.add(target, secret, nowMs);
    note(flags.data, 'push add', { name, member, kind, to: shownAddress(added), formats });
    const shown = flags.secretFile === undefined ? secret : null;
    if (flags.json) printJson({ ...told(added), ...(shown !== null && { secret: shown }) });
    else printLines(...described(added), ...secretLines(shown));
    if (kind === 'mail' && settingsOf(paths).smtpHost === undefined)
      warn('add', 'no mail server is set: nothing goes there until smtpHost and smtpFrom are');
  });
}

/** `-`: standard input. */
const secretOf = ({ secretFile }: AddFlags): string =>
  secretFile === undefined
    ? newSecret()
    : checkSecret((secretFile === '-' ? fs.readFileSync(process.stdin.fd) : readNamed(secretFile)).toString().trim());

const secretLines = (secret: string | null): string[] =>
  secret === null
    ? []
    : [
        '',
        `secret   ${secret}`,
        '         shown once: the receiver checks webhook-signature with it (Standard Webhooks)',
      ];

const listTargets = ({ data, json }: Flags): Promise<void> =>
  withBook(existingData(data), book => {
    const targets = book.targets();
    if (json) printJson(targets.map(told));
    else if (targets.length === 0) printLines('no target yet: enaga push add NAME --member ORG ...');
    else
      printTable(
        ['name', 'member', 'formats', 'to', 'from', ''],
        targets.map(one => [
          one.name,
          one.member,
          one.formats.join(' '),
          shownAddress(one),
          dateOf(one.fromDay),
          stateText(one),
        ]),
      );
  });

const stateText = ({ failures, nextMs }: Target): string =>
  failures === 0 ? '' : `failed ${failures === 1 ? 'once' : `${failures} times`}, next try ${isoTime(nextMs)}`;

const removeTarget = (name: string, { data, json }: Flags): Promise<void> =>
  withBook(existingData(data), book => {
    const target = book.remove(name, Date.now());
    note(data, 'push remove', { name, member: target.member });
    if (json) printJson(told(target));
    else printLines(`nothing goes to ${name} any more`);
  });

const note = (data: string, action: string, detail: object): void =>
  withMembers(data, members => members.noteChange(action, detail, Date.now()));

const testTarget = (name: string, { data, json }: Flags): Promise<void> => {
  const paths = existingData(data);
  return withBook(paths, async book => {
    const target = book.existing(name);
    const { mail } = pushPlace(paths, settingsOf(paths));
    const powers = { secret: book.secretOf(target), nowMs: Date.now(), ...(mail && { mail }) };
    const outcome = await sendTest(target, powers);
    if (json) printJson({ target: name, ...outcome });
    if (outcome.kind !== 'delivered') throw new BadData(`${name} did not take it: ${outcome.why}`);
    if (!json) printLines(tookText(target));
  });
};

async function runPush({ data, target, dryRun, json }: RunFlags): Promise<void> {
  const paths = existingData(data);
  const { senderFile: _, ...place } = pushPlace(paths, settingsOf(paths));
  const sender = senderOf(paths);
  if (sender === undefined) throw new BadData(`who sends? ${paths.exports} must say it: enaga export --help`);
  const lock = dryRun ? undefined : lockOf(paths);
  const { powers, close } = openPush({ ...place, sender });
  try {
    const targets = chosen(powers.book, target);
    if (dryRun) return showDue(powers, targets, json);
    const all: Told[] = [];
    for (const one of targets) powers.book.revive(one);
    queueDays(powers, targets, Date.now());
    const tell = (told: Told) => {
      all.push(told);
      if (!json) printLines(lineOf(told));
    };
    await deliverRound(powers, { targets, all: true, tell });
    if (json) printJson(all.map(dated));
    else if (all.length === 0) printLines('nothing is new');
    // Where a target takes nothing, the files after the first are not tried: they wait, too.
    const waiting = targets.flatMap(one => powers.book.waiting(one, 0, true)).length;
    const over = all.filter(({ state }) => state !== 'failed');
    const bad = waiting + over.filter(({ state }) => state === 'given-up').length;
    if (bad > 0) throw new BadData(notSent(bad, waiting + over.length));
  } finally {
    close();
    lock?.release();
  }
}

const notSent = (bad: number, all: number): string =>
  `${count(bad)} of ${count(all)} files ${bad === 1 ? 'was' : 'were'} not sent: enaga push log says why`;

function lockOf({ pushLock }: DataPaths) {
  try {
    return takeLock(pushLock);
  } catch (error) {
    if (error instanceof Locked) throw new BadData('enaga serve is pushing now: see enaga push log, or try again');
    throw error;
  }
}

function chosen(book: Book, name: string | undefined): Target[] {
  if (name === undefined) return book.targets();
  const found = book.find(name);
  if (found === undefined) throw new BadData(`there is no target ${name}: enaga push list shows all`);
  return [found];
}

/** Without a look at rows: a file that turns out to have none is not sent. */
function showDue({ book, store, members }: PushPowers, targets: readonly Target[], json: boolean): void {
  const opened = store();
  const days = opened === undefined ? [] : daysWithFiles(opened, ALL_DAYS);
  const due = targets.flatMap(target => {
    const done = book.done(target);
    return filesFor(target, cutsFor(members.find(target.member), Date.now()), days)
      .filter(file => (done.get(fileName(file)) ?? 0) < file.revision)
      .map(file => ({ target: target.name, ...file }));
  });
  if (json) printJson(due.map(dated));
  else if (due.length === 0) printLines('nothing is new');
  else printLines(...due.map(one => `${fileText(one)} -> ${one.target}`));
}

type FileOf = Pick<LogEntry, 'day' | 'country' | 'format'>;

const showLog = ({ data, target, state, top: max, json }: LogFlags): Promise<void> =>
  withBook(existingData(data), book => {
    const entries = book.log({ max, ...(target !== undefined && { target }), ...(state && { states: state }) });
    if (json) printJson(entries.map(logged));
    else if (entries.length === 0) printLines('nothing was pushed');
    else
      printTable(
        ['when', 'target', 'day', 'of', 'format', 'revision', 'state', 'bytes', ''],
        entries.map(one => [
          isoTime(one.lastMs) ?? '-',
          ...[one.targetName, dateOf(one.day), one.country, one.format, String(one.revision), one.state],
          one.bytes === null ? '' : count(one.bytes),
          noteOf(one),
        ]),
      );
  });

function noteOf(entry: LogEntry): string {
  const { why, tries, interrupted, unheard } = entry;
  const next = nextOf(entry);
  return [
    ...(why === null ? [] : [why]),
    ...(tries > 1 ? [`${tries} tries`] : []),
    ...(interrupted > 0 ? [`${interrupted} interrupted`] : []),
    ...(unheard > 0 ? [`${unheard} without a word on whether it arrived`] : []),
    ...(next === null ? [] : [`next try ${next}`]),
  ].join('; ');
}

/** When it is tried again; null of what is done with, and of what only waits for its turn. */
function nextOf({ state, nextMs, targetNextMs }: LogEntry): string | null {
  const ms = Math.max(nextMs, targetNextMs);
  return state === 'waiting' && ms > 0 ? isoTime(ms) : null;
}

const told = (target: Target) => {
  const { id, fromDay, createdMs, nextMs, ca, ...rest } = target;
  return {
    ...rest,
    address: shownAddress(target),
    since: dateOf(fromDay),
    created: isoTime(createdMs),
    next: nextMs === 0 ? null : isoTime(nextMs),
    ownCa: ca !== null,
  };
};

const logged = (entry: LogEntry) => {
  const { id, target, targetName, day, queuedMs, nextMs, targetNextMs, lastMs, ...rest } = entry;
  return {
    target: targetName,
    date: dateOf(day),
    ...rest,
    queued: isoTime(queuedMs),
    last: isoTime(lastMs),
    next: nextOf(entry),
  };
};

const described = (target: Target): string[] => [
  `target   ${target.name}, of member ${target.member}`,
  `to       ${shownAddress(target)}`,
  `formats  ${target.formats.join(' ')}`,
  `from     ${dateOf(target.fromDay)} on, closed days${target.empty ? ', also those without a scan' : ''}`,
];

const dated = <T extends { day: number }>({ day, ...rest }: T) => ({ date: dateOf(day), ...rest });

const fileText = ({ day, country, format, revision }: FileOf & { revision: number }): string =>
  `${dateOf(day)} ${country} ${format} revision ${revision}`;

const lineOf = (one: Told): string =>
  `${fileText(one)} -> ${one.target}: ${one.state}${one.bytes === undefined ? '' : `, ${count(one.bytes)} bytes`}` +
  `${one.why === undefined ? '' : ` (${one.why})`}`;

const warn = (verb: string, text: string): void => void process.stderr.write(`enaga push ${verb}: ${text}\n`);

function top(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > topMax)
    throw new InvalidArgumentError(`It takes a whole number from 1 to ${topMax}.`);
  return value;
}
