/** The machine's own tools, `nft` and `ip`, and the kernel's settings of one interface. All of it is for root. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { MissingTool, NoRight, SilenceError } from './plan.ts';

/** A tool that waits for a lock for longer hangs. */
const toolMsMax = 20_000;
const outputBytesMax = 64 * 2 ** 20;

const PACKAGES: Record<string, string> = { nft: 'nftables', ip: 'iproute2' };
const NO_RIGHT = 'it changes the network of this machine, which is for root: run it with sudo';

export type Ran = { readonly ok: true; readonly stdout: string } | { readonly ok: false; readonly why: string };

/** Expected failures are values; a missing tool or a missing right is a `SilenceError`, for nothing can be done then. */
export function tryTool(tool: 'nft' | 'ip', args: readonly string[], input = ''): Ran {
  const { error, status, stdout, stderr } = spawnSync(tool, args, {
    input,
    encoding: 'utf8',
    timeout: toolMsMax,
    maxBuffer: outputBytesMax,
    // A user's PATH often lacks the folders of the administrator's tools.
    env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' },
  });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    throw new MissingTool(tool, `apt-get install ${PACKAGES[tool]}`);
  if (error !== undefined) throw new SilenceError(`${tool} did not end: ${(error as NodeJS.ErrnoException).code}`);
  if (status === 0) return { ok: true, stdout };
  if (/Operation not permitted|Permission denied/.test(stderr)) throw new NoRight(NO_RIGHT);
  return { ok: false, why: reason(stderr) };
}

/** What a tool said, without the lines it quotes: an address in them would end in a journal. */
const reason = (stderr: string): string => /Error: (.*)/.exec(stderr)?.[1] ?? stderr.split('\n')[0]!;

/** @throws SilenceError */
export function tool(name: 'nft' | 'ip', args: readonly string[], input?: string): string {
  const ran = tryTool(name, args, input);
  if (!ran.ok) throw new SilenceError(`${name} failed: ${ran.why}`);
  return ran.stdout;
}

/** What a wiring changes of an interface, beside its rules; `arp` is a flag of the link, the others are sysctls. */
export const SETTINGS = {
  arp: 'link',
  arp_ignore: 'ipv4',
  proxy_arp: 'ipv4',
  disable_ipv6: 'ipv6',
  keep_addr_on_down: 'ipv6',
  proxy_ndp: 'ipv6',
} as const;
export type SettingName = keyof typeof SETTINGS;
export type Settings = Partial<Record<SettingName, string>>;

const sysctlFile = (device: string, name: SettingName): string =>
  `/proc/sys/net/${SETTINGS[name]}/conf/${device}/${name}`;

/** Undefined where the kernel has no such setting: no IPv6, say. */
export function readSetting(device: string, name: SettingName): string | undefined {
  if (name === 'arp') return readLink(device).flags.includes('NOARP') ? '0' : '1';
  const file = sysctlFile(device, name);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

export function writeSetting(device: string, name: SettingName, value: string): void {
  if (readSetting(device, name) === value) return;
  if (name === 'arp') tool('ip', ['link', 'set', 'dev', device, 'arp', value === '1' ? 'on' : 'off']);
  else
    try {
      writeFileSync(sysctlFile(device, name), value);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES' || code === 'EROFS') throw new NoRight(NO_RIGHT);
      throw new SilenceError(`the setting ${name} of ${device} cannot be set: ${code}`);
    }
}

export interface Link {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly local?: string; readonly prefixlen: number; readonly deprecated?: boolean }[];
}

export const readLinks = (): Link[] => JSON.parse(tool('ip', ['-j', 'address', 'show'])) as Link[];

/** @throws SilenceError if there is none. */
export function readLink(device: string): Link {
  const link = readLinks().find(({ ifname }) => ifname === device);
  if (link === undefined) throw new SilenceError(`there is no interface ${device}: enaga-sensor interfaces lists them`);
  return link;
}
