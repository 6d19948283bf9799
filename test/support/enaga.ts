/** Runs the program `enaga` as a user does, in a process of its own. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Readable } from 'node:stream';

export const root = path.resolve(import.meta.dirname, '../..');
export const captures = path.join(root, 'fixtures', 'captures');
export const capture = (name: string): string => path.join(captures, name);

export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  stdin?: Readable;
  /** Sent when the program has printed something to standard error. */
  signalAfterOutput?: NodeJS.Signals;
  /** Nobody reads its standard output. */
  stdoutClosed?: boolean;
}

/** A program that hangs is killed and then has no exit code. */
const runMsMax = 60_000;

export function enaga(
  args: readonly string[],
  { stdin, signalAfterOutput, stdoutClosed }: RunOptions = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [path.join(root, 'collector', 'main.ts'), ...args], {
    timeout: runMsMax,
    killSignal: 'SIGKILL',
  });
  const outcome: Outcome = { code: null, signal: null, stdout: '', stderr: '' };
  child.stdout.on('data', piece => {
    outcome.stdout += piece;
  });
  child.stderr.on('data', piece => {
    outcome.stderr += piece;
    if (signalAfterOutput !== undefined) child.kill(signalAfterOutput);
  });
  if (stdoutClosed) child.stdout.destroy();
  child.stdin.on('error', () => {}); // a program that stops early closes its end
  if (stdin === undefined) child.stdin.end();
  else stdin.pipe(child.stdin);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ ...outcome, code, signal }));
  });
}
