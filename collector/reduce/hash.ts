/**
 * Source addresses as keys: 64 bits, keyed, the same on every machine. An IPv4 address maps one to one, so that equal keys are
 * equal addresses; an IPv6 address maps to 63 bits, of which two among a set of 4,096 agree once in 10^12 sets.
 *
 * The key is part of the reducer's configuration and not of the code: a sender who knew it could choose addresses that fall
 * into one register of a sketch, into one chain of a table or into the sample of sources.
 */

import * as mixing from '../../common/record/mix.ts';

// A constant of this module and not an import, for its loops: common/DESIGN.md, "Loops over packets".
const { mix } = mixing;

/** Two words, the same for all states that are to be merged. */
export interface HashKey {
  readonly low: number;
  readonly high: number;
}

/** For replay, where numbers must repeat and the traffic is in a file already. */
export const REPLAY_KEY: HashKey = { low: 0x5e4a6a01, high: 0x2f0c9d27 };

/** The high word of every IPv4 key; IPv6 keys have a negative one, so that no key is 0. */
export const IPV4_HIGH = 1;
export const low4 = (key: HashKey, address: number): number => mix(mix(address ^ key.low) ^ key.high);

export function low6(key: HashKey, w0: number, w1: number, w2: number, w3: number): number {
  return mix(mix(mix(mix(mix(w0 ^ key.low) ^ w1) ^ w2) ^ w3) ^ key.high);
}

export function high6(key: HashKey, w0: number, w1: number, w2: number, w3: number): number {
  return mix(mix(mix(mix(mix(w3 ^ key.high) + w2) + w1) + w0) ^ key.low) | 0x80000000;
}

/** Where a pair of words lies in a hash table. */
export const mixPair = (a: number, b: number): number => {
  let h = Math.imul(a, 0x9e3779b1) ^ b;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
};
