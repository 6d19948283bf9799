/** One GET over HTTP or HTTPS, with a certificate authority of its own where one is named. No redirect is followed. */
import http from 'node:http';
import https from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

export interface GetOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** PEM; the system's authorities unless given. */
  readonly ca?: string;
  /** Ends the answer's body too. */
  readonly signal: AbortSignal;
}

export interface Reply {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  /** Decompressed as it is read; what is read must be counted. To be read to its end, or destroyed. */
  readonly body: Readable;
}

/** Nobody else hears what is sent there. A name that begins with 127. may be anybody's. */
export const isThisMachine = ({ hostname }: URL): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);

/** Resolves with the head of the answer. Throws what the network or a signal threw. */
export function get(url: URL, { headers, ca, signal }: GetOptions): Promise<Reply> {
  const { request } = url.protocol === 'https:' ? https : http;
  const options = { method: 'GET', headers: { ...headers, 'accept-encoding': 'gzip' }, signal };
  return new Promise((resolve, reject) => {
    const asked = request(url, { ...options, ...(ca !== undefined && { ca }) }, response => {
      const isCoded = response.headers['content-encoding'] === 'gzip';
      const body = isCoded ? pipeline(response, createGunzip(), () => {}) : response; // the reader is told
      body.on('error', () => {}); // one that is destroyed unread
      const header = (name: string) => {
        const value = response.headers[name];
        return typeof value === 'string' ? value : undefined;
      };
      resolve({ status: response.statusCode ?? 0, header, body });
    });
    asked.on('error', reject);
    asked.end();
  });
}
