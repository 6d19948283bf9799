/** The tripwire of silence: what the rules had to stop is in the sensor's status, in its log, and with the collector. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { COUNTERS_FILE, stoppedFrames } from '../../sensor/silence/tripwire.ts';
import { temporary } from '../sensor/support.ts';
import { capture } from '../support/enaga.ts';
import { LIGHT4, LiveNetwork, whyNot } from './network.ts';
import { Outpost, outpost, SENSOR, type Status } from './support.ts';

const why =
  whyNot('hping3', 'nft', 'tcpdump') ?? (fs.existsSync(COUNTERS_FILE) ? 'silence is installed here' : undefined);
if (why !== undefined) console.warn(`test/live: ${why}`);

it('reads the counters that root leaves for it: of its interfaces, of what was stopped, and no old ones', () => {
  const file = path.join(temporary(), 'counters.json');
  const counter = (table: string, name: string, packets: number) => ({
    counter: { family: 'netdev', table, name, packets },
  });
  const nftables = [
    { metainfo: { version: '1.0.6' } },
    counter('enaga_silence_eth1', 'stopped', 3),
    counter('enaga_silence_eth1', 'stopped_arp', 4),
    counter('enaga_silence_eth1', 'kept_off', 100),
    counter('enaga_silence_eth2', 'stopped', 1000),
    counter('filter', 'stopped', 10_000),
  ];
  fs.writeFileSync(file, JSON.stringify({ nftables }));
  expect(stoppedFrames(['eth1'], Date.now(), file)).toBe(7);
  expect(stoppedFrames(['eth1', 'eth2'], Date.now(), file)).toBe(1007);
  expect(stoppedFrames(['eth1'], Date.now() + 3_600_000, file)).not.toBe(7);
});

describe.skipIf(why !== undefined)('a machine that wants to speak where it must not', () => {
  let network: LiveNetwork;
  afterAll(() => network?.close());

  it('is told of in the status, in the log, and by the heartbeat; and nothing leaves', {
    timeout: 60_000,
  }, async () => {
    network = new LiveNetwork();
    const outpost = new Outpost(network);
    await outpost.make(['192.0.2.0/24']);
    await network.run(SENSOR, ['silence', 'install', '--interface', 'dark', '--wiring', 'tap']);
    const light = await network.capture('light');
    const sensor = await outpost.watch();
    expect((await outpost.status()).alarms).toEqual([]);

    network.exec('dark', 'ip address add 10.255.255.9/24 dev dark');
    network.scan(`hping3 -q -i u1000 -S -p 80 -c 5 ${LIGHT4}`, 'dark');
    const told =
      /^the rules of silence had to stop \d+ frames? since .* \(enaga-sensor silence show --interface dark\)$/;
    const { alarms, healthy } = await outpost.statusWhen(status => status.alarms.length > 0);
    expect(alarms).toEqual([expect.stringMatching(told)]);
    expect(healthy).toBe(false);
    expect(Number(/\d+/.exec(alarms[0]!)![0])).toBeGreaterThanOrEqual(5);

    await outpost.end(sensor);
    const anew = await outpost.watch(); // the rules count on: it is said of the same frames
    expect((await outpost.statusWhen(status => status.alarms.length > 0)).alarms).toEqual([
      expect.stringMatching(told),
    ]);
    await outpost.end(anew);
    expect((await sensor.outcome).stderr).toContain(`enaga-sensor: ${alarms[0]!.slice(0, 34)}`);
    const logged = (await outpost.stopServing()).split('\n').filter(line => line.includes('alarms changed'));
    expect(logged.some(line => line.includes('the rules of silence had to stop'))).toBe(true);
    expect(fs.statSync(await light.stop()).size).toBe(24); // the head of a capture without a frame
  });
});

describe.skipIf(why !== undefined)('a packet that left from an observed address', { timeout: 60_000 }, () => {
  let network: LiveNetwork;
  afterAll(() => network?.close());

  it('is told until a live run begins anew, as it says, whatever else is run meanwhile', async () => {
    network = new LiveNetwork();
    const dark = await outpost(network, ['192.0.2.0/24']);
    const told = /^a packet left from an observed address: .* next start of a live run .* ends this/;
    const isTold = ({ alarms }: Status) => alarms.some(text => told.test(text)); // that the collector is gone is told too
    const sensor = await dark.watch();
    network.exec('dark', 'ip address add 192.0.2.2/24 dev dark');
    network.exec('dark', 'ip neighbour add 192.0.2.99 lladdr 02:00:00:00:00:09 dev dark nud permanent');
    expect(isTold(await dark.status())).toBe(false);
    network.scan('hping3 -q -i u1000 -S -p 80 -c 3 192.0.2.99', 'dark');
    expect(isTold(await dark.statusWhen(isTold))).toBe(true);
    await dark.end(sensor);
    network.exec('dark', 'ip address del 192.0.2.2/24 dev dark');
    await network.run(SENSOR, ['run', '--once', '--read', capture('no-packets.pcap'), '--state', dark.state]);
    expect(isTold(await dark.status())).toBe(true);
    const next = await dark.watch();
    expect(isTold(await dark.status())).toBe(false);
    await dark.end(next);
  });
});
