/**
 * The databases an operator names -> a table, from the cache where the same inputs were compiled before.
 *
 * A file is told by its content: an MMDB, or a delegated-extended file, of which several make one database. With no
 * file named, the country database of the npm package @ip-location-db/geo-whois-asn-country-mmdb serves, so that a
 * first run needs no download. It has no ASNs, and its publisher says that it has wrong entries and that npm gets no
 * more updates: good for a first look, not for results to publish.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { readCache, writeCache } from './cache.ts';
import { compile } from './compile.ts';
import { isDelegated, readDelegated } from './delegated.ts';
import { GeoError } from './error.ts';
import { defaultCacheDir } from './folder.ts';
import { asnOf, countryText, isMmdb, readMmdb, type Source } from './mmdb.ts';
import type { GeoTable } from './table.ts';

export { GeoError };

export interface GeoOptions {
  geoFiles?: string[];
  asnFile?: string;
  /** Default: $XDG_CACHE_HOME/enaga or ~/.cache/enaga. */
  cacheDir?: string;
}

interface Input {
  readonly file: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

const DEFAULT_NAME = 'geo-whois-asn-country';
const DEFAULT_FILE = `@ip-location-db/${DEFAULT_NAME}-mmdb/${DEFAULT_NAME}.mmdb`;
const COUNTRIES_MAX = 256; // '??' and what else a byte can number

/** Throws GeoError where a database cannot be used. */
export function loadGeo(options: GeoOptions = {}): GeoTable {
  const files = options.geoFiles ?? [];
  // In the order of their hashes, so that the order on a command line makes no other geography.
  const geo = (files.length > 0 ? files : [defaultFile()])
    .map(readInput)
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  const asn = options.asnFile === undefined ? undefined : readInput(options.asnFile);
  const sha256 = inputsSha256(geo, asn);
  const folder = options.cacheDir ?? defaultCacheDir();
  let table = folder ? readCache(folder, sha256) : undefined;
  if (!table) {
    table = build(geo, asn, sha256);
    if (folder) writeCache(folder, table);
  }
  // What the default calls itself, 'country ipvAll', would tell the reader of a result nothing.
  return files.length > 0 ? table : { ...table, geo: { ...table.geo, name: DEFAULT_NAME } };
}

function defaultFile(): string {
  try {
    return createRequire(import.meta.url).resolve(DEFAULT_FILE);
  } catch (error) {
    throw new GeoError(
      DEFAULT_FILE,
      'is not installed',
      'install the npm packages, or name a database with --geo',
      error,
    );
  }
}

function readInput(file: string): Input {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const wrong = { ENOENT: 'no such file', EISDIR: 'is a folder', EACCES: 'may not be read by this user' }[code ?? ''];
    throw new GeoError(file, wrong ?? message, 'name an MMDB or a delegated-extended file', error);
  }
  return { file, bytes, sha256: hash('sha256', bytes) };
}

/** A database alone has its file's own hash, as sha256sum prints it. */
function inputsSha256(geo: readonly Input[], asn: Input | undefined): string {
  if (geo.length === 1 && !asn) return geo[0].sha256;
  const lines = geo.map(input => `geo ${input.sha256}\n`);
  return hash('sha256', lines.join('') + (asn ? `asn ${asn.sha256}\n` : ''));
}

function build(geo: readonly Input[], asn: Input | undefined, sha256: string): GeoTable {
  const countries = ['??'];
  const country = readCountries(geo, countries);
  const { name, built } = country;
  if (!asn) return { geo: { name, built }, sha256, countries, ...compile(country) };
  const system = readAsns(asn);
  const databases = { geo: { name, built }, asn: { name: system.name, built: system.built } };
  return { ...databases, sha256, countries, ...compile(country, system) };
}

/** Fills `countries` as codes are met. */
function readCountries(inputs: readonly Input[], countries: string[]): Source {
  const indexes = new Map<unknown, number>(); // by the text as the database has it
  const indexOf = (text: unknown) => {
    const known = indexes.get(text);
    if (known !== undefined) return known;
    // ZZ, one of the codes ISO 3166 leaves to its users, is what registries write for an unknown country.
    const code = typeof text === 'string' && /^(?!zz)[a-z]{2}$/i.test(text) ? text.toUpperCase() : '??';
    const at = countries.indexOf(code);
    const index = at === -1 ? countries.push(code) - 1 : at;
    indexes.set(text, index);
    return index;
  };
  const foreign = inputs.find(({ bytes }) => !isMmdb(bytes) && !isDelegated(bytes));
  if (foreign) throw unreadable(foreign);
  const mmdb = inputs.find(({ bytes }) => isMmdb(bytes));
  if (mmdb && inputs.length > 1) {
    throw new GeoError(mmdb.file, 'an MMDB beside other country databases', 'name one MMDB, or delegated files alone');
  }
  const source = mmdb
    ? readMmdb(mmdb.file, mmdb.bytes, record => indexOf(countryText(record)))
    : readDelegated(inputs, indexOf);
  if (countries.length > COUNTRIES_MAX)
    throw new GeoError(inputs[0].file, 'has over 255 country codes', 'check its source');
  if (countries.length === 1) throw new GeoError(inputs[0].file, 'has no countries', 'an ASN database goes to --asn');
  return source;
}

function readAsns(input: Input): Source {
  const { file, bytes } = input;
  if (isDelegated(bytes)) throw new GeoError(file, 'delegated files map no prefix to an ASN', 'name an MMDB with ASNs');
  if (!isMmdb(bytes)) throw unreadable(input);
  const source = readMmdb(file, bytes, asnOf);
  const empty = source.ipv4.values.length === 1 && source.ipv6.values.length === 1;
  if (empty) throw new GeoError(file, 'has no ASNs', 'a country database goes to --geo');
  return source;
}

function unreadable({ file, bytes }: Input): GeoError {
  if (bytes.length === 0) return new GeoError(file, 'is empty', 'download it again');
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return new GeoError(file, 'is compressed (gzip)', 'unpack it first');
  return new GeoError(file, 'is neither a whole MMDB nor a delegated-extended file', 'download it again');
}
