/** `enaga-sensor enrol`. */
import fs from 'node:fs';
import { Command } from 'commander';
import { Failed, stateOption, told } from './options.ts';

interface EnrolFlags {
  collector: string;
  token?: string;
  tokenFile?: string;
  ca?: string;
  state?: string;
  insecureHttp: boolean;
}

/** Bytes of a file that holds a token, far more than any. */
const tokenBytesMax = 4096;

export function enrolCommand(): Command {
  return new Command('enrol')
    .description('Make a key and register it with a collector, by a token that its operator gives')
    .requiredOption('--collector <url>', 'where the collector is, like https://collector.example')
    .option(
      '--token-file <file>',
      'file with the enrolment token, good for one time and for a while; - reads a line, unseen',
    )
    .option('--token <token>', 'the token itself, which every user of this machine can read meanwhile (ps)')
    .option('--ca <file>', "certificates to trust in place of the system's, in PEM; they are copied")
    .addOption(stateOption())
    .option('--insecure-http', 'allow http:// to another machine: anybody on the way can read what is sent', false)
    .addHelpText(
      'after',
      `
A sensor that enrols again keeps what it has not sent, and gets a new key. One that is running goes on with the old key
until it is started again; the collector takes it for a while.

A token is good for one enrolment. Where no answer came, the same command may be run again: it asks with the same key, and a
collector that has enrolled it says so again, within the hour and while the token is good.

Examples:
  enaga-sensor enrol --collector https://collector.example --token-file -
  enaga-sensor enrol --collector https://10.0.0.2:8443 --ca collector.pem --token-file token --state ./sensor-1`,
    )
    .action((flags: EnrolFlags, command: Command) => {
      if ((flags.token === undefined) === (flags.tokenFile === undefined))
        command.error(
          'error: it takes the token by --token-file FILE, by --token-file - from standard input, or by --token',
        );
      return told('enrol', async () => {
        const token = flags.token ?? (await readToken(flags.tokenFile!));
        const { enrol } = await import('../enrol/enrol.ts');
        const { sensorPaths } = await import('../enrol/paths.ts');
        const { isLocked } = await import('../../common/sqlite/lock.ts');
        const paths = sensorPaths(flags.state);
        const { name, sensor, networks } = await enrol(paths, { ...flags, token });
        const withState = flags.state === undefined ? '' : ` --state ${flags.state}`;
        const next = isLocked(paths.lock)
          ? 'A sensor is running with the old key: start it again (as a service: systemctl restart enaga-sensor)'
          : `Next: enaga-sensor check${withState} --interface IF, which says what is missing`;
        process.stdout.write(
          `Enrolled as ${name} (${sensor}), which observes ${networks.join(', ')}.\n` +
            `Configuration: ${paths.config}\nState: ${paths.stateDirectory}\n${next}\n`,
        );
      });
    });
}

/** The first line. Throws `Failed` without the token in its words. */
async function readToken(file: string): Promise<string> {
  const from = file === '-' ? 'standard input' : file;
  if (file === '-' && process.stdin.isTTY) {
    const { askHidden } = await import('./hidden.ts');
    return tokenIn(await askHidden('Token (it is not shown): ', process.stdin), from);
  }
  const input = file === '-' ? process.stdin : fs.createReadStream(file);
  let text = '';
  for await (const piece of input) {
    text += piece;
    if (text.includes('\n')) break;
    if (text.length > tokenBytesMax) throw new Failed(`${from} holds no token: it is too long`);
  }
  return tokenIn(text, from);
}

function tokenIn(text: string, from: string): string {
  const token = text.split('\n')[0]!.trim();
  if (token === '') throw new Failed(`${from} holds no token`);
  return token;
}
