/**
 * Imports: what another system captured, counted here as replay counts it and kept apart from our own. A file counts once, by the
 * SHA-256 of its content. Each day's state is kept, so that the next file of the same days is merged into it: distinct sources of
 * several files are then those of all, not a sum. Observed networks of the other system are dropped before anything is kept.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { GeoTable } from '../../common/geo/table.ts';
import { CellTable } from '../reduce/cells.ts';
import { BadState, decodeDay, encodeDay, STATE_VERSION } from '../reduce/codec.ts';
import { type Day, TABLES } from '../reduce/day.ts';
import { dateOf } from '../reduce/result.ts';
import type { DayResult, Results } from '../reduce/results.ts';
import { dayResult, dayRows, type Places, type Row } from '../reduce/rows.ts';
import { sourcesMaxDefault } from '../reduce/sources.ts';
import { keepPlaces, readPlaces } from '../store/geography.ts';
import { type Cell, type Peers, PeersError, type Source, type SourceDay } from './peers.ts';
import { KEPT_TABLES, keptDaysMax } from './schema.ts';

export const FILE_FORMATS = ['pcap', 'shadowserver'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

export interface ImportedFile {
  /** Hexadecimal, of its bytes as they lie. */
  readonly sha256: string;
  /** Its name, without folders. */
  readonly file: string;
  readonly format: FileFormat;
  /** `packets` are `records` and those skipped, by reason. */
  readonly packets: number;
  readonly records: number;
  readonly skipped: Readonly<Record<string, number>>;
  /** Where and why it could not be read further; what came before counts. */
  readonly damage?: string;
}

export interface KeptFile extends ImportedFile {
  readonly takenMs: number;
}

export function fileOf({ database }: Peers, { id }: Pick<Source, 'id'>, sha256: string): KeptFile | undefined {
  return filesWhere(database, 'AND sha256 = ?', id, sha256)[0];
}

/** In the order they came. */
export const filesOf = ({ database }: Peers, { id }: Pick<Source, 'id'>): KeptFile[] =>
  filesWhere(database, 'ORDER BY taken_ms, file', id);

function filesWhere(database: Peers['database'], more: string, ...values: (string | number)[]): KeptFile[] {
  const rows = database
    .prepare(
      `SELECT sha256, file, format, taken_ms AS takenMs, packets, records, skipped, damage FROM files
       WHERE source = ? ${more}`,
    )
    .all(...values) as (Omit<KeptFile, 'skipped' | 'damage'> & { skipped: string; damage: string | null })[];
  return rows.map(({ skipped, damage, ...rest }) => ({
    ...rest,
    skipped: JSON.parse(skipped),
    ...(damage !== null && { damage }),
  }));
}

/**
 * Adds a file's days to the label, made if need be: all of them and the file in one transaction, or nothing. False if the file
 * was counted before. Throws `PeersError` for what cannot be merged. The days are not to be used afterwards.
 */
export function addFile(
  peers: Peers,
  label: string,
  file: ImportedFile,
  { days, geo, nowMs }: { readonly days: readonly Day[]; readonly geo: GeoTable; readonly nowMs: number },
): boolean {
  const { database } = peers;
  return database
    .transaction(() => {
      const source = peers.importNamed(label, nowMs);
      if (fileOf(peers, source, file.sha256) !== undefined) return false;
      const { sha256, format, packets, records, skipped, damage } = file;
      database
        .prepare('INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
        .run(
          ...[source.id, sha256, file.file, format, nowMs, packets, records, JSON.stringify(skipped), damage ?? null],
        );
      keepPlaces(database, geo);
      const known = new Set(peers.days(source).map(({ day }) => day));
      for (const { day } of days) known.add(day);
      if (known.size > keptDaysMax)
        throw new PeersError(`${label} would have ${known.size} days: at most ${keptDaysMax} go under one label`);
      for (const day of days) addDay(peers, source, day, geo, nowMs);
      return true;
    })
    .immediate();
}

function addDay(peers: Peers, source: Source, day: Day, geo: GeoTable, nowMs: number): void {
  day.tables.networks = new CellTable(TABLES.networks);
  const before = stateOf(peers, source, day.day);
  if (before !== undefined && before.geo !== geo.sha256)
    throw new PeersError(
      `${source.name} has ${dateOf(day.day)} already, counted with another country database: give that one, or another label`,
    );
  if (before !== undefined) day.merge(before.day);
  const [{ revision } = { revision: 0 }] = peers.days(source, day.day, day.day);
  const bytes = zstdCompressSync(encodeDay(day));
  peers.putDay(source, ...rowsOf(day, geo, { revision: revision + 1, takenMs: nowMs }));
  peers.database
    .prepare('INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?)')
    .run(source.id, day.day, geo.sha256, STATE_VERSION, bytes);
}

/** Undefined where there is none. Throws `PeersError` for one of another version. */
function stateOf({ database }: Peers, { id, name }: Source, day: number): { geo: string; day: Day } | undefined {
  const row = database.prepare('SELECT geo, bytes FROM states WHERE source = ? AND day = ?').get(id, day) as
    | { geo: string; bytes: Uint8Array }
    | undefined;
  if (row === undefined) return undefined;
  try {
    return { geo: row.geo, day: decodeDay(zstdDecompressSync(row.bytes), sourcesMaxDefault) };
  } catch (error) {
    if (!(error instanceof BadState)) throw error;
    throw new PeersError(`${name} was counted by another version: remove it (enaga peer remove) and import it again`);
  }
}

function rowsOf(day: Day, geo: GeoTable, { revision, takenMs }: Pick<SourceDay, 'revision' | 'takenMs'>) {
  const rows = dayRows(day, geo);
  const [total = { packets: 0, sources: 0, scanningSources: 0 }] = rows.rows('total');
  const { packets, sources, scanningSources } = total;
  const cell = (row: Row): Cell => ({ ...row, meanPerSensor: null, share: packets === 0 ? 0 : row.packets / packets });
  const tables = Object.fromEntries(
    KEPT_TABLES.map(name => [name, { complete: true, cells: rows.rows(name).map(cell) }]),
  );
  const head: SourceDay = {
    ...{ day: day.day, revision, guarded: false, packets, sources, scanningSources, meanPerSensor: null },
    ...{ geo: geo.geo, takenMs },
  };
  return [head, tables] as const;
}

/**
 * All rows of an import's days in the shape of replay's results. Without observed networks, which are dropped, and without
 * addresses of sources, among which may be some that are observed. Throws `PeersError`.
 */
export function importedResults(peers: Peers, source: Source, days: readonly SourceDay[]): Results {
  const files = filesOf(peers, source);
  const skipped: Record<string, number> = {};
  for (const file of files)
    for (const [reason, packets] of Object.entries(file.skipped)) skipped[reason] = (skipped[reason] ?? 0) + packets;
  const results: DayResult[] = [];
  let places: (Places & Pick<Results, 'geo' | 'asn'>) | undefined;
  for (const { day } of days) {
    const state = stateOf(peers, source, day);
    if (state === undefined) continue;
    places = readPlaces(peers.database, state.geo);
    results.push({ ...dayResult(state.day, places), networks: [], topSources: [] });
  }
  const sum = (of: (file: KeptFile) => number) => files.reduce((total, file) => total + of(file), 0);
  return {
    packets: sum(({ packets }) => packets),
    records: sum(({ records }) => records),
    skipped,
    geo: places?.geo ?? { name: '', built: '' },
    ...(places?.asn !== undefined && { asn: places.asn }),
    days: results,
  };
}
