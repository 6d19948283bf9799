/**
 * What a packet takes on disk and on its way: as a batch, beside the capture it came from and the flows nfdump keeps of it. In this
 * process: seals and opens what `Decoder` makes of the capture, by the code that sensor and collector run.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { count } from '../../collector/publish/words.ts';
import { openBatch } from '../../common/batch/open.ts';
import { type Sealed, sealBatch } from '../../common/batch/seal.ts';
import { CaptureReader, createBlock } from '../../common/packet/capture.ts';
import { Decoder } from '../../common/packet/decoder.ts';
import type { Records } from '../../common/record/record.ts';
import { isThere, type Workshop } from './run.ts';

export interface Wire {
  readonly packets: number;
  /** What, and its bytes. */
  readonly sizes: readonly (readonly [string, number])[];
  /** Bytes of the batches, and seconds to make and to open them all. */
  readonly batches: { readonly bytes: number; readonly seal: number; readonly open: number };
  readonly missing: readonly string[];
}

const bytesMax = 15;
const openMin = 2e6;
const SENSOR = '00000000-0000-4000-8000-000000000000';
const NFPCAPD = [
  ['nfpcapd: flows', []],
  ['nfpcapd -z: flows, compressed', ['-z']],
] as const;

export async function measureWire(capture: string, packets: number, workshop: Workshop): Promise<Wire> {
  const batches = await sealAndOpen(capture);
  const sizes: [string, number][] = [
    ['pcap', fs.statSync(capture).size],
    ['pcap, gzip', await gzipBytes(capture)],
  ];
  const hasNfpcapd = isThere('nfpcapd');
  for (const [what, options] of hasNfpcapd ? NFPCAPD : []) {
    const out = workshop.emptyFolder('flows');
    await workshop.run([{ pipe: [['nfpcapd', '-r', capture, '-w', out, ...options]] }]);
    const files = fs.readdirSync(out, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
    sizes.push([what, files.reduce((sum, file) => sum + fs.statSync(path.join(file.parentPath, file.name)).size, 0)]);
  }
  sizes.push(["Enaga's batches: records", batches.bytes]);
  const missing = hasNfpcapd ? [] : ['nfdump files left out, not installed: nfpcapd.'];
  return { packets, sizes, batches, missing };
}

/** Every block of records as a batch, which is what a busy sensor seals. */
async function sealAndOpen(capture: string): Promise<Wire['batches']> {
  const sealed: Sealed[] = [];
  let seal = 0;
  const decoder = new Decoder([], records => {
    const started = performance.now();
    sealed.push(sealBatch({ header: headerOf(records, sealed.length + 1), records }));
    seal += (performance.now() - started) / 1000;
  });
  const reader = await CaptureReader.open(capture);
  const block = createBlock();
  while (await reader.next(block)) decoder.take(block.chunk, block.packets);
  decoder.flush();
  reader.close();
  const started = performance.now();
  for (const { bytes } of sealed) openBatch(bytes);
  const open = (performance.now() - started) / 1000;
  return { bytes: sealed.reduce((sum, { bytes }) => sum + bytes.length, 0), seal, open };
}

const headerOf = ({ hour, count, time }: Records, sequence: number) => ({
  sensor: SENSOR,
  epoch: 1,
  sequence,
  hour,
  from: time[0]!,
  to: Math.max(time[0]!, time[count - 1]!),
  historic: true,
  counters: { seen: count, kernelDrops: 0, interrupted: 0, skipped: {}, lost: [] },
});

async function gzipBytes(file: string): Promise<number> {
  let bytes = 0;
  await pipeline(fs.createReadStream(file), createGzip(), async pieces => {
    for await (const piece of pieces) bytes += piece.length;
  });
  return bytes;
}

const digits = (value: number): string => value.toPrecision(3);

export function renderWire({ packets, sizes, batches, missing }: Wire, markdown: boolean): string {
  const rows = sizes.map(([what, bytes]) => [what, digits(bytes / packets), digits(bytes / sizes[0]![1])]);
  const head = ['on disk and wire', 'bytes a packet', 'of pcap'];
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map(row => row[column]!.length)));
  const spaced = (cells: readonly string[]) =>
    cells.map((cell, n) => (n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!))).join('  ');
  const piped = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const table = markdown ? [head, ['---', '---:', '---:'], ...rows].map(piped) : [head, ...rows].map(spaced);
  const verdict = (met: boolean) => (met ? 'met' : 'missed');
  const size = batches.bytes / packets;
  const opened = packets / batches.open;
  const notes = [
    `${verdict(size <= bytesMax)}: batches take ${digits(size)} bytes a record on the wire; at most ${bytesMax}`,
    `${verdict(opened >= openMin)}: ${digits(opened / 1e6)} M records/s opened in one thread; at least ${openMin / 1e6}`,
    `${digits(packets / batches.seal / 1e6)} M records/s sealed in one thread; both warm up within these ${count(packets)} packets.`,
    ...missing,
  ];
  const lines = (texts: readonly string[], bullet: string) => texts.map(text => `${bullet}${text}\n`).join('');
  return [lines(table, ''), lines(notes, markdown ? '- ' : '')].join('\n');
}
