/** Requests to the collector over connections that are kept: bounded in time and in what is read of an answer. */
import type { KeyObject } from 'node:crypto';
import type { Agent, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { jsonBytesMax } from '../../common/limits.ts';
import { networkWords } from '../../common/protocol/network-words.ts';
import { signRequest } from '../../common/protocol/signature.ts';

export interface ClientOptions {
  /** Its origin alone. */
  readonly collector: URL;
  /** Certificates in PEM to trust in place of the system's. */
  readonly ca?: string;
  /** Signs each request; absent before there is a key. */
  readonly key?: { readonly id: string; readonly privateKey: KeyObject };
  readonly now?: () => number;
  readonly idleMsMax?: number;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly type: string;
  readonly body: Uint8Array;
}

export interface Reply {
  readonly status: number;
  /** Of the body, without parameters. */
  readonly type: string;
  readonly retryAfter: string | undefined;
  /** The server's clock, to the second. */
  readonly date: string | undefined;
  readonly body: Uint8Array;
}

/** Imported, `node:http` reads all that it exports, and so loads a second HTTP client of 6 MB (undici) that nobody asks for. */
const http = process.getBuiltinModule('node:http');
const https = process.getBuiltinModule('node:https');

/** No answer came, or none that could be read: why, in words. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  /** All of the request had left: it may have arrived, and been taken. */
  readonly wasSent: boolean;

  constructor(why: string, { cause, wasSent = false }: { readonly cause?: Error; readonly wasSent?: boolean } = {}) {
    super(why, { cause });
    this.wasSent = wasSent;
  }
}

/** A connection on which nothing moves. */
const idleMsDefault = 30_000;
/** One request from its first byte to the answer's last: a full batch on a line of 64 kbit/s takes 15 s. */
const requestMsMax = 120_000;
const socketsMax = 6;

export class Client {
  readonly #options: ClientOptions;
  readonly #agent: Agent;

  constructor(options: ClientOptions) {
    this.#options = options;
    const agent = { keepAlive: true, maxSockets: socketsMax };
    const { ca } = options;
    this.#agent =
      options.collector.protocol === 'https:'
        ? new https.Agent({ ...agent, ...(ca !== undefined && { ca }) })
        : new http.Agent(agent);
  }

  /** Throws `Unreachable`. Redirections are answers like any other: a signed request goes nowhere else. */
  async send({ method, path, type, body }: Request): Promise<Reply> {
    const { key, now = Date.now } = this.#options;
    const headers = { 'content-type': type, 'content-length': String(body.length), accept: 'application/json' };
    const request = { method, path, headers, body };
    const signed = key === undefined ? request : await signRequest(request, key, now());
    return this.#exchange(method, path, signed.headers, body);
  }

  /** A request that needs no key: whether the collector is there. */
  get(path: string): Promise<Reply> {
    return this.#exchange('GET', path, {}, new Uint8Array(0));
  }

  /** Cuts what is under way. */
  close(): void {
    this.#agent.destroy();
  }

  #exchange(method: string, path: string, headers: Record<string, string>, body: Uint8Array): Promise<Reply> {
    const { collector, idleMsMax = idleMsDefault } = this.#options;
    const { request } = collector.protocol === 'https:' ? https : http;
    return new Promise((resolve, reject) => {
      let wasSent = false;
      const fail = (error: Error) => reject(new Unreachable(wordsOf(error), { cause: error, wasSent }));
      const signal = AbortSignal.timeout(requestMsMax);
      const url = new URL(path, collector);
      const sent = request(url, { method, headers, agent: this.#agent, timeout: idleMsMax, signal }, answer => {
        readBody(answer).then(
          bytes =>
            resolve({
              status: answer.statusCode ?? 0,
              type: (answer.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase(),
              retryAfter: answer.headers['retry-after'],
              date: answer.headers.date,
              body: bytes,
            }),
          fail,
        );
      });
      sent.on('finish', () => {
        wasSent = true; // handed to the system, which it is not before there is a connection, and TLS on it
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
      sent.on('error', fail);
      sent.end(body);
    });
  }
}

async function readBody(answer: IncomingMessage): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > jsonBytesMax) {
      answer.destroy();
      throw new Error(`an answer of more than ${jsonBytesMax} bytes`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** What the system or TLS says, without the addresses it puts into its messages. */
function wordsOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || code === 'ABORT_ERR')
    return error.name === 'TimeoutError' ? 'no answer in time' : error.message;
  return networkWords(code) ?? code;
}

/** This is no address of a collector, or none that may be used: the message says why. */
export class BadAddress extends Error {
  override readonly name = 'BadAddress';
}

/** The origin of a collector. Throws `BadAddress`. */
export function parseCollector(text: string, { insecureHttp }: { readonly insecureHttp: boolean }): URL {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new BadAddress(`'${text}' is no address of a collector: write it like https://collector.example`);
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    throw new BadAddress('the address of a collector is a scheme, a name and maybe a port, nothing more');
  if (url.protocol === 'http:' && !insecureHttp && !isLoopback(url.hostname))
    throw new BadAddress('http:// is for this machine alone; use https://, or --insecure-http if you know why');
  return url;
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));
