/** Interfaces that go down, go away and come back; a host whose own address is observed; and what cannot be watched. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { has, LIGHT4, LiveNetwork, whyNot } from './network.ts';
import { type Outpost, outpost, type Status } from './support.ts';

const why = whyNot('hping3', 'setpriv');
if (why !== undefined) console.warn(`test/live: ${why}`);

const isUnwatched = ({ alarms }: Status) => alarms.join().includes('not everything is watched');

describe.skipIf(why !== undefined)('interfaces', () => {
  let network: LiveNetwork;
  let dark: Outpost;
  beforeAll(async () => {
    network = new LiveNetwork();
    dark = await outpost(network, ['192.0.2.0/24']);
  });
  afterAll(() => network?.close());

  const probe = (count: number) => network.scan(`hping3 -q -i u1000 -S -p 23 -c ${count} 192.0.2.9`);

  it('are watched again after they were down, for a moment or longer, or gone', async () => {
    const sensor = await dark.watch();
    probe(10);
    // Too short to be noticed by a look each second; libuv hears of it, and then of nothing any more.
    network.exec('dark', 'ip link set dark down');
    network.exec('dark', 'ip link set dark up');
    await sleep(300);
    probe(20);
    network.exec('dark', 'ip link set dark down');
    const down = await dark.statusWhen(isUnwatched);
    expect(down.healthy).toBe(false);
    expect(down.alarms).toContain('not everything is watched: dark is down');
    network.exec('dark', 'ip link set dark up');
    await dark.statusWhen(status => !isUnwatched(status));
    probe(30);
    network.exec('dark', 'ip link del dark');
    const gone = await dark.statusWhen(isUnwatched);
    expect(gone.alarms).toContain('not everything is watched: dark is not there');
    network.cable();
    await dark.statusWhen(status => !isUnwatched(status));
    probe(40);
    const back = await dark.statusWhen(({ recorded }) => recorded === 100);
    expect(back).toMatchObject({ seen: 100, recorded: 100, kernelDrops: 0, skipped: {} });
    expect(isUnwatched(back)).toBe(false);
    await dark.end(sensor);
    expect(await dark.status()).toMatchObject({ seen: 100, open: 0, spooled: { records: 100 }, interrupted: 0 });
  });

  it.skipIf(!has('nft'))('are looked at by check: how packets come, and whether anything answers', async () => {
    const check = async () => {
      const args = ['check', '--json', '--interface', 'dark', '--state', dark.state];
      const { stdout } = await network.node('sensor/main.ts', args).outcome;
      const findings: { check: string; state: string; text: string }[] = JSON.parse(stdout);
      return Object.fromEntries(findings.map(({ check: name, state, text }) => [name, `${state}: ${text}`]));
    };
    expect(await check()).toMatchObject({
      interface: 'pass: dark is up',
      wiring: 'pass: tap: dark, it has no address',
      silence: 'fail: no rules keep this machine from answering',
      arp: 'warn: ARP is on',
    });
    await network.run('sensor/main.ts', ['silence', 'install', '--interface', 'dark', '--wiring', 'tap']);
    expect(await check()).toMatchObject({
      silence: 'pass: rules for tap are in place',
      arp: 'pass: ARP is off',
      ipv6: 'pass: IPv6 is off',
    });
    await network.run('sensor/main.ts', ['silence', 'remove', '--interface', 'dark']);
  });

  it('that are not there are no interfaces to watch, and no packet is seen twice', async () => {
    const run = async (...args: string[]) => {
      const { code, stderr } = await network.node('sensor/main.ts', ['run', '--state', dark.state, ...args]).outcome;
      return { code, stderr: stderr.split('\n').find(line => !line.startsWith('enaga-sensor: ')) }; // but for what it says of the collector
    };
    expect(await run('--interface', 'nowhere')).toEqual({
      code: 1,
      stderr: 'enaga-sensor run: there is no interface nowhere (enaga-sensor interfaces)',
    });
    const wrong = { code: 2, stderr: expect.stringContaining('error: ') };
    expect(await run()).toEqual(wrong);
    expect(await run('--interface', 'dark', '--read', '-')).toEqual(wrong);
    expect(await run('--interface', 'any')).toEqual(wrong);
    expect(await run('--interface', 'dark', '--once')).toEqual(wrong);
    expect(await run('--read', '-', '--shared-host')).toEqual(wrong);
  });
});

describe.skipIf(why !== undefined)('a host whose own address is observed', () => {
  let network: LiveNetwork;
  afterAll(() => network?.close());

  it('skips what answers it and what its services get, and records the rest', async () => {
    network = new LiveNetwork();
    network.exec('dark', 'ip address add 192.0.2.7/32 dev dark');
    network.exec('dark', `ip route add ${LIGHT4}/32 dev dark src 192.0.2.7`);
    const host = await outpost(network, ['192.0.2.7/32']);
    const sensor = await host.watch('--shared-host', '--service', `tcp/22@${LIGHT4}/32`);
    network.scan(`hping3 -q -i u50000 --icmp -c 4 ${LIGHT4}`, 'dark');
    network.scan('hping3 -q -i u1000 -S -p 22 -c 5 192.0.2.7');
    network.scan('hping3 -q -i u1000 -S -p 23 -c 20 192.0.2.7');
    network.scan('hping3 -q -i u1000 --icmp -c 6 192.0.2.7');
    const status = await host.statusWhen(({ recorded }) => recorded >= 26);
    await host.end(sensor);
    expect(status.recorded).toBe(26);
    expect(status.skipped).toMatchObject({ solicited: 4, managed: 5 });
    // Four questions, and its kernel's answers: 5 + 20 resets, 6 echoes; ARP is none of the networks' packets.
    expect(status.skipped.sent).toBe(35);
    expect(status.seen).toBe(26 + 4 + 5 + 35);
  });
});

it.skipIf(why !== undefined)('says what it lacks to capture', async () => {
  const nobody = 65_534;
  const network = new LiveNetwork();
  try {
    const dark = await outpost(network, ['192.0.2.0/24']);
    network.exec('dark', `chown -R ${nobody} ${network.folder}`);
    const command = ['setpriv', '--reuid', String(nobody), '--clear-groups', process.execPath];
    const args = [path.resolve('sensor/main.ts'), 'run', '--interface', 'dark', '--state', dark.state];
    const { code, stderr } = await network.start('dark', [...command, ...args]).outcome;
    expect(code).toBe(1);
    expect(stderr).toContain('CAP_NET_RAW');
  } finally {
    network.close();
  }
});
