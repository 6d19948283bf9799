/** Makes what is kept of a closed day beside the folding thread: of a day of 100 sensors that takes many seconds. */
import type { SqliteDatabase } from '../../common/sqlite/open.ts';
import { Aside } from './aside.ts';
import type { ClosedDay } from './closed-day.ts';

export interface ClosingWork {
  readonly day: number;
  readonly sourcesMax: number;
}

/** Compressed segments of which a day is made in half a second. */
const bytesMinDefault = 4 * 2 ** 20;

export class Closer extends Aside<ClosingWork, ClosedDay> {
  readonly #bytesMin: number;

  constructor({ bytesMin = bytesMinDefault } = {}) {
    super(new URL('./closer-thread.ts', import.meta.url));
    this.#bytesMin = bytesMin;
  }

  /** Whether the day is so large that it is worth a thread. */
  isFor(database: SqliteDatabase, day: number): boolean {
    const bytes = database.prepare('SELECT coalesce(sum(length(bytes)), 0) FROM segments WHERE day = ?').pluck();
    return (bytes.get(day) as number) >= this.#bytesMin;
  }
}
