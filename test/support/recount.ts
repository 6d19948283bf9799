/**
 * What a day's results must be, counted from plain records with Maps and Sets, one rule at a time: slow, and by other means
 * than the reducer, of which it imports nothing but the shape of the answer. Every source is held, so there is no sample and no
 * estimate.
 */
import type { Count, DayResult, ScanCount } from '../../collector/reduce/results.ts';
import { hasType, type PlainRecord, placeOf } from './records.ts';

const PROTOCOLS: Record<number, string> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  58: 'icmpv6',
  132: 'sctp',
  136: 'udplite',
};
const TOP_SOURCES = 100;
const SYN = 2;
const RST = 4;
const ACK = 16;

type ClassName = 'scan' | 'backscatter' | 'other';

function classOf({ protocol, flags, srcPort }: PlainRecord): ClassName {
  const types = (scan: number[], backscatter: number[]) =>
    scan.includes(srcPort) ? 'scan' : backscatter.includes(srcPort) ? 'backscatter' : 'other';
  if (protocol === 6) {
    if (flags & RST || (flags & SYN && flags & ACK)) return 'backscatter';
    return flags & SYN ? 'scan' : 'other';
  }
  if (protocol === 17) return srcPort === 53 ? 'backscatter' : 'scan';
  if (protocol === 1) return types([8, 13, 15, 17], [0, 3, 4, 5, 11, 12, 14, 16, 18]);
  if (protocol === 58) return types([128, 139], [1, 2, 3, 4, 129, 140]);
  return 'other';
}

/** RFC 5952, as URLs have it. */
const text6 = (words: readonly number[]): string =>
  new URL(
    `http://[${words
      .flatMap(word => [word >>> 16, word & 0xffff])
      .map(group => group.toString(16))
      .join(':')}]`,
  ).hostname.slice(1, -1);
const text4 = (word: number): string => [24, 16, 8, 0].map(shift => (word >>> shift) & 255).join('.');
const addressText = (words: readonly number[]): string => (words.length === 1 ? text4(words[0]!) : text6(words));

const networkText = (words: readonly number[]): string =>
  words.length === 1
    ? `${text4((words[0]! & 0xffffff00) >>> 0)}/24`
    : `${text6([words[0]!, (words[1]! & 0xffff0000) >>> 0, 0, 0])}/48`;

const timeText = (micros: number): string =>
  new Date(Math.floor(micros / 1000)).toISOString().replace('Z', `${String(micros % 1000).padStart(3, '0')}Z`);

/** Packets and sources of a group of records. */
const count = (group: readonly PlainRecord[]): Count => ({
  packets: group.length,
  sources: new Set(group.map(({ src }) => addressText(src))).size,
});
const scanCount = (group: readonly PlainRecord[]): ScanCount => ({
  ...count(group),
  scanningSources: count(group.filter(one => classOf(one) !== 'backscatter')).sources,
});

const targetNumber = (one: PlainRecord): number =>
  one.protocol * 65_536 + (hasType(one.protocol) ? one.srcPort * 256 + one.dstPort : one.dstPort);

function targetOf(one: PlainRecord) {
  const protocol = PROTOCOLS[one.protocol] ?? String(one.protocol);
  return hasType(one.protocol) ? { protocol, type: one.srcPort, code: one.dstPort } : { protocol, port: one.dstPort };
}

/** Groups by one or more names; each group with its names, most packets first, ties by the names in their order. */
function grouped(list: readonly PlainRecord[], ...names: ((one: PlainRecord) => string | number)[]) {
  const groups = new Map<string, { names: (string | number)[]; group: PlainRecord[] }>();
  for (const one of list) {
    const values = names.map(name => name(one));
    const key = values.join(' ');
    const known = groups.get(key);
    if (known) known.group.push(one);
    else groups.set(key, { names: values, group: [one] });
  }
  return [...groups.values()].sort((x, y) => y.group.length - x.group.length || compare(x.names, y.names));
}

function compare(x: readonly (string | number)[], y: readonly (string | number)[]): number {
  for (const [i, value] of x.entries()) if (value !== y[i]) return value < y[i]! ? -1 : 1;
  return 0;
}

const hourOfDay = ({ hour }: PlainRecord): number => hour % 24;
const countryOf = ({ src }: PlainRecord): string => placeOf(src).country;
const asnOf = ({ src }: PlainRecord): number => placeOf(src).asn;

/** Four words, so that all addresses compare: an IPv4 address is kept as ::ffff:a.b.c.d. */
const sortable = (src: readonly number[]): readonly number[] => (src.length === 1 ? [0, 0, 0xffff, src[0]!] : src);

function topSources(list: readonly PlainRecord[]): DayResult['topSources'] {
  return grouped(
    list,
    ...[0, 1, 2, 3].map(
      word =>
        ({ src }: PlainRecord) =>
          sortable(src)[word]!,
    ),
  )
    .slice(0, TOP_SOURCES)
    .map(({ group }) => {
      const times = group.map(({ hour, time }) => hour * 3_600_000_000 + time);
      return {
        address: addressText(group[0]!.src),
        ...placeOf(group[0]!.src),
        packets: group.length,
        ports: new Set(group.map(targetNumber)).size,
        first: timeText(Math.min(...times)),
        last: timeText(Math.max(...times)),
      };
    })
    .map(({ address, country, asn, packets, ports, first, last }) => ({
      address,
      country,
      asn,
      packets,
      ports,
      first,
      last,
    }));
}

