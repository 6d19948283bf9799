/**
 * Installs, reads and removes the silence of one interface. All that must be remembered (the wiring, what the settings were
 * before) lies in the kernel beside the rules, as the comment of a counter: it cannot disagree with them, and a reboot
 * forgets both.
 */
import { observe } from '../../common/packet/observed.ts';
import { type Prefix, parsePrefix } from '../../common/record/address.ts';
import { heldText, holderOf, isLinkLocal, ownAddresses } from './own.ts';
import { addresses6, covers, formatPrefix, type Plan, SilenceError, type Wiring } from './plan.ts';
import { COUNTERS, type CounterName, type Counts, NOTE, removalText, rulesText, tableOf } from './rules.ts';
import {
  type Link,
  readLink,
  readLinks,
  readSetting,
  type SettingName,
  type Settings,
  tool,
  tryTool,
  writeSetting,
} from './tools.ts';

/** What stands in the kernel. */
export interface Silence {
  readonly wiring: Wiring;
  readonly networks: readonly Prefix[];
  readonly counts: Counts;
  /** What the settings were before. */
  readonly before: Settings;
}

const WANTED: Record<Wiring, Settings> = {
  tap: { arp: '0', disable_ipv6: '1' },
  // Answers for the addresses of this very interface only.
  routed: { arp_ignore: '1', proxy_arp: '0', proxy_ndp: '0' },
  'on-link': { arp_ignore: '0', proxy_arp: '0', proxy_ndp: '0', disable_ipv6: '0', keep_addr_on_down: '1' },
  shared: {},
};

const namesOf = (settings: Settings): SettingName[] => Object.keys(settings) as SettingName[];

/** The wiring, then the settings before: `tap arp=1 disable_ipv6=0`. */
const noteText = (wiring: Wiring, before: Settings): string =>
  [wiring, ...namesOf(before).map(name => `${name}=${before[name]}`)].join(' ');

interface Listed {
  table?: { name: string; family: string };
  counter?: { name: string; packets: number; bytes: number; comment?: string };
  set?: { elem?: (string | { prefix: { addr: string; len: number } })[] };
}

const list = (...what: string[]): Listed[] =>
  (JSON.parse(tool('nft', ['-j', 'list', ...what])) as { nftables: Listed[] }).nftables;

/** Undefined where none is installed. Needs CAP_NET_ADMIN. */
export function readSilence(device: string): Silence | undefined {
  const family = list('tables').find(({ table }) => table?.name === tableOf(device))?.table?.family;
  if (family === undefined) return undefined;
  const listed = list('table', family, tableOf(device));
  const counters = listed.flatMap(({ counter }) => counter ?? []);
  const [wiring, ...settings] = (counters.find(({ name }) => name === NOTE)?.comment ?? '').split(' ');
  if (!Object.hasOwn(WANTED, wiring!)) throw new SilenceError(`the table ${tableOf(device)} is not of this program`);
  return {
    wiring: wiring as Wiring,
    networks: listed.flatMap(({ set }) =>
      (set?.elem ?? []).map(one => parsePrefix(typeof one === 'string' ? one : `${one.prefix.addr}/${one.prefix.len}`)),
    ),
    counts: Object.fromEntries(
      counters
        .filter(({ name }) => Object.hasOwn(COUNTERS, name))
        .map(({ name, packets, bytes }) => [name as CounterName, { frames: packets, bytes }]),
    ),
    before: Object.fromEntries(settings.map(one => one.split('='))) as Settings,
  };
}

/** Rules first, then what they guard; done twice it changes nothing, and the counters go on. @throws SilenceError */
export function installSilence(plan: Plan): void {
  const { interface: device, wiring, networks } = plan;
  refuseOwnAddresses(plan, readLinks(), readLink(device));
  refuseLockOut(plan, process.env.SSH_CONNECTION);
  if (wiring === 'on-link' && networks.some(({ family }) => family === 4) && readSetting('all', 'arp_ignore') !== '0')
    throw new SilenceError(
      'on-link answers no ARP while a setting forbids it: sysctl -w net.ipv4.conf.all.arp_ignore=0',
    );
  const existing = readSilence(device);
  const wanted = Object.fromEntries(
    Object.entries(WANTED[wiring]).filter(([name]) => readSetting(device, name as SettingName) !== undefined),
  ) as Settings;
  const before: Settings = {};
  for (const name of namesOf(wanted)) before[name] = existing?.before[name] ?? readSetting(device, name)!;
  const kept = existing?.wiring === wiring ? existing.counts : {};
  if (existing?.wiring === 'on-link') {
    const still = new Set(wiring === 'on-link' ? networks.map(formatPrefix) : []);
    giveBack(
      device,
      existing.networks.filter(network => !still.has(formatPrefix(network))),
    );
  }
  const rules = rulesText(plan, noteText(wiring, before), kept);
  load(rules);
  for (const name of namesOf(existing?.before ?? {}))
    if (wanted[name] === undefined) writeSetting(device, name, existing!.before[name]!);
  for (const name of namesOf(wanted)) writeSetting(device, name, wanted[name]!);
  // What the kernel had to say of its own until its IPv6 was off is nobody's doing: loaded again, the counters are as they were.
  if (wiring === 'tap' && existing === undefined) load(rules);
  if (wiring === 'on-link') take(device, networks);
}

