/**
 * Requests are signed: HTTP Message Signatures (RFC 9421) with Ed25519 over method, path, content type and the digest of the
 * content (RFC 9530). Not over the whole URL, which a proxy in between may change. A signature's age is no reason to refuse
 * it: a clock may be years off, and a request played back is a duplicate that changes nothing.
 */
import { createHash, type KeyObject, sign, verify } from 'node:crypto';
import { httpbis } from 'http-message-signatures';

export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

const FIELDS = ['@method', '@path', 'content-digest', 'content-type'];
const ALGORITHM = 'ed25519';
/** Parsed only for its path. */
const ORIGIN = 'http://localhost';

export const contentDigest = (body: Uint8Array): string =>
  `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;

/** The request with its digest and signature among the headers. `createdMs` is the sensor's clock, now. */
export async function signRequest(
  request: SignedRequest,
  key: { readonly id: string; readonly privateKey: KeyObject },
  createdMs: number,
): Promise<SignedRequest> {
  const headers = { ...request.headers, 'content-digest': contentDigest(request.body) };
  const signed = await httpbis.signMessage(
    {
      key: { id: key.id, alg: ALGORITHM, sign: async data => sign(null, data, key.privateKey) },
      fields: FIELDS,
      params: ['created', 'keyid', 'alg'],
      paramValues: { created: new Date(createdMs) },
    },
    { method: request.method, url: ORIGIN + request.path, headers },
  );
  return { ...request, headers: signed.headers as Record<string, string> };
}

/** One signature over exactly our fields, none of them with a parameter that would cover but a part of it. */
const INPUT = /^[a-z*][a-z0-9_.*-]*=\((?<covered>[^()]*)\);[^(),]*$/;

function coversFields(signatureInput: string | undefined): boolean {
  const covered = INPUT.exec(signatureInput ?? '')?.groups?.covered;
  return (
    covered?.split(' ').sort().join() ===
    FIELDS.map(field => `"${field}"`)
      .sort()
      .join()
  );
}

export interface Signer<Key> {
  readonly key: Key;
  /** The signer's clock when it signed, milliseconds since 1970. */
  readonly createdMs: number;
}

/**
 * Who signed this request: undefined if nobody known did, or not all of what must be, or if the content is another.
 * `keyOf` gives a key by its id, with whatever the caller keeps beside it.
 */
export async function verifyRequest<Key extends { readonly publicKey: KeyObject }>(
  request: SignedRequest,
  keyOf: (id: string) => Key | undefined,
): Promise<Signer<Key> | undefined> {
  if (!coversFields(request.headers['signature-input'])) return undefined;
  if (request.headers['content-digest'] !== contentDigest(request.body)) return undefined;
  let signer: Signer<Key> | undefined;
  try {
    const sound = await httpbis.verifyMessage(
      {
        requiredParams: ['created', 'keyid'],
        notAfter: Number.MAX_SAFE_INTEGER,
        keyLookup: async ({ keyid, created }) => {
          const key = keyOf(String(keyid));
          if (key === undefined || !(created instanceof Date)) return null;
          signer = { key, createdMs: created.getTime() };
          return {
            algs: [ALGORITHM],
            verify: async (data, signature) => verify(null, data, key.publicKey, signature),
          };
        },
      },
      { method: request.method, url: ORIGIN + request.path, headers: request.headers },
    );
    return sound === true ? signer : undefined;
  } catch {
    return undefined; // what the library throws is about a header somebody else wrote: it is no signature
  }
}
