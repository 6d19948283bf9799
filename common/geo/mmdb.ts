/**
 * MMDB (MaxMind DB 2.0) -> ranges.
 *
 * The public lookup of mmdb-lib says how long the prefix is that an address matched, so a database is enumerated by
 * hopping from each prefix to the address after it: the search tree stays the library's business. IPv6 is hopped over
 * 2000::/3 only, the global unicast space. Inside it Teredo (2001::/32) and 6to4 (2002::/16) are skipped: many
 * databases mount the whole IPv4 tree there again, and what a tunnel's address embeds is its relay or a claim. They are
 * unknown.
 */
import { Reader, type Response } from 'mmdb-lib';
import { GeoError } from './error.ts';
import { allUnknown, append, type Ranges } from './ranges.ts';

export interface Source {
  readonly name: string;
  /** YYYY-MM-DD, UTC */
  readonly built: string;
  readonly ipv4: Ranges<number>;
  readonly ipv6: Ranges<bigint>;
}

/** A record of any layout; 0 where it says nothing. */
export type ToValue = (record: Record<string, unknown>) => number;

type Database = Reader<Response>;

const METADATA_MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const METADATA_BYTES_MAX = 128 * 1024; // the format's own bound: the marker lies within the last 128 KiB
const TREE_END_BYTES = 16; // zeros between search tree and data

/** Decoded records kept: all of a country or ASN database, which has few; a part of a city database's millions. */
const recordsCachedMax = 200_000;

const IPV6_FIRST = 0x20000000; // most significant words of 2000::/3's first address and of the one after its last
const IPV6_END = 0x40000000;

const tunnelPrefixLength = (word: number) => (word === 0x20010000 ? 32 : word >>> 16 === 0x2002 ? 16 : 0);

export const isMmdb = (bytes: Buffer): boolean =>
  bytes.subarray(-METADATA_BYTES_MAX).lastIndexOf(METADATA_MARKER) !== -1;

/** Country code of a record: `country_code` (DB-IP, IPinfo Lite), `country` (IPinfo), `country.iso_code` (GeoLite2). */
export function countryText(record: Record<string, unknown>): unknown {
  if (record.country_code !== undefined) return record.country_code;
  if (typeof record.country === 'string') return record.country;
  const country = record.country as { iso_code?: unknown } | undefined;
  const registered = record.registered_country as { iso_code?: unknown } | undefined;
  return country?.iso_code ?? registered?.iso_code;
}

/** AS number of a record: `autonomous_system_number` (GeoLite2, DB-IP) or IPinfo's `asn`, 'AS13335'. */
export function asnOf(record: Record<string, unknown>): number {
  const value = record.autonomous_system_number ?? record.asn;
  const asn = typeof value === 'string' ? Number(value.replace(/^AS/i, '')) : value;
  return typeof asn === 'number' && Number.isInteger(asn) && asn > 0 && asn <= 0xffffffff ? asn : 0;
}

export function readMmdb(file: string, bytes: Buffer, toValue: ToValue): Source {
  try {
    const database = open(bytes);
    const { databaseType, buildEpoch, ipVersion } = database.metadata;
    return {
      name: databaseType,
      built: buildEpoch.toISOString().slice(0, 10),
      ipv4: enumerateIpv4(database, toValue),
      ipv6: ipVersion === 6 ? enumerateIpv6(database, toValue) : allUnknown(0n),
    };
  } catch (error) {
    // The library has no error type of its own: whatever it throws while reading a file is that file's fault.
    throw new GeoError(file, `damaged MMDB (${(error as Error).message})`, 'download it again', error);
  }
}

function open(bytes: Buffer): Database {
  const cache = new Map();
  const set = (offset: unknown, record: unknown) => cache.size < recordsCachedMax && cache.set(offset, record);
  const database: Database = new Reader(bytes, { cache: { get: offset => cache.get(offset), set } });
  const { nodeCount, searchTreeSize, ipVersion, databaseType, buildEpoch } = database.metadata;
  if (!Number.isInteger(nodeCount) || nodeCount < 1 || searchTreeSize + TREE_END_BYTES > bytes.length) {
    throw new Error(`a search tree of ${nodeCount} nodes does not fit in ${bytes.length} bytes`);
  }
  if (ipVersion !== 4 && ipVersion !== 6) throw new Error(`IP version ${ipVersion}`);
  if (typeof databaseType !== 'string' || Number.isNaN(buildEpoch.getTime())) throw new Error('no name or build date');
  return database;
}

/** One hop a leaf, and a binary tree has one leaf more than nodes; fourfold, for subtrees mounted more than once. */
const hopsMax = (database: Database) => 4 * (database.metadata.nodeCount + 1);

function enumerateIpv4(database: Database, toValue: ToValue): Ranges<number> {
  const ranges = allUnknown(0);
  let hops = hopsMax(database);
  let address = 0;
  while (address < 2 ** 32) {
    if (hops-- === 0) throw new Error('the search tree runs in circles');
    const text = `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
    const [record, prefixLength] = database.getWithPrefixLength(text);
    append(ranges, address, record ? toValue(record as Record<string, unknown>) : 0);
    address += 2 ** (32 - prefixLength);
  }
  return ranges;
}

/** Words rather than a bigint per hop: most hops find what the one before found, and make no boundary. */
function enumerateIpv6(database: Database, toValue: ToValue): Ranges<bigint> {
  const ranges = allUnknown(0n);
  let hops = hopsMax(database);
  let last = 0;
  const words = [IPV6_FIRST, 0, 0, 0];
  while (words[0] < IPV6_END) {
    if (hops-- === 0) throw new Error('the search tree runs in circles');
    let value = 0;
    let prefixLength = tunnelPrefixLength(words[0]);
    if (prefixLength === 0) {
      const match = database.getWithPrefixLength(ipv6Text(words));
      if (match[0]) value = toValue(match[0] as Record<string, unknown>);
      prefixLength = match[1];
    }
    if (value !== last) append(ranges, toBigint(words), value);
    last = value;
    hop(words, prefixLength);
  }
  append(ranges, BigInt(IPV6_END) << 96n, 0);
  return ranges;
}

/** To the first address after the prefix, from anywhere inside it: a jump over a tunnel may land in its middle. */
function hop(words: number[], prefixLength: number): void {
  let word = Math.max(prefixLength - 1, 0) >> 5;
  const step = 2 ** (32 * (word + 1) - prefixLength);
  let next = (Math.floor(words[word] / step) + 1) * step;
  words.fill(0, word);
  while (next > 0xffffffff && word > 0) {
    word--;
    next = words[word] + 1;
    words[word] = 0;
  }
  words[word] = next; // beyond a u32 in word 0 only, where IPV6_END stops the loop
}

/** Trailing zero groups stay out: the library's parser is the larger part of a hop. */
function ipv6Text([w0, w1, w2, w3]: number[]): string {
  const head = `${hex(w0 >>> 16)}:${hex(w0 & 0xffff)}`;
  if ((w2 | w3) !== 0) return `${head}:${groups(w1)}:${groups(w2)}:${groups(w3)}`;
  if (w1 === 0) return `${head}::`;
  return (w1 & 0xffff) === 0 ? `${head}:${hex(w1 >>> 16)}::` : `${head}:${groups(w1)}::`;
}

const hex = (group: number) => group.toString(16);
const groups = (word: number) => `${hex(word >>> 16)}:${hex(word & 0xffff)}`;

const toBigint = (words: number[]) => words.reduce((address, word) => (address << 32n) | BigInt(word), 0n);
