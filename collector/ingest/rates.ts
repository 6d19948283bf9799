/** Token buckets, one a key: a burst, then a rate. */

interface Bucket {
  tokens: number;
  ms: number;
}

export interface RateOptions {
  readonly burst: number;
  readonly perSecond: number;
}

/** Keys remembered. Those idle the longest are forgotten first, which gives them a full bucket again. */
const keysMax = 10_000;

export class Rates {
  readonly #buckets = new Map<string, Bucket>();
  readonly #options: RateOptions;

  constructor(options: RateOptions) {
    this.#options = options;
  }

  /** Whether this key may go on at this time. */
  take(key: string, nowMs: number): boolean {
    const { burst, perSecond } = this.#options;
    const before = this.#buckets.get(key) ?? { tokens: burst, ms: nowMs };
    const refill = (Math.max(0, nowMs - before.ms) / 1000) * perSecond;
    const tokens = Math.min(burst, before.tokens + refill);
    const allowed = tokens >= 1;
    this.#buckets.delete(key); // to the end: a Map keeps the order of insertion
    this.#buckets.set(key, { tokens: allowed ? tokens - 1 : tokens, ms: nowMs });
    if (this.#buckets.size > keysMax) this.#buckets.delete(this.#buckets.keys().next().value!);
    return allowed;
  }
}
