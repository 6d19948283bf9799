/** How complete each sensor's day is, in packets: seen = records + kernelDrops + interrupted + skipped + lostRecords. */

import { dateOf } from '../../reduce/result.ts';
import type { Placement, Sensor } from '../../registry/registry.ts';
import type { DayRange, StoreReader } from '../../store/query.ts';
import { completeness } from '../../store/series.ts';
import type { SensorsView } from '../roles/roles.ts';
import { ownedAllDay, ownersOn } from './figures.ts';
import type { Row } from './formats.ts';

const watchedDigits = 6;

/** Sensors of the view on each day, those that sent nothing left out. */
export function sensorRows(
  view: SensorsView,
  store: StoreReader,
  range: DayRange,
  { sensors, placements }: { readonly sensors: readonly Sensor[]; readonly placements: readonly Placement[] },
): Row[] {
  return completeness(store, range)
    .filter(({ sensor, day }) => view.owner === null || ownedAllDay(placements, view.owner, day).has(sensor))
    .map(({ sensor, day, watched, excluded, records, skipped, ...account }) => ({
      date: dateOf(day),
      sensor: sensors[sensor]?.name ?? String(sensor),
      owner: ownersOn(placements, day).get(sensor) ?? '',
      packets: records,
      seen: account.seen,
      kernelDrops: account.kernelDrops,
      interrupted: account.interrupted,
      skipped: [...skipped.values()].reduce((sum, packets) => sum + packets, 0),
      lostPackets: account.lostRecords,
      watched: Number(watched.toPrecision(watchedDigits)),
      excluded,
    }))
    .sort((x, y) => (x.date < y.date ? -1 : x.date > y.date ? 1 : 0));
}
