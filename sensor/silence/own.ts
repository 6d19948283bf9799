/** The box's own addresses, and whether an observed network holds one of them: what `install` refuses, and `check` tells before. */
import { type Observed, observe } from '../../common/packet/observed.ts';
import { type Prefix, parsePrefix } from '../../common/record/address.ts';
import { covers } from './plan.ts';
import type { Link } from './tools.ts';

/** Of one interface, without those that on-link took for the networks: they are deprecated. */
export const ownAddresses = ({ addr_info }: Link, networks: readonly Prefix[]): Prefix[] => {
  const observed = observe(networks);
  return addr_info.flatMap(({ local, prefixlen, deprecated }) => {
    if (local === undefined) return [];
    const address = parsePrefix(local);
    return prefixlen === 128 && deprecated === true && isIn(observed, address) ? [] : [address];
  });
};

/** The first interface with an own address in a network, whichever packets come by; undefined: there is none. */
export const holderOf = (links: readonly Link[], networks: readonly Prefix[]): Link | undefined => {
  const observed = observe(networks);
  return links.find(link => ownAddresses(link, networks).some(address => isIn(observed, address)));
};

const isIn = (observed: Observed | undefined, address: Prefix): boolean =>
  observed !== undefined && covers(observed, address);

/** In words that name no address. */
export const heldText = ({ ifname }: Link): string => `an observed network holds an address of this box (on ${ifname})`;

export const isLinkLocal = ({ family, words }: Prefix): boolean => family === 6 && words[0]! >>> 22 === 0xfe80 >>> 6;
