/** Which batches a part has, and its rows in memory: what a thread writes from (write-part.ts). */
import type { GeoTable } from '../../common/geo/table.ts';
import type { LoggedBatch } from '../log/entry.ts';
import { DamagedBatch, openOrDamaged } from '../store/batch.ts';
import { type BatchHead, headOf } from './heads.ts';
import { partBatchesMax, partRecordsMax } from './layout.ts';
import type { DamagedRow } from './manifest.ts';
import { Stage, type Staged, type StagedBatch } from './stage.ts';

/** What stands in the way, for an operator to mend or to wait for: a full disk, or a store that has not counted the log. */
export class NotArchived extends Error {
  override readonly name = 'NotArchived';
}

/** Batches one after the other, the next of which can be looked at. */
export interface BatchSource {
  /** Undefined when there is none left. */
  peek(): LoggedBatch | undefined;
  take(): void;
}

export interface PartRows {
  /** None if all batches were damaged. */
  readonly heads: readonly BatchHead[];
  readonly staged: Staged;
  readonly damaged: readonly DamagedRow[];
  /** Of the batches as they travelled. */
  readonly bytes: number;
}

/** Takes as many batches as a part may hold, of one day, ascending. */
export function stagePart(day: number, geo: GeoTable, batches: BatchSource): PartRows {
  const taken = new Taken(day, batches);
  const staged = stageRows(geo, partRecordsMax, () => taken.next());
  return { heads: taken.heads, staged, damaged: taken.damaged, bytes: taken.bytes };
}

/** `next` gives batches with records, all of one day, at most `recordsMax`; undefined after the last. */
export function stageRows(geo: GeoTable, recordsMax: number, next: () => StagedBatch | undefined): Staged {
  const stage = new Stage(geo, recordsMax);
  for (let batch = next(); batch !== undefined; batch = next()) stage.add(batch);
  return stage.sorted();
}

/** The batches of the part, as they are taken from the log. */
class Taken {
  readonly heads: BatchHead[] = [];
  readonly damaged: DamagedRow[] = [];
  bytes = 0;
  readonly #day: number;
  readonly #batches: BatchSource;
  #records = 0;

  constructor(day: number, batches: BatchSource) {
    this.#day = day;
    this.#batches = batches;
  }

  /** The next with records; undefined when the part is full, or there is none. */
  next(): StagedBatch | undefined {
    for (let logged = this.#batches.peek(); logged !== undefined; logged = this.#batches.peek()) {
      const number = this.heads.length;
      if (number === partBatchesMax || (number > 0 && this.#records + logged.records > partRecordsMax))
        return undefined;
      this.#batches.take();
      const batch = openOrDamaged(logged);
      if (batch instanceof DamagedBatch) {
        this.damaged.push({ position: logged.position, day: this.#day, message: batch.message, bytes: logged.bytes });
        continue;
      }
      this.heads.push(headOf(logged));
      this.bytes += logged.bytes.length;
      const { records, sensor, receivedMs, misdated, header } = batch;
      this.#records += records.count;
      if (records.count > 0) return { number, sensor, receivedMs, misdated, historic: header.historic, records };
    }
    return undefined;
  }
}
