/**
 * `npm run bench`: replay against walking alone and against the tools that people use today, on one generated capture. It
 * prints ratios, for absolute times say more about the machine than about the programs. A target that is missed is no
 * failure; a program that does not run, or that counted something else than we did, is (exit code 1).
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { count } from '../../collector/publish/words.ts';
import { type Contestant, OURS, peers, replayCounts, replayStep } from './contestants.ts';
import { type Counts, compare } from './counts.ts';
import { measureLive, renderLive, whyNotLive } from './live.ts';
import { measurePipe, renderPipe } from './pipe.ts';
import { isThere, RunFailed, type Spent, Workshop } from './run.ts';
import { type Measured, type Outcome, renderMarkdown, renderText, type Tenfold } from './table.ts';
import { isWhole, measureThousand, renderThousand } from './thousand.ts';
import { measureWire, renderWire, type Wire } from './wire.ts';

const packetsDefault = 10_000_000;
const packetsQuick = 500_000;
const packetsMin = 1_000;
const packetsMax = 100_000_000;
const roundsDefault = 3;
const roundsMax = 99;
const seed = 1;
/** The traffic has 84 bytes a packet; a cut's flow records, results and the cuts themselves come on top. */
const bytesPerPacket = 84 * 2;
const bytesBeside = 500e6;
const times = 10;
/** The capture that is given several times over is a fifth of the whole, and no longer than this. */
const tenfoldPart = 5;
const tenfoldPacketsMax = 2_000_000;
const wirePacketsMax = 500_000;
const pipePacketsMax = 10_000_000;
const readBytes = 1 << 22;

const HELP = `Measures enaga replay against walking the packets alone, tshark, tcpdump, nfdump and libtrace.

usage: npm run bench -- [options]
  --packets N   packets of the generated capture (default ${count(packetsDefault)}; with --quick ${count(packetsQuick)})
  --rounds N    how often each runs (default ${roundsDefault}; with --quick 1)
  --quick       a short look: a small capture, one round
  --pipe        instead: from sealed batches over HTTP and TLS to the store (two minutes for 10 million packets)
  --thousand    instead: a thousand sensors, and a collector that is killed and away for half a minute (two minutes)
  --live        instead: the rate a live sensor takes without a drop, against tcpdump (needs root, tcpdump, cc)
  --markdown    print Markdown, as it stands in the README
  --keep        keep the temporary folder, and say where it is
  -h, --help

Examples:
  npm run bench                          the whole of it: about five minutes on two idle cores, 2 GB of disk
  npm run bench -- --quick               half a minute
  npm run -s bench -- --markdown > bench.md
  TMPDIR=/mnt/fast npm run bench -- --packets 50000000

The result goes to standard output, what is being done to standard error. A tool that is not installed is left out.
Exit codes: 0 all ran (whether or not a target was met); 1 something did not run or counted otherwise; 2 wrong usage.
`;

interface Options {
  readonly packets: number;
  readonly rounds: number;
  readonly quick: boolean;
  readonly markdown: boolean;
  readonly keep: boolean;
  readonly live: boolean;
  readonly pipe: boolean;
  readonly thousand: boolean;
}

class UsageError extends Error {}

function wholeNumber(name: string, value: string | undefined, absent: number, min: number, max: number): number {
  const number = value === undefined ? absent : Number(value);
  if (!Number.isInteger(number) || number < min || number > max)
    throw new UsageError(`--${name} takes a whole number from ${count(min)} to ${count(max)}`);
  return number;
}

/** Undefined when only help was asked for. */
function readOptions(): Options | undefined {
  const flag = { type: 'boolean', default: false } as const;
  const text = { type: 'string' } as const;
  const options = {
    packets: text,
    rounds: text,
    quick: flag,
    markdown: flag,
    keep: flag,
    live: flag,
    pipe: flag,
    thousand: flag,
    help: { ...flag, short: 'h' },
  };
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { quick, markdown, keep, live, pipe, thousand, help } = values;
  if (help) return undefined;
  const packets = wholeNumber('packets', values.packets, quick ? packetsQuick : packetsDefault, packetsMin, packetsMax);
  const rounds = wholeNumber('rounds', values.rounds, quick ? 1 : roundsDefault, 1, roundsMax);
  return { packets, rounds, quick, markdown, keep, live, pipe, thousand };
}

async function benchLive(): Promise<void> {
  const why = whyNotLive();
  if (why !== undefined) throw new RunFailed(`--live cannot run here: ${why}`);
  const rates = await step('rates without a drop, tcpdump and enaga-sensor', measureLive);
  process.stdout.write(renderLive(rates));
}

