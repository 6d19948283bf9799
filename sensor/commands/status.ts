/** `enaga-sensor status`: reads the state database, whether the sensor runs or not. */
import fs from 'node:fs';
import { Command } from 'commander';
import { Failed, stateOption, told } from './options.ts';

interface StatusFlags {
  state?: string;
  json?: boolean;
}

export function statusCommand(): Command {
  return new Command('status')
    .description('Say what this sensor saw, what became of it, and whether it is healthy')
    .addOption(stateOption())
    .option(
      '--json',
      'the same for a program: what a heartbeat tells, and {running, finished, damaged, healthy, troubles}',
    )
    .addHelpText(
      'after',
      `
Healthy: it runs, or has read its captures to their ends and sent them; no alarm, nothing lost within a day, and if batches wait,
one was acknowledged within 10 minutes. The first line says whether, the last ones why not. Captures of the last run that were
damaged or could not be opened are named, the first 20 of them.

Exit codes: 0 healthy; 1 not, or there is no state to read; 2 wrong usage.

Examples:
  enaga-sensor status
  enaga-sensor status --json --state ./sensor-1 | jq .spooled`,
    )
    .action((flags: StatusFlags) => told('status', async () => showStatus(flags)));
}

async function showStatus({ state, json }: StatusFlags): Promise<void> {
  const { sensorPaths } = await import('../enrol/paths.ts');
  const { readConfig } = await import('../enrol/config.ts');
  const { openDatabase } = await import('../../common/sqlite/open.ts');
  const { MIGRATIONS } = await import('../spool/schema.ts');
  const { isLocked } = await import('../../common/sqlite/lock.ts');
  const { readFinished } = await import('../spool/finished.ts');
  const { readAccount } = await import('../status/account.ts');
  const { troubles } = await import('../status/health.ts');
  const { statusText } = await import('../status/text.ts');
  const paths = sensorPaths(state);
  const config = readConfig(paths);
  if (!fs.statSync(paths.spool, { throwIfNoEntry: false })?.size)
    throw new Failed(`there is no state yet (no ${paths.spool})`);
  const database = openDatabase(paths.spool, { migrations: MIGRATIONS, readonly: true });
  const nowMs = Date.now();
  const account = readAccount(database, nowMs);
  const runs = { running: isLocked(paths.lock), ...readFinished(database) };
  database.close();
  const found = troubles(account, runs, nowMs);
  const { sensor, name, collector, networks } = config;
  process.stdout.write(
    json
      ? `${JSON.stringify({ sensor, name, collector, networks, ...runs, ...account, healthy: found.length === 0, troubles: found }, null, 2)}\n`
      : statusText(account, { ...config, runs, troubles: found }, nowMs),
  );
  process.exitCode = found.length === 0 ? 0 : 1;
}
