/** What the commands have in common. */
import { InvalidArgumentError, Option } from 'commander';
import { isFull } from '../../common/sqlite/full.ts';
import type { SensorConfig } from '../enrol/config.ts';
import { parseCollector } from '../ship/client.ts';

export const stateOption = () =>
  new Option(
    '--state <dir>',
    "keep configuration, key and spool in this directory (default: systemd's, or /etc and /var/lib)",
  );

/** Something outside keeps the command from its work; the message says what. */
export class Failed extends Error {
  override readonly name = 'Failed';
}

/** Ranks among what people read: no stack, exit code 1. Our own classes alone, by name, so that a command need not load them. */
const EXPECTED = ['BadAddress', 'BadConfig', 'BadDatabase', 'CannotCapture', 'DiskFull', 'EnrolmentFailed', 'Failed'];

/** Does the work; what is expected to go wrong becomes a line and exit code 1. */
export async function told(command: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { name, message, code, syscall } = error as NodeJS.ErrnoException;
    const ofDatabase = code?.startsWith('SQLITE_') === true;
    if (!EXPECTED.includes(name) && syscall === undefined && !ofDatabase) throw error;
    const text = isFull(error)
      ? `the disk of its state is full (${message}): make room there; until then nothing can be kept`
      : `${ofDatabase ? 'the state database: ' : ''}${message}`;
    process.stderr.write(`enaga-sensor ${command}: ${text}\n`);
    process.exitCode = 1;
  }
}

/** Throws `BadAddress` if somebody wrote another into the configuration. */
export const collectorOf = (config: SensorConfig): URL => parseCollector(config.collector, config);

const SIZES: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** Bytes, as `1G`, `500M`, `64K` or a number alone. */
export const byteSize =
  (min: number) =>
  (text: string): number => {
    const found = /^(\d+(?:\.\d+)?)([KMG]?)(?:iB|B)?$/i.exec(text);
    const bytes = found === null ? NaN : Math.floor(Number(found[1]) * SIZES[found[2]!.toUpperCase()]!);
    if (!(bytes >= min)) throw new InvalidArgumentError(`It takes a size of at least ${min} bytes, like 500M or 1G.`);
    return bytes;
  };

export const wholeNumber =
  (min: number, max: number) =>
  (value: string): number => {
    const number = Number(value);
    if (!Number.isInteger(number) || number < min || number > max)
      throw new InvalidArgumentError(`It takes a whole number from ${min} to ${max}.`);
    return number;
  };
