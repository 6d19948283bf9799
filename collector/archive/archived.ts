/** What the archive says to a reader of the log: its parts as batches, in the order of the log. */
import fs from 'node:fs';
import path from 'node:path';
import { BadDatabase } from '../../common/sqlite/open.ts';
import type { LoggedBatch } from '../log/entry.ts';
import type { PastAnswer, PastDamage, PastFacts, PastQuestion } from '../log/past.ts';
import type { Duck } from './duck.ts';
import { type BatchHead, readHeads } from './heads.ts';
import { headsFile, recordsFile } from './layout.ts';
import { Manifest, type Part } from './manifest.ts';
import type { PartBatches } from './rebuild.ts';

/** Parts in memory at once, the last that were asked for: batches of several days lie mixed in the log. */
const partsMax = 3;
const headsMax = 16;

export class ArchivedPast {
  readonly #dir: string;
  #manifest: Manifest | undefined;
  #duck: Duck | undefined;
  /** By part, the one that was read longest ago first. */
  readonly #parts = new Map<number, PartBatches | BadDatabase>();
  readonly #heads = new Map<number, readonly BatchHead[]>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  facts(): PastFacts {
    if (!Manifest.isThere(this.#dir)) return { geo: [], expired: [] };
    return { geo: this.#opened().geo(), expired: this.#opened().expiredDays() };
  }

  /** Throws `BadDatabase`. A part that cannot be read is damage of its batches. */
  async batches({ from, upTo, day, max, headsOnly = false }: PastQuestion): Promise<PastAnswer> {
    const manifest = this.#whole(from, upTo);
    // Positions are given one after the other, so that so many batches are within so many of them; a day's lie further apart.
    const end = day === undefined ? Math.min(upTo, from + max.batches - 1) : upTo;
    const parts = manifest
      .partsWithin(from, end)
      .filter(part => (day === undefined || part.day === day) && (headsOnly || part.expiredMs === null));
    const batches: LoggedBatch[] = [];
    const damage: PastDamage[] = [];
    let bytes = 0;
    let next = end + 1;
    for (const [head, part, index] of this.#inOrder(parts, from, end)) {
      if (batches.length > 0 && (batches.length === max.batches || bytes >= max.bytes)) {
        next = head.position;
        break;
      }
      const batch = headsOnly ? head : await this.#batch(part, index);
      if (batch instanceof BadDatabase) damage.push({ position: head.position, message: batch.message });
      else batches.push(batch);
      bytes += head.bytes.length + (batch instanceof BadDatabase ? 0 : batch.bytes.length);
    }
    const logged = manifest.damaged(from, next - 1, day);
    const damaged = [...damage, ...logged.map(({ position, message }) => ({ position, message }))];
    return { batches, damaged: damaged.sort((a, b) => a.position - b.position), next };
  }

  /** Heads of these parts between two positions, ascending. Parts of one day do not overlap: few are looked into at once. */
  *#inOrder(parts: readonly Part[], from: number, upTo: number): Generator<[BatchHead, Part, number]> {
    const open: { part: Part; heads: readonly BatchHead[]; at: number }[] = [];
    const waiting = [...parts];
    for (;;) {
      const lowest = open.reduce((low, { heads, at }) => Math.min(low, heads[at]!.position), Number.POSITIVE_INFINITY);
      if (waiting.length > 0 && waiting[0]!.first <= lowest) {
        const part = waiting.shift()!;
        const heads = this.#headsOf(part);
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

  /** Lets go of what is in memory, until it is asked again. */
  rest(): void {
    this.#parts.clear();
    this.#heads.clear();
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

  #headsOf(part: Part): readonly BatchHead[] {
    const known = this.#heads.get(part.part);
    if (known !== undefined) return known;
    const file = path.join(this.#dir, headsFile(part.day, part.part));
    const heads = readHeads(readFile(file), file);
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
    // Only now: DuckDB is 70 MB, and most collectors look back seldom.
    const { openDuck, ownSpillOf } = await import('./duck.ts');
    const { PartBatches } = await import('./rebuild.ts');
    this.#duck ??= await openDuck({ directories: [this.#dir], spill: ownSpillOf(this.#dir) });
    try {
      const file = path.join(this.#dir, recordsFile(part.day, part.part));
      return await PartBatches.read(this.#duck.connection, file, this.#headsOf(part));
    } catch (error) {
      if (error instanceof BadDatabase) return error;
      throw error;
    }
  }
}

function readFile(file: string): Uint8Array {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    throw new BadDatabase(`${file} cannot be read: ${(error as Error).message}`);
  }
}

function keep<T>(kept: Map<number, T>, key: number, value: T, max: number): void {
  kept.set(key, value);
  if (kept.size > max) kept.delete(kept.keys().next().value!);
}
