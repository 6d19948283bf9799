/** Each minute the sensor tells its account; the answer says which batches the collector lacks, and what to observe. */
import { gapsMax } from '../../common/limits.ts';
import { HEARTBEATS_PATH, type Heartbeat, JSON_TYPE, type SequenceRange } from '../../common/protocol/messages.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { isFull } from '../../common/sqlite/full.ts';
import packageJson from '../../package.json' with { type: 'json' };
import type { Spool } from '../spool/spool.ts';
import { readAccount, toStatus } from '../status/account.ts';
import { plural } from '../status/text.ts';
import { type Client, Unreachable } from './client.ts';
import { parseJson, revocationOf } from './verdict.ts';

export interface HeartbeatOptions {
  readonly spool: Spool;
  readonly client: Pick<Client, 'send'>;
  readonly say: (text: string) => void;
  readonly onNetworks: (networks: readonly string[]) => void;
  /** Batches wait again. */
  readonly onGaps: () => void;
}

export const heartbeatMs = 60_000;
/** A clock that is off by more is an alarm. */
export const clockOffsetMsMax = 2000;
const networksMax = 1024;

/** Tells the account once. Returns whether the collector took it, and how many batches it asked for that are still here. */
export async function beat({ spool, client, say, onNetworks, onGaps }: HeartbeatOptions): Promise<boolean> {
  const sentMs = Date.now();
  const status = toStatus(readAccount(spool.database, sentMs));
  const heartbeat: Heartbeat = { epochs: spool.epochs(), status, version: packageJson.version };
  const body = Buffer.from(JSON.stringify(heartbeat));
  try {
    release(spool);
    const reply = await client.send({ method: 'POST', path: HEARTBEATS_PATH, type: JSON_TYPE, body });
    const revocation = revocationOf(reply); // a sensor that has nothing to send hears of it here alone
    if (revocation !== undefined) spool.alarms.raise('collector', `the collector does not take batches: ${revocation}`);
    const answer = reply.status === 200 ? parseAnswer(parseJson(reply)) : undefined;
    if (answer === undefined) return false;
    noteClock(spool, (sentMs + Date.now()) / 2 - answer.received);
    if (answer.networks !== undefined) onNetworks(answer.networks);
    const found = spool.requeue(answer.gaps, sentMs);
    if (found > 0) {
      say(`the collector lacks ${plural(found, 'batch', 'batches')} that it had acknowledged: sent again`);
      onGaps();
    }
    return true;
  } catch (error) {
    if (error instanceof Unreachable || isFull(error)) return false;
    throw error;
  }
}

/** A full disk is told of like anything else. */
function release(spool: Spool): void {
  try {
    spool.release();
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}

function noteClock(spool: Spool, offsetMs: number): void {
  spool.noteClock(offsetMs);
  if (Math.abs(offsetMs) <= clockOffsetMsMax) {
    spool.alarms.clear('clock');
    return;
  }
  const by = `${(Math.abs(offsetMs) / 1000).toFixed(1)} s ${offsetMs > 0 ? 'ahead of' : 'behind'}`;
  spool.alarms.raise('clock', `this clock is ${by} the collector's`);
}

interface Answer {
  readonly received: number;
  readonly gaps: readonly SequenceRange[];
  readonly networks: readonly string[] | undefined;
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isRange(value: unknown): value is SequenceRange {
  const { epoch, from, to } = (value ?? {}) as Record<string, unknown>;
  return isWhole(epoch) && isWhole(from) && isWhole(to) && from <= to;
}

function isNetwork(text: unknown): boolean {
  try {
    return parsePrefix(text as string) !== undefined;
  } catch {
    return false;
  }
}

/** Undefined if somebody else answered. */
function parseAnswer(told: unknown): Answer | undefined {
  const { received, gaps, networks } = (told ?? {}) as Record<string, unknown>;
  if (!isWhole(received) || !Array.isArray(gaps) || !gaps.every(isRange)) return undefined;
  const known = Array.isArray(networks) && networks.length <= networksMax && networks.every(isNetwork);
  return { received, gaps: gaps.slice(0, gapsMax), networks: known ? networks : undefined };
}
