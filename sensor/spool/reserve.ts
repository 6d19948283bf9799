/**
 * A page of the disk that is taken while there is room, and written over in place: where the spool can write nothing any more, what
 * no batch tells is noted in it (open.ts), so that a run which ends on a full disk leaves a number too. The page is the SHA-256 of
 * its text, the text as JSON, and spaces. The text says of which account it is the rest: once a batch has told it, the account is
 * another, and the note is of no use.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { isFull } from '../../common/sqlite/full.ts';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import type { Noted, OpenCounts } from './types.ts';

/** Beside the database. */
const fileOf = (database: SqliteDatabase): string => path.join(path.dirname(database.name), 'reserve');
const reserveBytes = 4096;
const digestLength = 64;

interface Page {
  readonly account: string;
  readonly counts: OpenCounts;
  readonly atMs: number;
}

/** Packets that are in the account, of which sensor. */
const accountOf = (database: SqliteDatabase): string =>
  database.prepare("SELECT sensor || '/' || seen FROM state, account").pluck().get() as string;

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Takes the page, unless it is there; false if there is no room for it. */
export function takeReserve(database: SqliteDatabase): boolean {
  const file = fileOf(database);
  if (fs.statSync(file, { throwIfNoEntry: false })?.size === reserveBytes) return true;
  try {
    fs.writeFileSync(file, Buffer.alloc(reserveBytes, ' '), { mode: 0o600, flush: true });
    return true;
  } catch (error) {
    if (!isFull(error)) throw error;
    fs.rmSync(file, { force: true });
    return false;
  }
}

/** Writes over what was noted before; `flush`: it is on the disk on return. False if there is no page, and no room for one. */
export function writeReserve(
  database: SqliteDatabase,
  { counts, atMs, flush = false }: { readonly counts: OpenCounts; readonly atMs: number; readonly flush?: boolean },
): boolean {
  if (!takeReserve(database)) return false;
  const text = JSON.stringify({ account: accountOf(database), counts, atMs } satisfies Page);
  const page = Buffer.alloc(reserveBytes, ' ');
  if (digestLength + text.length > reserveBytes) return false; // a reason to skip is some letters, and there are some dozens
  page.write(digest(text) + text);
  const descriptor = fs.openSync(fileOf(database), 'r+');
  try {
    fs.writeSync(descriptor, page, 0, reserveBytes, 0);
    if (flush) fs.fdatasyncSync(descriptor);
    return true;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** What was noted beside this account; undefined if nothing is, or batches have told it since. */
export function readReserve(database: SqliteDatabase): Noted | undefined {
  const file = fileOf(database);
  const written = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trimEnd() : '';
  const text = written.slice(digestLength);
  if (text === '' || written.slice(0, digestLength) !== digest(text)) return undefined;
  const { account, counts, atMs } = JSON.parse(text) as Page;
  return account === accountOf(database) ? { ...counts, atMs, inReserve: true } : undefined;
}
