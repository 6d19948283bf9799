/** Parts on their way into the manifest, in their order: a day's position is beyond a part only when all before it are there. */
import type { DamagedRow, Manifest, Part } from './manifest.ts';

export interface Pending {
  readonly day: number;
  /** Undefined if all batches were damaged. */
  readonly part: Promise<Part> | undefined;
  readonly damaged: readonly DamagedRow[];
  /** The day's position with it. */
  readonly reached: number;
  /** Of the disk, that it may take until it is written. */
  readonly room: number;
}

export class Commits {
  readonly parts: Part[] = [];
  readonly damaged: DamagedRow[] = [];
  readonly #manifest: Manifest;
  readonly #onPart: ((part: Part) => void) | undefined;
  #pending: Pending[] = [];

  constructor(manifest: Manifest, onPart?: (part: Part) => void) {
    this.#manifest = manifest;
    this.#onPart = onPart;
  }

  get waiting(): number {
    return this.#pending.length;
  }

  /** That those which wait may take. */
  get room(): number {
    return this.#pending.reduce((sum, { room }) => sum + room, 0);
  }

  add(next: Pending): void {
    next.part?.catch(() => {}); // whether it is waited for or not
    this.#pending.push(next);
  }

  /** The next, when it is written. If it cannot be, those behind it are given up: throws why. */
  async one(): Promise<void> {
    const { day, part: written, damaged, reached } = this.#pending.shift()!;
    try {
      const part = await written;
      this.#manifest.add(day, part, damaged, reached);
      this.damaged.push(...damaged);
      if (part === undefined) return;
      this.parts.push(part);
      this.#onPart?.(part);
    } catch (error) {
      this.#pending = [];
      throw error;
    }
  }

  async all(): Promise<void> {
    while (this.#pending.length > 0) await this.one();
  }
}
