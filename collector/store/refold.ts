/** One day folded from nothing, from the log: for a new revision, and to see whether the store says the same. */
import type { GeoTable } from '../../common/geo/table.ts';
import type { LogReader } from '../log/reader.ts';
import type { Day } from '../reduce/day.ts';
import type { Accounts } from './account.ts';
import { DamagedBatch, isMisdated, type OpenedBatch, openOrDamaged } from './batch.ts';
import { Delta, type DeltaOptions } from './delta.ts';

/** Records opened before they are folded: together, since then few settlings do for many. */
const recordsAtOnce = 200_000;

export interface RefoldOptions extends DeltaOptions {
  readonly reader: LogReader;
  /** Days since 1970. */
  readonly day: number;
  /** The last position of the log that counts. */
  readonly upTo: number;
  /** Given the position of the day's first sound batch. */
  readonly geoAt: (position: number) => GeoTable;
  readonly excluded: ReadonlySet<number>;
  /** Called now and then with the records folded so far. */
  readonly onProgress?: (records: number) => void;
}

/** What is wrong with a batch of the log. */
export interface Damage {
  readonly position: number;
  readonly message: string;
}

export interface Refolded {
  /** Absent without records. */
  readonly state?: Day;
  /** Of all sensors, also those left out of the state. Misdated batches are of no day, and left out of both. */
  readonly accounts: Accounts;
  /** Absent if the log has no batch of the day. */
  readonly geo?: GeoTable;
  /** Batches of the day that are damaged, and in nothing of the above. */
  readonly damaged: readonly Damage[];
}

/** Throws `BadLog`, and `BadDatabase` for a log that is damaged beyond single batches. */
export function refoldDay(options: RefoldOptions): Refolded {
  const { reader, day, upTo, geoAt, excluded, onProgress } = options;
  const delta = new Delta(options);
  let geo: GeoTable | undefined;
  let waiting: OpenedBatch[] = [];
  let waitingRecords = 0;
  const flush = () => {
    if (geo !== undefined) delta.fold(waiting, geo);
    waiting = [];
    waitingRecords = 0;
    onProgress?.(delta.records);
  };
  const damaged: Damage[] = [];
  for (const logged of reader.ofDay(day, upTo, damage => damaged.push(damage))) {
    if (isMisdated(logged)) continue;
    const batch = openOrDamaged(logged);
    if (batch instanceof DamagedBatch) {
      damaged.push(batch);
      continue;
    }
    geo ??= geoAt(logged.position);
    delta.accounts.add(batch);
    if (excluded.has(batch.sensor)) continue;
    waiting.push(batch);
    waitingRecords += batch.records.count;
    if (waitingRecords >= recordsAtOnce) flush();
  }
  flush();
  const [state] = delta.takeDays();
  return {
    ...(state !== undefined && { state }),
    accounts: delta.accounts,
    ...(geo !== undefined && { geo }),
    damaged,
  };
}
