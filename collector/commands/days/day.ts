/** One day: its tables as a replay shows them, what its sensors watched, and declared scanners apart. */
import { parsePrefix } from '../../../common/record/address.ts';
import { plainText } from '../../publish/names.ts';
import { count, share } from '../../publish/words.ts';
import { dateOf } from '../../reduce/result.ts';
import type { Sensor } from '../../registry/registry.ts';
import { renderTerminal, speaksUtf8 } from '../../replay/terminal.ts';
import type { KnownRow } from '../../store/known.ts';
import type { StoreReader } from '../../store/query.ts';
import {
  type Completeness,
  type Coverage,
  completeness,
  coverageOf,
  meanCoverageMin,
  meanPerAddress,
  meanPerSensor,
} from '../../store/series.ts';
import { printLines, printTable } from '../registry.ts';
import { type ListOptions, nameOf } from './list.ts';

const TERMINAL_WIDTH = { min: 60, max: 100, default: 80 };

export interface ShowOptions extends ListOptions {
  /** Rows of each table. */
  readonly top: number;
}

export function showDay(store: StoreReader, day: number, options: ShowOptions): void {
  const { choice, top } = options;
  const range = { from: day, to: day };
  const results = store.results(range, choice);
  const rows = completeness(store, range, choice);
  if (results.days.length === 0) {
    const isLeftOut = store.leftOut(range, choice).size > 0;
    printLines(`Nothing is counted of ${dateOf(day)}${isLeftOut ? ': all that was received of it is left out' : ''}.`);
    if (isLeftOut) printSensors(rows, options);
    return;
  }
  const { columns = TERMINAL_WIDTH.default, isTTY } = process.stdout;
  process.stdout.write(
    renderTerminal(results, {
      top,
      width: Math.max(TERMINAL_WIDTH.min, Math.min(TERMINAL_WIDTH.max, columns)),
      color: isTTY === true && process.stdout.hasColors(),
      ascii: !speaksUtf8(process.env),
      now: new Date(),
      ofSensors: choice !== undefined,
    }),
  );
  printSensors(rows, options);
  const addresses = new Map(options.sensors.map(one => [one.index, addressesOf(one)]));
  printLines(
    meanText(
      results.records,
      coverageOf(rows, range, sensor => addresses.get(sensor) ?? 0),
    ),
  );
}

/** What was not watched is taken to have been as what was: of too little that is said in place of a mean. */
export function meanText(packets: number, coverage: Coverage): string {
  const watched = coverage.sensorHours / coverage.hours;
  if (watched < meanCoverageMin) {
    const most = `${100 * meanCoverageMin}%`;
    return `Mean of the day: none, for too little was watched: ${share(watched, 1)} of a sensor's day, and a mean takes ${most}`;
  }
  const text = (mean: number | null) =>
    mean === null ? 'none' : mean < 10 ? String(Number(mean.toPrecision(2))) : count(mean);
  const [sensor, address] = [meanPerSensor(packets, coverage), meanPerAddress(packets, coverage)].map(text);
  return `Mean of the day: ${sensor} packets a sensor, ${address} an observed IPv4 address`;
}

function printSensors(rows: readonly Completeness[], { sensors, exclusions }: ShowOptions): void {
  const reasonOf = (sensor: number, day: number) =>
    exclusions.find(one => one.sensor === sensor && one.from <= day && day <= one.to)?.reason;
  printLines('');
  printTable(
    ['sensor', 'watched', 'packets', 'skipped', 'lost', ''],
    rows.map(({ sensor, day, watched, records, skipped, kernelDrops, interrupted, lostRecords, excluded }) => [
      nameOf(sensors, sensor),
      share(watched, 1),
      count(records),
      count([...skipped.values()].reduce((sum, packets) => sum + packets, 0)),
      count(kernelDrops + interrupted + lostRecords),
      excluded ? `left out of all counts: ${plainText(reasonOf(sensor, day) ?? 'until it is counted again')}` : '',
    ]),
  );
}

/** IPv4 addresses that a sensor observes; an IPv6 network has more than one could take a mean over. */
const addressesOf = ({ networks }: Sensor): number =>
  networks.map(parsePrefix).reduce((sum, { family, length }) => sum + (family === 4 ? 2 ** (32 - length) : 0), 0);

/** Undefined rows are of a day whose sources are kept no longer; returns whether there were any. */
export function printKnown(rows: readonly KnownRow[] | undefined): boolean {
  if (rows === undefined) return false;
  printLines('', 'Declared research scanners, which are in the counts above:');
  printTable(
    ['label', 'packets', 'sources'],
    rows.map(({ label, packets, sources }) => [label, count(packets), count(sources)]),
  );
  return true;
}
