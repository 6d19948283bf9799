/** What is sealed opens to the same, and again to the same bytes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openBatch, readBatchHeader } from '../../common/batch/open.ts';
import { sealBatch } from '../../common/batch/seal.ts';
import { batchRecordsMax, batchWireBytesMax } from '../../common/limits.ts';
import { batches, COLUMNS, header, someRecords, valuesOf } from './support.ts';

describe('a batch', () => {
  it('opens to what was sealed, for any header and any records', () => {
    const roundTrip = fc.property(batches, batch => {
      const sealed = sealBatch(batch);
      const opened = openBatch(sealed.bytes);
      expect(opened.header).toEqual(batch.header);
      expect(valuesOf(opened.records)).toEqual(valuesOf(batch.records));
      expect(opened.sha256).toBe(sealed.sha256);
      expect(sealBatch(opened).sha256).toBe(sealed.sha256);
      const { family, count } = batch.records;
      expect(readBatchHeader(sealed.bytes)).toEqual({ ...batch.header, family, count });
    });
    fc.assert(roundTrip, { numRuns: 150 });
  });

  it.each([4, 6] as const)('of IPv%i may be full, of noise that no compressor makes smaller', family => {
    const records = someRecords(family, batchRecordsMax);
    const { bytes } = sealBatch({ header, records });
    expect(bytes.length).toBeLessThan(batchWireBytesMax);
    const { records: opened } = openBatch(bytes);
    for (const name of COLUMNS) expect(Buffer.compare(bytesOf(opened[name]), bytesOf(records[name]))).toBe(0);
  });

  it('without records is its head alone', () => {
    const counters = { seen: 0, kernelDrops: 0, interrupted: 0, skipped: {}, lost: [] };
    const { bytes } = sealBatch({ header: { ...header, counters }, records: someRecords(6, 0) });
    expect(bytes.length).toBe(96);
    expect(openBatch(bytes).records).toMatchObject({ family: 6, count: 0, hour: header.hour });
  });

  it('tells no reason for skipping that has no packets', () => {
    const counters = { ...header.counters, skipped: { arp: 0, fragment: 1 } };
    const { bytes } = sealBatch({ header: { ...header, counters }, records: someRecords(4, 1) });
    expect(openBatch(bytes).header.counters.skipped).toEqual({ fragment: 1 });
  });

  it('opens from anywhere in memory, and shares none with what it came from', () => {
    const records = someRecords(4, 100);
    const { bytes } = sealBatch({ header, records });
    for (let shift = 0; shift < 8; shift++) {
      const within = new Uint8Array(bytes.length + 8);
      within.set(bytes, shift);
      const opened = openBatch(within.subarray(shift, shift + bytes.length));
      within.fill(0xff);
      expect(valuesOf(opened.records)).toEqual(valuesOf(records));
      expect(opened.records.src.byteOffset % 8).toBe(0);
    }
  });

  it('names its content: another counter, another name', () => {
    const records = someRecords(4, 10);
    const counters = { ...header.counters, seen: header.counters.seen + 1 };
    expect(sealBatch({ header: { ...header, counters }, records }).sha256).not.toBe(
      sealBatch({ header, records }).sha256,
    );
  });
});

describe('whoever fills a batch', () => {
  const records = someRecords(4, 2);
  it.each([
    ['a sensor that is no UUID', { sensor: 'sensor-1' }],
    ['an epoch or a sequence that is none', { sequence: 0 }],
    ['a span that is not within the hour', { from: 12_000_000 }],
  ])('may not give it %s', (fault, change) => {
    expect(() => sealBatch({ header: { ...header, ...change }, records })).toThrow(`a batch with ${fault}`);
  });

  it('may not put records of another hour into it, nor beyond the hour', () => {
    expect(() => sealBatch({ header: { ...header, hour: header.hour + 1 }, records })).toThrow('another hour');
    const late = someRecords(4, 2);
    late.time[1] = 3_600_000_000;
    expect(() => sealBatch({ header, records: late })).toThrow('beyond its hour');
  });
});

const bytesOf = (column: Uint8Array | Uint16Array | Uint32Array) =>
  new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
