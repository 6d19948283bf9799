/** `enaga-sensor silence` as an operator meets it: what it leaves behind, what it refuses, and what it says then. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePrefix } from '../../common/record/address.ts';
import { disjoint, formatPrefix, parseService, wrongPlan } from '../../sensor/silence/plan.ts';
import { refuseLockOut } from '../../sensor/silence/silence.ts';
import { root } from '../support/enaga.ts';
import { BOX_INTERFACE, Network, OWN, whyNot } from './network.ts';

const run = (args: string[], { command = [process.execPath], env = {} }: { command?: string[]; env?: object } = {}) => {
  const [tool, ...before] = command;
  const program = path.join(root, 'sensor/main.ts');
  const { status, stdout, stderr } = spawnSync(tool!, [...before, program, 'silence', ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
};
const install = (wiring: string, ...more: string[]) => [
  'install',
  '--interface',
  BOX_INTERFACE,
  '--wiring',
  wiring,
  ...more,
];

describe('without touching the machine', () => {
  it('prints the rules, and what else it would do', () => {
    const { status, stdout } = run(install('on-link', '--network', '192.0.2.0/28', '2001:db8::/127', '--dry-run'));
    expect(status).toBe(0);
    expect(stdout).toContain('# ip route replace local 192.0.2.0/28 dev lo\n');
    expect(stdout).toContain(`# ip address replace 2001:db8::1/128 dev ${BOX_INTERFACE} nodad preferred_lft 0\n`);
    expect(stdout).toContain('elements = { 192.0.2.0/28 }');
    expect(stdout).toMatch(/hook egress device "dark0" priority filter; policy accept;/);
  });

  it.each([
    [['install', '--interface', 'a"b', '--wiring', 'tap'], 'no name of an interface'],
    [install('loop'), 'Allowed choices are tap, routed, on-link, shared'],
    [install('routed'), 'needs the observed networks'],
    [install('routed', '--network', '192.0.2.0/33'), 'is no network'],
    [install('on-link', '--network', '2001:db8::/64'), 'at most 1024 IPv6 addresses'],
    [install('tap', '--service', 'tcp/22'), 'only a shared box has services'],
    [install('shared', '--network', '192.0.2.1', '--service', 'icmp/8'), 'is no service'],
    [['show'], "required option '--interface <name>'"],
  ])('%j is wrong usage', (args, words) => {
    const { status, stdout, stderr } = run(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(words);
  });

  // The folder of the administrator's tools is tried too: only root can have a process see an empty one.
  it.skipIf(process.getuid?.() !== 0)('says which package has nft, where there is none', () => {
    const hide = 'mount -t tmpfs none /usr/sbin && exec "$@"';
    const command = ['unshare', '-m', 'sh', '-c', hide, 'sh', process.execPath];
    const { status, stderr } = run(['show', '--interface', 'lo'], { command, env: { PATH: '/usr/bin:/bin' } });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'enaga-sensor silence: nft is missing: apt-get install nftables\n',
    });
  });
});

describe('what a plan may be', () => {
  const prefixes = (...texts: string[]) => texts.map(parsePrefix);

  it('leaves out networks inside others', () => {
    const kept = disjoint(prefixes('192.0.2.8/29', '192.0.2.0/24', '2001:db8::/32', '2001:db8::1', '192.0.2.0/24'));
    expect(kept.map(formatPrefix)).toEqual(['192.0.2.0/24', '2001:db8::/32']);
  });

  it('reads services', () => {
    expect(parseService('udp/53')).toEqual({ protocol: 'udp', port: 53 });
    expect(parseService('tcp/22@192.0.2.0/24').peers).toEqual(parsePrefix('192.0.2.0/24'));
    for (const text of ['tcp/0', 'tcp/65536', 'sctp/1', 'tcp/22@', 'tcp/22@nowhere'])
      expect(() => parseService(text), text).toThrow(RangeError);
  });

  it('counts the addresses an on-link box must take', () => {
    const plan = { interface: 'eth0', wiring: 'on-link', services: [] } as const;
    expect(wrongPlan({ ...plan, networks: prefixes('192.0.0.0/16', '2001:db8::/118') })).toBeUndefined();
    expect(wrongPlan({ ...plan, networks: prefixes('2001:db8::/118', '2001:db9::/128') })).toContain('1024');
  });
});

it('does not close the door behind who comes by SSH', () => {
  const came = '198.51.100.9 50000 192.0.2.7 22';
  const plan = (...services: string[]) =>
    ({
      interface: 'eth0',
      wiring: 'shared',
      networks: [parsePrefix('192.0.2.7')],
      services: services.map(parseService),
    }) as const;
  for (const services of [[], ['tcp/22@192.0.2.0/24'], ['udp/22'], ['tcp/2222']])
    expect(() => refuseLockOut(plan(...services), came), services.join()).toThrow(/--service tcp\/22@/);
  expect(() => refuseLockOut(plan('tcp/22@198.51.100.0/24'), came)).not.toThrow();
  expect(() => refuseLockOut(plan(), '198.51.100.9 50000 192.0.2.8 22')).not.toThrow(); // by another address
  expect(() => refuseLockOut(plan(), 'fe80::9%eth0 50000 fe80::7%eth0 22')).not.toThrow();
  expect(() => refuseLockOut(plan(), undefined)).not.toThrow();
  expect(() => refuseLockOut({ ...plan(), wiring: 'routed' }, came)).not.toThrow();
});

const reason = whyNot();
describe.skipIf(reason !== undefined)(`on an interface${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  let net: Network;
  beforeAll(() => {
    net = new Network();
    net.box(`ip address add ${OWN.box4}/24 dev ${BOX_INTERFACE}`);
  });
  afterAll(() => net.close());

  /** All that an installation may change. */
  const state = () =>
    [
      'nft -s list ruleset', // without what is counted
      `ip -o address show dev ${BOX_INTERFACE}`,
      'ip route show table local',
      `ip -o link show dev ${BOX_INTERFACE}`,
      `sysctl -a --pattern net.ipv[46].conf.${BOX_INTERFACE}`,
    ].map(command => net.box(command));
  const done = { status: 0, stderr: '' };
  const networks = ['--network', '192.0.2.0/28', '2001:db8:d::/126'];

  it('twice is as once, wirings follow each other, and removal leaves nothing behind', () => {
    net.sysctl(`ipv6/conf/${BOX_INTERFACE}/disable_ipv6=1 ipv4/conf/${BOX_INTERFACE}/arp_ignore=2`);
    net.sysctl(`ipv6/conf/${BOX_INTERFACE}/accept_dad=0`); // else an address is tentative for a second or two
    const before = state();
    expect(net.silence(...install('on-link', ...networks))).toMatchObject(done);
    expect(net.box(`ip -6 address show dev ${BOX_INTERFACE}`)).toContain('2001:db8:d::3/128');
    const once = state();
    expect(net.silence(...install('on-link', ...networks))).toMatchObject(done);
    expect(state()).toEqual(once);
    for (const wiring of ['routed', 'shared'])
      expect(net.silence(...install(wiring, ...networks)), wiring).toMatchObject(done);
    expect(net.box(`ip -6 address show dev ${BOX_INTERFACE}`)).not.toContain('2001:db8:d::');
    expect(net.box('nft list tables')).toBe(`table inet enaga_silence_${BOX_INTERFACE}\n`);
    expect(net.silence('remove', '--interface', BOX_INTERFACE)).toMatchObject(done);
    expect(state()).toEqual(before);
    const again = net.silence('remove', '--interface', BOX_INTERFACE);
    expect(again).toEqual({ ...done, stdout: `${BOX_INTERFACE}: there was no silence to remove\n` });
  });

  it('refuses what would cut the box off, without telling the address', () => {
    for (const wiring of ['tap', 'routed', 'on-link']) {
      const { status, stderr } = net.silence(...install(wiring, '--network', '198.51.100.0/24'));
      expect({ wiring, status }).toEqual({ wiring, status: 1 });
      expect(stderr).toMatch(/^enaga-sensor silence: .* address/);
      expect(stderr).not.toContain('198.51.100');
    }
    expect(net.box('nft list ruleset')).toBe('');
  });

  it('says what is missing: the interface, the silence, the right', () => {
    const absent = net.silence('install', '--interface', 'nowhere0', '--wiring', 'tap');
    expect(absent).toMatchObject({ status: 1, stderr: expect.stringContaining('there is no interface nowhere0') });
    const none = net.silence('show', '--interface', BOX_INTERFACE);
    expect(none).toMatchObject({ status: 1, stderr: expect.stringContaining(`none is installed on ${BOX_INTERFACE}`) });
    const command = ['setpriv', '--reuid=65534', '--clear-groups', '--bounding-set=-all', process.execPath];
    const { status, stderr } = run(['show', '--interface', 'lo'], { command });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'enaga-sensor silence: it changes the network of this machine, which is for root: run it with sudo\n',
    });
  });

  it('shows a table, and removes the silence of an interface that has gone', () => {
    net.box('ip link add gone0 type veth peer name gone1');
    expect(net.silence('install', '--interface', 'gone0', '--wiring', 'tap')).toMatchObject(done);
    expect(net.silence('show', '--interface', 'gone0').stdout).toMatch(
      /^gone0: wiring tap; frames since it was installed:\nkept_off +\d+ {2}dropped /,
    );
    net.box('ip link del gone0');
    expect(net.silence('remove', '--interface', 'gone0')).toMatchObject(done);
    expect(net.box('nft list ruleset')).toBe('');
  });
});
