/** The interfaces a sensor could listen on, as libpcap sees them. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Address, Device } from 'pcap';
import type { Pcap } from './device.ts';

export interface Interface {
  name: string;
  /** libpcap's words; most interfaces have none. */
  description?: string;
  loopback: boolean;
  addresses: { address: string; prefixLength: number }[];
}

/**
 * libpcap's order: the one it would take itself comes first. libpcap also offers D-Bus, Bluetooth and netfilter's queues,
 * which carry no packets a sensor counts, and `any`, which would show packets twice: on Linux only what the kernel calls a network
 * interface is listed.
 *
 * @throws when the binding does not load, or libpcap may not look.
 */
export function listInterfaces(): Interface[] {
  const { findalldevs } = loadPcap();
  return findalldevs().filter(isNetworkInterface).map(toInterface);
}

/** Throws when the binding does not load. */
export function loadPcap(): Pcap {
  try {
    return createRequire(import.meta.url)('pcap/build/Release/pcap_binding.node');
  } catch (error) {
    const advice = 'it must be built for the Node that runs it, which `npm run enaga-sensor` sees to';
    throw new Error(`the libpcap binding does not load under Node ${process.versions.node}: ${advice}`, {
      cause: error,
    });
  }
}

const isNetworkInterface = ({ name }: Device) => process.platform !== 'linux' || existsSync(`/sys/class/net/${name}`);

const toInterface = ({ name, description, flags, addresses = [] }: Device): Interface => ({
  name,
  ...(description ? { description } : {}),
  loopback: flags === 'PCAP_IF_LOOPBACK',
  // The binding leaves a hole where an interface has a link-layer address; flatMap skips holes.
  addresses: addresses.flatMap(toAddress),
});

const toAddress = ({ addr, netmask }: Address) => ({ address: addr, prefixLength: prefixLength(netmask, addr) });

/** One bits of a netmask as text; an interface without one (a tunnel's end) is a network of one address. */
function prefixLength(netmask: string | undefined, address: string): number {
  const isV6 = address.includes(':');
  if (!netmask) return isV6 ? 128 : 32;
  const groups = netmask.split(isV6 ? ':' : '.').filter(group => group !== '');
  return groups.reduce((bits, group) => bits + oneBits(Number.parseInt(group, isV6 ? 16 : 10)), 0);
}

const oneBits = (value: number) => value.toString(2).replaceAll('0', '').length;

/** A table for people: one line an address, names only where they change. */
export function formatInterfaces(interfaces: readonly Interface[]): string {
  const width = Math.max(...interfaces.map(({ name }) => name.length));
  const lines = interfaces.flatMap(({ name, description, loopback, addresses }) => {
    const note = description ?? (loopback ? 'loopback' : 'no address');
    const facts = addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
    if (facts.length === 0 || loopback) facts.push(note);
    return facts.map((fact, index) => `${(index === 0 ? name : '').padEnd(width)}  ${fact}`);
  });
  return `${lines.join('\n')}\n`;
}
