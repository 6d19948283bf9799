/** `enaga-sensor check`: looks at everything a run needs, and says what mends what is wrong. */
import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { readCa, readConfig, readKey, type SensorConfig } from '../enrol/config.ts';
import { type SensorPaths, sensorPaths } from '../enrol/paths.ts';
import { Client, Unreachable } from '../ship/client.ts';
import { collectorOf, stateOption } from './options.ts';

export interface Finding {
  readonly check: string;
  readonly state: 'pass' | 'warn' | 'fail';
  readonly text: string;
  /** What to do. */
  readonly mend?: string;
}

const roomBytesWarn = 2 ** 30;
const roomBytesFail = 64 * 2 ** 20;
/** The Date header tells whole seconds. */
const clockMsMax = 3000;

export function checkCommand(): Command {
  return new Command('check')
    .description('Check configuration, key, state directory, and the way to the collector')
    .addOption(stateOption())
    .option('--json', 'print an array of {check, state, text, mend}')
    .addHelpText(
      'after',
      `
Exit codes: 0 nothing fails (warnings may be there); 1 something does; 2 wrong usage.

Example:
  enaga-sensor check --state ./sensor-1`,
    )
    .action(async ({ state, json }: { state?: string; json?: boolean }) => {
      const findings = await checkSensor(sensorPaths(state));
      process.stdout.write(json ? `${JSON.stringify(findings, null, 2)}\n` : findings.map(lineOf).join(''));
      process.exitCode = findings.some(finding => finding.state === 'fail') ? 1 : 0;
    });
}

const lineOf = ({ check, state, text, mend }: Finding): string =>
  `${state.padEnd(5)} ${check.padEnd(14)} ${text}${mend === undefined ? '' : `\n${' '.repeat(21)}${mend}`}\n`;

export async function checkSensor(paths: SensorPaths): Promise<Finding[]> {
  const findings: Finding[] = [checkState(paths), checkRoom(paths)];
  let config: SensorConfig;
  try {
    config = readConfig(paths);
  } catch (error) {
    return [{ check: 'configuration', state: 'fail', text: (error as Error).message }, ...findings];
  }
  const text = `${paths.config}: ${config.name}, ${config.networks.join(', ')}`;
  findings.unshift({ check: 'configuration', state: 'pass', text }, checkKey(paths, config));
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
    const text = `${stateDirectory} cannot be written (${(error as NodeJS.ErrnoException).code})`;
    return { check, state: 'fail', text, mend: 'make it, and give it to the user that the sensor runs as' };
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
    client = new Client({ collector: collectorOf(config), ...(ca !== undefined && { ca }) });
    const { status, date } = await client.get('/healthz');
    if (status !== 200)
      return [
        { check, state: 'fail', text: `${config.collector} answers ${status}`, mend: 'is it the right address?' },
      ];
    return [{ check, state: 'pass', text: config.collector }, checkClock(date)];
  } catch (error) {
    const { message } = error as Error;
    const text = error instanceof Unreachable ? `${config.collector} cannot be reached: ${message}` : message;
    return [{ check, state: 'fail', text, mend: 'batches wait in the spool until it can' }];
  } finally {
    client?.close();
  }
}

function checkClock(date: string | undefined): Finding {
  const check = 'clock';
  const offsetMs = Date.now() - Date.parse(date ?? '');
  if (Number.isNaN(offsetMs)) return { check, state: 'warn', text: 'the collector does not tell its time' };
  const text = `${(offsetMs / 1000).toFixed(1)} s from the collector's`;
  if (Math.abs(offsetMs) <= clockMsMax) return { check, state: 'pass', text };
  return { check, state: 'warn', text, mend: 'keep the clock with NTP (timedatectl set-ntp true)' };
}
