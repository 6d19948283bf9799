/**
 * Group commit: a commit to disk costs the same for one batch as for fifty, so batches that arrive while one commit runs
 * share the next. The log commits synchronously: what arrives meanwhile waits in the sockets, is read and verified in the next
 * turn of the event loop, and committed at that turn's end. (To wait a while for more was measured: it gained nothing.)
 *
 * After a failure other than lack of room nothing is acknowledged any more: nobody knows what an fsync that failed has
 * written, and asking again may be told a lie (fsync reports an error once). The process has to end.
 */
import { isFull } from '../../common/sqlite/full.ts';
import type { Appended, NewBatch, NotAppended } from './powers.ts';

export interface GroupOptions {
  readonly batchesMax: number;
  readonly bytesMax: number;
  /** Runs the commit when whatever is at hand has been queued. */
  readonly schedule: (commit: () => void) => void;
  /** Tells a failure that passes (`passing`, and what the log makes of it) from one after which all is over. */
  readonly passing: (error: unknown) => 'full' | 'busy' | undefined;
  readonly fatal: (error: Error) => void;
  /** For how long the disk is called full after a commit that found it so: someone has to try again. */
  readonly fullMs: number;
  /** After each commit, failed ones too. */
  readonly onCommit: (batches: number, seconds: number, done: boolean) => void;
}

export const GROUP_DEFAULTS = {
  batchesMax: 1024,
  bytesMax: 64 * 2 ** 20,
  schedule: (commit: () => void): void => void setImmediate(commit),
  fullMs: 30_000,
  passing,
};

interface Waiting {
  readonly batch: NewBatch;
  readonly resolve: (outcome: Appended | NotAppended) => void;
}

/** An error after which nothing was written and it may be tried again: no room, or another process holds the database. */
export function passing(error: unknown): 'full' | 'busy' | undefined {
  if (isFull(error)) return 'full';
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  return /^SQLITE_BUSY(_|$)/.test(code) ? 'busy' : undefined;
}

export class GroupCommit {
  readonly #append: (batches: readonly NewBatch[]) => readonly Appended[];
  readonly #options: GroupOptions;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #stopped = false;
  #fullUntilMs = 0;

  /** `append` writes all batches in one durable transaction or throws with none written. */
  constructor(append: (batches: readonly NewBatch[]) => readonly Appended[], options: GroupOptions) {
    this.#append = append;
    this.#options = options;
  }

  /** `full` changes nothing for `add`, which tries. */
  get state(): 'open' | 'full' | 'stopped' {
    if (this.#stopped) return 'stopped';
    return performance.now() < this.#fullUntilMs ? 'full' : 'open';
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves after the commit; never rejects. */
  add(batch: NewBatch): Promise<Appended | NotAppended> {
    const { batchesMax, bytesMax, schedule } = this.#options;
    if (this.#stopped) return Promise.resolve({ kind: 'stopped' });
    if (this.#waiting.length >= batchesMax || this.#waitingBytes + batch.bytes.length > bytesMax)
      return Promise.resolve({ kind: 'busy' });
    if (this.#waiting.length === 0) schedule(() => this.commit());
    this.#waitingBytes += batch.bytes.length;
    return new Promise(resolve => this.#waiting.push({ batch, resolve }));
  }

  /** Commits what waits, now. */
  commit(): void {
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const outcomes = this.#outcomes(group.map(({ batch }) => batch));
    for (const [n, { resolve }] of group.entries()) resolve(outcomes[n]!);
  }

  /** Commits what waits and takes nothing more. */
  stop(): void {
    this.commit();
    this.#stopped = true;
  }

  #outcomes(batches: readonly NewBatch[]): readonly (Appended | NotAppended)[] {
    if (this.#stopped) return batches.map(() => ({ kind: 'stopped' }));
    const started = performance.now();
    const told = (done: boolean) => this.#options.onCommit(batches.length, (performance.now() - started) / 1000, done);
    try {
      const appended = this.#append(batches);
      this.#fullUntilMs = 0;
      told(true);
      return appended;
    } catch (error) {
      const kind = this.#options.passing(error) ?? 'stopped';
      if (kind === 'full') this.#fullUntilMs = performance.now() + this.#options.fullMs;
      if (kind === 'stopped') this.#stopped = true;
      told(false);
      if (kind === 'stopped') this.#options.fatal(error as Error);
      return batches.map(() => ({ kind }));
    }
  }
}
