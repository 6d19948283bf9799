/**
 * The archive: what was received of days that are closed, as files that any tool reads.
 *
 *   archive/date=2026-03-01/part-000001.parquet    records, a row each
 *   archive/date=2026-03-01/part-000001.heads.zst  batches that they came in, and its row groups: JSON lines, compressed with zstd
 *   archive/manifest.db                            which parts there are, and up to where (manifest.ts)
 *
 * `date` is the UTC day of the records. A part holds batches of one day out of one file of the log, ascending by their positions
 * there, at most `partRecordsMax` records: a day is two parts or more, since its last batches come the day after. Rows are sorted by country,
 * then time; a row group has `groupRows` of them and says its lowest and highest of each column, so a country is read without
 * the rest. The columns:
 *
 *   country                 ISO 3166-1 alpha-2 of the source, `??` where unknown, by the geography the day was counted with
 *   time                    UTC, microseconds, as the sensor saw the packet
 *   src4, dst4              IPv4 addresses as numbers; null of IPv6
 *   src6_high, src6_low, dst6_high, dst6_low   IPv6 addresses as two 64-bit numbers; null of IPv4
 *   src_port, dst_port      or type and code of ICMP and ICMPv6; 0 where a protocol has none
 *   length, win, seq_fold, protocol, flags, ttl, tool   the record's (common/record/record.ts); `win` is the TCP window
 *   asn                     0 where unknown
 *   sensor                  the registry's number of it: it never changes, while names and owners may, and it takes no room
 *   received                UTC: when the batch came
 *   historic, misdated      the batch's: of a capture file; of a clock more than a day off, and so in no day's figures
 *   batch, record           which batch of the part, counted from 0, and which record of it
 *
 * With `batch` and `record` and the heads, every batch is put together again as it came: its SHA-256, which the sensor was told,
 * is looked at before the log's file goes and whenever it is read (rebuild.ts); but not of rows that are picked by their country
 * (pick.ts), which checksums of the file's bytes stand for. So nothing that reads the log can tell whether it reads the archive.
 */
import path from 'node:path';
import { DAY_MS } from '../../common/time.ts';

/** Column, type in DuckDB; in the order of the file. */
export const COLUMNS = [
  ['country', 'country'],
  ['time', 'TIMESTAMP'],
  ['src4', 'UINTEGER'],
  ['src6_high', 'UBIGINT'],
  ['src6_low', 'UBIGINT'],
  ['dst4', 'UINTEGER'],
  ['dst6_high', 'UBIGINT'],
  ['dst6_low', 'UBIGINT'],
  ['src_port', 'USMALLINT'],
  ['dst_port', 'USMALLINT'],
  ['length', 'USMALLINT'],
  ['win', 'USMALLINT'],
  ['seq_fold', 'USMALLINT'],
  ['protocol', 'UTINYINT'],
  ['flags', 'UTINYINT'],
  ['ttl', 'UTINYINT'],
  ['tool', 'UTINYINT'],
  ['asn', 'UINTEGER'],
  ['sensor', 'UINTEGER'],
  ['received', 'TIMESTAMP'],
  ['historic', 'BOOLEAN'],
  ['misdated', 'BOOLEAN'],
  ['batch', 'USMALLINT'],
  ['record', 'USMALLINT'],
] as const;

export type ColumnName = (typeof COLUMNS)[number][0];

/**
 * Three are in memory at once: one being read from the log, one being written, one being read back; 45 MB each of IPv4 records, or
 * 75 of IPv6.
 */
export const partRecordsMax = 2 ** 20;
/** `batch` is 16 bits. */
export const partBatchesMax = 2 ** 16;
export const groupRows = 32_768;

export const dateText = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 'YYYY-MM-DD'.length);

/** What the names of days' folders begin with. */
export const DAY_FOLDER = 'date=';
/** Of a day within the archive's directory. */
export const dayFolder = (day: number): string => `${DAY_FOLDER}${dateText(day)}`;
const partName = (part: number): string => `part-${String(part).padStart(6, '0')}`;
export const recordsFile = (day: number, part: number): string =>
  path.join(dayFolder(day), `${partName(part)}.parquet`);
export const headsFile = (day: number, part: number): string =>
  path.join(dayFolder(day), `${partName(part)}.heads.zst`);

/** What is not committed yet bears this behind its name, and is removed if it never was. */
export const UNFINISHED = '.tmp';
export const MANIFEST = 'manifest.db';
export const LOCK = 'lock';
/** Whether a file in a day's folder has a name that the archive gives, finished or not. */
export const isPartFile = (name: string): boolean => /^part-\d{6,}\.(parquet|heads\.zst)(\.tmp)?$/.test(name);
/** Where DuckDB puts what does not fit into its memory. */
export const SPILL = 'spill';
