/**
 * DuckDB's SQL over the archive, to read and nothing else: only statements that select are run, the files of the archive are the
 * only ones that can be named, and nothing of the configuration can be changed.
 */
import fs from 'node:fs';
import path from 'node:path';
import { type DuckDBResult, DuckDBTypeId, type Json, StatementType } from '@duckdb/node-api';
import { type Duck, openDuck, ownSpillOf, quoted } from './duck.ts';
import { COLUMNS, recordsFile } from './layout.ts';
import { Manifest } from './manifest.ts';

/** Somebody waits for the answer. */
const threadsMax = 2;

/** The query cannot be run: DuckDB says why, or it would do something else than read. */
export class BadQuery extends Error {
  override readonly name = 'BadQuery';
}

export interface Answer {
  readonly columns: readonly string[];
  /** Whether a column is of numbers. */
  readonly numbers: readonly boolean[];
  /** Rows a chunk at a time, as they are found. */
  readonly rows: AsyncIterable<readonly (readonly Json[])[]>;
}

const NUMBERS: ReadonlySet<DuckDBTypeId> = new Set([
  ...[DuckDBTypeId.TINYINT, DuckDBTypeId.SMALLINT, DuckDBTypeId.INTEGER, DuckDBTypeId.BIGINT, DuckDBTypeId.HUGEINT],
  ...[DuckDBTypeId.UTINYINT, DuckDBTypeId.USMALLINT, DuckDBTypeId.UINTEGER, DuckDBTypeId.UBIGINT],
  ...[DuckDBTypeId.UHUGEINT, DuckDBTypeId.FLOAT, DuckDBTypeId.DOUBLE, DuckDBTypeId.DECIMAL],
]);

const byteOf = (column: string, shift: number): string => `((${column} >> ${shift}) & 255)`;
const text4 = (column: string): string => [24, 16, 8, 0].map(shift => byteOf(column, shift)).join(" || '.' || ");
/** Eight groups between colons, none left out: `:2001:db8:0:0:0:0:0:1:`. */
const groups6 = (high: string, low: string): string =>
  `printf(':%x:%x:%x:%x:%x:%x:%x:%x:', ${[high, low]
    .flatMap(column => [48, 32, 16, 0].map(shift => `((${column} >> ${shift}) & 65535)::INTEGER`))
    .join(', ')})`;
/** RFC 5952: the longest run of zeros is left out, of equals the first, if there are two or more; then colons at the ends. */
const SHORTENED = `CASE ${[8, 7, 6, 5, 4, 3, 2]
  .map(zeros => `${':0'.repeat(zeros)}:`)
  .map(run => `WHEN contains(groups, '${run}') THEN regexp_replace(groups, '${run}', '::')`)
  .join(' ')} ELSE groups END`;
const MACRO6 = `CREATE MACRO address6(groups) AS regexp_replace(${SHORTENED}, '^:([^:])|([^:]):$', '\\1\\2', 'g')`;
const text6 = (high: string, low: string): string => `address6(${groups6(high, low)})`;
const address = (name: 'src' | 'dst'): string =>
  `CASE WHEN ${name}4 IS NULL THEN ${text6(`${name}6_high`, `${name}6_low`)} ELSE ${text4(`${name}4`)} END`;

/** What the view `records` has: the columns of layout.ts, the date, and addresses as people read them. */
const VIEW = `date, time, country, asn, sensor, ${address('src')} AS source, ${address('dst')} AS destination, protocol,
  src_port, dst_port, length, win, seq_fold, flags, ttl, tool, received, historic, src4, src6_high, src6_low,
  dst4, dst6_high, dst6_low`;

export class ArchiveSql {
  readonly #duck: Duck;

  private constructor(duck: Duck) {
    this.#duck = duck;
  }

  /** `dir` is the archive's. Its view `records` has the parts that are there now, or these files. Throws `BadDatabase`. */
  static async open(dir: string, files = committedIn(dir)): Promise<ArchiveSql> {
    const duck = await openDuck({ files, spill: ownSpillOf(dir), isLocked: false, threads: threadsMax });
    try {
      await duck.connection.run(MACRO6);
      await duck.connection.run(`CREATE VIEW records AS ${viewText(files)}`);
      await duck.lock();
      return new ArchiveSql(duck);
    } catch (error) {
      duck.close();
      throw error;
    }
  }

  /** The answer of the last of the statements in `text`. Throws `BadQuery`. */
  async ask(text: string): Promise<Answer> {
    try {
      // First by its words alone: some statements do something as soon as they are prepared (EXPORT makes its directory).
      const [[parsed]] = (
        await this.#duck.connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [text])
      ).getRows() as [[string]];
      checkParsed(JSON.parse(parsed));
      const prepared = await this.#duck.connection.prepare(text);
      if (prepared.statementType !== StatementType.SELECT) throw new BadQuery(READ_ONLY);
      return answerOf(await prepared.stream());
    } catch (error) {
      throw named(error);
    }
  }

  close(): void {
    this.#duck.close();
  }
}

const READ_ONLY = 'the archive is read only: SELECT, DESCRIBE, SHOW and SUMMARIZE are answered';

interface Parsed {
  readonly error: boolean;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly statements?: readonly unknown[];
}

function checkParsed({ error, error_type: type, error_message: message, statements }: Parsed): void {
  if (error) throw new BadQuery(type === 'parser' ? message! : READ_ONLY);
  const count = statements?.length ?? 0;
  if (count === 0) throw new BadQuery('there is no statement in it');
  if (count > 1) throw new BadQuery(`one statement at a time: these are ${count}`);
}

const named = (error: unknown): unknown =>
  error instanceof BadQuery || !(error instanceof Error) ? error : new BadQuery(error.message);

function answerOf(result: DuckDBResult): Answer {
  async function* rows() {
    try {
      for await (const chunk of result.yieldRowsJson()) yield chunk;
    } catch (error) {
      throw named(error);
    }
  }
  return {
    columns: result.columnNames(),
    numbers: result.columnNames().map((_, n) => NUMBERS.has(result.columnTypeId(n))),
    rows: rows(),
  };
}

/** Records that are in a day's figures: those of clocks that were more than a day off are left out. */
function viewText(files: readonly string[]): string {
  if (files.length === 0) {
    const columns = COLUMNS.map(([name, type]) => `NULL::${type === 'country' ? 'VARCHAR' : type} AS ${name}`);
    return `SELECT ${VIEW} FROM (SELECT NULL::DATE AS date, ${columns.join(', ')}) WHERE false`;
  }
  const list = files.map(quoted).join(', ');
  return `SELECT ${VIEW} FROM read_parquet([${list}], hive_partitioning = true, hive_types = {'date': DATE}) WHERE NOT misdated`;
}

/** Those of the archive that are whole. */
export function committedIn(dir: string): string[] {
  if (!Manifest.isThere(dir)) return [];
  const manifest = Manifest.open(dir, { readonly: true });
  try {
    return manifest
      .parts()
      .filter(({ expiredMs }) => expiredMs === null)
      .map(({ day, part }) => path.join(dir, recordsFile(day, part)));
  } finally {
    manifest.close();
  }
}

/** Of a directory with the archive's folders and no manifest, as `enaga replay --parquet` makes it. */
export const parquetIn = (dir: string): string[] =>
  fs
    .globSync('date=*/*.parquet', { cwd: dir })
    .sort()
    .map(file => path.join(dir, file));
