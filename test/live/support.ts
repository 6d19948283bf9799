/** A collector and a live sensor in the dark namespace. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SensorStatus } from '../../common/protocol/messages.ts';
import { root } from '../support/enaga.ts';
import { FakeCollector } from '../support/fake-collector.ts';
import { startSensor } from '../support/sensor.ts';
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
  readonly #before: readonly string[];
  #port = 0;

  /** `before`: words before the collector's command, such as `nice`; `state`: where the sensor's is. */
  constructor(
    network: LiveNetwork,
    { before = [], state }: { readonly before?: readonly string[]; readonly state?: string } = {},
  ) {
    this.network = network;
    this.#before = before;
    this.data = path.join(network.folder, 'collector');
    this.state = state ?? path.join(network.folder, 'sensor');
  }

  enaga(...args: string[]): Promise<string> {
    return this.network.run(COLLECTOR, [...args, '--data', this.data]);
  }

  async serve(): Promise<void> {
    const listen = `127.0.0.1:${this.#port}`;
    const command = [process.execPath, path.resolve(root, COLLECTOR), 'serve', '--data', this.data, '--listen', listen];
    this.#collector = this.network.start('dark', [...this.#before, ...command]);
    let said = '';
    this.#collector.child.stdout!.on('data', piece => {
      said += piece;
    });
    await this.#collector.said('serves http');
    this.#port = Number(/serves https?:\/\/[^:]+:(\d+)/.exec(said)?.[1] ?? this.#port);
  }

  /** What the collector had logged. */
  async stopServing(): Promise<string> {
    this.#collector!.child.kill('SIGTERM');
    return (await this.#collector!.outcome).stderr;
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

/** A sensor that is enrolled, with a collector that it does not reach from its namespace. */
export async function outpost(network: LiveNetwork, networks: readonly string[]): Promise<Outpost> {
  const collector = await new FakeCollector().start();
  collector.networks = [...networks];
  const made = new Outpost(network);
  const enrol = ['enrol', '--collector', collector.url, '--token', 'good', '--state', made.state];
  const { code, stderr } = await startSensor(enrol).outcome;
  await collector.stop();
  if (code !== 0) throw new Error(stderr);
  return made;
}
