/** Spools and packets for the tests of this folder. */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { Counters } from '../../common/batch/batch.ts';
import { createRecords } from '../../common/record/record.ts';
import { skippedTotal } from '../../sensor/spool/counters.ts';
import { Spool } from '../../sensor/spool/spool.ts';
import type { Draft, SpoolOptions } from '../../sensor/spool/types.ts';
import { imbalance, readAccount } from '../../sensor/status/account.ts';

export const SENSOR = randomUUID();
export const HOUR = 492_312;

/** A folder that goes with the test. */
export function temporary(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-sensor-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const SPOOL_OPTIONS: SpoolOptions = { sensor: SENSOR, epoch: 1, bytesMax: 2 ** 30, keepMs: 1e9 };

export function newSpool(options: Partial<SpoolOptions> = {}, file = path.join(temporary(), 'spool.db')): Spool {
  const spool = Spool.open(file, { ...SPOOL_OPTIONS, ...options });
  onTestFinished(() => spool.close());
  return spool;
}

/** Takes all the room that its database has, as a full disk does; returns what gives it back. */
export function fillUp({ database }: Spool): () => void {
  database.pragma(`max_page_count = ${database.pragma('page_count', { simple: true })}`);
  for (const length of [2000, 200, 20, 1]) {
    try {
      for (let n = 0; ; n++)
        database.prepare('INSERT INTO alarm VALUES (?, ?, 0, 1)').run(`full-${length}-${n}`, 'x'.repeat(length));
    } catch {
      // Not even one more of this length.
    }
  }
  return () => {
    database.pragma('max_page_count = 1000000');
    database.exec("DELETE FROM alarm WHERE name LIKE 'full-%'");
  };
}

/** Records that do not compress: 16 bytes each and more. */
export function draft(count: number, counters: Partial<Counters> = {}): Draft {
  const records = createRecords(4, count);
  records.count = count;
  records.hour = HOUR;
  crypto.getRandomValues(records.src);
  crypto.getRandomValues(records.dst);
  crypto.getRandomValues(records.srcPort);
  crypto.getRandomValues(records.dstPort);
  const skipped = counters.skipped ?? {};
  return {
    hour: HOUR,
    from: 0,
    to: 1000,
    historic: true,
    records,
    counters: { seen: count + skippedTotal(skipped), kernelDrops: 0, interrupted: 0, lost: [], ...counters, skipped },
  };
}

export const accountOf = (spool: Spool) => readAccount(spool.database, Date.now());
export const balanceOf = (spool: Spool) => imbalance(accountOf(spool));
export const BALANCED = { seen: 0, recorded: 0 };
