/**
 * What is asked of another collector's API: lists, and files that are written whole, after their SHA-256 is that which was told.
 * A token goes nowhere but to the collector named: no redirect is followed. What comes is bounded, in bytes and in time.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOfCertificate, networkWords } from '../../common/protocol/network-words.ts';
import { get, type Reply } from './http.ts';

/** What the collector, or the way to it, is at fault with; in words. */
export class PullFailed extends Error {
  override readonly name = 'PullFailed';
  /** Of its last answer, 200 of one that is not what was asked for; undefined where none came whole. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

export interface FileFacts {
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface ClientOptions {
  readonly collector: URL;
  readonly token?: string;
  /** PEM of the authority that its certificate is of. */
  readonly ca?: string;
  readonly triesMax?: number;
  /** Of one request, its answer included. */
  readonly requestMsMax?: number;
  /** Of all pages of a list together, decompressed. */
  readonly listBytesMax?: number;
  /** Of a list, over all its pages. */
  readonly rowsMax?: number;
  /** Of a file, decompressed: also of one whose size is told. */
  readonly fileBytesMax?: number;
  /** Of all files together, decompressed, those that came wrong among them. */
  readonly filesBytesMax?: number;
  /** Gives up what is asked, and what waits to be asked again. */
  readonly signal?: AbortSignal;
}

/** A list's page: what its JSON says beside `rows`, and its ETag. */
export interface ListPage {
  readonly head: Readonly<Record<string, unknown>>;
  readonly rows: readonly unknown[];
  readonly next: string | null;
  readonly etag: string | undefined;
  /** Of its text, decompressed. */
  readonly bytes: number;
}

const DEFAULTS = {
  ...{ triesMax: 5, requestMsMax: 600_000 },
  ...{ listBytesMax: 64 * 2 ** 20, rowsMax: 200_000 },
  ...{ fileBytesMax: 8 * 2 ** 30, filesBytesMax: 128 * 2 ** 30 },
};
const pagesMax = 1000;
const cursorLengthMax = 256;
const readBytes = 1 << 20;
const waitMsMin = 250;
const waitMsMax = 60_000;
const refusalBytesMax = 10_000;
const refusalWordsMax = 300;
const UNCHANGED = 304;

export class Client {
  readonly #options: ClientOptions & typeof DEFAULTS;
  #filesBytes = 0;

  constructor(options: ClientOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /** All rows of a list, page after page; a list without end is no list. Throws `PullFailed`. */
  async rows(path: string): Promise<unknown[]> {
    const { rowsMax, listBytesMax } = this.#options;
    const rows: unknown[] = [];
    let bytes = 0;
    let cursor: string | null = null;
    for (let pages = 1; pages <= pagesMax; pages++) {
      const page: ListPage = (await this.page(path, {
        ...(cursor !== null && { cursor }),
        bytesMax: listBytesMax - bytes,
      }))!;
      bytes += page.bytes;
      if (rows.length + page.rows.length > rowsMax) throw new PullFailed(`a list has more than ${rowsMax} rows`, 200);
      for (const row of page.rows) rows.push(row);
      if (page.next === null) return rows;
      if (page.next === cursor) throw new PullFailed('a list comes back to the same page', 200);
      cursor = page.next;
    }
    throw new PullFailed(`a list has more than ${pagesMax} pages`, 200);
  }

  /** One page; undefined if it is still the one that has this ETag. Throws `PullFailed`. */
  async page(
    path: string,
    { cursor, etag, bytesMax = this.#options.listBytesMax }: { cursor?: string; etag?: string; bytesMax?: number } = {},
  ): Promise<ListPage | undefined> {
    const url = this.#at(path);
    if (cursor !== undefined) url.searchParams.set('cursor', cursor);
    return this.#tried(url, etag, async reply => {
      if (reply.status === UNCHANGED) return undefined;
      const text = await textOf(reply, bytesMax);
      return { ...listOf(text, url), bytes: Buffer.byteLength(text), etag: reply.header('etag') };
    });
  }

  /**
   * Writes what is there into the file. Where facts are told, the bytes must have them; else what they are is returned. Nothing
   * stays of a download that failed. Throws `PullFailed`, and the file system's errors.
   */
  async download(path: string, file: string, told?: FileFacts): Promise<FileFacts> {
    const url = this.#at(path);
    const part = `${file}.part`;
    const { fileBytesMax, filesBytesMax } = this.#options;
    const take = (bytes: number) => {
      this.#filesBytes += bytes;
      if (this.#filesBytes > filesBytesMax)
        throw new PullFailed(`of files at most ${filesBytesMax} bytes are taken at a time: the next run goes on`, 200);
    };
    if (told !== undefined && told.size > fileBytesMax)
      throw new PullFailed(`${url.pathname}: a file of ${told.size} bytes, and at most ${fileBytesMax} are taken`, 200);
    try {
      const facts = await this.#tried(url, undefined, reply =>
        save(reply, part, { told, bytesMax: fileBytesMax, take }),
      );
      fs.renameSync(part, file);
      return facts;
    } catch (error) {
      fs.rmSync(part, { force: true });
      throw error;
    }
  }

