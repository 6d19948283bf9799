/**
 * MMDB (MaxMind DB 2.0) -> ranges.
 *
 * mmdb-lib reads metadata and data, tree.ts the search tree between them. IPv6 is read over 2000::/3 only, the global
 * unicast space. Inside it Teredo (2001::/32) and 6to4 (2002::/16) are unknown: many databases mount the whole IPv4 tree
 * there again, and what a tunnel's address embeds is its relay or a claim.
 */
import { Reader, type Response } from 'mmdb-lib';
import { GeoError } from './error.ts';
import { allUnknown, append, merge, type Ranges } from './ranges.ts';
import { descend, type Subtree, type Tree, type Words, walk } from './tree.ts';

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

/** Decoded values kept, since records point into one another: all of a country database, part of a city database. */
const recordsCachedMax = 200_000;

const IPV4_FIRST = Uint32Array.of(0, 0, 0, 0);
const IPV4_DEPTH = 96;
const IPV6_FIRST = Uint32Array.of(0x20000000, 0, 0, 0); // of 2000::/3
const IPV6_DEPTH = 3;
const IPV6_END = 0x4000n << 112n;

const TUNNELS: Ranges<bigint> = {
  starts: [0n, 0x20010000n << 96n, 0x20010001n << 96n, 0x2002n << 112n, 0x2003n << 112n],
  values: [0, 1, 0, 1, 0],
};

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
    const { databaseType, buildEpoch } = database.metadata;
    const ranges = readRanges(database, bytes, toValue);
    return { name: databaseType, built: buildEpoch.toISOString().slice(0, 10), ...ranges };
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

function readRanges(database: Database, bytes: Buffer, toValue: ToValue): Pick<Source, 'ipv4' | 'ipv6'> {
  const { nodeCount, recordSize, ipVersion } = database.metadata;
  const nodes = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const tree: Tree = { nodes, nodeCount, recordBits: recordSize };

  const values = new Map<number, number>(); // of each record once: prefixes are many, countries and ASNs few
  const valueAt = (record: number, address: Words) => {
    if (record <= nodeCount) return 0;
    const known = values.get(record);
    if (known !== undefined) return known;
    const data = database.get(ipVersion === 4 ? ipv4Text(address) : ipv6Text(address));
    const value = data ? toValue(data as Record<string, unknown>) : 0;
    values.set(record, value);
    return value;
  };
  const read = <A extends number | bigint>(subtree: Subtree, ranges: Ranges<A>, toAddress: (words: Words) => A) => {
    let last = 0;
    walk(tree, subtree, (record, address) => {
      const value = valueAt(record, address);
      if (value !== last) append(ranges, toAddress(address), value);
      last = value;
    });
    return ranges;
  };

  const root4 = ipVersion === 4 ? 0 : descend(tree, IPV4_FIRST, IPV4_DEPTH);
  const ipv4 = read({ root: root4, first: IPV4_FIRST, depth: IPV4_DEPTH }, allUnknown(0), words => words[3]);
  if (ipVersion === 4) return { ipv4, ipv6: allUnknown(0n) };
  const root6 = descend(tree, IPV6_FIRST, IPV6_DEPTH);
  const subtree6 = { root: root6, first: IPV6_FIRST, depth: IPV6_DEPTH, closed: root4 };
  const ipv6 = read(subtree6, allUnknown(0n), toBigint);
  append(ipv6, IPV6_END, 0);
  return { ipv4, ipv6: merge(ipv6, TUNNELS, (value, tunnel) => (tunnel ? 0 : value)) };
}

const ipv4Text = (words: Words) => [24, 16, 8, 0].map(shift => (words[3] >>> shift) & 255).join('.');

const ipv6Text = (words: Words) =>
  Array.from(words, word => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(':');

const bigintOf = (high: number, low: number) => (BigInt(high) << 32n) | BigInt(low);
const toBigint = (words: Words) => (bigintOf(words[0], words[1]) << 64n) | bigintOf(words[2], words[3]);
