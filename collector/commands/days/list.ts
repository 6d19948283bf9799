/** The list of days, and what beside them is in no total. */
import { sourcesText } from '../../publish/names.ts';
import { count } from '../../publish/words.ts';
import { dateOf } from '../../reduce/result.ts';
import type { Sensor } from '../../registry/registry.ts';
import type { Choice, DayRange, StoreReader } from '../../store/query.ts';
import { printLines, printTable } from '../registry.ts';

export function listDays(store: StoreReader, range: DayRange, choice: Choice, sensors: readonly Sensor[]): void {
  const days = store.days(range).flatMap(day => {
    if (choice === undefined) return [day];
    const result = store.day(day.day, choice);
    if (result === undefined) return [];
    const { packets, sources, scanningSources } = result;
    return [{ ...day, packets, sources, scanningSources }];
  });
  if (days.length === 0) printLines('No day is counted.');
  else
    printTable(
      ['date', 'packets', 'sources', 'scanning', 'revision', 'state'],
      days.map(({ date, packets, sources, scanningSources, revision, closed }) => [
        date,
        count(packets),
        sourcesText(sources),
        sourcesText(scanningSources),
        String(revision),
        closed ? 'closed' : 'open',
      ]),
    );
  const misdated = store.misdated().filter(({ sensor }) => choice?.has(sensor) ?? true);
  if (misdated.length === 0) return;
  printLines('', "In no total, since the sensor's clock was off by over a day; by the date of receipt:");
  printTable(
    ['received', 'sensor', 'packets'],
    misdated.map(({ day, sensor, packets }) => [dateOf(day), nameOf(sensors, sensor), count(packets)]),
  );
}

/** One that the registry does not know any more, as after a restore, has no name. */
export const nameOf = (sensors: readonly Sensor[], sensor: number): string =>
  sensors.find(({ index }) => index === sensor)?.name ?? `(sensor ${sensor})`;
