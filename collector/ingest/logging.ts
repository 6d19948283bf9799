/**
 * The log says who did what and how it ended: method, route, status, milliseconds, a sensor's name. It never holds a token, a
 * key, a signature, an observed address or a sensor's networks: nothing of a request goes in but what is picked here, and
 * texts that others wrote, or errors that may quote them, are scrubbed.
 */
import type { LoggerOptions } from 'pino';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Tokens and keys in base64url are 43 characters, digests in hexadecimal 64; a UUID has 36. Paths of files are left. */
const SECRETS = /[A-Za-z0-9+/]{40,}={1,2}|[A-Za-z0-9_-]{40,}={0,2}/g;
/** Four numbers with dots between, whatever stands beside them: nothing else that is said looks so. */
const IPV4 = /(?<!\d)\d+(?:\.\d+){3,}(?:\/\d+)?/g;
/** What may be one; `hideAddress6` tells it from a time or a place in a file. */
const COLONS = /(?:[0-9a-f]{0,4}:){2,}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4})(?:\/\d{1,3})?/gi;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

/** Without addresses, prefixes, whatever may be a secret, and control characters. */
export const scrub = (text: string): string =>
  text.replace(CONTROLS, ' ').replace(COLONS, hideAddress6).replace(IPV4, '[address]').replace(SECRETS, '[hidden]');

/**
 * By itself anything with two colons is hidden. At a word's side (`from:2001:db8::1`, but also `main.ts:12:34`, `Some::word`,
 * `T04:20:04`) what has eight groups is, and what has `::` and a digit.
 */
function hideAddress6(found: string, at: number, text: string): string {
  const label = /^:(?!:)/.exec(found)?.[0] ?? '';
  const address = found.slice(label.length);
  const begins = label === '' ? !/\w/.test(text[at - 1] ?? '') : address.includes('::');
  const isAlone = begins && !/[\w:]/.test(text[at + found.length] ?? '');
  const isWhole = address.split(':').length >= 8 || (address.includes('::') && /\d/.test(address));
  return isAlone || isWhole ? `${label}[address]` : found;
}

/** Of a line of a stack the file name and the place in it: where it is installed matters to nobody. */
const stackLines = (stack: string): string[] =>
  stack
    .split('\n')
    .filter(line => /^\s+at /.test(line))
    .slice(0, 12)
    .map(line => scrub(line.trim().replace(/(?:file:\/\/)?[^\s()]*\/([^/\s()]+:\d+:\d+)/g, '$1')));

export function serializeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: scrub(String(error)) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    ...(typeof code === 'string' && { code: scrub(code) }),
    message: scrub(error.message),
    stack: stackLines(error.stack ?? ''),
  };
}

const HIDDEN = ['token', 'key', 'publicKey', 'privateKey', 'signature', 'networks', 'headers', 'body'];

/** For pino; where it writes is the caller's. */
export const loggerOptions = (level: LogLevel): LoggerOptions => ({
  level,
  base: null,
  timestamp: () => `,"time":"${new Date().toISOString()}"`,
  formatters: { level: label => ({ level: label }) },
  redact: { paths: HIDDEN.flatMap(name => [name, `*.${name}`]), censor: '[hidden]' },
  hooks: {
    // Without a text pino takes an error's own, which nobody has scrubbed.
    logMethod(args, method) {
      const [what, text] = args as unknown[];
      if (typeof what === 'object' && text === undefined) method.apply(this, [what, ''] as never);
      else method.apply(this, args);
    },
  },
  // Whoever logs a whole request or response logs nothing of it: the lines made in hooks.ts say what there is to say.
  serializers: { err: serializeError, error: serializeError, req: () => undefined, res: () => undefined },
});
