/** Whether somebody should look at this sensor, and why. */
import { failureText } from '../capture/place.ts';
import type { Damaged, Finished } from '../spool/finished.ts';
import { type Account, imbalance } from './account.ts';

/** A batch that waits longer than this: the collector is away, or too slow. */
export const waitingMsMax = 10 * 60_000;
/** Losses older than this are history. */
export const lossMsMax = 24 * 3600_000;

/** What is known of a sensor's runs. */
export interface Runs extends Finished {
  /** One holds the state now. */
  readonly running: boolean;
}

/** Reasons, in words; none if it is healthy. */
export function troubles(account: Account, runs: Runs, nowMs: number): string[] {
  const ageMs = (moment: string | null) => (moment === null ? Number.POSITIVE_INFINITY : nowMs - Date.parse(moment));
  const found = [...idle(account, runs), ...account.alarms];
  const { seen, recorded } = imbalance(account);
  if (seen !== 0 || recorded !== 0) found.push(`the account does not balance: by ${seen} seen, ${recorded} recorded`);
  const waits = account.oldestUnshipped !== null && ageMs(account.oldestUnshipped) > waitingMsMax;
  if (waits && ageMs(account.lastAcknowledgement) > waitingMsMax)
    found.push('batches wait, and the collector acknowledged none for 10 minutes');
  if (account.lostAt !== null && ageMs(account.lostAt) < lossMsMax)
    found.push('packets were lost within the last 24 hours');
  return found;
}

/** One that has read its captures and sent them has nothing left to do. */
function idle({ spooled: { batches } }: Account, { running, finished, damaged }: Runs): string[] {
  if (running) return [];
  if (!finished) return ['it does not run: nothing is recorded or sent (enaga-sensor run starts it)'];
  const waits =
    batches === 0 ? [] : ['it does not run, and batches wait that nobody sends (enaga-sensor run sends them)'];
  return [...waits, ...damages(damaged)];
}

/** In the words of the run itself. */
function damages({ captures, first }: Damaged): string[] {
  const named = first.map(failureText);
  if (captures === named.length) return named;
  return [
    ...named,
    `captures of the last run that are damaged or cannot be read: ${captures}; the first are named here`,
  ];
}
