/** `enaga sensor`: who may send, and what they are. */

import { Command, InvalidArgumentError } from 'commander';
import { HOUR_MS } from '../../common/time.ts';
import { sensorActivity } from '../log/ledger.ts';
import { isEconomy } from '../publish/names.ts';
import { count, plural } from '../publish/words.ts';
import { dateOf } from '../reduce/result.ts';
import { canonicalPrefix } from '../registry/networks.ts';
import type { Registry, Sensor } from '../registry/registry.ts';

import { dataOption, dataPaths } from './data.ts';
import { parseDate } from './dates.ts';
import { dated, detailText } from './noted.ts';
import { reporting } from './outcome.ts';
import { addExamples, isoTime, printJson, printLines, printTable, withRegistry } from './registry.ts';
import { ANY_HOST, servedUrl } from './served.ts';

const EXAMPLES = {
  add: ['add tokyo-1 --owner example --economy JP --network 192.0.2.0/24'],
  list: ['list'],
  show: ['show tokyo-1'],
  change: ['change tokyo-1 --network 192.0.2.0/25'],
  rotate: ['rotate tokyo-1 --collector https://collector.example'],
  exclude: ["exclude tokyo-1 --from 2026-03-01 --to 2026-03-02 --reason 'flooded by a neighbour'"],
  include: ['include tokyo-1 --from 2026-03-02 --to 2026-03-02'],
  revoke: ['revoke tokyo-1'],
};

const OF_TOKENS = `
A token is shown once and enrols one sensor once; the collector keeps only its SHA-256. The command printed with it names the
collector as enaga serve answers now on this data directory, unless --collector names it.`;
const OF_CHANGE = `
A sensor that runs is told its networks within a minute, with the answer to its heartbeat, and records by them from its next start
on: start it again then. Rules of silence that name its networks are its machine's, and to be installed anew (enaga-sensor silence).
Owner and economy it does not need to know.`;
const OF_ROTATION = `
The sensor must enrol again with the token: enaga-sensor enrol, and start it again. Until then its old key is good.`;

const hoursMax = 24 * 365;
const auditShown = 20;

interface PlaceFlags {
  data: string;
  owner?: string;
  economy?: string;
  network?: string[];
}
interface TokenFlags {
  data: string;
  expires: number;
  overlap?: number;
  collector?: string;
  json: boolean;
}
interface ShowFlags {
  data: string;
  json: boolean;
}

/** The command, for the program to add. */
export function sensorCommand(): Command {
  const sensor = new Command('sensor')
    .description('Sensors: add, list, give another key, leave days out, revoke')
    .exitOverride(); // before its own commands are made, which take it over: wrong usage is exit code 2 everywhere
  const named = (verb: string, description: string) =>
    sensor.command(verb).description(description).argument('<name>', 'letters, digits, dot, dash and underscore');
  withToken(named('add', 'Add a sensor and print the token that enrols it'))
    .requiredOption('--owner <org>', 'organisation that owns it')
    .requiredOption('--economy <cc>', 'where it stands: ISO 3166-1, two capital letters', economyCode)
    .requiredOption('--network <cidr...>', 'networks it observes')
    .action(reporting('sensor add', addSensor));
  withToken(named('rotate', 'Print a token for a new key of a sensor, which must enrol again with it'))
    .option('--overlap <hours>', 'for how long the old key is good beside the new one', hours(0), 24)
    .addHelpText('after', OF_ROTATION)
    .action(reporting('sensor rotate', rotateSensor));
  named('change', 'Give a sensor another owner, economy or networks from now on')
    .option('--owner <org>', 'organisation that owns it')
    .option('--economy <cc>', 'where it stands', economyCode)
    .option('--network <cidr...>', 'all networks it observes')
    .addOption(dataOption())
    .addHelpText('after', OF_CHANGE)
    .action(reporting('sensor change', changeSensor));
  withJson(sensor.command('list').description('List all sensors, and when each last sent')).action(
    reporting('sensor list', listSensors),
  );
  withJson(named('show', 'Show all that is known of a sensor')).action(reporting('sensor show', showSensor));
  named('revoke', "Refuse a sensor's batches from now on, for good")
    .addOption(dataOption())
    .action(reporting('sensor revoke', revokeSensor));
  named('exclude', 'Leave days of a sensor out of all counts')
    .requiredOption('--from <date>', 'first day, UTC, like 2026-03-01', parseDate)
    .requiredOption('--to <date>', 'last day', parseDate)
    .requiredOption('--reason <text>', 'why, for those who read the figures')
    .addOption(dataOption())
    .action(reporting('sensor exclude', excludeSensor));
  named('include', 'Count days of a sensor again that were excluded')
    .requiredOption('--from <date>', 'first day, UTC, like 2026-03-01', parseDate)
    .requiredOption('--to <date>', 'last day', parseDate)
    .addOption(dataOption())
    .action(reporting('sensor include', includeSensor));
  addExamples(sensor, EXAMPLES);
  return sensor;
}

