/**
 * The reading thread, as the main thread has it: begun, begun again when it dies, and asked over a socket in a directory that
 * nobody else may enter. While it is away readers are told to come again; batches are taken all the same.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Transferable, Worker } from 'node:worker_threads';
import { MINUTE_MS } from '../../common/time.ts';
import type { Others } from '../ingest/hand-over.ts';
import { serializeError } from '../ingest/logging.ts';
import type { Heard } from '../publish/api/admin-powers.ts';
import { awayPage } from '../publish/pages/away.ts';
import type { Measured, ReadingOrder, ReadingSaid } from './reading-orders.ts';
import { askBehind } from './reading-proxy.ts';

export interface ReadingOptions<Data extends object> {
  /** Of the sockets: this process's own, and whatever is in it is left by one that was killed. A temporary one unless given. */
  readonly directory?: string;
  /** The reading thread's, unless given. */
  readonly program?: URL;
  /** What each thread is given, with the path of its socket beside it. */
  readonly given: () => { readonly data: Data; readonly transfer: Transferable[] };
  readonly say: (level: 'info' | 'error', facts: object, text: string) => void;
  readonly measured: (one: Measured) => void;
  readonly fatal: (error: Error) => void;
  /** Before one that died is begun again; twice as long each time, up to `againMsMax`, unless it lived for a while. */
  readonly againMs?: number;
  readonly againMsMax?: number;
}

export interface Reading {
  readonly others: Others;
  heard(sensor: number, heard: Heard): void;
  stop(): Promise<void>;
}

/** Having lived for so long, it did not die of its start. */
const calmMs = MINUTE_MS;
/** For what it is at when it is told to stop: whoever asked has gone. */
const stopMs = 3000;
/** A connection that nothing comes over is closed a little later (ingest/app.ts). */
const answerMs = 100_000;
/** Questions under way at once, others wait: one thread answers them, and each takes two files more of this process. */
const socketsMax = 1000;
/** Of a Unix socket's path, in bytes. */
const pathBytesMax = 107;

/** Throws the system's error if its directory cannot be made. */
export function startReading<Data extends object>(options: ReadingOptions<Data>): Reading {
  const { againMs = 1000, againMsMax = MINUTE_MS, given, say } = options;
  const { program = new URL('./reading-thread.ts', import.meta.url) } = options;
  const dir = socketDirectory(options.directory);
  let starts = 0;
  let ended = false;
  let waitMs = againMs;
  let timer: NodeJS.Timeout | undefined;
  let worker: Worker | undefined;
  let socket: string | undefined;
  const begun = Promise.withResolvers<void>();

  function begin(): void {
    const at = path.join(dir, String(++starts));
    const beganMs = performance.now();
    const { data, transfer } = given();
    const one = new Worker(program, { workerData: { ...data, socket: at }, transferList: transfer });
    worker = one;
    one.on('message', (said: ReadingSaid) => {
      if (said.kind === 'measured') options.measured(said.measured);
      else if (said.kind === 'fatal') options.fatal(said.error);
      else {
        socket = at;
        begun.resolve();
      }
    });
    one.on('error', error => say('error', { why: serializeError(error) }, 'reading failed'));
    one.on('exit', code => {
      worker = undefined;
      socket = undefined;
      begun.resolve();
      fs.rmSync(at, { force: true });
      if (ended) return;
      if (performance.now() - beganMs > calmMs) waitMs = againMs;
      say('error', { code, ms: waitMs }, 'nobody reads: the thread is begun again');
      timer = setTimeout(begin, waitMs);
      waitMs = Math.min(2 * waitMs, againMsMax);
    });
  }

  begin();
  // Before the first has begun, whoever asks waits for it; later there is none.
  const proxy = askBehind({
    socket: async () => {
      await begun.promise;
      return socket;
    },
    socketsMax,
    answerMs,
  });
  const order = (one: ReadingOrder) => worker?.postMessage(one);
  return {
    others: { ask: proxy.ask, awayPage },
    heard: (sensor, heard) => order({ kind: 'heard', sensor, heard }),
    stop: async () => {
      ended = true;
      clearTimeout(timer);
      proxy.close();
      if (worker !== undefined) await stopped(worker, () => order({ kind: 'stop' }));
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** In time, or it is ended. */
async function stopped(worker: Worker, tell: () => void): Promise<void> {
  const exit = new Promise(resolve => worker.once('exit', resolve));
  tell();
  const timer = setTimeout(() => void worker.terminate(), stopMs);
  await exit;
  clearTimeout(timer);
}

const PREFIX = 'enaga-reads-';

const fits = (dir: string): boolean => Buffer.byteLength(path.join(dir, '999999999')) <= pathBytesMax;

/** Made anew, of mode 0700. A path that is too long for a socket has a temporary one in its place. */
function socketDirectory(wanted: string | undefined): string {
  if (wanted !== undefined && fits(wanted)) {
    fs.rmSync(wanted, { recursive: true, force: true });
    fs.mkdirSync(wanted, { mode: 0o700 });
    return wanted;
  }
  const prefix = wanted === undefined ? PREFIX : `${PREFIX}${markOf(path.dirname(wanted))}-`;
  if (wanted !== undefined) removeLeft(prefix);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), prefix));
  if (fits(dir)) return dir;
  fs.rmdirSync(dir);
  throw new Error(`the path of a socket in ${os.tmpdir()} is too long: set TMPDIR to a shorter one`);
}

/** Of a data directory, which one process has at a time: what is called by it and there at a start, its process has left behind. */
function markOf(data: string): string {
  const { dev, ino } = fs.statSync(data, { bigint: true });
  return createHash('sha256').update(`${dev} ${ino}`).digest('hex').slice(0, 8);
}

/** Only this user's: in a directory that all may write, another may have given one such a name. */
function removeLeft(prefix: string): void {
  const names = fs.readdirSync(os.tmpdir()).filter(name => name.startsWith(prefix));
  for (const dir of names.map(name => path.join(os.tmpdir(), name)))
    if (fs.lstatSync(dir, { throwIfNoEntry: false })?.uid === process.getuid?.())
      fs.rmSync(dir, { recursive: true, force: true });
}
