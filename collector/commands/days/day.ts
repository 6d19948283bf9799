/** One day: its tables as a replay shows them, what its sensors watched, and declared scanners apart. */
import { parsePrefix } from '../../../common/record/address.ts';
import { count } from '../../publish/words.ts';
import { dateOf } from '../../reduce/result.ts';
import type { Sensor } from '../../registry/registry.ts';
import { renderTerminal, speaksUtf8 } from '../../replay/terminal.ts';
import type { KnownRow } from '../../store/known.ts';
import type { Choice, StoreReader } from '../../store/query.ts';
import { type Completeness, completeness, coverageOf, meanPerAddress, meanPerSensor } from '../../store/series.ts';
import { printLines, printTable } from '../registry.ts';
import { nameOf } from './list.ts';

const TERMINAL_WIDTH = { min: 60, max: 100, default: 80 };

export interface ShowOptions {
  readonly choice: Choice;
  readonly sensors: readonly Sensor[];
  /** Rows of each table. */
  readonly top: number;
}

export function showDay(store: StoreReader, day: number, { choice, sensors, top }: ShowOptions): void {
  const range = { from: day, to: day };
  const results = store.results(range, choice);
  if (results.days.length === 0) {
    printLines(`Nothing is counted of ${dateOf(day)}.`);
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
    }),
  );
  const rows = completeness(store, range, choice);
  printSensors(rows, sensors);
  const addresses = new Map(sensors.map(one => [one.index, addressesOf(one)]));
  const coverage = coverageOf(rows, range, sensor => addresses.get(sensor) ?? 0);
  const means = [meanPerSensor(results.records, coverage), meanPerAddress(results.records, coverage)];
  const [sensor, address] = means.map(mean => (mean === null ? 'none' : count(Number(mean.toPrecision(3)))));
  printLines(`Mean of the day: ${sensor} packets a sensor, ${address} an observed IPv4 address`);
}

function printSensors(rows: readonly Completeness[], sensors: readonly Sensor[]): void {
  printLines('');
  printTable(
    ['sensor', 'watched', 'packets', 'skipped', 'lost', ''],
    rows.map(({ sensor, watched, records, skipped, kernelDrops, interrupted, lostRecords, excluded }) => [
      nameOf(sensors, sensor),
      `${(100 * watched).toFixed(1)}%`,
      count(records),
      count([...skipped.values()].reduce((sum, packets) => sum + packets, 0)),
      count(kernelDrops + interrupted + lostRecords),
      excluded ? 'excluded: in no count' : '',
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
