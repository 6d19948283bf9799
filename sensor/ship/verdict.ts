/**
 * What an answer to a batch means. Only our acknowledgement is one: between a sensor and its collector stand proxies and captive
 * portals that answer in their own words.
 */
import type { BatchKey } from '../../common/protocol/messages.ts';
import type { Reply } from './client.ts';

export type Verdict =
  | { readonly kind: 'acknowledged' }
  /** It is the batch that is wrong: the collector will never take it. */
  | { readonly kind: 'malformed'; readonly why: string }
  /** Its key was used for another content. */
  | { readonly kind: 'conflict'; readonly nextEpoch: number }
  /** The collector is there, and asks for time. */
  | { readonly kind: 'later'; readonly why: string }
  /** It will not do before somebody mends something. */
  | { readonly kind: 'refused'; readonly why: string }
  /** Something in between refuses this batch; others may pass. */
  | { readonly kind: 'blocked'; readonly why: string };

const PROBLEM = 'application/problem+json';
/** What the collector says of a batch itself. Its other problems are of a request, which something on the way may have changed. */
const OF_THE_BATCH = ['malformed-batch', 'foreign-batch', 'too-large'].map(code => `urn:enaga:problem:${code}`);
const EPOCH_MAX = 2 ** 32 - 1;
/** Letters of somebody else's text that go into a log. */
const textLengthMax = 120;

/** JSON of a body; undefined if it is none. */
export function parseJson({ body }: Pick<Reply, 'body'>): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8'));
  } catch {
    return undefined;
  }
}

interface Problem {
  readonly type?: unknown;
  readonly title?: unknown;
  readonly detail?: unknown;
  readonly nextEpoch?: unknown;
}

const problemOf = (reply: Reply): Problem | undefined => {
  const parsed = reply.type === PROBLEM ? parseJson(reply) : undefined;
  return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
};

export function isAcknowledgement(reply: Reply, batch: BatchKey & { readonly sha256: string }): boolean {
  const told = parseJson(reply) as Record<string, unknown> | null | undefined;
  if (reply.status !== 200 || typeof told !== 'object' || told === null) return false;
  return (
    Object.keys(told).sort().join() === 'epoch,sensor,sequence,sha256' &&
    told.sensor === batch.sensor &&
    told.epoch === batch.epoch &&
    told.sequence === batch.sequence &&
    told.sha256 === batch.sha256
  );
}

export function judge(reply: Reply, batch: BatchKey & { readonly sha256: string }): Verdict {
  if (isAcknowledgement(reply, batch)) return { kind: 'acknowledged' };
  const { status } = reply;
  const problem = problemOf(reply);
  const why = `${status}${wordsOf(' ', problem?.title)}`;
  if (status === 400 || status === 413) {
    if (problem === undefined) return { kind: 'blocked', why: `${why}, and not by the collector: by what?` };
    return { kind: OF_THE_BATCH.includes(String(problem.type)) ? 'malformed' : 'blocked', why };
  }
  const nextEpoch = problem?.nextEpoch;
  if (status === 409 && Number.isInteger(nextEpoch) && (nextEpoch as number) > 0 && (nextEpoch as number) <= EPOCH_MAX)
    return { kind: 'conflict', nextEpoch: nextEpoch as number };
  if (status === 429 || status === 503) return { kind: 'later', why };
  if (status === 200) return { kind: 'refused', why: '200, but no acknowledgement: something in between answers' };
  return { kind: 'refused', why: `${why}${wordsOf(': ', problem?.detail)}` };
}

/** What the collector says to a sensor that it will take nothing from any more, if that is what it says. */
export function revocationOf(reply: Reply): string | undefined {
  const problem = problemOf(reply);
  if (reply.status !== 401 || problem?.type !== 'urn:enaga:problem:revoked') return undefined;
  return `${reply.status}${wordsOf(' ', problem.title)}${wordsOf(': ', problem.detail)}`;
}

/** A part of a problem, as text for a log. */
const wordsOf = (before: string, text: unknown): string =>
  typeof text === 'string' ? `${before}${text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, textLengthMax)}` : '';