const withJson = (command: Command): Command => command.option('--json', 'as JSON', false).addOption(dataOption());

const withToken = (command: Command): Command =>
  withJson(command)
    .option('--expires <hours>', 'for how long the token is good', hours(1), 24)
    .option('--collector <url>', 'where sensors reach this collector, for the command printed')
    .addHelpText('after', OF_TOKENS);

function addSensor(name: string, flags: TokenFlags & Required<PlaceFlags>): void {
  const { data, owner, economy, network: networks } = flags;
  const added = withRegistry(data, registry =>
    registry.addSensor({ name, owner, economy, networks }, Date.now(), { expiresInMs: flags.expires * HOUR_MS }),
  );
  sayTaken(networks, 'sensor add');
  printToken(added, flags, 'added');
}

/** A network is taken without the bits beyond its length: that its author may have meant an address is said. */
function sayTaken(networks: readonly string[], command: string): void {
  for (const text of networks) {
    const taken = canonicalPrefix(text);
    const address = canonicalPrefix(text.split('/')[0]!);
    if (address.split('/')[0] !== taken.split('/')[0])
      process.stderr.write(`enaga ${command}: ${text} is taken as ${taken}\n`);
  }
}

function rotateSensor(name: string, flags: TokenFlags & { overlap: number }): void {
  const times = { expiresInMs: flags.expires * HOUR_MS, overlapMs: flags.overlap * HOUR_MS };
  const rotated = withRegistry(flags.data, registry => registry.rotate(name, Date.now(), times));
  const old =
    flags.overlap === 0 ? 'its old key ends with that' : `its old key is good for ${flags.overlap} h after that`;
  printToken(rotated, flags, `must enrol again with this token, and be started again; ${old}`);
}

function printToken(
  { sensor, token }: { sensor: Sensor; token: string },
  { data, collector = servedUrl(dataPaths(data)) ?? 'URL', expires, json }: TokenFlags,
  what: string,
): void {
  const enrol = `enaga-sensor enrol --collector ${collector} --token-file -`;
  if (json) {
    printJson({ sensor: sensor.id, name: sensor.name, token, expiresHours: expires, enrol });
    return;
  }
  printLines(
    `sensor ${sensor.name} (${sensor.id}) ${what}`,
    `token, shown this once and good for one enrolment within ${expires} h: ${token}`,
    'run on the sensor, which asks for the token (so that it stands in no list of processes and no history):',
    `  ${enrol}`,
    ...(collector.startsWith('https:')
      ? ["where the collector's certificate is of an authority of your own: --ca FILE beside it, in PEM"]
      : []),
    ...(collector === 'URL' ? ['URL: where it reaches this collector, like https://collector.example'] : []),
    ...(collector.includes(`//${ANY_HOST}:`) ? [`${ANY_HOST}: a name or address of this machine that it reaches`] : []),
    'with --state DIR it keeps its key and its spool in DIR; its other commands need the same then',
  );
}

function changeSensor(name: string, { data, owner, economy, network }: PlaceFlags): void {
  const to = {
    ...(owner !== undefined && { owner }),
    ...(economy !== undefined && { economy }),
    ...(network !== undefined && { networks: network }),
  };
  const sensor = withRegistry(data, registry => registry.change(name, to, Date.now()));
  sayTaken(network ?? [], 'sensor change');
  printLines(`sensor ${name} is from now on of ${sensor.owner}, ${sensor.economy}, ${sensor.networks.join(' ')}`);
  if (network !== undefined)
    printLines(
      'it is told within a minute, and records by them from its next start on: start it again there, and if rules of silence name ' +
        'its networks, install those anew first',
    );
}

function revokeSensor(name: string, { data }: { data: string }): void {
  withRegistry(data, registry => registry.revoke(name, Date.now()));
  printLines(`sensor ${name} is revoked: its next batch is refused`);
}

function excludeSensor(
  name: string,
  { data, from, to, reason }: { data: string; from: number; to: number; reason: string },
): void {
  withRegistry(data, registry => registry.exclude(name, from, to, reason, Date.now()));
  printLines(`sensor ${name} is excluded from ${dateOf(from)} to ${dateOf(to)}: those days are to be counted again`);
}

function includeSensor(name: string, { data, from, to }: { data: string; from: number; to: number }): void {
  withRegistry(data, registry => registry.include(name, from, to, Date.now()));
  printLines(
    `sensor ${name} is included again from ${dateOf(from)} to ${dateOf(to)}: those days are to be counted again`,
  );
}

