/**
 * The packages as an operator has them: built, installed on a clean Debian 12 with systemd, run, upgraded, purged. That Debian is
 * fetched at the first run (a minute or two, before the tests) and kept in .cache/; packages are compressed little, which takes
 * seconds where the real compression takes minutes.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAINTAINER_DEFAULT, maintainerOf } from '../../deploy/package/maintainer.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { capture, root } from '../support/enaga.ts';
import { Debian, debianFolder, reasonWithoutDebian } from './debian.ts';
import { wordsOf } from './dockerfile.ts';

const arch = process.arch === 'x64' ? 'amd64' : process.arch;
const { version } = packageJson;
const CAPTURE = 'scanners-dark-24.pcap';
const megabyte = 1e6;

const shared = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-package-'));
afterAll(() => fs.rmSync(shared, { recursive: true }));

const build = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, [path.join(root, 'deploy/package/main.ts'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
const debOf = (name: string, of = version): string => path.join(shared, `${name}_${of}_${arch}.deb`);
const listOf = (file: string): string[] =>
  execFileSync('dpkg-deb', ['--contents', file], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(line => line.split(/\s+/)[5]!.slice(1));

const hasDpkg = spawnSync('dpkg-deb', ['--version']).status === 0;

describe.skipIf(!hasDpkg)(`building${hasDpkg ? '' : ' (skipped: there is no dpkg-deb)'}`, () => {
  let told = '';
  beforeAll(() => {
    const named = { DEBFULLNAME: 'Example CSIRT', DEBEMAIL: 'packages@csirt.example' };
    const { status, stderr } = build(['--fast', '--out', shared], { SOURCE_DATE_EPOCH: '1800000000', ...named });
    expect(status, stderr).toBe(0);
    told = stderr;
  });

  it('says what it does and how large it is; the sensor is under 50 MB', () => {
    for (const name of ['enaga-sensor', 'enaga-collector'])
      expect(told).toMatch(new RegExp(`${name}_${version}_${arch}\\.deb, \\d+\\.\\d MB`));
    expect(fs.statSync(debOf('enaga-sensor')).size).toBeLessThan(50 * megabyte);
  });

  it('has what runs and nothing else', () => {
    const sensor = listOf(debOf('enaga-sensor'));
    const collector = listOf(debOf('enaga-collector'));
    for (const files of [sensor, collector]) {
      expect(files.filter(file => file.endsWith('/node'))).toHaveLength(1);
      expect(files.filter(file => /\.(ts|cc|h|map|gyp)$|\/(esbuild|typescript|vitest)\//.test(file))).toEqual([]);
      expect(files.filter(file => /prebuilds\/.+/.test(file))).toHaveLength(1);
    }
    expect(
      collector.filter(file => /^\/usr\/lib\/enaga-collector\/pages\/main-.*\.js(\.br|\.gz|)$/.test(file)),
    ).toHaveLength(3);
    const packages = (files: string[]) =>
      new Set(
        files
          .filter(file => !file.endsWith('/'))
          .flatMap(file => /node_modules\/((?:@[^/]+\/)?[^/]+)\/./.exec(file)?.[1] ?? []),
      );
    expect(packages(sensor)).toEqual(new Set(['better-sqlite3', 'pcap']));
    expect(packages(collector)).toEqual(
      new Set([
        'better-sqlite3',
        '@duckdb/node-bindings',
        `@duckdb/node-bindings-linux-${process.arch}`,
        '@ip-location-db/geo-whois-asn-country-mmdb',
      ]),
    );
  });

  it('names the licence of everything in it', () => {
    for (const [name, some] of [
      ['enaga-sensor', ['node-linux-', 'commander', 'pcap', 'better-sqlite3']],
      ['enaga-collector', ['node-linux-', 'fastify', '@ip-location-db', 'undici']],
    ] as const) {
      const file = execFileSync(
        'sh',
        ['-c', 'dpkg-deb --fsys-tarfile "$1" | tar -xO "./usr/share/doc/$2/copyright"', '', debOf(name), name],
        {
          encoding: 'utf8',
        },
      );
      const sections = file.split(/^={100}$/m).map(section => section.trim());
      for (const one of some) expect(sections.some(section => section.startsWith(one))).toBe(true);
      expect(sections.filter(section => !/^(Enaga|[\w@./-]+) \d[\w.-]*, \S/.test(section))).toEqual([]);
    }
  });

  it('names who answers for it', () => {
    const field = execFileSync('dpkg-deb', ['--field', debOf('enaga-sensor'), 'Maintainer'], { encoding: 'utf8' });
    expect(field).toBe('Example CSIRT <packages@csirt.example>\n');
  });

  it('makes the same bytes of the same sources', () => {
    const again = path.join(shared, 'again');
    const maintainer = ['--maintainer', 'Example CSIRT <packages@csirt.example>'];
    build(['--fast', '--only', 'enaga-sensor', '--out', again, ...maintainer], { SOURCE_DATE_EPOCH: '1800000000' });
    const hash = (file: string) => createHash('sha256').update(fs.readFileSync(file)).digest('hex');
    expect(hash(path.join(again, path.basename(debOf('enaga-sensor'))))).toBe(hash(debOf('enaga-sensor')));
  });
});

it('tells in words what is wrong', () => {
  expect(build([], { PATH: '/nowhere' })).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^package: dpkg-deb is not here/),
  });
  expect(build(['--only', 'enaga'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('there is no such package'),
  });
  expect(build(['--speed'])).toMatchObject({ status: 2, stderr: expect.stringContaining('--speed') });
  expect(build(['--maintainer', 'me'])).toMatchObject({ status: 2, stderr: expect.stringContaining("'Name <mail>'") });
});

it.each([
  ['Name <a@b.example>', {}, 'Name <a@b.example>'],
  [undefined, {}, MAINTAINER_DEFAULT],
  [undefined, { DEBFULLNAME: 'Name', DEBEMAIL: 'a@b.example' }, 'Name <a@b.example>'],
  [undefined, { DEBEMAIL: 'Name <a@b.example>' }, 'Name <a@b.example>'],
  [undefined, { DEBEMAIL: 'a@b.example' }, undefined],
  ['Name\nDepends: all <a@b.example>', {}, undefined],
])('the maintainer of %j, %j', (given, environment, maintainer) => {
  expect(maintainerOf(given, environment)).toBe(maintainer);
});

const reason = (await reasonWithoutDebian()) || (hasDpkg ? '' : 'there is no dpkg-deb');

describe.skipIf(reason !== '')(`on a clean Debian 12${reason === '' ? '' : ` (skipped: ${reason})`}`, () => {
  let debian: Debian;
  beforeAll(async () => {
    fs.copyFileSync(capture(CAPTURE), path.join(shared, CAPTURE));
    fs.chmodSync(shared, 0o755);
    debian = await Debian.boot(debianFolder, shared);
  }, 300_000);
  afterAll(() => debian?.stop());

  const property = (unit: string, name: string) => debian.run('systemctl', 'show', '-P', name, unit);
  const modes = async (...files: string[]) => (await debian.run('stat', '-c', '%a %U %G', ...files)).split('\n');
  const totals = async () =>
    JSON.parse(await debian.run('enaga', 'days', '--wait', '--json')).days as { packets: number }[];
  const packets = async () => (await totals()).reduce((sum, day) => sum + day.packets, 0);
  const status = async () => JSON.parse((await debian.try('enaga-sensor', 'status', '--json')).stdout);
  const until = (condition: string) =>
    debian.shell(`for n in $(seq 100); do ${condition} && exit; sleep 0.2; done; exit 1`);

  it('installs; services wait for what they need without having failed', async () => {
    await debian.run(
      'dpkg',
      '-i',
      `/media/${path.basename(debOf('enaga-sensor'))}`,
      `/media/${path.basename(debOf('enaga-collector'))}`,
    );
    for (const unit of ['enaga-sensor', 'enaga-collector']) {
      expect(await property(unit, 'UnitFileState')).toBe('enabled');
      expect(await property(unit, 'ActiveState')).toBe('inactive');
      expect(await property(unit, 'Result')).toBe('success');
    }
    expect(
      await modes(
        '/var/lib/enaga',
        '/var/lib/enaga-sensor',
        '/etc/enaga',
        '/etc/enaga-sensor',
        '/etc/enaga-sensor/silence',
      ),
    ).toEqual([
      '700 enaga enaga',
      '700 enaga-sensor enaga-sensor',
      '750 root enaga',
      '1770 root enaga-sensor',
      '755 root root',
    ]);
    expect(await debian.run('dpkg', '--verify', 'enaga-sensor', 'enaga-collector')).toBe('');
    expect(await debian.run('enaga', '--version')).toBe(version);
    expect(await debian.run('enaga-sensor', '--version')).toBe(version);
  });

  it('a collector, set up by root, serves as its own user', async () => {
    await debian.run('enaga', 'init');
    await debian.run('enaga', 'org', 'add', 'example-csirt');
    await debian.run('systemctl', 'start', 'enaga-collector');
    expect(await property('enaga-collector', 'ActiveState')).toBe('active');
    expect(await debian.shell('find /var/lib/enaga ! -user enaga')).toBe('');
    expect(
      await debian.shell(
        'bash -c "exec 3<>/dev/tcp/127.0.0.1/8740; printf \'GET /readyz HTTP/1.0\\r\\n\\r\\n\' >&3; head -1 <&3"',
      ),
    ).toMatch(/ 200 /);
    const ask = "fetch('http://127.0.0.1:8740/').then(async one => console.log(one.status, await one.text()))";
    expect(await debian.run('/usr/lib/enaga-collector/node', '-e', ask), 'the pages').toMatch(/^200 <!doctype html>/i);
  });

  it('a sensor, enrolled by root, reads a capture as its own user; all of it is counted', async () => {
    const added = await debian.run(
      'enaga',
      'sensor',
      'add',
      'tokyo',
      '--owner',
      'example-csirt',
      '--economy',
      'JP',
      '--network',
      '192.0.2.0/24',
      '--json',
    );
    await debian.run(
      'enaga-sensor',
      'enrol',
      '--collector',
      'http://127.0.0.1:8740',
      '--token',
      JSON.parse(added).token,
    );
    expect(await debian.shell('find /etc/enaga-sensor /var/lib/enaga-sensor -type f ! -user enaga-sensor')).toBe('');
    expect(await debian.run('enaga-sensor', 'run', '--read', `/media/${CAPTURE}`)).toMatch(
      /1,039 packets read, 950 recorded/,
    );
    expect(await status()).toMatchObject({ healthy: true, seen: 1039, shipped: { records: 950 } });
    expect(await packets()).toBe(950);
    await debian.shell('cd /root; enaga export --date $(date -u +%F) --country US --format stix > us.json || true');
    expect(await debian.shell('find /var/lib/enaga ! -user enaga')).toBe(''); // nor what a look by root makes
  });

  it('the service watches an interface that is silent, with one capability, in little memory', async () => {
    await debian.shell(`
      ip link add eth1 type veth peer name outside
      ip addr add 198.51.100.1/24 dev outside
      ip link set eth1 up; ip link set outside up
      ip route add 192.0.2.0/24 dev outside
      ip neigh add 192.0.2.1 lladdr $(cat /sys/class/net/eth1/address) dev outside
      # Nothing tells this systemd of devices: the unit, without what waits for them.
      sed /[.]device/d /lib/systemd/system/enaga-silence@.service > /run/systemd/system/enaga-silence@.service
      systemctl daemon-reload
      echo 'SILENCE=--wiring tap' > /etc/enaga-sensor/silence/eth1.conf
      systemctl start enaga-silence@eth1
      echo 'ENAGA_SENSOR_OPTIONS="--interface eth1"' >> /etc/default/enaga-sensor
      systemctl start enaga-sensor
      for n in 1 2 3 4 5; do bash -c 'echo > /dev/udp/192.0.2.1/53'; done`);
    // What the rules stop, for a sensor that may not look at them.
    await until(`runuser -u enaga-sensor -- grep -q '"table": "enaga_silence_eth1"' /run/enaga-silence/counters.json`);
    const checked = await debian.try('enaga-sensor', 'check', '--interface', 'eth1', '--json');
    expect(JSON.parse(checked.stdout).filter(({ state }: { state: string }) => state === 'fail')).toEqual([]);
    const account = await debian.shell('cat /proc/$(systemctl show -P MainPID enaga-sensor)/status');
    expect(account).toMatch(/^CapEff:\s+0*2000$/m); // CAP_NET_RAW
    expect(account).toMatch(/^Uid:\s+[1-9]/m);
    const residentBytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(account)?.[1]) * 1024;
    expect(residentBytes).toBeLessThan(200 * megabyte);
    await debian.run('systemctl', 'stop', 'enaga-sensor'); // seals and sends
    const stopped = {
      running: false,
      healthy: false,
      troubles: [expect.stringMatching(/^it does not run/)],
      alarms: [],
    };
    expect(await status()).toMatchObject({ ...stopped, seen: 1044, kernelDrops: 0, shipped: { records: 955 } });
    expect(await packets()).toBe(955);
    await debian.run('systemctl', 'start', 'enaga-sensor');
  });

  const noSetcap = spawnSync('setcap', ['-h']).error ? ' (skipped: setcap is missing)' : '';
  it.skipIf(noSetcap !== '')(`what the container files run, health checks too, as their users${noSetcap}`, async () => {
    const program = '/usr/lib/enaga-sensor/node';
    const inside = path.join(`/proc/${debian.pid}/root`, program); // the Debian has no setcap of its own
    const as = (user: string, capability: string, ...command: string[]) =>
      debian.try('setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', ...bounded(capability), ...command);
    const bounded = (capability: string) => ['--bounding-set', `-all${capability}`, '--inh-caps', '-all', '--'];
    const checkCollector = () => as('enaga', '', ...wordsOf('collector', 'HEALTHCHECK'));
    const checkSensor = () => as('enaga-sensor', ',+net_raw', ...wordsOf('sensor', 'HEALTHCHECK'));
    expect(await checkCollector()).toEqual({ code: 0, stdout: '', stderr: '' });
    await debian.run('systemctl', 'stop', 'enaga-sensor', 'enaga-collector');
    expect((await checkCollector()).code).toBe(1);
    await debian.run('systemctl', 'start', 'enaga-collector');

    expect(execFileSync('setcap', ['cap_net_raw+ep', inside]).length).toBe(0);
    const command = [...wordsOf('sensor', 'ENTRYPOINT'), ...wordsOf('sensor', 'CMD')];
    expect(command.at(-1)).toBe('eth0');
    expect((await checkSensor()).code, 'stopped').toBe(1);
    const running = as('enaga-sensor', ',+net_raw', 'timeout', '10', ...command.slice(0, -1), 'eth1');
    await expect.poll(async () => (await checkSensor()).code, { timeout: 9000, interval: 500 }).toBe(0);
    expect(await checkSensor(), 'what it prints Docker keeps').toEqual({ code: 0, stdout: '', stderr: '' });
    await running;
    expect((await checkSensor()).code, 'ended').toBe(1);
    execFileSync('setcap', ['-r', inside]);
    await debian.run('systemctl', 'start', 'enaga-sensor');
  });

  it('a service that hangs is started again', async () => {
    await debian.shell(`
      for unit in enaga-sensor enaga-collector; do
        mkdir -p /run/systemd/system/$unit.service.d
        printf '[Service]\\nWatchdogSec=2\\nRestartSec=0\\n' > /run/systemd/system/$unit.service.d/soon.conf
      done
      systemctl daemon-reload
      systemctl restart enaga-collector enaga-sensor
      systemctl kill --signal=STOP --kill-who=main enaga-sensor enaga-collector`);
    for (const unit of ['enaga-sensor', 'enaga-collector']) {
      await until(`[ "$(systemctl show -P NRestarts ${unit})" = 1 ] && [ "$(systemctl is-active ${unit})" = active ]`);
    }
    await debian.shell(
      'rm -r /run/systemd/system/enaga-*.service.d; systemctl daemon-reload; systemctl restart enaga-collector enaga-sensor',
    );
  });

  it('a backup comes back, as the README has it', async () => {
    await debian.shell(`
      install -d -o enaga -g enaga -m 700 /var/backups/enaga
      enaga backup --to /var/backups/enaga/today
      systemctl stop enaga-collector
      mv /var/lib/enaga /var/lib/before
      enaga restore --from /var/backups/enaga/today
      systemctl start enaga-collector`);
    expect(await packets()).toBe(955);
    expect(await debian.shell('find /var/lib/enaga ! -user enaga')).toBe('');
    await debian.run('rm', '-r', '/var/lib/before', '/var/backups/enaga');
  });

  it('an upgrade keeps settings and state, and starts the services again', async () => {
    const later = `${version}.1`;
    const newer = ['enaga-sensor', 'enaga-collector'].map(name => upgraded(name, later));
    const before = await Promise.all(['enaga-sensor', 'enaga-collector'].map(unit => property(unit, 'MainPID')));
    await debian.run('dpkg', '--force-confold', '-i', ...newer.map(file => `/media/${file}`));
    for (const name of ['enaga-sensor', 'enaga-collector'])
      expect(await debian.run('dpkg', '-s', name)).toContain(`Version: ${later}\n`);
    for (const [n, unit] of ['enaga-sensor', 'enaga-collector'].entries()) {
      await until(`[ "$(systemctl is-active ${unit})" = active ]`);
      expect(await property(unit, 'MainPID')).not.toBe(before[n]);
    }
    expect(await debian.run('tail', '-1', '/etc/default/enaga-sensor')).toBe('ENAGA_SENSOR_OPTIONS="--interface eth1"');
    expect(await debian.shell('ls /etc/default/')).toMatch(/enaga-sensor\.dpkg-dist/);
    expect(await modes('/etc/enaga-sensor', '/var/lib/enaga')).toEqual(['1770 root enaga-sensor', '700 enaga enaga']);
    expect((await debian.try('enaga-sensor', 'silence', 'show', '--interface', 'eth1')).code).toBe(0);
    expect(await status()).toMatchObject({ seen: 1044, shipped: { records: 955 } });
    expect(await packets()).toBe(955);
  });

  it('a purge leaves nothing', async () => {
    await debian.run('dpkg', '--purge', 'enaga-sensor', 'enaga-collector');
    expect(await debian.shell("find / -xdev -iname '*enaga*' ! -path '/media/*' ! -path '/root/*'")).toBe('');
    expect(await debian.shell('grep enaga /etc/passwd /etc/group || true')).toBe('');
    expect(await debian.shell("systemctl list-units --all --no-legend 'enaga*.service'")).not.toMatch(/running/);
  });

  /** The same package of a later version, with other settings as it comes. */
  function upgraded(name: string, to: string): string {
    const tree = path.join(shared, `${name}-${to}`);
    execFileSync('dpkg-deb', ['-R', debOf(name), tree]);
    const control = path.join(tree, 'DEBIAN/control');
    fs.writeFileSync(control, fs.readFileSync(control, 'utf8').replace(/^Version: .*$/m, `Version: ${to}`));
    if (name === 'enaga-sensor') fs.appendFileSync(path.join(tree, 'etc/default', name), '# Something new.\n');
    execFileSync('dpkg-deb', ['--root-owner-group', '-Zzstd', '-z1', '--build', tree, debOf(name, to)]);
    fs.rmSync(tree, { recursive: true });
    return path.basename(debOf(name, to));
  }
});
