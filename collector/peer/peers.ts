/** Sources other than our own sensors, and what each says of its days (schema.ts). */
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { BadDatabase, openDatabase, type SqliteDatabase } from '../../common/sqlite/open.ts';
import type { GeoSource } from '../reduce/results.ts';
import { KEPT_ROWS, type KeptTable, keptDaysMax, MIGRATIONS, sourcesMax } from './schema.ts';

/**
 * Why a peer could not be pulled. `unreachable`: no answer came; `token`: it does not take ours; `refused`: it answers, and not
 * with figures; `wrong`: with what no collector answers; `files`: our own token or certificate cannot be read.
 */
export const TROUBLES = ['unreachable', 'token', 'refused', 'wrong', 'files'] as const;
export type Trouble = (typeof TROUBLES)[number];

export interface Source {
  readonly id: number;
  readonly name: string;
  readonly kind: 'peer' | 'import';
  readonly url: string | null;
  /** Paths. With a token a peer gives what its members get, without one what is public there. */
  readonly tokenFile: string | null;
  readonly caFile: string | null;
  readonly published: boolean;
  readonly addedMs: number;
  readonly etag: string | null;
  readonly triedMs: number | null;
  /** When it was last read to its end. */
  readonly doneMs: number | null;
  readonly trouble: Trouble | null;
  /** For the operator: in words, scrubbed. */
  readonly troubleText: string | null;
}

/** Counts of a cell; sources null where the source gives none, the mean where it knows no sensors. */
export interface Counts {
  readonly packets: number;
  readonly sources: number | null;
  readonly scanningSources: number | null;
  readonly meanPerSensor: number | null;
}

/** `a` and `b` are its name, as in reduce/rows.ts. */
export interface Cell extends Counts {
  readonly a: number;
  readonly b: number;
  /** Of the day's packets, as the source says. */
  readonly share: number;
}

export interface DayTable {
  /** False where there may be more rows than these. */
  readonly complete: boolean;
  /** Most packets first. */
  readonly cells: readonly Cell[];
}

export interface SourceDay extends Counts {
  /** Days since 1970. */
  readonly day: number;
  readonly revision: number;
  /** Rounded, and tables cut short, as its public gets them. */
  readonly guarded: boolean;
  readonly geo: GeoSource;
  readonly takenMs: number;
}

export type DayTables = Readonly<Partial<Record<KeptTable, DayTable>>>;

/** The name is taken, there is none, or it is of another kind. */
export class PeersError extends Error {
  override readonly name = 'PeersError';
}

/** As organisations and sensors are called: a name in a path, in a file's name, and no markup. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,31}$/;
/** How the page and the API call our own figures. */
const OWN = 'own';

export interface NewPeer {
  readonly name: string;
  readonly url: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly published?: boolean;
}

const COLUMNS = `id, name, kind, url, token_file AS tokenFile, ca_file AS caFile, published, added_ms AS addedMs, etag,
  tried_ms AS triedMs, done_ms AS doneMs, trouble, trouble_text AS troubleText`;
const DAY_COLUMNS = `day, revision, guarded, packets, sources, scanning AS scanningSources, mean AS meanPerSensor, geo, built,
  taken_ms AS takenMs`;

interface DayRow extends Omit<SourceDay, 'geo' | 'guarded'> {
  readonly guarded: number;
  readonly geo: string;
  readonly built: string;
}

export class Peers {
  /** For imports.ts and submit.ts, which keep more of the same file. */
  readonly database: SqliteDatabase;

  private constructor(database: SqliteDatabase) {
    this.database = database;
  }

  /** Makes the file if it is not there. Throws `BadDatabase`. */
  static open(file: string, { readonly = false } = {}): Peers {
    return new Peers(openDatabase(file, { migrations: MIGRATIONS, readonly }));
  }

  close(): void {
    this.database.close();
  }

