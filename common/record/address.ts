/** IP addresses and prefixes between text and words (host order, most significant first). Text is RFC 5952. */
import ipaddr from 'ipaddr.js';

export interface Prefix {
  readonly family: 4 | 6;
  /** One word for IPv4, four for IPv6, with the host bits cleared. */
  readonly words: readonly number[];
  readonly length: number;
}

/** The words of an address in network-order bytes. */
const toWords = (bytes: readonly number[]): number[] =>
  Array.from(
    { length: bytes.length / 4 },
    (_, i) => ((bytes[4 * i]! << 24) | (bytes[4 * i + 1]! << 16) | (bytes[4 * i + 2]! << 8) | bytes[4 * i + 3]!) >>> 0,
  );

/** Keeps the bits of word `index` that a prefix of `length` bits covers. */
export const prefixMask = (length: number, index: number): number => {
  const bits = Math.min(32, Math.max(0, length - 32 * index));
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
};

/** Parses `192.0.2.0/24` or `2001:db8::/32`; an address alone is a prefix of its full length. Throws `RangeError`. */
export function parsePrefix(text: string): Prefix {
  const cidr = text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`;
  if (!ipaddr.isValidCIDR(cidr) || (!cidr.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(cidr.split('/')[0]!)))
    throw new RangeError(`'${text}' is no network: write it like 192.0.2.0/24 or 2001:db8::/32`);
  const [address, length] = ipaddr.parseCIDR(cidr);
  const words = toWords(address.toByteArray()).map((word, i) => (word & prefixMask(length, i)) >>> 0);
  return { family: words.length === 1 ? 4 : 6, words, length };
}

export const formatAddress4 = (address: number): string =>
  `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`;

/** RFC 5952: lower case, the longest run of zeros shortened. */
export const formatAddress6 = (w0: number, w1: number, w2: number, w3: number): string => {
  const groups = [w0, w1, w2, w3].flatMap(word => [word >>> 16, word & 0xffff]);
  return new ipaddr.IPv6(groups).toRFC5952String();
};
