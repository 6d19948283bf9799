/** What Node says of a connection that failed, in words and without the addresses and texts that its messages quote. */

/** `namedBy`: what the operator names an authority with. */
const untrusted = (namedBy: string): string =>
  `its certificate is of no authority that is trusted here (${namedBy} names one)`;

const WORDS: Readonly<Record<string, string>> = {
  ABORT_ERR: 'no answer in time',
  ECONNREFUSED: 'the connection is refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up now',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  EPROTO: 'it does not speak TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: is the clock here right?',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** Of Node's code; undefined where there are none. `caNamedBy`: the option or setting that names an authority. */
export function networkWords(code: string, caNamedBy = '--ca FILE'): string | undefined {
  if (UNTRUSTED.has(code)) return untrusted(caNamedBy);
  if (Object.hasOwn(WORDS, code)) return WORDS[code];
  if (isOfCertificate(code)) return `its certificate is not taken (${code})`;
  if (code.startsWith('ERR_SSL_')) return 'no TLS is agreed on with it';
  return code.startsWith('HPE_') ? 'what it answers is no HTTP' : undefined;
}

/** It stays so until somebody changes something: to ask again at once is no use. */
export const isOfCertificate = (code: string): boolean =>
  /CERT/.test(code) || code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
