/** System calls that fail, or kill who makes them, by strace: the moment is then exact, and not a matter of time. */
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';

/** Whatever changes a file, or its name. */
export const WRITES = 'pwrite64,write,fdatasync,fsync,ftruncate,rename,unlink';
export const SYNCS = 'fdatasync,fsync';

const works = ({ status }: SpawnSyncReturns<Buffer>): boolean => status === 0;
export const hasStrace = works(spawnSync('strace', ['-qq', '-f', '-o', '/dev/null', 'true']));
export const STRACE_MISSING = 'to choose the system call needs strace, and the right to trace';

const runMsMax = 30_000;

export interface Traced {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs this Node with `args`; `calls` is a list of system calls, `what` what becomes of the n-th on, like `error=EIO:when=3`. */
export async function runTraced(calls: string, what: string, args: readonly string[]): Promise<Traced> {
  const inject = ['-qq', '-f', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${calls}:${what}`];
  const env = { ...process.env };
  delete env.NODE_COMPILE_CACHE; // what Node writes there is no write of ours
  const child = spawn('strace', [...inject, process.execPath, ...args], {
    env,
    timeout: runMsMax,
    killSignal: 'SIGKILL',
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', piece => {
    stdout += piece;
  });
  child.stderr.on('data', piece => {
    stderr += piece;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Makes calls of a process that runs already fail; resolves when that has begun, with how to end it. */
export async function injectInto(pid: number, calls: string, what: string): Promise<() => Promise<void>> {
  const child = spawn('strace', ['-f', '-p', String(pid), '-e', `trace=${calls}`, '-e', `inject=${calls}:${what}`]);
  const closed = new Promise<void>(resolve => child.on('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.stderr.once('data', () => resolve()); // strace: Process 123 attached
    child.on('error', reject);
    child.on('close', code => reject(new Error(`strace ended with ${code}`)));
  });
  return () => {
    child.kill('SIGINT');
    return closed;
  };
}
