/** What a live interface shows beside unsolicited packets, each by its reason; on a shared host, by the flows the host began. */
import { describe, expect, it } from 'vitest';
import { SKIP_REASONS } from '../../common/packet/skip.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { filterNetworksMax, filterText } from '../../sensor/capture/filter.ts';
import { Flows } from '../../sensor/capture/flows.ts';
import { Judge, type Service } from '../../sensor/capture/unsolicited.ts';
import * as w from '../support/capture-writer.ts';

const OWN = '192.0.2.7';
const OWN6 = '2001:db8::7';
const PEER = '198.51.100.9';
const PEER6 = '2001:db8:1::9';
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const OTHER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);
const NETWORKS = [`${OWN}/32`, `${OWN6}/128`].map(parsePrefix);
const SSH: Service = { protocol: 'tcp', port: 22, peers: parsePrefix('198.51.100.0/24') };

const frame = (packet: Uint8Array, from: Uint8Array, to: Uint8Array) =>
  w.concat(to, from, w.u16(packet[0]! >>> 4 === 6 ? w.ETHERTYPE_IPV6 : w.ETHERTYPE_IPV4), packet);
const packet = (src: string, dst: string, payload: w.Payload) =>
  src.includes(':') ? w.ipv6({ src, dst, payload }) : w.ipv4({ src, dst, payload });
const out = (dst: string, payload: w.Payload) =>
  frame(packet(dst.includes(':') ? OWN6 : OWN, dst, payload), MAC, OTHER_MAC);
const inward = (src: string, payload: w.Payload) =>
  frame(packet(src, src.includes(':') ? OWN6 : OWN, payload), OTHER_MAC, MAC);

/** A judge on Ethernet, told frames and seconds; says the reason, or `unsolicited`. */
function judge(services?: readonly Service[], origin = { linkType: 1, mac: MAC as Uint8Array | undefined }) {
  const found = new Judge({ networks: NETWORKS, ...(services !== undefined && { services }) });
  const say = (bytes: Uint8Array, second = 0) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return SKIP_REASONS[found.judge(bytes, view, bytes.length, origin, second)] ?? 'unsolicited';
  };
  return { say, found };
}

const syn = w.tcp({ srcPort: 40000, dstPort: 443 });
const synAck = w.tcp({ srcPort: 443, dstPort: 40000, flags: w.SYN | w.ACK });
const ack = w.tcp({ srcPort: 443, dstPort: 40000, flags: w.ACK });

describe('on a dark prefix', () => {
  it('every packet is unsolicited but what we sent and what went to a group', () => {
    const { say, found } = judge();
    expect(say(inward(PEER, syn))).toBe('unsolicited');
    expect(say(inward(PEER6, syn))).toBe('unsolicited');
    expect(say(frame(packet(PEER, OWN, syn), OTHER_MAC, new Uint8Array(6).fill(255)))).toBe('broadcast');
    expect(say(frame(packet(PEER, OWN, syn), OTHER_MAC, Uint8Array.of(1, 0, 94, 0, 0, 1)))).toBe('multicast');
    expect(say(frame(packet(PEER, OWN, syn), MAC, OTHER_MAC))).toBe('sent');
    expect(found.leaked).toBe(0);
    expect(say(out(PEER, synAck))).toBe('sent');
    expect(found.leaked).toBe(1);
  });

  it("neighbour discovery is the link's own, but not what only looks like it", () => {
    const { say } = judge();
    const solicit = w.icmpv6({ type: 135, data: w.zeros(16) });
    const hops = (hopLimit: number) =>
      frame(w.ipv6({ src: PEER6, dst: OWN6, payload: solicit, hopLimit }), OTHER_MAC, MAC);
    expect(say(hops(255))).toBe('neighbour');
    expect(say(hops(64))).toBe('unsolicited');
  });

  it('tells what was sent by the source address where frames have none', () => {
    const { say, found } = judge(undefined, { linkType: 12, mac: undefined });
    expect(say(packet(PEER, OWN, syn))).toBe('unsolicited');
    expect(say(packet(OWN, OWN, syn))).toBe('unsolicited'); // forged
    expect(say(packet(OWN, PEER, syn))).toBe('sent');
    expect(found.leaked).toBe(1);
  });
});

