/** Targets as they are written: in a path, a query, or by whoever looks one up. Browsers run it too. */

import { ICMP, ICMPV6, protocolName } from '../../common/record/protocol.ts';

const PROTOCOLS = new Map(
  Array.from({ length: 256 }, (_, number): [string, number] => [protocolName(number), number]).filter(
    ([name]) => !/^\d/.test(name),
  ),
);

/** `23/tcp`, `47/ip` for a protocol without ports, `8/icmp` or `3:1/icmp` (type and code) -> a target (reduce/day.ts). */
export function parseTarget(text: string): number | undefined {
  const [, first, second, name] = /^(\d{1,5})(?::(\d{1,3}))?\/([a-z0-9]+)$/.exec(text) ?? [];
  if (first === undefined || name === undefined) return undefined;
  const number = Number(first);
  if (name === 'ip') return number < 256 && second === undefined ? number << 16 : undefined;
  const protocol = PROTOCOLS.get(name);
  if (protocol === undefined) return undefined;
  const hasType = protocol === ICMP || protocol === ICMPV6;
  if (hasType)
    return number < 256 && Number(second ?? 0) < 256
      ? (protocol << 16) | (number << 8) | Number(second ?? 0)
      : undefined;
  return number < 65_536 && second === undefined ? (protocol << 16) | number : undefined;
}

/**
 * As people write one, with spaces, capitals or wide letters: `8545`, `8545 / TCP`, `udp 53`, `8/icmp` -> as it is written everywhere
 * else (names.ts). A number alone is of TCP.
 */
export function targetWritten(text: string): string | undefined {
  const [one = '', other = 'tcp', ...rest] = text
    .normalize('NFKC')
    .trim()
    .toLowerCase()
    .split(/[\s/]+/);
  const [number, protocol] = /^\d/.test(one) ? [one, other] : [other, one];
  const label = `${number.replaceAll(/\b0+(?=\d)/g, '')}/${protocol}`;
  return rest.length > 0 || parseTarget(label) === undefined ? undefined : label.replace(':0/icmp', '/icmp');
}
