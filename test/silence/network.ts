/**
 * Two network namespaces of a test's own with a cable between them: the box, whose silence is tested, and the far end, which
 * probes it. Nothing of the machine's own network is touched.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../support/enaga.ts';

const PREFIX = 'enaga-test-';
const TOOLS = ['ip', 'nft', 'sysctl', 'tcpdump'];
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** The interface of the box, and the other end of its cable. */
export const BOX_INTERFACE = 'dark0';
const FAR_INTERFACE = 'far0';

export const OWN = { box4: '198.51.100.2', box6: '2001:db8:ff::2', far4: '198.51.100.1', far6: '2001:db8:ff::1' };

/** Why this machine cannot run these tests; undefined if it can. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'they need root on Linux';
  const missing = TOOLS.find(tool => spawnSync('which', [tool], { env }).status !== 0);
  if (missing !== undefined) return `${missing} is missing`;
  const probe = `${PREFIX}${process.pid}-probe`;
  if (spawnSync('ip', ['netns', 'add', probe], { env }).status !== 0) return 'network namespaces cannot be made here';
  const device = `link add ${BOX_INTERFACE} type veth peer name ${FAR_INTERFACE}`.split(' ');
  const made = spawnSync('ip', ['-n', probe, ...device], { env }).status === 0;
  const rules =
    `table netdev t { chain c { type filter hook egress device "${BOX_INTERFACE}" priority 0; }; }; ` +
    'table inet t { chain c { ct direction reply; }; }';
  const ruled = spawnSync('ip', ['netns', 'exec', probe, 'nft', rules], { env }).status === 0;
  spawnSync('ip', ['netns', 'del', probe], { env });
  if (!made) return 'veth pairs cannot be made here';
  return ruled ? undefined : 'this kernel has no rules at egress';
}

/** What a test that was killed left behind. */
function sweep(): void {
  for (const name of execFileSync('ip', ['netns', 'list'], { encoding: 'utf8', env }).match(/^enaga-test-\S+/gm) ?? [])
    if (!existsSync(`/proc/${name.slice(PREFIX.length).split('-')[0]}`))
      spawnSync('ip', ['netns', 'del', name], { env });
}

let made = 0;

