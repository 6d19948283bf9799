/** `enaga restore`: a data directory from a backup. */
import path from 'node:path';
import { Command } from 'commander';
import { archiveThread } from '../archive/past.ts';
import { renewIdentity } from '../log/identity.ts';
import { Log } from '../log/log.ts';
import { Registry } from '../registry/registry.ts';
import { readBackup } from './copies.ts';
import { dataOption, dataPaths } from './data.ts';
import { reporting } from './outcome.ts';
import { printLines } from './registry.ts';

const EXAMPLES = `
Sensors send again what the collector lacks since the backup, as far back as they keep what was acknowledged. Days are
counted again from the log when enaga serve starts.

Examples:
  enaga restore --from /backups/enaga-2026-03-02 --data /var/lib/enaga`;

/** The command, for the program to add. */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('Make a data directory from a backup')
    .requiredOption('--from <dir>', 'what enaga backup has written')
    .addOption(dataOption())
    .addHelpText('after', EXAMPLES)
    .action(reporting('restore', restore));
}

async function restore({ data, from }: { data: string; from: string }): Promise<void> {
  const { root } = dataPaths(data);
  const { made, files } = await readBackup(path.resolve(from), root, paths => {
    // What was logged after the backup is gone, and its positions will be given to other batches.
    renewIdentity(paths.log);
    Log.open(paths.log, archiveThread(paths.archive).past()).close();
    Registry.open(paths.registry).close();
  });
  printLines(`${root} is as it was at ${made}: ${files.length} files, every database found sound`);
}
