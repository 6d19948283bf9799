/** `enaga backup`: a copy of all the collector has, taken while it runs. */
import path from 'node:path';
import { Command } from 'commander';
import { writeBackup } from './copies.ts';
import { dataOption, existingData } from './data.ts';
import { reporting } from './outcome.ts';
import { printLines } from './registry.ts';

const EXAMPLES = `
The copy holds the secret and observed addresses: keep it as safe as the data directory.

Examples:
  enaga backup --to /backups/enaga-$(date -u +%F)
  enaga restore --from /backups/enaga-2026-03-02 --data /var/lib/enaga`;

/** The command, for the program to add. */
export function backupCommand(): Command {
  return new Command('backup')
    .description('Copy all the collector has into a new directory, while it runs')
    .requiredOption('--to <dir>', 'a directory that is not there yet, or empty')
    .addOption(dataOption())
    .addHelpText('after', EXAMPLES)
    .action(reporting('backup', backup));
}

async function backup({ data, to }: { data: string; to: string }): Promise<void> {
  const target = path.resolve(to);
  const { files } = await writeBackup(existingData(data), target, Date.now());
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  printLines(`${target}: ${files.length} files, ${bytes.toLocaleString('en')} bytes, every database found sound`);
}