  /** By name. */
  sources(): Source[] {
    const rows = this.database.prepare(`SELECT ${COLUMNS} FROM sources ORDER BY name`).all();
    return rows.map(sourceOf);
  }

  source(name: string): Source | undefined {
    const row = this.database.prepare(`SELECT ${COLUMNS} FROM sources WHERE name = ?`).get(name);
    return row === undefined ? undefined : sourceOf(row);
  }

  /** Throws `PeersError`. */
  addPeer({ name, url, tokenFile, caFile, published = false }: NewPeer, nowMs: number): Source {
    if (published && tokenFile !== undefined)
      throw new PeersError(`${name} is read as a member: only what is public there may be shown to the public here`);
    return this.#add({ name, kind: 'peer', url, tokenFile, caFile, published }, nowMs);
  }

  /** The import of this name, made if need be. Throws `PeersError` if the name is a peer's. */
  importNamed(name: string, nowMs: number): Source {
    const found = this.source(name);
    if (found === undefined) return this.#add({ name, kind: 'import', published: false }, nowMs);
    if (found.kind !== 'import') throw new PeersError(`${name} is a peer: give the import another label`);
    return found;
  }

  /** With all that is kept of it. Throws `PeersError`. */
  remove(name: string): Source {
    const found = this.source(name);
    if (found === undefined) throw new PeersError(`no peer or import is called ${name}`);
    this.database.prepare('DELETE FROM sources WHERE id = ?').run(found.id);
    return found;
  }

  noteDone({ id }: Pick<Source, 'id'>, etag: string | null, nowMs: number): void {
    this.database
      .prepare(
        'UPDATE sources SET etag = ?, tried_ms = ?, done_ms = ?, trouble = NULL, trouble_text = NULL WHERE id = ?',
      )
      .run(etag, nowMs, nowMs, id);
  }

  noteTrouble({ id }: Pick<Source, 'id'>, trouble: Trouble, text: string, nowMs: number): void {
    this.database
      .prepare('UPDATE sources SET tried_ms = ?, trouble = ?, trouble_text = ? WHERE id = ?')
      .run(nowMs, trouble, text, id);
  }

  /** Ascending. */
  days({ id }: Pick<Source, 'id'>, from = 0, to = Number.MAX_SAFE_INTEGER): SourceDay[] {
    const rows = this.database
      .prepare(`SELECT ${DAY_COLUMNS} FROM days WHERE source = ? AND day BETWEEN ? AND ? ORDER BY day`)
      .all(id, from, to) as DayRow[];
    return rows.map(({ geo, built, guarded, ...rest }) => ({
      ...rest,
      guarded: guarded === 1,
      geo: { name: geo, built },
    }));
  }

  /** Undefined of a source without days. */
  lastDay({ id }: Pick<Source, 'id'>): number | undefined {
    const last = this.database.prepare('SELECT max(day) FROM days WHERE source = ?').pluck().get(id);
    return (last as number | null) ?? undefined;
  }

  /** Undefined where the source does not give that table. */
  table({ id }: Pick<Source, 'id'>, day: number, name: KeptTable): DayTable | undefined {
    const found = this.database
      .prepare('SELECT complete FROM tables WHERE source = ? AND day = ? AND name = ?')
      .pluck()
      .get(id, day, name) as number | undefined;
    if (found === undefined) return undefined;
    const cells = this.database
      .prepare(
        `SELECT a, b, packets, sources, scanning AS scanningSources, mean AS meanPerSensor, share FROM cells
         WHERE source = ? AND day = ? AND name = ? ORDER BY rank`,
      )
      .all(id, day, name) as Cell[];
    return { complete: found === 1, cells };
  }

