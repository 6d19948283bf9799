/**
 * Someone who has only deploy/README.md: both packages on a clean Debian 12, and for each wiring the lines that it has, as they stand
 * there. A scanner at the other end of a cable is recorded and not answered, and both ends say that all is well, with one number.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { countOf, LIGHT4, LiveNetwork, whyNot } from '../live/network.ts';
import { root } from '../support/enaga.ts';
import { Debian, debianFolder, reasonWithoutDebian } from './debian.ts';

const hasDpkg = spawnSync('dpkg-deb', ['--version']).status === 0;
const reason =
  whyNot('hping3', 'tcpdump', 'zmap') ?? ((await reasonWithoutDebian()) || (hasDpkg ? '' : 'there is no dpkg-deb'));

const readme = fs.readFileSync(path.join(root, 'deploy/README.md'), 'utf8');
/** What the README sets it to. */
const linesOf = (setting: string) =>
  [...readme.matchAll(new RegExp(`^ {4,}(${setting}="?[^"\\n]*"?)$`, 'gm'))].map(([, line]) => line!);
const silenceOf = (wiring: string) => linesOf('SILENCE').find(line => line.includes(`--wiring ${wiring}`))!;
const optionsOf = (device: string) => linesOf('ENAGA_SENSOR_OPTIONS').find(line => line.includes(device))!;

interface Recipe {
  readonly wiring: string;
  readonly device: string;
  readonly observed: string;
  /** Addresses and routes that such a box has, and its neighbours. */
  readonly box: string;
  readonly far?: readonly string[];
  /** Commands of the scanner, which send so many packets. */
  readonly scans: readonly string[];
  readonly packets: number;
}

const RECIPES: readonly Recipe[] = [
  {
    wiring: 'tap',
    device: 'eth1',
    observed: '192.0.2.16/28',
    box: '',
    scans: [
      'zmap -q -p 23 -i out -G 02:00:00:00:00:01 -S 10.255.255.1 -r 1000 -c 0 -b /dev/null 192.0.2.16/28',
      'hping3 -q -i u1000 --icmp -c 5 192.0.2.21',
    ],
    packets: 21,
  },
  {
    wiring: 'routed',
    device: 'eth1',
    observed: '192.0.2.16/28',
    box: 'ip address add 10.255.255.2/24 dev eth1',
    scans: ['hping3 -q -i u1000 -S -p 23 -c 20 192.0.2.20', 'hping3 -q -i u1000 --icmp -c 5 192.0.2.21'],
    packets: 25,
  },
  {
    wiring: 'on-link',
    device: 'eth1',
    observed: '192.0.2.16/28',
    box: 'ip address add 192.0.2.3/24 dev eth1',
    far: ['ip route del 192.0.2.0/24', 'ip address add 192.0.2.2/24 dev out'],
    scans: [
      'hping3 -q -a 192.0.2.2 -i u1000 -S -p 23 -c 20 192.0.2.20',
      'hping3 -q -a 192.0.2.2 -i u1000 --udp -p 53 -c 5 192.0.2.30',
    ],
    packets: 25,
  },
  {
    wiring: 'shared',
    device: 'eth0',
    observed: '192.0.2.7/32',
    box: `ip address add 192.0.2.7/32 dev eth0; ip route add ${LIGHT4} dev eth0 src 192.0.2.7`,
    scans: ['hping3 -q -i u1000 -S -p 22 -c 10 192.0.2.7', 'hping3 -q -i u1000 --udp -p 53 -c 10 192.0.2.7'],
    packets: 20,
  },
];

