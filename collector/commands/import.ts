/** `enaga import`: what another system captured, counted as a labelled foreign source beside our own figures. */
import { createHash, randomInt } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { GeoError } from '../../common/geo/error.ts';
import { loadGeo } from '../../common/geo/load.ts';
import type { GeoTable } from '../../common/geo/table.ts';
import { damagedAt } from '../../common/packet/capture.ts';
import { systemReason } from '../../common/packet/reason.ts';
import { type Prefix, parsePrefix } from '../../common/record/address.ts';
import { DAY_MS } from '../../common/time.ts';
import { addFile, FILE_FORMATS, type FileFormat, fileOf, type ImportedFile } from '../peer/imports.ts';
import type { Peers } from '../peer/peers.ts';
import { readShadowserver } from '../peer/shadowserver.ts';
import { count } from '../publish/words.ts';
import type { Day } from '../reduce/day.ts';
import { REPLAY_KEY } from '../reduce/hash.ts';
import { Reducer } from '../reduce/reducer.ts';
import { startProgress } from '../replay/progress.ts';
import { replay } from '../replay/replay.ts';
import { loadConfig } from './config.ts';
import { BadData, dataOption, existingData } from './data.ts';
import { reporting } from './outcome.ts';
import { withPeers } from './peer.ts';
import { printJson, printLines } from './registry.ts';

interface Flags {
  data: string;
  label: string;
  format: FileFormat;
  network: Prefix[];
  geo: string[];
  asn?: string;
  json: boolean;
}

/** As of replay: what could be read is counted. */
const DAMAGED = 3;

const EXAMPLES = `
Captures are pcap or pcapng files, Shadowserver's darknet events (event4_honeypot_darknet) CSV; plain or compressed with gzip or
zstd. They are counted as replay counts captures, under the label and apart from our own figures: enaga peer days LABEL, GET
/v1/peers and the page Peers show them, our totals do not have them, and the public never sees them. Countries are those of the
database that enaga serve counts with, unless --geo names another.

A file counts once under a label, by the SHA-256 of its content: importing it again changes nothing, also with another name or
another --network. So give files that are complete; enaga peer remove LABEL forgets a label, to begin anew.

Of CSV an event counts as many packets as its column count says; times are UTC. Of its packets TCP is taken for SYNs unless a tag
says otherwise, and ICMP counts where a tag tells its type (icmp-8-0). dst_ip is not read.

Examples:
  enaga import --label honeynet capture-2026-03-*.pcap.gz
  enaga import --label old-telescope --network 192.0.2.0/24 telescope.pcap
  enaga import --label shadowserver --format shadowserver 2026-03-01-event4_honeypot_darknet.csv

Exit codes: 0 all read; 1 failed; 2 wrong usage; 3 a file was damaged or could not be opened (all else is counted).`;

/** The command, for the program to add. */
export function importCommand(): Command {
  return new Command('import')
    .description("Count another system's captures or darknet events, labelled and apart from our own")
    .argument('<file...>', 'what it captured')
    .requiredOption('--label <name>', 'what it is called here')
    .addOption(new Option('--format <format>', 'of the files').choices(FILE_FORMATS).default('pcap'))
    .option('--network <cidr>', 'of captures: count only packets to this network (repeatable)', networks, [])
    .option('--geo <file>', "country database: an MMDB, or RIRs' delegated-extended files (repeatable)", collect, [])
    .option('--asn <file>', 'database of autonomous systems: an MMDB')
    .option('--json', 'as JSON', false)
    .addOption(dataOption())
    .addHelpText('after', EXAMPLES)
    .action(function (this: Command, files: string[], flags: Flags) {
      if (flags.network.length > 0 && flags.format !== 'pcap') this.error('error: --network is of captures');
      return reporting('import', runImport)(files, flags);
    });
}

async function runImport(files: string[], flags: Flags): Promise<void> {
  const geo = geographyOf(flags);
  const outcomes = await withPeers(flags.data, async peers => {
    const done = [];
    for (const file of files) {
      const outcome = await importOne(peers, file, geo, flags);
      if (!flags.json) sayOutcome(flags.label, outcome);
      done.push(outcome);
    }
    return done;
  });
  if (flags.json) printJson(outcomes);
  for (const { file, failed } of outcomes) if (failed !== undefined) warn(`${file}: ${failed}`);
  if (outcomes.some(({ failed }) => failed !== undefined)) process.exitCode = DAMAGED;
}

