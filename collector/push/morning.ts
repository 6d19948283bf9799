/** When days are looked through: pure. */
import { DAY_MS, MINUTE_MS } from '../../common/time.ts';

/** `HH:MM` -> minutes after midnight, UTC. */
export function minutesOf(at: string): number {
  const [hours, minutes] = at.split(':').map(Number);
  return 60 * hours! + minutes!;
}

/** Whether the morning of today (or, after a stand-still, of an earlier day) has come and was not heeded yet. */
export const isMorning = (nowMs: number, atMinutes: number, queuedDay: number): boolean =>
  Math.floor((nowMs - atMinutes * MINUTE_MS) / DAY_MS) > queuedDay;

/** The day whose morning it is. */
export const morningOf = (nowMs: number, atMinutes: number): number =>
  Math.floor((nowMs - atMinutes * MINUTE_MS) / DAY_MS);
