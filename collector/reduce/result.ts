/** From rows in numbers (rows.ts) to the rows that people read (results.ts). */

import { formatAddress4, formatAddress6 } from '../../common/record/address.ts';
import { CLASSES, TOOLS } from '../../common/record/classify.ts';
import { ICMP, ICMPV6, protocolName } from '../../common/record/protocol.ts';
import { DAY_MS } from '../../common/time.ts';
import { COUNTRY_KINDS, HOURS_PER_DAY, IPV6_NETWORK, KINDS } from './day.ts';
import type { Count, DayResult, PortKindRow, PortRow, ScanCount, Target } from './results.ts';
import type { DayRows, Row } from './rows.ts';

/** YYYY-MM-DD of a day since 1970. */
export const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

const count = ({ packets, sources }: Row): Count => ({ packets, sources });
const scanCount = ({ packets, sources, scanningSources }: Row): ScanCount => ({ packets, sources, scanningSources });
const NOTHING: Row = { a: 0, b: 0, packets: 0, sources: 0, scanningSources: 0 };

/** A target by its 24 bits, protocol and number. */
export function targetOf(target: number): Target {
  const protocol = target >>> 16;
  const number = target & 0xffff;
  if (protocol === ICMP) return { protocol: 'icmp', type: number >>> 8, code: number & 0xff };
  if (protocol === ICMPV6) return { protocol: 'icmpv6', type: number >>> 8, code: number & 0xff };
  return { protocol: protocolName(protocol), port: number };
}

/** Written out, for there are as many as ports. */
function portRow({ a, packets, sources, scanningSources }: Row): PortRow {
  const target = targetOf(a);
  return 'port' in target
    ? { protocol: target.protocol, port: target.port, packets, sources, scanningSources }
    : { protocol: target.protocol, type: target.type, code: target.code, packets, sources, scanningSources };
}

export const countryCode = (number: number): string => String.fromCharCode(number >>> 8, number & 0xff);

/** The prefix of a row of `networks`. */
export const networkOf = ({ a, b }: Pick<Row, 'a' | 'b'>): string =>
  b & IPV6_NETWORK ? `${formatAddress6(a, (b >>> 2) << 16, 0, 0)}/48` : `${formatAddress4(a << 8)}/24`;

/** One row a target, in the order of `ports`. */
function portKinds(day: DayRows): PortKindRow[] {
  const byTarget = Map.groupBy(day.rows('portKinds'), ({ a }) => a);
  return day.rows('ports').flatMap(({ a }) => {
    const rows = byTarget.get(a);
    if (rows === undefined) return [];
    const packets = KINDS.map((kind, n) => [kind, rows.find(({ b }) => b === n)?.packets ?? 0]);
    return [{ ...targetOf(a), ...(Object.fromEntries(packets) as Record<(typeof KINDS)[number], number>) }];
  });
}

/** Everything the rows have to say. */
export function resultOf(day: DayRows): DayResult {
  const [total = NOTHING] = day.rows('total');
  const named = <Name extends string>(names: readonly Name[], rows: readonly Row[]) =>
    Object.fromEntries(names.map((name, n) => [name, count(rows.find(({ a }) => a === n) ?? NOTHING)])) as Record<
      Name,
      Count
    >;
  const hours = day.rows('hours');
  return {
    date: dateOf(day.day),
    ...scanCount(total),
    ports: day.rows('ports').map(portRow),
    countries: day.rows('countries').map(row => ({ country: countryCode(row.a), ...scanCount(row) })),
    asns: day.rows('asns').map(row => ({ asn: row.a, ...scanCount(row) })),
    networks: day.rows('networks').map(row => ({ network: networkOf(row), ...scanCount(row) })),
    classes: named(CLASSES, day.rows('classes')),
    tools: named(TOOLS, day.rows('tools')),
    hours: Array.from({ length: HOURS_PER_DAY }, (_, hour) => ({
      hour,
      ...count(hours.find(({ a }) => a === hour) ?? NOTHING),
    })),
    topSources: day.topSources(),
    ...(day.level > 0 && { sample: 2 ** -day.level }),
    portCountries: () =>
      day.rows('portCountries').map(row => ({ ...targetOf(row.b), country: countryCode(row.a), ...scanCount(row) })),
    portHours: () => day.rows('portHours').map(row => ({ ...targetOf(row.a), hour: row.b, ...count(row) })),
    portKinds: () => portKinds(day),
    countryHours: () =>
      day.rows('countryHours').map(row => ({ country: countryCode(row.a), hour: row.b, ...count(row) })),
    countryKinds: () =>
      day
        .rows('countryKinds')
        .map(row => ({ country: countryCode(row.a), kind: COUNTRY_KINDS[row.b]!, ...count(row) })),
    countryAsns: () =>
      day.rows('countryAsns').map(row => ({ country: countryCode(row.a), asn: row.b, ...scanCount(row) })),
  };
}
