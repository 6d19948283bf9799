/** `enaga-sensor check`: looks at everything a run needs, and says what mends what is wrong. */
import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { HEARTBEATS_PATH, JSON_TYPE } from '../../common/protocol/messages.ts';
import { readCa, readConfig, readKey, type SensorConfig } from '../enrol/config.ts';
import { type SensorPaths, sensorPaths } from '../enrol/paths.ts';
import { Client, type ClientOptions, Unreachable } from '../ship/client.ts';
import { revocationOf } from '../ship/verdict.ts';
import { collectorOf, stateOption } from './options.ts';
import { checkSynchronised, checkWiring } from './wiring.ts';

export interface Finding {
  readonly check: string;
  readonly state: 'pass' | 'warn' | 'fail';
  readonly text: string;
  /** What to do. */
  readonly mend?: string;
}

const roomBytesWarn = 2 ** 30;
const roomBytesFail = 64 * 2 ** 20;
/** The Date header tells whole seconds, cut: by it alone, and that suffices here, a clock is known to half of one either way. */
const dateMsHalf = 500;
/** From here on `status` has an alarm (2 s) for sure. It knows the milliseconds, from heartbeats. */
const clockMsMax = 2000 + dateMsHalf;

interface CheckFlags {
  state?: string;
  json?: boolean;
  interface?: string[];
}

export function checkCommand(): Command {
  return new Command('check')
    .description('Check configuration, key, state directory, and the way to the collector')
    .addOption(stateOption())
    .option('--interface <name...>', 'and the wiring of these interfaces: addresses, ARP, IPv6, forwarding, silence')
    .option('--json', 'print an array of {check, state, text, mend}')
    .addHelpText(
      'after',
      `
Exit codes: 0 nothing fails (warnings may be there); 1 something does; 2 wrong usage.

Examples:
  enaga-sensor check --state ./sensor-1
  sudo enaga-sensor check --interface eth1`,
    )
    .action(async ({ state, json, interface: devices = [] }: CheckFlags) => {
      const findings = await checkSensor(sensorPaths(state), devices);
      process.stdout.write(json ? `${JSON.stringify(findings, null, 2)}\n` : findings.map(lineOf).join(''));
      process.exitCode = findings.some(finding => finding.state === 'fail') ? 1 : 0;
    });
}

const lineOf = ({ check, state, text, mend }: Finding): string =>
  `${state.padEnd(5)} ${check.padEnd(14)} ${text}${mend === undefined ? '' : `\n${' '.repeat(21)}${mend}`}\n`;

export async function checkSensor(paths: SensorPaths, devices: readonly string[] = []): Promise<Finding[]> {
  const findings: Finding[] = [checkState(paths), checkRoom(paths)];
  let config: SensorConfig;
  try {
    config = readConfig(paths);
  } catch (error) {
    return [{ check: 'configuration', state: 'fail', text: (error as Error).message }, ...findings];
  }
  const text = `${paths.config}: ${config.name}, ${config.networks.join(', ')}`;
  findings.unshift({ check: 'configuration', state: 'pass', text }, checkKey(paths, config));
  for (const device of devices) findings.push(...checkWiring(device, config.networks));
  if (devices.length > 0) findings.push(...checkSynchronised());
  return [...findings, ...(await checkCollector(paths, config))];
}

function checkKey(paths: SensorPaths, config: SensorConfig): Finding {
  const check = 'key';
  const file = path.join(paths.configDirectory, config.key);
  try {
    readKey(paths, config);
  } catch (error) {
    return { check, state: 'fail', text: (error as Error).message };
  }
  if ((fs.statSync(file).mode & 0o077) !== 0)
    return { check, state: 'fail', text: `others can read ${file}`, mend: `chmod 600 ${file}` };
  return { check, state: 'pass', text: file };
}

