/** `enaga-sensor silence`: nothing leaves from an observed address. What it does is in ../silence. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Prefix, parsePrefix } from '../../common/record/address.ts';
import {
  disjoint,
  isInterfaceName,
  type Plan,
  parseService,
  type Service,
  SilenceError,
  WIRINGS,
  type Wiring,
  wrongPlan,
} from '../silence/plan.ts';
import { COUNTERS, type CounterName, rulesText } from '../silence/rules.ts';
import { installSilence, readSilence, removeSilence, type Silence, stepsText } from '../silence/silence.ts';

interface InstallFlags {
  interface: string;
  wiring: Wiring;
  network?: Prefix[];
  service?: Service[];
  dryRun: boolean;
}

const INSTALL_EXAMPLES = `
Wirings:
  tap      the interface has no address, and no frame leaves by it
  routed   the networks are routed to this box; it answers ARP and neighbour discovery for its own addresses only
  on-link  the networks lie on the box's own segment; ARP and neighbour discovery are answered for them, nothing else
  shared   the box's own address is observed; only flows it began and its declared services get anything from it

Examples:
  enaga-sensor silence install --interface eth1 --wiring tap
  enaga-sensor silence install --interface eth1 --wiring routed --network 192.0.2.0/24 --network 2001:db8:1::/48
  enaga-sensor silence install --interface eth0 --wiring on-link --network 192.0.2.16/28 --dry-run
  enaga-sensor silence install --interface eth0 --wiring shared --network 192.0.2.7/32 --service tcp/22@198.51.100.0/24

Installing again replaces what stood, without a moment between, and the counters go on. A reboot forgets it all:
systemctl enable enaga-silence@eth1 installs it at every start.`;

/** The command with its three, for the program to add. */
export function silenceCommand(): Command {
  const silence = new Command('silence')
    .description('See to it that no packet leaves from an observed address (for root)')
    .exitOverride() // before its own commands are made, which take it over
    .showHelpAfterError('(enaga-sensor silence --help says more)')
    .addHelpText(
      'after',
      `
Examples:
  enaga-sensor silence install --interface eth1 --wiring tap
  enaga-sensor silence show --interface eth1
  enaga-sensor silence remove --interface eth1

Exit codes: 0 done; 1 it could not be done, or show found no silence; 2 wrong usage.`,
    );
  silence
    .command('install')
    .description('Install the rules of a wiring, and what else it needs')
    .addOption(interfaceOption())
    .addOption(new Option('--wiring <wiring>', 'how packets come to this box').choices(WIRINGS).makeOptionMandatory())
    .option('--network <cidr...>', 'an observed network (repeatable)', collected(parsePrefix))
    .option(
      '--service <service...>',
      'shared: what this box answers, like tcp/22@198.51.100.0/24 (repeatable)',
      collected(parseService),
    )
    .option('--dry-run', 'print the rules, and change nothing', false)
    .addHelpText('after', INSTALL_EXAMPLES)
    .action(install);
  silence
    .command('show')
    .description('Say what stands, and how many frames each rule has let out or stopped')
    .addOption(interfaceOption())
    .option('--json', 'print {interface, wiring, counters: [{name, frames, bytes, allowed, meaning}]}', false)
    .addHelpText('after', "\nExample:\n  enaga-sensor silence show --interface eth1 --json | jq '.counters[].frames'")
    .action(show);
  silence
    .command('remove')
    .description('Take the rules away, and put the settings back to what they were')
    .addOption(interfaceOption())
    .addHelpText('after', '\nExample:\n  enaga-sensor silence remove --interface eth1')
    .action(remove);
  return silence;
}

function install(
  { interface: device, wiring, network = [], service: services = [], dryRun }: InstallFlags,
  command: Command,
): void {
  const plan: Plan = { interface: device, wiring, networks: disjoint(network), services };
  const wrong = wrongPlan(plan);
  if (wrong !== undefined) command.error(`error: ${wrong}`, { exitCode: 2 });
  if (dryRun) say([...stepsText(plan), rulesText(plan, wiring).trimEnd()]);
  else
    attempt(() => {
      installSilence(plan);
      say([`${device}: silent, wiring ${wiring}`]);
    });
}

function show({ interface: device, json }: { interface: string; json: boolean }): void {
  attempt(() => {
    const silence = readSilence(device);
    if (silence === undefined)
      throw new SilenceError(`none is installed on ${device}: enaga-sensor silence install --help`);
    say(json ? [JSON.stringify({ interface: device, ...shown(silence) }, null, 2)] : tableLines(device, silence));
  });
}

function remove({ interface: device }: { interface: string }): void {
  attempt(() =>
    say([removeSilence(device) ? `${device}: silence removed` : `${device}: there was no silence to remove`]),
  );
}

/** The observed networks are not told: this may end in a report or a journal. */
const shown = ({ wiring, counts }: Silence) => ({
  wiring,
  counters: (Object.keys(COUNTERS) as CounterName[]).flatMap(name => {
    const [verdict, meaning] = COUNTERS[name];
    return counts[name] === undefined ? [] : [{ name, ...counts[name], allowed: verdict === 'accept', meaning }];
  }),
});

function tableLines(device: string, silence: Silence): string[] {
  const { wiring, counters } = shown(silence);
  const width = Math.max(...counters.map(({ frames }) => String(frames).length));
  const lines = counters.map(
    ({ name, frames, allowed, meaning }) =>
      `${name.padEnd(12)}  ${String(frames).padStart(width)}  ${(allowed ? 'passed' : 'dropped').padEnd(7)}  ${meaning}`,
  );
  return [`${device}: wiring ${wiring}; frames since it was installed:`, ...lines];
}

const say = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof SilenceError)) throw error;
    process.stderr.write(`enaga-sensor silence: ${error.message}\n`);
    process.exitCode = 1;
  }
}

const interfaceOption = (): Option =>
  new Option('--interface <name>', 'the interface that receives the observed networks')
    .makeOptionMandatory()
    .argParser(name => {
      if (!isInterfaceName(name)) throw new InvalidArgumentError('It is no name of an interface.');
      return name;
    });

/** For a repeatable option: each value parsed, errors as commander wants them. */
const collected =
  <T>(parse: (text: string) => T) =>
  (value: string, before: T[] = []): T[] => {
    try {
      return [...before, parse(value)];
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
