/**
 * Which geography counts what comes from now on. A day is counted wholly with the database in force when its first batch was
 * logged, so another database is an entry in the log, and a copy of it is kept: any day can be folded again.
 */
import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { GeoError } from '../../common/geo/error.ts';
import { loadGeo } from '../../common/geo/load.ts';
import type { GeoTable } from '../../common/geo/table.ts';
import type { GeoEntry } from '../log/entry.ts';

/** What common/geo/load.ts takes where none is named. */
const DEFAULT_FILE = '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb';

export interface GeoFiles {
  readonly geo: readonly string[];
  readonly asn?: string;
}

/** What it needs of the log and its reader. */
export interface GeoLog {
  entries(): readonly GeoEntry[];
  append(entry: Omit<GeoEntry, 'position'>): number;
}

/**
 * Puts the databases named into force, if they are not. Returns them and whether they are new. Throws `GeoError` if they
 * cannot be used.
 */
export function takeGeography(log: GeoLog, folder: string, files: GeoFiles): { table: GeoTable; isNew: boolean } {
  const table = load(files);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const originals = files.geo.length > 0 ? files.geo : [createRequire(import.meta.url).resolve(DEFAULT_FILE)];
  const last = log.entries().at(-1);
  if (last?.sha256 === table.sha256) {
    // A copy that is no more what it was is made again.
    const named = new Set(last.files.map(({ file }) => file));
    for (const file of [...originals, ...(files.asn === undefined ? [] : [files.asn])])
      if (named.has(copyName(fs.readFileSync(file)))) keep(file, folder);
    syncFolder(folder);
    return { table, isNew: false };
  }
  const kept: GeoEntry['files'][number][] = originals.map(file => ({ file: keep(file, folder), role: 'geo' }));
  if (files.asn !== undefined) kept.push({ file: keep(files.asn, folder), role: 'asn' });
  syncFolder(folder);
  const copies = load({
    geo: kept.filter(({ role }) => role === 'geo').map(({ file }) => path.join(folder, file)),
    ...(files.asn !== undefined && { asn: path.join(folder, kept.at(-1)!.file) }),
  });
  if (copies.sha256 !== table.sha256)
    throw new GeoError(originals[0]!, 'changed while it was read', 'start again when it is complete');
  log.append({ sha256: table.sha256, name: table.geo.name, built: table.geo.built, files: kept });
  return { table, isNew: true };
}

const load = ({ geo, asn }: GeoFiles): GeoTable =>
  loadGeo({ geoFiles: [...geo], ...(asn !== undefined && { asnFile: asn }) });

/** Of a database with these bytes. */
const copyName = (bytes: Uint8Array): string => `${createHash('sha256').update(bytes).digest('hex')}.db`;

/** Copies it under the name of its content, whole and synced or not at all. A copy that is not that content is replaced. */
function keep(file: string, folder: string): string {
  const bytes = fs.readFileSync(file);
  const name = copyName(bytes);
  const target = path.join(folder, name);
  if (fs.existsSync(target) && copyName(fs.readFileSync(target)) === name) return name;
  const temporary = `${target}.${randomUUID()}`;
  try {
    const handle = fs.openSync(temporary, 'wx', 0o600);
    try {
      fs.writeFileSync(handle, bytes);
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
    fs.renameSync(temporary, target);
  } finally {
    fs.rmSync(temporary, { force: true }); // of a disk that filled up
  }
  return name;
}

function syncFolder(folder: string): void {
  const handle = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
