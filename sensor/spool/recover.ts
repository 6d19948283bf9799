/**
 * A damaged state database is put aside under another name, and what can still be read of it is taken over: waiting batches
 * that are whole, the account, and how far captures were read. Sequences may have been used that it no longer tells, so new
 * batches are sealed in a new epoch. Nothing is guessed: what cannot be read is lost, and an alarm says so.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { BadDatabase, openDatabase, type SqliteDatabase } from '../../common/sqlite/open.ts';
import { LOST_PLACES, MIGRATIONS, WAITING } from './schema.ts';
import { Spool } from './spool.ts';
import type { SpoolOptions } from './types.ts';

export interface OpenedSpool {
  readonly spool: Spool;
  /** Where the damaged database is now. */
  readonly putAside?: string;
}

const alarmMs = 7 * 24 * 3600_000;

/** `options.epoch` must be one never used: a database that is not there or not sound cannot tell. */
export function openSpool(file: string, options: SpoolOptions): OpenedSpool {
  finishRecovery(file, (options.now ?? Date.now)());
  try {
    return { spool: Spool.open(file, options) };
  } catch (error) {
    if (!(error instanceof BadDatabase)) throw error;
  }
  const putAside = asideName(file, (options.now ?? Date.now)());
  const made = recovered(file);
  for (const suffix of SUFFIXES) fs.rmSync(made + suffix, { force: true }); // of a recovery that was cut off
  const spool = Spool.open(made, options);
  const batches = takeOver(file, spool.database, (options.now ?? Date.now)());
  const text = `the spool was damaged and is now ${putAside}: ${batches} unsent batches of it were saved`;
  spool.alarms.raise('spool', text, alarmMs);
  spool.close();
  moveAll(file, putAside);
  fs.renameSync(made, file);
  return { spool: Spool.open(file, options), putAside };
}

const SUFFIXES = ['', '-wal', '-shm'];
const recovered = (file: string): string => `${file}.recovered`;

/** The database first: without it the rest is known to be left over. */
function moveAll(from: string, to: string): void {
  for (const suffix of SUFFIXES) if (fs.existsSync(from + suffix)) fs.renameSync(from + suffix, to + suffix);
}

/** A recovery that was cut off between its last steps: the damaged database is aside, the new one whole but not in its place. */
function finishRecovery(file: string, nowMs: number): void {
  if (fs.existsSync(file) || !fs.existsSync(recovered(file))) return;
  moveAll(file, asideName(file, nowMs));
  fs.renameSync(recovered(file), file);
}

const asideName = (file: string, nowMs: number): string =>
  `${file}.damaged-${new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;

/** Returns how many batches were saved. */
function takeOver(file: string, into: SqliteDatabase, nowMs: number): number {
  const place = new Date(nowMs).toISOString();
  const placesLost = () => insert(into, 'reading', { capture: LOST_PLACES, place, touched_ms: nowMs });
  let from: SqliteDatabase;
  try {
    from = openDatabase(file, { migrations: MIGRATIONS, readonly: true });
  } catch {
    placesLost();
    return 0;
  }
  try {
    return into.transaction(() => {
      copyTable(from, into, 'epoch');
      if (!copyTable(from, into, 'reading')) placesLost();
      const batches = copyBatches(from, into);
      copyAccount(from, into);
      copyPending(from, into);
      return batches;
    })();
  } finally {
    from.close();
  }
}

type Values = Record<string, unknown>;

const insert = (into: SqliteDatabase, table: string, row: Values): void => {
  const names = Object.keys(row);
  const values = names.map(name => `@${name}`).join();
  into.prepare(`INSERT OR REPLACE INTO ${table} (${names.join()}) VALUES (${values})`).run(row);
};

/** Rows until the first that cannot be read; whether all could. */
function copyTable(from: SqliteDatabase, into: SqliteDatabase, table: 'epoch' | 'reading'): boolean {
  try {
    for (const row of from.prepare(`SELECT * FROM ${table}`).iterate()) insert(into, table, row as Values);
    return true;
  } catch {
    return false;
  }
}

/** Waiting batches that are whole. Damage stops a walk, so there is one from each end. */
function copyBatches(from: SqliteDatabase, into: SqliteDatabase): number {
  const known = new Set<number>();
  for (const order of ['ASC', 'DESC']) {
    try {
      const rows = from.prepare(`SELECT * FROM batch NOT INDEXED ORDER BY id ${order}`).iterate();
      for (const row of rows as Iterable<Values & { id: number; state: number; wire: Buffer; wire_sha256: Buffer }>) {
        if (known.has(row.id)) break;
        known.add(row.id);
        const whole = createHash('sha256').update(row.wire).digest().equals(row.wire_sha256);
        if (whole && row.state === WAITING) insert(into, 'batch', row);
      }
    } catch {
      // What is beyond the damage is read from the other end.
    }
  }
  return into.prepare('SELECT count(*) FROM batch').pluck().get() as number;
}

/** The account as it was, what is missing among the lost; if it cannot be read, one of the saved batches. */
function copyAccount(from: SqliteDatabase, into: SqliteDatabase): void {
  const saved = into.prepare('SELECT coalesce(sum(records), 0) FROM batch').pluck().get() as number;
  try {
    const account = from.prepare('SELECT * FROM account').get() as Record<string, number>;
    const missing = account.recorded! - account.shipped_records! - account.lost_records! - saved;
    insert(into, 'account', { ...account, lost_records: account.lost_records! + Math.max(0, missing) });
    if (missing > 0) into.prepare('UPDATE contact SET lost_ms = unixepoch() * 1000').run();
  } catch {
    into.prepare('UPDATE account SET seen = ?, recorded = ?').run(saved, saved);
  }
}

/** What no batch has told yet; if it cannot be read, none will. */
function copyPending(from: SqliteDatabase, into: SqliteDatabase): void {
  try {
    const pending = from.prepare('SELECT pending FROM state').pluck().get() as string;
    JSON.parse(pending);
    into.prepare('UPDATE state SET pending = ?').run(pending);
  } catch {
    // The account is whole without it.
  }
}
