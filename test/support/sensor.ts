/** Runs the program `enaga-sensor` as a user does, and reads captures without it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { CaptureReader, createBlock } from '../../common/packet/capture.ts';
import { Decoder } from '../../common/packet/decoder.ts';
import { parsePrefix } from '../../common/record/address.ts';
import type { Records } from '../../common/record/record.ts';
import { type Outcome, root } from './enaga.ts';

const MAIN = path.join(root, 'sensor', 'main.ts');
/** A program that hangs is killed. */
const runMsMax = 40_000;

export interface Running {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
}

export interface SensorRun {
  readonly stdin?: Readable;
  /** Of another file than sensor/main.ts. */
  readonly main?: string;
}

export function startSensor(args: readonly string[], { stdin, main = MAIN }: SensorRun = {}): Running {
  const child = spawn(process.execPath, [main, ...args], { timeout: runMsMax, killSignal: 'SIGKILL' });
  const outcome: Outcome = { code: null, signal: null, stdout: '', stderr: '' };
  child.stdout.on('data', piece => {
    outcome.stdout += piece;
  });
  child.stderr.on('data', piece => {
    outcome.stderr += piece;
  });
  child.stdin.on('error', () => {}); // a program that stops early closes its end
  if (stdin === undefined) child.stdin.end();
  else stdin.pipe(child.stdin);
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ ...outcome, code, signal }));
  });
  return { child, outcome: ended };
}

/** Generated traffic to 203.0.96.0/19, the first part of a day. */
export function writeTraffic(file: string, packets: number): void {
  const generator = path.join(root, 'test', 'bench', 'traffic.ts');
  execFileSync(process.execPath, [generator, '--packets', String(packets), '--out', file]);
}
export const TRAFFIC_NETWORK = '203.0.96.0/19';

/** Every record as a line, so that two ways to the same records can be compared. */
export function* linesOf(records: Records): Generator<string> {
  const words = records.family === 4 ? 1 : 4;
  const { src, dst, hour, time, srcPort, dstPort, protocol, seqFold, length } = records;
  for (let n = 0; n < records.count; n++) {
    const address = (column: Uint32Array) => column.subarray(n * words, (n + 1) * words).join('.');
    const ports = `${srcPort[n]},${dstPort[n]},${protocol[n]},${seqFold[n]},${length[n]}`;
    yield `${hour}/${time[n]} ${address(src)} ${address(dst)} ${ports}`;
  }
}

/** One name for a multitude of records, whatever their order. */
export const digestOf = (lines: string[]): string => createHash('sha256').update(lines.sort().join('\n')).digest('hex');

/** What the decoder makes of captures, without a sensor. */
export async function decodeCaptures(captures: readonly string[], networks: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  const decoder = new Decoder(networks.map(parsePrefix), records => {
    for (const line of linesOf(records)) lines.push(line);
  });
  const block = createBlock();
  for (const capture of captures) {
    const reader = await CaptureReader.open(capture);
    while (await reader.next(block)) decoder.take(block.chunk, block.packets);
    reader.close();
  }
  decoder.flush();
  return lines;
}
