/** `enaga init`: makes the collector's data directory. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { Command } from 'commander';
import { Log } from '../log/log.ts';
import { Registry } from '../registry/registry.ts';
import { BadData, type DataPaths, DIRECTORY, dataOption, dataPaths, isInitialised } from './data.ts';
import { reporting } from './outcome.ts';
import { printLines } from './registry.ts';
import { makeDirectory } from './trouble.ts';

const EXAMPLES = `
Examples:
  enaga init --data /var/lib/enaga
  enaga init --data ./try && enaga serve --data ./try`;

/** The command, for the program to add. */
export function initCommand(): Command {
  return new Command('init')
    .description("Make the collector's data directory")
    .addOption(dataOption())
    .addHelpText('after', EXAMPLES)
    .action(reporting('init', initialise));
}

function initialise({ data }: { data: string }): void {
  const paths = dataPaths(data);
  if (isInitialised(paths)) {
    printLines(`${paths.root} is set up already: nothing was changed`);
    return;
  }
  makeData(paths);
  const option = paths.root === DIRECTORY ? '' : ` --data ${paths.root}`;
  printLines(
    `${paths.root} is set up. Next:`,
    `  enaga org add ORG --title 'The organisation'${option}`,
    `  enaga sensor add NAME --owner ORG --economy CC --network CIDR${option}`,
    `  enaga serve${option}${option === '' ? '    # of the Debian package: systemctl start enaga-collector' : ''}`,
    `What serve can be told goes into ${paths.config}: enaga serve --print-config${option} lists all of it.`,
    `Who sends exchange files goes into ${paths.exports}, before anybody pulls any or has them pushed: enaga export --help shows it.`,
    `${paths.secret} is to be kept secret and in every backup.`,
  );
}

/** A directory that holds only what a broken-off run of this made is completed. Throws `BadData` for any other. */
function makeData(paths: DataPaths): void {
  makeDirectory(paths.root);
  const ours = Object.values(paths).map(file => file.slice(paths.root.length + 1));
  const foreign = fs.readdirSync(paths.root).find(name => !ours.some(our => our !== '' && name.startsWith(our)));
  if (foreign !== undefined)
    throw new BadData(`${paths.root} has other files in it, like ${foreign}: give an empty directory`);
  fs.chmodSync(paths.root, 0o700);
  fs.mkdirSync(paths.geo, { recursive: true, mode: 0o700 });
  Registry.open(paths.registry).close();
  Log.open(paths.log).close();
  // Nothing that is as by default: what is written down stays as it is when a later version knows better.
  if (!fs.existsSync(paths.config)) fs.writeFileSync(paths.config, '{}\n', { mode: 0o600, flush: true });
  writeSecret(paths);
}

/** The last that is made: with it the directory is set up. */
function writeSecret({ secret }: DataPaths): void {
  const words = new Uint32Array(Uint8Array.from(randomBytes(8)).buffer);
  const text = JSON.stringify({ hashKey: { low: words[0], high: words[1] } });
  fs.writeFileSync(`${secret}.tmp`, `${text}\n`, { mode: 0o600, flush: true });
  fs.renameSync(`${secret}.tmp`, secret);
}
