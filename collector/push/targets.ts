/** Where a member's exchange files go each morning, and what may be such a place. */

export const KINDS = ['https', 'mail', 'folder'] as const;
export type Kind = (typeof KINDS)[number];

export interface NewTarget {
  /** Letters, digits, dot, dash, underscore. */
  readonly name: string;
  /** Name of the member's organisation: what it may read is what goes there. */
  readonly member: string;
  readonly kind: Kind;
  /** A URL, e-mail addresses with spaces between, or an absolute path. */
  readonly address: string;
  /** Names of exchange formats. */
  readonly formats: readonly string[];
  /** Of IODEF. */
  readonly shape: string;
  /** Whether a file without a row goes too. */
  readonly empty: boolean;
  /** The first day (since 1970) that goes there. */
  readonly fromDay: number;
  /** PEM: whom to trust in place of the system's authorities. */
  readonly ca: string | null;
}

export interface Target extends NewTarget {
  readonly id: number;
  readonly uuid: string;
  readonly createdMs: number;
  /** Failures one after another, and when it is tried again. */
  readonly failures: number;
  readonly nextMs: number;
}

/** What was asked for cannot be pushed so; the message says why, and has no secret in it. */
export class PushError extends Error {
  override readonly name = 'PushError';
}

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
/** The same as of a sender (publish/exports/check.ts): nothing of it can begin another header. */
const MAIL = /^[^\s@<>"'&,;:()[\]\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const mailsMax = 20;
const urlLengthMax = 2000;
const pathLengthMax = 4000;

/** Throws `PushError`. */
export function checkTarget({ name, kind, address, formats }: NewTarget): void {
  const demand = (holds: boolean, what: string) => {
    if (!holds) throw new PushError(what);
  };
  demand(NAME.test(name), 'a target has a name of letters, digits, dot, dash and underscore, up to 64');
  demand(formats.length > 0 && new Set(formats).size === formats.length, 'a target has formats, each once');
  if (kind === 'https') checkUrl(address);
  if (kind === 'mail') {
    const mails = address.split(' ');
    demand(mails.length <= mailsMax, `a target has at most ${mailsMax} e-mail addresses`);
    demand(
      mails.every(one => MAIL.test(one)),
      'that is no e-mail address: write it like soc@csirt.example',
    );
  }
  if (kind === 'folder')
    demand(address.startsWith('/') && address.length <= pathLengthMax, 'a directory is named by its whole path');
}

/**
 * HTTPS alone, or HTTP within this machine: files have addresses of sources in them, and their way must be the receiver's and
 * nobody else's. A password in the URL would stand in lists and logs. Throws `PushError`.
 */
export function checkUrl(address: string): URL {
  const url = address.length <= urlLengthMax ? URL.parse(address) : null;
  if (url === null) throw new PushError('that is no URL: write it like https://csirt.example/enaga');
  const isPlain = url.protocol === 'http:' && LOOPBACK.test(url.hostname);
  if (url.protocol !== 'https:' && !isPlain)
    throw new PushError('files go over https:// alone (http:// only to this machine: localhost, 127.0.0.1, [::1])');
  if (url.username !== '' || url.password !== '') throw new PushError('no name or password in the URL, please');
  if (url.hash !== '') throw new PushError('a URL with # in it is none that can be sent to');
  return url;
}

/** What may be shown of it in lists and logs: a URL's query may hold a key. */
export const shownAddress = ({ kind, address }: Pick<NewTarget, 'kind' | 'address'>): string =>
  kind === 'https' ? address.replace(/\?.*/, '?...') : address;
