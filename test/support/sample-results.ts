/**
 * Plausible results without a capture: days of darknet traffic from a seed, with heavy-tailed ports and countries, a daily
 * rhythm, and one event to find (from the sixth day 37215/tcp rises from BR and VN, with Mirai marks). Figures are drawn
 * per table and agree where a reader would compare them: ports, countries, classes and hours of a day each sum to its
 * packets, and hourly and per-country cells to their row.
 */

import { COUNTRY_KINDS } from '../../collector/reduce/day.ts';
import type { DayResult, PortRow, Results, ScanCount, SourceRow, Target } from '../../collector/reduce/results.ts';

export interface SampleOptions {
  days?: number;
  seed?: number;
  /** First day, YYYY-MM-DD. */
  start?: string;
  /** Packets of an ordinary day. */
  packets?: number;
  /** Ports beyond the named ones, for size. */
  tail?: number;
  /** Records only in this hour of each day; all day without it. */
  onlyHour?: number;
}

/** mulberry32: small, seeded, good enough for a picture. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const tcp = (port: number): Target => ({ protocol: 'tcp', port });
const udp = (port: number): Target => ({ protocol: 'udp', port });

/** Targets by weight; the tail shares what is left. */
const TARGETS: [Target, number][] = [
  [tcp(23), 24],
  [tcp(22), 6.2],
  [tcp(8080), 4.1],
  [tcp(80), 3.9],
  [tcp(443), 3.4],
  [tcp(6379), 2.9],
  [tcp(3389), 2.5],
  [{ protocol: 'icmp', type: 8, code: 0 }, 2.4],
  [tcp(2323), 1.9],
  [tcp(445), 1.8],
  [tcp(5555), 1.7],
  [udp(53), 1.5],
  [udp(5060), 1.4],
  [udp(123), 1.2],
  [udp(1900), 1.1],
  [tcp(37215), 0.8],
  [tcp(60023), 0.7],
  [tcp(1433), 0.7],
  [tcp(81), 0.6],
  [{ protocol: 'icmp', type: 3, code: 1 }, 0.4],
  [{ protocol: '47', port: 0 }, 0.05],
];

const COUNTRIES: [string, number][] = [
  ['CN', 19],
  ['US', 16],
  ['NL', 9],
  ['BG', 6.5],
  ['RU', 6],
  ['IN', 5],
  ['BR', 4.4],
  ['DE', 4],
  ['VN', 3.6],
  ['KR', 3],
  ['TW', 2.6],
  ['JP', 2.2],
  ['GB', 2],
  ['ID', 1.8],
  ['TR', 1.4],
  ['IR', 1.2],
  ['??', 0.4],
];

const MIRAI_PORTS = new Set(['tcp/23', 'tcp/2323', 'tcp/5555', 'tcp/37215', 'tcp/60023']);
const keyOf = (target: Target) =>
  'type' in target ? `${target.protocol}/${target.type}/${target.code}` : `${target.protocol}/${target.port}`;

/** Splits a whole number by weights so that the parts are whole and sum to it. */
function split(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  let [given, seen] = [0, 0];
  return weights.map(weight => {
    seen += weight;
    const part = Math.round((total * seen) / sum) - given;
    given += part;
    return part;
  });
}

/** Sources behind some packets: fewer than the packets, the more so the more packets. */
const sourcesOf = (packets: number): number => Math.max(packets > 0 ? 1 : 0, Math.round(packets ** 0.82 * 0.55));
const scanCount = (packets: number, scanning: number): ScanCount => {
  const sources = sourcesOf(packets);
  return { packets, sources, scanningSources: Math.round(sources * scanning) };
};
const byPackets = (a: { packets: number }, b: { packets: number }) => b.packets - a.packets;

/** How strongly the event runs on a day: nothing before the sixth day, then a steep rise and a slow fall. */
const eventOn = (day: number): number => (day < 5 ? 0 : 22 * 0.72 ** (day - 5));

