/**
 * Sources parted among several decoders that are handed the same packets: each decodes those of its own sources. Parting the
 * packets instead would make every source known to every decoder's tables, which takes longer than reading its header twice.
 */
import { mix } from '../record/mix.ts';

export interface Share {
  readonly index: number;
  /** How many shares there are. */
  readonly of: number;
}

/** The share of an IPv4 source, from 0. */
export const share4 = (address: number, of: number): number => Math.floor(((mix(address) >>> 0) * of) / 2 ** 32);

/** The share of an IPv6 source, by the four words of its address. */
export const share6 = (w0: number, w1: number, w2: number, w3: number, of: number): number =>
  share4(mix(mix(mix(w0) ^ w1) ^ w2) ^ w3, of);
