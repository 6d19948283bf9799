/** Stretches of plain and odd packets in turns: what was written into the frames must come out, in order and counted. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Decoder } from '../../common/packet/decoder.ts';
import { createPackets } from '../../common/packet/packets.ts';
import { SKIP_REASONS, type SkipReason } from '../../common/packet/skip.ts';
import { parsePrefix } from '../../common/record/address.ts';
import type { Records } from '../../common/record/record.ts';
import * as w from '../support/capture-writer.ts';
import { seeded } from '../support/records.ts';

const { ACK, LINK, SYN, ethernet, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ipv4, ipv6, tcp, udp } = w;
const HOUR = 492_300;
const OBSERVED = ['192.0.2.0/24', '2001:db8::/32'];

/** The fields of a record that a frame says; its number among the frames is its time. */
interface Fields {
  family: 4 | 6;
  src: number[];
  dst: number[];
  protocol: number;
  srcPort: number;
  dstPort: number;
  length: number;
  ttl: number;
  flags: number;
  window: number;
  seqFold: number;
  tool: number;
}
type Outcome = Fields | SkipReason;
interface Frame {
  bytes: Uint8Array;
  outcome: Outcome;
}

/** The `n`-th frame of a kind, to an observed destination or to another. */
type Kind = (n: number, isObserved: boolean) => Frame;