function describe(registry: Registry, sensor: Sensor, activity: ReturnType<typeof sensorActivity>) {
  const { revokedMs, createdMs, ...rest } = sensor;
  const { batches = 0, records = 0, lastReceivedMs = null } = activity.get(sensor.index) ?? {};
  const enrolled = registry.keys(sensor.index).length > 0;
  return {
    ...rest,
    state: revokedMs !== null ? 'revoked' : enrolled ? 'enrolled' : 'not enrolled',
    created: isoTime(createdMs),
    revoked: isoTime(revokedMs),
    lastBatch: isoTime(lastReceivedMs),
    batches,
    records,
  };
}

function listSensors({ data, json }: ShowFlags): void {
  const sensors = withRegistry(data, registry => {
    const activity = sensorActivity(dataPaths(data).log);
    return registry.sensors().map(sensor => describe(registry, sensor, activity));
  });
  if (json) {
    printJson(sensors);
    return;
  }
  if (sensors.length === 0) {
    printLines('no sensor yet: enaga sensor add NAME --owner ORG --economy CC --network CIDR');
    return;
  }
  printTable(
    ['name', 'owner', 'economy', 'state', 'last batch', 'records', 'networks'],
    sensors.map(({ name, owner, economy, state, lastBatch, records, networks }) => [
      name,
      owner,
      economy,
      state,
      lastBatch ?? '-',
      count(records),
      networks.join(' '),
    ]),
  );
}

function showSensor(name: string, { data, json }: ShowFlags): void {
  const shown = withRegistry(data, registry => {
    const sensor = registry.existing(name);
    const { index } = sensor;
    return {
      ...describe(registry, sensor, sensorActivity(dataPaths(data).log)),
      history: registry
        .placements()
        .filter(placement => placement.index === index)
        .map(({ fromMs, owner, economy, networks }) => ({ from: isoTime(fromMs), owner, economy, networks })),
      keys: registry
        .keys(index)
        .map(({ keyId, fromMs, untilMs }) => ({ keyId, from: isoTime(fromMs), until: isoTime(untilMs) })),
      excluded: registry
        .exclusions()
        .filter(exclusion => exclusion.sensor === index)
        .map(({ from, to, reason }) => ({ from: dateOf(from), to: dateOf(to), reason })),
      audit: registry
        .audit(index, auditShown)
        .map(({ atMs, actor, action, detail }) => ({ at: isoTime(atMs), actor, action, detail: dated(detail) })),
    };
  });
  if (json) {
    printJson(shown);
    return;
  }
  printShown(shown);
}

type Shown = ReturnType<typeof describe> & {
  readonly history: readonly { from: string; owner: string; economy: string; networks: readonly string[] }[];
  readonly keys: readonly { keyId: string; from: string; until: string | null }[];
  readonly excluded: readonly { from: string; to: string; reason: string }[];
  readonly audit: readonly { at: string; actor: string; action: string; detail: Record<string, unknown> }[];
};

function printShown(shown: Shown): void {
  const parts: [string, string[]][] = [
    [
      'was',
      shown.history.map(one => `from ${one.from} on of ${one.owner}, in ${one.economy}: ${one.networks.join(' ')}`),
    ],
    [
      'keys',
      shown.keys.map(
        ({ keyId, from, until }) => `${keyId}, good from ${from} ${until === null ? 'on' : `to ${until}`}`,
      ),
    ],
    ['excluded', shown.excluded.map(({ from, to, reason }) => `${from} to ${to}: ${reason}`)],
    [
      'done',
      shown.audit.map(one =>
        [`${one.at} ${one.actor}: ${one.action}`, detailText(one.detail)].filter(text => text !== '').join(', '),
      ),
    ],
  ];
  printLines(
    `${shown.name} (${shown.id}), ${shown.state}${shown.revoked === null ? '' : ` ${shown.revoked}`}`,
    `of ${shown.owner}, in ${shown.economy}, observes ${shown.networks.join(' ')}`,
    `added ${shown.created}`,
    shown.lastBatch === null
      ? 'nothing received'
      : `received ${plural(shown.records, 'record', 'records')} in ${plural(shown.batches, 'batch', 'batches')}, last ${shown.lastBatch}`,
    ...parts.flatMap(([head, lines]) => (lines.length === 0 ? [] : [`${head}:`, ...lines.map(line => `  ${line}`)])),
  );
}

function economyCode(value: string): string {
  if (!isEconomy(value))
    throw new InvalidArgumentError('It takes a code that ISO 3166-1 assigns, in capitals, like JP.');
  return value;
}

function hours(min: number): (value: string) => number {
  return value => {
    const number = Number(value);
    if (value.trim() === '' || !(number >= min && number <= hoursMax))
      throw new InvalidArgumentError(`It takes hours from ${min} to ${hoursMax}.`);
    return number;
  };
}
