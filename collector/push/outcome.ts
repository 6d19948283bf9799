/** How an attempt ended. */

export type Outcome =
  | { readonly kind: 'delivered' }
  /** Worth another try; `of` says whether anything would fail there, or this file alone. */
  | {
      readonly kind: 'failed';
      readonly of: 'target' | 'file';
      readonly why: string;
      /** As the receiver asked for. */
      readonly waitMs?: number;
    }
  /** It will never do, as it is. */
  | { readonly kind: 'impossible'; readonly why: string };

export const failed = (of: 'target' | 'file', why: string): Outcome => ({ kind: 'failed', of, why });

/** What went wrong on the way, in a word or two and without what the system or a receiver says: both may quote secrets. */
export function troubleOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  const found = code ?? cause?.code;
  return typeof found === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(found) ? found : 'it failed on the way';
}
