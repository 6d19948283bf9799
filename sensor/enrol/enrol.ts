/** Enrolment: this sensor makes a key of its own, and the collector takes its public half for a token. */
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ENROLMENTS_PATH, type Enrolment, type EnrolmentRequest, JSON_TYPE } from '../../common/protocol/messages.ts';
import { mayBeTaken } from '../../common/protocol/taken.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { type Lock, Locked, takeLock } from '../../common/sqlite/lock.ts';
import { BadDatabase, damageNamed, openDatabase } from '../../common/sqlite/open.ts';
import { Client, parseCollector, Unreachable } from '../ship/client.ts';
import { parseJson } from '../ship/verdict.ts';
import { MIGRATIONS } from '../spool/schema.ts';
import { Spool } from '../spool/spool.ts';
import { readConfigBefore, type SensorConfig, writeConfig, writeDurably } from './config.ts';
import type { SensorPaths } from './paths.ts';
import { dropPending, pendingKey } from './pending.ts';

export interface EnrolOptions {
  readonly collector: string;
  readonly token: string;
  /** File of certificates to trust, in PEM. */
  readonly ca?: string;
  readonly insecureHttp: boolean;
}

/** It did not work; the message says why and what to do. */
export class EnrolmentFailed extends Error {
  override readonly name = 'EnrolmentFailed';
  /** The collector has decided, and the key is of no use. Else the same token and key may be tried again. */
  readonly isOver: boolean;

  constructor(message: string, { isOver = false } = {}) {
    super(message);
    this.isOver = isOver;
  }
}

const MAY_BE_ENROLLED =
  'it may have enrolled this sensor all the same: run the same command again within the hour, with the same token';

const CA_FILE = 'collector-ca.pem';
const statusOfRefusal = [400, 401, 403];

/** Throws `BadAddress`, `BadConfig`, `EnrolmentFailed`, or what the file system says. */
export async function enrol(paths: SensorPaths, options: EnrolOptions): Promise<SensorConfig> {
  const collector = parseCollector(options.collector, options);
  const ca = options.ca === undefined ? undefined : readCertificates(options.ca);
  fs.mkdirSync(paths.stateDirectory, { recursive: true, mode: 0o700 }); // observed addresses are in it
  fs.mkdirSync(paths.configDirectory, { recursive: true, mode: 0o755 });
  for (const directory of [paths.configDirectory, paths.stateDirectory]) fs.accessSync(directory, fs.constants.W_OK);
  const lock = lockUnlessRunning(paths);
  try {
    return await enrolOn(paths, lock !== undefined, { ...options, collector, ca });
  } finally {
    lock?.release();
  }
}

/** Undefined if a sensor runs on this state: its key may be renewed all the same, but its spool is not ours. */
function lockUnlessRunning({ lock }: SensorPaths): Lock | undefined {
  try {
    return takeLock(lock);
  } catch (error) {
    if (error instanceof Locked) return undefined;
    throw error;
  }
}

interface Asked {
  readonly collector: URL;
  readonly ca: string | undefined;
  readonly token: string;
  readonly insecureHttp: boolean;
}

/** Reads and writes what it can before it asks: a token that is spent is gone, but for the key that it was spent on. */
async function enrolOn(
  paths: SensorPaths,
  isLocked: boolean,
  { collector, ca, token, insecureHttp }: Asked,
): Promise<SensorConfig> {
  const before = readConfigBefore(paths);
  const state = readState(paths, isLocked);
  if (!isLocked && state === undefined) throw new EnrolmentFailed(running(paths));
  const { pem, publicKey } = pendingKey(paths, token);
  let enrolment: Enrolment;
  try {
    enrolment = await ask(collector, ca, { token, publicKey });
    assertUsable(paths, isLocked, state, enrolment);
  } catch (error) {
    if (error instanceof EnrolmentFailed && error.isOver) dropPending(paths.configDirectory);
    throw error;
  }
  const key = `key-${publicKey.slice(0, 8)}.pem`;
  writeDurably(path.join(paths.configDirectory, key), pem, 0o600);
  const { sensor, name, economy, keyId, networks } = enrolment;
  const goesOn = state?.sensor === sensor;
  const epoch = goesOn ? Math.max(state.epoch, before?.epoch ?? 0) : enrolment.epoch;
  if (!goesOn) for (const suffix of ['', '-wal', '-shm']) fs.rmSync(paths.spool + suffix, { force: true });
  if (ca !== undefined) writeDurably(path.join(paths.configDirectory, CA_FILE), ca, 0o644);
  const caFile = ca === undefined ? null : CA_FILE;
  const origin = { collector: collector.origin, insecureHttp };
  const config: SensorConfig = { ...origin, sensor, name, economy, keyId, key, ca: caFile, networks, epoch };
  writeConfig(paths, config);
  dropPending(paths.configDirectory);
  if (!goesOn) Spool.open(paths.spool, { sensor, epoch, bytesMax: 0, keepMs: 0 }).close();
  if (before !== undefined && before.key !== key)
    fs.rmSync(path.join(paths.configDirectory, before.key), { force: true });
  return config;
}

