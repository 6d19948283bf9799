/** The list of days, and what beside them is in no total. */
import { plainText, sourcesText } from '../../publish/names.ts';
import { count } from '../../publish/words.ts';
import { dateOf } from '../../reduce/result.ts';
import type { Exclusion } from '../../registry/exclusions.ts';
import type { Sensor } from '../../registry/registry.ts';
import type { Choice, DayRange, DaySummary, StoreReader } from '../../store/query.ts';
import { printLines, printTable } from '../registry.ts';

export interface ListOptions {
  readonly choice: Choice;
  readonly sensors: readonly Sensor[];
  readonly exclusions: readonly Exclusion[];
}

export function listDays(store: StoreReader, range: DayRange, options: ListOptions): void {
  const { choice, sensors } = options;
  const leftOut = store.leftOut(range, choice);
  const days = daysOf(store, range, choice, leftOut);
  const namesOf = (day: number) => (leftOut.get(day) ?? []).map(sensor => nameOf(sensors, sensor)).join(' ');
  if (days.length === 0) printLines('No day is counted.');
  else
    printTable(
      ['date', 'packets', 'sources', 'scanning', 'revision', 'state', ...(leftOut.size > 0 ? ['left out'] : [])],
      days.map(({ day, date, packets, sources, scanningSources, revision, closed }) => [
        date,
        count(packets),
        sourcesText(sources),
        sourcesText(scanningSources),
        String(revision),
        closed ? 'closed' : 'open',
        ...(leftOut.size > 0 ? [namesOf(day)] : []),
      ]),
    );
  if (days.some(({ closed }) => !closed))
    printLines(
      '',
      'An open day is closed 24 hours after its end, and an hour after its last packets came, at the earliest.',
    );
  printExclusions(leftOut, options);
  const misdated = store.misdated().filter(({ sensor }) => choice?.has(sensor) ?? true);
  if (misdated.length === 0) return;
  printLines('', "In no total, since the sensor's clock was off by over a day; by the date of receipt:");
  printTable(
    ['received', 'sensor', 'packets'],
    misdated.map(({ day, sensor, packets }) => [dateOf(day), nameOf(sensors, sensor), count(packets)]),
  );
}

/** With those that have no packets since all that sent some are left out. */
function daysOf(store: StoreReader, range: DayRange, choice: Choice, leftOut: ReadonlyMap<number, unknown>) {
  const nothing = { packets: 0, sources: 0, scanningSources: 0 };
  const emptied = store.emptiedDays(range).filter(({ day }) => leftOut.has(day));
  const days = [...store.days(range), ...emptied.map(day => ({ ...day, ...nothing }))].sort((a, b) => a.day - b.day);
  if (choice === undefined) return days;
  return days.flatMap((day): DaySummary[] => {
    const { packets, sources, scanningSources } = store.day(day.day, choice) ?? nothing;
    return packets > 0 || leftOut.has(day.day) ? [{ ...day, packets, sources, scanningSources }] : [];
  });
}

/** Why, of the days listed. */
function printExclusions(leftOut: ReadonlyMap<number, readonly number[]>, { sensors, exclusions }: ListOptions): void {
  const days = [...leftOut];
  const used = exclusions.filter(({ sensor, from, to }) =>
    days.some(([day, left]) => left.includes(sensor) && from <= day && day <= to),
  );
  if (used.length === 0) return;
  printLines('', 'Left out of all counts:');
  printTable(
    ['sensor', 'from', 'to', 'reason'],
    used.map(({ sensor, from, to, reason }) => [nameOf(sensors, sensor), dateOf(from), dateOf(to), plainText(reason)]),
  );
}

/** One that the registry does not know any more, as after a restore, has no name. */
export const nameOf = (sensors: readonly Sensor[], sensor: number): string =>
  sensors.find(({ index }) => index === sensor)?.name ?? `(sensor ${sensor})`;
