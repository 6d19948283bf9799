import { describe, expect, test } from 'vitest';
import * as c from '../../common/record/classify.ts';
import { foldSequence } from '../../common/record/classify.ts';
import { protocolName } from '../../common/record/protocol.ts';
import {
  type Ipv4,
  icmp,
  icmpv6,
  ipv4,
  ipv6,
  NOTHING,
  number4,
  raw,
  sctp,
  tcp,
  udp,
} from '../support/capture-writer.ts';
import { decodeFrame } from '../support/captures.ts';

const [SYN, RST, ACK, FIN, PSH, URG, ECE, CWR] = [2, 4, 16, 1, 8, 32, 64, 128];
const [ICMP, TCP, UDP, ICMPV6] = [1, 6, 17, 58];
const ALL_FLAGS = Array.from({ length: 256 }, (_, flags) => flags);
const has = (flags: number, flag: number) => Math.floor(flags / flag) % 2 === 1;

const named = (protocol: number, flags: number, srcPort: number) => c.CLASSES[c.classify(protocol, flags, srcPort)];

describe('a class', () => {
  test('numbers follow their names', () => {
    expect([c.CLASSES[c.SCAN], c.CLASSES[c.BACKSCATTER], c.CLASSES[c.OTHER]]).toEqual(['scan', 'backscatter', 'other']);
    expect([c.MIRAI, c.ZMAP, c.MASSCAN, c.NMAP].map(bit => c.TOOLS[Math.log2(bit)])).toEqual([...c.TOOLS]);
  });

  test('of TCP: SYN+ACK and any RST are backscatter, other SYNs scans, whatever else is set', () => {
    for (const flags of ALL_FLAGS) {
      const answer = has(flags, RST) || (has(flags, SYN) && has(flags, ACK));
      expect(named(TCP, flags, 0)).toBe(answer ? 'backscatter' : has(flags, SYN) ? 'scan' : 'other');
      expect(c.isSyn(flags)).toBe(named(TCP, flags, 53) === 'scan');
    }
    for (const probe of [0, FIN, ACK, FIN | PSH | URG, ECE, CWR]) expect(named(TCP, probe, 0)).toBe('other');
  });

  test('of UDP: only from port 53 backscatter', () => {
    for (const port of [0, 52, 54, 53 * 256, 65_535]) expect(named(UDP, 0, port)).toBe('scan');
    expect(named(UDP, 0, 53)).toBe('backscatter');
  });

  test.each([
    ['ICMP', ICMP, [8, 13, 15, 17], [0, 3, 4, 5, 11, 12, 14, 16, 18]],
    ['ICMPv6', ICMPV6, [128, 139], [1, 2, 3, 4, 129, 140]],
  ])('of %s: requests are scans, replies and errors backscatter', (_, protocol, scan, backscatter) => {
    for (let type = 0; type < 256; type++)
      expect(named(protocol, 0, type)).toBe(
        scan.includes(type) ? 'scan' : backscatter.includes(type) ? 'backscatter' : 'other',
      );
  });

  test('of every other protocol is other', () => {
    for (let protocol = 0; protocol < 256; protocol++)
      if (![ICMP, TCP, UDP, ICMPV6].includes(protocol)) expect(named(protocol, SYN, 53)).toBe('other');
  });
});

describe('a mark', () => {
  const dst = number4('203.0.113.255');

  test("is Mirai's at the destination as sequence number, in all 32 bits", () => {
    expect(c.miraiMark(dst, dst)).toBe(c.MIRAI);
    for (let bit = 0; bit < 32; bit++) expect(c.miraiMark(dst, (dst ^ (1 << bit)) >>> 0)).toBe(0);
  });

  test("is ZMap's at 54321 alone", () => {
    expect([54_320, 54_321, 54_322, 0].map(c.zmapMark)).toEqual([0, c.ZMAP, 0, 0]);
  });

  test("is Masscan's at the low half of destination ^ port ^ sequence number", () => {
    const seq = 0xfedc_ba98;
    const id = ((dst % 65_536) ^ 8080 ^ (seq % 65_536)) & 0xffff;
    expect(c.masscanMark(id, dst, 8080, seq)).toBe(c.MASSCAN);
    for (let bit = 0; bit < 16; bit++) {
      expect(c.masscanMark(id ^ (1 << bit), dst, 8080, seq)).toBe(0);
      expect(c.masscanMark(id, dst, 8080 ^ (1 << bit), seq)).toBe(0);
    }
    expect(c.masscanMark(id, dst, 8080, (seq ^ 0x10000) >>> 0)).toBe(c.MASSCAN);
  });

  test("may be Nmap's at a SYN with window 1024, 2048, 3072 or 4096 and no mark of ZMap or Masscan", () => {
    const windows = Array.from({ length: 65_536 }, (_, window) => window).filter(window =>
      c.isNmapCandidate(TCP, SYN, window, 0),
    );
    expect(windows).toEqual([1024, 2048, 3072, 4096]);
    const tools = ALL_FLAGS.slice(0, 8).filter(tool => c.isNmapCandidate(TCP, SYN, 1024, tool));
    expect(tools).toEqual([0, c.MIRAI]);
    expect(ALL_FLAGS.filter(flags => c.isNmapCandidate(TCP, flags, 1024, 0))).toEqual(ALL_FLAGS.filter(c.isSyn));
    expect(ALL_FLAGS.filter(protocol => c.isNmapCandidate(protocol, SYN, 1024, 0))).toEqual([TCP]);
  });

  test('folds a sequence number so that two of one Nmap scan fold alike, and no others', () => {
    const x = (half: number) => half * 65_536 + half;
    for (const seq of [0, 1, 0xffff, 0x10000, 0x1234_5678, 0xffff_ffff]) {
      for (const half of [0, 1, 0xabcd, 0xffff]) expect(foldSequence((seq ^ x(half)) >>> 0)).toBe(foldSequence(seq));
      expect(foldSequence((seq ^ 0x0001_0000) >>> 0)).not.toBe(foldSequence(seq));
      expect(foldSequence(seq)).toBe((Math.floor(seq / 65_536) ^ (seq % 65_536)) >>> 0);
    }
  });
});

