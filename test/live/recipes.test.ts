/**
 * What deploy/README.md tells an operator to write, run as it stands there from the sources, in namespaces: the silence of each
 * wiring and the options of its sensor. What is probed is recorded, and not answered.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { root } from '../support/enaga.ts';
import { FakeCollector } from '../support/fake-collector.ts';
import { startSensor } from '../support/sensor.ts';
import { countOf, LIGHT4, LiveNetwork, whyNot } from './network.ts';
import { Outpost, SENSOR } from './support.ts';

const why = whyNot('hping3', 'nft', 'tcpdump');
if (why !== undefined) console.warn(`test/live: ${why}`);

const readme = fs.readFileSync(path.join(root, 'deploy/README.md'), 'utf8');
const linesOf = (setting: string) =>
  [...readme.matchAll(new RegExp(`^ {4,}${setting}="?([^"\\n]*)"?$`, 'gm'))].map(([, value]) => value!);
const silenceOf = (wiring: string) => linesOf('SILENCE').find(line => line.startsWith(`--wiring ${wiring}`))!;
const optionsOf = (device: string) => linesOf('ENAGA_SENSOR_OPTIONS').find(line => line.includes(device))!;

/** The dark side's interface is called as the README calls it; the sensor is enrolled with a collector that is gone. */
async function box(device: string, networks: readonly string[]): Promise<{ network: LiveNetwork; outpost: Outpost }> {
  const network = new LiveNetwork();
  onTestFinished(() => network.close());
  network.exec('dark', 'ip link set dark down');
  network.exec('dark', `ip link set dark name ${device}`);
  network.exec('dark', `ip link set ${device} up`);
  const collector = await new FakeCollector().start();
  collector.networks = [...networks];
  const outpost = new Outpost(network);
  const enrol = ['enrol', '--collector', collector.url, '--token', 'good', '--state', outpost.state];
  expect((await startSensor(enrol).outcome).code).toBe(0);
  await collector.stop();
  return { network, outpost };
}

/** Follows the recipe, probes, and gives the sensor's status and what came back from the observed addresses. */
async function follow(
  { network, outpost }: { network: LiveNetwork; outpost: Outpost },
  device: string,
  wiring: string,
  probe: () => void,
) {
  await network.run(SENSOR, ['silence', 'install', '--interface', device, ...silenceOf(wiring).split(' ')]);
  const sensor = network.node(SENSOR, ['run', ...optionsOf(device).split(' '), '--state', outpost.state]);
  await sensor.said('watching');
  const light = await network.capture('light');
  probe();
  await sleep(1000);
  const answers = await light.stop();
  const check = network.node(SENSOR, ['check', '--json', '--interface', device, '--state', outpost.state]);
  const findings: { check: string; state: string; text: string }[] = JSON.parse((await check.outcome).stdout);
  await outpost.end(sensor);
  const failed = findings.filter(one => one.state === 'fail' && one.check !== 'collector');
  const silence = findings.find(one => one.check === 'silence')?.text;
  return { status: await outpost.status(), failed, silence, answersOf: (filter: string) => countOf(answers, filter) };
}

describe.skipIf(why !== undefined)('deploy/README.md', { timeout: 60_000 }, () => {
  it('routed: records what is routed to the box, and answers nothing', async () => {
    const made = await box('eth1', ['192.0.2.16/28']);
    const { network } = made;
    network.exec('dark', 'ip address add 10.255.255.2/24 dev eth1');
    const { status, failed, silence, answersOf } = await follow(made, 'eth1', 'routed', () => {
      network.scan('hping3 -q -i u1000 -S -p 23 -c 20 192.0.2.20');
      network.scan('hping3 -q -i u1000 --icmp -c 5 192.0.2.21');
    });
    expect(failed).toEqual([]);
    expect(silence).toBe('rules for routed are in place');
    expect(status).toMatchObject({ recorded: 25, kernelDrops: 0 });
    expect(answersOf('src net 192.0.2.0/24 or icmp')).toBe(0);
  });

  it('on-link: gets packets by answering ARP, and answers nothing else', async () => {
    const made = await box('eth1', ['192.0.2.16/28']);
    const { network } = made;
    network.exec('dark', 'ip address add 192.0.2.3/24 dev eth1');
    network.exec('light', 'ip route del 192.0.2.0/24');
    network.exec('light', 'ip address add 192.0.2.2/24 dev out');
    const { status, failed, silence, answersOf } = await follow(made, 'eth1', 'on-link', () => {
      network.scan('hping3 -q -a 192.0.2.2 -i u1000 -S -p 23 -c 20 192.0.2.20');
      network.scan('hping3 -q -a 192.0.2.2 -i u1000 --udp -p 53 -c 5 192.0.2.30');
    });
    expect(failed).toEqual([]);
    expect(silence).toBe('rules for on-link are in place');
    expect(status).toMatchObject({ recorded: 25, kernelDrops: 0 });
    expect(answersOf('arp[6:2] == 2 and arp src net 192.0.2.16/28')).toBeGreaterThanOrEqual(2);
    expect(answersOf('ip and src net 192.0.2.16/28')).toBe(0);
    expect(answersOf('icmp')).toBe(0);
  });

  it('on a box with one address: serves whom it is told to serve, and is silent to all others', async () => {
    const made = await box('eth0', ['192.0.2.7/32']);
    const { network } = made;
    network.exec('dark', 'ip address add 192.0.2.7/32 dev eth0');
    for (const peer of [`${LIGHT4}/32`, '198.51.100.5/32'])
      network.exec('dark', `ip route add ${peer} dev eth0 src 192.0.2.7`);
    network.exec('light', 'ip address add 198.51.100.5/32 dev out');
    const listen = "require('net').createServer(one => one.end()).listen(22, () => console.log('listens'))";
    await network.start('dark', [process.execPath, '-e', listen]).said('listens');
    const connect =
      "require('net').connect({host:'192.0.2.7',port:22,localAddress:'198.51.100.5'},()=>process.exit(0)).on('error',()=>process.exit(1))";
    let served: Promise<number | null> | undefined;
    const { status, failed, answersOf } = await follow(made, 'eth0', 'shared', () => {
      served = network.start('light', [process.execPath, '-e', connect]).outcome.then(({ code }) => code);
      network.scan('hping3 -q -i u1000 -S -p 22 -c 10 192.0.2.7');
      network.scan('hping3 -q -i u1000 -S -p 80 -c 10 192.0.2.7');
      network.scan('hping3 -q -i u1000 --icmp -c 5 192.0.2.7');
    });
    expect(await served, 'from the network that manages it').toBe(0);
    expect(failed).toEqual([]);
    expect(status).toMatchObject({ recorded: 25, kernelDrops: 0 });
    expect(status.skipped.managed).toBeGreaterThan(0);
    expect(answersOf(`ip and src 192.0.2.7 and dst ${LIGHT4}`)).toBe(0);
  });
});
