/** A disk without room for the archive: it says so, the log keeps all and goes on, and the archive is made when there is room. */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { NotArchived, stagePart } from '../../collector/archive/part.ts';
import { archiveThread } from '../../collector/archive/past.ts';
import { PartWriter } from '../../collector/archive/write-part.ts';
import type { LoggedBatch } from '../../collector/log/entry.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { loadGeo } from '../../common/geo/load.ts';
import { addSensors, putBatch, sealSpec, storedBy } from '../faults/support.ts';
import { Observatory } from '../support/observatory.ts';
import { FIRST_DAY, Sealer } from '../support/sealed-log.ts';
import { fillDisk, mountSmallDisk, SMALL_DISK_MISSING } from '../support/small-disk.ts';
import { blocksOfRows, DAY_MS, randomRows } from './support.ts';

const OLD_FILE = '2020-01-01.db';
const BATCHES = 12;
const RECORDS = 8000;

/** What the log and the archive have together. */
function allLogged(data: string): LoggedBatch[] {
  const thread = archiveThread(path.join(data, 'archive'));
  const reader = LogReader.open(path.join(data, 'log'), thread.past());
  try {
    const found: LoggedBatch[] = [];
    for (;;) {
      const more = reader.after(found.at(-1)?.position ?? 0, { batches: 1000, bytes: 1e9 });
      if (more.length === 0) return found;
      found.push(...more);
    }
  } finally {
    reader.close();
    thread.stop();
  }
}

it('fault 4: days wait for room in the log, batches are acknowledged meanwhile, and then all is archived', async context => {
  const disk = mountSmallDisk(48 * 2 ** 20);
  if (disk === undefined) return context.skip(SMALL_DISK_MISSING);
  const observatory = new Observatory({ data: path.join(disk.dir, 'collector') });
  onTestFinished(async () => {
    await observatory.remove();
    disk.remove();
  });
  const at = (...names: string[]) => path.join(observatory.data, ...names);
  await observatory.init();
  await observatory.serve('--archive', 'off');
  const [sensor] = addSensors(observatory, 1);
  let sequence = 0;
  const put = async (count: number, atMs = Date.now()) => {
    const { bytes } = sealSpec(sensor!, { sequence: ++sequence, count, atMs, historic: true });
    expect((await putBatch(observatory.url, sensor!, bytes)).status).toBe(200);
  };
  const dayMs = Date.now() - 5 * DAY_MS;
  for (let n = 0; n < BATCHES; n++) await put(RECORDS, dayMs);
  expect((await storedBy(observatory)).records).toBe(BATCHES * RECORDS);
  await observatory.stop();
  // As if it had all come long ago: a file that may go, and a day that is over.
  const [file] = fs.readdirSync(at('log')).filter(name => /^\d{4}-\d\d-\d\d\.db$/.test(name));
  fs.renameSync(at('log', file!), at('log', OLD_FILE));
  const store = new Database(at('store.db'));
  store.prepare('UPDATE days SET closed_ms = ?').run(Date.now());
  store.close();
  await observatory.serve('--archive', 'off');
  await put(20);

  const ballast = fillDisk(disk.dir, 1_500_000);
  for (let n = 0; n < 2; n++) {
    const { stdout, stderr } = await observatory.enaga(['archive', 'run'], 1);
    expect([stdout, stderr]).toEqual([
      '',
      expect.stringMatching(
        /^enaga archive run: .* MB left on its disk: with .* MB days are archived; until then the log keeps them\n$/,
      ),
    ]);
    await put(20);
  }
  expect(fs.existsSync(at('log', OLD_FILE))).toBe(true);
  const left = (fs.readdirSync(at('archive'), { recursive: true }) as string[]).filter(name => name.includes('part-'));
  expect(left).toEqual([]);

  fs.rmSync(ballast);
  const { parts, logFilesRemoved } = JSON.parse((await observatory.enaga(['archive', 'run', '--json'])).stdout);
  expect(parts.map(({ records }: { records: number }) => records)).toEqual([BATCHES * RECORDS]);
  expect(logFilesRemoved).toEqual([OLD_FILE]);
  await put(20);
  expect((await storedBy(observatory)).records).toBe(BATCHES * RECORDS + 4 * 20);
  await observatory.enaga(['archive', 'verify']);
  const sequences = allLogged(observatory.data).map(one => one.sequence);
  expect(sequences).toEqual(Array.from({ length: BATCHES + 4 }, (_, n) => n + 1));
}, 120_000);

it('fault 4: a disk that fills up while a part is written leaves nothing of it, and the next is written', async context => {
  const disk = mountSmallDisk(8 * 2 ** 20);
  if (disk === undefined) return context.skip(SMALL_DISK_MISSING);
  onTestFinished(disk.remove);
  const sealer = new Sealer();
  const logged = blocksOfRows(randomRows(5, 20_000, 1)).map((block, n) => ({ ...sealer.seal(block), position: n + 1 }));
  const part = () => {
    const batches = [...logged];
    const source = { peek: () => batches[0], take: () => void batches.shift() };
    return { part: 1, day: FIRST_DAY, ...stagePart(FIRST_DAY, loadGeo(), source) };
  };
  const ballast = fillDisk(disk.dir, 300_000);
  const writer = await PartWriter.open(disk.dir);
  const error = await writer.write(part()).catch(thrown => thrown);
  expect(error).toBeInstanceOf(NotArchived);
  expect(error.message).toMatch(/part-000001\.parquet\S* cannot be written: .*No space left on device$/s);
  const files = () =>
    (fs.readdirSync(disk.dir, { recursive: true }) as string[]).filter(name => name.includes('part-'));
  expect(files()).toEqual([]);
  fs.rmSync(ballast);
  const { heads, day } = part();
  await writer.write(part());
  expect((await writer.check({ part: 1, day, heads })).bytes).toBeGreaterThan(300_000);
  expect(files()).toHaveLength(2);
  writer.close();
});
