/** A collector and a live sensor in the dark namespace. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SensorStatus } from '../../common/protocol/messages.ts';
import type { LiveNetwork, Program } from './network.ts';

const COLLECTOR = 'collector/main.ts';
export const SENSOR = 'sensor/main.ts';
const waitMsMax = 20_000;

export type Status = SensorStatus & { healthy: boolean; troubles: string[] };

export class Outpost {
  readonly network: LiveNetwork;
  readonly data: string;
  readonly state: string;
  #collector: Program | undefined;
  #port = 0;

  constructor(network: LiveNetwork) {
    this.network = network;
    this.data = path.join(network.folder, 'collector');
    this.state = path.join(network.folder, 'sensor');
  }

  enaga(...args: string[]): Promise<string> {
    return this.network.run(COLLECTOR, [...args, '--data', this.data]);
  }

  async serve(): Promise<void> {
    const listen = `127.0.0.1:${this.#port}`;
    this.#collector = this.network.node(COLLECTOR, ['serve', '--data', this.data, '--listen', listen]);
    let said = '';
    this.#collector.child.stdout!.on('data', piece => {
      said += piece;
    });
    await this.#collector.said('serves http');
    this.#port = Number(/serves https?:\/\/[^:]+:(\d+)/.exec(said)?.[1] ?? this.#port);
  }

  async stopServing(): Promise<void> {
    this.#collector!.child.kill('SIGTERM');
    await this.#collector!.outcome;
  }

  /** Makes the collector, and a sensor that observes these networks. */
  async make(networks: readonly string[]): Promise<void> {
    await this.enaga('init');
    await this.enaga('org', 'add', 'example');
    await this.serve();
    const place = ['--owner', 'example', '--economy', 'JP', ...networks.flatMap(network => ['--network', network])];
    const { token } = JSON.parse(await this.enaga('sensor', 'add', 'dark', ...place, '--json'));
    const enrol = ['enrol', '--collector', `http://127.0.0.1:${this.#port}`, '--token', token, '--state', this.state];
    await this.network.run(SENSOR, enrol);
  }

  /** A live sensor that has opened its interface. */
  async watch(...args: string[]): Promise<Program> {
    const program = this.network.node(SENSOR, ['run', '--interface', 'dark', '--state', this.state, ...args]);
    await program.said('watching');
    return program;
  }

  /** Ends the sensor as systemd does. */
  async end({ child, outcome }: Program): Promise<void> {
    child.kill('SIGTERM');
    const { code, stderr } = await outcome;
    if (code !== 0) throw new Error(`the sensor ended with ${code}: ${stderr}`);
  }

  async status(): Promise<Status> {
    const program = this.network.node(SENSOR, ['status', '--json', '--state', this.state]);
    return JSON.parse((await program.outcome).stdout);
  }

  /** The first status of which this is true; the last one if none was in time. */
  async statusWhen(is: (status: Status) => boolean): Promise<Status> {
    const until = Date.now() + waitMsMax;
    for (;;) {
      const status = await this.status();
      if (is(status) || Date.now() > until) return status;
      await sleep(200);
    }
  }
}
