/**
 * Sends logs to DShield, as its own sensor does (github.com/DShield-ISC/dshield, srv/dshield/DShield.py): a POST with
 *
 *     X-ISC-Authorization: ISC-HMAC-SHA256 Credentials=HASH Userid=ID Nonce=NONCE
 *     X-ISC-LogType: firewall
 *
 * HASH is base64 of HMAC-SHA256, its key NONCE and ID one after the other, its message the API key; NONCE is base64 of 8 random
 * bytes. The body says the same header again, as `authheader`. Over HTTPS only, but within this machine.
 */
import { createHmac, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { networkWords } from '../../common/protocol/network-words.ts';
import { mayBeTaken } from '../../common/protocol/taken.ts';
import type { DshieldLog } from './dshield.ts';
import type { Peers } from './peers.ts';

/** Who submits: kept in a file of its own, and told to nobody but the URL. */
export interface Credentials {
  readonly userId: string;
  readonly apiKey: string;
}

/** It was not taken, or no answer says that it was; in words without the key. */
export class NotSubmitted extends Error {
  override readonly name = 'NotSubmitted';
  /** All of it was sent, and no answer came of whom it is for: it may have been taken. */
  readonly isMaybe: boolean;

  constructor(message: string, { isMaybe = false, cause }: { isMaybe?: boolean; cause?: Error } = {}) {
    super(message, { cause });
    this.isMaybe = isMaybe;
  }
}

/** The reference sends at most so many in one piece. */
export const logsMax = 100_000;
const answerMsMax = 120_000;
const answerBytesMax = 64 * 1024;

/** Lines `userid = N` and `apikey = KEY`, as in DShield's own dshield.ini. Throws `NotSubmitted`, and the system's error. */
export function readCredentials(file: string): Credentials {
  const text = fs.readFileSync(file, 'utf8');
  const lineOf = (name: string) => new RegExp(`^\\s*${name}\\s*=\\s*(\\S+)\\s*$`, 'im').exec(text)?.[1];
  const [userId, apiKey] = [lineOf('userid'), lineOf('apikey')];
  if (userId === undefined || !/^\d{1,12}$/.test(userId)) throw new NotSubmitted(`${file} has no line userid = NUMBER`);
  if (apiKey === undefined || !/^[A-Za-z0-9=+/]{8,200}$/.test(apiKey))
    throw new NotSubmitted(`${file} has no line apikey = KEY`);
  return { userId, apiKey };
}

export function authorization({ userId, apiKey }: Credentials, nonce = randomBytes(8).toString('base64')): string {
  const hash = createHmac('sha256', `${nonce}${userId}`).update(apiKey).digest('base64');
  return `ISC-HMAC-SHA256 Credentials=${hash} Userid=${userId} Nonce=${nonce}`;
}

/** Resolves when they were taken. Throws `NotSubmitted`. */
export async function submit(
  url: URL,
  logs: readonly DshieldLog[],
  credentials: Credentials,
  ca?: string,
): Promise<void> {
  const authheader = authorization(credentials);
  const body = JSON.stringify({ type: 'firewall', logs, authheader });
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'Enaga',
    'x-isc-authorization': authheader,
    'x-isc-logtype': 'firewall',
  };
  const { status, text } = await posted(url, headers, body, ca).catch(({ error, isSent }: NotAnswered) => {
    throw new NotSubmitted(unheardText(url.host, error, isSent), { isMaybe: isSent, cause: error });
  });
  if (status !== 200) throw new NotSubmitted(refusalText(url.host, status), { isMaybe: mayBeTaken(status) });
  // It says what is wrong with a status of 200, and answers a wrong path with the page of its site.
  if (/^\s*ERROR/i.test(text)) throw new NotSubmitted(`${url.host} takes it not: it answers with an error`);
  if (/^\s*<(!doctype html|html)/i.test(text))
    throw new NotSubmitted(`${url.host} answers with a page: is the URL right?`);
}

/** Of Node's own message nothing: it quotes certificates, and says not what to do. The error has it as its cause. */
function unheardText(host: string, error: Error, isSent: boolean): string {
  const { code } = error as NodeJS.ErrnoException;
  const why = code === undefined ? error.message : (networkWords(code) ?? code); // without a code it is our own
  return isSent
    ? `${host} was sent all of it and gave no answer: ${why}. It may have been taken`
    : `${host} cannot be asked: ${why}. Nothing was taken: mend that, and run it again`;
}

const refusalText = (host: string, status: number): string =>
  mayBeTaken(status)
    ? `${host} answers ${status}, which does not tell whether it was taken`
    : `${host} answers ${status}: nothing was taken`;

interface NotAnswered {
  readonly error: Error;
  /** To the last byte: what has less is no document. */
  readonly isSent: boolean;
}

/** Rejects with `NotAnswered`. */
function posted(
  url: URL,
  headers: Record<string, string>,
  body: string,
  ca?: string,
): Promise<{ status: number; text: string }> {
  const { request } = url.protocol === 'https:' ? https : http;
  const options = {
    method: 'POST',
    headers,
    agent: false as const, // on a connection that was kept and is dead, all would seem to be sent
    signal: AbortSignal.timeout(answerMsMax),
    ...(ca !== undefined && { ca }),
  };
  return new Promise((resolve, fail) => {
    const reject = (error: Error) => fail({ error, isSent: asked.writableFinished } satisfies NotAnswered);
    const asked = request(url, options, response => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > answerBytesMax) response.destroy(new Error('its answer does not end'));
        else pieces.push(piece);
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** What was sent of a day to a URL so far: up to a position of the log, so that nothing is sent twice. */
export interface Submitted {
  readonly position: number;
  readonly records: number;
}

/** And what a run that was cut short was sending: nobody knows whether it was taken. */
export interface Kept extends Submitted {
  readonly under: Submitted | null;
}

interface SubmittedKey {
  readonly url: string;
  readonly day: number;
  /** Positions mean something only together with it. */
  readonly log: string;
}

export function submittedOf({ database }: Peers, { url, day, log }: SubmittedKey): Kept {
  const row = database
    .prepare(
      'SELECT position, records, under_position AS at, under_records AS n FROM submitted WHERE url = ? AND day = ? AND log = ?',
    )
    .get(url, day, log) as (Submitted & { readonly at: number | null; readonly n: number | null }) | undefined;
  if (row === undefined) return { position: 0, records: 0, under: null };
  const { at, n, ...done } = row;
  return { ...done, under: at === null ? null : { position: at, records: n! } };
}

/** `under`: up to where, and how many, are being sent from now on; to be noted before anything leaves. */
export function noteSubmitted(
  { database }: Peers,
  { url, day, log }: SubmittedKey,
  { position, records, under }: Kept,
  nowMs: number,
): void {
  database
    .prepare('INSERT OR REPLACE INTO submitted VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
    .run(url, day, log, position, records, nowMs, under?.position ?? null, under?.records ?? null);
}
