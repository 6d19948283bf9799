/** What is worked out for a stretch of records before they are folded: who sent each, and which cells it belongs to. */
import * as classes from '../../common/record/classify.ts';
import { ICMP, ICMPV6 } from '../../common/record/protocol.ts';
import type { Records } from '../../common/record/record.ts';
import { COLUMNS, stretchMax } from './columns.ts';
import * as days from './day.ts';
import * as flowing from './flows.ts';
import type { HashKey } from './hash.ts';
import * as hashing from './hash.ts';

// Constants of this module and not imports, for its loops: common/DESIGN.md, "Loops over packets".
const { BACKSCATTER, classify, isNmapCandidate, NMAP } = classes;
const { BACKSCATTER_SIDE, SCANNING_SIDE, TARGET_BITS } = days;
const { flowKey } = flowing;
const { high6, IPV4_HIGH, low4, low6 } = hashing;
const { high, id, key, low, name } = COLUMNS;

/** Records `from` to `from + count` of a block; entry `i` of each column is about record `from + i`. */
export class Stretch {
  from = 0;
  count = 0;

  /** Takes the next records of the block, without their sources. */
  take(records: Records, from: number): void {
    this.from = from;
    this.count = Math.min(stretchMax, records.count - from);
    nameRecords(records, this);
  }

  takeSources(records: Records, hashKey: HashKey): void {
    keySources(records, hashKey, this);
  }
}

/** By protocol: the bits of a target that have a message's type; and those that have its code, or a port. A sensor may send more. */
const TYPE_BITS = new Uint16Array(256);
const NUMBER_BITS = new Uint16Array(256).fill(0xffff);
for (const protocol of [ICMP, ICMPV6]) {
  TYPE_BITS[protocol] = 0xff00;
  NUMBER_BITS[protocol] = 0xff;
}

function nameRecords(records: Records, { from, count }: Stretch): void {
  const { protocol, srcPort, dstPort, flags, window, tool } = records;
  for (let i = 0; i < count; i++) {
    const r = from + i;
    const number = protocol[r]!;
    const first = srcPort[r]!;
    const packetClass = classify(number, flags[r]!, first);
    const side = packetClass === BACKSCATTER ? BACKSCATTER_SIDE : SCANNING_SIDE;
    const nmap = isNmapCandidate(number, flags[r]!, window[r]!, tool[r]!) ? NMAP : 0;
    const target = (number << 16) | ((first << 8) & TYPE_BITS[number]!) | (dstPort[r]! & NUMBER_BITS[number]!);
    key[i] = flowKey(target, packetClass, tool[r]! | nmap);
    name[i] = target | (side << TARGET_BITS);
  }
}

function keySources({ family, src }: Records, hashKey: HashKey, { from, count }: Stretch): void {
  if (family === 4) {
    for (let i = 0; i < count; i++) id[i] = src[from + i]!;
    for (let i = 0; i < count; i++) low[i] = low4(hashKey, id[i]!);
    high.fill(IPV4_HIGH, 0, count);
    return;
  }
  for (let i = 0; i < count; i++) {
    const w = 4 * (from + i);
    low[i] = low6(hashKey, src[w]!, src[w + 1]!, src[w + 2]!, src[w + 3]!);
    high[i] = high6(hashKey, src[w]!, src[w + 1]!, src[w + 2]!, src[w + 3]!);
    id[i] = low[i]!;
  }
}
