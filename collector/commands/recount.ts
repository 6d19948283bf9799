/** `enaga recount`: folds a day from the log again, and compares. */
import cliProgress from 'cli-progress';
import { Command } from 'commander';
import { count, plural } from '../publish/words.ts';
import { dateOf } from '../reduce/result.ts';
import { Registry } from '../registry/registry.ts';
import { LoggedGeographies } from '../store/geography.ts';
import { type Difference, type Recounted, recountDay } from '../store/recount.ts';
import type { Damage } from '../store/refold.ts';
import { excludedOn } from '../store/tail.ts';
import { dataOption, readSecret } from './data.ts';
import { parseDate } from './dates.ts';
import { reporting } from './outcome.ts';
import { printJson, printLines } from './registry.ts';
import { type OpenStore, withStore } from './store.ts';

const DIFFERS = 1;
/** Printed; --json has all. */
const shownMax = 100;

const EXAMPLES = `
The day is folded from the log again, from nothing, as far as the store has counted it, with the same geography and without the
sensors excluded; then every row of every table is compared with what the store says. Nothing is changed. A store that differs
can be made again: end enaga serve, remove store.db, and start it.

Examples:
  enaga recount 2026-03-01
  enaga recount 2026-03-01 --json | jq '.differences[:5]'

Exit codes: 0 store and log agree; 1 they differ, or the log could not be read; 2 wrong usage.`;

/** The command, for the program to add. */
export function recountCommand(): Command {
  return new Command('recount')
    .description('Count a day again from the log, and compare it with the store')
    .argument('<date>', 'the day, YYYY-MM-DD, UTC', parseDate)
    .option('--json', 'as JSON', false)
    .addOption(dataOption())
    .addHelpText('after', EXAMPLES)
    .action(reporting('recount', runRecount));
}

const runRecount = (day: number, { data, json }: { data: string; json: boolean }): Promise<void> =>
  withStore(data, open => {
    const recounted = recount(open, day);
    const { differences, records, rows, damaged } = recounted;
    const agree = differences.length === 0;
    if (json) printJson({ date: dateOf(day), records, rows, agree, differences, damaged: damaged.map(damagedRow) });
    else if (agree && damaged.length === 0 && open.store.geoOf(day) === undefined)
      printLines(`${dateOf(day)}: nothing was logged of that day`);
    else printOutcome(dateOf(day), recounted);
    if (!agree) process.exitCode = DIFFERS;
  });

function recount({ paths, reader, store }: OpenStore, day: number): Recounted {
  const { hashKey } = readSecret(paths);
  const registry = Registry.open(paths.registry, { readonly: true });
  const total = store.accounts({ from: day, to: day }).reduce((sum, { records }) => sum + records, 0);
  const bar = process.stderr.isTTY ? startBar(total) : undefined;
  try {
    // One state of the store throughout, whatever is counted meanwhile.
    return store.together(() =>
      recountDay({
        reader,
        store,
        geographies: new LoggedGeographies(paths.geo, () => reader.geoEntries()),
        hashKey,
        excluded: excludedOn(registry.exclusions(), day),
        day,
        nowMs: Date.now(),
        onProgress: records => bar?.update(Math.min(total, records)),
      }),
    );
  } finally {
    bar?.stop();
    registry.close();
  }
}

function startBar(total: number): cliProgress.SingleBar {
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    clearOnComplete: true,
    format: ' {bar} {percentage}%  {value} of {total} records',
  });
  bar.start(total, 0);
  return bar;
}

const damagedRow = ({ position, message }: Damage) => ({ position, why: message });

function printOutcome(date: string, { differences, records, rows, damaged }: Recounted): void {
  for (const { message } of damaged.slice(0, shownMax))
    process.stderr.write(`enaga recount: ${message}: it is in no count\n`);
  if (damaged.length > shownMax)
    process.stderr.write(`enaga recount: and ${count(damaged.length - shownMax)} more batches are damaged\n`);

  const counted = `${date}: ${plural(records, 'record', 'records')} in the log, ${plural(rows, 'row', 'rows')} compared:`;
  if (differences.length === 0) {
    printLines(`${counted} store and log agree`);
    return;
  }
  const more = differences.length - shownMax;
  printLines(
    `${counted} ${count(differences.length)} differ`,
    ...differences.slice(0, shownMax).map(differenceText),
    ...(more > 0 ? [`  and ${count(more)} more (--json has all)`] : []),
  );
}

const differenceText = ({ what, store = 'nothing', log = 'nothing' }: Difference): string =>
  `  ${what}: the store has ${store}; the log gives ${log}`;