export function sampleResults(options: SampleOptions = {}): Results {
  const { days: dayCount = 8, seed = 1, start = '2026-07-01', packets = 420_000 } = options;
  const random = randomFrom(seed);
  const days = Array.from({ length: dayCount }, (_, index) => {
    const date = new Date(Date.parse(`${start}T00:00:00Z`) + index * 86_400_000).toISOString().slice(0, 10);
    const level = 0.9 + 0.2 * random() + eventOn(index) / 100;
    return sampleDay(date, index, Math.round(packets * level), random, options);
  });
  const records = days.reduce((sum, day) => sum + day.packets, 0);
  const skipped: Record<string, number> =
    dayCount === 0 ? { arp: 12 } : { fragment: 312, arp: 1840, 'not-observed': 57 };
  return {
    packets: records + Object.values(skipped).reduce((a, b) => a + b, 0),
    records,
    skipped,
    geo: { name: 'geo-whois-asn-country', built: '2026-06-17' },
    asn: { name: 'GeoLite2-ASN', built: '2026-06-30' },
    days,
  };
}

function sampleDay(
  date: string,
  index: number,
  packets: number,
  random: () => number,
  options: SampleOptions,
): DayResult {
  const { tail = 180, onlyHour } = options;
  const jitter = () => 0.85 + 0.3 * random();
  const event = eventOn(index);
  const tailTargets = Array.from({ length: tail }, (_, i): [Target, number] => [tcp(10_000 + i * 7), 37 / (tail + i)]);
  const targets = [...TARGETS, ...tailTargets].map(
    ([target, weight]) => [target, weight * jitter() + (keyOf(target) === 'tcp/37215' ? event : 0)] as const,
  );
  const targetPackets = split(
    packets,
    targets.map(([, weight]) => weight),
  );
  const ports = targets
    .map(([target], i): PortRow => ({ ...target, ...scanCount(targetPackets[i], 'type' in target ? 0.6 : 0.98) }))
    .filter(row => row.packets > 0)
    .sort(byPackets);
  const origins = COUNTRIES.map(([code, weight]): [string, number] => {
    const rise = code === 'BR' ? event * 0.9 : code === 'VN' ? event * 0.55 : 0;
    return [code, weight * jitter() + rise];
  });
  const countryPackets = split(
    packets,
    origins.map(([, weight]) => weight),
  );
  const countries = origins
    .map(([country], i) => ({ country, ...scanCount(countryPackets[i], 0.96) }))
    .filter(row => row.packets > 0)
    .sort(byPackets);
  const rhythm = Array.from({ length: 24 }, (_, hour) =>
    onlyHour === undefined
      ? 1 + 0.25 * Math.sin(((hour - 4) / 24) * 2 * Math.PI) + 0.12 * random()
      : +(hour === onlyHour),
  );
  const cells = (total: number) => {
    const noise = randomFrom(total); // its own, so that asking twice gives the same rows
    const weights = rhythm.map(weight => weight * (0.85 + 0.3 * noise()));
    return split(total, weights).map((n, hour) => ({ hour, packets: n, sources: sourcesOf(n) }));
  };
  const occupied = (total: number) => cells(total).filter(cell => cell.packets > 0);
  const { classes, tools } = sampleKinds(packets, ports);
  return {
    date,
    ...scanCount(packets, 0.93),
    ports,
    countries,
    asns: split(packets, [9, 6, 5, 4, 3]).map((n, i) => ({
      asn: [4134, 14061, 202425, 4837, 7552][i],
      ...scanCount(n, 0.97),
    })),
    networks: split(packets, [5, 4, 3]).map((n, i) => ({ network: `192.0.${2 + i}.0/24`, ...scanCount(n, 0.95) })),
    classes,
    tools,
    hours: cells(packets),
    topSources: sampleSources(date, packets, random),
    portCountries: () =>
      ports
        .flatMap(({ packets: total, sources: _s, scanningSources: _n, ...target }) => {
          const weights = origins.map(([code, weight]) =>
            keyOf(target) !== 'tcp/37215' || event === 0 ? weight : ({ BR: 60, VN: 30 }[code] ?? 1),
          );
          return split(total, weights)
            .map((n, i) => ({ ...target, country: origins[i][0], ...scanCount(n, 0.97) }))
            .filter(row => row.packets > 0);
        })
        .sort(byPackets),
    portHours: () =>
      ports
        .flatMap(({ packets: total, sources: _s, scanningSources: _n, ...target }) =>
          occupied(total).map(cell => ({ ...target, ...cell })),
        )
        .sort(byPackets),
    portKinds: () =>
      ports.map(row => {
        const { packets: total, sources: _s, scanningSources: _n, ...target } = row;
        const [scan, backscatter, other] = split(total, 'type' in target ? [6, 3, 1] : [95, 4, 1]) as [
          number,
          number,
          number,
        ];
        const mirai = MIRAI_PORTS.has(keyOf(target)) ? Math.round(total * 0.62) : 0;
        return {
          ...target,
          scan,
          backscatter,
          other,
          mirai,
          zmap: Math.round(total * 0.08),
          masscan: Math.round(total * 0.05),
        };
      }),
    countryHours: () =>
      countries.flatMap(({ country, packets: n }) => occupied(n).map(cell => ({ country, ...cell }))).sort(byPackets),
    countryKinds: () =>
      countries
        .flatMap(({ country, packets: n }) => {
          const parts = [...split(n, [90, 7, 3]), Math.round(n * 0.3), Math.round(n * 0.08), Math.round(n * 0.05), 0];
          return COUNTRY_KINDS.map((kind, i) => ({ country, kind, packets: parts[i], sources: sourcesOf(parts[i]) }));
        })
        .filter(row => row.packets > 0)
        .sort(byPackets),
    countryAsns: () =>
      countries
        .flatMap(({ country, packets: n }) =>
          split(n, [6, 3, 1]).map((part, i) => ({ country, asn: 64_496 + i, ...scanCount(part, 0.97) })),
        )
        .filter(row => row.packets > 0)
        .sort(byPackets),
  };
}

