/** `enaga-sensor interfaces`. */
import { Command } from 'commander';

export function interfacesCommand(): Command {
  return new Command('interfaces')
    .description('List the network interfaces libpcap can capture on, with their addresses')
    .option('--json', 'print an array of {name, loopback, addresses, description}')
    .addHelpText(
      'after',
      `
Examples:
  enaga-sensor interfaces
  enaga-sensor interfaces --json | jq -r '.[].name'`,
    )
    .action(async ({ json }: { json?: boolean }) => {
      const { listInterfaces, formatInterfaces } = await import('../capture/interfaces.ts');
      const interfaces = listInterfaces();
      process.stdout.write(json ? `${JSON.stringify(interfaces, null, 2)}\n` : formatInterfaces(interfaces));
    });
}