const say = (text: string): void => void process.stderr.write(text);

/** Says what it does, does it, says how long it took and what `note` makes of it. */
async function step<Result>(what: string, work: () => Promise<Result>, note = (_: Result) => ''): Promise<Result> {
  say(`bench: ${what} ... `);
  const started = performance.now();
  try {
    const result = await work();
    say(`${((performance.now() - started) / 1000).toFixed(1)} s${note(result)}\n`);
    return result;
  } catch (error) {
    say('failed\n');
    throw error;
  }
}

/** The captures of a run, by their number of packets: each the first packets of the largest. */
class Captures {
  readonly #workshop: Workshop;
  readonly #made = new Map<number, string>();

  constructor(workshop: Workshop) {
    this.#workshop = workshop;
  }

  async of(packets: number): Promise<string> {
    const made = this.#made.get(packets);
    if (made !== undefined) return made;
    const file = this.#workshop.file(`${packets}.pcap`);
    const traffic = path.join(import.meta.dirname, 'traffic.ts');
    const argv = [process.execPath, traffic, '--packets', String(packets), '--out', file, '--seed', String(seed)];
    const make = async () => {
      await this.#workshop.run([{ pipe: [argv] }]);
      return await settle(file);
    };
    await step(`making a capture of ${count(packets)} packets`, make, bytes => `, ${count(bytes / 1e6)} MB`);
    this.#made.set(packets, file);
    return file;
  }
}

/** Has the file written to disk, so that nobody is disturbed by that later, and read once, so that it is in the page cache. */
async function settle(file: string): Promise<number> {
  const handle = await fs.promises.open(file, 'r+');
  await handle.sync();
  const buffer = Buffer.alloc(readBytes);
  let bytes = 0;
  for (let read = -1; read !== 0; bytes += read) read = (await handle.read(buffer)).bytesRead;
  await handle.close();
  return bytes;
}

interface Entrant {
  readonly contestant: Contestant;
  readonly packets: number;
  readonly capture: string;
  readonly rounds: Spent[];
}

class Bench {
  readonly checks: string[] = [];
  readonly missing: string[] = [];
  /** Something did not run, or counted otherwise. */
  failed = false;
  readonly #options: Options;
  readonly #workshop: Workshop;
  readonly #captures: Captures;

  constructor(options: Options, workshop: Workshop) {
    this.#options = options;
    this.#workshop = workshop;
    this.#captures = new Captures(workshop);
  }

  async run(): Promise<Outcome> {
    const { packets, rounds, quick } = this.#options;
    let entrants = await this.#enter([...OURS, ...this.#present(peers(quick))]);
    const ours = await this.#countOurselves(entrants);
    for (let round = 0; round < rounds; round++)
      for (const entrant of entrants) {
        await this.#compete(entrant, round, ours);
        if (entrant.rounds.length <= round) entrants = entrants.filter(other => other !== entrant);
      }
    const tenfold = await this.#tenfold();
    const measured: Measured[] = entrants;
    return { packets, seed, measured, tenfold, checks: this.checks, missing: this.missing };
  }

