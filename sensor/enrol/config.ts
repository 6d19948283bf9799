/** config.json: who this sensor is and where it reports to. Written whole or not at all; the key is in a file beside it. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { parsePrefix } from '../../common/record/address.ts';
import type { SensorPaths } from './paths.ts';

export interface SensorConfig {
  /** The collector's origin. */
  readonly collector: string;
  /** http:// to another machine was asked for. */
  readonly insecureHttp: boolean;
  readonly sensor: string;
  readonly name: string;
  readonly economy: string;
  /** Names the key in signatures. */
  readonly keyId: string;
  /** File of the private key, and of the certificates to trust, in the directory of the configuration. */
  readonly key: string;
  readonly ca: string | null;
  readonly networks: readonly string[];
  /** The highest epoch known to be used: a state that is lost begins with the next. */
  readonly epoch: number;
}

/** There is no configuration, or none that can be used; the message says what to do. */
export class BadConfig extends Error {
  override readonly name = 'BadConfig';
}

/** Throws `BadConfig`. */
export function readConfig(paths: SensorPaths): SensorConfig {
  const config = parsed(readText(paths));
  if (config === undefined) throw new BadConfig(`${paths.config} is damaged: ${ADVICE}`);
  return config;
}

/** Undefined if there is none, or a damaged one: a new enrolment mends both. Throws `BadConfig` if it cannot be read. */
export const readConfigBefore = (paths: SensorPaths): SensorConfig | undefined =>
  fs.existsSync(paths.config) ? parsed(readText(paths)) : undefined;

const ADVICE = 'run `enaga-sensor enrol` with a token of the collector';

function readText({ config }: SensorPaths): string {
  try {
    return fs.readFileSync(config, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new BadConfig(`this sensor is not enrolled (no ${config}): ${ADVICE}`);
    throw new BadConfig(`${config} cannot be read (${code})`);
  }
}

function parsed(text: string): SensorConfig | undefined {
  try {
    return checked(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function checked(told: Record<string, unknown>): SensorConfig {
  const text = (name: string): string => {
    if (typeof told[name] !== 'string') throw new TypeError(name);
    return told[name];
  };
  const { networks, epoch, ca = null } = told;
  if (!Array.isArray(networks) || !networks.every(one => typeof one === 'string')) throw new TypeError('networks');
  for (const network of networks) parsePrefix(network);
  if (!Number.isInteger(epoch) || (epoch as number) < 1) throw new TypeError('epoch');
  return {
    collector: text('collector'),
    insecureHttp: told.insecureHttp === true,
    sensor: text('sensor'),
    name: text('name'),
    economy: text('economy'),
    keyId: text('keyId'),
    key: path.basename(text('key')),
    ca: ca === null ? null : path.basename(text('ca')),
    networks,
    epoch: epoch as number,
  };
}

export const writeConfig = (paths: SensorPaths, config: SensorConfig): void =>
  writeDurably(paths.config, `${JSON.stringify(config, null, 2)}\n`, 0o600); // it names the observed networks

/** The file is there whole, on the disk, or as it was before. */
export function writeDurably(file: string, text: string, mode: number): void {
  const temporary = `${file}.tmp`;
  fs.rmSync(temporary, { force: true }); // the mode counts only when a file is made
  fs.writeFileSync(temporary, text, { mode, flush: true });
  fs.renameSync(temporary, file);
  const directory = fs.openSync(path.dirname(file), 'r');
  fs.fsyncSync(directory);
  fs.closeSync(directory);
}

/** Throws `BadConfig`. */
export function readKey(paths: SensorPaths, config: SensorConfig): KeyObject {
  const file = path.join(paths.configDirectory, config.key);
  try {
    return createPrivateKey(fs.readFileSync(file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BadConfig(`the key ${file} cannot be read (${code}): enrol again with a new token`);
  }
}

export function readCa(paths: SensorPaths, config: SensorConfig): string | undefined {
  return config.ca === null ? undefined : fs.readFileSync(path.join(paths.configDirectory, config.ca), 'utf8');
}