/** That of `enaga serve` unless flags say another. */
function geographyOf({ data, geo, asn }: Flags): GeoTable {
  const { settings } = loadConfig({ file: existingData(data).config, environment: process.env, flags: {} });
  const [geoFiles, asnFile] = geo.length > 0 ? [geo, asn] : [settings.geo, asn ?? settings.asn];
  try {
    return loadGeo({ geoFiles, ...(asnFile !== undefined && { asnFile }) });
  } catch (error) {
    if (error instanceof GeoError) throw new BadData(error.message, { cause: error });
    throw error;
  }
}

interface Outcome {
  readonly file: string;
  /** Absent where it could not be opened. */
  readonly sha256?: string;
  readonly state: 'imported' | 'known' | 'unread';
  readonly days?: number;
  readonly packets?: number;
  readonly records?: number;
  readonly skipped?: Readonly<Record<string, number>>;
  /** Where and why it could not be read, or not to its end. */
  readonly failed?: string;
}

async function importOne(peers: Peers, file: string, geo: GeoTable, flags: Flags): Promise<Outcome> {
  try {
    const before = stampOf(file);
    const sha256 = await digestOf(file);
    const source = peers.source(flags.label);
    if (source !== undefined && fileOf(peers, source, sha256) !== undefined) return { file, sha256, state: 'known' };
    const { days, ...counted } = await (flags.format === 'pcap' ? ofCapture(file, geo, flags) : ofCsv(file, geo));
    const { damage } = counted;
    if (before !== stampOf(file)) return { file, state: 'unread', failed: 'it changed while it was read: try again' };
    if (days.length === 0 && damage !== undefined) return { file, state: 'unread', failed: damage };
    const whole: ImportedFile = { ...counted, sha256, file: path.basename(file), format: flags.format };
    const isNew = addFile(peers, flags.label, whole, { days, geo, nowMs: Date.now() });
    if (!isNew) return { file, sha256, state: 'known' };
    const { packets, records, skipped } = counted;
    const failed = damage === undefined ? {} : { failed: `${damage}. Everything before it is counted` };
    return { file, sha256, state: 'imported', days: days.length, packets, records, skipped, ...failed };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    return { file, state: 'unread', failed: `cannot be read: ${systemReason(error as NodeJS.ErrnoException)}` };
  }
}

type CountedFile = Pick<ImportedFile, 'packets' | 'records' | 'skipped' | 'damage'> & { readonly days: readonly Day[] };

async function ofCapture(file: string, geo: GeoTable, { network, json }: Flags): Promise<CountedFile> {
  const progress = await startProgress({ total: fs.statSync(file).size, stream: process.stderr, quiet: json });
  try {
    const counting = { captures: [file], networks: network, geo, threads: 1, distinct: true };
    const { results, days, failures } = await replay({ ...counting, onProgress: progress.update });
    const { packets, records, skipped } = results;
    const [failure] = failures;
    const { offset, reason, ...more } = failure ?? {};
    const damage = offset === undefined ? reason : `${damagedAt({ offset, ...more })}: ${reason}`;
    return { days, packets, records, skipped, ...(damage !== undefined && { damage }) };
  } finally {
    progress.stop();
  }
}

/** An event of tomorrow may be one of a clock ahead; later there are none. */
async function ofCsv(file: string, geo: GeoTable): Promise<CountedFile> {
  const reducer = new Reducer({ geo, distinct: true, hashKey: REPLAY_KEY, tableSeed: randomInt(2 ** 32) });
  const { damage, ...counted } = await readShadowserver(file, Date.now() + DAY_MS, records => reducer.fold(records, 0));
  const text = damage === undefined ? undefined : `${damagedAt(damage)}: ${damage.reason}`;
  return { days: reducer.days(), ...counted, ...(text !== undefined && { damage: text }) };
}

const warn = (text: string): void => void process.stderr.write(`enaga import: ${text}\n`);

function sayOutcome(label: string, { file, state, days, packets, records, skipped }: Outcome): void {
  if (state === 'known') printLines(`${file}: ${label} has counted it already: nothing is counted twice`);
  if (state !== 'imported') return;
  const reasons = Object.entries(skipped!).map(([reason, n]) => `${reason} ${count(n)}`);
  const left = reasons.length === 0 ? '' : `; skipped: ${reasons.join(', ')}`;
  printLines(
    `${file}: ${count(records!)} of ${count(packets!)} packets counted for ${label}, ` +
      `${count(days!)} ${days === 1 ? 'day' : 'days'}${left}`,
  );
}

function stampOf(file: string): string {
  const { size, mtimeMs, ino } = fs.statSync(file);
  return `${size} ${mtimeMs} ${ino}`;
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of fs.createReadStream(file)) hash.update(piece);
  return hash.digest('hex');
}

const collect = (value: string, before: string[]): string[] => [...before, value];

function networks(value: string, before: Prefix[]): Prefix[] {
  try {
    return [...before, parsePrefix(value)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
