/** `enaga-sensor run`: its options. What it does is in session.ts. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { parsePrefix } from '../../common/record/address.ts';
import { parseService, type Service } from '../silence/plan.ts';
import { byteSize, stateOption, told, wholeNumber } from './options.ts';

export interface RunFlags {
  /** Either these or interfaces. */
  read?: string[];
  interface?: string[];
  sharedHost: boolean;
  service?: Service[];
  bufferBytes: number;
  network?: string[];
  shiftTo?: Date | 'now';
  pace?: number;
  once: boolean;
  again: boolean;
  spoolBytes: number;
  keepDays: number;
  quiet: boolean;
  state?: string;
}

const spoolBytesDefault = 2 ** 30;
/** Less than this would drop what it has just sealed. */
const spoolBytesMin = 2 ** 14;
const keepDaysDefault = 7;
/** libpcap's ring grows by blocks of 256 KiB; it counts as memory of this process. At 160 bytes a probe it holds 100,000. */
const bufferBytesDefault = 2 ** 24;
const bufferBytesMin = 2 ** 20;

const HELP = `
Of live interfaces only packets to the networks are looked at, headers alone (256 bytes), with the kernel's times. Without
--shared-host every one of them is unsolicited. With it, what answers the host's own traffic is skipped as solicited, and what
goes to a declared service as managed. Capturing takes CAP_NET_RAW, or root. Batches are sealed every 10 s while packets come,
and every 10 min while none does. An interface that goes down or away raises an alarm, and is watched again when it is back.

Captures are pcap or pcapng files, plain or compressed with gzip or zstd; - is standard input. Their packets keep their times,
unless --shift-to moves them: to a moment, so that the first packet is at it, or to now, which stamps each packet with the
clock as it is read.

A capture is read once: a run that was stopped or killed goes on where it was, and leaves out captures that were finished before,
unless --again says otherwise. They are known by path, size and time of change, and by --network and --shift-to; so give a
capture only when it is complete. Standard input has no such memory. At the end a run waits until the collector has
everything.

Exit codes: 0 all read and sent, or stopped by a signal (what is not sent stays in the spool); 1 failed; 2 wrong usage; 3 a
capture was damaged or could not be opened (everything before counts).

Examples:
  enaga-sensor run --interface eth1
  enaga-sensor run --interface eth0 --shared-host --service tcp/22@198.51.100.0/24
  enaga-sensor run --read darknet.pcap.gz
  enaga-sensor run --read day-*.pcap.zst --shift-to 2026-07-01T00:00:00Z
  enaga-sensor run --read sample.pcap --shift-to now --pace 1x
  tcpdump -i eth1 -w - | enaga-sensor run --read - --shift-to now`;

export function runCommand(): Command {
  return new Command('run')
    .description('Record packets and send them to the collector')
    .option('--interface <name...>', 'watch these interfaces, until a signal')
    .option('--read <file...>', 'read capture files, or - for standard input')
    .option(
      '--network <cidr>',
      'record only packets to this network (repeatable; default: those of the enrolment)',
      networks,
    )
    .option('--shared-host', "the host's own address is observed: what answers its own traffic is skipped", false)
    .option(
      '--service <service>',
      'shared host: skip packets to this, like tcp/22@198.51.100.0/24 (repeatable)',
      service,
    )
    .addOption(
      new Option('--buffer-bytes <n>', "the kernel's ring for each interface: what is not read in time waits there")
        .argParser(byteSize(bufferBytesMin))
        .default(bufferBytesDefault, '16M'),
    )
    .option('--shift-to <time>', 'move all times: now, or the time of the first packet (ISO 8601)', time)
    .option('--pace <n>', 'let n seconds of the capture pass in a second, like 1x (default: full speed)', pace)
    .option(
      '--once',
      'do not wait for a collector that cannot be reached: what it has not got stays in the spool',
      false,
    )
    .option('--again', 'read from the start, whatever was sent already: the collector counts it again', false)
    .addOption(
      new Option('--spool-bytes <n>', 'keep at most this much on the disk, like 500M; the oldest batches go first')
        .argParser(byteSize(spoolBytesMin))
        .default(spoolBytesDefault, '1G'),
    )
    .option('--keep-days <n>', 'keep batches that the collector has for so long', wholeNumber(0, 365), keepDaysDefault)
    .option('-q, --quiet', 'no progress', false)
    .addOption(stateOption())
    .addHelpText('after', HELP)
    .action((flags: RunFlags, command: Command) => {
      const wrong = wrongFlags(flags, command);
      if (wrong !== undefined) command.error(`error: ${wrong}`);
      return told('run', async () => {
        const { runSensor } = await import('./session.ts');
        process.exitCode = await runSensor(flags);
      });
    });
}

/** What does not go together; undefined if all does. */
function wrongFlags(
  { read, interface: interfaces, sharedHost, service }: RunFlags,
  command: Command,
): string | undefined {
  if ((read === undefined) === (interfaces === undefined))
    return 'it takes either --interface, to watch, or --read, for capture files';
  if (read !== undefined) {
    if (read.includes('-') && read.length > 1) return "option '--read': standard input (-) stands alone";
    const live = LIVE_ONLY.find(name => command.getOptionValueSource(name) === 'cli');
    return live === undefined ? undefined : `--${live.replace(/[A-Z]/, '-$&').toLowerCase()} is for --interface`;
  }
  if (new Set(interfaces).size < interfaces!.length) return 'an interface is named twice';
  if (interfaces!.includes('any')) return 'any would see packets twice: name the interfaces';
  if (service !== undefined && !sharedHost) return '--service is for --shared-host';
  const capture = CAPTURES_ONLY.find(name => command.getOptionValueSource(name) === 'cli');
  return capture === undefined ? undefined : `--${capture.replace(/[A-Z]/, '-$&').toLowerCase()} is for --read`;
}

const LIVE_ONLY = ['sharedHost', 'service', 'bufferBytes'];
const CAPTURES_ONLY = ['shiftTo', 'pace', 'once', 'again'];

function service(value: string, before: Service[] = []): Service[] {
  try {
    return [...before, parseService(value)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function networks(value: string, before: string[] = []): string[] {
  try {
    parsePrefix(value);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return [...before, value];
}

function time(value: string): Date | 'now' {
  if (value === 'now') return value;
  const parts = /^(\d{4}-\d\d-\d\d)(T[\d:.]+)?(Z|[+-]\d\d:\d\d)?$/.exec(value);
  // Without a zone it would be of wherever this runs.
  const date = new Date(parts === null ? NaN : `${parts[1]}${parts[2] ?? 'T00:00'}${parts[3] ?? 'Z'}`);
  if (Number.isNaN(date.getTime()) || date.getTime() < 0)
    throw new InvalidArgumentError('It takes now, or a time like 2026-07-01T00:00:00Z.');
  return date;
}

function pace(value: string): number {
  const number = Number(value.replace(/x$/, ''));
  if (!(number > 0) || !Number.isFinite(number)) throw new InvalidArgumentError('It takes a number like 1x or 60x.');
  return number;
}
