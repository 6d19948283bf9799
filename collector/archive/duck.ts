/** DuckDB, within bounds: of its memory, its threads and what it may look at. It loads nothing and asks no network. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { threadId } from 'node:worker_threads';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { SPILL } from './layout.ts';

/** What does not fit into the first goes to the disk, up to the second: a question of an admin's may. */
const memoryMax = '512MB';
const spillMax = '16GB';

export interface DuckOptions {
  /** Directories and files that it may read and write, and no others. */
  readonly directories?: readonly string[];
  readonly files?: readonly string[];
  /** Where it may put what does not fit into its memory. */
  readonly spill: string;
  /** From the start, unless said otherwise. */
  readonly isLocked?: boolean;
  /**
   * One unless given, which is the one that asks. While others do the work that one waits by asking again and again, and takes a
   * processor to itself.
   */
  readonly threads?: number;
}

export interface Duck {
  readonly connection: DuckDBConnection;
  /** Another, closed with it. */
  connect(): Promise<DuckDBConnection>;
  /** Nothing of its bounds can be changed any more. */
  lock(): Promise<void>;
  close(): void;
}

/** For whoever has the archive's lock, which one at a time has. */
export const spillOf = (archive: string): string => path.join(archive, SPILL);

let spills = 0;
/**
 * For whoever has no lock: no other has it. DuckDB calls its files the same everywhere, so of two in one directory each writes
 * over the other's, and removes them (github.com/duckdb/duckdb/issues/15173).
 */
export const ownSpillOf = (archive: string): string => `${spillOf(archive)}-${process.pid}-${threadId}-${++spills}`;

export async function openDuck({
  directories = [],
  files = [],
  spill,
  isLocked = true,
  threads = 1,
}: DuckOptions): Promise<Duck> {
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    memory_limit: memoryMax,
    threads: String(Math.min(threads, os.availableParallelism())),
    temp_directory: spill,
    max_temp_directory_size: spillMax,
  });
  const connections: DuckDBConnection[] = [];
  const connect = async () => {
    const made = await instance.connect();
    connections.push(made);
    return made;
  };
  const connection = await connect();
  const close = () => {
    for (const one of connections) one.closeSync();
    instance.closeSync();
    fs.rmSync(spill, { recursive: true, force: true });
  };
  try {
    await connection.run(`SET allowed_directories = [${directories.map(quoted).join(', ')}]`);
    await connection.run(`SET allowed_paths = [${files.map(quoted).join(', ')}]`);
    await connection.run('SET enable_external_access = false');
    const lock = async () => void (await connection.run('SET lock_configuration = true'));
    if (isLocked) await lock();
    return { connection, connect, lock, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** As a string of SQL. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