function readCertificates(file: string): string {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new EnrolmentFailed(`--ca ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    new X509Certificate(text);
  } catch {
    throw new EnrolmentFailed(`${file} holds no certificate in PEM`);
  }
  return text;
}

async function ask(collector: URL, ca: string | undefined, request: EnrolmentRequest): Promise<Enrolment> {
  const client = new Client({ collector, ...(ca !== undefined && { ca }) });
  try {
    const body = Buffer.from(JSON.stringify(request));
    const reply = await client.send({ method: 'POST', path: ENROLMENTS_PATH, type: JSON_TYPE, body });
    if (statusOfRefusal.includes(reply.status))
      throw new EnrolmentFailed(
        'the collector does not take this token: it is used, expired or mistyped; ask for a new one',
        { isOver: true },
      );
    if (reply.status !== 201) {
      const then = mayBeTaken(reply.status) ? `; ${MAY_BE_ENROLLED}` : ': try again later';
      throw new EnrolmentFailed(`the collector answers ${reply.status}${then}`);
    }
    const enrolment = parseEnrolment(parseJson(reply));
    if (enrolment === undefined)
      throw new EnrolmentFailed(`what answers at ${collector.origin} is no collector of ours, or something in between`);
    return enrolment;
  } catch (error) {
    throw error instanceof Unreachable ? new EnrolmentFailed(unansweredText(collector, error)) : error;
  } finally {
    client.close();
  }
}

function unansweredText({ protocol, origin }: URL, { message, cause, wasSent }: Unreachable): string {
  if (!wasSent) return `the collector ${origin} cannot be reached: ${message}`;
  // What speaks TLS cuts whoever does not.
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  const hint = protocol === 'http:' && code === 'ECONNRESET' ? '; if it speaks TLS, write https://' : '';
  return `nothing was heard from the collector ${origin} (${message})${hint}; ${MAY_BE_ENROLLED}`;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function parseEnrolment(told: unknown): Enrolment | undefined {
  const { sensor, name, economy, keyId, networks, epoch } = (told ?? {}) as Record<string, unknown>;
  const words = [sensor, name, economy, keyId].every(value => typeof value === 'string' && !/\p{Cc}/u.test(value));
  if (!words || !UUID.test(sensor as string)) return undefined;
  if (!Number.isInteger(epoch) || (epoch as number) < 1 || !Array.isArray(networks)) return undefined;
  try {
    for (const network of networks) parsePrefix(network);
  } catch {
    return undefined;
  }
  return told as Enrolment;
}

interface State {
  readonly sensor: string;
  readonly epoch: number;
  /** Nothing was ever sealed. */
  readonly isEmpty: boolean;
}

/** Undefined if there is none. */
function readState({ spool }: SensorPaths, isLocked: boolean): State | undefined {
  if (!fs.existsSync(spool)) return undefined;
  try {
    const database = openDatabase(spool, { migrations: MIGRATIONS, readonly: !isLocked });
    try {
      const row = database.prepare('SELECT sensor, epoch FROM state').get() as Omit<State, 'isEmpty'> | undefined;
      const isEmpty = database.prepare('SELECT 1 FROM epoch LIMIT 1').get() === undefined;
      return { sensor: '', epoch: 1, ...row, isEmpty }; // no row: its making was cut off
    } finally {
      database.close();
    }
  } catch (error) {
    const damage = damageNamed(error, spool);
    if (!(damage instanceof BadDatabase)) throw error;
    throw new EnrolmentFailed(
      `${damage.message}: enaga-sensor run saves what it can of it; or remove it, if its packets may go`,
    );
  }
}

/** State of the same sensor stays, and what it has not sent. State of another would be sent under a wrong name. */
function assertUsable(
  paths: SensorPaths,
  isLocked: boolean,
  state: State | undefined,
  { sensor }: Pick<Enrolment, 'sensor'>,
): void {
  if (state === undefined || state.sensor === sensor) return;
  if (!state.isEmpty)
    throw new EnrolmentFailed(
      `${paths.stateDirectory} holds the state of another sensor (${state.sensor}): give this one a directory of its ` +
        `own with --state, or remove ${paths.spool} if its packets may go; the token is used up, ask for a new one`,
      { isOver: true },
    );
  if (!isLocked)
    throw new EnrolmentFailed(`${running(paths)}; the token is used up, ask for a new one`, { isOver: true });
}

const running = ({ stateDirectory }: SensorPaths): string =>
  `another enaga-sensor runs on ${stateDirectory}: stop it, or give this one a directory of its own with --state`;