/** A mark is a bit; a source is the tool's after two packets with it. */
function marked(list: readonly PlainRecord[], bit: number): Count {
  const having = list.filter(({ tool }) => tool & bit);
  const confirmed = grouped(having, ({ src }) => addressText(src)).filter(({ group }) => group.length >= 2);
  return { packets: having.length, sources: confirmed.length };
}

/** SYNs with Nmap's window and no other tool's mark; two of one folded sequence, the lowest, to two targets confirm. */
function nmap(list: readonly PlainRecord[]): Count {
  const candidates = list.filter(
    ({ protocol, flags, window, tool }) =>
      protocol === 6 &&
      (flags & (SYN | ACK | RST)) === SYN &&
      [1024, 2048, 3072, 4096].includes(window) &&
      !(tool & 2) &&
      !(tool & 4),
  );
  const confirmed = grouped(candidates, ({ src }) => addressText(src)).filter(({ group }) => {
    const lowest = Math.min(...group.map(({ seqFold }) => seqFold));
    const targets = group.filter(({ seqFold }) => seqFold === lowest).map(({ dst, dstPort }) => `${dst} ${dstPort}`);
    return new Set(targets).size >= 2;
  });
  return { packets: confirmed.reduce((sum, { group }) => sum + group.length, 0), sources: confirmed.length };
}

type FinerTable = 'portCountries' | 'portHours' | 'countryHours' | 'portKinds' | 'countryKinds' | 'countryAsns';
/** Like `DayResult`, with the finer tables made. */
export type Recount = Omit<DayResult, FinerTable> & { [Table in FinerTable]: ReturnType<DayResult[Table]> };

const packetsOf = (group: readonly PlainRecord[], isOne: (one: PlainRecord) => boolean): number =>
  group.filter(isOne).length;

/** Packets to one target, by class and by mark. */
const kindsOf = (group: readonly PlainRecord[]) => ({
  scan: packetsOf(group, one => classOf(one) === 'scan'),
  backscatter: packetsOf(group, one => classOf(one) === 'backscatter'),
  other: packetsOf(group, one => classOf(one) === 'other'),
  mirai: packetsOf(group, ({ tool }) => (tool & 1) !== 0),
  zmap: packetsOf(group, ({ tool }) => (tool & 2) !== 0),
  masscan: packetsOf(group, ({ tool }) => (tool & 4) !== 0),
});

/** Of one country a row a kind: those that have packets. */
function countryKinds(country: string, group: readonly PlainRecord[]) {
  const classes = (['scan', 'backscatter', 'other'] as const).map(
    kind => ({ country, kind, ...count(group.filter(one => classOf(one) === kind)) }) as const,
  );
  const tools = [
    { country, kind: 'mirai', ...marked(group, 1) },
    { country, kind: 'zmap', ...marked(group, 2) },
    { country, kind: 'masscan', ...marked(group, 4) },
    { country, kind: 'nmap', ...nmap(group) },
  ];
  return [...classes, ...tools].filter(({ packets }) => packets > 0);
}

export function recount(day: number, all: readonly PlainRecord[]): Recount {
  const list = all.filter(({ hour }) => Math.floor(hour / 24) === day);
  const classes = (name: ClassName) => count(list.filter(one => classOf(one) === name));
  const tables = {
    ports: grouped(list, targetNumber).map(({ group }) => ({ ...targetOf(group[0]!), ...scanCount(group) })),
    countries: grouped(list, countryOf).map(({ names, group }) => ({ country: names[0], ...scanCount(group) })),
    asns: grouped(list, asnOf).map(({ names, group }) => ({ asn: names[0], ...scanCount(group) })),
    networks: grouped(list, ({ dst }) => networkText(dst)).map(({ names, group }) => ({
      network: names[0],
      ...scanCount(group),
    })),
    portCountries: grouped(list, countryOf, targetNumber).map(({ names, group }) => ({
      ...targetOf(group[0]!),
      country: names[0],
      ...scanCount(group),
    })),
    portHours: grouped(list, targetNumber, hourOfDay).map(({ names, group }) => ({
      ...targetOf(group[0]!),
      hour: names[1],
      ...count(group),
    })),
    portKinds: grouped(list, targetNumber).map(({ group }) => ({ ...targetOf(group[0]!), ...kindsOf(group) })),
    countryHours: grouped(list, countryOf, hourOfDay).map(({ names, group }) => ({
      country: names[0],
      hour: names[1],
      ...count(group),
    })),
    countryKinds: grouped(list, countryOf)
      .sort((x, y) => compare(x.names, y.names))
      .flatMap(({ names, group }) => countryKinds(String(names[0]), group))
      .sort((x, y) => y.packets - x.packets || (x.country === y.country ? 0 : x.country < y.country ? -1 : 1)),
    countryAsns: grouped(list, countryOf, asnOf).map(({ names, group }) => ({
      country: names[0],
      asn: names[1],
      ...scanCount(group),
    })),
  } as unknown as Pick<Recount, 'ports'>;
  return {
    date: new Date(day * 86_400_000).toISOString().slice(0, 10),
    ...scanCount(list),
    ...tables,
    classes: { scan: classes('scan'), backscatter: classes('backscatter'), other: classes('other') },
    tools: { mirai: marked(list, 1), zmap: marked(list, 2), masscan: marked(list, 4), nmap: nmap(list) },
    hours: Array.from({ length: 24 }, (_, hour) => ({
      hour,
      ...count(list.filter(one => hourOfDay(one) === hour)),
    })),
    topSources: topSources(list),
  } as Recount;
}
