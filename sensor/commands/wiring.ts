/** What `check --interface` finds of an interface: how packets come to it, and whether anything could answer them. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { type Prefix, parsePrefix } from '../../common/record/address.ts';
import { linkState } from '../capture/device.ts';
import { heldText, holderOf, isLinkLocal, ownAddresses } from '../silence/own.ts';
import { disjoint, formatPrefix, MissingTool, NoRight, SilenceError, type Wiring } from '../silence/plan.ts';
import { readSilence, type Silence } from '../silence/silence.ts';
import { type Link, readLink, readLinks, readSetting } from '../silence/tools.ts';
import type { Finding } from './check.ts';

export function checkWiring(device: string, networks: readonly string[]): Finding[] {
  const state = linkState(device);
  const check = 'interface';
  if (state === undefined)
    return [{ check, state: 'fail', text: `there is no ${device}`, mend: 'enaga-sensor interfaces lists them' }];
  const up: Finding = state.up
    ? { check, state: 'pass', text: `${device} is up` }
    : { check, state: 'fail', text: `${device} is down, or has no carrier`, mend: `ip link set ${device} up` };
  try {
    const box = lookAt(device, disjoint(networks.map(parsePrefix)));
    return [up, checkAddresses(box), checkSilence(box), ...checkSettings(box)];
  } catch (error) {
    if (!(error instanceof SilenceError)) throw error;
    return [up, { check: 'wiring', state: 'warn', text: error.message }];
  }
}

interface Box {
  readonly device: string;
  readonly networks: readonly Prefix[];
  /** Undefined: none is installed; a finding: nobody can say. */
  readonly silence: Silence | Finding | undefined;
  /** By the addresses of the box; routed and on-link look alike from here. */
  readonly found: 'tap' | 'shared' | 'routed or on-link';
  /** Has an address that is observed, and is not this interface, nor of a box that is known to be shared. */
  readonly holder: Link | undefined;
}

/** @throws SilenceError */
function lookAt(device: string, networks: readonly Prefix[]): Box {
  const link = readLink(device);
  const silence = silenceOf(device);
  const holder = holderOf([link, ...readLinks()], networks);
  const isShared = isKnown(silence) && silence?.wiring === 'shared';
  if (holder !== undefined && (holder === link || isShared))
    return { device, networks, silence, found: 'shared', holder: undefined };
  const found = ownAddresses(link, networks).every(isLinkLocal) ? 'tap' : 'routed or on-link';
  return { device, networks, silence, found, holder };
}

function silenceOf(device: string): Box['silence'] {
  try {
    return readSilence(device);
  } catch (error) {
    if (!(error instanceof SilenceError)) throw error;
    const notKnown = { check: 'silence', state: 'warn', text: `not known: ${error.message}` } as const;
    if (error instanceof MissingTool)
      return { ...notKnown, text: `not known: ${error.tool} is missing`, mend: error.mend };
    if (!(error instanceof NoRight)) return notKnown;
    return { ...notKnown, text: 'not known: only root may look at the rules', mend: 'run check with sudo' };
  }
}

const isKnown = (silence: Box['silence']): silence is Silence | undefined =>
  silence === undefined || 'wiring' in silence;

const MEANING = {
  tap: 'it has no address',
  shared: 'an address of its own is observed: run with --shared-host',
  'routed or on-link': 'no observed network holds an address of this box',
};

/** Of a tap it is a warning: its silence can be had, but what the box itself sends and gets may come by it, and would be counted. */
function checkAddresses({ device, found, holder, silence }: Box): Finding {
  const check = 'wiring';
  if (holder === undefined) return { check, state: 'pass', text: `${found}: ${device}, ${MEANING[found]}` };
  const state = found === 'tap' || !isKnown(silence) ? 'warn' : 'fail';
  const mend =
    'have it left out of the networks (at the collector: enaga sensor change NAME --network), take it from this box, ' +
    'or run with --shared-host';
  return { check, state, text: `${found}: ${device}, and ${heldText(holder)}`, mend };
}

