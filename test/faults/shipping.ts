/** A shipper in a time that the test moves (vi.useFakeTimers), and a collector of one function. */
import { onTestFinished, vi } from 'vitest';
import { type OpenedBatch, openBatch } from '../../common/batch/open.ts';
import type { Reply } from '../../sensor/ship/client.ts';
import { Shipper } from '../../sensor/ship/shipper.ts';
import type { Spool } from '../../sensor/spool/spool.ts';
import type { SpoolOptions } from '../../sensor/spool/types.ts';
import { newSpool } from '../sensor/support.ts';

export const HOUR_MS = 3_600_000;
/** The longest that a sensor waits between two tries by itself. */
export const waitMsMax = 5 * 60_000;

export interface Shipping {
  readonly spool: Spool;
  readonly shipper: Shipper;
  /** Milliseconds since the start, one for each request. */
  readonly tries: number[];
  readonly taken: OpenedBatch[];
}

export const reply = (status: number, body: string, more: Partial<Reply> = {}): Reply => ({
  status,
  type: 'application/json',
  retryAfter: undefined,
  date: undefined,
  body: Buffer.from(body),
  ...more,
});

export function acknowledge(batch: OpenedBatch): Reply {
  const { sensor, epoch, sequence } = batch.header;
  return reply(200, JSON.stringify({ sensor, epoch, sequence, sha256: batch.sha256 }));
}

/** `answer` gives what stands in the way of a batch, after so many milliseconds; undefined lets it through. May throw. */
export function startShipping(
  answer: (sinceMs: number, batch: OpenedBatch) => Reply | undefined,
  options: Partial<SpoolOptions> = {},
): Shipping {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  const startedMs = Date.now();
  const spool = newSpool({ now: Date.now, ...options });
  const tries: number[] = [];
  const taken: OpenedBatch[] = [];
  const send = async ({ body }: { body: Uint8Array }): Promise<Reply> => {
    const sinceMs = Date.now() - startedMs;
    tries.push(sinceMs);
    const batch = openBatch(body);
    const other = answer(sinceMs, batch);
    if (other !== undefined) return other;
    taken.push(batch);
    return acknowledge(batch);
  };
  const fail = (error: unknown) => {
    throw error;
  };
  const shipper = new Shipper({ spool, client: { send }, say: () => {}, onEpoch: fail, onFailure: fail });
  onTestFinished(async () => {
    await shipper.stop(0);
    vi.useRealTimers();
  });
  return { spool, shipper, tries, taken };
}

/** Milliseconds from each try to the next. */
export const waitsOf = (tries: readonly number[]): number[] => tries.slice(1).map((ms, n) => ms - tries[n]!);
