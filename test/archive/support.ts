/** A sealed log whose days are counted, closed and archived in this process, by a clock of the test's own. */
import fs from 'node:fs';
import path from 'node:path';
import { type Archived, type ArchiverOptions, archive } from '../../collector/archive/archiver.ts';
import { archiveThread } from '../../collector/archive/past.ts';
import type { LoggedBatch } from '../../collector/log/entry.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { LoggedGeographies } from '../../collector/store/geography.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { Tail } from '../../collector/store/tail.ts';
import { createRecords, type Records } from '../../common/record/record.ts';
import { seeded } from '../support/records.ts';
import { FIRST_DAY, HASH_KEY, RECEIVED_MS, SealedLog } from '../support/sealed-log.ts';

export const DAY_MS = 86_400_000;
/** Long after all is received: every day that has been counted is closed. */
export const LATER_MS = RECEIVED_MS + 100 * DAY_MS;
const CLOSING = { graceMs: 0, quietMs: 0, segmentsMs: 0 };

export class ArchivedLog extends SealedLog {
  readonly archive = path.join(this.dir, 'archive');
  thread = archiveThread(this.archive);
  override reader = (): LogReader => LogReader.open(this.data.log, this.thread.past());

  /** Counts what is logged, and closes what is over. Returns what was said. */
  count(nowMs = LATER_MS): string[] {
    // Days are looked at once a minute: by the second, all is counted.
    return [this.#countOnce(nowMs), this.#countOnce(nowMs)].flat();
  }

  #countOnce(nowMs: number): string[] {
    const said: string[] = [];
    const reader = this.reader();
    const tail = new Tail({
      reader,
      file: this.data.store,
      geoDir: this.data.geo,
      exclusions: () => this.registry.exclusions(),
      hashKey: HASH_KEY,
      checkpointMs: 0,
      closing: CLOSING,
      now: () => nowMs,
      say: text => said.push(text),
    });
    while (tail.step());
    tail.commit();
    tail.close();
    reader.close();
    return said;
  }

  async archived(options: Partial<ArchiverOptions> = {}): Promise<Archived> {
    const reader = this.reader();
    const store = StoreReader.open(this.data.store);
    try {
      return await archive({
        dir: this.archive,
        logDir: this.data.log,
        reader,
        store,
        geographies: new LoggedGeographies(this.data.geo, () => reader.geoEntries()),
        nowMs: LATER_MS,
        ...options,
      });
    } finally {
      store.close();
      reader.close();
    }
  }

  /** What was read of the archive before is forgotten. */
  renewThread(): void {
    this.thread.stop();
    this.thread = archiveThread(this.archive);
  }

  logFiles = (): string[] => fs.readdirSync(this.data.log).filter(name => /^\d{4}-\d\d-\d\d\.db$/.test(name));

  partFiles = (): string[] =>
    fs.existsSync(this.archive)
      ? (fs.readdirSync(this.archive, { recursive: true }) as string[]).filter(name => name.endsWith('.parquet')).sort()
      : [];

  /** All batches that a reader gives of a day. */
  batchesOf(day: number): LoggedBatch[] {
    const reader = this.reader();
    try {
      return [...reader.ofDay(day, reader.head())];
    } finally {
      reader.close();
    }
  }

  /** Puts the log's last file, which stays, behind what a test is about. */
  goOn(receivedMs: number): void {
    this.append({
      sensor: 0,
      records: { ...createRecords(4, 0), hour: Math.floor(receivedMs / 3_600_000) },
      receivedMs,
    });
  }

  override remove(): void {
    this.thread.stop();
    super.remove();
  }
}

/** A record with every bit of every column made at random. */
export interface Row {
  readonly sensor: number;
  readonly hour: number;
  readonly time: number;
  readonly src: readonly number[];
  readonly dst: readonly number[];
  readonly rest: readonly number[];
}

/** Values a column of the record may have, in the order of `Row.rest`. */
const RANGES = [65_536, 65_536, 65_536, 65_536, 65_536, 256, 256, 256, 256] as const;
const REST = ['srcPort', 'dstPort', 'length', 'window', 'seqFold', 'protocol', 'flags', 'ttl', 'tool'] as const;

/** Rows of both families, of three sensors and `days` days; some have the same time, and times go back now and then. */
export function randomRows(seed: number, count: number, days = 2): Row[] {
  const random = seeded(seed);
  const word = () => random(65_536) * 65_536 + random(65_536);
  return Array.from({ length: count }, () => {
    const isIpv4 = random(3) > 0;
    const address = () => (isIpv4 ? [word()] : [0x20010000 + random(65_536), word(), word(), word()]);
    return {
      sensor: random(3),
      hour: 24 * (FIRST_DAY + random(days)) + random(24),
      time: random(4) === 0 ? 7 : word() % 3_600_000_000,
      src: address(),
      dst: address(),
      rest: RANGES.map(range => random(range)),
    };
  });
}

/** In batches of one sensor, hour and family. */
export function blocksOfRows(rows: readonly Row[]): { sensor: number; records: Records }[] {
  const groups = Map.groupBy(rows, ({ sensor, hour, src }) => `${sensor} ${hour} ${src.length}`);
  return [...groups.values()].map(group => {
    const { hour, sensor, src } = group[0]!;
    const records = createRecords(src.length === 1 ? 4 : 6, group.length);
    records.hour = hour;
    records.count = group.length;
    for (const [i, row] of group.entries()) {
      records.src.set(row.src, i * src.length);
      records.dst.set(row.dst, i * src.length);
      records.time[i] = row.time;
      for (const [n, name] of REST.entries()) records[name][i] = row.rest[n]!;
    }
    return { sensor, records };
  });
}
