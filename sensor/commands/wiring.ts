/** What `check --interface` finds of an interface: how packets come to it, and whether anything could answer them. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { observe } from '../../common/packet/observed.ts';
import { type Prefix, parsePrefix } from '../../common/record/address.ts';
import { linkState } from '../capture/device.ts';
import { covers, SilenceError, type Wiring } from '../silence/plan.ts';
import { readSilence } from '../silence/silence.ts';
import { type Link, readLink, readSetting } from '../silence/tools.ts';
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
    const link = readLink(device);
    const found = wiringOf(link, networks.map(parsePrefix));
    return [up, checkAddresses(device, found), ...checkSilence(device, found), ...checkSettings(device, found)];
  } catch (error) {
    if (!(error instanceof SilenceError)) throw error;
    return [up, { check: 'wiring', state: 'warn', text: error.message }];
  }
}

/** By the addresses of an interface; routed and on-link look alike from here. */
function wiringOf(link: Link, networks: readonly Prefix[]): 'tap' | 'shared' | 'routed or on-link' {
  const observed = observe(networks);
  const own = link.addr_info.flatMap(({ local, prefixlen, deprecated }) =>
    local === undefined || (prefixlen === 128 && deprecated === true) ? [] : parsePrefix(local),
  );
  if (observed !== undefined && own.some(address => covers(observed, address))) return 'shared';
  return own.every(({ family, words }) => family === 6 && words[0]! >>> 22 === 0x3fa) ? 'tap' : 'routed or on-link';
}

const MEANING = {
  tap: 'it has no address',
  shared: 'an address of its own is observed: run with --shared-host',
  'routed or on-link': 'it has addresses, of which none is observed',
};

const checkAddresses = (device: string, found: keyof typeof MEANING): Finding => ({
  check: 'wiring',
  state: 'pass',
  text: `${found}: ${device}, ${MEANING[found]}`,
});

function checkSilence(device: string, found: string): Finding[] {
  const check = 'silence';
  const wiring = found === 'routed or on-link' ? 'routed' : found;
  const install = `enaga-sensor silence install --interface ${device} --wiring ${wiring}${wiring === 'tap' ? '' : ' --network ...'}`;
  const mend = `${install} (at every start: systemctl enable enaga-silence@${device})`;
  try {
    const silence = readSilence(device);
    if (silence === undefined)
      return [{ check, state: 'fail', text: 'no rules keep this machine from answering', mend }];
    const fits = found.split(' or ').includes(silence.wiring as Wiring);
    const stopped = silence.counts.stopped?.frames ?? 0;
    const text = `rules for ${silence.wiring} are in place`;
    if (!fits) return [{ check, state: 'warn', text: `${text}, and this looks like ${found}`, mend }];
    if (stopped === 0) return [{ check, state: 'pass', text }];
    const more = `enaga-sensor silence show --interface ${device}`;
    return [{ check, state: 'warn', text: `${text}: they had to stop ${stopped} frames`, mend: more }];
  } catch (error) {
    if (!(error instanceof SilenceError)) throw error;
    return [{ check, state: 'warn', text: 'not known: only root may look at the rules', mend: 'run check with sudo' }];
  }
}

/** What the kernel would do by itself, were the rules gone. */
function checkSettings(device: string, found: string): Finding[] {
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
