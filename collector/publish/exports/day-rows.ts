/** The rows of a day, from the collector's log: what is known of the day's packets from one country. */

import type { GeoTable } from '../../../common/geo/table.ts';
import type { Records } from '../../../common/record/record.ts';
import { DAY_MS } from '../../../common/time.ts';
import type { LoggedBatch } from '../../log/entry.ts';
import type { PickedBatch } from '../../log/past.ts';
import type { LogReader } from '../../log/reader.ts';
import type { ObservedTest } from '../../registry/observed.ts';
import { DamagedBatch, isMisdated, openOrDamaged } from '../../store/batch.ts';
import { countriesOf } from './countries.ts';
import { type LeftOut, type Row, rowsOf, type Selection } from './row.ts';

export interface DaySource {
  readonly reader: LogReader;
  /** Days since 1970, UTC. */
  readonly day: number;
  /** The last position of the log that counts: the same positions give the same rows. */
  readonly upTo: number;
  /** Indexes of the sensors left out on this day. */
  readonly excluded: ReadonlySet<number>;
  /** Addresses that no row may have as its source. */
  readonly observed: ObservedTest;
}

/** What there is of a day before any row is made: a pass over the batches as they lie. */
export interface DaySurvey {
  /** Of the first batch that counts: it decides the day's geography. */
  readonly firstPosition: number;
  /** When the last batch that counts came, milliseconds since 1970. */
  readonly lastReceivedMs: number;
}

/** Batches that count; those dated by a clock more than a day off are of no day. An excluded sensor's are among them. */
function* datedBatches({ reader, day, upTo }: DaySource) {
  // Heads of records that were removed for their age are there still.
  const batches = reader.isExpired(day) ? reader.ofDay(day, upTo, () => {}) : reader.headsOfDay(day, upTo, () => {});
  for (const batch of batches) if (!isMisdated(batch)) yield batch;
}

/** Undefined when the log has nothing of the day. */
export function surveyDay(source: DaySource): DaySurvey | undefined {
  let firstPosition: number | undefined;
  let lastReceivedMs = 0;
  for (const { position, receivedMs } of datedBatches(source)) {
    firstPosition ??= position;
    lastReceivedMs = Math.max(lastReceivedMs, receivedMs);
  }
  return firstPosition === undefined ? undefined : { firstPosition, lastReceivedMs };
}

/**
 * A batch's rows at a time, in the order of the log; what is left out is counted meanwhile. Throws `BadDatabase` for a log that
 * is damaged beyond single batches. What the archive looks up meanwhile is not waited for with the thread.
 */
export async function* dayRows(
  source: DaySource,
  geo: GeoTable,
  selection: Selection,
  economyOf: (sensor: number) => string,
  leftOut: LeftOut = { observed: 0, damaged: 0 },
): AsyncGenerator<Row[]> {
  const { reader, day, upTo, excluded, observed } = source;
  const wanted = { geo: geo.sha256, countries: countriesOf(selection, geo) };
  for await (const logged of reader.ofDayLater({ day, from: 1, upTo }, () => leftOut.damaged++, wanted)) {
    if (isMisdated(logged) || excluded.has(logged.sensor)) continue;
    const records = recordsOf(logged);
    if (records === undefined) {
      leftOut.damaged++;
      continue;
    }
    const economy = economyOf(logged.sensor);
    const rows = rowsOf(records, geo, selection, { economy, observed, leftOut });
    if (rows.length > 0) yield rows;
  }
}

/** Undefined if they are damaged. */
function recordsOf(logged: LoggedBatch | PickedBatch): Records | undefined {
  if ('picked' in logged) return logged.picked.records;
  const batch = openOrDamaged(logged);
  return batch instanceof DamagedBatch ? undefined : batch.records;
}

/** When a day's contents can be said to date from: its end, or its last batch if that came later. */
export const contentsMs = (day: number, { lastReceivedMs }: DaySurvey): number =>
  Math.max((day + 1) * DAY_MS, lastReceivedMs);
