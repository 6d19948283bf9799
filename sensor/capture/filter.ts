/** What the kernel hands over: packets to the observed networks, and what this machine sends from them. */
import { formatAddress4, formatAddress6, type Prefix } from '../../common/record/address.ts';

/** More would be too long for the kernel's filter (4,096 instructions): then all of IP comes, and decoding tells it apart. */
export const filterNetworksMax = 256;

/**
 * In the language of pcap-filter(7), without its `inbound` and `outbound` where it can be: libpcap runs the filter itself on the
 * first blocks after it is set, and there those match nothing. Loopback has every packet twice, and needs it.
 */
export function filterText(networks: readonly Prefix[], isLoopback: boolean): string {
  const all = networks.length === 0 || networks.length > filterNetworksMax;
  const ofNetworks = (direction: string) =>
    networks.map(network => `${network.family === 4 ? 'ip' : 'ip6'} ${direction}net ${textOf(network)}`).join(' or ');
  if (isLoopback) return `inbound and (${all ? 'ip or ip6' : ofNetworks('dst ')})`;
  return all ? 'ip or ip6' : ofNetworks('');
}

const textOf = ({ family, words, length }: Prefix): string => {
  const address = family === 4 ? formatAddress4(words[0]!) : formatAddress6(words[0]!, words[1]!, words[2]!, words[3]!);
  return `${address}/${length}`;
};
