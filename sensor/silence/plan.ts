/**
 * What silence is wanted: an interface, its wiring (sensor/DESIGN.md, "Four wirings"; `shared`: the box's own address is
 * observed), the observed networks and the services the box declares. Everything here is checked before anything is changed.
 */
import { type Observed, observe, observes4, observes6 } from '../../common/packet/observed.ts';
import { formatAddress4, formatAddress6, type Prefix, parsePrefix } from '../../common/record/address.ts';

export const WIRINGS = ['tap', 'routed', 'on-link', 'shared'] as const;
export type Wiring = (typeof WIRINGS)[number];

/** What a shared box answers: `tcp/22`, for all or for one network of peers. */
export interface Service {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly peers?: Prefix;
}

export interface Plan {
  readonly interface: string;
  readonly wiring: Wiring;
  /** None inside another. */
  readonly networks: readonly Prefix[];
  readonly services: readonly Service[];
}

/** What cannot be done, in words for the operator. They end in the journal: no observed address in them. */
export class SilenceError extends Error {}

/** It is for root. */
export class NoRight extends SilenceError {}

export class MissingTool extends SilenceError {
  readonly tool: string;
  readonly mend: string;

  constructor(tool: string, mend: string) {
    super(`${tool} is missing: ${mend}`);
    this.tool = tool;
    this.mend = mend;
  }
}

export const networksMax = 256;
export const servicesMax = 64;
/** IPv6 addresses an on-link box takes, each by itself: neighbour discovery, unlike ARP, is answered for no range. */
export const addresses6Max = 1024;
const interfaceNameLengthMax = 15; // IFNAMSIZ less the final zero

/** The names the kernel allows, less those that would need quotes in a rule or a path. */
export const isInterfaceName = (name: string): boolean =>
  name.length <= interfaceNameLengthMax && /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(name);

/** Throws `RangeError`. */
export function parseService(text: string): Service {
  const [, protocol, digits, peers] = /^(tcp|udp)\/(\d{1,5})(?:@(.+))?$/.exec(text) ?? [];
  const port = Number(digits);
  if (protocol === undefined || port < 1 || port > 65_535)
    throw new RangeError(`'${text}' is no service: write it like tcp/22@192.0.2.0/24, or udp/53 for all`);
  return {
    protocol: protocol as 'tcp' | 'udp',
    port,
    ...(peers !== undefined && { peers: parsePrefix(peers) }),
  };
}

export const formatPrefix = ({ family, words, length }: Prefix): string => {
  const address = family === 4 ? formatAddress4(words[0]!) : formatAddress6(words[0]!, words[1]!, words[2]!, words[3]!);
  return `${address}/${length}`;
};

export function covers(observed: Observed, { family, words }: Prefix): boolean {
  if (family === 4) return observes4(observed, words[0]!);
  return observes6(observed, words[0]!, words[1]!, words[2]!, words[3]!);
}

/** Without those inside others: nftables refuses ranges that overlap. */
export function disjoint(networks: readonly Prefix[]): Prefix[] {
  const kept: Prefix[] = [];
  for (const network of networks.toSorted((a, b) => a.length - b.length)) {
    const before = observe(kept);
    if (before === undefined || !covers(before, network)) kept.push(network);
  }
  return kept;
}

/** Why a plan makes no sense, whatever the machine; undefined if it does. */
export function wrongPlan({ wiring, networks, services }: Plan): string | undefined {
  if (wiring !== 'tap' && networks.length === 0) return `${wiring} needs the observed networks: --network 192.0.2.0/24`;
  if (networks.length > networksMax) return `more than ${networksMax} networks: join them to larger ones`;
  if (wiring !== 'shared' && services.length > 0) return 'only a shared box has services: --wiring shared';
  if (services.length > servicesMax) return `more than ${servicesMax} services`;
  if (wiring === 'on-link' && addresses6Count(networks) > addresses6Max)
    return (
      `on-link takes at most ${addresses6Max} IPv6 addresses (a /118): have a larger network routed to this box, ` +
      'and use --wiring routed'
    );
  return undefined;
}

const addresses6Count = (networks: readonly Prefix[]): number =>
  networks.reduce((sum, { family, length }) => sum + (family === 6 ? 2 ** (128 - length) : 0), 0);

/** Every IPv6 address of the networks, which `wrongPlan` has bounded. */
export function addresses6(networks: readonly Prefix[]): string[] {
  return networks
    .filter(({ family }) => family === 6)
    .flatMap(({ words, length }) =>
      Array.from({ length: 2 ** (128 - length) }, (_, i) =>
        formatAddress6(words[0]!, words[1]!, words[2]!, (words[3]! | i) >>> 0),
      ),
    );
}
