/**
 * The key of an enrolment that is not over, in a file beside the configuration. It is there before the collector is asked, and stays when
 * no answer is heard: asked again with the same token and key, the collector may say what it said. The file is named after the token, by
 * a digest, so no other token takes the key.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { writeDurably } from './config.ts';
import type { SensorPaths } from './paths.ts';

export interface PendingKey {
  /** PKCS #8, in PEM. */
  readonly pem: string;
  /** The public half: the 32 bytes of RFC 8032, in base64url. */
  readonly publicKey: string;
}

const NAME = /^pending-[0-9a-f]{16}\.pem$/;

/** The key that this token was tried with before, or a new one in its place and in that of all others. */
export function pendingKey({ configDirectory }: SensorPaths, token: string): PendingKey {
  const digest = createHash('sha256').update(token).digest('hex');
  const file = path.join(configDirectory, `pending-${digest.slice(0, 16)}.pem`);
  const before = readKeyFile(file);
  if (before !== undefined) return pendingOf(before);
  const { privateKey } = generateKeyPairSync('ed25519');
  dropPending(configDirectory);
  const pending = pendingOf(privateKey);
  writeDurably(file, pending.pem, 0o600);
  return pending;
}

/** The enrolment is over, as the collector decided. */
export function dropPending(configDirectory: string): void {
  for (const name of fs.readdirSync(configDirectory))
    if (NAME.test(name)) fs.rmSync(path.join(configDirectory, name), { force: true });
}

/** Undefined if there is none, or a damaged one: a key that was never told to anybody. */
function readKeyFile(file: string): KeyObject | undefined {
  if (!fs.existsSync(file)) return undefined;
  try {
    return createPrivateKey(fs.readFileSync(file));
  } catch {
    return undefined;
  }
}

const pendingOf = (privateKey: KeyObject): PendingKey => ({
  pem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  publicKey: createPublicKey(privateKey).export({ format: 'jwk' }).x!,
});
