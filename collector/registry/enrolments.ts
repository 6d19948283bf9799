/**
 * Enrolment tokens: each is issued for a sensor, and takes one key. What it took is told again, for a sensor that was not reached by its
 * answer comes with the same token and the same key. For an hour: whoever has read the request may ask with it too.
 */

import type { Enrolment } from '../../common/protocol/messages.ts';
import { HOUR_MS } from '../../common/time.ts';
import { newToken, tokenLookup, tokenMatches } from './secrets.ts';
import type { prepare, TokenRow } from './statements.ts';

type Statements = ReturnType<typeof prepare>;

export interface TokenTimes {
  /** For how long the token is good, 24 hours unless given. */
  readonly expiresInMs?: number;
  /** For how long the key before is good beside the new one, 24 hours unless given. */
  readonly overlapMs?: number;
}

export interface Enrolled extends Enrolment {
  /** It was enrolled before, and nothing was changed. */
  readonly isAgain: boolean;
}

const expiresInMsDefault = 24 * HOUR_MS;
const overlapMsDefault = 24 * HOUR_MS;
const againMsMax = HOUR_MS;

/** For a sensor, by its index. */
export function issueToken(
  statements: Statements,
  index: number,
  nowMs: number,
  { expiresInMs = expiresInMsDefault, overlapMs = overlapMsDefault }: TokenTimes,
): string {
  const { token, lookup, sha256 } = newToken();
  statements.addToken.run(lookup, sha256, index + 1, nowMs, nowMs + expiresInMs, overlapMs);
  return token;
}

/** One that was issued and has not expired, used or not. One that was made void has expired. */
export function findToken(statements: Statements, token: string, nowMs: number): TokenRow | undefined {
  const lookup = tokenLookup(token);
  const row = lookup === undefined ? undefined : (statements.token.get(lookup) as TokenRow | undefined);
  return row !== undefined && tokenMatches(token, row.sha256) && nowMs < row.expiresMs ? row : undefined;
}

/**
 * The id of the key that a token took at `usedMs`, within the hour, if it is this one and no other has taken its place. A key begins
 * when its token is used, in one transaction.
 */
export const keyTaken = (
  statements: Statements,
  { sensor, usedMs }: TokenRow,
  publicKey: Uint8Array,
  nowMs: number,
): string | undefined =>
  usedMs !== null && nowMs - usedMs < againMsMax
    ? (statements.keyTaken.get(sensor + 1, publicKey, usedMs) as string | undefined)
    : undefined;
