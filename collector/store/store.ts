/**
 * The store: counts logged batches, and keeps what it counted together with how far it came, in one transaction. Two operations
 * make it: `append`, of batches up to a position, harmless when repeated; and the queries of query.ts. Whatever happens between
 * two commits, the log from the position kept gives the same again; a log that is another one than was counted (a restored
 * backup) is counted from its beginning.
 *
 * One writer. It does not look at the clock, nor at the log: whoever drives it (tail.ts) does.
 */
import { isDeepStrictEqual } from 'node:util';
import type { GeoTable } from '../../common/geo/table.ts';
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { CellTable } from '../reduce/cells.ts';
import { TABLES_SINCE } from '../reduce/codec.ts';
import { type Day, TABLES } from '../reduce/day.ts';
import { sourcesMaxDefault } from '../reduce/sources.ts';
import { addAccounts } from './accounts-file.ts';
import type { OpenedBatch } from './batch.ts';
import { Delta, type DeltaOptions } from './delta.ts';
import { type Geographies, keepPlaces } from './geography.ts';
import type { Merging } from './merging.ts';
import { type Position, readProgress, rulesOf } from './position.ts';
import { firstRevision } from './revisions.ts';
import { FOLDED_TABLES, openStoreFile } from './schema.ts';
import {
  addSegment,
  daysToMerge,
  fullTier,
  keepMerged,
  mergeTier,
  readState,
  segmentOf,
  stateOf,
  WHOLE,
  waitingMax,
  writeState,
} from './segments.ts';

export interface StoreOptions extends DeltaOptions {
  readonly geographies: Geographies;
  /** Sensors that a day is to be counted without, asked when its first batch comes. */
  readonly excluded: (day: number) => readonly number[];
  /** Where large segments are merged; with the commit that made them many, if this is not given. */
  readonly merging?: Merging;
}

/** A day that is being counted. */
interface OpenDay {
  readonly geo: GeoTable;
  readonly excluded: ReadonlySet<number>;
  /** Its state is gone: it is counted from the log when it is asked for again. */
  readonly asRows: boolean;
  changedMs: number;
}

const OF_EXPIRED = 'IN (SELECT value FROM json_each(@expired))';
/** Which rows stay of days whose records are gone; none where nothing is said. */
const KEPT_OF_EXPIRED: Partial<Record<(typeof FOLDED_TABLES)[number], string>> = {
  ...{ excluded: `day ${OF_EXPIRED}`, states: `day ${OF_EXPIRED}`, rows: `day ${OF_EXPIRED}` },
  ...{ days: `(day ${OF_EXPIRED} AND closed_ms IS NOT NULL)`, top_sources: `day ${OF_EXPIRED}` },
  ...{
    accounts: `(day ${OF_EXPIRED} AND misdated = 0)`,
    skipped: `(day ${OF_EXPIRED} AND misdated = 0)`,
    coverage: `hour / 24 ${OF_EXPIRED}`,
  },
  geographies: `(json_array_length(@expired) > 0 AND sha256 IN (SELECT geo FROM days))`,
};

/** Days that one reads of while they are counted: looked up once. */
const openDaysMax = 1024;

export class Store {
  readonly database: SqliteDatabase;
  readonly #options: StoreOptions;
  readonly #delta: Delta;
  readonly #open = new Map<number, OpenDay>();
  /** Days with batches that are not committed. */
  readonly #touched = new Set<number>();
  /** Of the last batch folded. */
  #reached: Pick<Position, 'position' | 'sha256'>;

  private constructor(database: SqliteDatabase, options: StoreOptions) {
    this.database = database;
    this.#options = options;
    this.#delta = new Delta(options);
    this.#reached = this.position() ?? { position: 0, sha256: new Uint8Array(0) };
  }

  /** Throws `BadDatabase`. */
  static open(file: string, options: StoreOptions): Store {
    return new Store(openStoreFile(file, false), options);
  }

