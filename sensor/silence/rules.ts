/**
 * The rules of silence, as data, and their nftables text.
 *
 * A capture sees a packet before the `ingress` hook and after the `egress` hook of its interface. So rules at ingress keep
 * what was captured from the network stack, which then has nothing to answer, from whatever address; and rules at egress stop
 * what would leave all the same, raw sockets and ARP included (an output chain leaks ARP). A shared box must receive what
 * belongs to its own flows: its rules follow connections, which those two hooks cannot, and stand before routing and at output.
 */
import assert from 'node:assert/strict';
import type { Prefix } from '../../common/record/address.ts';
import { formatPrefix, type Plan, type Service, type Wiring } from './plan.ts';

type Verdict = 'accept' | 'drop';

/** A counter's comment in the kernel holds nothing longer. */
const commentLengthMax = 128;

/** What is counted. Frames out that the wiring does not allow are those of the counters named `stopped`. */
export const COUNTERS = {
  kept_off: ['drop', 'in: packets to observed addresses, kept from the network stack (a capture sees them)'],
  stopped: ['drop', 'out: packets that would have left from an observed address; on a tap, any frame'],
  stopped_arp: ['drop', 'out: ARP that named an observed address as its sender'],
  stopped_nd: ['drop', 'out: neighbour advertisements for an observed address'],
  stopped_igmp: ['drop', 'out: IGMP reports, which anybody can ask for'],
  answered_arp: ['accept', 'out: ARP answers for observed addresses, without which the router delivers nothing'],
  answered_nd: [
    'accept',
    'out: neighbour advertisements for observed addresses, without which the router delivers nothing',
  ],
  own_arp: ['accept', "out: ARP for this box's own addresses"],
  own_nd: ['accept', 'out: neighbour discovery and MLD of this box itself'],
  own: ['accept', 'out: other packets of this box itself'],
  service: ['accept', 'out: answers of the declared services'],
} as const satisfies Record<string, readonly [Verdict, string]>;
export type CounterName = keyof typeof COUNTERS;

/** Named so that reading them back knows them; it counts nothing, and its comment says what stands. */
export const NOTE = 'note';

export interface Rule {
  readonly match: string;
  readonly counter?: CounterName;
  /** Where no counter says it: a verdict, or a jump. */
  readonly action?: string;
}

interface Chain {
  readonly name: string;
  /** Undefined for one that others jump to. */
  readonly hook?: string;
  readonly rules: readonly Rule[];
}

const ND_AND_MLD =
  '{ nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, ' +
  'mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report }';

const to = (action: string): Rule[] => [
  { match: 'ip daddr @observed4', action },
  { match: 'ip6 daddr @observed6', action },
];

const OWN: readonly Rule[] = [
  { match: 'meta protocol arp', counter: 'own_arp' },
  { match: `icmpv6 type ${ND_AND_MLD}`, counter: 'own_nd' },
  { match: '', counter: 'own' },
];

/** The target of a neighbour advertisement, by its offset after the ICMPv6 header: nftables before 1.0.7 has no name for it. */
function advertises({ words, length }: Prefix): string {
  const advert = 'icmpv6 type nd-neighbor-advert';
  if (length === 0) return advert;
  const target = words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n) >> BigInt(128 - length);
  return `${advert} @th,64,${length} 0x${target.toString(16)}`;
}

const adverts = (networks: readonly Prefix[], before: string, counter: CounterName): Rule[] =>
  networks.filter(({ family }) => family === 6).map(network => ({ match: `${before}${advertises(network)}`, counter }));

/** On an interface whose observed addresses are not the box's own. */
const darkChains = (device: string, networks: readonly Prefix[], answers: readonly Rule[]): Chain[] => [
  {
    name: 'ingress',
    hook: `hook ingress device "${device}" priority filter`,
    rules: [
      // A router asks an on-link box again by unicast whether an address is still there.
      ...(answers.length > 0 ? [{ match: 'icmpv6 type nd-neighbor-solicit', action: 'accept' }] : []),
      { match: 'ip daddr @observed4', counter: 'kept_off' },
      { match: 'ip6 daddr @observed6', counter: 'kept_off' },
    ],
  },
  {
    name: 'egress',
    hook: `hook egress device "${device}" priority filter`,
    rules: [
      ...answers,
      { match: 'arp saddr ip @observed4', counter: 'stopped_arp' },
      ...adverts(networks, '', 'stopped_nd'),
      { match: 'ip saddr @observed4', counter: 'stopped' },
      { match: 'ip6 saddr @observed6', counter: 'stopped' },
      ...OWN,
    ],
  },
];

const tapChains = (device: string): Chain[] => [
  {
    name: 'ingress',
    hook: `hook ingress device "${device}" priority filter`,
    rules: [{ match: '', counter: 'kept_off' }],
  },
  {
    name: 'egress',
    hook: `hook egress device "${device}" priority filter`,
    rules: [{ match: '', counter: 'stopped' }],
  },
];

const peers = ({ peers: prefix }: Service, side: 'saddr' | 'daddr'): string =>
  prefix === undefined ? '' : `${prefix.family === 4 ? 'ip' : 'ip6'} ${side} ${formatPrefix(prefix)} `;

