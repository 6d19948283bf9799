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
import { perFile } from './statements.ts';

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

/** What is asked of every day of a year. */
const statementsOf = perFile(database => ({
  accounts: database.prepare(
    `SELECT sensor, day, misdated, batches, records, seen, kernel_drops AS kernelDrops, interrupted,
       lost_batches AS lostBatches, lost_records AS lostRecords
     FROM accounts WHERE day BETWEEN ? AND ? ORDER BY sensor, day, misdated`,
  ),
  skipped: database.prepare(
    'SELECT sensor, day, misdated, reason, packets FROM skipped WHERE day BETWEEN ? AND ? ORDER BY reason',
  ),
  senders: database
    .prepare('SELECT sensor, day FROM accounts WHERE day BETWEEN ? AND ? AND misdated = 0 ORDER BY sensor, day')
    .raw(),
  watchedDay: database
    .prepare('SELECT sensor, sum(watched) FROM coverage WHERE hour BETWEEN ? AND ? GROUP BY sensor')
    .raw(),
}));

/** Accounts of days from one to another, both included. */
export function readAccounts(database: SqliteDatabase, from: number, to: number): Account[] {
  const statements = statementsOf(database);
  const rows = statements.accounts.all(from, to) as (Omit<Account, 'misdated' | 'skipped'> & { misdated: number })[];
  const skipped = statements.skipped.all(from, to) as {
    sensor: number;
    day: number;
    misdated: number;
    reason: string;
    packets: number;
  }[];
  const keyOf = ({ sensor, day, misdated }: { sensor: number; day: number; misdated: number }) =>
    `${sensor} ${day} ${misdated}`;
  const byAccount = Map.groupBy(skipped, keyOf);
  return rows.map(row => ({
    ...row,
    misdated: row.misdated === 1,
    skipped: new Map(byAccount.get(keyOf(row))?.map(({ reason, packets }) => [reason, packets])),
  }));
}

/** Sensors with the days that they sent something of, ascending by sensor, then day: those of accounts that are not misdated. */
export const readSenders = (database: SqliteDatabase, from: number, to: number) =>
  statementsOf(database).senders.all(from, to) as [sensor: number, day: number][];

/** What each sensor watched of a day, in microseconds. */
export const readWatchedDay = (database: SqliteDatabase, day: number): Map<number, number> =>
  new Map(statementsOf(database).watchedDay.all(24 * day, 24 * day + 23) as [number, number][]);

/** What sensors watched of each hour, all together, in microseconds: those excluded on a day watched nothing of it. */
export function readWatchedHours(
  database: SqliteDatabase,
  from: number,
  to: number,
  sensors?: ReadonlySet<number>,
): Map<number, number> {
  const chosen = sensors === undefined ? '' : 'AND sensor IN (SELECT value FROM json_each(?))';
  const rows = database
    .prepare(
      `SELECT hour, sum(watched) FROM coverage
       WHERE hour BETWEEN ? AND ? AND (hour / 24, sensor) NOT IN (SELECT day, sensor FROM excluded) ${chosen}
       GROUP BY hour`,
    )
    .raw();
  const choice = sensors === undefined ? [] : [JSON.stringify([...sensors])];
  return new Map(rows.all(from, to, ...choice) as [number, number][]);
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
