/**
 * Writes one part: its files under other names, read back and synced before they get their own; whoever calls it commits them.
 * Removed by the next run, if they never were.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { GeoTable } from '../../common/geo/table.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import type { LoggedBatch } from '../log/entry.ts';
import { syncDirectory } from '../log/identity.ts';
import { DamagedBatch, openOrDamaged } from '../store/batch.ts';
import { openDuck, quoted, spillOf } from './duck.ts';
import { type BatchHead, headOf, readHeads, writeHeads } from './heads.ts';
import { dayFolder, groupRows, headsFile, partBatchesMax, partRecordsMax, recordsFile, UNFINISHED } from './layout.ts';
import type { DamagedRow, Part } from './manifest.ts';
import { PartBatches } from './rebuild.ts';
import { SCAN, Scan, type ScannedBatch } from './scan.ts';

export interface PartOptions {
  /** The archive's directory. */
  readonly dir: string;
  readonly part: number;
  readonly day: number;
  readonly geo: GeoTable;
  /** Of the day, ascending. As many are taken as a part may hold. */
  readonly batches: BatchSource;
  readonly nowMs: number;
}

/** Batches one after the other, the next of which can be looked at. */
export interface BatchSource {
  /** Undefined when there is none left. */
  peek(): LoggedBatch | undefined;
  take(): void;
}

/** What stands in the way, for an operator to mend or to wait for: a full disk, or a store that has not counted the log. */
export class NotArchived extends Error {
  override readonly name = 'NotArchived';
}

export interface WrittenPart {
  /** Undefined if all batches were damaged. */
  readonly part: Part | undefined;
  readonly damaged: readonly DamagedRow[];
}

/** Throws `BadDatabase` if what was written does not give back what was read, and `NotArchived`. */
export async function writePart(options: PartOptions): Promise<WrittenPart> {
  const { dir, part, day, geo, nowMs } = options;
  const folder = path.join(dir, dayFolder(day));
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [records, heads] = [recordsFile, headsFile].map(of => path.join(dir, of(day, part))) as [string, string];
  const duck = await openDuck({ directories: [dir], spill: spillOf(dir) });
  try {
    const taken = new Taken(options);
    await copyRows(duck.connection, new Scan(geo, () => taken.next()), records + UNFINISHED);
    if (taken.heads.length === 0) {
      fs.rmSync(records + UNFINISHED);
      return { part: undefined, damaged: taken.damaged };
    }
    fs.chmodSync(records + UNFINISHED, 0o600);
    fs.writeFileSync(heads + UNFINISHED, writeHeads(taken.heads), { mode: 0o600 });
    for (const file of [records, heads]) syncFile(file + UNFINISHED);
    const kept = readHeads(fs.readFileSync(heads + UNFINISHED), heads);
    const whole = await PartBatches.read(duck.connection, records + UNFINISHED, kept);
    checkAll(whole, taken.heads, records);
    const files = [records, heads].map(file => ({ file, sha256: fileSha256(file + UNFINISHED) }));
    for (const { file } of files) fs.renameSync(file + UNFINISHED, file);
    for (const one of [folder, dir]) syncDirectory(one);
    const written = { part, day, ...describe(taken.heads, files), geo: geo.sha256, madeMs: nowMs, expiredMs: null };
    return { part: written, damaged: taken.damaged };
  } finally {
    duck.close();
  }
}

/** The batches of the part, as they are taken from the log. */
class Taken {
  readonly heads: BatchHead[] = [];
  readonly damaged: DamagedRow[] = [];
  readonly #options: PartOptions;
  #records = 0;

  constructor(options: PartOptions) {
    this.#options = options;
  }

