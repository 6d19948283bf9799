/** What the archive says to a reader of the log: its parts as batches, in the order of the log. */
import fs from 'node:fs';
import path from 'node:path';
import { BadDatabase } from '../../common/sqlite/open.ts';
import type { LoggedBatch } from '../log/entry.ts';
import type { PastAnswer, PastDamage, PastFacts, PastQuestion, PickedBatch, Wanted } from '../log/past.ts';
import type { Duck } from './duck.ts';
import { sha256Of } from './file-sha256.ts';
import { type BatchHead, type PartHeads, readHeads } from './heads.ts';
import { headsFile, recordsFile } from './layout.ts';
import { Manifest, type Part } from './manifest.ts';
import type { PickedPart, PickedRows } from './pick.ts';
import type { PartBatches } from './rebuild.ts';

/** Parts in memory at once, the last that were asked for: batches of several days lie mixed in the log. */
const partsMax = 3;
const headsMax = 16;
const pickedMax = 2;

/** A batch of a part whose heads cannot be read. */
interface Lost {
  readonly position: number;
  readonly why: BadDatabase;
}

type Picking = Required<Pick<PastQuestion, 'from' | 'upTo' | 'day' | 'max'>>;

export class ArchivedPast {
  readonly #dir: string;
  #manifest: Manifest | undefined;
  #duck: Duck | undefined;
  /** By part, the one that was read longest ago first. */
  readonly #parts = new Map<number, PartBatches | BadDatabase>();
  readonly #heads = new Map<number, PartHeads | BadDatabase>();
  /** What was picked out of which part last; undefined where it could not be. */
  readonly #picked = new Map<string, PickedRows | undefined>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  facts(): PastFacts {
    if (!Manifest.isThere(this.#dir)) return { geo: [], expired: [] };
    return { geo: this.#opened().geo(), expired: this.#opened().expiredDays() };
  }

  /** Throws `BadDatabase`. A part that cannot be read is damage of its batches. */
  async batches({ from, upTo, day, max, headsOnly = false, wanted }: PastQuestion): Promise<PastAnswer> {
    const manifest = this.#whole(from, upTo);
    if (wanted !== undefined && day !== undefined) {
      const picked = await this.#pick({ from, upTo, day, max }, wanted);
      if (picked !== undefined) return picked;
    }
    // Positions are given one after the other, so that so many batches are within so many of them; a day's lie further apart.
    const end = day === undefined ? Math.min(upTo, from + max.batches - 1) : upTo;
    const parts = manifest
      .partsWithin(from, end)
      .filter(part => (day === undefined || part.day === day) && (headsOnly || part.expiredMs === null));
    const batches: LoggedBatch[] = [];
    const damage: PastDamage[] = [];
    let bytes = 0;
    let next = end + 1;
    for (const [entry, part, index] of this.#inOrder(parts, from, end)) {
      const { position } = entry;
      const told = batches.length + damage.length;
      if (told > 0 && (told === max.batches || bytes >= max.bytes)) {
        next = position;
        break;
      }
      const batch = 'why' in entry ? entry.why : headsOnly ? entry : await this.#batch(part, index);
      if (batch instanceof BadDatabase) damage.push({ position, message: batch.message });
      else batches.push(batch);
      bytes += batch instanceof BadDatabase ? 0 : batch.bytes.length;
    }
    const logged = manifest.damaged(from, next - 1, day);
    const damaged = [...damage, ...logged.map(({ position, message }) => ({ position, message }))];
    return { batches, damaged: damaged.sort((a, b) => a.position - b.position), next };
  }

  /**
   * Of the next part of the day, if its rows can be picked by their country: then it is by the geography that is asked by, and
   * what is to be read of it is what was written. Else each of its batches is to be looked at.
   */
  async #pick({ from, upTo, day, max }: Picking, wanted: Wanted): Promise<PastAnswer | undefined> {
    const part = this.#opened()
      .partsWithin(from, upTo)
      .find(one => one.day === day && one.expiredMs === null);
    if (part === undefined || part.geo !== wanted.geo) return undefined;
    const read = this.#headsOf(part);
    if (read instanceof BadDatabase || read.groups === undefined) return undefined;
    const { heads, groups } = read;
    const rows = await this.#rows(part, { heads, groups }, wanted.countries);
    if (rows === undefined) return undefined;
    const picked: PickedBatch[] = [];
    let bytes = 0;
    let next = Math.min(upTo, part.last) + 1;
    for (const [index, head] of heads.entries()) {
      if (head.position < from) continue;
      if (head.position > upTo) break;
      if (picked.length === max.batches || bytes >= max.bytes) {
        next = head.position;
        break;
      }
      const found = rows.of(index);
      if (found === undefined) continue;
      picked.push({ ...head, picked: found });
      bytes += found.records.src.buffer.byteLength;
    }
    const damaged = this.#opened().damaged(from, next - 1, day);
    return { batches: [], picked, damaged: damaged.map(({ position, message }) => ({ position, message })), next };
  }

  async #rows(part: Part, picked: PickedPart, countries: readonly string[]): Promise<PickedRows | undefined> {
    const key = [part.part, ...countries].join(' ');
    if (this.#picked.has(key)) return this.#picked.get(key);
    const rows = await this.#readRows(part, picked, countries);
    keep(this.#picked, key, rows, pickedMax);
    return rows;
  }

  async #readRows(part: Part, picked: PickedPart, countries: readonly string[]): Promise<PickedRows | undefined> {
    const { PickedRows } = await import('./pick.ts');
    try {
      return await PickedRows.read((await this.#open()).connection, this.#recordsOf(part), picked, countries);
    } catch (error) {
      if (error instanceof BadDatabase) return undefined; // read whole, it costs its damaged batches alone
      throw error;
    }
  }

  /** Batches of these parts between two positions, ascending. Parts of one day do not overlap: few are looked into at once. */
  *#inOrder(parts: readonly Part[], from: number, upTo: number): Generator<[BatchHead | Lost, Part, number]> {
    const open: { part: Part; heads: readonly (BatchHead | Lost)[]; at: number }[] = [];
    const waiting = [...parts];
    for (;;) {
      const lowest = open.reduce((low, { heads, at }) => Math.min(low, heads[at]!.position), Number.POSITIVE_INFINITY);
      if (waiting.length > 0 && waiting[0]!.first <= lowest) {
        const part = waiting.shift()!;
        const read = this.#headsOf(part);
        const heads = read instanceof BadDatabase ? this.#lostOf(part, read) : read.heads;
        const at = heads.findIndex(({ position }) => position >= from);
        if (at !== -1) open.push({ part, heads, at });
        continue;
      }
      if (lowest > upTo) return;
      const one = open.find(({ heads, at }) => heads[at]!.position === lowest)!;
      yield [one.heads[one.at]!, one.part, one.at];
      if (++one.at === one.heads.length) open.splice(open.indexOf(one), 1);
    }
  }

  /** What is nobody else's from its first position to its last: that is how its batches are known without their heads. */
  #lostOf(part: Part, why: BadDatabase): Lost[] {
    const manifest = this.#opened();
    const { first, last } = part;
    const others = manifest.partsWithin(first, last).flatMap(one => {
      const read = one.part === part.part ? why : this.#headsOf(one);
      return read instanceof BadDatabase ? [] : read.heads;
    });
    const known = [...others, ...manifest.damaged(first, last), ...manifest.geo()];
    const taken = new Set(known.map(({ position }) => position));
    const lost: Lost[] = [];
    for (let position = first; position <= last; position++) if (!taken.has(position)) lost.push({ position, why });
    return lost;
  }

  /** Lets go of what is in memory, until it is asked again. */
  rest(): void {
    this.#parts.clear();
    this.#heads.clear();
    this.#picked.clear();
    this.#duck?.close();
    this.#duck = undefined;
  }

  #opened(): Manifest {
    this.#manifest ??= Manifest.open(this.#dir, { readonly: true });
    return this.#manifest;
  }

