/** Proxies before the collector: whom it believes in saying who asks. */
import { parsePrefix } from '../../common/record/address.ts';

/** A proxy has an address, or is one of a few: whoever believes all of the world believes every reader. */
const lengthMin = { 4: 8, 6: 16 } as const;

/** Whether it is an address or a prefix that is narrow enough. */
export function isTrustable(text: string): boolean {
  try {
    const { family, length } = parsePrefix(text);
    return length >= lengthMin[family];
  } catch {
    return false;
  }
}
