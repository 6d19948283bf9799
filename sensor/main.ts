/**
 * `enaga-sensor`: listens on unused addresses, and sends what it saw to the collector.
 * Exit codes: 0 done, 1 it could not be done (standard error says why), 2 the command line is wrong.
 */
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };

const program = new Command('enaga-sensor')
  .description('Record the unsolicited packets that reach unused addresses.')
  .version(packageJson.version)
  .exitOverride()
  .showHelpAfterError('(enaga-sensor --help says more)')
  .addHelpText(
    'after',
    `
Examples:
  enaga-sensor interfaces           what this machine could listen on
  enaga-sensor interfaces --json    the same for a program`,
  );

program
  .command('interfaces')
  .description('List the network interfaces libpcap can capture on, with their addresses.')
  .option('--json', 'print an array of {name, loopback, addresses, description}')
  .addHelpText(
    'after',
    `
Examples:
  enaga-sensor interfaces
  enaga-sensor interfaces --json | jq -r '.[].name'`,
  )
  .action(async ({ json }: { json?: boolean }) => {
    const { listInterfaces, formatInterfaces } = await import('./capture/interfaces.ts');
    const interfaces = await listInterfaces();
    process.stdout.write(json ? `${JSON.stringify(interfaces, null, 2)}\n` : formatInterfaces(interfaces));
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