describe.skipIf(reason !== '')(`from the packages${reason === '' ? '' : ` (skipped: ${reason})`}`, () => {
  const shared = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-recipes-'));
  let debian: Debian;
  let network: LiveNetwork;

  beforeAll(async () => {
    const build = [path.join(root, 'deploy/package/main.ts'), '--fast', '--out', shared];
    const { status, stderr } = spawnSync(process.execPath, build, { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    fs.chmodSync(shared, 0o755);
    debian = await Debian.boot(debianFolder, shared);
    const arch = process.arch === 'x64' ? 'amd64' : process.arch;
    await debian.shell(`dpkg -i /media/enaga-*_${packageJson.version}_${arch}.deb`);
    await debian.shell(`
      enaga init
      systemctl start enaga-collector
      enaga org add example-csirt
      # Nothing tells this systemd of devices: the unit, without what waits for them.
      sed /[.]device/d /lib/systemd/system/enaga-silence@.service > /run/systemd/system/enaga-silence@.service
      systemctl daemon-reload`);
    network = new LiveNetwork();
  }, 300_000);
  afterAll(async () => {
    network?.close();
    await debian?.stop();
    fs.rmSync(shared, { recursive: true });
  });

  /** A box as new, its cable, and what the README says of this wiring. */
  async function install({ wiring, device, observed, box, far = [] }: Recipe): Promise<void> {
    network.exec('dark', `ip link set dark netns ${debian.pid} name ${device}`);
    for (const command of far) network.exec('light', command);
    const place = `--owner example-csirt --economy JP --network ${observed} --collector http://127.0.0.1:8740`;
    const { token } = JSON.parse(await debian.shell(`enaga sensor add ${wiring} ${place} --json`));
    await debian.shell(`
      ip link set ${device} up
      ${box}
      echo '${token}' | enaga-sensor enrol --collector http://127.0.0.1:8740 --token-file -
      echo '${silenceOf(wiring)}' > /etc/enaga-sensor/silence/${device}.conf
      systemctl start enaga-silence@${device}
      echo '${optionsOf(device)}' > /etc/default/enaga-sensor
      systemctl restart enaga-sensor`);
  }

  async function takeAway({ wiring, device }: Recipe): Promise<void> {
    await debian.shell(`
      systemctl stop enaga-silence@${device}
      enaga-sensor silence remove --interface ${device}
      ip link del ${device}
      find /etc/enaga-sensor /var/lib/enaga-sensor -type f -delete
      enaga sensor revoke ${wiring}`);
    network.cable();
  }

  it.each(RECIPES)('$wiring: recorded, not answered, healthy at both ends', { timeout: 60_000 }, async recipe => {
    await install(recipe);
    const light = await network.capture('light');
    for (const scan of recipe.scans) network.scan(scan);
    await sleep(500);
    const back = await light.stop();
    const answers = recipe.wiring === 'tap' ? '' : `ip src net ${recipe.observed} or icmp`;
    expect(countOf(back, answers)).toBe(0);
    const checked = await debian.try('enaga-sensor', 'check', '--interface', recipe.device, '--json');
    const findings: { check: string; state: string; text: string }[] = JSON.parse(checked.stdout);
    expect(findings.filter(({ state }) => state === 'fail')).toEqual([]);
    expect(findings.find(({ check }) => check === 'silence')?.text).toMatch(`rules for ${recipe.wiring} are in place`);

    expect(JSON.parse(await debian.run('enaga-sensor', 'status', '--json'))).toMatchObject({ healthy: true });
    await debian.run('systemctl', 'stop', 'enaga-sensor'); // seals, sends and tells, which it does by itself in a minute
    const own = JSON.parse((await debian.try('enaga-sensor', 'status', '--json')).stdout);
    const { packets } = recipe;
    const stopped = { troubles: [expect.stringMatching(/^it does not run/)] };
    expect(own).toMatchObject({ ...stopped, recorded: packets, kernelDrops: 0, shipped: { records: packets } });
    const { sensors, ...collector } = JSON.parse(await debian.run('enaga', 'status', '--json'));
    expect(collector).toMatchObject({ healthy: true, troubles: [] });
    const { seen, recorded } = own;
    const numbers = { seen, recorded, waiting: 0, shipped: packets, lost: 0, received: packets, alarms: 0 };
    expect(sensors).toEqual([expect.objectContaining({ sensor: recipe.wiring, ...numbers })]);
    await takeAway(recipe);
  });
});