function checkState({ stateDirectory }: SensorPaths): Finding {
  const check = 'state';
  try {
    fs.accessSync(stateDirectory, fs.constants.W_OK | fs.constants.X_OK);
    return { check, state: 'pass', text: stateDirectory };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      return {
        check,
        state: 'fail',
        text: `there is no ${stateDirectory}`,
        mend: 'enaga-sensor enrol makes it, and so does run',
      };
    const text = `${stateDirectory} cannot be written (${code})`;
    return { check, state: 'fail', text, mend: 'give it to the user that the sensor runs as' };
  }
}

function checkRoom({ stateDirectory }: SensorPaths): Finding {
  const check = 'disk';
  try {
    const { bavail, bsize } = fs.statfsSync(stateDirectory);
    const free = bavail * bsize;
    const text = `${(free / 2 ** 20).toFixed(0)} MiB free`;
    if (free >= roomBytesWarn) return { check, state: 'pass', text };
    const mend = 'make room, or bound the spool with `run --spool-bytes`';
    return { check, state: free < roomBytesFail ? 'fail' : 'warn', text, mend };
  } catch {
    return { check, state: 'warn', text: 'not known without the state directory' };
  }
}

async function checkCollector(paths: SensorPaths, config: SensorConfig): Promise<Finding[]> {
  const check = 'collector';
  let client: Client | undefined;
  try {
    const ca = readCa(paths, config);
    const key = keyOf(paths, config);
    client = new Client({ collector: collectorOf(config), ...(ca !== undefined && { ca }), ...(key && { key }) });
    const { status } = await client.get('/healthz');
    if (status !== 200)
      return [
        { check, state: 'fail', text: `${config.collector} answers ${status}`, mend: 'is it the right address?' },
      ];
    // Asked again, on the connection that there is now: making one takes seconds at times, and the collector tells its time after them.
    const askedMs = Date.now();
    const { date } = await client.get('/healthz');
    const offsetMs = (askedMs + Date.now()) / 2 - (Date.parse(date ?? '') + dateMsHalf);
    const findings: Finding[] = [{ check, state: 'pass', text: config.collector }, checkClock(offsetMs)];
    return key === undefined ? findings : [...findings, await checkEnrolment(client)];
  } catch (error) {
    const { message } = error as Error;
    const text = error instanceof Unreachable ? `${config.collector} cannot be reached: ${message}` : message;
    return [{ check, state: 'fail', text, mend: 'batches wait in the spool until it can' }];
  } finally {
    client?.close();
  }
}

/** One that cannot be read has its own finding. */
function keyOf(paths: SensorPaths, config: SensorConfig): ClientOptions['key'] {
  try {
    return { id: config.keyId, privateKey: readKey(paths, config) };
  } catch {
    return undefined;
  }
}

/** A heartbeat that says nothing: the collector looks at the signature, and takes nothing from it. */
async function checkEnrolment(client: Client): Promise<Finding> {
  const check = 'enrolment';
  const nothing = { method: 'POST', path: HEARTBEATS_PATH, type: JSON_TYPE, body: Buffer.from('{}') };
  const reply = await client.send(nothing);
  if (reply.status !== 401) return { check, state: 'pass', text: 'the collector knows this key' };
  const text = revocationOf(reply) ?? 'the collector does not know this key';
  return { check, state: 'fail', text, mend: 'ask who runs the collector for a token, and enrol again' };
}

/** Positive: this clock is ahead; NaN: nobody knows. */
function checkClock(offsetMs: number): Finding {
  const check = 'clock';
  const size = Math.abs(offsetMs);
  if (Number.isNaN(size)) return { check, state: 'warn', text: 'the collector does not tell its time' };
  if (size <= 2 * dateMsHalf) return { check, state: 'pass', text: "within a second of the collector's" };
  const text = `about ${Math.round(size / 1000)} s ${offsetMs > 0 ? 'ahead of' : 'behind'} the collector's`;
  if (size <= clockMsMax) return { check, state: 'pass', text };
  return { check, state: 'warn', text, mend: 'keep the clock with NTP (timedatectl set-ntp true)' };
}
