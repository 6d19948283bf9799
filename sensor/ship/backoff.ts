/**
 * How long to wait after a failure: jittered over the whole interval, which doubles each time up to a bound, so that sensors
 * that failed together do not come back in step. What a server asks for is clamped, and jittered upwards.
 */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** The collector, or the way to it, has trouble of its own. */
export const SOON: BackoffOptions = { baseMs: 1000, maxMs: 5 * 60_000 };
/** Somebody has to mend something first. */
export const SLOW: BackoffOptions = { baseMs: 30_000, maxMs: 5 * 60_000 };

export const retryAfterMsMin = 1000;
export const retryAfterMsMax = 3600_000;
/** A wait of nothing would ask again at once. */
const waitMsMin = 100;
const jitterMsMax = 30_000;

/** After `failures` in a row, at least 1. `random` is from 0 to 1. */
export function backoffMs(failures: number, random: number, { baseMs, maxMs }: BackoffOptions): number {
  const interval = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
  return Math.min(maxMs, Math.max(waitMsMin, random * interval));
}

/** Of a Retry-After header: seconds or a date, clamped; undefined for anything else. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  const asked = /^-?\d+$/.test(text)
    ? Number(text) * 1000
    : /^[A-Z][a-z]{2}/.test(text)
      ? Date.parse(text) - nowMs
      : NaN;
  if (Number.isNaN(asked)) return undefined;
  return Math.min(retryAfterMsMax, Math.max(retryAfterMsMin, asked));
}

export const withJitter = (ms: number, random: number): number => ms + random * Math.min(ms, jitterMsMax);
