/**
 * Runs programs as whole processes, start-up included, and says how long they took and how much memory they had at their
 * peak: the kernel's own figure (ru_maxrss) by way of GNU time, a small process, since what a child inherits of a big
 * parent before it becomes another program counts too. Everything lives in one temporary folder, which is gone afterwards
 * whatever happens, and with it every process that was started.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Programs that run side by side, each reading what the one before it writes; the last one's output goes to a file. */
export interface Step {
  readonly pipe: readonly (readonly string[])[];
  readonly stdout?: string;
}

export interface Spent {
  readonly seconds: number;
  /** Bytes; of programs side by side the sum of their peaks, of steps the largest. Undefined without GNU time. */
  readonly memory: number | undefined;
}

/** A program ended with an error, or did not start. */
export class RunFailed extends Error {}

const stderrLinesShown = 6; // from its start and from its end: some say the cause first, some last
const KIBIBYTE = 1024;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export const isThere = (program: string): boolean => findOnPath(program) !== undefined;

function findOnPath(program: string): string | undefined {
  const places = (process.env.PATH ?? '').split(path.delimiter).map(folder => path.join(folder, program));
  return places.find(place => {
    try {
      fs.accessSync(place, fs.constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** GNU time's path, if it is that one: the BSDs' has no format. */
function findTime(): string | undefined {
  const time = findOnPath('time');
  if (time === undefined) return undefined;
  const tried = spawnSync(time, ['-f', '%M', 'true'], { encoding: 'utf8' });
  return tried.status === 0 && /^\d+\n$/.test(tried.stderr) ? time : undefined;
}

const quoted = (argument: string): string => `'${argument.replaceAll("'", "'\\''")}'`;

export class Workshop {
  readonly folder: string;
  readonly hasTime: boolean;
  readonly #time: string | undefined;
  readonly #kept: boolean;
  #child: ChildProcess | undefined;

  constructor({ kept }: { kept: boolean }) {
    this.#kept = kept;
    this.#time = findTime();
    this.hasTime = this.#time !== undefined;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-bench-'));
    process.on('exit', () => this.#close());
    for (const signal of SIGNALS) process.on(signal, () => process.exit(128 + os.constants.signals[signal]));
  }

  /** A path in the folder. */
  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** An empty folder of this name. */
  emptyFolder(name: string): string {
    const folder = this.file(name);
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder);
    return folder;
  }

  /** Runs the steps one after another, in `cwd`; throws `RunFailed` with what the one that failed said. */
  async run(steps: readonly Step[], cwd = this.folder): Promise<Spent> {
    const started = performance.now();
    const memories: (number | undefined)[] = [];
    for (const step of steps) memories.push(await this.#runStep(step, cwd));
    const seconds = (performance.now() - started) / 1000;
    return { seconds, memory: this.hasTime ? Math.max(...memories.map(memory => memory ?? 0)) : undefined };
  }

  async #runStep({ pipe, stdout = '/dev/null' }: Step, cwd: string): Promise<number | undefined> {
    const stderr = this.file('stderr.txt');
    const peaks = pipe.map((_, n) => this.file(`peak-${n}.txt`));
    const stages = pipe.map((argv, n) => {
      const timed = this.#time === undefined ? argv : [this.#time, '-o', peaks[n]!, '-f', '%M', ...argv];
      return `${timed.map(quoted).join(' ')} 2>>${quoted(stderr)}`;
    });
    fs.writeFileSync(stderr, '');
    this.#child = spawn('bash', ['-o', 'pipefail', '-c', `${stages.join(' | ')} >${quoted(stdout)}`], {
      cwd,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      detached: true, // a process group of its own, so that all of it can be ended
    });
    const [code, signal] = await once(this.#child, 'exit');
    this.#child = undefined;
    if (code !== 0) throw new RunFailed(`${nameOf(pipe)}: ${signal ?? `exit code ${code}`}${words(stderr)}`);
    if (this.#time === undefined) return undefined;
    return peaks.reduce((sum, file) => sum + KIBIBYTE * Number(fs.readFileSync(file, 'utf8')), 0);
  }

  /** Ends what runs, and removes the folder. */
  #close(): void {
    const group = this.#child?.pid;
    if (group !== undefined) {
      try {
        process.kill(-group, 'SIGKILL');
      } catch {
        // it has just ended by itself
      }
    }
    if (this.#kept) process.stderr.write(`bench: kept: ${this.folder}\n`);
    else fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 }); // a process may be at its last write
  }
}

const nameOf = (pipe: Step['pipe']): string => pipe.map(([program]) => path.basename(program!)).join(' | ');

function words(file: string): string {
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
  const shown =
    lines.length <= 2 * stderrLinesShown
      ? lines
      : [...lines.slice(0, stderrLinesShown), '...', ...lines.slice(-stderrLinesShown)];
  return shown.map(line => `\n  ${line}`).join('');
}
