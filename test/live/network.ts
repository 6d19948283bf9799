/**
 * Two network namespaces of a test's own, with a cable between them and no other way out: the light side, where scanners live, and
 * the dark side, where a sensor and its collector do. What the light side sends to documentation prefixes goes to the dark one.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Outcome, root } from '../support/enaga.ts';

export type Side = 'dark' | 'light';
/** The interface of each side. */
export const DEVICE: Record<Side, string> = { dark: 'dark', light: 'out' };
export const DARK_MAC = '02:00:00:00:00:01';
const LIGHT_MAC = '02:00:00:00:00:02';
/** Of the light side; scanners borrow others. */
export const LIGHT4 = '10.255.255.1';
const LIGHT6 = 'fd00:ffff::1';
const HOP4 = '10.255.255.2';
const HOP6 = 'fd00:ffff::2';

const PREFIX = 'enaga-test-';
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
/** A program that hangs is killed. */
const runMsMax = 50_000;

export const has = (tool: string): boolean => spawnSync('which', [tool], { env }).status === 0;

/** Why this machine cannot run these tests; undefined if it can. */
export function whyNot(...tools: string[]): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'they need root on Linux';
  const missing = ['ip', 'sysctl', ...tools].find(tool => !has(tool));
  if (missing !== undefined) return `${missing} is missing`;
  const probe = `${PREFIX}${process.pid}-probe`;
  if (spawnSync('ip', ['netns', 'add', probe], { env }).status !== 0) return 'network namespaces cannot be made here';
  const made =
    spawnSync('ip', ['-n', probe, ...'link add dark type veth peer name out'.split(' ')], { env }).status === 0;
  spawnSync('ip', ['netns', 'del', probe], { env });
  return made ? undefined : 'veth pairs cannot be made here';
}

export interface Program {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
  /** Resolves when standard output or error has said this; rejects if it ends before. */
  said(words: string): Promise<void>;
}

let made = 0;

