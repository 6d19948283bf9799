/** Whose a batch is stands in a part's heads alone: where these are not what was written, its batches are damaged, and no others. */
import fs from 'node:fs';
import path from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DamagedEntry } from '../../collector/log/day-file.ts';
import { newSeed } from '../support/random.ts';
import { FIRST_DAY, RECEIVED_MS } from '../support/sealed-log.ts';
import { ArchivedLog, blocksOfRows, DAY_MS, randomRows } from './support.ts';

let made: ArchivedLog;
/** Where the batches of the first day lie, and of the next: mixed. */
let positions: number[];
let others: number[];
let heads: string;

beforeEach(async () => {
  made = new ArchivedLog();
  made.append(...blocksOfRows(randomRows(newSeed(), 300)).sort((a, b) => a.sensor - b.sensor));
  made.goOn(RECEIVED_MS + DAY_MS);
  made.count();
  [positions, others] = [FIRST_DAY, FIRST_DAY + 1].map(day => made.batchesOf(day).map(one => one.position)) as [
    number[],
    number[],
  ];
  expect((await made.archived()).files).toHaveLength(1);
  heads = path.join(made.archive, made.partFiles()[0]!.replace('.parquet', '.heads.zst'));
  made.renewThread();
});
afterEach(() => made.remove());

const DAMAGES: Record<string, (bytes: Uint8Array) => Uint8Array> = {
  'says another sensor': bytes =>
    zstdCompressSync(zstdDecompressSync(bytes).toString().replace('"sensor":0', '"sensor":2')),
  'has a head that is none': bytes =>
    zstdCompressSync(zstdDecompressSync(bytes).toString().replace('"head":"', '"head":"AAAA')),
  'cannot be decompressed': bytes => Uint8Array.from(bytes, byte => byte ^ 0x55),
};

test.each(Object.entries(DAMAGES))('a file of heads that %s', async (_, damage) => {
  const before = fs.readFileSync(heads);
  const bytes = damage(before);
  expect(Buffer.compare(before, bytes)).not.toBe(0);
  fs.writeFileSync(heads, bytes);
  const reader = made.reader();
  try {
    const told: number[] = [];
    const note = ({ position }: DamagedEntry) => told.push(position);
    expect([...reader.ofDay(FIRST_DAY, reader.head(), note)]).toEqual([]);
    expect(told).toEqual(positions);
    const [geo, countries] = ['0'.repeat(64), ['JP']];
    const wanted: number[] = [];
    for await (const one of reader.ofDayLater({ day: FIRST_DAY + 1, from: 1, upTo: reader.head() }, note, {
      geo,
      countries,
    }))
      wanted.push(one.position);
    expect(wanted).toEqual(others);
    expect(told).toEqual(positions);
  } finally {
    reader.close();
  }
});

test('position after position, each of its batches is told, and each of another day is there', () => {
  fs.rmSync(heads);
  const reader = made.reader();
  const [told, given]: [number[], number[]] = [[], []];
  try {
    for (let at = 1; at < Math.max(...positions, ...others); ) {
      try {
        given.push(...reader.after(at, { batches: 10, bytes: 1e6 }).map(one => one.position));
        at = given.at(-1)!;
      } catch (error) {
        expect(error).toBeInstanceOf(DamagedEntry);
        at = (error as DamagedEntry).position;
        told.push(at);
      }
    }
  } finally {
    reader.close();
  }
  expect(told).toEqual(positions);
  expect(given.filter(position => others.includes(position))).toEqual(others);
});