  async wire(): Promise<Wire> {
    const packets = Math.min(wirePacketsMax, this.#options.packets);
    const capture = await this.#captures.of(packets);
    return await step('what a packet takes on the wire', () => measureWire(capture, packets, this.#workshop));
  }

  #present(contestants: readonly Contestant[]): Contestant[] {
    return contestants.filter(({ letter, programs }) => {
      const absent = programs.filter(program => !isThere(program));
      if (absent.length > 0) this.missing.push(`(${letter}) left out, not installed: ${absent.join(', ')}.`);
      return absent.length === 0;
    });
  }

  async #enter(contestants: readonly Contestant[]): Promise<Entrant[]> {
    const entrants: Entrant[] = [];
    for (const contestant of contestants) {
      const packets = Math.min(this.#options.packets, contestant.packetsMax);
      entrants.push({ contestant, packets, capture: await this.#captures.of(packets), rounds: [] });
    }
    return entrants;
  }

  /** What replay counts in each capture: untimed, and so a warm-up of what it keeps on disk too. */
  async #countOurselves(entrants: readonly Entrant[]): Promise<ReadonlyMap<string, Counts>> {
    const captures = new Map(entrants.map(({ capture, packets }) => [capture, packets]));
    const counted = new Map<string, Counts>();
    for (const [capture, packets] of captures) {
      const out = this.#workshop.emptyFolder('out');
      const run = () => this.#workshop.run([replayStep([capture], out, 1)]);
      await step(`what replay counts in ${count(packets)} packets, to compare with`, run);
      counted.set(capture, replayCounts(out));
    }
    return counted;
  }

  async #compete({ contestant, packets, capture, rounds }: Entrant, round: number, ours: ReadonlyMap<string, Counts>) {
    const { letter, what } = contestant;
    const out = this.#workshop.emptyFolder('out');
    try {
      const title = `round ${round + 1} of ${this.#options.rounds}: (${letter}) ${what}, ${count(packets)} packets`;
      const spent = await step(title, () => this.#workshop.run(contestant.steps(capture, out), out));
      rounds.push(spent);
    } catch (error) {
      if (!(error instanceof RunFailed) || OURS.includes(contestant)) throw error;
      this.missing.push(`(${letter}) failed: ${error.message}`);
      this.failed = true;
      return;
    }
    if (round > 0) return; // it counts the same again
    const { same, words } = compare(contestant.counts(out), ours.get(capture)!);
    this.checks.push(`(${letter}) counted ${same ? 'the same as replay' : 'otherwise'}: ${words}.`);
    this.failed ||= !same;
  }

  async #tenfold(): Promise<Tenfold> {
    const packets = Math.min(tenfoldPacketsMax, Math.ceil(this.#options.packets / tenfoldPart));
    const capture = await this.#captures.of(packets);
    const memories: (number | undefined)[] = [];
    for (const often of [1, times]) {
      const out = this.#workshop.emptyFolder('out');
      const steps = [replayStep(Array<string>(often).fill(capture), out, 1)];
      const title = `memory: (b) over ${count(packets)} packets, ${often === 1 ? 'once' : `${often} times in one day`}`;
      memories.push((await step(title, () => this.#workshop.run(steps))).memory);
      const counted = replayCounts(out).packets;
      if (counted !== often * packets) throw new RunFailed(`replay counted ${counted} of ${often * packets} packets`);
    }
    return { packets, times, once: memories[0], often: memories[1] };
  }
}

function expectRoom(folder: string, packets: number): void {
  const { bavail, bsize } = fs.statfsSync(folder);
  const needed = packets * bytesPerPacket + bytesBeside;
  if (bavail * bsize >= needed) return;
  const gigabytes = (needed / 1e9).toFixed(1);
  throw new RunFailed(
    `${gigabytes} GB are needed for temporary files: set TMPDIR to where they are, or --packets lower`,
  );
}

/** The pipe on a capture of its own, beside replay of the same. */
async function benchPipe(options: Options): Promise<void> {
  const workshop = new Workshop({ kept: options.keep });
  const capture = await new Captures(workshop).of(Math.min(options.packets, pipePacketsMax));
  const started = performance.now();
  await workshop.run([replayStep([capture], workshop.emptyFolder('replay'), 1)]);
  const rate = (1000 * Math.min(options.packets, pipePacketsMax)) / (performance.now() - started);
  const over = (tls: boolean) => step(`the pipe over ${tls ? 'TLS' : 'HTTP'}`, () => measurePipe(capture, tls));
  process.stdout.write(renderPipe([await over(false), await over(true)], rate, options.markdown));
}

/** Nothing may be lost or counted twice; how fast it goes is told and not judged. */
async function benchThousand(): Promise<void> {
  const measured = await step('a thousand sensors', () => measureThousand(text => say(`${text} ... `)));
  process.stdout.write(renderThousand(measured));
  if (!isWhole(measured)) throw new RunFailed('not all that was sealed is counted once');
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === undefined) return void process.stdout.write(HELP);
  if (options.live) return benchLive();
  if (options.pipe) return benchPipe(options);
  if (options.thousand) return benchThousand();
  const workshop = new Workshop({ kept: options.keep });
  expectRoom(workshop.folder, options.packets);
  if (!workshop.hasTime) say('bench: GNU time is not installed: peak memory is not measured\n');
  const bench = new Bench(options, workshop);
  const outcome = await bench.run();
  const wire = await bench.wire();
  const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
  process.stdout.write(options.markdown ? renderMarkdown(outcome, command) : renderText(outcome, command));
  process.stdout.write(`\n${renderWire(wire, options.markdown)}`);
  if (bench.failed) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  if (error instanceof UsageError) {
    say(`bench: ${error.message} (--help says more)\n`);
    process.exitCode = 2;
  } else if (error instanceof RunFailed || (error as NodeJS.ErrnoException).syscall !== undefined) {
    say(`bench: ${(error as Error).message}\n`);
    process.exitCode = 1;
  } else throw error;
}