  /** In place of what was kept of that day; of a peer, days before the last `keptDaysMax` go. False if it is gone meanwhile. */
  putDay({ id, kind }: Pick<Source, 'id' | 'kind'>, day: SourceDay, tables: DayTables): boolean {
    return this.database
      .transaction(() => {
        if (this.database.prepare('SELECT 1 FROM sources WHERE id = ?').get(id) === undefined) return false;
        this.#writeDay(id, day, tables);
        if (kind === 'peer')
          this.database
            .prepare('DELETE FROM days WHERE source = ?1 AND day <= (SELECT max(day) FROM days WHERE source = ?1) - ?2')
            .run({ 1: id, 2: keptDaysMax });
        return true;
      })
      .immediate();
  }

  /** Days that the source shows no longer. */
  dropDays({ id }: Pick<Source, 'id'>, days: readonly number[]): void {
    const drop = this.database.prepare('DELETE FROM days WHERE source = ? AND day = ?');
    this.database
      .transaction(() => {
        for (const day of days) drop.run(id, day);
      })
      .immediate();
  }

  #writeDay(id: number, { day, geo, guarded, ...counts }: SourceDay, tables: DayTables): void {
    const { revision, packets, sources, scanningSources, meanPerSensor, takenMs } = counts;
    this.database.prepare('DELETE FROM days WHERE source = ? AND day = ?').run(id, day);
    this.database
      .prepare('INSERT INTO days VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        ...[id, day, revision, Number(guarded), packets, sources, scanningSources, meanPerSensor],
        ...[geo.name, geo.built, takenMs],
      );
    const insert = this.database.prepare('INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    for (const [name, { complete, cells }] of Object.entries(tables)) {
      const kept = cells.slice(0, KEPT_ROWS[name as KeptTable]);
      const isWhole = complete && kept.length === cells.length;
      this.database.prepare('INSERT INTO tables VALUES (?, ?, ?, ?)').run(id, day, name, Number(isWhole));
      for (const [n, cell] of kept.entries())
        insert.run(
          ...[id, day, name, n + 1, cell.a, cell.b, cell.packets, cell.sources, cell.scanningSources],
          ...[cell.meanPerSensor, cell.share],
        );
    }
  }

  #add(
    { name, kind, url = null, tokenFile = null, caFile = null, published }: Partial<Source> & NewSource,
    nowMs: number,
  ): Source {
    if (!NAME.test(name) || name === OWN)
      throw new PeersError(
        'a name has small letters, digits, dots and hyphens, at most 32, begins with a letter or a digit, and is not own',
      );
    return this.database
      .transaction(() => {
        if (this.source(name) !== undefined) throw new PeersError(`${name} is there already`);
        if (this.sources().length >= sourcesMax)
          throw new PeersError(`there are ${sourcesMax} peers and imports already`);
        this.database
          .prepare(
            `INSERT INTO sources (name, kind, url, token_file, ca_file, published, added_ms) VALUES (?, ?, ?, ?, ?, ?, ?)`,
          )
          .run(name, kind, url, tokenFile, caFile, Number(published), nowMs);
        return this.source(name)!;
      })
      .immediate();
  }
}

/**
 * What is there, for those who read beside our own figures; undefined without it. A file that is damaged is as none: our own
 * figures do not depend on it, and whoever writes it says so.
 */
export function openPeers(file: string | undefined): Peers | undefined {
  if (file === undefined || !fs.existsSync(file)) return undefined;
  try {
    return Peers.open(file);
  } catch (error) {
    if (error instanceof BadDatabase || error instanceof Database.SqliteError) return undefined;
    throw error;
  }
}

type NewSource = Pick<Source, 'name' | 'kind' | 'published'>;

const sourceOf = (row: unknown): Source => ({
  ...(row as Source),
  published: (row as { published: 0 | 1 }).published === 1,
});

/**
 * Whether somebody sees a source. Members and admins see all. The public sees those that are published, which only a peer
 * pulled without a token can be: even what was public there is shown on only where the operator said so, for whoever made the
 * figures may take them back, and whom an observatory works with is its own affair.
 */
export const isShownTo = (role: 'public' | 'member' | 'admin', { published }: Pick<Source, 'published'>): boolean =>
  role !== 'public' || published;
