/**
 * `enaga-sensor`: listens on unused addresses, and sends what it saw to the collector.
 * Exit codes: 0 done, 1 it could not be done (standard error says why), 2 the command line is wrong; `run` has 3 too.
 */
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { checkCommand } from './commands/check.ts';
import { enrolCommand } from './commands/enrol.ts';
import { interfacesCommand } from './commands/interfaces.ts';
import { runCommand } from './commands/run.ts';
import { silenceCommand } from './commands/silence.ts';
import { statusCommand } from './commands/status.ts';

const program = new Command('enaga-sensor')
  .description('Record the unsolicited packets that reach unused addresses.')
  .version(packageJson.version)
  .addHelpText(
    'after',
    `
Examples:
  enaga-sensor enrol --collector https://collector.example --token-file -
  enaga-sensor check                         is everything there that a run needs?
  enaga-sensor run --interface eth1          record what reaches unused addresses, and send it
  enaga-sensor run --read darknet.pcap.gz    record what a capture holds, and send it
  enaga-sensor status                        what was seen, and what became of it
  enaga-sensor interfaces                    what this machine could listen on`,
  );

const COMMANDS = [enrolCommand, runCommand, statusCommand, checkCommand, silenceCommand, interfacesCommand];
for (const command of COMMANDS) program.addCommand(command());
for (const command of [program, ...program.commands])
  command
    .exitOverride()
    .showHelpAfterError(
      `(${['enaga-sensor', command === program ? '' : command.name()].join(' ').trim()} --help says more)`,
    );

// A reader that has seen enough (`| head`) closes the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has already printed its message
  } else {
    const { message, cause } = error as Error;
    const because = cause instanceof Error ? `\n  ${cause.message.split('\n')[0]}` : '';
    process.stderr.write(`enaga-sensor: ${message}${because}\n`);
    process.exitCode = 1;
  }
}
// A session of libpcap's binding would keep the process for ever; what was printed is written (pipes are synchronous here).
process.exit();
