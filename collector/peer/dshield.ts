/**
 * DShield's format (SANS Internet Storm Center), as its own sensor writes and sends it: github.com/DShield-ISC/dshield,
 * srv/dshield/fwlogparser.py (the logs) and srv/dshield/DShield.py (how they are sent). A packet is
 *
 *     {"time": seconds since 1970, "sip": address, "dip": address, "proto": IANA number,
 *      "sport": text, "dport": text, "flags": text, "version": 4 or 6}
 *
 * in {"type": "firewall", "logs": [...]}. Ports are text, as there, and of ICMP the type and the code; flags are letters in the
 * order 1 (CWR), 2 (ECE), U, A, P, R, S, F, and empty but for TCP. Protocols are the seven that it sends.
 *
 * `dip` would give the sensor away. The format has the field, and its own sensor may mask it (anonymizeip4); here nothing is left of
 * it: 0.0.0.0 or ::, for every packet, and there is no way to say more. A packet whose source is an address that a sensor
 * observes (whoever sent it wrote it there) is left out, and so is backscatter, whose sources are victims.
 */
import { formatAddress4, formatAddress6 } from '../../common/record/address.ts';
import { BACKSCATTER, classify } from '../../common/record/classify.ts';
import { AH, ESP, ICMP, ICMPV6, TCP, UDP } from '../../common/record/protocol.ts';
import type { Records } from '../../common/record/record.ts';
import { HOUR_MS } from '../../common/time.ts';
import type { ObservedTest } from '../registry/observed.ts';

export interface DshieldLog {
  readonly time: number;
  readonly sip: string;
  readonly dip: string;
  readonly proto: number;
  readonly sport: string;
  readonly dport: string;
  readonly flags: string;
  readonly version: 4 | 6;
}

/** Packets that are not told, by why. */
export interface NotTold {
  backscatter: number;
  /** A protocol that DShield's own sensor does not send. */
  protocol: number;
  /** Their source is an address that a sensor observes. */
  observed: number;
  /** Batches that are damaged in the log. */
  damaged: number;
}

export const nothingLeftOut = (): NotTold => ({ backscatter: 0, protocol: 0, observed: 0, damaged: 0 });

const IGMP = 2;
const PROTOCOLS = new Set([ICMP, IGMP, TCP, UDP, ESP, AH, ICMPV6]);
const NOWHERE = { 4: '0.0.0.0', 6: '::' } as const;
/** Bit of the flags, and its letter, in the order that they are written. */
const FLAGS = [
  [0x80, '1'],
  [0x40, '2'],
  [0x20, 'U'],
  [0x10, 'A'],
  [0x08, 'P'],
  [0x04, 'R'],
  [0x02, 'S'],
  [0x01, 'F'],
] as const;
const FLAG_TEXTS = Array.from({ length: 256 }, (_, flags) =>
  FLAGS.map(([bit, letter]) => (flags & bit ? letter : '')).join(''),
);

/** A block of records, in its order. What is not told is counted. */
export function dshieldLogs(records: Records, observed: ObservedTest, notTold: NotTold): DshieldLog[] {
  const { family, src, srcPort, dstPort, protocol, flags, time } = records;
  const hourSeconds = (records.hour * HOUR_MS) / 1000;
  const logs: DshieldLog[] = [];
  for (let i = 0; i < records.count; i++) {
    const proto = protocol[i]!;
    if (classify(proto, flags[i]!, srcPort[i]!) === BACKSCATTER) notTold.backscatter++;
    else if (!PROTOCOLS.has(proto)) notTold.protocol++;
    else if (family === 4 ? observed.has4(src[i]!) : observed.has6(...wordsOf(src, i))) notTold.observed++;
    else
      logs.push({
        time: hourSeconds + Math.floor(time[i]! / 1e6),
        sip: family === 4 ? formatAddress4(src[i]!) : formatAddress6(...wordsOf(src, i)),
        dip: NOWHERE[family],
        proto,
        sport: String(srcPort[i]!),
        dport: String(dstPort[i]!),
        flags: proto === TCP ? FLAG_TEXTS[flags[i]!]! : '',
        version: family,
      });
  }
  return logs;
}

const wordsOf = (src: Uint32Array, i: number): [number, number, number, number] => [
  src[4 * i]!,
  src[4 * i + 1]!,
  src[4 * i + 2]!,
  src[4 * i + 3]!,
];

/** The document in pieces, a log a line. */
export function* dshieldChunks(blocks: Iterable<readonly DshieldLog[]>): Generator<string> {
  yield '{"type":"firewall","logs":[';
  let before = '\n';
  for (const logs of blocks) {
    if (logs.length === 0) continue;
    yield `${before}${logs.map(log => JSON.stringify(log)).join(',\n')}`;
    before = ',\n';
  }
  yield '\n]}\n';
}
