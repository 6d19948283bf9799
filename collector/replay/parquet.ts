/**
 * Records of captures as Parquet files, in the folders and columns of a collector's archive (archive/layout.ts): `sensor` is 0,
 * `received` is null, and `batch` is the block that a record was decoded into. Some millions of records are held, and the day
 * that has most of them is written when they become more.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { GeoTable } from '../../common/geo/table.ts';
import { createRecords, type Records } from '../../common/record/record.ts';
import { dayFolder, partBatchesMax, partRecordsMax, recordsFile, UNFINISHED } from '../archive/layout.ts';
import { NotArchived, stageRows } from '../archive/part.ts';
import type { StagedBatch } from '../archive/stage.ts';
import { writeRecords } from '../archive/write-part.ts';
import { BadParquet } from './parquet-error.ts';

interface Waiting {
  readonly blocks: Records[];
  records: number;
}

export class ParquetFiles {
  readonly #dir: string;
  readonly #geo: GeoTable;
  /** By days since 1970. */
  readonly #days = new Map<number, Waiting>();
  #records = 0;
  #parts = 0;

  /** Makes the directory if need be. Throws `BadParquet`, and the system's errors. */
  constructor(dir: string, geo: GeoTable) {
    fs.mkdirSync(dir, { recursive: true });
    const found = fs.readdirSync(dir).find(name => name.startsWith('date='));
    if (found !== undefined) throw new BadParquet(`${dir} has ${found} in it: give another directory`);
    this.#dir = dir;
    this.#geo = geo;
  }

  /** Copies them. */
  take(records: Records): void {
    const day = Math.floor(records.hour / 24);
    const waiting = this.#days.get(day) ?? { blocks: [], records: 0 };
    this.#days.set(day, waiting);
    waiting.blocks.push(copied(records));
    waiting.records += records.count;
    this.#records += records.count;
  }

  /** Writes what has become too much to hold. */
  async ready(): Promise<void> {
    while (this.#records > partRecordsMax) await this.#writeLargest();
    for (const [day, { blocks }] of this.#days) if (blocks.length >= partBatchesMax / 2) await this.#write(day);
  }

  async finish(): Promise<void> {
    while (this.#days.size > 0) await this.#writeLargest();
  }

  #writeLargest(): Promise<void> {
    const [[day]] = [...this.#days].sort(([, a], [, b]) => b.records - a.records) as [[number, Waiting]];
    return this.#write(day);
  }

  async #write(day: number): Promise<void> {
    const { blocks, records } = this.#days.get(day)!;
    this.#days.delete(day);
    this.#records -= records;
    fs.mkdirSync(path.join(this.#dir, dayFolder(day)), { recursive: true });
    const file = path.join(this.#dir, recordsFile(day, ++this.#parts));
    let number = 0;
    const next = (): StagedBatch | undefined => {
      const block = blocks[number];
      if (block === undefined) return undefined;
      return { number: number++, sensor: 0, receivedMs: null, historic: true, misdated: false, records: block };
    };
    try {
      const staged = stageRows(this.#geo, records, next);
      await writeRecords({ dir: this.#dir, file: file + UNFINISHED, staged });
      fs.renameSync(file + UNFINISHED, file);
    } catch (error) {
      fs.rmSync(file + UNFINISHED, { force: true });
      throw error instanceof NotArchived ? new BadParquet(error.message) : error;
    }
  }
}

function copied(records: Records): Records {
  const copy = createRecords(records.family, records.count);
  copy.count = records.count;
  copy.hour = records.hour;
  const { src, dst, time, srcPort, dstPort, length, window, seqFold, protocol, flags, ttl, tool } = copy;
  const into = { src, dst, time, srcPort, dstPort, length, window, seqFold, protocol, flags, ttl, tool };
  for (const [name, column] of Object.entries(into) as [keyof typeof into, Uint32Array][])
    column.set(records[name].subarray(0, column.length));
  return copy;
}
