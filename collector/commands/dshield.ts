/** `enaga dshield`: a day's packets in DShield's format, as a file, or submitted where the operator says so. */
import { Command, InvalidArgumentError } from 'commander';
import { Locked, takeLock } from '../../common/sqlite/lock.ts';
import { toStdout } from '../../common/stdout.ts';
import { DAY_MS } from '../../common/time.ts';
import { archiveThread } from '../archive/past.ts';
import { LogReader } from '../log/reader.ts';
import { type DshieldLog, dshieldChunks, dshieldLogs, type NotTold, nothingLeftOut } from '../peer/dshield.ts';
import { isThisMachine } from '../peer/http.ts';
import type { Peers } from '../peer/peers.ts';
import {
  logsMax,
  NotSubmitted,
  noteSubmitted,
  readCredentials,
  type Submitted,
  submit,
  submittedOf,
} from '../peer/submit.ts';
import { count, plural } from '../publish/words.ts';
import { dateOf } from '../reduce/result.ts';
import { type ObservedTest, observedBy } from '../registry/observed.ts';
import { Registry } from '../registry/registry.ts';
import { writeWhole } from '../replay/whole.ts';
import { DamagedBatch, isMisdated, openOrDamaged } from '../store/batch.ts';
import { excludedOn } from '../store/tail.ts';
import { BadData, type DataPaths, dataOption, existingData } from './data.ts';
import { parseDate } from './dates.ts';
import { reporting } from './outcome.ts';
import { withPeers } from './peer.ts';
import { printLines } from './registry.ts';
import { readNamed } from './trouble.ts';

interface Flags {
  data: string;
  date: number;
  output?: string;
  submit: boolean;
  resend: boolean;
  leaveOut: boolean;
  url?: URL;
  credentials?: string;
  ca?: string;
}

const EXAMPLES = `
A file is JSON as DShield's own sensor sends it, {"type": "firewall", "logs": [{time, sip, dip, proto, sport, dport, flags, version}]}.
dip gives no sensor away: it is 0.0.0.0 or :: for every packet, and nothing can change that. Left out, and counted on standard error,
are backscatter, packets whose source is an address that a sensor observes, and protocols that DShield's own sensor does not send.

Nothing is sent unless --submit is given, with a URL (DShield's is https://www.dshield.org/submitapi/) and a file of credentials: its
lines userid = NUMBER and apikey = KEY, as in DShield's dshield.ini. What was sent once of a day is not sent again: a second run
sends what has come since. It stops where a piece is not taken, and the next run goes on there. After a piece that may have been taken
(the run was killed, no answer came, or one that does not tell, as a proxy's 502 or 524) nothing more of the day is sent until a
run with --resend sends it again, or one with --leave-out goes on after it.

Examples:
  enaga dshield --date 2026-11-20 --output dshield.json
  enaga dshield --date 2026-11-20 --submit --url https://www.dshield.org/submitapi/ --credentials /etc/enaga/dshield.ini

Exit codes: 0 done; 1 failed; 2 wrong usage.`;

/** The command, for the program to add. */
export function dshieldCommand(): Command {
  return new Command('dshield')
    .description("Write a day's packets in DShield's format, or submit them")
    .requiredOption('--date <date>', 'the day, YYYY-MM-DD, UTC', parseDate)
    .option('--output <file>', 'where to; standard output unless given')
    .option('--submit', 'send it, instead of writing it', false)
    .option('--resend', 'of --submit: also what a run that was cut short may have sent', false)
    .option('--leave-out', 'of --submit: go on after what a run that was cut short may have sent', false)
    .option('--url <url>', 'of --submit: where to', submitUrl)
    .option('--credentials <file>', 'of --submit: file with userid and apikey')
    .option('--ca <file>', "of --submit: PEM of the server's own authority")
    .addOption(dataOption())
    .addHelpText('after', EXAMPLES)
    .action(function (this: Command, flags: Flags) {
      const { submit: sends, url, credentials, ca, output, resend, leaveOut } = flags;
      if (sends && (url === undefined || credentials === undefined))
        this.error('error: --submit goes with --url and --credentials');
      if (!sends && [url, credentials, ca].some(one => one !== undefined))
        this.error('error: --url, --credentials and --ca are of --submit');
      if (!sends && (resend || leaveOut)) this.error('error: --resend and --leave-out are of --submit');
      if (resend && leaveOut) this.error('error: give --resend or --leave-out');
      if (sends && output !== undefined) this.error('error: give --output or --submit');
      return reporting('dshield', runDshield)(flags);
    });
}

async function runDshield(flags: Flags): Promise<void> {
  const paths = existingData(flags.data);
  const reader = LogReader.open(paths.log, archiveThread(paths.archive).past());
  const notTold = nothingLeftOut();
  try {
    const day = { reader, ...decidedIn(paths, flags.date), day: flags.date, notTold };
    if (flags.submit) await alone(paths, () => submitDay(day, flags));
    else await writeDay(day, flags.output);
    sayNotTold(notTold, flags.date);
  } catch (error) {
    if (!(error instanceof NotSubmitted)) throw error;
    throw new BadData(error.message, { cause: error });
  } finally {
    reader.close();
  }
}

