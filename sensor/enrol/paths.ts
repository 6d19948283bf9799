/** Where a sensor keeps what is its own: as systemd says, or all in one directory. */
import path from 'node:path';

export interface SensorPaths {
  /** config.json, the private key and the collector's certificate. */
  readonly configDirectory: string;
  readonly config: string;
  readonly stateDirectory: string;
  readonly spool: string;
  readonly lock: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** systemd may name several directories; the first is ours. */
const firstOf = (directories: string | undefined): string | undefined => directories?.split(':')[0] || undefined;

export function sensorPaths(state: string | undefined, environment: Environment = process.env): SensorPaths {
  const given = state === undefined ? undefined : path.resolve(state);
  const configDirectory = given ?? firstOf(environment.CONFIGURATION_DIRECTORY) ?? '/etc/enaga-sensor';
  const stateDirectory = given ?? firstOf(environment.STATE_DIRECTORY) ?? '/var/lib/enaga-sensor';
  return {
    configDirectory,
    config: path.join(configDirectory, 'config.json'),
    stateDirectory,
    spool: path.join(stateDirectory, 'spool.db'),
    lock: path.join(stateDirectory, 'lock'),
  };
}