function load(text: string): void {
  const loaded = tryTool('nft', ['-f', '-'], text);
  if (loaded.ok) return;
  throw new SilenceError(
    `the kernel takes no such rules: ${loaded.why} (rules at egress need Linux 5.16 or later, as Debian 12 has)`,
  );
}

/** False where there was nothing to remove. The addresses go before the rules that guard them. */
export function removeSilence(device: string): boolean {
  const existing = readSilence(device);
  if (existing === undefined) return false;
  const present = readLinks().some(({ ifname }) => ifname === device);
  if (existing.wiring === 'on-link') giveBack(device, existing.networks);
  tool('nft', ['-f', '-'], `${removalText(device)}\n`);
  if (present) for (const name of namesOf(existing.before)) writeSetting(device, name, existing.before[name]!);
  return true;
}

/** What else is done, for `--dry-run` to say. */
export function stepsText({ interface: device, wiring, networks }: Plan): string[] {
  const settings = Object.entries(WANTED[wiring]).map(([name, value]) => `# set ${name} of ${device} to ${value}`);
  return wiring === 'on-link' ? [...settings, ...takeLines(device, networks).map(line => `# ip ${line}`)] : settings;
}

/**
 * How an on-link box answers for what it observes: a local route makes the kernel answer ARP for a whole IPv4 network. Of
 * IPv6 it answers for single addresses only; they are deprecated, so that the box takes none of them as its source.
 */
const takeLines = (device: string, networks: readonly Prefix[]): string[] => [
  ...networks
    .filter(({ family }) => family === 4)
    .map(network => `route replace local ${formatPrefix(network)} dev lo`),
  ...addresses6(networks).map(address => `address replace ${address}/128 dev ${device} nodad preferred_lft 0`),
];

const giveBackLines = (device: string, networks: readonly Prefix[]): string[] => [
  ...networks.filter(({ family }) => family === 4).map(network => `route del local ${formatPrefix(network)} dev lo`),
  ...addresses6(networks).map(address => `address del ${address}/128 dev ${device}`),
];

const take = (device: string, networks: readonly Prefix[]): void =>
  void tool('ip', ['-batch', '-'], takeLines(device, networks).join('\n'));

/** What is already gone is no failure. */
const giveBack = (device: string, networks: readonly Prefix[]): void =>
  void tryTool('ip', ['-force', '-batch', '-'], giveBackLines(device, networks).join('\n'));

/** A box that must not use an address of its own any more would be cut off; a tap has none. */
function refuseOwnAddresses({ wiring, networks }: Plan, links: readonly Link[], link: Link): void {
  if (wiring === 'tap' && !ownAddresses(link, networks).every(isLinkLocal))
    throw new SilenceError(
      `${link.ifname} has an address, and a tap lets nothing out: take an interface without one, or another wiring`,
    );
  const holder = wiring === 'tap' || wiring === 'shared' ? undefined : holderOf(links, networks);
  if (holder === undefined) return;
  throw new SilenceError(
    `${heldText(holder)}, which could not be used any more: leave it out of --network, or use --wiring shared`,
  );
}

/** Who installs this through SSH would close the door behind them. `SSH_CONNECTION`: client, its port, server, its port. */
export function refuseLockOut({ wiring, networks, services }: Plan, connection: string | undefined): void {
  const [client, , server, port] = (connection ?? '').split(' ');
  const observed = observe(networks);
  if (wiring !== 'shared' || client === undefined || server === undefined || observed === undefined) return;
  if (!covers(observed, withoutZone(server))) return;
  const open = services.some(
    one =>
      one.protocol === 'tcp' &&
      one.port === Number(port) &&
      (one.peers === undefined || covers(observe([one.peers])!, withoutZone(client))),
  );
  if (open) return;
  throw new SilenceError(
    `this would end the SSH connection you came by: declare it, like --service tcp/${port}@NETWORK-YOU-COME-FROM`,
  );
}

/** Link-local addresses come as `fe80::1%eth0`. */
const withoutZone = (address: string): Prefix => parsePrefix(address.split('%')[0]!);
