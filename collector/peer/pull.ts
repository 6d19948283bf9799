/**
 * Pulls a peer: its list of days, and of those that are closed and new or revised the total, ports, countries and, where it gives
 * them, ports by country. Made to be cut short: a day is kept whole or not at all, and the next run asks for what is missing.
 * The list's ETag is kept when nothing is missing, so that a run with nothing new is one request, answered 304.
 */
import fs from 'node:fs';
import { DAY_MS } from '../../common/time.ts';
import { scrub } from '../ingest/logging.ts';
import { dateOf } from '../reduce/result.ts';
import { type Listed, listedDays, tableOf, totalOf } from './answers.ts';
import { Client, PullFailed } from './client.ts';
import type { DayTable, Peers, Source, SourceDay, Trouble } from './peers.ts';
import { KEPT_ROWS, type KeptTable, keptDaysMax } from './schema.ts';

export interface PullOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Days of one run, the newest first; those left come with the next. */
  readonly daysMax?: number;
  readonly signal?: AbortSignal;
  /** Of one request, its answer included. */
  readonly requestMsMax?: number;
  /** After each day that is kept, with how many are still to come. */
  readonly onDay?: (date: string, left: number) => void;
}

export interface Pulled {
  readonly days: number;
  /** Closed days that are still missing. */
  readonly left: number;
}

/** Tables are asked for with a limit: their rows fit in this many times over. */
const listBytesMax = 4 * 2 ** 20;
const requestMsMaxDefault = 30_000;
const triesMax = 3;
/** Of a run: a peer that answers slowly, and always in time, is not to be waited for all day. */
const runMsMax = 30 * 60_000;
/** Its clock may be ahead of ours. */
const daysAhead = 1;

const PATHS: Record<KeptTable, string> = { ports: 'ports', countries: 'countries', portCountries: 'port-countries' };

/** Pulls, and notes how it went; undefined after trouble, or when it was told to end. Throws what is the program's own. */
export async function pullNoted(peers: Peers, source: Source, options: PullOptions): Promise<Pulled | undefined> {
  try {
    return await pull(peers, source, options);
  } catch (error) {
    const found = troubleOf(error);
    if (found === undefined) throw error;
    if (options.signal?.aborted) return undefined; // that is no fault of the peer's
    peers.noteTrouble(source, found, scrub((error as Error).message), options.now());
    return undefined;
  }
}

function troubleOf(error: unknown): Trouble | undefined {
  if (!(error instanceof PullFailed)) return (error as NodeJS.ErrnoException).syscall === 'open' ? 'files' : undefined;
  if (error.status === undefined) return 'unreachable';
  if (error.status === 200) return 'wrong';
  return error.status === 401 || error.status === 403 ? 'token' : 'refused';
}

async function pull(peers: Peers, source: Source, options: PullOptions): Promise<Pulled> {
  const { now, daysMax = keptDaysMax, onDay, signal, requestMsMax = requestMsMaxDefault } = options;
  const limit = AbortSignal.timeout(runMsMax);
  const ends = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  const client = clientOf(source, { signal: ends, requestMsMax });
  const to = Math.floor(now() / DAY_MS) + daysAhead;
  const from = to - keptDaysMax;
  const range = `${dateOf(from)}:${dateOf(to)}`;
  const etag = source.etag ?? undefined;
  const list = await client.page(`/v1/days?date=${range}&limit=${keptDaysMax + daysAhead}&files=none`, {
    ...(etag !== undefined && { etag }),
  });
  if (list === undefined) {
    peers.noteDone(source, source.etag, now());
    return { days: 0, left: 0 };
  }
  const { closed, shown } = listedDays(list, from, to);
  const kept = peers.days(source, from);
  const revisions = new Map(kept.map(({ day, revision }) => [day, revision]));
  const missing = closed.filter(({ day, revision }) => revisions.get(day) !== revision);
  // What the peer has taken back is shown here no longer either.
  peers.dropDays(
    source,
    kept.map(({ day }) => day).filter(day => !shown.has(day)),
  );
  let days = 0;
  for (const one of missing.slice(-daysMax).reverse()) {
    const found = await dayOf(client, source, one, now);
    if (found === undefined) continue; // it changed in between: the next run gets it
    if (!peers.putDay(source, found.day, found.tables)) break;
    days++;
    onDay?.(dateOf(one.day), missing.length - days);
  }
  const left = missing.length - days;
  peers.noteDone(source, left === 0 ? (list.etag ?? null) : null, now());
  return { days, left };
}

function clientOf(
  { url, tokenFile, caFile }: Source,
  limits: Required<Pick<PullOptions, 'signal' | 'requestMsMax'>>,
): Client {
  const token = tokenFile === null ? undefined : readToken(tokenFile);
  const ca = caFile === null ? undefined : fs.readFileSync(caFile, 'utf8');
  const bounds = { triesMax, listBytesMax, ...limits };
  return new Client({ collector: new URL(url!), ...bounds, ...(token && { token }), ...(ca && { ca }) });
}

/** Throws `PullFailed` for what is no token, and the system's error. What is in the file is not said. */
export function readToken(file: string): string {
  const token = fs.readFileSync(file, 'utf8').trim();
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(token)) throw new PullFailed('the token file holds no token', 401);
  return token;
}

/** Undefined if the day has changed since it was listed. Throws `PullFailed`. */
async function dayOf(client: Client, source: Source, listed: Listed, now: () => number) {
  const path = `/v1/days/${dateOf(listed.day)}`;
  const guarded = source.tokenFile === null;
  const total = totalOf((await client.page(path))!, listed);
  if (total === undefined) return undefined;
  const tables: Partial<Record<KeptTable, DayTable>> = {};
  const names: readonly KeptTable[] = guarded ? ['ports', 'countries'] : ['ports', 'countries', 'portCountries'];
  for (const name of names) {
    const page = (await client.page(`${path}/${PATHS[name]}?limit=${KEPT_ROWS[name]}`))!;
    const table = tableOf(name, page, listed, !guarded);
    if (table === undefined) return undefined;
    tables[name] = table;
  }
  const { packets, sources, scanningSources, meanPerSensor, revision, geo, built } = total;
  const day: SourceDay = {
    ...{ day: listed.day, revision, guarded, packets, sources, scanningSources, meanPerSensor },
    geo: { name: geo, built },
    takenMs: now(),
  };
  return { day, tables };
}
