/**
 * What sensors say of packets that became no record, and of the time they watched, added up from the headers of their batches.
 * Sums and unions: any order gives the same.
 */
import { accountDay, type OpenedBatch } from './batch.ts';

/** Of one sensor and day, in packets unless named otherwise: seen = kernelDrops + interrupted + skipped + records + lostRecords. */
export interface Account {
  readonly sensor: number;
  /** Days since 1970: of the records, or, for batches whose records are misdated, of their receipt. */
  readonly day: number;
  readonly misdated: boolean;
  batches: number;
  records: number;
  seen: number;
  kernelDrops: number;
  interrupted: number;
  lostBatches: number;
  lostRecords: number;
  /** By reason. */
  readonly skipped: Map<string, number>;
}

/** A range of batches that a sensor's spool had to drop. */
export interface Lost {
  readonly sensor: number;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  readonly records: number;
}

/** From and to, in microseconds of an hour; ascending, apart from each other. */
export type Spans = readonly (readonly [number, number])[];

/** What a sensor watched of an hour. */
export interface Watch {
  readonly sensor: number;
  /** Hours since 1970. */
  readonly hour: number;
  spans: Spans;
}

/** Counters stop here: a sensor may say any number in each batch, and the sum must stay one that is kept exactly. */
export const countMax = Number.MAX_SAFE_INTEGER;
const sumOf = (a: number, b: number): number => Math.min(countMax, a + b);

/** Both together. */
export function unionOf(a: Spans, b: Spans): Spans {
  const union: [number, number][] = [];
  for (const [from, to] of [...a, ...b].filter(([from, to]) => from < to).sort((x, y) => x[0] - y[0])) {
    const last = union.at(-1);
    if (last === undefined || from > last[1]) union.push([from, to]);
    else last[1] = Math.max(last[1], to);
  }
  return union;
}

/** Microseconds. */
export const watchedOf = (spans: Spans): number => spans.reduce((sum, [from, to]) => sum + to - from, 0);

export class Accounts {
  readonly #accounts = new Map<string, Account>();
  readonly #watches = new Map<string, Watch>();
  #lost: Lost[] = [];

  add(batch: OpenedBatch): void {
    const { header, sensor, misdated, records } = batch;
    const { counters } = header;
    const account = this.#account(sensor, accountDay(batch), misdated);
    account.batches++;
    account.records += records.count;
    account.seen = sumOf(account.seen, counters.seen);
    account.kernelDrops = sumOf(account.kernelDrops, counters.kernelDrops);
    account.interrupted = sumOf(account.interrupted, counters.interrupted);
    for (const [reason, packets] of Object.entries(counters.skipped))
      account.skipped.set(reason, sumOf(account.skipped.get(reason) ?? 0, packets));
    for (const { epoch, from, to, records: lostRecords } of counters.lost) {
      account.lostBatches = sumOf(account.lostBatches, to - from + 1);
      account.lostRecords = sumOf(account.lostRecords, lostRecords);
      this.#lost.push({ sensor, epoch, from, to, records: lostRecords });
    }
    if (!misdated) this.#watch(sensor, header.hour, [[header.from, header.to]]);
  }

  accounts = (): Account[] => [...this.#accounts.values()];
  lost = (): Lost[] => this.#lost;
  watches = (): Watch[] => [...this.#watches.values()];

  clear(): void {
    this.#accounts.clear();
    this.#watches.clear();
    this.#lost = [];
  }

  #account(sensor: number, day: number, misdated: boolean): Account {
    const name = `${sensor} ${day} ${misdated}`;
    let found = this.#accounts.get(name);
    if (found === undefined) {
      found = emptyAccount(sensor, day, misdated);
      this.#accounts.set(name, found);
    }
    return found;
  }

  #watch(sensor: number, hour: number, spans: Spans): void {
    const name = `${sensor} ${hour}`;
    const found = this.#watches.get(name);
    if (found === undefined) this.#watches.set(name, { sensor, hour, spans: unionOf(spans, []) });
    else found.spans = unionOf(found.spans, spans);
  }
}

const emptyAccount = (sensor: number, day: number, misdated: boolean): Account => ({
  sensor,
  day,
  misdated,
  batches: 0,
  records: 0,
  seen: 0,
  kernelDrops: 0,
  interrupted: 0,
  lostBatches: 0,
  lostRecords: 0,
  skipped: new Map(),
});
