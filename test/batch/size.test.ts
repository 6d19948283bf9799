/** What a record takes on the wire, of the traffic that the benchmark generates. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBatch } from '../../common/batch/open.ts';
import { sealBatch } from '../../common/batch/seal.ts';
import { CaptureReader, createBlock } from '../../common/packet/capture.ts';
import { Decoder } from '../../common/packet/decoder.ts';
import { writeTraffic } from '../bench/traffic.ts';
import { header, valuesOf } from './support.ts';

const packets = 4 * 8192;
const bytesMax = 15;

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-test-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

it(`is at most ${bytesMax} bytes in batches of 8,192, all columns kept`, async () => {
  const capture = path.join(folder, 'traffic.pcap');
  writeTraffic(capture, packets);
  let [records, bytes] = [0, 0];
  const decoder = new Decoder([], block => {
    const sealed = sealBatch({ header: { ...header, hour: block.hour }, records: block });
    expect(valuesOf(openBatch(sealed.bytes).records)).toEqual(valuesOf(block));
    records += sealed.records;
    bytes += sealed.bytes.length;
  });
  const reader = await CaptureReader.open(capture);
  const block = createBlock();
  while (await reader.next(block)) decoder.take(block.chunk, block.packets);
  decoder.flush();
  reader.close();
  expect(records).toBe(packets);
  expect(bytes / records).toBeLessThanOrEqual(bytesMax);
});
