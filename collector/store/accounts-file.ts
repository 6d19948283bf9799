/** Accounts and coverage as they stand in the store's file. */
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import {
  type Account,
  type Accounts,
  countMax,
  type Lost,
  type Spans,
  unionOf,
  type Watch,
  watchedOf,
} from './account.ts';

const SUMS = ['batches', 'records', 'seen', 'kernel_drops', 'interrupted', 'lost_batches', 'lost_records'] as const;
const ADD_ACCOUNT = `INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
  ${SUMS.map(name => `${name} = min(${countMax}, ${name} + excluded.${name})`).join(', ')}`;
const ADD_SKIPPED = `INSERT INTO skipped VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET packets = min(${countMax}, packets + excluded.packets)`;
const ADD_LOST = `INSERT INTO lost VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET records = min(${countMax}, records + excluded.records)`;

/** Adds all of them, within a transaction of the caller's. */
export function addAccounts(database: SqliteDatabase, accounts: Accounts): void {
  const addAccount = database.prepare(ADD_ACCOUNT);
  const addSkipped = database.prepare(ADD_SKIPPED);
  const addLost = database.prepare(ADD_LOST);
  for (const one of accounts.accounts()) {
    const key = [one.sensor, one.day, Number(one.misdated)];
    addAccount.run(
      ...key,
      one.batches,
      one.records,
      one.seen,
      one.kernelDrops,
      one.interrupted,
      one.lostBatches,
      one.lostRecords,
    );
    for (const [reason, packets] of one.skipped) addSkipped.run(...key, reason, packets);
  }
  for (const { sensor, epoch, from, to, records } of accounts.lost()) addLost.run(sensor, epoch, from, to, records);
  addWatches(database, accounts.watches());
}

function addWatches(database: SqliteDatabase, watches: readonly Watch[]): void {
  const known = database.prepare('SELECT spans FROM coverage WHERE sensor = ? AND hour = ?').pluck();
  const write = database.prepare('INSERT OR REPLACE INTO coverage VALUES (?, ?, ?, ?)');
  for (const { sensor, hour, spans } of watches) {
    const before = known.get(sensor, hour) as string | undefined;
    const union = before === undefined ? spans : unionOf(JSON.parse(before), spans);
    write.run(sensor, hour, watchedOf(union), JSON.stringify(union));
  }
}

/** Accounts of days from one to another, both included. */
export function readAccounts(database: SqliteDatabase, from: number, to: number): Account[] {
  const rows = database
    .prepare(
      `SELECT sensor, day, misdated, batches, records, seen, kernel_drops AS kernelDrops, interrupted,
         lost_batches AS lostBatches, lost_records AS lostRecords
       FROM accounts WHERE day BETWEEN ? AND ? ORDER BY sensor, day, misdated`,
    )
    .all(from, to) as (Omit<Account, 'misdated' | 'skipped'> & { misdated: number })[];
  const skipped = database.prepare(
    'SELECT reason, packets FROM skipped WHERE sensor = ? AND day = ? AND misdated = ? ORDER BY reason',
  );
  return rows.map(row => ({
    ...row,
    misdated: row.misdated === 1,
    skipped: new Map(
      (skipped.all(row.sensor, row.day, row.misdated) as { reason: string; packets: number }[]).map(one => [
        one.reason,
        one.packets,
      ]),
    ),
  }));
}

/** What a sensor watched of each hour from one to another, both included. */
export function readWatches(database: SqliteDatabase, from: number, to: number): Watch[] {
  const rows = database
    .prepare('SELECT sensor, hour, spans FROM coverage WHERE hour BETWEEN ? AND ? ORDER BY sensor, hour')
    .all(from, to) as { sensor: number; hour: number; spans: string }[];
  return rows.map(({ sensor, hour, spans }) => ({ sensor, hour, spans: JSON.parse(spans) as Spans }));
}

/** Ranges of batches that a sensor lost, ascending. */
export const readLost = (database: SqliteDatabase, sensor: number): Lost[] =>
  database
    .prepare(
      'SELECT sensor, epoch, first AS "from", last AS "to", records FROM lost WHERE sensor = ? ORDER BY epoch, first',
    )
    .all(sensor) as Lost[];
