/**
 * The real thing: scanners at one end of a cable, a live sensor and its collector at the other, tcpdump between them as the
 * oracle. The collector is away for a while, and the sensor killed once: what was not sealed then is told as interrupted.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enaga } from '../support/enaga.ts';
import { countOf, DARK_MAC, filtered, has, LIGHT4, LiveNetwork, whyNot } from './network.ts';
import { Outpost, SENSOR, type Status } from './support.ts';

const NETWORKS = ['192.0.2.0/24', '2001:db8:1::/48'];
/** Packets to this port are in the sensor when it is killed. */
const KILLED_PORT = 9999;
const KILLED = 60;

const why = whyNot('tcpdump', 'nft');
const SCANNERS = ['zmap', 'masscan', 'nmap', 'hping3'];
const present = SCANNERS.filter(has);
const missing = SCANNERS.filter(tool => !present.includes(tool));
if (why !== undefined || missing.length > 0)
  console.warn(`test/live: ${why ?? `these scanners are not installed: ${missing.join(', ')}`}`);

function scanFirst(network: LiveNetwork): void {
  const none = path.join(network.folder, 'none'); // zmap's own list of what not to scan has the documentation prefixes
  fs.writeFileSync(none, '');
  if (has('zmap'))
    network.scan(`zmap -q -p 443 -S ${LIGHT4} -i out -G ${DARK_MAC} -b ${none} -r 2000 -c 0 -o ${none} 192.0.2.0/24`);
  if (has('masscan'))
    network.scan(
      `masscan 192.0.2.0/26 -p 22,80,6379 --adapter out --adapter-ip ${LIGHT4} --adapter-port 40000 ` +
        `--router-mac ${DARK_MAC} --rate 1000 --wait 0 --retries 0`,
    );
}

const nmap = '-n -Pn --max-retries 0 --max-rtt-timeout 20ms -e out';

function scanSecond(network: LiveNetwork): void {
  if (has('nmap')) {
    network.scan(`nmap ${nmap} -sS -p 21-25,8080 192.0.2.16/28`);
    network.scan(`nmap ${nmap} -sU -p 53,161 192.0.2.32/30`);
    network.scan(`nmap ${nmap} -6 -sS -p 22,443 2001:db8:1::1 2001:db8:1::2 2001:db8:1:ff::3`);
    network.scan('nmap -6 -n -sn -PE --max-retries 0 -e out 2001:db8:1::9');
    network.scan(`nmap ${nmap} -6 -sU -p 5353 2001:db8:1::1 2001:db8:1::2`);
  }
  if (has('hping3')) {
    network.scan('hping3 -q -i u1000 -S -p ++5900 -c 200 192.0.2.77');
    network.scan('hping3 -q -i u1000 --udp -p 5060 -d 300 -c 50 192.0.2.255');
    network.scan('hping3 -q -i u1000 --icmp -c 20 192.0.2.1');
    network.scan('hping3 -q -i u1000 -S -A -s 80 -k -p 1024 -c 20 192.0.2.202');
    network.scan('hping3 -q -i u1000 -0 --ipproto 47 -d 20 -c 5 192.0.2.204');
  }
}

describe.skipIf(why !== undefined)('scanners, a dark prefix, and a live sensor', () => {
  let network: LiveNetwork;
  let oracle: string;
  let answers: number;
  let atKill: Status;
  let afterKill: Status;
  let last: Status;
  // biome-ignore lint/suspicious/noExplicitAny: what a program prints
  let stored: any;

  beforeAll(async () => {
    network = new LiveNetwork();
    const outpost = new Outpost(network);
    await outpost.make(NETWORKS);
    await network.run(SENSOR, ['silence', 'install', '--interface', 'dark', '--wiring', 'tap']);
    const dark = await network.capture('dark');
    const light = await network.capture('light');

    let sensor = await outpost.watch();
    scanFirst(network);
    await outpost.stopServing();
    await outpost.end(sensor);

    sensor = await outpost.watch();
    if (has('hping3')) {
      network.scan(`hping3 -q -i u1000 -S -p ${KILLED_PORT} -c ${KILLED} 192.0.2.9`);
      atKill = await outpost.statusWhen(({ open }) => open >= KILLED);
    } else atKill = await outpost.status();
    sensor.child.kill('SIGKILL');
    await sensor.outcome;

    sensor = await outpost.watch();
    afterKill = await outpost.status();
    scanSecond(network);
    await outpost.serve();
    await outpost.end(sensor);
    last = await outpost.status();
    oracle = await dark.stop();
    answers = countOf(await light.stop());
    stored = JSON.parse(await outpost.enaga('days', '--json', '--wait'));
  }, 60_000);
  afterAll(() => network?.close());

  it('counts what tcpdump counts, to the packet, less what the kill took', async () => {
    const kept = filtered(oracle, `not (ip and tcp port ${KILLED_PORT})`);
    const networks = NETWORKS.flatMap(one => ['--network', one]);
    const replayed = JSON.parse((await enaga(['replay', '--quiet', '--json', '-', ...networks, kept])).stdout);
    expect(stored.days.map(timeless)).toEqual(replayed.days.map(timeless));
    expect(stored.records).toBe(countOf(kept, 'dst net 192.0.2.0/24 or dst net 2001:db8:1::/48'));
    expect(stored.records).toBeGreaterThan(0);
  });

  it.skipIf(!has('hping3'))('tells what it had seen and not sealed when it was killed', () => {
    expect(atKill.open).toBe(KILLED);
    expect(countOf(oracle, `tcp port ${KILLED_PORT}`)).toBe(KILLED);
    expect(afterKill).toMatchObject({ interrupted: KILLED, open: 0, seen: atKill.seen });
  });

  it('accounts for every packet, with none dropped or lost', () => {
    const skipped = Object.values(last.skipped).reduce((sum, count) => sum + count, 0);
    const { seen, kernelDrops, interrupted, open, spooled, shipped, lost } = last;
    expect(seen).toBe(kernelDrops + interrupted + skipped + open + spooled.records + shipped.records + lost.records);
    expect(last).toMatchObject({ kernelDrops: 0, spooled: { records: 0 }, lost: { records: 0 }, skipped: {}, open: 0 });
    expect(last.shipped.records).toBe(stored.records);
    expect(last.alarms).toEqual([]);
  });

  it('answers nothing', () => {
    expect(answers).toBe(0);
  });

  it.skipIf(!has('zmap'))('names ZMap', () => expect(packetsOf('zmap')).toBe(256));
  it.skipIf(!has('masscan'))('names Masscan', () => expect(packetsOf('masscan')).toBe(192));
  it.skipIf(!has('nmap'))('names Nmap', () => expect(stored.days[0].tools.nmap.sources).toBeGreaterThan(0));

  /** Each capture stamps a packet for itself, some microseconds apart. */
  // biome-ignore lint/suspicious/noExplicitAny: what a program prints
  const timeless = (day: any) => ({
    ...day,
    topSources: day.topSources.map(({ first, last, ...source }: Record<string, unknown>) => source),
  });

  const packetsOf = (tool: string): number =>
    // biome-ignore lint/suspicious/noExplicitAny: what a program prints
    stored.days.reduce((sum: number, day: any) => sum + day.tools[tool].packets, 0);
});
