/** The log's day files in their order, opened for reading as needed. */

import fs from 'node:fs';
import path from 'node:path';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { DAY_MS } from '../../common/time.ts';
import { DayFile } from './day-file.ts';

const NAME = /^\d{4}-\d\d-\d\d\.db$/;
/** Files kept open at once: a reader is at one or two of them, and walks over all now and then. */
const openMax = 8;

/** `2026-03-02.db` of a time in milliseconds since 1970. */
export const dayFileName = (ms: number): string =>
  `${new Date(Math.floor(ms / DAY_MS) * DAY_MS).toISOString().slice(0, 'YYYY-MM-DD'.length)}.db`;

/** Names ascending, and so by position, of the files there are now. */
export const dayFileNames = (dir: string): string[] =>
  fs
    .readdirSync(dir)
    .filter(name => NAME.test(name))
    .sort();

export class DayFiles {
  readonly #dir: string;
  /** By name, the least recently used first. */
  readonly #open = new Map<string, DayFile>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** What is there no more is let go of: as long as it is open it takes its room on the disk. */
  names(): string[] {
    const names = dayFileNames(this.#dir);
    for (const [name, file] of this.#open) {
      if (names.includes(name)) continue;
      this.#open.delete(name);
      file.close();
    }
    return names;
  }

  /** Whether what was thrown is of a file that went since `names` were read. */
  wentMeanwhile(names: readonly string[], error: unknown): boolean {
    const { code = '' } = error as { code?: string };
    return code.startsWith('SQLITE_CANTOPEN') && dayFileNames(this.#dir)[0] !== names[0];
  }

  /** Throws `BadDatabase`. The file is good until the next call. */
  open(name: string): DayFile {
    const file = this.#open.get(name) ?? DayFile.open(path.join(this.#dir, name), { readonly: true });
    this.#open.delete(name);
    this.#open.set(name, file);
    if (this.#open.size > openMax) {
      const [oldest, unused] = this.#open.entries().next().value!;
      this.#open.delete(oldest);
      unused.close();
    }
    return file;
  }

  /** The last position there is, 0 if there is none. */
  head(): number {
    const newest = this.names().at(-1);
    return newest === undefined ? 0 : this.open(newest).last();
  }

  /** Of the batch at this position; undefined if there is none, or another kind of entry. */
  sha256At(position: number): Uint8Array | undefined {
    const names = this.names();
    if (names.length === 0 || position < 1) return undefined;
    return this.open(names[this.find(names, position)]!).sha256At(position);
  }

  /**
   * Index of the file that has the position or will have it, -1 if there is no file. Looks into few of the files, which may
   * be thousands. Throws `BadDatabase` if the position is of a file that is gone.
   */
  find(names: readonly string[], position: number): number {
    let low = 0;
    let high = names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.open(names[middle]!).first <= position) low = middle + 1;
      else high = middle;
    }
    if (low === 0 && names.length > 0)
      throw new BadDatabase(`${this.#dir} begins at position ${this.open(names[0]!).first}: ${position} is gone`);
    return low - 1;
  }

  close(): void {
    for (const file of this.#open.values()) file.close();
    this.#open.clear();
  }
}
