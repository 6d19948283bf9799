/**
 * Pulls every peer now and then, inside `enaga serve`: all at once, each by itself, so that a slow or broken one keeps no other
 * waiting. Whatever goes wrong is noted with the source, or said, and tried again the next time: never thrown.
 */
import fs from 'node:fs';
import { serializeError } from '../ingest/logging.ts';
import { Peers, type Source } from './peers.ts';
import { pullNoted } from './pull.ts';

export interface ScheduleOptions {
  /** peers.db; there need not be one yet. */
  readonly file: string;
  /** From the end of one round to the beginning of the next. */
  readonly everyMs: number;
  readonly say: (level: 'info' | 'warn', facts: object, text: string) => void;
  /** After a round: all peers, as it left them. */
  readonly pulled?: (peers: readonly Source[]) => void;
  readonly random?: () => number;
}

/** The first round, after the server has begun to answer. */
const firstMs = 1000;
/** So that collectors that were started together do not ask together: a tenth of the time between. */
const spread = 0.1;
/** Of one round: a long past comes in several. */
const daysOfRound = 35;

/** Returns how to end it, which waits for what is under way to be given up. */
export function startPulling({
  file,
  everyMs,
  say,
  pulled = () => {},
  random = Math.random,
}: ScheduleOptions): () => Promise<void> {
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<void> = Promise.resolve();
  const begin = () => {
    round = pullAll(file, ending.signal, { say, pulled })
      .catch(error => say('warn', { why: serializeError(error) }, 'peers cannot be pulled'))
      .then(() => next(everyMs * (1 + spread * random())));
  };
  const next = (ms: number) => {
    if (ending.signal.aborted) return;
    timer = setTimeout(begin, ms);
    timer.unref();
  };
  next(firstMs);
  return async () => {
    ending.abort();
    clearTimeout(timer);
    await round;
  };
}

async function pullAll(
  file: string,
  signal: AbortSignal,
  { say, pulled }: Required<Pick<ScheduleOptions, 'say' | 'pulled'>>,
): Promise<void> {
  if (!fs.existsSync(file)) return;
  const peers = Peers.open(file);
  try {
    const all = peers.sources().filter(({ kind }) => kind === 'peer');
    await Promise.all(all.map(source => pullOne(peers, source, signal, say)));
    if (!signal.aborted) pulled(peers.sources().filter(({ kind }) => kind === 'peer'));
  } finally {
    peers.close();
  }
}

async function pullOne(peers: Peers, source: Source, signal: AbortSignal, say: ScheduleOptions['say']): Promise<void> {
  const { name } = source;
  try {
    const pulled = await pullNoted(peers, source, { now: Date.now, daysMax: daysOfRound, signal });
    if (signal.aborted) return;
    if (pulled === undefined)
      say('warn', { peer: name, trouble: peers.source(name)?.trouble }, 'a peer was not pulled');
    else if (pulled.days > 0) say('info', { peer: name, ...pulled }, 'a peer was pulled');
  } catch (error) {
    say('warn', { peer: name, why: serializeError(error) }, 'a peer could not be kept');
  }
}
