/** Moves packets in time, in place. Hours and microseconds apart: together they are beyond the integers of a double. */

import { NO_HOUR, type Packets } from '../../common/packet/packets.ts';
import { HOUR_MICROS } from '../../common/time.ts';
import type { Moment } from './place.ts';

/** Hours from 1970 to the end of the year 9999. */
const HOURS_MAX = 70_389_528;

export function momentOf(ms: number): Moment {
  const hour = Math.floor(ms / 3_600_000);
  return { hour, micros: Math.floor((ms - hour * 3_600_000) * 1000) };
}

/** What must be added to `from` for `to`. */
export function shiftBetween(from: Moment, to: Moment): Moment {
  const micros = to.micros - from.micros;
  const borrow = micros < 0 ? 1 : 0;
  return { hour: to.hour - from.hour - borrow, micros: micros + borrow * HOUR_MICROS };
}

/** Microseconds from one moment to another. */
export const microsBetween = (from: Moment, to: Moment): number =>
  (to.hour - from.hour) * HOUR_MICROS + to.micros - from.micros;

export const timeOf = (packets: Packets, n: number): Moment => ({ hour: packets.hour[n]!, micros: packets.time[n]! });

/** The first packet at `from` or after that has a time; `packets.count` if none has. */
export function firstTimed(packets: Packets, from: number): number {
  let n = from;
  while (n < packets.count && packets.hour[n] === NO_HOUR) n++;
  return n;
}

/** Adds `shift` to packets `from` and after; one that leaves the years 1970 to 9999 loses its time. */
export function shiftPackets(packets: Packets, from: number, shift: Moment): void {
  const { hour, time, count } = packets;
  for (let n = from; n < count; n++) {
    if (hour[n] === NO_HOUR) continue;
    const micros = time[n]! + shift.micros;
    const carry = micros >= HOUR_MICROS ? 1 : 0;
    const moved = hour[n]! + shift.hour + carry;
    const usable = moved >= 0 && moved < HOURS_MAX;
    hour[n] = usable ? moved : NO_HOUR;
    time[n] = usable ? micros - carry * HOUR_MICROS : 0;
  }
}

/** Sets packets `from` to `to` (not included) to one moment, those without a time too. */
export function stampPackets(packets: Packets, from: number, to: number, { hour, micros }: Moment): void {
  packets.hour.fill(hour, from, to);
  packets.time.fill(micros, from, to);
}