function sampleKinds(packets: number, ports: readonly PortRow[]): Pick<DayResult, 'classes' | 'tools'> {
  const [scan, backscatter, other] = split(packets, [90, 7, 3]).map(n => ({ packets: n, sources: sourcesOf(n) }));
  const mirai = Math.round(ports.reduce((sum, row) => sum + (MIRAI_PORTS.has(keyOf(row)) ? row.packets * 0.62 : 0), 0));
  const tool = (n: number) => ({ packets: n, sources: sourcesOf(n) });
  return {
    classes: { scan, backscatter, other },
    tools: {
      mirai: tool(mirai),
      zmap: tool(Math.round(packets * 0.08)),
      masscan: tool(Math.round(packets * 0.05)),
      nmap: tool(Math.round(packets * 0.002)),
    },
  };
}

function sampleSources(date: string, packets: number, random: () => number): SourceRow[] {
  return Array.from({ length: 100 }, (_, rank) => {
    const host = Math.floor(random() * 40);
    const v6 = rank % 17 === 11;
    return {
      address: v6
        ? `2001:db8:${(4096 + rank).toString(16)}::${host.toString(16)}`
        : `203.0.${113 + (rank % 3)}.${rank * 2 + (host % 2)}`,
      country: COUNTRIES[(rank * 5) % COUNTRIES.length][0],
      asn: rank % 9 === 4 ? 0 : [4134, 14061, 202425, 4837, 7552][rank % 5],
      packets: Math.max(1, Math.round((packets * 0.03) / (rank + 1) ** 0.9)),
      ports: 1 + Math.floor(random() ** 3 * 4000),
      first: `${date}T0${rank % 8}:${String(10 + (rank % 50)).padStart(2, '0')}:01.000${String(rank).padStart(3, '0')}Z`,
      last: `${date}T23:${String(10 + (rank % 49)).padStart(2, '0')}:59.123456Z`,
    };
  }).sort(byPackets);
}