  /** What is committed; undefined before the first commit, or if states were made by other rules and are no use. */
  position(): Position | undefined {
    const kept = readProgress(this.database);
    if (kept === undefined) return undefined;
    const { log, position, sha256, ...rules } = kept;
    return isDeepStrictEqual(rules, rulesOf(this.#options)) ? { log, position, sha256 } : undefined;
  }

  /** Whether anything was ever committed. */
  get begun(): boolean {
    return readProgress(this.database) !== undefined;
  }

  /** Records folded and not committed. */
  get pending(): number {
    return this.#delta.records;
  }

  /** Position of the last batch folded. */
  get reached(): number {
    return this.#reached.position;
  }

  /** Counts and commits. What is at or before the position reached is ignored. */
  append(batches: readonly OpenedBatch[], log: string): void {
    this.fold(batches);
    this.commit(log);
  }

  /** Counts batches, ascending by position, without committing. */
  fold(batches: readonly OpenedBatch[]): void {
    const byGeo = new Map<GeoTable, OpenedBatch[]>();
    for (const batch of batches) {
      if (batch.position <= this.#reached.position) continue;
      this.#reached = { position: batch.position, sha256: batch.sha256 };
      this.#delta.accounts.add(batch);
      if (batch.misdated) continue;
      const day = this.#day(batch.day, batch.position);
      day.changedMs = Math.max(day.changedMs, batch.receivedMs);
      this.#touched.add(batch.day);
      if (day.asRows || day.excluded.has(batch.sensor)) continue;
      const same = byGeo.get(day.geo);
      if (same === undefined) byGeo.set(day.geo, [batch]);
      else same.push(batch);
    }
    for (const [geo, same] of byGeo) this.#delta.fold(same, geo);
  }

  /** Goes past a batch that is damaged, and notes it. `sha256` is what the log says of it. */
  pass(position: number, sha256: Uint8Array, why: string): void {
    if (position <= this.#reached.position) return;
    this.noteDamaged(position, why);
    this.#reached = { position, sha256 };
  }

  /** At once: it is a fact of the log, whatever is folded. Returns whether it is new. */
  noteDamaged = (position: number, why: string): boolean =>
    this.database.prepare('INSERT OR IGNORE INTO damaged VALUES (?, ?)').run(position, why).changes > 0;

  /** How many batches of the log are known to be damaged. */
  get damaged(): number {
    return this.database.prepare('SELECT count(*) FROM damaged').pluck().get() as number;
  }

  /** SHA-256 of the geography that a day is counted with; undefined before its first batch is committed. */
  geoOf = (day: number): string | undefined =>
    this.database.prepare('SELECT geo FROM days WHERE day = ?').pluck().get(day) as string | undefined;

  /** Keeps all that was folded, and how far in this log that is; then merges what has become many. */
  commit(log: string): void {
    const days = this.#delta.takeDays();
    this.database
      .transaction(() => {
        for (const day of this.#touched) this.#touch(day, this.#open.get(day)!);
        for (const day of days) {
          addSegment(this.database, day.day, segmentOf(day));
          this.#addTotal(day);
          day.free();
        }
        addAccounts(this.database, this.#delta.accounts);
        this.database
          .prepare('INSERT OR REPLACE INTO progress VALUES (1, ?, ?, ?, ?, ?, ?)')
          .run(log, this.#reached.position, this.#reached.sha256, ...Object.values(rulesOf(this.#options)));
      })
      .immediate();
    this.#delta.accounts.clear();
    this.#touched.clear();
    if (this.#open.size > openDaysMax) this.#open.clear();
    for (const { day } of days) this.#merge(day);
  }

  /** Keeps what was merged beside. To be called now and then. */
  keepMerged(): void {
    const merged = this.#options.merging?.take();
    if (merged === undefined) return;
    const { work, made } = merged;
    if (made !== undefined) keepMerged(this.database, work.tier, made);
    this.#merge(work.tier.day, made !== undefined);
    for (const day of daysToMerge(this.database)) this.#merge(day); // which waited for it
  }

  /**
   * Forgets everything, to count from the log's beginning; but what is kept as rows of days whose records are gone (`expired`),
   * for nobody can count them again. By other rules their distinct sources over several days cannot be told any more.
   */
  reset(expired: readonly number[] = []): void {
    const areTablesOurs = this.#areTablesOurs();
    this.database.transaction(() => {
      for (const table of FOLDED_TABLES) {
        const isKept = KEPT_OF_EXPIRED[table];
        if (isKept === undefined || (table === 'states' && !areTablesOurs)) this.database.exec(`DELETE FROM ${table}`);
        else
          this.database.prepare(`DELETE FROM ${table} WHERE NOT ${isKept}`).run({ expired: JSON.stringify(expired) });
      }
    })();
    this.#delta.takeDays();
    this.#delta.accounts.clear();
    this.#options.merging?.stop();
    this.#open.clear();
    this.#touched.clear();
    this.#reached = { position: 0, sha256: new Uint8Array(0) };
  }

  /** Days that must be folded again from the log: marked so by `markStale`, or changed when their state was gone. */
  staleDays(): number[] {
    return this.database.prepare('SELECT day FROM days WHERE stale = 1 ORDER BY day').pluck().all() as number[];
  }

  /** Marks days whose sensors to leave out are others than they were counted without. Nothing may be pending. */
  markStale(): void {
    const days = this.database.prepare('SELECT day FROM days ORDER BY day').pluck().all() as number[];
    for (const day of days) {
      const before = this.#excludedOf(day);
      const now = new Set(this.#options.excluded(day));
      const changed = [...before, ...now].filter(sensor => !(before.has(sensor) && now.has(sensor)));
      if (changed.length === 0) continue;
      if (changed.some(sensor => this.#has(sensor, day)))
        this.database.prepare('UPDATE days SET stale = 1 WHERE day = ?').run(day);
      else this.database.transaction(() => this.#setExcluded(day, [...now]))();
      this.#open.delete(day);
    }
  }

  /** Puts a day that was folded anew from the log, up to the position committed, in the place of what was kept of it. */
  replace(number: number, state: Day | undefined, excluded: readonly number[]): void {
    this.#options.merging?.stop();
    const { database } = this;
    database
      .transaction(() => {
        for (const table of ['segments', 'states', 'rows', 'top_sources'])
          database.prepare(`DELETE FROM ${table} WHERE day = ?`).run(number);
        database
          .prepare(
            'UPDATE days SET revision = revision + 1, packets = 0, stale = 0, closed_ms = NULL, level = NULL WHERE day = ?',
          )
          .run(number);
        this.#setExcluded(number, excluded);
        if (state === undefined) return;
        addSegment(database, number, segmentOf(state), WHOLE);
        this.#addTotal(state);
      })
      .immediate();
    this.#open.delete(number);
  }

  /** A day that would be folded again and cannot be, for its records are gone: what is kept of it stays as it is. */
  leave(day: number): void {
    this.database.prepare('UPDATE days SET stale = 0 WHERE day = ?').run(day);
    this.#open.delete(day);
  }

  /** Looked up again when its next batch comes. To be called when what is kept of a day has changed. */
  forget(day: number): void {
    this.#open.delete(day);
  }

  close(): void {
    this.#options.merging?.stop();
    this.database.close();
  }

  /** Whether the tables kept for themselves are by today's rules. */
  #areTablesOurs(): boolean {
    const kept = readProgress(this.database);
    if (kept === undefined) return false;
    const { sourcesMax, keyPrint } = rulesOf(this.#options);
    return kept.stateVersion >= TABLES_SINCE && kept.sourcesMax === sourcesMax && kept.keyPrint === keyPrint;
  }

  get #sourcesMax(): number {
    return this.#options.sourcesMax ?? sourcesMaxDefault;
  }

  #day(day: number, position: number): OpenDay {
    let found = this.#open.get(day);
    if (found === undefined) {
      found = this.#known(day) ?? this.#begin(day, position);
      this.#open.set(day, found);
    }
    return found;
  }

  #known(day: number): OpenDay | undefined {
    const row = this.database
      .prepare(
        `SELECT geo, changed_ms AS changedMs, closed_ms IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM segments WHERE segments.day = days.day) AS asRows FROM days WHERE day = ?`,
      )
      .get(day) as { geo: string; changedMs: number; asRows: number } | undefined;
    if (row === undefined) return undefined;
    const { geographies } = this.#options;
    return {
      geo: geographies.named(row.geo),
      excluded: this.#excludedOf(day),
      asRows: row.asRows === 1,
      changedMs: row.changedMs,
    };
  }

  #begin(day: number, position: number): OpenDay {
    const { geographies, excluded } = this.#options;
    return { geo: geographies.at(position), excluded: new Set(excluded(day)), asRows: false, changedMs: 0 };
  }

  /** Makes or changes the row of a day that got batches. A closed one is open again, as another revision. */
  #touch(day: number, { geo, excluded, asRows, changedMs }: OpenDay): void {
    const { database } = this;
    if (database.prepare('SELECT 1 FROM days WHERE day = ?').get(day) === undefined) {
      keepPlaces(database, geo);
      database
        .prepare('INSERT INTO days VALUES (?, ?, ?, 0, ?, 0, NULL, NULL)')
        .run(day, geo.sha256, firstRevision(database, day), changedMs);
      this.#setExcluded(day, [...excluded]);
      return;
    }
    database.prepare('UPDATE days SET changed_ms = ? WHERE day = ?').run(changedMs, day);
    if (asRows) database.prepare('UPDATE days SET stale = 1 WHERE day = ?').run(day);
    else
      database
        .prepare('UPDATE days SET revision = revision + 1, closed_ms = NULL WHERE day = ? AND closed_ms IS NOT NULL')
        .run(day);
  }

  #addTotal(day: Day): void {
    const total = readState(this.database, day.day, 'total') ?? new CellTable(TABLES.total);
    total.merge(day.tables.total);
    writeState(this.database, day.day, 'total', stateOf(total));
    this.database
      .prepare('UPDATE days SET packets = packets + ? WHERE day = ?')
      .run(packetsOf(day.tables.total), day.day);
  }

  /** Merges segments of the day while a tier is full: large ones beside, where that can be and others are not merged now. */
  #merge(day: number, mayBeside = true): void {
    const { merging } = this.#options;
    for (;;) {
      const tier = fullTier(this.database, day);
      if (tier === undefined) return;
      if (mayBeside && merging?.isFor(tier)) {
        if (tier.ids.length < waitingMax) {
          if (!merging.isBusy) merging.start(this.database.name, { tier, sourcesMax: this.#sourcesMax });
          return;
        }
        merging.stop(); // some of these may be what it is at, and their numbers others' soon
      }
      keepMerged(this.database, tier, mergeTier(this.database, tier, this.#sourcesMax)!);
    }
  }

  #excludedOf(day: number): ReadonlySet<number> {
    const sensors = this.database.prepare('SELECT sensor FROM excluded WHERE day = ?').pluck().all(day) as number[];
    return new Set(sensors);
  }

  #setExcluded(day: number, sensors: readonly number[]): void {
    this.database.prepare('DELETE FROM excluded WHERE day = ?').run(day);
    const insert = this.database.prepare('INSERT INTO excluded VALUES (?, ?)');
    for (const sensor of sensors) insert.run(day, sensor);
  }

  #has = (sensor: number, day: number): boolean =>
    this.database
      .prepare('SELECT 1 FROM accounts WHERE sensor = ? AND day = ? AND misdated = 0 AND records > 0')
      .get(sensor, day) !== undefined;
}

const packetsOf = (table: CellTable): number => {
  let packets = 0;
  for (let n = 0; n < table.size; n++) packets += table.packets(n);
  return packets;
};
