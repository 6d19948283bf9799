/**
 * Archives beside `enaga serve`, in a process of its own: what it takes of memory and processors is its own, it is the last to get
 * a processor, and whatever becomes of it, batches are acknowledged.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { MINUTE_MS } from '../../common/time.ts';

export interface ArchivingOptions {
  /** The data directory. */
  readonly root: string;
  /** This one's, unless given. */
  readonly program?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly say: (level: 'info' | 'error', facts: object, text: string) => void;
  /** After the start, and between the end of one run and the next. */
  readonly firstMs?: number;
  readonly everyMs?: number;
}

/** Of what is not the archive's, said at once. */
const namesMax = 5;
/** Of Node: its threads that collect garbage begin before the priority is set, and a priority is a thread's. */
export const ARCHIVING_FLAGS = ['--single-threaded-gc'];
/** Of what it says. */
const textMax = 2 ** 20;

/** Returns how to end it; what it is at is given up, and done again another time. */
export function startArchiving(options: ArchivingOptions): () => Promise<void> {
  const { firstMs = MINUTE_MS, everyMs = 10 * MINUTE_MS } = options;
  const known = new Set<string>();
  let child: ChildProcess | undefined;
  let ended = false;
  let timer = setTimeout(run, firstMs);
  async function run(): Promise<void> {
    const begun = (started: ChildProcess) => {
      child = started;
    };
    await runOnce(options, begun, known).catch(error =>
      options.say('error', {}, `what was archived cannot be told: ${(error as Error).message}`),
    ); // too long
    child = undefined;
    if (!ended) timer = setTimeout(run, everyMs);
  }
  return async () => {
    ended = true;
    clearTimeout(timer);
    if (child === undefined) return;
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
}

async function runOnce(
  { root, program = process.argv[1]!, environment, say }: ArchivingOptions,
  started: (child: ChildProcess) => void,
  known: Set<string>,
): Promise<void> {
  const args = [...ARCHIVING_FLAGS, program, 'archive', 'run', '--json', '--data', root];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NOTIFY_SOCKET: undefined, ...environment }, // whether the service is well, it does not know
  });
  started(child);
  const [stdout, stderr] = [child.stdout!, child.stderr!].map(stream => {
    let text = '';
    stream.on('data', piece => {
      if (text.length < textMax) text += piece;
    });
    return () => text;
  });
  try {
    os.setPriority(child.pid!, os.constants.priority.PRIORITY_LOW);
  } catch {
    // It ended already, or could not begin: its end says why.
  }
  const code = await new Promise<number | null>(resolve => {
    child.on('error', () => resolve(null));
    child.on('close', resolve);
  });
  if (code === 0) tell(JSON.parse(stdout!()), say, known);
  else if (child.signalCode === null) say('error', { code }, `days could not be archived: ${stderr!().trim()}`);
}

interface Outcome {
  readonly parts: readonly { readonly date: string; readonly records: number }[];
  readonly logFilesRemoved: readonly string[];
  readonly expired: readonly { readonly date: string }[];
  readonly notOfTheArchive: readonly string[];
}

/** `known` is what was said before not to be the archive's. */
function tell(outcome: Outcome, say: ArchivingOptions['say'], known: Set<string>): void {
  const { parts, logFilesRemoved, expired, notOfTheArchive } = outcome;
  const dates = (list: readonly { readonly date: string }[]) => [...new Set(list.map(({ date }) => date))];
  if (parts.length > 0) {
    const records = parts.reduce((sum, one) => sum + one.records, 0);
    say('info', { days: dates(parts), records }, 'archived');
  }
  if (logFilesRemoved.length > 0)
    say('info', { files: logFilesRemoved }, 'files of the log went: the archive has them');
  if (expired.length > 0) say('info', { days: dates(expired) }, 'records were removed for their age');
  const strange = notOfTheArchive.filter(name => !known.has(name)).slice(0, namesMax);
  for (const name of strange) known.add(name);
  if (strange.length > 0) say('info', { names: strange }, "left as it is, for it is not the archive's");
}