const sharedChains = (device: string, services: readonly Service[]): Chain[] => [
  {
    name: 'observed_in',
    rules: [
      { match: 'ct direction reply ct state established,related', action: 'accept' }, // of a flow the box began
      { match: 'ct state related', action: 'accept' }, // ICMP errors about a service's flow: they draw no answer
      ...services.map(one => ({ match: `${peers(one, 'saddr')}${one.protocol} dport ${one.port}`, action: 'accept' })),
      { match: `icmpv6 type ${ND_AND_MLD}`, action: 'accept' },
      // A DHCP lease is asked for by broadcast, so that the answer is of no flow; what answers a forged one is stopped below.
      { match: 'udp sport 67 udp dport 68', action: 'accept' },
      { match: '', counter: 'kept_off' },
    ],
  },
  {
    name: 'before_routing',
    // After conntrack (-200), before destinations are translated (-100).
    hook: 'hook prerouting priority mangle',
    rules: [{ match: `iifname != "${device}"`, action: 'accept' }, ...to('jump observed_in')],
  },
  {
    name: 'observed_out',
    rules: [
      { match: 'ct direction original ct state new,established,related', counter: 'own' },
      ...services.map(
        (one): Rule => ({
          match: `ct direction reply ${peers(one, 'daddr')}${one.protocol} sport ${one.port}`,
          counter: 'service',
        }),
      ),
      { match: '', counter: 'stopped' },
    ],
  },
  {
    name: 'output',
    hook: 'hook output priority filter',
    rules: [
      { match: `oifname != "${device}"`, action: 'accept' },
      { match: 'meta l4proto igmp', counter: 'stopped_igmp' },
      { match: `icmpv6 type ${ND_AND_MLD}`, counter: 'own_nd' },
      { match: 'ip saddr @observed4', action: 'jump observed_out' },
      { match: 'ip6 saddr @observed6', action: 'jump observed_out' },
      { match: '', counter: 'own' },
    ],
  },
];

function chainsOf({ interface: device, wiring, networks, services }: Plan): Chain[] {
  if (wiring === 'tap') return tapChains(device);
  if (wiring === 'shared') return sharedChains(device, services);
  if (wiring === 'routed') return darkChains(device, networks, []);
  return darkChains(device, networks, [
    { match: 'arp operation reply arp saddr ip @observed4', counter: 'answered_arp' },
    ...adverts(networks, 'ip6 saddr @observed6 ', 'answered_nd'),
  ]);
}

export const familyOf = (wiring: Wiring): 'inet' | 'netdev' => (wiring === 'shared' ? 'inet' : 'netdev');

/** One table an interface, whose name nftables reads without quotes. */
export const tableOf = (device: string): string =>
  `enaga_silence_${device.replace(/[^A-Za-z0-9.]/g, letter => `_${letter.charCodeAt(0).toString(16)}`)}`;

/** Both families go, for the wiring may have been another; a table that is not there is made first, for it to be deleted. */
export const removalText = (device: string): string =>
  ['netdev', 'inet']
    .flatMap(family => [`add table ${family} ${tableOf(device)}`, `delete table ${family} ${tableOf(device)}`])
    .join('\n');

export type Counts = Partial<Record<CounterName, { frames: number; bytes: number }>>;

/** The whole transaction: what stood is replaced at once, with no moment between; `counts` go on from what they were. */
export function rulesText(plan: Plan, note: string, counts: Counts = {}): string {
  assert(note.length <= commentLengthMax && /^[\w .=-]*$/.test(note), 'a note fits its comment');
  const chains = chainsOf(plan);
  const used = new Set(chains.flatMap(({ rules }) => rules.flatMap(({ counter }) => counter ?? [])));
  return [
    removalText(plan.interface),
    `table ${familyOf(plan.wiring)} ${tableOf(plan.interface)} {`,
    `  counter ${NOTE} { comment "${note}" }`,
    ...[...used].map(name => {
      const { frames, bytes } = counts[name] ?? { frames: 0, bytes: 0 };
      return `  counter ${name} { packets ${frames} bytes ${bytes} }`;
    }),
    ...setText('observed4', 'ipv4_addr', plan.networks, 4),
    ...setText('observed6', 'ipv6_addr', plan.networks, 6),
    ...chains.flatMap(chainText),
    '}\n',
  ].join('\n');
}

function setText(name: string, type: string, networks: readonly Prefix[], family: 4 | 6): string[] {
  const elements = networks.filter(network => network.family === family).map(formatPrefix);
  return [
    `  set ${name} {`,
    `    type ${type}`,
    '    flags interval',
    ...(elements.length > 0 ? [`    elements = { ${elements.join(', ')} }`] : []),
    '  }',
  ];
}

const chainText = ({ name, hook, rules }: Chain): string[] => [
  `  chain ${name} {`,
  ...(hook === undefined ? [] : [`    type filter ${hook}; policy accept;`]),
  ...rules.map(rule => `    ${ruleText(rule)}`),
  '  }',
];

const ruleText = ({ match, counter, action }: Rule): string =>
  [match, ...(counter === undefined ? [action] : [`counter name ${counter}`, COUNTERS[counter][0]])]
    .filter(word => word !== '')
    .join(' ');
