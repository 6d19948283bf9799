/**
 * Writes parts: their files under other names, synced and read back before they get their own; whoever has them written commits
 * them. What never was committed is removed by the next run.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { isFull } from '../../common/sqlite/full.ts';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { syncDirectory } from '../log/identity.ts';
import { type Duck, openDuck, quoted, spillOf } from './duck.ts';
import { fileSha256 } from './file-sha256.ts';
import { groupsOf } from './groups.ts';
import { type BatchHead, readHeads, writeHeads } from './heads.ts';
import { groupRows, headsFile, recordsFile, UNFINISHED } from './layout.ts';
import type { Part } from './manifest.ts';
import { NotArchived } from './part.ts';
import { PartBatches } from './rebuild.ts';
import { SCAN, ScanTable } from './scan.ts';
import type { Staged } from './stage.ts';

export interface PartOrder {
  readonly part: number;
  readonly day: number;
  /** One at least. */
  readonly heads: readonly BatchHead[];
  readonly staged: Staged;
}

/** Of both files, and of each in hexadecimal. */
export type PartFacts = Pick<Part, 'bytes' | 'recordsSha256' | 'headsSha256'>;

export class PartWriter {
  /** The archive's directory. */
  readonly #dir: string;
  readonly #duck: Duck;
  readonly #table: ScanTable;
  /** What is read back is so beside what is written. */
  readonly #reading: DuckDBConnection;

  private constructor(dir: string, duck: Duck, reading: DuckDBConnection) {
    this.#dir = dir;
    this.#duck = duck;
    this.#table = new ScanTable(duck.connection);
    this.#reading = reading;
  }

  static async open(dir: string): Promise<PartWriter> {
    const duck = await openDuck({ directories: [dir], spill: spillOf(dir) });
    return new PartWriter(dir, duck, await duck.connect());
  }

  /** Under other names. One at a time; a part may be checked meanwhile. Throws `NotArchived`. */
  async write({ part, day, heads, staged }: PartOrder): Promise<void> {
    const [records, names] = this.#filesOf(day, part);
    try {
      fs.mkdirSync(path.dirname(records), { recursive: true, mode: 0o700 });
      await copyRows(this.#duck, this.#table, staged, records + UNFINISHED, 'v2');
      fs.chmodSync(records + UNFINISHED, 0o600);
      const groups = await groupsOf(this.#duck.connection, records + UNFINISHED);
      fs.writeFileSync(names + UNFINISHED, writeHeads({ heads, groups }), { mode: 0o600 });
      for (const file of [records, names]) syncFile(file + UNFINISHED);
    } catch (error) {
      // Not left for the next run to remove: what is received needs the room now.
      for (const file of [records, names]) fs.rmSync(file + UNFINISHED, { force: true });
      throw error instanceof NotArchived || !isFull(error) ? error : notWritten(records, error);
    }
  }

  /** Reads it back; then its files have their names. Throws `BadDatabase` if it does not give back what was read. */
  async check({ part, day, heads }: Omit<PartOrder, 'staged'>): Promise<PartFacts> {
    const [records, names] = this.#filesOf(day, part);
    const { heads: kept } = readHeads(fs.readFileSync(names + UNFINISHED), names);
    const whole = await PartBatches.read(this.#reading, records + UNFINISHED, kept);
    checkAll(whole, heads, records);
    const [recordsSha256, headsSha256] = [fileSha256(records + UNFINISHED), fileSha256(names + UNFINISHED)];
    for (const file of [records, names]) fs.renameSync(file + UNFINISHED, file);
    for (const one of [path.dirname(records), this.#dir]) syncDirectory(one);
    return { bytes: fs.statSync(records).size + fs.statSync(names).size, recordsSha256, headsSha256 };
  }

  close(): void {
    this.#duck.close();
  }

  #filesOf = (day: number, part: number): [string, string] => [
    path.join(this.#dir, recordsFile(day, part)),
    path.join(this.#dir, headsFile(day, part)),
  ];
}

export interface RecordsOptions {
  /** DuckDB may write here, and nowhere else. */
  readonly dir: string;
  readonly file: string;
  readonly staged: Staged;
}

/** Records alone, in a file of the archive's columns that anybody's reader is for. Throws `NotArchived`. */
export async function writeRecords({ dir, file, staged }: RecordsOptions): Promise<void> {
  const duck = await openDuck({ directories: [dir], spill: spillOf(dir) });
  try {
    await copyRows(duck, new ScanTable(duck.connection), staged, file, 'v1');
  } finally {
    duck.close();
  }
}

/**
 * zstd's level 3 makes files smaller by a fiftieth, for a tenth more time; larger dictionaries make them larger. The country, whose
 * number the rows are sorted by, is written as text: of an ENUM every group says that it has all of it. Version 2 of the format is
 * smaller; but Arrow refuses addresses in it, whose differences take more than 32 bits.
 */
const COPY = `COPY (SELECT * REPLACE (country::VARCHAR AS country) FROM ${SCAN}) TO `;
const WRITTEN = `FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 4096,
  ROW_GROUP_SIZE ${groupRows}`;

async function copyRows(
  { connection }: Duck,
  table: ScanTable,
  staged: Staged,
  file: string,
  version: 'v1' | 'v2',
): Promise<void> {
  try {
    await table.during(staged, () =>
      connection.run(`${COPY} ${quoted(file)} (${WRITTEN}, PARQUET_VERSION ${version})`),
    );
  } catch (error) {
    throw notWritten(file, error);
  }
}

const notWritten = (file: string, error: unknown): NotArchived =>
  new NotArchived(`${file} cannot be written: ${(error as Error).message}`);

/** Each batch that was read from the log comes out of the file, by its name. */
function checkAll(whole: PartBatches, heads: readonly BatchHead[], file: string): void {
  const bad = heads.findIndex(
    ({ position, sha256 }, n) =>
      whole.heads[n]?.position !== position || Buffer.compare(whole.heads[n].sha256, sha256) !== 0 || !whole.isSound(n),
  );
  if (bad !== -1 || whole.heads.length !== heads.length)
    throw new BadDatabase(`${file} was not written as it should be: the batch at position ${heads[bad]?.position}`);
}

function syncFile(file: string): void {
  const handle = fs.openSync(file, 'r+');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
