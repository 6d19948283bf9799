/** A clean Debian 12 with systemd, to install packages in for real. The machine that the test runs on is not touched. */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Locked, takeLock } from '../../common/sqlite/lock.ts';
import { root } from '../support/enaga.ts';

const RELEASE = 'bookworm';
const MIRROR = 'http://deb.debian.org/debian';
/** What the packages depend on, so that dpkg can install them alone, and what runs them. */
const INCLUDED = ['ca-certificates', 'dbus', 'iproute2', 'libpcap0.8', 'libstdc++6', 'nftables', 'systemd'];
const arch = process.arch === 'x64' ? 'amd64' : process.arch;
/** Made once a clone, in a minute or two. */
export const debianFolder = path.join(root, '.cache', `debian-12-${arch}`);
const makeMsMax = 280_000;
const startMsMax = 30_000;
const commandSecondsMax = 25;
const ENVIRONMENT = [
  'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'LANG=C.UTF-8',
  'DEBIAN_FRONTEND=noninteractive',
];

const OVERLAY = `mount --make-rprivate /; mount -t tmpfs tmpfs /mnt; cd /mnt; mkdir lower upper work root
  mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root`;

/** Why there can be none here; empty if there is one, fetched if there was none yet. */
export async function reasonWithoutDebian(): Promise<string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'it takes root on Linux to boot a Debian';
  if (cgroup2() === undefined) return 'there is no cgroup2 for a systemd';
  const namespaces = ['--mount', '--net', '--pid', '--cgroup', '--fork'];
  if (spawnSync('unshare', [...namespaces, 'sh', '-ec', OVERLAY]).status !== 0)
    return 'no namespaces, or no overlays in them, are allowed here';
  if (fs.existsSync(debianFolder)) return '';
  if (spawnSync('debootstrap', ['--version']).error) return 'debootstrap is not installed';
  try {
    await fetchDebian();
    return '';
  } catch (error) {
    return `no Debian can be fetched: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** Where it is mounted. */
const cgroup2 = (): string | undefined => /^\S+ (\S+) cgroup2 /m.exec(fs.readFileSync('/proc/mounts', 'utf8'))?.[1];

/** Of two test files that start at once, one fetches it and the other waits. */
async function fetchDebian(): Promise<void> {
  fs.mkdirSync(path.dirname(debianFolder), { recursive: true });
  for (let waitedMs = 0; ; waitedMs += 1000) {
    try {
      const lock = takeLock(`${debianFolder}.lock`);
      try {
        if (!fs.existsSync(debianFolder)) await fetchInto(debianFolder);
        return;
      } finally {
        lock.release();
      }
    } catch (error) {
      if (!(error instanceof Locked) || waitedMs > makeMsMax) throw error;
      await sleep(1000);
    }
  }
}

/** By a folder whose path has no space, which debootstrap does not take. */
async function fetchInto(folder: string): Promise<void> {
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-debian-'));
  const fetched = path.join(temporary, 'debian');
  try {
    const args = ['--variant=minbase', `--include=${INCLUDED.join()}`, RELEASE, fetched, MIRROR];
    await promisify(execFile)('debootstrap', args, { timeout: makeMsMax, maxBuffer: 2 ** 26 });
    fs.rmSync(path.join(fetched, 'var/cache/apt'), { recursive: true });
    fs.rmSync(`${folder}.new`, { recursive: true, force: true });
    execFileSync('mv', [fetched, `${folder}.new`]); // to another file system too, which takes a while
    fs.renameSync(`${folder}.new`, folder);
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
}

export class Debian {
  /** Of its systemd: its network is that process's. */
  readonly pid: number;
  readonly #stop: () => Promise<void>;

  private constructor(pid: number, stop: () => Promise<void>) {
    this.pid = pid;
    this.#stop = stop;
  }

  /** `shared` is its /media. */
  static async boot(lower: string, shared: string): Promise<Debian> {
    const cgroup = path.join(cgroup2()!, `enaga-test-${process.pid}`);
    const script = path.join(import.meta.dirname, 'boot.sh');
    const child = spawn('sh', [script, lower, shared, cgroup], { stdio: ['ignore', 'ignore', 'pipe'] });
    process.once('exit', () => child.kill('SIGKILL'));
    let complaint = '';
    child.stderr.on('data', piece => {
      complaint += piece;
    });
    const ended = new Promise<void>(resolve => child.on('close', () => resolve()));
    const stop = async () => {
      child.kill('SIGKILL'); // what it started ends with it
      await ended;
      await removeCgroup(cgroup);
    };
    for (let waitedMs = 0; waitedMs < startMsMax && child.exitCode === null; waitedMs += 200) {
      await sleep(200);
      const pid = childOf(child.pid!);
      if (pid === undefined) continue;
      const debian = new Debian(pid, stop);
      const state = await debian.try('systemctl', 'is-system-running');
      if (/^(running|degraded)/.test(state.stdout)) return debian;
    }
    await stop();
    throw new Error(`a Debian does not boot here: ${complaint}`);
  }

  /** Runs a command as root; whatever its exit code. */
  try(...command: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    // A session of its own: a signal to a group stays in there.
    const enter = ['--wait', 'nsenter', '-t', String(this.pid), ...'-m -n -p -i -u -C -r -w'.split(' ')];
    const bounded = ['timeout', '--kill-after=1', String(commandSecondsMax)];
    const args = [...enter, ...bounded, 'env', '-i', ...ENVIRONMENT, ...command];
    return new Promise(resolve =>
      execFile('setsid', args, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr }),
      ),
    );
  }

  /** Its standard output without the last newline. Throws what it had to say if it fails. */
  async run(...command: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(...command);
    if (code !== 0) throw new Error(`${command.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
    return stdout.trimEnd();
  }

  shell = (script: string): Promise<string> => this.run('sh', '-ec', script);

  stop(): Promise<void> {
    return this.#stop();
  }
}

function childOf(pid: number): number | undefined {
  try {
    const [first] = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    const name = fs.readFileSync(`/proc/${first}/comm`, 'utf8');
    return name === 'systemd\n' ? Number(first) : undefined;
  } catch {
    return undefined;
  }
}

/** Its processes are gone, though the kernel may need a moment to notice. */
async function removeCgroup(cgroup: string): Promise<void> {
  for (let tries = 0; tries < 20 && fs.existsSync(cgroup); tries++) {
    try {
      execFileSync('find', [cgroup, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'], { stdio: 'ignore' });
    } catch {}
    await sleep(50);
  }
}
