/**
 * Makes large open days and long running periods over and over, in a thread each time: it makes what has changed and ends, so that
 * its memory is given back. They take an eleventh of a processor, and half of one while there is nothing to tell of some of them.
 */
import { Worker } from 'node:worker_threads';
import { keepMade } from './made-file.ts';
import { isSame, type Made } from './open-days.ts';
import type { StoreReader } from './query.ts';
import { runningPeriods } from './rollup.ts';

/** What a thread is given. */
export interface RenewalStart {
  /** Path of the store. */
  readonly file: string;
  /** Days to be made, and the names of ranks (rollup.ts). */
  readonly days: readonly number[];
  readonly ranks: readonly string[];
  /** Days that are made. */
  readonly before: readonly Made[];
}

export interface RenewalOptions {
  /** What was made is kept there (made-file.ts). */
  readonly file: string;
  /** Told why something could not be made, once until something is; it is tried again. */
  readonly failed: (error: unknown) => void;
  readonly restTimes?: number;
}

/** Rest for so many times as long as the last one took. */
const restTimesDefault = 10;
/** At the least, after one that failed. */
const failedMs = 5000;

/** A day, or the name of ranks, that is not as it was made. */
interface Changed {
  readonly day?: number;
  readonly ranks?: string;
  /** There is nothing of it to tell: people wait. */
  readonly isMissing: boolean;
}

export class Renewal {
  readonly #store: StoreReader;
  readonly #options: RenewalOptions;
  #isMaking = false;
  #hasFailed = false;
  #isEnded = false;
  /** Nothing is made before; and what has something to tell not before the other. */
  #pausesUntilMs = Number.NEGATIVE_INFINITY;
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(store: StoreReader, options: RenewalOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** To be called every second or so. */
  turn(): void {
    const nowMs = performance.now();
    if (this.#isEnded || this.#isMaking || nowMs < this.#pausesUntilMs) return;
    const changed = this.#changed();
    const isDue = nowMs >= this.#restsUntilMs || changed.some(({ isMissing }) => isMissing);
    if (isDue && changed.length > 0) void this.#make(changed);
  }

  /** What is being made goes on, and is told nobody. */
  close(): void {
    this.#isEnded = true;
  }

  #changed(): Changed[] {
    const { made } = this.#store;
    const open = this.#store.openDays();
    made.keepOnly(open);
    const days = open
      .filter(day => made.isLarge(day) && made.hasPlace(day) && made.knownDay(day)?.packets !== day.packets)
      .map(day => ({ day: day.day, isMissing: made.knownDay(day) === undefined }));
    const ranks = runningPeriods(this.#store).flatMap(({ name, days }) => {
      const known = made.knownRanks(name, days);
      const isChanged = made.isLong(days) && !isSame(known?.days ?? [], days);
      return isChanged ? [{ ranks: name, isMissing: known === undefined }] : [];
    });
    return [...days, ...ranks];
  }

  async #make(changed: readonly Changed[]): Promise<void> {
    const { made, database } = this.#store;
    const known = this.#store.openDays().flatMap(day => made.knownDay(day) ?? []);
    const start: RenewalStart = {
      file: database.name,
      days: changed.flatMap(({ day }) => day ?? []),
      ranks: changed.flatMap(({ ranks }) => ranks ?? []),
      before: known.map(day => ({ kind: 'day', day })),
    };
    this.#isMaking = true;
    const beganMs = performance.now();
    let restMs = 0;
    try {
      await runThread(start, one => {
        if (!this.#isEnded) made.keep(one);
      });
      if (!this.#isEnded) await keepMade(this.#options.file, made.all());
      this.#hasFailed = false;
    } catch (error) {
      restMs = failedMs;
      if (!this.#isEnded && !this.#hasFailed) this.#options.failed(error);
      this.#hasFailed = true;
    }
    const nowMs = performance.now();
    const tookMs = nowMs - beganMs;
    const { restTimes = restTimesDefault } = this.#options;
    this.#pausesUntilMs = nowMs + Math.max(restMs, tookMs);
    // Of what there was nothing of, more may have come meanwhile.
    const isFirst = changed.some(({ isMissing }) => isMissing);
    this.#restsUntilMs = isFirst ? this.#pausesUntilMs : nowMs + Math.max(restMs, restTimes * tookMs);
    this.#isMaking = false;
  }
}

/** Until it ends. Throws what it died of. */
function runThread(start: RenewalStart, told: (one: Made) => void): Promise<void> {
  const worker = new Worker(new URL('./renewal-thread.ts', import.meta.url), { workerData: start, execArgv: [] });
  worker.unref(); // no answer is worth a server that does not end
  worker.on('message', told);
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', code => (code === 0 ? resolve() : reject(new Error(`it ended with ${code}`))));
  });
}
