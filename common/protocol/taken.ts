/**
 * What a status of HTTP says of whether a request's body was taken, for whoever must not send it twice. Between the two ends stand
 * proxies that pass on and then wait in vain: their 408, 502, 504 and Cloudflare's 520, 522, 524 (developers.cloudflare.com,
 * "Cloudflare 5xx errors") come after the server had all of it, or before; so does Envoy's and Varnish's 503, for a connection that
 * broke. A server's own 500 may come after it kept a part. So only what is said in place of taking it counts as a refusal.
 */

/** By the server, or by somebody who could not reach it: 521 refused, 523 no way, 525 and 526 TLS, 530 no name. */
const REFUSALS: ReadonlySet<number> = new Set([501, 505, 511, 521, 523, 525, 526, 530]);
/** To be asked elsewhere. 302 and 303 are what forms answer that took theirs. */
const REDIRECTIONS: ReadonlySet<number> = new Set([300, 301, 305, 307, 308]);
/** Who says it has waited: a server for the rest of a request, a load balancer (460) or nginx (499) for who asked. */
const GIVEN_UP: ReadonlySet<number> = new Set([408, 460, 499]);

/** Whether a request that was answered so may have been taken. */
export const mayBeTaken = (status: number): boolean =>
  !(REFUSALS.has(status) || REDIRECTIONS.has(status) || (status >= 400 && status < 500 && !GIVEN_UP.has(status)));
