/**
 * Enrolment tokens and sensors' keys.
 *
 * A token is `enaga_LOOKUP_SECRET`: 8 hexadecimal digits that find its row, and 32 random bytes in base64url. It is shown once;
 * what is kept is the lookup and the SHA-256 of the whole. No slow hash: nobody guesses 256 bits.
 */
import { createHash, createPublicKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';

const TOKEN = /^enaga_(?<lookup>[0-9a-f]{8})_[A-Za-z0-9_-]{43}$/;
const KEY_BYTES = 32;

export interface NewToken {
  readonly token: string;
  readonly lookup: string;
  readonly sha256: Uint8Array;
}

export function newToken(): NewToken {
  const lookup = randomBytes(4).toString('hex');
  const token = `enaga_${lookup}_${randomBytes(32).toString('base64url')}`;
  return { token, lookup, sha256: sha256(token) };
}

/** Undefined if it is no token at all. */
export const tokenLookup = (token: string): string | undefined => TOKEN.exec(token)?.groups?.lookup;

export const tokenMatches = (token: string, kept: Uint8Array): boolean => timingSafeEqual(sha256(token), kept);

const sha256 = (text: string): Uint8Array => createHash('sha256').update(text).digest();

/** The 32 bytes of an Ed25519 public key in base64url (RFC 8032); undefined if it is none. */
export function parsePublicKey(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== KEY_BYTES || bytes.toString('base64url') !== text) return undefined;
  return bytes;
}

export const publicKeyObject = (bytes: Uint8Array): KeyObject =>
  createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(bytes).toString('base64url') },
    format: 'jwk',
  });
