/** How an attempt ended. */
import { isIP } from 'node:net';
import { networkWords } from '../../common/protocol/network-words.ts';

export type Outcome =
  | { readonly kind: 'delivered' }
  /** Worth another try; `of` says whether anything would fail there, or this file alone. */
  | {
      readonly kind: 'failed';
      readonly of: 'target' | 'file';
      readonly why: string;
      /** As the receiver asked for. */
      readonly waitMs?: number;
      /** All of it was sent, and no answer tells that it was not taken. */
      readonly isMaybe?: true;
    }
  /** It will never do, as it is. */
  | { readonly kind: 'impossible'; readonly why: string };

export const failed = (of: 'target' | 'file', why: string, isMaybe = false): Outcome =>
  isMaybe ? { kind: 'failed', of, why: `${why}; it may have arrived`, isMaybe } : { kind: 'failed', of, why };

interface Failing {
  readonly code?: unknown;
  readonly address?: unknown;
  readonly port?: unknown;
}

/**
 * What went wrong on the way, and where it went: the system's code with its address, and words for it. Nothing that the system or
 * a receiver says in its own: both may quote secrets. `caNamedBy`: the setting that names an authority for this way.
 */
export function troubleOf(error: unknown, caNamedBy?: string): string {
  const { cause, ...own } = error as Failing & { cause?: Failing };
  const { code, address, port } = own.code === undefined && cause !== undefined ? cause : own;
  if (typeof code !== 'string' || !/^[A-Z][A-Z0-9_]{1,60}$/.test(code)) return 'it failed on the way';
  const place =
    typeof address === 'string' && isIP(address) > 0 && typeof port === 'number' ? ` ${address} port ${port}` : '';
  const words = networkWords(code, caNamedBy);
  return `${code}${place}${words === undefined ? '' : `: ${words}`}`;
}
