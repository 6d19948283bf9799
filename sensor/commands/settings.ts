/**
 * The configuration while a sensor runs: what the collector changes is written down for the next start. Where that cannot be, the
 * sensor goes on: the epoch is in the spool as well, and should that be lost too, the collector refuses keys that were used.
 */
import { BadConfig, readConfig, type SensorConfig, writeConfig } from '../enrol/config.ts';
import type { SensorPaths } from '../enrol/paths.ts';
import type { Alarms } from '../spool/alarms.ts';

type Changes = Partial<Pick<SensorConfig, 'epoch' | 'networks'>>;

export interface SettingsOptions {
  readonly paths: SensorPaths;
  readonly config: SensorConfig;
  readonly alarms: Alarms;
  readonly say: (text: string) => void;
}

export class Settings {
  readonly #options: SettingsOptions;
  /** As the collector says, written or not. */
  #networks: readonly string[];
  #unwritten: Changes = {};
  #saidWhy = false;

  constructor(options: SettingsOptions) {
    this.#options = options;
    this.#networks = options.config.networks;
    options.alarms.clear('configuration');
  }

  setEpoch(epoch: number): void {
    this.#write({ epoch });
  }

  /** With every heartbeat. Which networks they are is for nobody's journal. */
  setNetworks(networks: readonly string[]): void {
    const before = this.#networks;
    const added = networks.filter(network => !before.includes(network)).length;
    const gone = before.filter(network => !networks.includes(network)).length;
    if (added + gone > 0) {
      this.#networks = networks;
      if (this.#write({ networks }))
        this.#options.say(
          `the collector changes the networks of this sensor: ${added} new, ${gone} gone, from its next start on ` +
            '(enaga-sensor status shows them)',
        );
    } else if (Object.keys(this.#unwritten).length > 0) this.#write({});
  }

  /** Whether it is written. What is not goes with the next changes, or the next heartbeat. */
  #write(changes: Changes): boolean {
    const { paths, alarms, say } = this.#options;
    const unwritten = { ...this.#unwritten, ...changes };
    this.#unwritten = unwritten;
    try {
      const before = readConfig(paths); // it may have been enrolled again meanwhile
      writeConfig(paths, { ...before, ...unwritten, epoch: Math.max(before.epoch, unwritten.epoch ?? 0) });
    } catch (error) {
      const { code, syscall, message } = error as NodeJS.ErrnoException;
      if (syscall === undefined && !(error instanceof BadConfig)) throw error;
      const text = `the configuration cannot be written (${code ?? message}): the next start will not know what the collector changed`;
      alarms.raise('configuration', text);
      if (!this.#saidWhy) say(text);
      this.#saidWhy = true;
      return false;
    }
    this.#unwritten = {};
    alarms.clear('configuration');
    if (this.#saidWhy) say('the configuration is written');
    this.#saidWhy = false;
    return true;
  }
}
