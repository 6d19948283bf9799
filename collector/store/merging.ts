/** Merges segments of a day beside the folding thread: of a day of ten million packets that takes seconds. */
import { Aside } from './aside.ts';
import type { FullTier } from './segments.ts';

export interface MergingWork {
  readonly tier: FullTier;
  readonly sourcesMax: number;
}

/** Compressed segments that take half a second to merge. */
const bytesMinDefault = 8 * 2 ** 20;

export class Merging extends Aside<MergingWork, Uint8Array> {
  readonly #bytesMin: number;

  constructor({ bytesMin = bytesMinDefault } = {}) {
    super(new URL('./merging-thread.ts', import.meta.url));
    this.#bytesMin = bytesMin;
  }

  /** Whether these are so large that they are worth a thread. */
  isFor(tier: FullTier): boolean {
    return tier.bytes >= this.#bytesMin;
  }
}