export class LiveNetwork {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'enaga-live-'));
  readonly #names: Record<Side, string>;
  readonly #children: ChildProcess[] = [];
  readonly #onExit = () => this.#remove();

  constructor() {
    sweep();
    const name = `${PREFIX}${process.pid}-live${made++}`;
    this.#names = { dark: `${name}-dark`, light: `${name}-light` };
    process.on('exit', this.#onExit);
    for (const one of Object.values(this.#names)) execFileSync('ip', ['netns', 'add', one], { env });
    for (const side of ['dark', 'light'] as const) this.exec(side, 'ip link set lo up');
    this.exec('light', 'sysctl -qw net.ipv6.conf.all.router_solicitations=0 net.ipv6.conf.default.accept_dad=0');
    this.cable();
  }

  /** Lays the cable; done again when it was taken away. */
  cable(): void {
    this.exec('dark', `ip link add dark type veth peer name out netns ${this.#names.light}`);
    this.exec('dark', `ip link set dark address ${DARK_MAC} up`);
    this.exec('light', `ip link set out address ${LIGHT_MAC} up`);
    this.exec('light', `ip address add ${LIGHT4}/24 dev out`);
    this.exec('light', `ip address add ${LIGHT6}/64 dev out nodad`);
    for (const hop of [HOP4, HOP6])
      this.exec('light', `ip neighbour add ${hop} lladdr ${DARK_MAC} dev out nud permanent`);
    this.exec('light', `ip route add 192.0.2.0/24 via ${HOP4}`);
    this.exec('light', `ip route add 2001:db8::/32 via ${HOP6}`);
  }

  /** Runs a command to its end; its standard output. Throws if it fails. */
  exec(side: Side, command: string): string {
    return execFileSync('ip', ['netns', 'exec', this.#names[side], ...command.split(' ')], { encoding: 'utf8', env });
  }

  /**
   * Runs a command whose exit code tells nothing, such as hping3's when nobody answers. One that is known to hang when its work
   * is done (masscan waits for its own receiving thread) is given fewer seconds, and ended.
   */
  scan(command: string, side: Side = 'light'): void {
    const mayHang = command.startsWith('masscan');
    const seconds = mayHang ? '8' : '30';
    const args = ['netns', 'exec', this.#names[side], 'timeout', seconds, ...command.split(' ')];
    const { error, status, stderr } = spawnSync('ip', args, { encoding: 'utf8', env });
    if (error !== undefined || (status === 124 && !mayHang))
      throw error ?? new Error(`${command}: took too long: ${stderr}`);
  }

  start(side: Side, command: readonly string[]): Program {
    const child = spawn('ip', ['netns', 'exec', this.#names[side], ...command], { env });
    this.#children.push(child);
    const outcome: Outcome = { code: null, signal: null, stdout: '', stderr: '' };
    const listeners = new Set<() => void>();
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', piece => {
        outcome[name] += piece;
        for (const listener of listeners) listener();
      });
    const ended = new Promise<Outcome>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ ...outcome, code, signal }));
    });
    const said = (words: string) =>
      new Promise<void>((resolve, reject) => {
        const look = () => (outcome.stdout + outcome.stderr).includes(words) && resolve();
        listeners.add(look);
        look();
        void ended.then(({ code, stderr }) =>
          reject(new Error(`ended with ${code} before it said ${words}: ${stderr}`)),
        );
      });
    return { child, outcome: ended, said };
  }

  /** One of our programs, in the dark. */
  node(main: string, args: readonly string[]): Program {
    return this.start('dark', [process.execPath, path.resolve(root, main), ...args]);
  }

  /** Runs it to its end, which must be with `code`; its standard output. */
  async run(main: string, args: readonly string[], code = 0): Promise<string> {
    const program = this.node(main, args);
    const timer = setTimeout(() => program.child.kill('SIGKILL'), runMsMax);
    const outcome = await program.outcome;
    clearTimeout(timer);
    if (outcome.code !== code) throw new Error(`${args[0]} ended with ${outcome.code}: ${outcome.stderr}`);
    return outcome.stdout;
  }

  /** What arrives at one end from now on, with tcpdump; `stop` gives the file. */
  async capture(side: Side): Promise<{ stop: () => Promise<string> }> {
    const file = path.join(this.folder, `${side}-${made++}.pcap`);
    const command = `tcpdump -Z root -n -i ${DEVICE[side]} -Q in -s 512 -B 16384 -U -w ${file}`;
    const { child, said } = this.start(side, command.split(' '));
    await said('listening on');
    return {
      stop: async () => {
        const ended = once(child, 'exit');
        child.kill('SIGINT');
        await ended;
        return file;
      },
    };
  }

  close(): void {
    this.#remove();
    process.off('exit', this.#onExit);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #remove(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const name of Object.values(this.#names)) spawnSync('ip', ['netns', 'del', name], { env });
  }
}

/** What a test that was killed left behind. */
function sweep(): void {
  for (const name of execFileSync('ip', ['netns', 'list'], { encoding: 'utf8', env }).match(/^enaga-test-\S+/gm) ?? [])
    if (!existsSync(`/proc/${name.slice(PREFIX.length).split('-')[0]}`))
      spawnSync('ip', ['netns', 'del', name], { env });
}

/** Packets of a capture that match a filter, by tcpdump. */
export const countOf = (file: string, filter = ''): number =>
  execFileSync('tcpdump', ['-Z', 'root', '-n', '-t', '-r', file, filter], {
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 28,
  })
    .split('\n')
    .filter(line => /^\S/.test(line)).length;

/** The packets of a capture that match a filter, as a capture of their own. */
export function filtered(file: string, filter: string): string {
  const into = `${file}.filtered`;
  execFileSync('tcpdump', ['-Z', 'root', '-r', file, '-w', into, filter], { env, stdio: 'ignore' });
  return into;
}