export class Network {
  readonly boxMac: string;
  readonly farMac: string;
  readonly #names: { box: string; far: string };
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), 'enaga-silence-'));
  readonly #children: ChildProcess[] = [];
  readonly #onExit = () => this.#remove();

  constructor() {
    if (made === 0) sweep();
    const name = `${PREFIX}${process.pid}-${made++}`;
    this.#names = { box: `${name}-box`, far: `${name}-far` };
    process.on('exit', this.#onExit);
    const { box, far } = this.#names;
    for (const one of [box, far]) this.#ip('netns', 'add', one);
    this.#ip(...`link add ${BOX_INTERFACE} netns ${box} type veth peer name ${FAR_INTERFACE} netns ${far}`.split(' '));
    this.far(`ip address add ${OWN.far4}/24 dev ${FAR_INTERFACE}`);
    this.far(`ip address add ${OWN.far6}/64 dev ${FAR_INTERFACE} nodad`);
    for (const where of ['box', 'far'] as const) this.#exec(where, 'ip link set lo up');
    this.box(`ip link set ${BOX_INTERFACE} up`);
    this.far(`ip link set ${FAR_INTERFACE} up`);
    this.boxMac = this.#mac('box', BOX_INTERFACE);
    this.farMac = this.#mac('far', FAR_INTERFACE);
    // Every error is told, and a datagram whose rest never comes is given up after a second.
    this.#sysctl('ipv4/icmp_ratelimit=0 ipv4/icmp_msgs_per_sec=10000 ipv6/icmp/ratelimit=0');
    this.#sysctl('ipv4/ipfrag_time=1 ipv6/ip6frag_time=1');
  }

  /** A command in the box; its standard output. Throws if it fails. */
  box = (command: string): string => this.#exec('box', command);
  far = (command: string): string => this.#exec('far', command);

  /** `ipv4/ip_forward=1`, several apart by spaces. */
  sysctl = (settings: string): void => this.#sysctl(settings);

  /** The command line of `enaga-sensor silence` in the box. */
  silence(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    const program = path.join(root, 'sensor/main.ts');
    const { status, stdout, stderr } = spawnSync(
      'ip',
      ['netns', 'exec', this.#names.box, process.execPath, program, 'silence', ...args],
      { encoding: 'utf8', env },
    );
    return { status, stdout, stderr };
  }

  /** Writes raw frames to the cable, past the network stack of the end that sends them; how many were refused. */
  inject(frames: readonly Uint8Array[], where: 'box' | 'far' = 'far'): number {
    const script = path.join(root, 'test/silence/inject.ts');
    const device = where === 'box' ? BOX_INTERFACE : FAR_INTERFACE;
    const refused = execFileSync('ip', ['netns', 'exec', this.#names[where], process.execPath, script, device], {
      input: frames.map(frame => Buffer.from(frame).toString('hex')).join('\n'),
      env,
      timeout: 10_000,
    });
    return Number(refused);
  }

  /** A script that runs in the box until the network goes; resolves with a function that sends a line and awaits one. */
  async talk(where: 'box' | 'far', script: string): Promise<(line: string) => Promise<string>> {
    const child = this.#spawn(where, [process.execPath, path.join(root, 'test/silence', script)]);
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const answer = async () => (await lines.next()).value as string;
    await answer();
    return line => {
      child.stdin!.write(`${line}\n`);
      return answer();
    };
  }

  /** What arrives at one end of the cable from now on; `stop` gives the capture, as tcpdump counts it. */
  async capture(where: 'box' | 'far'): Promise<{ stop: () => Promise<Capture> }> {
    const file = path.join(this.#folder, `${where}.pcap`);
    const device = where === 'box' ? BOX_INTERFACE : FAR_INTERFACE;
    const child = this.#spawn(
      where,
      `tcpdump -Z root -n -i ${device} -Q in -s 512 -B 8192 --immediate-mode -U -w ${file}`.split(' '),
    );
    for await (const piece of child.stderr!) if (String(piece).includes('listening on')) break;
    return {
      stop: async () => {
        const ended = once(child, 'exit');
        child.kill('SIGINT');
        await ended;
        return new Capture(file);
      },
    };
  }

  close(): void {
    this.#remove();
    process.off('exit', this.#onExit);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #remove(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const name of Object.values(this.#names)) spawnSync('ip', ['netns', 'del', name], { env });
  }

  #spawn(where: 'box' | 'far', command: string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.#names[where], ...command], { env });
    this.#children.push(child);
    return child;
  }

  #exec = (where: 'box' | 'far', command: string): string =>
    execFileSync('ip', ['netns', 'exec', this.#names[where], ...command.split(' ')], { encoding: 'utf8', env });

  #ip = (...args: string[]): void => void execFileSync('ip', args, { env });

  #sysctl = (settings: string): void => void this.box(`sysctl -q -w ${settings.replace(/(^| )/g, '$1net/')}`);

  #mac = (where: 'box' | 'far', device: string): string =>
    (JSON.parse(this.#exec(where, `ip -j link show dev ${device}`)) as { address: string }[])[0]!.address;
}

export class Capture {
  readonly #file: string;

  constructor(file: string) {
    this.#file = `${file}.${made++}`;
    execFileSync('mv', [file, this.#file]);
  }

  /** Frames that match a filter, by tcpdump; without one, all. */
  lines(filter = ''): string[] {
    const listed = execFileSync('tcpdump', ['-Z', 'root', '-n', '-e', '-t', '-r', this.#file, filter], {
      encoding: 'utf8',
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return listed.split('\n').filter(line => /^[0-9a-f]{2}:/.test(line));
  }

  count = (filter?: string): number => this.lines(filter).length;
}
