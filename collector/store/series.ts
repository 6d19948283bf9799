/** What happened hour by hour, and how much of it was watched: what a count must be divided by before counts are compared. */
import { HOUR_MICROS } from '../../common/time.ts';
import type { Account } from './account.ts';
import type { Choice, DayRange, StoreReader } from './query.ts';

const HOURS = 24;

/** Packets and distinct sources of an hour; null where they are kept no longer, or not for a choice of sensors. */
export interface HourPoint {
  /** Hours since 1970. */
  readonly hour: number;
  readonly packets: number | null;
  readonly sources: number | null;
}

/** `total`, or a port (a target as in reduce/day.ts), or a country (its number as in reduce/rows.ts). */
export type Subject = { readonly table: 'total' } | { readonly table: 'ports' | 'countries'; readonly a: number };

const TABLES = { total: 'hours', ports: 'portHours', countries: 'countryHours' } as const;

/** Every hour of the days, ascending. Throws `BadState`. */
export function hourlySeries(store: StoreReader, range: DayRange, subject: Subject, sensors?: Choice): HourPoint[] {
  const points: HourPoint[] = [];
  for (let day = range.from; day <= range.to; day++) {
    const rows = store.rows(day, sensors);
    const table = TABLES[subject.table];
    const byHour = new Map(
      subject.table === 'total'
        ? rows?.rows(table).map(row => [row.a, row])
        : rows?.rows(table, subject.a).map(row => [row.b, row]),
    );
    const gone = rows !== undefined && !rows.has(table);
    for (let hour = 0; hour < HOURS; hour++) {
      const { packets, sources } = byHour.get(hour) ?? (gone ? NOT_KEPT : NOTHING);
      points.push({ hour: HOURS * day + hour, packets, sources });
    }
  }
  return points;
}

const NOTHING = { packets: 0, sources: 0 };
const NOT_KEPT = { packets: null, sources: null };

/** How much of a day a sensor watched. */
interface Watched {
  readonly sensor: number;
  readonly day: number;
  /** Share of the day. */
  readonly watched: number;
  /** It is left out of the day's counts. */
  readonly excluded: boolean;
}

/** Of one sensor and day. */
export interface Completeness extends Watched, Omit<Account, 'misdated'> {}

/** Of every sensor that sent something of a day, ascending by sensor, then day. */
export function completeness(store: StoreReader, range: DayRange, sensors?: Choice): Completeness[] {
  const watched = watchedOf(store, range);
  return store
    .accounts(range, sensors)
    .filter(({ misdated }) => !misdated)
    .map(({ misdated: _, ...account }) => ({ ...account, ...watched(account.sensor, account.day) }));
}

/** What of `completeness` does not need the accounts, which take ten times as long to read. */
export function watchedShares(store: StoreReader, range: DayRange): Watched[] {
  const watched = watchedOf(store, range);
  return store.senders(range).map(([sensor, day]) => watched(sensor, day));
}

function watchedOf(store: StoreReader, range: DayRange): (sensor: number, day: number) => Watched {
  const watched = store.watchedDays(range);
  const excluded = store.excluded(range);
  return (sensor, day) => ({
    sensor,
    day,
    watched: (watched.get(day)?.get(sensor) ?? 0) / (HOURS * HOUR_MICROS),
    excluded: excluded.has(`${day} ${sensor}`),
  });
}

/** How many sensors watched, hour by hour: 1.5 is one all the hour and one half of it. Those excluded on a day did not. */
export const sensorsWatching = (store: StoreReader, range: DayRange, sensors?: Choice): Map<number, number> =>
  new Map([...store.watchedHours(range, sensors)].map(([hour, micros]) => [hour, micros / HOUR_MICROS]));

/** What was watched of a range of days: in hours of one sensor, and in hours of one address. */
export interface Coverage {
  readonly hours: number;
  readonly sensorHours: number;
  readonly addressHours: number;
}

/** `addressesOf` says how many addresses a sensor observes. Sensors excluded on a day watched nothing of it. */
export function coverageOf(
  rows: readonly Watched[],
  { from, to }: DayRange,
  addressesOf: (sensor: number, day: number) => number,
): Coverage {
  let [sensorHours, addressHours] = [0, 0];
  for (const { sensor, day, watched, excluded } of rows) {
    if (excluded) continue;
    sensorHours += HOURS * watched;
    addressHours += HOURS * watched * addressesOf(sensor, day);
  }
  return { hours: HOURS * (to - from + 1), sensorHours, addressHours };
}

/** Of the time of one sensor: from less, a mean would say more of chance than of what came. */
export const meanCoverageMin = 0.05;

/**
 * ISDAS's unit: what one sensor, or one address, would have counted had it watched all the time; null where sensors together watched
 * less than `meanCoverageMin` of it.
 */
export const meanPerSensor = (packets: number, { hours, sensorHours }: Coverage): number | null =>
  sensorHours < meanCoverageMin * hours ? null : packets / (sensorHours / hours);
export const meanPerAddress = (packets: number, { hours, addressHours }: Coverage): number | null =>
  addressHours === 0 ? null : packets / (addressHours / hours);
