/**
 * Compiled tables on disk, one file each: FOLDER/geo-VERSION-SHA256.table, SHA256 being that of the table's inputs.
 *
 *   magic     8 bytes   "ENAGAGEO"
 *   checksum  32 bytes  SHA-256 of all that follows
 *   version   u32       CACHE_VERSION
 *   header    u32       h, a multiple of 8
 *   header    h bytes   JSON {geo, asn?, sha256, countries, ranges4, ranges6, places}, padded with spaces
 *   columns   the rest  as table.ts declares them
 *
 * Numbers are little-endian. A file is written under another name and renamed, so that no reader sees half of one. It
 * is not synced: after a power loss the checksum tells, and whatever is wrong with a file or the folder, the answer is
 * to build the table again. The folder keeps the tables written last, tablesMax of them.
 */
import { hash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Counts, columnBytes, columnsOver, type GeoTable, type Origin } from './table.ts';

/** Raise it whenever the same inputs come to other bytes: a change of the layout, or of how databases are read. */
const CACHE_VERSION = 3;
const MAGIC = 'ENAGAGEO';
const CHECKSUM_AT = 8;
const VERSION_AT = 40;
const HEADER_BYTES_AT = 44;
const HEADER_AT = 48;
const tablesMax = 8;

const fileName = (sha256: string) => `geo-${CACHE_VERSION}-${sha256}.table`;

export function readCache(folder: string, sha256: string): GeoTable | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(folder, fileName(sha256)));
  } catch {
    return undefined;
  }
  if (bytes.length < HEADER_AT || bytes.toString('latin1', 0, 8) !== MAGIC) return undefined;
  if (hash('sha256', bytes.subarray(VERSION_AT)) !== bytes.toString('hex', CHECKSUM_AT, VERSION_AT)) return undefined;
  if (bytes.readUInt32LE(VERSION_AT) !== CACHE_VERSION) return undefined;
  const columnsAt = HEADER_AT + bytes.readUInt32LE(HEADER_BYTES_AT);
  const { ranges4, ranges6, places, ...origin }: Origin & Counts = JSON.parse(
    bytes.toString('utf8', HEADER_AT, columnsAt),
  );
  const counts = { ranges4, ranges6, places };
  if (origin.sha256 !== sha256 || columnsAt + columnBytes(counts) !== bytes.length) return undefined;
  const buffer = new SharedArrayBuffer(columnBytes(counts));
  new Uint8Array(buffer).set(bytes.subarray(columnsAt));
  return { ...origin, ...columnsOver(buffer, counts) };
}

/** Does its best: a folder that cannot be written costs the next start its time, no more. */
export function writeCache(folder: string, table: GeoTable): void {
  const target = join(folder, fileName(table.sha256));
  const temporary = `${target}.${randomUUID()}`;
  try {
    mkdirSync(folder, { recursive: true });
    try {
      writeFileSync(temporary, encode(table));
      renameSync(temporary, target);
    } finally {
      rmSync(temporary, { force: true }); // of a disk that filled up
    }
    prune(folder);
  } catch {}
}

function encode(table: GeoTable): Buffer {
  const { geo, asn, sha256, countries } = table;
  const counts = { ranges4: table.starts4.length, ranges6: table.places6.length, places: table.placeAsn.length };
  const json = Buffer.from(JSON.stringify({ geo, asn, sha256, countries, ...counts }));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const columns = new Uint8Array(table.starts4.buffer);
  const bytes = Buffer.alloc(HEADER_AT + headerBytes + columns.length, ' ');
  bytes.write(MAGIC, 0, 'latin1');
  bytes.writeUInt32LE(CACHE_VERSION, VERSION_AT);
  bytes.writeUInt32LE(headerBytes, HEADER_BYTES_AT);
  json.copy(bytes, HEADER_AT);
  bytes.set(columns, HEADER_AT + headerBytes);
  bytes.write(hash('sha256', bytes.subarray(VERSION_AT)), CHECKSUM_AT, 'hex');
  return bytes;
}

function prune(folder: string): void {
  const tables = readdirSync(folder).filter(name => /^geo-\d+-[0-9a-f]{64}\.table/.test(name));
  const writtenMs = (name: string) => statSync(join(folder, name)).mtimeMs;
  const newestFirst = tables.map(name => ({ name, ms: writtenMs(name) })).sort((a, b) => b.ms - a.ms);
  for (const { name } of newestFirst.slice(tablesMax)) rmSync(join(folder, name), { force: true });
}
