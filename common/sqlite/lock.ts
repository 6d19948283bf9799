/** One process a directory: a lock that SQLite takes from the kernel, so that it ends with the process however that ends. */
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { createPrivate } from './open.ts';

/** Another process holds the lock. */
export class Locked extends Error {
  override readonly name = 'Locked';
}

export interface Lock {
  release(): void;
}

/** Above what `isLocked` takes, so that who only asks is not taken for one that holds it. */
const waitMsMax = 100;

/** Holds `file` until `release` or the end of the process. Throws `Locked`. */
export function takeLock(file: string): Lock {
  createPrivate(file);
  const database = new Database(file, { timeout: waitMsMax });
  try {
    database.pragma('journal_mode = MEMORY'); // nothing is ever written: no journal is to be left behind
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code === 'SQLITE_BUSY') throw new Locked(`${file} is held by another process`);
    throw error;
  }
  return { release: () => void database.close() };
}

/** Whether a process holds it now. */
export function isLocked(file: string): boolean {
  if (!fs.existsSync(file)) return false;
  const database = new Database(file, { readonly: true, timeout: 0 });
  try {
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (error) {
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return true;
    throw error;
  } finally {
    database.close();
  }
}