/** Two at once would each take what the other is sending for cut short. */
async function alone({ peers }: DataPaths, work: () => Promise<void>): Promise<void> {
  let lock: ReturnType<typeof takeLock>;
  try {
    lock = takeLock(`${peers}.dshield-lock`);
  } catch (error) {
    if (error instanceof Locked) throw new BadData('another enaga dshield submits now');
    throw error;
  }
  try {
    await work();
  } finally {
    lock.release();
  }
}

interface Day {
  readonly reader: LogReader;
  readonly day: number;
  readonly excluded: ReadonlySet<number>;
  readonly observed: ObservedTest;
  readonly notTold: NotTold;
}

function decidedIn({ registry: file }: DataPaths, day: number): Pick<Day, 'excluded' | 'observed'> {
  const registry = Registry.open(file, { readonly: true });
  try {
    return { excluded: new Set(excludedOn(registry.exclusions(), day)), observed: observedBy(registry.placements()) };
  } finally {
    registry.close();
  }
}

/** A batch's logs at a time, with its position, in the order of the log. */
function* logsOf({ reader, day, excluded, observed, notTold }: Day, after = 0) {
  for (const logged of reader.ofDay(day, reader.head(), () => notTold.damaged++)) {
    if (logged.position <= after || isMisdated(logged) || excluded.has(logged.sensor)) continue;
    const batch = openOrDamaged(logged);
    if (batch instanceof DamagedBatch) notTold.damaged++;
    else yield { position: logged.position, logs: dshieldLogs(batch.records, observed, notTold) };
  }
}

async function writeDay(day: Day, output: string | undefined): Promise<void> {
  const blocks = logsOf(day);
  const first = blocks.next();
  if (first.done) throw new BadData('nothing was received of that day');
  const all = function* () {
    yield first.value.logs;
    for (const { logs } of blocks) yield logs;
  };
  const chunks = dshieldChunks(all());
  if (output === undefined) await toStdout(chunks);
  else await writeWhole(output, chunks);
}

async function submitDay(day: Day, flags: Flags): Promise<void> {
  const { data, url, credentials: file, ca: caFile } = flags;
  const credentials = readCredentials(file!);
  const ca = caFile === undefined ? undefined : readNamed(caFile).toString();
  await withPeers(data, async peers => {
    const book = bookOf(peers, { url: url!.href, day: day.day, log: day.reader.id });
    const before = book.begin(flags);
    let waiting: DshieldLog[] = [];
    let { position } = before;
    const send = async () => {
      const logs = waiting;
      waiting = [];
      await book.sent({ position, records: logs.length }, () => submit(url!, logs, credentials, ca));
    };
    for (const { position: at, logs } of logsOf(day, before.position)) {
      if (waiting.length + logs.length > logsMax) await send();
      waiting.push(...logs);
      position = at;
    }
    if (position > before.position) await send();
    const sent = book.done().records - before.records;
    const also = before.records > 0 ? `; ${count(before.records)} were sent before` : '';
    printLines(`${dateOf(day.day)}: ${plural(sent, 'packet', 'packets')} submitted to ${url!.host}${also}`);
  });
}

/**
 * What was sent of a day, written down before a piece leaves and after it was taken. DShield has no name for a piece by which it
 * could tell that it has it already: whether one whose end nobody knows is sent again is the operator's to say.
 */
function bookOf(peers: Peers, key: Parameters<typeof noteSubmitted>[1]) {
  let done: Submitted = { position: 0, records: 0 };
  const note = (under: Submitted | null) => noteSubmitted(peers, key, { ...done, under }, Date.now());
  return {
    done: () => done,
    /** Where to go on. Throws `BadData` as long as nobody has said what becomes of a piece that may have been taken. */
    begin: ({ resend, leaveOut }: Pick<Flags, 'resend' | 'leaveOut'>): Submitted => {
      const { under, ...kept } = submittedOf(peers, key);
      done = kept;
      if (under === null) return done;
      const n = plural(under.records, 'packet', 'packets');
      if (!resend && !leaveOut)
        throw new BadData(
          `nothing is sent: ${n} may have been taken from a run that was cut short; --resend sends them again, --leave-out goes on after them`,
        );
      if (leaveOut) {
        done = { ...kept, position: under.position };
        warn(`left out: ${n} that may have been taken from a run that was cut short`);
      }
      note(null);
      return done;
    },
    sent: async (piece: Submitted, send: () => Promise<void>): Promise<void> => {
      if (piece.records > 0) {
        note(piece);
        try {
          await send();
        } catch (error) {
          if (error instanceof NotSubmitted && !error.isMaybe) note(null);
          throw error;
        }
      }
      done = { position: piece.position, records: done.records + piece.records };
      note(null);
    },
  };
}

function sayNotTold({ backscatter, protocol, observed, damaged }: NotTold, day: number): void {
  for (const [n, text] of [
    [backscatter, 'packets of backscatter'],
    [protocol, "packets of protocols that DShield's own sensor does not send"],
    [observed, 'packets whose source is an address that a sensor observes'],
    [damaged, 'batches that are damaged in the log'],
  ] as const)
    if (n > 0) warn(`left out: ${text}, ${count(n)}`);
  if ((day + 1) * DAY_MS > Date.now()) warn('the day is not over: this is what came so far');
}

const warn = (text: string): void => void process.stderr.write(`enaga dshield: ${text}\n`);

function submitUrl(text: string): URL {
  const url = URL.parse(text);
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isThisMachine(url));
  if (url === null || !isSafe || url.username !== '') throw new InvalidArgumentError('It takes an https URL.');
  return url;
}
