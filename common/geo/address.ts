/**
 * Addresses as text, for the files that write them so. Build time only: packets carry numbers.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** Dotted quad -> u32 in host order. */
export function parseIpv4(text: string): number | undefined {
  if (!isIPv4(text)) return undefined;
  return text.split('.').reduce((address, octet) => address * 256 + Number(octet), 0);
}

/** Hexadecimal groups, `::` allowed -> 128 bits. No database uses a zone or an embedded dotted quad. */
export function parseIpv6(text: string): bigint | undefined {
  if (!isIPv6(text) || /[.%]/.test(text)) return undefined;
  const [head, tail] = text.split('::').map(part => (part === '' ? [] : part.split(':')));
  const zeros = new Array(8 - head.length - (tail?.length ?? 0)).fill('0');
  const groups = [...head, ...zeros, ...(tail ?? [])];
  return groups.reduce((address, group) => (address << 16n) | BigInt(`0x${group}`), 0n);
}
