/**
 * What walking a capture finds, as columns: where each packet's captured bytes lie in the chunk and when it was captured.
 * Allocated once and filled again for every chunk.
 */

/** `hour` of a packet without a usable time. */
export const NO_HOUR = 0xffffffff;
/** Hours from 1970 to the end of the year 9999. */
const HOURS_MAX = 70_389_528;

export interface Packets {
  readonly capacity: number;
  count: number;
  /** Link type (LINKTYPE_ number). */
  readonly linkType: Uint16Array;
  /** Start and length of the captured bytes, in the chunk. */
  readonly offset: Uint32Array;
  readonly captured: Uint32Array;
  /** Hours since 1970 in UTC, and microseconds since that hour began. */
  readonly hour: Uint32Array;
  readonly time: Uint32Array;
}

export function createPackets(capacity: number): Packets {
  const column = () => new Uint32Array(capacity);
  const linkType = new Uint16Array(capacity);
  return { capacity, count: 0, linkType, offset: column(), captured: column(), hour: column(), time: column() };
}

/** Sets the time of packet `n` from seconds since 1970 and microseconds below one second. */
export function setTime(packets: Packets, n: number, seconds: number, micros: number): void {
  const hour = Math.floor(seconds / 3600);
  const usable = hour >= 0 && hour < HOURS_MAX;
  packets.hour[n] = usable ? hour : NO_HOUR;
  packets.time[n] = usable ? (seconds - hour * 3600) * 1e6 + micros : 0;
}
