/** `enaga-sensor interfaces` through the command line, against what the kernel says through `ip`. */
import { execFileSync, spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import type { Interface } from '../../sensor/capture/interfaces.ts';

const sensor = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['sensor/main.ts', ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
};

interface Link {
  ifname: string;
  flags: string[];
  addr_info: { local: string; prefixlen: number }[];
}

it('lists each interface that is up, with the addresses and prefix lengths the kernel has for it', () => {
  const links: Link[] = JSON.parse(execFileSync('ip', ['-j', 'address'], { encoding: 'utf8' }));
  const { status, stdout } = sensor('interfaces', '--json');
  expect(status).toBe(0);
  const listed: Interface[] = JSON.parse(stdout);
  for (const { ifname, addr_info } of links.filter(({ flags }) => flags.includes('UP'))) {
    const found = listed.find(({ name }) => name === ifname);
    const expected = addr_info.map(({ local, prefixlen }) => ({ address: local, prefixLength: prefixlen }));
    expect(found?.addresses, ifname).toEqual(expect.arrayContaining(expected));
    expect(found?.addresses, ifname).toHaveLength(expected.length);
  }
});

it('lists only network interfaces', () => {
  const links: Link[] = JSON.parse(execFileSync('ip', ['-j', 'address'], { encoding: 'utf8' }));
  const listed: Interface[] = JSON.parse(sensor('interfaces', '--json').stdout);
  const known = new Set(links.map(({ ifname }) => ifname));
  expect(listed.map(({ name }) => name).filter(name => !known.has(name))).toEqual([]);
});

it('shows lo and 127.0.0.1 to people', () => {
  const { status, stdout } = sensor('interfaces');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^lo +127\.0\.0\.1\/8$/m);
});

it('says its version, and refuses a wrong command line with exit code 2', () => {
  expect(sensor('--version')).toMatchObject({ status: 0, stdout: `${packageJson.version}\n` });
  expect(sensor('interfaces', '--nonsense')).toMatchObject({ status: 2, stdout: '' });
  expect(sensor('nonsense')).toMatchObject({ status: 2, stdout: '' });
  expect(sensor('--help').stdout).toContain('Examples:');
});
