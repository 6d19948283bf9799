/** The rows of a day, from the collector's log: what is known of the day's packets from one country. */
import type { GeoTable } from '../../../common/geo/table.ts';
import type { LogReader } from '../../log/reader.ts';
import { DAY_MS, isMisdated, openLogged } from '../../store/batch.ts';
import { type Row, rowsOf, type Selection } from './row.ts';

export interface DaySource {
  readonly reader: LogReader;
  /** Days since 1970, UTC. */
  readonly day: number;
  /** The last position of the log that counts: the same positions give the same rows. */
  readonly upTo: number;
  /** Indexes of the sensors left out on this day. */
  readonly excluded: ReadonlySet<number>;
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
  for (const batch of reader.ofDay(day, upTo)) if (!isMisdated(batch)) yield batch;
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

/** A batch's rows at a time, in the order of the log. Throws `BadLog`, and `BadDatabase` for a damaged log. */
export function* dayRows(
  source: DaySource,
  geo: GeoTable,
  selection: Selection,
  economyOf: (sensor: number) => string,
): Generator<Row[]> {
  for (const logged of datedBatches(source)) {
    if (source.excluded.has(logged.sensor)) continue;
    const { records, sensor } = openLogged(logged);
    const rows = rowsOf(records, geo, selection, economyOf(sensor));
    if (rows.length > 0) yield rows;
  }
}

/** When a day's contents can be said to date from: its end, or its last batch if that came later. */
export const contentsMs = (day: number, { lastReceivedMs }: DaySurvey): number =>
  Math.max((day + 1) * DAY_MS, lastReceivedMs);
