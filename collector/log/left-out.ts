/**
 * What the ledger does without. A ledger that was damaged or lost is made anew of the log, and of a batch whose head cannot be
 * read then nobody knows the key: to the ledger it was never there. That is right, for its sensor is asked for it again, but
 * it is not to happen without a word: an acknowledged batch may be lost by it. So the ledger keeps where it was (ledger.ts,
 * `left_out`), and `enaga serve` says it whenever it starts: who was not told the first time is told the next, also when the
 * collector was killed while the ledger was being made.
 */

/**
 * Of a `batch` nothing is in the ledger. Of `losses` the batch is, its row being sound; what its sensor told in it as lost is
 * not, its bytes being no batch.
 */
export type LeftOutKind = 'batch' | 'losses';

/** As place of batches whose day files are gone. A day file's place is its name. */
export const ARCHIVE = 'the archive';

/** Neighbours, both included. */
export interface LeftOutRange {
  readonly place: string;
  readonly from: number;
  readonly to: number;
}

export interface LeftOut {
  /** All of them. */
  readonly batches: number;
  /** Of the first of them, by position: `rangesMax` at the most. */
  readonly ranges: readonly LeftOutRange[];
}

/** Enough to see whether it is one file, or the disk. */
export const rangesMax = 10;

/** What became of the ledger when the log was opened. */
export interface Reconciled {
  /**
   * Why it was made anew: its file was not there, though the log has entries, was no sound database, or did not agree with the
   * log. Undefined if it was not.
   */
  readonly madeAnew: 'missing' | 'damaged' | 'disagreed' | undefined;
  /** Positions that it knew behind the log's last, both included: the log lost them. */
  readonly gone: { readonly from: number; readonly to: number } | undefined;
  /** Of all its time, not of this start alone. */
  readonly leftOut: Readonly<Record<LeftOutKind, LeftOut>>;
}

export interface Warning {
  readonly facts: object;
  readonly text: string;
}

const MADE_ANEW: Readonly<Record<NonNullable<Reconciled['madeAnew']>, string>> = {
  missing: 'the ledger was not there: it was made anew from the log',
  damaged: 'the ledger was damaged, and is ledger.db.damaged now: it was made anew from the log',
  disagreed: 'the ledger did not agree with the log: it was made anew from it',
};

/** For whoever runs the collector: one for each thing that is to be told, none if all is well. */
export function ledgerWarnings({ madeAnew, gone, leftOut: { batch, losses } }: Reconciled): Warning[] {
  const found: Warning[] = [];
  if (madeAnew !== undefined) found.push({ facts: {}, text: MADE_ANEW[madeAnew] });
  if (gone !== undefined)
    found.push({
      facts: { batches: gone.to - gone.from + 1, ...gone },
      text: 'the log lacks entries that the ledger knew: sensors are asked for them again, and what they have no more is lost',
    });
  if (batch.batches > 0)
    found.push({
      facts: batch,
      text:
        'batches of the log are damaged, and the ledger does without them: sensors are asked for them again, and what they ' +
        'have no more is lost. Look at the disk',
    });
  if (losses.batches > 0)
    found.push({
      facts: losses,
      text:
        'heads of batches of the log cannot be read: what sensors told in them as lost is not known, and they are asked for ' +
        'it again. Look at the disk',
    });
  return found;
}
