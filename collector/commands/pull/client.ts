/**
 * What `enaga pull` asks a collector: lists, and files that are written whole, after their SHA-256 is that which was told. A
 * token goes nowhere but to the collector named: no redirect is followed.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the collector, or the way to it, is at fault with; in words. */
export class PullFailed extends Error {
  override readonly name = 'PullFailed';
}

export interface FileFacts {
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface ClientOptions {
  readonly collector: URL;
  readonly token?: string;
}

const triesMax = 5;
const waitMsMin = 250;
const waitMsMax = 60_000;
const requestMsMax = 600_000;
const listBytesMax = 64 * 2 ** 20;

export class Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** All rows of a list, page after page. Throws `PullFailed`. */
  async rows(path: string): Promise<unknown[]> {
    const rows: unknown[] = [];
    for (let cursor: string | null = null; ; ) {
      const url = new URL(path, this.#options.collector);
      if (cursor !== null) url.searchParams.set('cursor', cursor);
      const page = listOf(await this.#tried(url, textOf), url);
      rows.push(...page.rows);
      if (page.next === null) return rows;
      cursor = page.next;
    }
  }

  /**
   * Writes what is there into the file. Where facts are told, the bytes must have them; else what they are is returned. Nothing
   * stays of a download that failed. Throws `PullFailed`, and the file system's errors.
   */
  async download(path: string, file: string, told?: FileFacts): Promise<FileFacts> {
    const url = new URL(path, this.#options.collector);
    if (url.origin !== this.#options.collector.origin)
      throw new PullFailed('the collector names a file of another place');
    const part = `${file}.part`;
    try {
      const facts = await this.#tried(url, response => save(response, part, told));
      fs.renameSync(part, file);
      return facts;
    } catch (error) {
      fs.rmSync(part, { force: true });
      throw error;
    }
  }

  /** Again after a while if the collector is busy, or the connection breaks. */
  async #tried<T>(url: URL, use: (response: Response) => Promise<T>): Promise<T> {
    const { token } = this.#options;
    const headers = { accept: '*/*', ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    for (let tries = 1; ; tries++) {
      let waitMs = waitMsMin * 2 ** tries;
      let why: string;
      try {
        const signal = AbortSignal.timeout(requestMsMax);
        const response = await fetch(url, { headers, redirect: 'error', signal });
        if (response.status === 200) return await use(response);
        why = await refusal(response);
        if (response.status !== 429 && response.status < 500) throw new PullFailed(`${url.pathname}: ${why}`);
        waitMs = Math.max(waitMs, 1000 * (Number(response.headers.get('retry-after')) || 0));
      } catch (error) {
        if (error instanceof PullFailed || (error as NodeJS.ErrnoException).syscall === 'open') throw error;
        const { cause, message } = error as Error;
        why = (cause as Error | undefined)?.message ?? message;
      }
      if (tries === triesMax) throw new PullFailed(`${url.pathname}: ${why}`);
      await sleep(Math.min(waitMsMax, waitMs));
    }
  }
}

/** A problem's own words, or the status where there are none. */
async function refusal(response: Response): Promise<string> {
  const text = (await response.text().catch(() => '')).slice(0, 10_000);
  try {
    const { title, detail } = JSON.parse(text);
    if (typeof title === 'string')
      return `${response.status} ${title}. ${typeof detail === 'string' ? detail : ''}`.trim();
  } catch {
    // a proxy's page
  }
  return `it answers ${response.status}`;
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body!) {
    bytes += chunk.length;
    if (bytes > listBytesMax) throw new PullFailed(`a list is longer than ${listBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function listOf(text: string, url: URL): { rows: unknown[]; next: string | null } {
  try {
    const { rows, next } = JSON.parse(text);
    if (Array.isArray(rows) && (next === null || typeof next === 'string')) return { rows, next };
  } catch {
    // said below
  }
  throw new PullFailed(`${url.pathname}: what answers is no collector`);
}

async function save(response: Response, part: string, told: FileFacts | undefined): Promise<FileFacts> {
  const hash = createHash('sha256');
  let size = 0;
  const file = fs.openSync(part, 'w', 0o600);
  try {
    for await (const chunk of response.body!) {
      size += chunk.length;
      if (told !== undefined && size > told.size) break; // said below
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
    const bytes = fs.readFileSync(file);
    return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
