/** Check tells beforehand what silence would refuse, and the command it offers is one that silence takes, as it stands. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../support/enaga.ts';
import { LIGHT4, LiveNetwork, whyNot } from './network.ts';
import { type Outpost, outpost, SENSOR } from './support.ts';

const why = whyNot('nft');
if (why !== undefined) console.warn(`test/live: ${why}`);

interface Finding {
  readonly check: string;
  readonly state: string;
  readonly text: string;
  readonly mend?: string;
}

describe.skipIf(why !== undefined)('check --interface', { timeout: 60_000 }, () => {
  let network: LiveNetwork;
  let dark: Outpost;
  beforeAll(async () => {
    network = new LiveNetwork();
    dark = await outpost(network, ['192.0.2.0/24', '2001:db8:d::/48', '192.0.2.128/25']);
    const program = path.join(network.folder, 'enaga-sensor');
    fs.writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${path.join(root, SENSOR)}' "$@"\n`, {
      mode: 0o755,
    });
  });
  afterAll(() => network?.close());
  afterEach(() => {
    for (const device of ['lo', 'dark']) network.exec('dark', `ip address flush dev ${device} scope global`);
    network.exec('dark', 'nft flush ruleset');
  });

  /** The wiring, and the silence; `before`: words before the command. */
  async function check(...before: string[]): Promise<[Finding, Finding]> {
    const args = ['check', '--json', '--interface', 'dark', '--state', dark.state];
    const command = [...before, process.execPath, path.join(root, SENSOR), ...args];
    const findings: Finding[] = JSON.parse((await network.start('dark', command).outcome).stdout);
    return ['wiring', 'silence'].map(name => findings.find(one => one.check === name)!) as [Finding, Finding];
  }

  /** What an operator who pastes this gets. */
  async function paste(line: string) {
    const env = `PATH=${network.folder}:${process.env.PATH}:/usr/sbin:/sbin`;
    const { code, stderr } = await network.start('dark', ['env', env, 'sh', '-c', line]).outcome;
    return { code, stderr };
  }

  it('offers a command with the networks it knows, after which nothing of silence is left to do', async () => {
    network.exec('dark', 'ip address add 10.255.255.2/24 dev dark');
    const [wiring, silence] = await check();
    expect(wiring).toMatchObject({ state: 'pass', text: expect.stringMatching(/^routed or on-link: dark, /) });
    expect(silence).toMatchObject({ state: 'fail' });
    expect(silence.mend).toContain(' --network 192.0.2.0/24 --network 2001:db8:d::/48 ');
    expect(await paste(silence.mend!)).toEqual({ code: 0, stderr: '' });
    expect((await check())[1]).toMatchObject({ state: 'pass', text: 'rules for routed are in place' });
  });

  it('fails where another interface has an observed address, as silence refuses there, until the box is a shared one', async () => {
    network.exec('dark', 'ip address add 10.255.255.2/24 dev dark');
    network.exec('dark', 'ip address add 192.0.2.2/32 dev lo');
    const [wiring, silence] = await check();
    expect(wiring).toMatchObject({ state: 'fail', mend: expect.stringContaining('--shared-host') });
    const held = 'an observed network holds an address of this box (on lo)';
    expect(wiring.text).toContain(held);
    const routed = 'enaga-sensor silence install --interface dark --wiring routed --network 192.0.2.0/24';
    expect(await paste(routed)).toMatchObject({ code: 1, stderr: expect.stringContaining(held) });
    expect(JSON.stringify([wiring, silence])).not.toContain('192.0.2.2');

    const shared = silence.mend!.replace(/^.*: (?=enaga-sensor)/, '');
    expect(shared).toContain(' --wiring shared --network 192.0.2.0/24 ');
    // Whom it may answer only the operator knows: as it stands it is refused, and shuts nobody out.
    expect(await paste(shared)).toMatchObject({ code: 2, stderr: expect.stringContaining('NETWORK-YOU-COME-FROM') });
    expect(network.exec('dark', 'nft list tables')).toBe('');
    expect(await paste(shared.replace('NETWORK-YOU-COME-FROM', `${LIGHT4}/24`))).toMatchObject({ code: 0 });
    const [after, installed] = await check();
    expect(after).toMatchObject({ state: 'pass', text: expect.stringMatching(/^shared: dark, .* --shared-host$/) });
    expect(installed).toMatchObject({ state: 'pass', text: 'rules for shared are in place' });
  });

  it('warns of a tap beside such an interface: what the box sends itself would be seen', async () => {
    network.exec('dark', 'ip link add eth0 type veth peer name eth1');
    network.exec('dark', 'ip address add 2001:db8:d::2/64 dev eth0 nodad');
    const [wiring, silence] = await check();
    expect(wiring).toMatchObject({ state: 'warn', text: expect.stringMatching(/^tap: dark, .* \(on eth0\)$/) });
    expect(silence.state).toBe('fail');
    expect(await paste(silence.mend!)).toEqual({ code: 0, stderr: '' });
    network.exec('dark', 'ip link del eth0');
    expect((await check())[0]).toMatchObject({ state: 'pass' });
  });

  it('takes what on-link took for no address of the box', async () => {
    network.exec('dark', 'sysctl -qw net.ipv6.conf.dark.accept_dad=0');
    network.exec('dark', 'ip address add 10.255.255.2/24 dev dark');
    const install = 'enaga-sensor silence install --interface dark --wiring on-link --network 2001:db8:d::/126';
    expect(await paste(install)).toMatchObject({ code: 0 });
    const [wiring, silence] = await check();
    expect(wiring.state).toBe('pass');
    expect(silence).toMatchObject({ state: 'pass', text: 'rules for on-link are in place' });
  });

  it('tells rules that it may not see from a tool that is missing, and what to do', async () => {
    const [, forRoot] = await check('setpriv', '--bounding-set=-all');
    const text = 'not known: only root may look at the rules';
    expect(forRoot).toEqual({ check: 'silence', state: 'warn', text, mend: 'run check with sudo' });
    // Of this command alone: its mounts are its own. Debian has nft there, and ip elsewhere.
    const hidden = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /usr/sbin && exec "$@"', 'sh'];
    const [, missing] = await check(...hidden);
    expect(missing).toMatchObject({
      state: 'warn',
      text: 'not known: nft is missing',
      mend: 'apt-get install nftables',
    });
  });
});