  /** Throws `BadDatabase` if the log lacks what is not here. */
  #whole(from: number, upTo: number): Manifest {
    const missing = () =>
      new BadDatabase(`the log begins after position ${upTo}: ${from} is gone, and not in the archive`);
    if (!Manifest.isThere(this.#dir)) throw missing();
    if (this.#opened().gone() < upTo) throw missing();
    return this.#opened();
  }

  #headsOf(part: Part): PartHeads | BadDatabase {
    const known = this.#heads.get(part.part);
    if (known !== undefined) return known;
    const heads = readWhole(path.join(this.#dir, headsFile(part.day, part.part)), part);
    keep(this.#heads, part.part, heads, headsMax);
    return heads;
  }

  async #batch(part: Part, index: number): Promise<LoggedBatch | BadDatabase> {
    let whole = this.#parts.get(part.part);
    if (whole === undefined) {
      whole = await this.#read(part);
      keep(this.#parts, part.part, whole, partsMax);
    }
    return whole instanceof BadDatabase ? whole : whole.logged(index);
  }

  async #read(part: Part): Promise<PartBatches | BadDatabase> {
    const read = this.#headsOf(part);
    if (read instanceof BadDatabase) return read;
    const { PartBatches } = await import('./rebuild.ts');
    try {
      return await PartBatches.read((await this.#open()).connection, this.#recordsOf(part), read.heads);
    } catch (error) {
      if (error instanceof BadDatabase) return error;
      throw error;
    }
  }

  #recordsOf = (part: Part): string => path.join(this.#dir, recordsFile(part.day, part.part));

  /** Only when it is needed: DuckDB is 70 MB, and most collectors look back seldom. */
  async #open(): Promise<Duck> {
    const { openDuck, ownSpillOf } = await import('./duck.ts');
    this.#duck ??= await openDuck({ directories: [this.#dir], spill: ownSpillOf(this.#dir) });
    return this.#duck;
  }
}

/** Heads as they were written: whose a batch is stands in them alone. */
function readWhole(file: string, { headsSha256 }: Part): PartHeads | BadDatabase {
  try {
    const bytes = fs.readFileSync(file);
    if (sha256Of(bytes) !== headsSha256) return new BadDatabase(`${file} is damaged: it is not what was written`);
    return readHeads(bytes, file);
  } catch (error) {
    return error instanceof BadDatabase
      ? error
      : new BadDatabase(`${file} cannot be read: ${(error as Error).message}`);
  }
}

function keep<K, T>(kept: Map<K, T>, key: K, value: T, max: number): void {
  kept.set(key, value);
  if (kept.size > max) kept.delete(kept.keys().next().value!);
}
