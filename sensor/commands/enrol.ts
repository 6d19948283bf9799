/** `enaga-sensor enrol`. */
import { Command } from 'commander';
import { stateOption, told } from './options.ts';

interface EnrolFlags {
  collector: string;
  token: string;
  ca?: string;
  state?: string;
  insecureHttp: boolean;
}

export function enrolCommand(): Command {
  return new Command('enrol')
    .description('Make a key and register it with a collector, by a token that its operator gives')
    .requiredOption('--collector <url>', 'where the collector is, like https://collector.example')
    .requiredOption('--token <token>', 'enrolment token: good for one time, and for a while')
    .option('--ca <file>', "certificates to trust in place of the system's, in PEM; they are copied")
    .addOption(stateOption())
    .option('--insecure-http', 'allow http:// to another machine: anybody on the way can read what is sent', false)
    .addHelpText(
      'after',
      `
A sensor that enrols again keeps what it has not sent, and gets a new key. One that is running goes on with the old key
until it is started again; the collector takes it for a while.

Examples:
  enaga-sensor enrol --collector https://collector.example --token enaga_...
  enaga-sensor enrol --collector https://10.0.0.2:8443 --ca collector.pem --token enaga_... --state ./sensor-1`,
    )
    .action((flags: EnrolFlags) =>
      told('enrol', async () => {
        const { enrol } = await import('../enrol/enrol.ts');
        const { sensorPaths } = await import('../enrol/paths.ts');
        const paths = sensorPaths(flags.state);
        const { name, sensor, networks } = await enrol(paths, flags);
        process.stdout.write(
          `Enrolled as ${name} (${sensor}), which observes ${networks.join(', ')}.\n` +
            `Configuration: ${paths.config}\nState: ${paths.stateDirectory}\n`,
        );
      }),
    );
}