/** To be pasted. What a shared box answers nobody knows here, and without it who came by SSH is shut out: it is to be filled in. */
function installLine({ device, networks }: Box, wiring: Wiring): string {
  const named = wiring === 'tap' ? '' : networks.map(network => ` --network ${formatPrefix(network)}`).join('');
  const services = wiring === 'shared' ? ' --service tcp/22@NETWORK-YOU-COME-FROM' : '';
  return `enaga-sensor silence install --interface ${device} --wiring ${wiring}${named}${services}`;
}

function silenceMend(box: Box): string {
  const { device, found, holder } = box;
  const always = `at every start: SILENCE= in /etc/enaga-sensor/silence/${device}.conf, systemctl enable enaga-silence@${device}`;
  if (found === 'tap') return `${installLine(box, 'tap')}  # ${always}`;
  if (found === 'shared') return `${installLine(box, 'shared')}  # ${always}`;
  if (holder !== undefined)
    return `mend the wiring first; for --shared-host: ${installLine(box, 'shared')}  # ${always}`;
  const other = 'on-link, if the networks lie on its own segment';
  return `${installLine(box, 'routed')}  # or ${other}; ${always}`;
}

function checkSilence(box: Box): Finding {
  const { device, found, silence } = box;
  const check = 'silence';
  if (!isKnown(silence)) return silence;
  const mend = silenceMend(box);
  if (silence === undefined) return { check, state: 'fail', text: 'no rules keep this machine from answering', mend };
  const text = `rules for ${silence.wiring} are in place`;
  if (!found.split(' or ').includes(silence.wiring))
    return { check, state: 'warn', text: `${text}, and this looks like ${found}`, mend };
  const stopped = silence.counts.stopped?.frames ?? 0;
  if (stopped === 0) return { check, state: 'pass', text };
  const more = `enaga-sensor silence show --interface ${device}`;
  return { check, state: 'warn', text: `${text}: they had to stop ${stopped} frames`, mend: more };
}

/** What the kernel would do by itself, were the rules gone. */
function checkSettings({ device, found }: Box): Finding[] {
  const tap = found === 'tap';
  const findings: Finding[] = [];
  const tell = (check: string, good: boolean, text: string, mend: string) =>
    findings.push(good ? { check, state: 'pass', text } : { check, state: 'warn', text, mend });
  if (tap) {
    const arp = readSetting(device, 'arp') === '1';
    tell('arp', !arp, `ARP is ${arp ? 'on' : 'off'}`, `ip link set ${device} arp off`);
    const ipv6 = readSetting(device, 'disable_ipv6') === '0';
    const off = `sysctl -w net.ipv6.conf.${device}.disable_ipv6=1`;
    tell('ipv6', !ipv6, `IPv6 is ${ipv6 ? 'on: the kernel speaks by itself' : 'off'}`, off);
  }
  for (const [family, name] of [
    ['ipv4', 'forwarding'],
    ['ipv6', 'forwarding'],
  ] as const) {
    const file = `/proc/sys/net/${family}/conf/${device}/${name}`;
    if (!fs.existsSync(file)) continue;
    const on = fs.readFileSync(file, 'utf8').trim() !== '0';
    const setting = `net.${family}.conf.${device}.${name}`;
    tell('forwarding', !on, `${family} forwarding is ${on ? 'on' : 'off'}`, `sysctl -w ${setting}=0`);
  }
  return findings;
}

/** Whether something keeps the clock; nothing where systemd does not tell. */
export function checkSynchronised(): Finding[] {
  const { status, stdout } = spawnSync('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
    encoding: 'utf8',
    timeout: 5000,
  });
  if (status !== 0) return [];
  const check = 'ntp';
  if (stdout.trim() === 'yes') return [{ check, state: 'pass', text: 'the clock is synchronised' }];
  return [{ check, state: 'warn', text: 'nothing synchronises the clock', mend: 'timedatectl set-ntp true' }];
}