  /** The next with records; undefined when the part is full, or there is none. */
  next(): ScannedBatch | undefined {
    const { batches, day } = this.#options;
    for (let logged = batches.peek(); logged !== undefined; logged = batches.peek()) {
      const number = this.heads.length;
      if (number === partBatchesMax || (number > 0 && this.#records + logged.records > partRecordsMax))
        return undefined;
      batches.take();
      const batch = openOrDamaged(logged);
      if (batch instanceof DamagedBatch) {
        this.damaged.push({ position: logged.position, day, message: batch.message, bytes: logged.bytes });
        continue;
      }
      this.heads.push(headOf(logged));
      const { records, sensor, receivedMs, misdated, header } = batch;
      this.#records += records.count;
      if (records.count > 0) return { number, sensor, receivedMs, misdated, historic: header.historic, records };
    }
    return undefined;
  }
}

/** zstd's level 3 makes files smaller by a fiftieth, for a tenth more time; larger dictionaries make them larger. */
const WRITTEN = `FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 4096,
  ROW_GROUP_SIZE ${groupRows}`;

export interface RecordsOptions {
  /** DuckDB may write here, and nowhere else. */
  readonly dir: string;
  readonly file: string;
  readonly geo: GeoTable;
  /** The next batch with records; undefined after the last. */
  readonly next: () => ScannedBatch | undefined;
}

/** Records alone, in a file of the archive's columns. Throws `NotArchived`, and what `next` does. */
export async function writeRecords({ dir, file, geo, next }: RecordsOptions): Promise<void> {
  const duck = await openDuck({ directories: [dir], spill: spillOf(dir) });
  try {
    await copyRows(duck.connection, new Scan(geo, next), file);
  } finally {
    duck.close();
    fs.rmSync(spillOf(dir), { recursive: true, force: true });
  }
}

/** Sorted by the number of the country, which is quicker, and written as text: of an ENUM every group says it has all of it. */
const ROWS = `SELECT * REPLACE (country::VARCHAR AS country) FROM (FROM ${SCAN} ORDER BY country, time)`;

async function copyRows(connection: DuckDBConnection, scan: Scan, file: string): Promise<void> {
  connection.registerTableFunction(scan.table());
  try {
    await connection.run(`COPY (${ROWS}) TO ${quoted(file)} (${WRITTEN})`);
  } catch (error) {
    throw scan.failure ?? new NotArchived(`${file} cannot be written: ${(error as Error).message}`);
  }
}

/** Each batch that was read from the log comes out of the file, by its name. */
function checkAll(whole: PartBatches, heads: readonly BatchHead[], file: string): void {
  const bad = heads.findIndex(
    ({ position, sha256 }, n) =>
      whole.heads[n]?.position !== position || Buffer.compare(whole.heads[n].sha256, sha256) !== 0 || !whole.isSound(n),
  );
  if (bad !== -1 || whole.heads.length !== heads.length)
    throw new BadDatabase(`${file} was not written as it should be: the batch at position ${heads[bad]?.position}`);
}

interface WrittenFile {
  readonly file: string;
  readonly sha256: string;
}

function describe(heads: readonly BatchHead[], files: readonly WrittenFile[]) {
  return {
    first: heads[0]!.position,
    last: heads.at(-1)!.position,
    batches: heads.length,
    records: heads.reduce((sum, { records }) => sum + records, 0),
    bytes: files.reduce((sum, { file }) => sum + fs.statSync(file).size, 0),
    recordsSha256: files[0]!.sha256,
    headsSha256: files[1]!.sha256,
  };
}

function syncFile(file: string): void {
  const handle = fs.openSync(file, 'r+');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

const pieceBytes = 2 ** 20;

/** In hexadecimal. */
export function fileSha256(file: string): string {
  const hash = createHash('sha256');
  const piece = new Uint8Array(pieceBytes);
  const handle = fs.openSync(file, 'r');
  try {
    for (let read = fs.readSync(handle, piece); read > 0; read = fs.readSync(handle, piece))
      hash.update(piece.subarray(0, read));
    return hash.digest('hex');
  } finally {
    fs.closeSync(handle);
  }
}
