/** The sensor's account as its state database has it: for heartbeats, and for whoever looks while it runs or not. */
import type { SensorStatus } from '../../common/protocol/messages.ts';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { addSkipped, skippedTotal } from '../spool/counters.ts';
import { readOpen } from '../spool/open.ts';
import { WAITING } from '../spool/schema.ts';

/** Beside what the collector is told. */
export interface Account extends SensorStatus {
  readonly epoch: number;
  readonly lostAt: string | null;
}

interface AccountRow {
  seen: number;
  recorded: number;
  kernel_drops: number;
  interrupted: number;
  skipped: string;
  shipped_batches: number;
  shipped_records: number;
  lost_batches: number;
  lost_records: number;
  quarantined: number;
}

interface ContactRow {
  acknowledged_ms: number | null;
  offset_ms: number | null;
  lost_ms: number | null;
}

const isoOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** The alarm that no database has, for it can take none. */
export const COUNTED_ONLY = 'the disk takes nothing any more: what comes is only counted';

/** All of one moment. Of what is not sealed yet it has what a live run noted a second ago, and of captures nothing. */
export function readAccount(database: SqliteDatabase, nowMs: number): Account {
  return database.transaction(() => {
    const one = <Row>(sql: string, ...values: unknown[]) => database.prepare(sql).get(...values) as Row;
    const account = one<AccountRow>('SELECT * FROM account');
    const open = readOpen(database);
    const contact = one<ContactRow>('SELECT * FROM contact');
    const spooled = one<{ batches: number; records: number; bytes: number }>(
      `SELECT count(*) AS batches, coalesce(sum(records), 0) AS records, coalesce(sum(bytes), 0) AS bytes
       FROM batch WHERE state = ${WAITING}`,
    );
    const oldest = one<{ sealed: number | null }>(
      `SELECT min(sealed_ms) AS sealed FROM batch WHERE state = ${WAITING}`,
    );
    const alarms = database
      .prepare('SELECT text FROM alarm WHERE until_ms IS NULL OR until_ms > ? ORDER BY since_ms, name')
      .pluck()
      .all(nowMs) as string[];
    return {
      epoch: one<{ epoch: number }>('SELECT epoch FROM state').epoch,
      seen: account.seen + open.seen,
      recorded: account.recorded + open.recorded,
      kernelDrops: account.kernel_drops + open.kernelDrops,
      interrupted: account.interrupted,
      skipped: addSkipped(JSON.parse(account.skipped), open.skipped),
      open: open.recorded,
      spooled,
      shipped: { batches: account.shipped_batches, records: account.shipped_records },
      lost: { batches: account.lost_batches, records: account.lost_records },
      quarantined: account.quarantined,
      oldestUnshipped: isoOf(oldest.sealed),
      lastAcknowledgement: isoOf(contact.acknowledged_ms),
      clockOffsetMs: contact.offset_ms,
      alarms: open.inReserve ? [...alarms, COUNTED_ONLY] : alarms,
      lostAt: isoOf(contact.lost_ms),
    };
  })();
}

/** What the collector is told. */
export function toStatus({ epoch: _, lostAt: __, ...status }: Account): SensorStatus {
  return status;
}

/** By how many packets what was seen exceeds what became of it, and what was recorded what became of that: 0 and 0. */
export function imbalance(status: SensorStatus): { seen: number; recorded: number } {
  const { seen, kernelDrops, interrupted, skipped, recorded, open, spooled, shipped, lost } = status;
  return {
    seen: seen - kernelDrops - interrupted - skippedTotal(skipped) - recorded,
    recorded: recorded - open - spooled.records - shipped.records - lost.records,
  };
}
