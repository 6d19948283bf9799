/** A full disk: what does not fit is refused whole, and logged when there is room again. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Log, LogUnavailable } from '../../collector/log/log.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { mountSmallDisk, SMALL_DISK_MISSING } from '../support/small-disk.ts';
import { batches, DAY_MS, NOON } from './batches.ts';

it('fault 4: refuses a group whole, and takes it when there is room', context => {
  const disk = mountSmallDisk(3 * 2 ** 19);
  if (disk === undefined) return context.skip(SMALL_DISK_MISSING);
  onTestFinished(disk.remove);
  const dir = path.join(disk.dir, 'log');
  const ballast = path.join(disk.dir, 'ballast');
  fs.writeFileSync(ballast, Buffer.alloc(600_000));
  const log = Log.open(dir);
  let next = 1;
  let refused = 0;
  const group = (receivedMs = NOON) => batches(next, next + 3, { length: 12_000, receivedMs });
  const append = (receivedMs = NOON) => {
    try {
      expect(log.append(group(receivedMs)).map(({ kind }) => kind)).toEqual(Array(4).fill('logged'));
      next += 4;
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(LogUnavailable);
      expect((error as Error).message).toContain(dir);
      refused++;
      return false;
    }
  };
  while (append());
  for (let n = 0; n < 3; n++) expect(append(NOON + n * DAY_MS)).toBe(false); // also where a new day's file is to be made
  expect(log.head()).toBe(next - 1);
  fs.rmSync(ballast);
  expect(append(NOON + DAY_MS)).toBe(true);
  log.close();
  const again = Log.open(dir);
  expect(again.head()).toBe(next - 1);
  expect(again.gaps(0, [{ epoch: 1, sealed: next - 1 }], 9)).toEqual([]);
  again.close();
  const reader = LogReader.open(dir);
  const sequences: number[] = [];
  for (let position = 0; ; position = sequences.length) {
    const more = reader.after(position, { batches: 1000, bytes: 1e8 });
    if (more.length === 0) break;
    sequences.push(...more.map(({ sequence }) => sequence));
  }
  reader.close();
  expect(sequences).toEqual(Array.from({ length: next - 1 }, (_, n) => n + 1));
  expect(refused).toBeGreaterThan(3);
});
