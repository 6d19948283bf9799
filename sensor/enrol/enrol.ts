/** Enrolment: this sensor makes a key of its own, and the collector takes its public half for a token. */
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ENROLMENTS_PATH, type Enrolment, type EnrolmentRequest, JSON_TYPE } from '../../common/protocol/messages.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { Client, parseCollector, Unreachable } from '../ship/client.ts';
import { parseJson } from '../ship/verdict.ts';
import { Spool } from '../spool/spool.ts';
import { isEnrolled, readConfig, type SensorConfig, writeConfig, writeDurably } from './config.ts';
import type { SensorPaths } from './paths.ts';

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
}

const CA_FILE = 'collector-ca.pem';
const statusOfRefusal = [400, 401, 403];

/** Throws `EnrolmentFailed`, or what the file system says. */
export async function enrol(paths: SensorPaths, options: EnrolOptions): Promise<SensorConfig> {
  const collector = parseCollector(options.collector, options);
  const ca = options.ca === undefined ? undefined : readCertificates(options.ca);
  // Before the token is spent: directories that cannot be written are found out now.
  fs.mkdirSync(paths.stateDirectory, { recursive: true, mode: 0o700 }); // observed addresses are in it
  fs.mkdirSync(paths.configDirectory, { recursive: true, mode: 0o755 });
  for (const directory of [paths.configDirectory, paths.stateDirectory]) fs.accessSync(directory, fs.constants.W_OK);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const enrolment = await ask(collector, ca, { token: options.token, publicKey: rawKey(publicKey) });
  const before = isEnrolled(paths) ? readConfig(paths) : undefined;
  const epoch = settleState(paths, enrolment, before);
  const key = `key-${rawKey(publicKey).slice(0, 8)}.pem`;
  writeDurably(
    path.join(paths.configDirectory, key),
    privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    0o600,
  );
  if (ca !== undefined) writeDurably(path.join(paths.configDirectory, CA_FILE), ca, 0o644);
  const config: SensorConfig = {
    collector: collector.origin,
    insecureHttp: options.insecureHttp,
    sensor: enrolment.sensor,
    name: enrolment.name,
    economy: enrolment.economy,
    keyId: enrolment.keyId,
    key,
    ca: ca === undefined ? null : CA_FILE,
    networks: enrolment.networks,
    epoch,
  };
  writeConfig(paths, config);
  if (before !== undefined && before.key !== key)
    fs.rmSync(path.join(paths.configDirectory, before.key), { force: true });
  return config;
}

/** The 32 bytes of RFC 8032, in base64url. */
const rawKey = (key: KeyObject): string => key.export({ format: 'jwk' }).x!;

function readCertificates(file: string): string {
  const text = fs.readFileSync(file, 'utf8');
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
      );
    if (reply.status !== 201) throw new EnrolmentFailed(`the collector answers ${reply.status}: try again later`);
    const enrolment = parseEnrolment(parseJson(reply));
    if (enrolment === undefined)
      throw new EnrolmentFailed(`what answers at ${collector.origin} is no collector of ours, or something in between`);
    return enrolment;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    throw new EnrolmentFailed(`the collector ${collector.origin} cannot be reached: ${error.message}`);
  } finally {
    client.close();
  }
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

/**
 * The epoch this sensor goes on with. State of the same sensor stays: its epoch, and what it has not sent. State of another
 * would be sent under a wrong name.
 */
function settleState(paths: SensorPaths, enrolment: Enrolment, before: SensorConfig | undefined): number {
  if (fs.existsSync(paths.spool)) {
    const spool = openForLook(paths);
    try {
      if (spool.sensor === enrolment.sensor) return Math.max(spool.epoch, before?.epoch ?? 0);
      if (!spool.isEmpty)
        throw new EnrolmentFailed(
          `${paths.stateDirectory} holds the state of another sensor (${spool.sensor}): give this one a directory of its ` +
            `own with --state, or remove ${paths.spool} if its packets may go; the token is used up, ask for a new one`,
        );
    } finally {
      spool.close();
    }
    for (const suffix of ['', '-wal', '-shm']) fs.rmSync(paths.spool + suffix, { force: true });
  }
  openForLook(paths, enrolment).close();
  return enrolment.epoch;
}

const openForLook = (paths: SensorPaths, { sensor, epoch }: Pick<Enrolment, 'sensor' | 'epoch'> = NOBODY): Spool =>
  Spool.open(paths.spool, { sensor, epoch, bytesMax: Number.MAX_SAFE_INTEGER, keepMs: Number.MAX_SAFE_INTEGER });

/** Of a database that is there already, and so keeps its own. */
const NOBODY = { sensor: '', epoch: 1 };
