/**
 * `enaga`: counts what reaches unused addresses. Its commands; what each does is elsewhere.
 * Exit codes: 0 done, 1 it could not be done (standard error says why), 2 the command line is wrong; a command may have more.
 */
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { backupCommand } from './commands/backup.ts';
import { batchCommand } from './commands/batch.ts';
import { daysCommand } from './commands/days.ts';
import { exportCommand } from './commands/export.ts';
import { initCommand } from './commands/init.ts';
import { orgCommand } from './commands/org.ts';
import { recountCommand } from './commands/recount.ts';
import { restoreCommand } from './commands/restore.ts';
import { sensorCommand } from './commands/sensor.ts';
import { serveCommand } from './commands/serve.ts';
import { replayCommand } from './replay/command.ts';

const program = new Command('enaga')
  .description('An open darknet observatory: count what reaches unused addresses.')
  .version(packageJson.version)
  .exitOverride()
  .showHelpAfterError('(enaga --help says more)')
  .addHelpText(
    'after',
    `
A collector, from nothing (--data names its directory, everywhere):
  enaga init                                                       makes the directory
  enaga org add example-csirt                                      an organisation that owns sensors
  enaga serve                                                      takes what sensors send, and counts it
  enaga sensor add tokyo --owner example-csirt --economy JP --network 192.0.2.0/24
  enaga days                                                       what was counted

Captures, with no collector:
  enaga replay darknet.pcap.gz`,
  );

const COMMANDS = [
  initCommand(),
  serveCommand(),
  orgCommand(),
  sensorCommand(),
  daysCommand(),
  recountCommand(),
  exportCommand(),
  backupCommand(),
  restoreCommand(),
  replayCommand(),
  batchCommand(),
];
for (const command of COMMANDS) inherit(command, program);

/** Commander copies settings to a command, but not to the commands below it. */
function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
  if (command.parent === null) parent.addCommand(command);
}

// A reader that has seen enough (`| head`) closes the pipe; whoever waits for a write to end still hears of it.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has already printed its message
}
