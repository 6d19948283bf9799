/**
 * Signed requests: who signed is looked up from the headers before a byte of the body is read, and verified over the body
 * before anything else looks at it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { verifyRequest } from '../../common/protocol/signature.ts';
import { refuseForNow } from './hooks.ts';
import type { KeyOwner, Powers } from './powers.ts';
import { refuse, retryAfter } from './problems.ts';
import type { Rates } from './rates.ts';
import type { Room } from './room.ts';

export interface RequestSigner {
  readonly owner: KeyOwner;
  /** When the head of the request was here. */
  readonly receivedMs: number;
  /** The signature's time less `receivedMs`; 0 until it is verified. */
  readonly clockOffsetMs: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose key the request names; verified where `preValidation` has run. */
    signer: RequestSigner | null;
  }
}

export interface SignedOptions {
  /** Of the bodies, the only one taken. */
  readonly contentType: string;
  readonly bodyBytesMax: number;
  readonly rates: Rates;
  readonly room: Room;
}

const KEY_ID = /;keyid="(?<id>[\w.:-]{1,128})"/;
const SIGNED_HEADERS = ['content-type', 'content-digest', 'signature-input', 'signature'] as const;
const tooManySeconds = 2;

/** Makes every route added to `app` afterwards take signed bodies of one type, as bytes. */
export function addSignature(app: FastifyInstance, powers: Powers, options: SignedOptions): void {
  const { contentType, bodyBytesMax } = options;
  app.addContentTypeParser(contentType, { parseAs: 'buffer', bodyLimit: bodyBytesMax }, (_request, body, done) =>
    done(null, body),
  );
  app.addHook('onRequest', async (request, reply) => admit(request, reply, powers, options));
  app.addHook('preValidation', async (request, reply) => verify(request, reply, powers, options.rates));
}

async function admit(
  request: FastifyRequest,
  reply: FastifyReply,
  powers: Powers,
  { bodyBytesMax, room }: SignedOptions,
): Promise<FastifyReply | undefined> {
  const id = KEY_ID.exec(String(request.headers['signature-input'] ?? ''))?.groups?.id;
  // Who signs with an ended key is read as any other: that it has ended is told to nobody else.
  const owner = id === undefined ? undefined : (powers.keyOwner(id) ?? powers.endedKeyOwner(id));
  if (owner === undefined) return unauthorised(reply, 'unauthorised');
  request.signer = { owner, receivedMs: powers.now(), clockOffsetMs: 0 };
  const announced = Number(request.headers['content-length'] ?? bodyBytesMax);
  if (!(announced <= bodyBytesMax)) return refuse(reply.header('connection', 'close'), 'too-large');
  const release = room.book(owner.sensor.id, announced);
  if (release === undefined) return refuseForNow(reply, 'busy', powers);
  reply.raw.once('close', release);
  return undefined;
}

async function verify(
  request: FastifyRequest,
  reply: FastifyReply,
  powers: Powers,
  rates: Rates,
): Promise<FastifyReply | undefined> {
  const { receivedMs } = request.signer!;
  const headers: Record<string, string> = {};
  for (const name of SIGNED_HEADERS) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const signed = { method: request.method, path: request.raw.url ?? '', headers, body };
  let hasEnded = false;
  const signer = await verifyRequest(signed, id => {
    const owner = powers.keyOwner(id);
    hasEnded = owner === undefined;
    return owner ?? powers.endedKeyOwner(id);
  });
  // A time beyond what a Date holds is no time, though the signature over it may hold.
  if (signer === undefined || !Number.isFinite(signer.createdMs)) return unauthorised(reply, 'unauthorised');
  const { key: owner, createdMs } = signer;
  request.signer = { owner, receivedMs, clockOffsetMs: createdMs - receivedMs };
  request.body = body;
  if (!rates.take(owner.sensor.id, receivedMs))
    return refuse(reply.header('retry-after', retryAfter(tooManySeconds, powers.random)), 'too-many');
  return hasEnded ? unauthorised(reply, 'revoked') : undefined;
}

/** RFC 9110 wants a challenge with every 401. */
const unauthorised = (reply: FastifyReply, code: 'unauthorised' | 'revoked'): FastifyReply =>
  refuse(reply.header('www-authenticate', 'Signature realm="enaga"'), code);
