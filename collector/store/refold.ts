/** One day folded from nothing, from the log: for a new revision, and to see whether the store says the same. */
import type { GeoTable } from '../../common/geo/table.ts';
import type { LogReader } from '../log/reader.ts';
import type { Day } from '../reduce/day.ts';
import type { Accounts } from './account.ts';
import { isMisdated, type OpenedBatch, openLogged } from './batch.ts';
import { Delta, type DeltaOptions } from './delta.ts';

/** Records opened before they are folded: together, since then few settlings do for many. */
const recordsAtOnce = 200_000;

export interface RefoldOptions extends DeltaOptions {
  readonly reader: LogReader;
  /** Days since 1970. */
  readonly day: number;
  /** The last position of the log that counts. */
  readonly upTo: number;
  /** Given the position of the day's first batch. */
  readonly geoAt: (position: number) => GeoTable;
  readonly excluded: ReadonlySet<number>;
  /** Called now and then with the records folded so far. */
  readonly onProgress?: (records: number) => void;
}

export interface Refolded {
  /** Absent without records. */
  readonly state?: Day;
  /** Of all sensors, also those left out of the state. Misdated batches are of no day, and left out of both. */
  readonly accounts: Accounts;
  /** Absent if the log has no batch of the day. */
  readonly geo?: GeoTable;
}

/** Throws `BadLog`, and `BadDatabase` for a damaged log. */
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
  for (const logged of reader.ofDay(day, upTo)) {
    if (isMisdated(logged)) continue;
    geo ??= geoAt(logged.position);
    const batch = openLogged(logged);
    delta.accounts.add(batch);
    if (excluded.has(batch.sensor)) continue;
    waiting.push(batch);
    waitingRecords += batch.records.count;
    if (waitingRecords >= recordsAtOnce) flush();
  }
  flush();
  const [state] = delta.takeDays();
  return { ...(state !== undefined && { state }), accounts: delta.accounts, ...(geo !== undefined && { geo }) };
}
