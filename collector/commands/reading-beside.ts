/** Reading beside `enaga serve`: what the thread is given of the settings, and what becomes of what it says. */
import type { Logger } from 'pino';
import packageJson from '../../package.json' with { type: 'json' };
import type { ArchiveThread } from '../archive/past.ts';
import type { Metrics } from '../ingest/metrics.ts';
import type { Heard } from '../publish/api/admin-powers.ts';
import type { ReadSideOptions } from '../publish/api/read-powers.ts';
import { budgetsOf, type Config, publicRuleOf } from './config.ts';
import type { DataPaths } from './data.ts';
import { type Reading, startReading } from './reading.ts';
import type { ReadingData } from './reading-orders.ts';
import { senderOf } from './sender.ts';

export interface ReadParts {
  readonly data: ReadSideOptions['data'];
  readonly paths: DataPaths;
  readonly config: Config;
  readonly archive: ArchiveThread;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly fatal: (error: Error) => never;
}

/** With a thread of its own. Throws `BadData`. */
export function readBeside({ data, paths, config: { settings }, archive, logger, metrics, fatal }: ReadParts): Reading {
  const { logLevel, metricsFor } = settings;
  // What is wrong with the file is said before anything is served; that it is missing, members would find out one by one.
  if (senderOf(paths) === undefined)
    logger.warn(
      'members get no exchange files: exports.json does not say who sends them (enaga export --help shows it)',
    );
  const heard = new Map<number, Heard>(); // by sensors' indices, as they said last
  const given = () => {
    const past = archive.port();
    const app = { logLevel, metricsFor, version: packageJson.version };
    const [rule, budgets] = [publicRuleOf(settings), budgetsOf(settings)];
    const all: ReadingData = { data, app, rule, budgets, heard, past, senderFile: paths.exports };
    return { data: all, transfer: [past] };
  };
  const reading = startReading({
    directory: paths.reading, // which nobody else has while this one holds the lock
    given,
    say: (level, facts, text) => logger[level](facts, text),
    measured: ({ how, name, labels, value }) => {
      if (how === 'add') metrics.add(name as Parameters<Metrics['add']>[0], labels, value);
      else metrics.observe(name as Parameters<Metrics['observe']>[0], value, labels);
    },
    fatal,
  });
  const hear: Reading['heard'] = (sensor, said) => {
    heard.set(sensor, said);
    reading.heard(sensor, said);
  };
  return { ...reading, heard: hear };
}
