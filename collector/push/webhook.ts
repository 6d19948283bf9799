/**
 * To an HTTPS endpoint: one POST a file, signed as Standard Webhooks say (standardwebhooks.com), for which there are libraries in
 * most languages and which is ten lines without one:
 *
 *     webhook-id         names the file for this target; the same in every try, and another one for another revision
 *     webhook-timestamp  seconds since 1970, now
 *     webhook-signature  v1,BASE64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`, the key being what follows `whsec_`, from base64
 *
 * An HMAC and not the signatures of RFC 9421 that sensors use: those cover the body by its digest and bind method and path, and
 * need a library at the receiver's; here both ends share a secret anyway, and a receiver that checks one line is one that does
 * check. Beside them: idempotency-key (the same name, quoted), content-digest (RFC 9530), and enaga-date, -country, -format,
 * -revision and -tlp.
 *
 * Anything but 2xx is a failure. No redirect is followed, and of an answer no more is read than its head. A proxy's 502, or no answer
 * at all, says nothing of whether it arrived: that is kept in mind (`isMaybe`), and it is sent again under the same name.
 */
import { createHmac, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';
import { mayBeTaken } from '../../common/protocol/taken.ts';
import type { MadeFile } from './file.ts';
import { failed, type Outcome, troubleOf } from './outcome.ts';
import { checkUrl, PushError } from './targets.ts';

const SECRET_PREFIX = 'whsec_';
const secretBytes = 32;
const secretBytesMin = 24;
const secretBytesMax = 64;
/** Of a body: larger ones are to be pulled. */
const bodyBytesMax = 512 * 2 ** 20;
const requestMsMax = 600_000;
/** Without a byte either way. */
const idleMsMax = 60_000;
const waitMsMax = 24 * 3_600_000;

export const newSecret = (): string => SECRET_PREFIX + randomBytes(secretBytes).toString('base64');

/** Throws `PushError`, which does not quote it. */
export function checkSecret(text: string): string {
  const bytes = Buffer.from(text.slice(SECRET_PREFIX.length), 'base64');
  const isSecret = text.startsWith(SECRET_PREFIX) && /^[A-Za-z0-9+/]+=*$/.test(text.slice(SECRET_PREFIX.length));
  if (!isSecret || bytes.length < secretBytesMin || bytes.length > secretBytesMax)
    throw new PushError(`a secret is ${SECRET_PREFIX} and ${secretBytesMin} to ${secretBytesMax} bytes in base64`);
  return text;
}

export interface Endpoint {
  readonly url: string;
  readonly secret: string;
  /** PEM. */
  readonly ca: string | null;
}

export interface Message {
  /** The delivery's key. */
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly file: MadeFile;
}

/** Reads the file twice: its signature goes before it. */
export async function post({ url: address, secret, ca }: Endpoint, message: Message, nowMs: number): Promise<Outcome> {
  const { id, file } = message;
  if (file.bytes > bodyBytesMax)
    return { kind: 'impossible', why: `${file.bytes} bytes, above ${bodyBytesMax}: let the member pull it` };
  const url = checkUrl(address); // a book from elsewhere may have anything in it
  const timestamp = String(Math.floor(nowMs / 1000));
  try {
    const headers = {
      ...message.headers,
      'content-type': file.mediaType,
      'content-length': String(file.bytes),
      'content-disposition': `attachment; filename="${file.name}"`,
      'content-digest': `sha-256=:${Buffer.from(file.sha256, 'hex').toString('base64')}:`,
      'idempotency-key': `"${id}"`,
      'user-agent': 'enaga',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${await signatureOf(secret, `${id}.${timestamp}.`, file.path)}`,
    };
    return await answered(url, { headers, file, ca });
  } catch (error) {
    return failed('target', troubleOf(error));
  }
}

async function signatureOf(secret: string, head: string, file: string): Promise<string> {
  const hmac = createHmac('sha256', Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64')).update(head);
  for await (const chunk of fs.createReadStream(file)) hmac.update(chunk);
  return hmac.digest('base64');
}

async function answered(
  url: URL,
  { headers, file, ca }: { headers: Record<string, string>; file: MadeFile; ca: string | null },
): Promise<Outcome> {
  const client = url.protocol === 'https:' ? https : http;
  const request = client.request(url, {
    method: 'POST',
    headers,
    agent: false,
    signal: AbortSignal.timeout(requestMsMax),
    ...(ca !== null && { ca }),
  });
  request.setTimeout(idleMsMax, () => request.destroy(Object.assign(new Error('idle'), { code: 'ETIMEDOUT' })));
  const answer = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', reject); // there may be several, and one that nobody hears ends the process
  });
  let isConnected = false;
  request.once('socket', socket => {
    socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      isConnected = true;
    });
  });
  const body = fs.createReadStream(file.path);
  // A receiver may refuse before it has read all: then its answer counts, and not that the body broke off.
  const sent = pipeline(body, request).catch(() => {});
  try {
    const response = await answer;
    const outcome = judged(response);
    if (outcome.kind === 'delivered') await sent;
    return outcome;
  } catch (error) {
    // Once all was handed over, it may have arrived before anybody here hears that it left.
    return failed('target', troubleOf(error), isConnected && body.bytesRead >= file.bytes);
  } finally {
    request.destroy();
  }
}

/** Refused for what is in it: other files may do. */
const OF_FILE = new Set([400, 409, 413, 415, 422]);

function judged({ statusCode = 0, headers }: http.IncomingMessage): Outcome {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'delivered' };
  if (statusCode >= 300 && statusCode < 400)
    return failed('target', `${statusCode}: redirects are not followed`, mayBeTaken(statusCode));
  const seconds = Number(headers['retry-after']);
  const waitMs = Number.isFinite(seconds) && seconds > 0 ? { waitMs: Math.min(waitMsMax, 1000 * seconds) } : {};
  const of = OF_FILE.has(statusCode) ? 'file' : 'target';
  return { ...failed(of, `it answers ${statusCode}`, mayBeTaken(statusCode)), ...waitMs };
}
