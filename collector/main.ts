/**
 * `enaga`: counts what reaches unused addresses. Its commands; what each does is elsewhere.
 * Exit codes: 0 done, 1 it could not be done (standard error says why), 2 the command line is wrong; a command may have more.
 */
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { batchCommand } from './commands/batch.ts';
import { replayCommand } from './replay/command.ts';

const program = new Command('enaga')
  .description('An open darknet observatory: count what reaches unused addresses.')
  .version(packageJson.version)
  .exitOverride()
  .showHelpAfterError('(enaga --help says more)');

for (const command of [replayCommand(), batchCommand()]) program.addCommand(command.copyInheritedSettings(program));

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
