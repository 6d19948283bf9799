/** `enaga sensor`: who may send, and what they are. */
import os from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { sensorActivity } from '../log/ledger.ts';
import { dateOf } from '../reduce/result.ts';
import type { Registry, Sensor } from '../registry/registry.ts';
import { loadConfig } from './config.ts';
import { dataOption, dataPaths } from './data.ts';
import { parseDate } from './dates.ts';
import { reporting } from './outcome.ts';
import { isoTime, printJson, printLines, printTable, withRegistry } from './registry.ts';

const EXAMPLES = `
Examples:
  enaga sensor add tokyo-1 --owner example --economy JP --network 192.0.2.0/24
  enaga sensor list
  enaga sensor show tokyo-1
  enaga sensor change tokyo-1 --network 192.0.2.0/25
  enaga sensor rotate tokyo-1                       a token for a new key
  enaga sensor exclude tokyo-1 --from 2026-03-01 --to 2026-03-02 --reason 'flooded by a neighbour'
  enaga sensor revoke tokyo-1

A token is shown once and enrols one sensor once; the collector keeps only its SHA-256.`;

const HOUR_MS = 3_600_000;
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
    .description('Sensors: add, list, enrol anew, revoke')
    .exitOverride() // before its own commands are made, which take it over: wrong usage is exit code 2 everywhere
    .addHelpText('after', EXAMPLES);
  const named = (verb: string, description: string) =>
    sensor.command(verb).description(description).argument('<name>', 'letters, digits, dot, dash and underscore');
  withToken(named('add', 'Add a sensor and print the token that enrols it'))
    .requiredOption('--owner <org>', 'organisation that owns it')
    .requiredOption('--economy <cc>', 'where it stands: ISO 3166-1, two capital letters')
    .requiredOption('--network <cidr...>', 'networks it observes')
    .action(reporting('sensor add', addSensor));
  withToken(named('rotate', 'Print a token for a new key of a sensor'))
    .option('--overlap <hours>', 'for how long the old key is good beside the new one', hours(0), 24)
    .action(reporting('sensor rotate', rotateSensor));
  named('change', 'Give a sensor another owner, economy or networks from now on')
    .option('--owner <org>', 'organisation that owns it')
    .option('--economy <cc>', 'where it stands')
    .option('--network <cidr...>', 'all networks it observes')
    .addOption(dataOption())
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
  for (const command of sensor.commands) command.addHelpText('after', EXAMPLES);
  return sensor;
}

const withJson = (command: Command): Command => command.option('--json', 'as JSON', false).addOption(dataOption());

const withToken = (command: Command): Command =>
  withJson(command)
    .option('--expires <hours>', 'for how long the token is good', hours(1), 24)
    .option('--collector <url>', 'where sensors reach this collector, for the command printed (where it listens)');

function addSensor(name: string, flags: TokenFlags & Required<PlaceFlags>): void {
  const { data, owner, economy, network: networks } = flags;
  const added = withRegistry(data, registry =>
    registry.addSensor({ name, owner, economy, networks }, Date.now(), { expiresInMs: flags.expires * HOUR_MS }),
  );
  printToken(added, flags, 'added');
}

function rotateSensor(name: string, flags: TokenFlags & { overlap: number }): void {
  const times = { expiresInMs: flags.expires * HOUR_MS, overlapMs: flags.overlap * HOUR_MS };
  const rotated = withRegistry(flags.data, registry => registry.rotate(name, Date.now(), times));
  printToken(rotated, flags, 'may enrol again');
}

function printToken(
  { sensor, token }: { sensor: Sensor; token: string },
  { data, collector = listenUrl(data), expires, json }: TokenFlags,
  what: string,
): void {
  const enrol = `enaga-sensor enrol --collector ${collector} --token ${token}`;
  if (json) {
    printJson({ sensor: sensor.id, name: sensor.name, token, expiresHours: expires, enrol });
    return;
  }
  printLines(
    `sensor ${sensor.name} (${sensor.id}) ${what}`,
    `token, shown this once and good for one enrolment within ${expires} h: ${token}`,
    'run on the sensor:',
    `  ${enrol}`,
  );
}

/** Where `serve` listens; the name of this machine in place of all its addresses. */
function listenUrl(data: string): string {
  const { settings } = loadConfig({ file: dataPaths(data).config, environment: process.env, flags: {} });
  const listen = settings.listen.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, os.hostname());
  return `${settings.tlsCert === undefined ? 'http' : 'https'}://${listen}`;
}

function changeSensor(name: string, { data, owner, economy, network }: PlaceFlags): void {
  const to = {
    ...(owner !== undefined && { owner }),
    ...(economy !== undefined && { economy }),
    ...(network !== undefined && { networks: network }),
  };
  const sensor = withRegistry(data, registry => registry.change(name, to, Date.now()));
  printLines(`sensor ${name} is from now on of ${sensor.owner}, ${sensor.economy}, ${sensor.networks.join(' ')}`);
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
      records.toLocaleString('en'),
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
        .map(({ atMs, actor, action, detail }) => ({ at: isoTime(atMs), actor, action, detail: JSON.parse(detail) })),
    };
  });
  if (json) {
    printJson(shown);
    return;
  }
  printShown(shown);
}

function printShown(shown: Record<string, unknown>): void {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const line = (row: object) =>
    `  ${Object.entries(row)
      .map(([key, value]) => `${key} ${text(value)}`)
      .join('  ')}`;
  for (const [key, value] of Object.entries(shown)) {
    if (!Array.isArray(value)) printLines(`${key}: ${value === null ? '-' : value}`);
    else if (typeof value[0] === 'string') printLines(`${key}: ${value.join(' ')}`);
    else if (value.length > 0) printLines(`${key}:`, ...value.map(line));
  }
}

function hours(min: number): (value: string) => number {
  return value => {
    const number = Number(value);
    if (value.trim() === '' || !(number >= min && number <= hoursMax))
      throw new InvalidArgumentError(`It takes hours from ${min} to ${hoursMax}.`);
    return number;
  };
}