const addresses4 = (n: number, isObserved: boolean) => ({
  src: `1.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
  dst: isObserved ? `192.0.2.${n & 255}` : `192.0.3.${n & 255}`,
});
const addresses6 = (n: number, isObserved: boolean) => ({
  src: `2a00::${n.toString(16)}`,
  dst: isObserved ? `2001:db8::${n.toString(16)}` : `2001:db9::${n.toString(16)}`,
});
const NOT_TCP = { flags: 0, window: 0, seqFold: 0, tool: 0 };

const plain4 = (n: number, isObserved: boolean, rest: Omit<Fields, 'family' | 'src' | 'dst'>): Outcome => {
  const { src, dst } = addresses4(n, isObserved);
  return isObserved ? { family: 4, src: [w.number4(src)], dst: [w.number4(dst)], ...rest } : 'not-observed';
};
const frame4 = (packet: Uint8Array, outcome: Outcome): Frame => ({ bytes: ethernet(ETHERTYPE_IPV4, packet), outcome });
const frame6 = (packet: Uint8Array, outcome: Outcome): Frame => ({ bytes: ethernet(ETHERTYPE_IPV6, packet), outcome });

/** Mirai's mark where the number is odd, ZMap's where it is a multiple of 4: their rules are that plain. */
const syn: Kind = (n, isObserved) => {
  const { dst, ...rest } = addresses4(n, isObserved);
  const seq = n & 1 ? w.number4(dst) : 0x0001_0004;
  const payload = tcp({ srcPort: n & 0xffff, dstPort: 23, seq, window: 1000 + (n & 255) });
  const packet = ipv4({ ...rest, dst, id: n % 4 === 0 ? 54321 : 0, ttl: n & 255, payload });
  const high = Math.floor(seq / 65536);
  const fields = { protocol: 6, srcPort: n & 0xffff, dstPort: 23, length: 40, ttl: n & 255, flags: SYN };
  const tool = n & 1 ? 1 : n % 4 === 0 ? 2 : 0;
  const outcome = { ...fields, window: 1000 + (n & 255), seqFold: high ^ (seq % 65536), tool };
  return frame4(packet, plain4(n, isObserved, outcome));
};
const datagram: Kind = (n, isObserved) => {
  const payload = udp({ srcPort: 53, dstPort: n & 0xffff, data: w.zeros(n % 9) });
  const packet = ipv4({ ...addresses4(n, isObserved), options: w.u8(7, 4, 4, 0), ttl: 7, payload });
  const fields = { protocol: 17, srcPort: 53, dstPort: n & 0xffff, length: 32 + (n % 9), ttl: 7, ...NOT_TCP };
  return frame4(packet, plain4(n, isObserved, fields));
};
const echo: Kind = (n, isObserved) => {
  const packet = ipv4({ ...addresses4(n, isObserved), ttl: 9, payload: w.icmp({ type: 3, code: n % 16 }) });
  const fields = { protocol: 1, srcPort: 3, dstPort: n % 16, length: 28, ttl: 9, ...NOT_TCP };
  return frame4(packet, plain4(n, isObserved, fields));
};
/** A protocol of which nothing is asked beyond the IP header. */
const gre: Kind = (n, isObserved) => {
  const packet = ipv4({ ...addresses4(n, isObserved), ttl: 1, payload: w.raw(47, w.u8(1, 2, 3, 4)) });
  const fields = { protocol: 47, srcPort: 0, dstPort: 0, length: 24, ttl: 1, ...NOT_TCP };
  return frame4(packet, plain4(n, isObserved, fields));
};
const words6 = (address: string): number[] => {
  const view = new DataView(w.address6(address).buffer);
  return [0, 4, 8, 12].map(at => view.getUint32(at));
};
const six: Kind = (n, isObserved) => {
  const { src, dst } = addresses6(n, isObserved);
  const payload = tcp({ srcPort: 99, dstPort: n & 0xffff, seq: 0x0003_0005, flags: SYN | ACK, window: n & 0xffff });
  const ip = { family: 6, src: words6(src), dst: words6(dst), protocol: 6, length: 60, ttl: 33 } as const;
  const fields = { srcPort: 99, dstPort: n & 0xffff, flags: SYN | ACK, window: n & 0xffff, seqFold: 6, tool: 0 };
  return frame6(ipv6({ src, dst, hopLimit: 33, payload }), isObserved ? { ...ip, ...fields } : 'not-observed');
};

/** Odd ones, each with its reason, whatever their destination. */
const oddOf =
  (reason: SkipReason, packet: (to: { src: string; dst: string }) => Uint8Array): Kind =>
  (n, isObserved) =>
    frame4(packet(addresses4(n, isObserved)), reason);
const payload = tcp({ dstPort: 80 });
const ODD: readonly Kind[] = [
  oddOf('fragment', to => ipv4({ ...to, fragmentOffset: 8, payload: w.raw(6, w.zeros(24)) })),
  oddOf('fragment', to => ipv4({ ...to, fragmentOffset: 65528, moreFragments: true, payload: w.raw(6, w.u8(1)) })),
  ...[0, 1, 19, 20, 39].map(bytes => oddOf('truncated', to => ipv4({ ...to, payload }).subarray(0, bytes))),
  oddOf('truncated', to => ipv4({ ...to, options: w.zeros(40), payload }).subarray(0, 79)),
  ...[0, 3, 5, 6, 15].map(version => oddOf('bad-version', to => ipv4({ ...to, version, payload }))),
  ...[0, 4, 11, 15].map(headerWords => oddOf('bad-length', to => ipv4({ ...to, headerWords, payload }))),
  ...[0, 19, 39].map(totalLength => oddOf('bad-length', to => ipv4({ ...to, totalLength, payload }))),
  () => ({ bytes: ethernet(w.ETHERTYPE_ARP, w.zeros(28)), outcome: 'arp' }),
  () => ({ bytes: ethernet(w.ETHERTYPE_LLDP, w.zeros(28)), outcome: 'ethertype' }),
  (n, isObserved) => {
    const extensions = [w.fragment6({ offset: 8 })];
    return frame6(ipv6({ ...addresses6(n, isObserved), extensions, payload }), 'fragment');
  },
  (n, isObserved) => frame6(ipv6({ ...addresses6(n, isObserved), payload }).subarray(0, 59), 'truncated'),
  (n, isObserved) => frame6(ipv6({ ...addresses6(n, isObserved), version: 4, payload }), 'bad-version'),
];
const PLAIN: readonly Kind[] = [syn, datagram, echo, gre];

/** Records in order, as plain fields; IPv4 and IPv6 each in theirs. */
function fieldsOf(records: Records, to: (Fields & { time: number })[]): void {
  const { family, src, dst, time, protocol, srcPort, dstPort, length, ttl, flags, window, seqFold, tool } = records;
  const words = family === 4 ? 1 : 4;
  for (let n = 0; n < records.count; n++)
    to.push({
      family,
      src: [...src.subarray(words * n, words * (n + 1))],
      dst: [...dst.subarray(words * n, words * (n + 1))],
      time: time[n]!,
      protocol: protocol[n]!,
      srcPort: srcPort[n]!,
      dstPort: dstPort[n]!,
      length: length[n]!,
      ttl: ttl[n]!,
      flags: flags[n]!,
      window: window[n]!,
      seqFold: seqFold[n]!,
      tool: tool[n]!,
    });
}

/** Frames one after another in a chunk that ends where the last does. */
function decode(frames: readonly Uint8Array[], networks: readonly string[] = [], linkType: number = LINK.ethernet) {
  const bytes = w.concat(...frames);
  const packets = createPackets(Math.max(1, frames.length));
  packets.count = frames.length;
  packets.linkType.fill(linkType);
  packets.hour.fill(HOUR);
  for (let n = 0, at = 0; n < frames.length; at += frames[n++]!.length) {
    packets.offset[n] = at;
    packets.captured[n] = frames[n]!.length;
    packets.time[n] = n;
  }
  const found: Record<4 | 6, (Fields & { time: number })[]> = { 4: [], 6: [] };
  const decoder = new Decoder(networks.map(parsePrefix), records => {
    expect(records.hour).toBe(HOUR);
    fieldsOf(records, found[records.family]);
  });
  decoder.take({ bytes, view: new DataView(bytes.buffer) }, packets);
  decoder.flush();
  const skipped = SKIP_REASONS.map((reason, n) => [reason, decoder.skipped[n]!] as const).filter(
    ([, count]) => count > 0,
  );
  return { found, skipped: Object.fromEntries(skipped) };
}

/** Fails unless the frames, decoded together, are what was written into each. */
function expectAll(frames: readonly Frame[], networks: readonly string[]): void {
  const { found, skipped } = decode(
    frames.map(({ bytes }) => bytes),
    networks,
  );
  const expected: typeof found = { 4: [], 6: [] };
  const reasons: Record<string, number> = {};
  for (const [time, { outcome }] of frames.entries())
    if (typeof outcome === 'string') reasons[outcome] = (reasons[outcome] ?? 0) + 1;
    else expected[outcome.family].push({ ...outcome, time });
  expect(skipped).toEqual(reasons);
  expect(found).toEqual(expected);
}

describe('plain and odd packets in turns', () => {
  test('each odd one between two plain ones', () => {
    const kinds = ODD.flatMap((kind, n) => [PLAIN[n % PLAIN.length]!, kind, six]);
    expectAll(
      [...kinds, ...kinds.toReversed()].map((kind, n) => kind(n, true)),
      [],
    );
  });

  test('stretches of any make', () => {
    const kind = fc.oneof(fc.constantFrom(...PLAIN), fc.constantFrom(...ODD), fc.constant(six));
    const run = fc.tuple(kind, fc.nat(4));
    fc.assert(
      fc.property(fc.array(run, { maxLength: 20 }), runs => {
        const kinds = runs.flatMap(([one, count]) => Array.from({ length: count }, () => one));
        expectAll(
          kinds.map((one, n) => one(n, true)),
          [],
        );
      }),
      { numRuns: 300 },
    );
  });

  test('more than are decoded at a time, or fit a block', () => {
    const random = seeded(11);
    const kindOf = () => {
      const kinds = [PLAIN, PLAIN, PLAIN, ODD, [six]][random(5)]!;
      return kinds[random(kinds.length)]!;
    };
    const frames = Array.from({ length: 20_000 }, (_, n) => kindOf()(n, random(4) > 0));
    expectAll(frames, OBSERVED);
  });
});

describe('observed networks', () => {
  const others = [six, ODD[0]!, ODD[3]!];
  /** A packet of IPv4 for `o` and `-`, of IPv6 for `6` and `x`, observed and not; something odd for `?`. */
  const framesOf = (pattern: string): Frame[] =>
    [...pattern].map((letter, n) => {
      if (letter === '?') return others[1 + (n % 2)]!(n, true);
      const kind = letter === '6' || letter === 'x' ? six : PLAIN[n % PLAIN.length]!;
      return kind(n, letter === 'o' || letter === '6');
    });

  test.each([
    '---ooo',
    'ooo---',
    'oo---oo',
    '-o-o-o-',
    '------',
    'oooooo',
    '-6o6-xo',
    'x--6o--o6',
    '?-o?x6-?o-',
    '-',
    'x',
  ])('leave out what goes elsewhere, wherever it stands: %s', pattern => expectAll(framesOf(pattern), OBSERVED));

  test('leave out any', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('o', '-', '6', 'x', '?'), { maxLength: 40 }), letters =>
        expectAll(framesOf(letters.join('')), OBSERVED),
      ),
      { numRuns: 200 },
    );
  });
});

describe('a chunk of fewer bytes than a header', () => {
  const whole = ipv4({ src: '1.2.3.4', dst: '192.0.2.1', payload });
  const reasonOf = (frames: readonly Uint8Array[], linkType?: number) => {
    const { found, skipped } = decode(frames, [], linkType);
    expect(found).toEqual({ 4: [], 6: [] });
    return skipped;
  };

  test('has packets that are cut short, or of no version', () => {
    for (let bytes = 1; bytes < 20; bytes++)
      expect(reasonOf([whole.subarray(0, bytes)], LINK.raw)).toEqual({ truncated: 1 });
    const frames = [whole.subarray(0, 8), w.u8(0x60, 0), w.u8(0x70, 0), w.zeros(0), whole.subarray(0, 4)];
    expect(reasonOf(frames, LINK.raw)).toEqual({ truncated: 4, 'bad-version': 1 });
    expect(reasonOf([], LINK.raw)).toEqual({});
  });

  test.each([
    { type: ETHERTYPE_IPV4, first: 0x45, reasons: ['truncated', 'truncated', 'truncated'] },
    { type: ETHERTYPE_IPV6, first: 0x60, reasons: ['truncated', 'truncated', 'truncated'] },
    { type: ETHERTYPE_IPV4, first: 0x60, reasons: ['truncated', 'bad-version', 'bad-version'] },
    { type: ETHERTYPE_IPV6, first: 0x45, reasons: ['truncated', 'bad-version', 'bad-version'] },
    { type: w.ETHERTYPE_ARP, first: 0x45, reasons: ['arp', 'arp', 'arp'] },
  ])('is an Ethernet frame of 14, 15 and 16 bytes, of type $type and first byte $first', ({ type, first, reasons }) => {
    const frame = ethernet(type, w.u8(first, 0));
    for (const [n, reason] of reasons.entries()) {
      expect(reasonOf([frame.subarray(0, 14 + n)])).toEqual({ [reason]: 1 });
      // And before a plain one, into which nothing may be read.
      const { found, skipped } = decode([frame.subarray(0, 14 + n), syn(5, true).bytes]);
      expect([skipped, found[4].length]).toEqual([{ [reason]: 1 }, 1]);
    }
  });
});
