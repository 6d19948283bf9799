/**
 * How an answer travels: strong ETag and 304, gzip or zstd, and how long others may keep it. Each coding of a text is a
 * representation with an ETag of its own (RFC 9110 8.8.3).
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const CODINGS = ['zstd', 'gzip'] as const;
type Coding = (typeof CODINGS)[number];

/** Shorter texts gain nothing. */
const codedBytesMin = 1024;
const etagDigits = 32;
const publicSeconds = 600;
const VARY = 'accept, accept-encoding, authorization';

const compress: Record<Coding, (text: Buffer) => Promise<Buffer>> = {
  gzip: promisify<Buffer, Buffer>(zlib.gzip),
  zstd: promisify<Buffer, Buffer>(zlib.zstdCompress),
};
const compressor: Record<Coding, () => zlib.Gzip | zlib.ZstdCompress> = {
  gzip: () => zlib.createGzip(),
  zstd: () => zlib.createZstdCompress(),
};

/** Of every route added to `app` afterwards. A stream is coded on its way; its route gives the ETag, if it has one. */
export function addSending(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (reply.statusCode !== 200) return payload;
    const isPublic = request.reader?.role === 'public';
    reply.header('cache-control', isPublic ? `public, max-age=${publicSeconds}` : 'private, no-cache');
    reply.header('vary', VARY);
    if (payload instanceof Readable) return streamed(request, reply, payload);
    return typeof payload === 'string' ? ((await new SentText(payload).answer(request, reply)) ?? '') : payload;
  });
}

/** A text with its ETag, and in each coding once that is asked for. Kept, it costs whoever asks again next to nothing. */
export class SentText {
  readonly #text: Buffer;
  readonly #name: string;
  readonly #coded = new Map<Coding, Promise<Buffer>>();

  constructor(text: string) {
    this.#text = Buffer.from(text);
    this.#name = createHash('sha256').update(this.#text).digest('hex').slice(0, etagDigits);
  }

  /** Sets the headers that tell of it. Undefined: the client has it, and the status is 304. */
  async answer(request: FastifyRequest, reply: FastifyReply): Promise<Buffer | undefined> {
    const coding = this.#text.length < codedBytesMin ? undefined : codingFor(request.headers['accept-encoding']);
    const etag = etagOf(this.#name, coding);
    reply.header('etag', etag);
    if (isKnown(request, etag)) {
      unchanged(reply);
      return undefined;
    }
    if (coding === undefined) return this.#text;
    reply.header('content-encoding', coding).removeHeader('content-length');
    const coded = this.#coded.get(coding) ?? compress[coding](this.#text);
    this.#coded.set(coding, coded);
    return coded;
  }
}

function streamed(request: FastifyRequest, reply: FastifyReply, stream: Readable): unknown {
  const coding = codingFor(request.headers['accept-encoding']);
  const known = reply.getHeader('etag');
  if (typeof known === 'string') {
    const etag = etagOf(known.replaceAll('"', ''), coding);
    reply.header('etag', etag);
    if (isKnown(request, etag)) {
      stream.destroy();
      return unchanged(reply);
    }
  }
  if (coding === undefined) return stream;
  reply.header('content-encoding', coding);
  const coder = compressor[coding]();
  stream.on('error', error => coder.destroy(error));
  coder.on('close', () => stream.destroy());
  return stream.pipe(coder);
}

function unchanged(reply: FastifyReply): string {
  reply.code(304).removeHeader('content-type').removeHeader('content-length');
  return '';
}

const etagOf = (name: string, coding: Coding | undefined): string =>
  `"${name}${coding === undefined ? '' : `-${coding}`}"`;

/** RFC 9110 13.1.2: compared weakly. */
const isKnown = ({ headers }: FastifyRequest, etag: string): boolean =>
  (headers['if-none-match'] ?? '').split(',').some(one => [etag, '*'].includes(one.trim().replace(/^W\//, '')));

/** The better of those that the client takes with the highest weight; undefined: as it is. */
export function codingFor(accepted: string | undefined): Coding | undefined {
  const weights = new Map(
    (accepted ?? '').split(',').map(part => {
      const [name = '', weight = ''] = part.split(';').map(one => one.trim().toLowerCase());
      return [name, weight.startsWith('q=') ? Number(weight.slice(2)) : 1] as const;
    }),
  );
  const weightOf = (coding: Coding) => weights.get(coding) ?? weights.get('*') ?? 0;
  const best = Math.max(...CODINGS.map(weightOf));
  return best > 0 ? CODINGS.find(coding => weightOf(coding) === best) : undefined;
}