  #at(path: string): URL {
    const url = new URL(path, this.#options.collector);
    if (url.origin !== this.#options.collector.origin)
      throw new PullFailed('the collector names a file of another place', 200);
    return url;
  }

  /** Again after a while if the collector is busy, or the connection breaks. */
  async #tried<T>(url: URL, etag: string | undefined, use: (reply: Reply) => Promise<T>): Promise<T> {
    const { token, ca, triesMax, requestMsMax, signal } = this.#options;
    const headers = {
      accept: '*/*',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(etag !== undefined && { 'if-none-match': etag }),
    };
    for (let tries = 1; ; tries++) {
      let waitMs = waitMsMin * 2 ** tries;
      let why: string;
      let status: number | undefined;
      const limit = AbortSignal.timeout(requestMsMax);
      try {
        const ends = signal === undefined ? limit : AbortSignal.any([signal, limit]);
        const reply = await get(url, { headers, signal: ends, ...(ca !== undefined && { ca }) });
        if (reply.status === 200 || (reply.status === UNCHANGED && etag !== undefined)) return await used(reply, use);
        why = await refusal(reply);
        status = reply.status;
        if (status !== 408 && status !== 429 && status < 500) throw new PullFailed(`${url.pathname}: ${why}`, status);
        waitMs = Math.max(waitMs, 1000 * (Number(reply.header('retry-after')) || 0));
      } catch (error) {
        if (error instanceof PullFailed || (error as NodeJS.ErrnoException).syscall === 'open') throw error;
        if (signal?.aborted) throw new PullFailed('it was told to end');
        why = limit.aborted ? `no whole answer within ${requestMsMax / 1000} s` : wayText(error as Error, url.protocol);
        if (isOfCertificate(String((error as NodeJS.ErrnoException).code)))
          throw new PullFailed(`${url.pathname}: ${why}`);
      }
      if (tries >= triesMax) throw new PullFailed(`${url.pathname}: ${why}`, status);
      await sleep(Math.min(waitMsMax, waitMs), undefined, { ...(signal && { signal }) }).catch(() => {}); // asked again at once, it ends
    }
  }
}

function wayText(error: Error, protocol: string): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  const words = networkWords(code);
  if (words === undefined) return error.message;
  const isCut = code === 'ECONNRESET' && protocol === 'http:';
  return `${words}${isCut ? '; if it speaks TLS, write https://' : ''}`;
}

/** An answer that is not read to its end leaves no connection behind. */
async function used<T>(reply: Reply, use: (reply: Reply) => Promise<T>): Promise<T> {
  try {
    return await use(reply);
  } finally {
    reply.body.destroy();
  }
}

/** A problem's own words, or the status where there are none. Words of others: one line, cut short. */
async function refusal(reply: Reply): Promise<string> {
  const text = await textOf(reply, refusalBytesMax).catch(() => '');
  reply.body.destroy();
  try {
    const { title, detail } = JSON.parse(text);
    if (typeof title === 'string') {
      const words = `${reply.status} ${title}. ${typeof detail === 'string' ? detail : ''}`;
      return words
        .replace(/[\p{C}\p{Z}]+/gu, ' ')
        .trim()
        .slice(0, refusalWordsMax);
    }
  } catch {
    // a proxy's page
  }
  return `it answers ${reply.status}`;
}

async function textOf({ body }: Reply, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new PullFailed(`a list is longer than ${bytesMax} bytes`, 200);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function listOf(text: string, url: URL): Omit<ListPage, 'etag' | 'bytes'> {
  try {
    const { rows, next, ...head } = JSON.parse(text);
    const isCursor = next === null || (typeof next === 'string' && next.length <= cursorLengthMax);
    if (Array.isArray(rows) && isCursor) return { head, rows, next };
  } catch {
    // said below
  }
  throw new PullFailed(`${url.pathname}: what answers is no collector`, 200);
}

interface Expected {
  readonly told: FileFacts | undefined;
  readonly bytesMax: number;
  /** Counts what came. Throws `PullFailed`. */
  readonly take: (bytes: number) => void;
}

async function save({ body }: Reply, part: string, { told, bytesMax, take }: Expected): Promise<FileFacts> {
  const hash = createHash('sha256');
  let size = 0;
  const file = fs.openSync(part, 'w', 0o600);
  try {
    for await (const chunk of body) {
      size += chunk.length;
      take(chunk.length);
      if (told !== undefined && size > told.size) break; // said below
      if (size > bytesMax) throw new PullFailed(`a file is longer than the ${bytesMax} bytes that are taken`, 200);
      hash.update(chunk);
      fs.writeSync(file, chunk);
    }
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
  const facts = { size, sha256: hash.digest('hex') };
  if (told !== undefined && (facts.size !== told.size || facts.sha256 !== told.sha256))
    throw new Error('what came is not what was told: its SHA-256 is another'); // it may have been cut off: tried again
  return facts;
}

/** Undefined if there is no such file. */
export function factsOf(file: string): FileFacts | undefined {
  try {
    return digestOf(fs.openSync(file, 'r'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A piece at a time: an export of a large day is larger than memory. Closes the file. */
function digestOf(file: number): FileFacts {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(readBytes);
  let size = 0;
  try {
    for (let read = fs.readSync(file, piece); read > 0; read = fs.readSync(file, piece)) {
      hash.update(piece.subarray(0, read));
      size += read;
    }
  } finally {
    fs.closeSync(file);
  }
  return { size, sha256: hash.digest('hex') };
}