describe('decoding', () => {
  const RAW = 101;
  const ip: Ipv4 = { src: '1.2.3.4', dst: '203.0.113.255', id: 7, payload: NOTHING };
  const dst = number4(ip.dst);
  const toolOf = (p: Partial<Ipv4>) => decodeFrame(RAW, ipv4({ ...ip, ...p })).records4.tool[0];
  const masscanId = (seq: number, port: number) => ((dst ^ port ^ seq) & 0xffff) >>> 0;

  test('marks each SYN by its own fields, all that agree at once', () => {
    expect(toolOf({ payload: tcp({ dstPort: 23, seq: dst }) })).toBe(c.MIRAI);
    expect(toolOf({ id: 54_321, payload: tcp({ dstPort: 23, seq: 5 }) })).toBe(c.ZMAP);
    expect(toolOf({ id: masscanId(99, 23), payload: tcp({ dstPort: 23, seq: 99 }) })).toBe(c.MASSCAN);
    // Where the sequence number is the destination, Masscan's id is the port.
    expect(toolOf({ id: 54_321, payload: tcp({ dstPort: 54_321, seq: dst }) })).toBe(c.MIRAI | c.ZMAP | c.MASSCAN);
    expect(toolOf({ payload: tcp({ dstPort: 23, seq: 5 }) })).toBe(0);
  });

  test('marks nothing but SYNs of TCP over IPv4', () => {
    for (const flags of [SYN | ACK, RST, ACK, 0, FIN, SYN | RST])
      expect(toolOf({ id: 54_321, payload: tcp({ dstPort: 23, seq: dst, flags }) })).toBe(0);
    for (const payload of [udp({ dstPort: 53 }), icmp({ type: 8 }), sctp({ dstPort: 9 }), raw(47, new Uint8Array(8))])
      expect(toolOf({ id: 54_321, payload })).toBe(0);
    const v6 = ipv6({ src: '2a00::1', dst: '2001:db8::1', payload: tcp({ dstPort: 23, seq: 1 }) });
    expect(decodeFrame(RAW, v6).records6.tool[0]).toBe(0);
  });

  test('takes type and code of ICMP by its own number only, over either IP version', () => {
    const fields = (frame: Uint8Array, family: 'records4' | 'records6') => {
      const records = decodeFrame(RAW, frame)[family];
      return [records.protocol[0], records.srcPort[0], records.dstPort[0]];
    };
    expect(fields(ipv4({ ...ip, payload: icmp({ type: 3, code: 13 }) }), 'records4')).toEqual([ICMP, 3, 13]);
    const v6 = { src: '2a00::1', dst: '2001:db8::1' };
    expect(fields(ipv6({ ...v6, payload: icmpv6({ type: 129, code: 255 }) }), 'records6')).toEqual([ICMPV6, 129, 255]);
    expect(fields(ipv4({ ...ip, payload: raw(2, new Uint8Array(8).fill(9)) }), 'records4')).toEqual([2, 0, 0]);
  });
});

test('protocols have their names, others their number', () => {
  const names = [1, 6, 17, 33, 58, 132, 136, 0, 47, 255].map(protocolName);
  expect(names).toEqual(['icmp', 'tcp', 'udp', 'dccp', 'icmpv6', 'sctp', 'udplite', '0', '47', '255']);
});