describe('on a shared host', () => {
  it.each([
    [PEER, syn, synAck],
    [PEER6, syn, synAck],
    [PEER, w.udp({ srcPort: 5000, dstPort: 53 }), w.udp({ srcPort: 53, dstPort: 5000 })],
    [PEER, w.icmp({ type: 8, rest: w.u16(77, 1) }), w.icmp({ type: 0, rest: w.u16(77, 1) })],
    [PEER6, w.icmpv6({ type: 128, rest: w.u16(77, 1) }), w.icmpv6({ type: 129, rest: w.u16(77, 1) })],
  ])('%s: what answers the host is solicited, and nothing before it asked', (peer, question, answer) => {
    const { say } = judge([]);
    expect(say(inward(peer, answer))).toBe('unsolicited');
    const fresh = judge([]);
    expect(fresh.say(out(peer, question))).toBe('sent');
    expect(fresh.say(inward(peer, answer))).toBe('solicited');
  });

  it('an answer of the host makes nothing solicited', () => {
    const { say } = judge([]);
    expect(say(inward(PEER, w.tcp({ srcPort: 40000, dstPort: 80 })))).toBe('unsolicited');
    expect(say(out(PEER, w.tcp({ srcPort: 80, dstPort: 40000, flags: w.SYN | w.ACK })))).toBe('sent');
    expect(say(inward(PEER, w.tcp({ srcPort: 40000, dstPort: 80, flags: w.ACK })))).toBe('unsolicited');
    expect(say(out(PEER, w.tcp({ srcPort: 80, dstPort: 40000, flags: w.ACK })))).toBe('sent');
    expect(say(inward(PEER, w.tcp({ srcPort: 40000, dstPort: 80, flags: w.FIN })))).toBe('unsolicited');
    expect(say(inward(PEER, w.udp({ srcPort: 9, dstPort: 7 })))).toBe('unsolicited');
    expect(say(out(PEER, w.udp({ srcPort: 7, dstPort: 9 })))).toBe('sent');
    expect(say(inward(PEER, w.udp({ srcPort: 9, dstPort: 7 })))).toBe('unsolicited');
  });

  it('a flow that the host began before we looked is known by its next packet', () => {
    const { say } = judge([]);
    expect(say(out(PEER, w.tcp({ srcPort: 40000, dstPort: 443, flags: w.ACK })))).toBe('sent');
    expect(say(inward(PEER, ack))).toBe('solicited');
  });

  it('an error belongs to the packet that it quotes', () => {
    const { say } = judge([SSH]);
    const error = (quoted: Uint8Array) => inward('203.0.113.1', w.icmp({ type: 11, data: quoted.subarray(0, 28) }));
    expect(say(error(packet(OWN, PEER, syn)))).toBe('unsolicited');
    say(out(PEER, syn));
    expect(say(error(packet(OWN, PEER, syn)))).toBe('solicited');
    expect(say(error(packet(OWN, PEER, w.tcp({ srcPort: 22, dstPort: 5, flags: w.ACK }))))).toBe('managed');
  });

  it('a declared service is managed for its peers alone', () => {
    const { say } = judge([SSH]);
    const ssh = w.tcp({ srcPort: 50000, dstPort: 22 });
    expect(say(inward(PEER, ssh))).toBe('managed');
    expect(say(inward('203.0.113.1', ssh))).toBe('unsolicited');
    expect(say(inward(PEER, w.udp({ srcPort: 50000, dstPort: 22 })))).toBe('unsolicited');
  });

  it('a flow is forgotten when it was quiet too long', () => {
    const { say } = judge([]);
    say(out(PEER, w.udp({ srcPort: 5000, dstPort: 53 })), 0);
    const answer = inward(PEER, w.udp({ srcPort: 53, dstPort: 5000 }));
    expect(say(answer, 300)).toBe('solicited');
    expect(say(answer, 600)).toBe('solicited');
    expect(say(answer, 901)).toBe('unsolicited');
  });

  it('survives a packet cut at every byte', () => {
    const { say } = judge([SSH]);
    const quoting = w.icmp({ type: 3, data: packet(OWN, PEER, syn) });
    for (const whole of [inward(PEER, quoting), inward(PEER6, syn), out(PEER, syn)])
      for (let length = 0; length < whole.length; length++) expect(typeof say(whole.slice(0, length))).toBe('string');
  });
});

it('flows are bounded: the one that was quiet longest goes', () => {
  const flows = new Flows(2);
  for (const name of ['a', 'b']) flows.add(name, 0);
  expect(flows.heard('a', 1, 10)).toBe(true);
  flows.add('c', 2);
  expect(flows.size).toBe(2);
  expect(['a', 'b', 'c'].map(name => flows.heard(name, 2, 10))).toEqual([true, false, true]);
});

it('the filter names the networks, until they are too many for the kernel', () => {
  expect(filterText(NETWORKS, false)).toBe('ip net 192.0.2.7/32 or ip6 net 2001:db8::7/128');
  expect(filterText(NETWORKS, true)).toBe('inbound and (ip dst net 192.0.2.7/32 or ip6 dst net 2001:db8::7/128)');
  const many = Array.from({ length: filterNetworksMax + 1 }, (_, n) => parsePrefix(`10.${n >> 8}.${n & 255}.0/24`));
  expect(filterText(many, false)).toBe('ip or ip6');
});
