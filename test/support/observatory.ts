/** A collector and sensors as processes of their own, on loopback and in a folder that goes with them. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { generate } from 'selfsigned';
import { type Outcome, root } from './enaga.ts';

const COLLECTOR = path.join(root, 'collector', 'main.ts');
const SENSOR = path.join(root, 'sensor', 'main.ts');
/** A program that hangs is killed, and its outcome says so. */
const runMsMax = 60_000;

export interface SensorPlace {
  readonly name: string;
  readonly economy: string;
  readonly network: string;
}

export interface Program {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
}

function run(main: string, args: readonly string[], env: Record<string, string> = {}): Program {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', piece => {
    stdout += piece;
  });
  child.stderr.on('data', piece => {
    stderr += piece;
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, outcome };
}

async function bounded({ child, outcome }: Program): Promise<Outcome> {
  const timer = setTimeout(() => child.kill('SIGKILL'), runMsMax);
  try {
    return await outcome;
  } finally {
    clearTimeout(timer);
  }
}

export class Observatory {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-observatory-'));
  readonly data: string;
  #serving: Program | undefined;
  /** Where the collector listens; the same port after a restart. */
  url = '';
  readonly #tls: boolean;
  readonly #log: string[] = [];

  /** `data` is a place of the collector's elsewhere. */
  constructor({ tls = false, data }: { tls?: boolean; data?: string } = {}) {
    this.#tls = tls;
    this.data = data ?? path.join(this.folder, 'collector');
  }

  /** A command of `enaga` with this collector's data; fails unless it ends with `code`. */
  async enaga(args: readonly string[], code = 0): Promise<Outcome> {
    const outcome = await bounded(run(COLLECTOR, [...args, '--data', this.data]));
    if (outcome.code !== code) throw new Error(`enaga ${args.join(' ')} ended with ${outcome.code}: ${outcome.stderr}`);
    return outcome;
  }

  async init(): Promise<void> {
    await this.enaga(['init']);
    await this.enaga(['org', 'add', 'example-csirt']);
    if (!this.#tls) return;
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: 'ec',
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    fs.writeFileSync(this.certificate, cert);
    fs.writeFileSync(path.join(this.folder, 'key.pem'), key);
  }

  /** Of the collector. */
  get pid(): number {
    return this.#serving!.child.pid!;
  }

  get certificate(): string {
    return path.join(this.folder, 'certificate.pem');
  }

  /** Starts the collector and waits until it answers. */
  async serve(...more: string[]): Promise<void> {
    const listen = this.url === '' ? '127.0.0.1:0' : new URL(this.url).host;
    const tls = this.#tls ? ['--tls-cert', this.certificate, '--tls-key', path.join(this.folder, 'key.pem')] : [];
    const program = run(COLLECTOR, ['serve', '--data', this.data, '--listen', listen, ...tls, ...more]);
    this.#serving = program;
    program.child.stderr!.on('data', piece => this.#log.push(String(piece).trim()));
    this.url = await new Promise<string>((resolve, reject) => {
      let said = '';
      program.child.stdout!.on('data', piece => {
        said += piece;
        const url = /https?:\/\/[^\s/]+/.exec(said)?.[0];
        if (url !== undefined) resolve(url);
      });
      program.outcome.then(({ stderr }) => reject(new Error(`the collector ended: ${stderr}`)), reject);
    });
  }

  /** All that the collector logged. */
  get said(): string {
    return this.#log.join('\n');
  }

  /** The end of what the collector logged, for the message of a test that fails. */
  #logged(): string {
    return this.#log.slice(-20).join('\n');
  }

  /** Ends the collector; how it ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Outcome> {
    const program = this.#serving!;
    this.#serving = undefined;
    program.child.kill(signal);
    return bounded(program);
  }

  /** How the collector ended by itself. */
  async ended(): Promise<Outcome> {
    const program = this.#serving!;
    this.#serving = undefined;
    return bounded(program);
  }

  state(name: string): string {
    return path.join(this.folder, 'sensors', name);
  }

  /** Adds a sensor at the collector and enrols it, by the collector's own URL or by one in between. */
  async addSensor({ name, economy, network }: SensorPlace, url = this.url): Promise<void> {
    const place = ['--owner', 'example-csirt', '--economy', economy, '--network', network];
    const { stdout } = await this.enaga(['sensor', 'add', name, ...place, '--json']);
    const { token } = JSON.parse(stdout);
    const ca = this.#tls ? ['--ca', this.certificate] : [];
    await this.sensor(name, ['enrol', '--collector', url, '--token', token, ...ca]);
  }

  /** A command of `enaga-sensor` with this sensor's state; fails unless it ends with `code`. */
  async sensor(name: string, args: readonly string[], code = 0): Promise<Outcome> {
    const outcome = await bounded(this.startSensor(name, args));
    if (outcome.code !== code)
      throw new Error(
        `enaga-sensor ${args[0]} of ${name} ended with ${outcome.code}: ${outcome.stderr}\nThe collector: ${this.#logged()}`,
      );
    return outcome;
  }

  startSensor(name: string, args: readonly string[]): Program {
    const [command, ...rest] = args;
    return run(SENSOR, [command!, '--state', this.state(name), ...rest]);
  }

  async remove(): Promise<void> {
    if (this.#serving !== undefined) await this.stop('SIGKILL');
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
