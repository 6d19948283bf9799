/**
 * Addresses of sensors, which nothing that is told to others may name. Whoever sends a packet may write any source in it, that
 * of the place it goes to above all (a LAND packet): an observed address comes as a source too.
 */
import { type Observed, observe, observes4, observes6 } from '../../common/packet/observed.ts';
import { parsePrefix } from '../../common/record/address.ts';
import type { Placement } from './registry.ts';

/** Whether an address is in a network that any sensor observes, or observed before. */
export interface ObservedTest {
  has4(address: number): boolean;
  /** Of an IPv4 address in IPv6 form (`::ffff:0:0/96`) the same as of that. */
  has6(w0: number, w1: number, w2: number, w3: number): boolean;
  /** Throws `RangeError` for what is no address. */
  hasText(address: string): boolean;
}

const MAPPED = 0xffff;

/** Of all placements there ever were, also those of sensors that are revoked. */
export function observedBy(placements: readonly Pick<Placement, 'networks'>[]): ObservedTest {
  const prefixes = [...new Set(placements.flatMap(({ networks }) => networks))].map(parsePrefix);
  const observed: Observed | undefined = observe(prefixes); // undefined without any, which is nothing here
  const has4 = (address: number) => observed !== undefined && observes4(observed, address);
  const has6 = (w0: number, w1: number, w2: number, w3: number) =>
    (observed !== undefined && observes6(observed, w0, w1, w2, w3)) ||
    (w0 === 0 && w1 === 0 && w2 === MAPPED && has4(w3));
  const hasText = (address: string) => {
    const [w0, w1, w2, w3] = parsePrefix(address).words;
    return w1 === undefined ? has4(w0!) : has6(w0!, w1, w2!, w3!);
  };
  return { has4, has6, hasText };
}
