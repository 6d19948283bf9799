/**
 * Which geography a day is counted with: the one in force when the first batch of that day was logged, so that a day never mixes
 * two, and folding it again gives the same. And what of it is kept beside a state: the log has whole databases.
 */
import path from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { loadGeo } from '../../common/geo/load.ts';
import type { GeoTable } from '../../common/geo/table.ts';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import type { GeoEntry } from '../log/entry.ts';
import type { GeoSource } from '../reduce/results.ts';
import type { Places } from '../reduce/rows.ts';
import { BadLog } from './batch.ts';

/** Where geographies are had from. */
export interface Geographies {
  /** The one in force at this position of the log. */
  at(position: number): GeoTable;
  named(sha256: string): GeoTable;
}

/** Geographies that the log names, from the copies in a directory. Loaded when first asked for. */
export class LoggedGeographies implements Geographies {
  readonly #dir: string;
  readonly #read: () => readonly GeoEntry[];
  readonly #head: () => number;
  readonly #loaded = new Map<string, GeoTable>();
  #entries: readonly GeoEntry[] = [];
  /** All entries up to here are in `#entries`: to read them is to open every file of the log. */
  #readTo = 0;

  /** `head` says where the log ends; without it entries are read each time. */
  constructor(dir: string, entries: () => readonly GeoEntry[], head = () => 0) {
    this.#dir = dir;
    this.#read = entries;
    this.#head = head;
  }

  at(position: number): GeoTable {
    const entry = this.#upTo(position).findLast(one => one.position < position);
    if (entry === undefined) throw new BadLog('the log names no geography before its first batch');
    return this.#load(entry);
  }

  named(sha256: string): GeoTable {
    const loaded = this.#loaded.get(sha256);
    if (loaded !== undefined) return loaded;
    const entry = this.#upTo(Number.MAX_SAFE_INTEGER).findLast(one => one.sha256 === sha256);
    if (entry === undefined) throw new BadLog('the log names no such geography');
    return this.#load(entry);
  }

  #upTo(position: number): readonly GeoEntry[] {
    if (position <= this.#readTo) return this.#entries;
    const head = this.#head(); // before: what comes meanwhile is read the next time
    this.#entries = this.#read();
    this.#readTo = head;
    return this.#entries;
  }

  #load(entry: GeoEntry): GeoTable {
    const { sha256, name, built, files } = entry;
    const known = this.#loaded.get(sha256);
    if (known !== undefined) return known;
    const of = (role: 'geo' | 'asn') =>
      files.filter(one => one.role === role).map(({ file }) => path.join(this.#dir, file));
    const [asnFile] = of('asn');
    const table = loadGeo({ geoFiles: of('geo'), ...(asnFile !== undefined && { asnFile }) });
    if (table.sha256 !== sha256) throw new BadLog(`the copies of the geography ${name} in ${this.#dir} are damaged`);
    // The name that the operator saw when it was taken into use.
    const named = { ...table, geo: { name, built } };
    this.#loaded.set(sha256, named);
    return named;
  }
}

/** What a state is read with, and what it is said to be from. */
export interface KeptPlaces extends Places {
  readonly geo: GeoSource;
  readonly asn?: GeoSource;
}

/** Keeps what of the geography a reader of states needs. */
export function keepPlaces(database: SqliteDatabase, table: GeoTable): void {
  const { geo, asn, countries, placeAsn, placeCountry, sha256 } = table;
  const columns = Buffer.concat([bytesOf(placeAsn), bytesOf(placeCountry)]);
  database
    .prepare('INSERT OR IGNORE INTO geographies VALUES (?, ?, ?)')
    .run(sha256, JSON.stringify({ geo, asn, countries }), zstdCompressSync(columns));
}

export function readPlaces(database: SqliteDatabase, sha256: string): KeptPlaces {
  const row = database.prepare('SELECT origin, places FROM geographies WHERE sha256 = ?').get(sha256) as {
    origin: string;
    places: Uint8Array;
  };
  const columns = new Uint8Array(zstdDecompressSync(row.places)); // a copy: views need alignment
  const places = columns.length / 5;
  const placeAsn = new Uint32Array(columns.buffer, 0, places);
  return { ...JSON.parse(row.origin), placeAsn, placeCountry: columns.subarray(4 * places) };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint8Array | Uint32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
