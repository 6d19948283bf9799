/**
 * Tells what a live interface shows beside unsolicited packets: frames that this machine sent, that went to a group, or that the
 * link itself needs. On a shared host, whose own address is observed, also what answers the host's own traffic, by following
 * the flows it begins; and what goes to its declared services.
 */
import { finderOf, foundOffset } from '../../common/packet/link.ts';
import { type Observed, observe, observes4, observes6 } from '../../common/packet/observed.ts';
import { skipIndex } from '../../common/packet/skip.ts';
import type { Prefix } from '../../common/record/address.ts';
import { ICMP, ICMPV6, TCP, UDP } from '../../common/record/protocol.ts';
import { Flows } from './flows.ts';

/** A service that a shared host offers, to all or to one network. */
export interface Service {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly peers?: Prefix;
}

export interface JudgeOptions {
  readonly networks: readonly Prefix[];
  /** Of a shared host; undefined: every packet to the networks is unsolicited. */
  readonly services?: readonly Service[];
}

/** Where frames come from. */
export interface Origin {
  readonly linkType: number;
  readonly mac: Uint8Array | undefined;
}

/** The packet is to be decoded. */
export const UNSOLICITED = -1;
const SENT = skipIndex('sent');
const BROADCAST = skipIndex('broadcast');
const MULTICAST = skipIndex('multicast');
const NEIGHBOUR = skipIndex('neighbour');
const SOLICITED = skipIndex('solicited');
const MANAGED = skipIndex('managed');

const ETHERNET = 1;
const IPV6 = 0x86dd;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;

/** Flows that the host began; and those begun by others, so that what the host answers is not taken for its own: it does at once. */
const flowsMax = 65_536;
const answeredMax = 8192;
/** Seconds: RFC 5382 keeps a TCP connection 2 hours and 4 minutes, RFC 4787 a UDP flow 5 minutes. */
const tcpIdleMax = 7440;
const otherIdleMax = 300;

/** What matters of a packet to know its flow. Addresses as text of their bytes: they only name. */
interface Parts {
  readonly protocol: number;
  readonly src: string;
  readonly dst: string;
  /** Ports; of an ICMP question and its answer 0 and the identifier. */
  readonly srcPort: number;
  readonly dstPort: number;
  readonly flags: number;
  /** ICMP: the type. */
  readonly type: number;
  /** Where the packet that an ICMP error quotes begins. */
  readonly quoted: number | undefined;
  readonly source: readonly number[];
  readonly destination: readonly number[];
}

export class Judge {
  /** Packets sent from an observed address. On a dark prefix there must be none. */
  leaked = 0;
  readonly #observed: Observed | undefined;
  readonly #services: readonly (Service & { readonly from: Observed | undefined })[] | undefined;
  readonly #ours = new Flows(flowsMax);
  readonly #theirs = new Flows(answeredMax);

  constructor({ networks, services }: JudgeOptions) {
    this.#observed = observe(networks);
    this.#services = services?.map(service => ({
      ...service,
      from: service.peers === undefined ? undefined : observe([service.peers]),
    }));
  }

  /** The number of the reason to skip a frame (`skipIndex`), or `UNSOLICITED`. Reads nothing beyond `length`. */
  judge(frame: Uint8Array, view: DataView, length: number, { linkType, mac }: Origin, second: number): number {
    const shared = this.#services !== undefined;
    if (linkType === ETHERNET) {
      if (length < 14) return UNSOLICITED; // decoding says what is wrong with it
      if (mac !== undefined && isSame(frame, 6, mac)) return this.#sent(partsOf(frame, view, length, linkType), second);
      if ((frame[0]! & 1) === 1 && isIp(view.getUint16(12))) return isAll(frame) ? BROADCAST : MULTICAST;
      if (isNeighbour(frame, view, length)) return NEIGHBOUR;
    }
    if (mac !== undefined && !shared) return UNSOLICITED;
    const parts = partsOf(frame, view, length, linkType);
    if (parts === undefined) return UNSOLICITED;
    // Where frames have no address; what goes to the networks is taken for received.
    if (mac === undefined && this.#isObserved(parts.source) && !this.#isObserved(parts.destination))
      return this.#sent(parts, second);
    return shared ? this.#received(view, length, parts, second) : UNSOLICITED;
  }

  #isObserved(words: readonly number[]): boolean {
    return this.#observed !== undefined && has(this.#observed, words);
  }

  #sent(parts: Parts | undefined, second: number): number {
    if (parts === undefined) return SENT;
    if (this.#services === undefined) {
      if (this.#isObserved(parts.source)) this.leaked++;
      return SENT;
    }
    const name = nameOf(parts.protocol, parts.src, parts.srcPort, parts.dst, parts.dstPort);
    if (begins(parts) || (mayBegin(parts) && !this.#theirs.heard(name, second, otherIdleMax)))
      this.#ours.add(name, second);
    return SENT;
  }

  #received(view: DataView, length: number, parts: Parts, second: number): number {
    const quoted = parts.quoted === undefined ? undefined : partsAt(view, parts.quoted, length);
    if (quoted !== undefined) {
      const { protocol, src, srcPort, dst, dstPort, source, destination } = quoted;
      if (!this.#isObserved(source)) return UNSOLICITED;
      if (this.#isManaged(protocol, srcPort, destination)) return MANAGED;
      const known = this.#ours.heard(nameOf(protocol, src, srcPort, dst, dstPort), second, idleMax(protocol));
      return known ? SOLICITED : UNSOLICITED;
    }
    const { protocol, src, dst, srcPort, dstPort } = parts;
    const name = nameOf(protocol, dst, dstPort, src, srcPort);
    if (this.#isManaged(protocol, dstPort, parts.source)) return MANAGED;
    const answers = protocol !== ICMP && protocol !== ICMPV6 ? true : isEchoReply(parts);
    if (answers && this.#ours.heard(name, second, idleMax(protocol))) return SOLICITED;
    this.#theirs.add(name, second);
    return UNSOLICITED;
  }

  #isManaged(protocol: number, port: number, peer: readonly number[]): boolean {
    if (protocol !== TCP && protocol !== UDP) return false;
    const word = protocol === TCP ? 'tcp' : 'udp';
    return this.#services!.some(
      service =>
        service.protocol === word && service.port === port && (service.from === undefined || has(service.from, peer)),
    );
  }
}

const has = (observed: Observed, words: readonly number[]): boolean =>
  words.length === 1 ? observes4(observed, words[0]!) : observes6(observed, words[0]!, words[1]!, words[2]!, words[3]!);

/** Own end first, whoever speaks. */
const nameOf = (protocol: number, own: string, ownPort: number, peer: string, peerPort: number): string =>
  `${protocol}/${own}/${ownPort}/${peer}/${peerPort}`;

const idleMax = (protocol: number): number => (protocol === TCP ? tcpIdleMax : otherIdleMax);

const isSame = (frame: Uint8Array, at: number, mac: Uint8Array): boolean => {
  for (let n = 0; n < 6; n++) if (frame[at + n] !== mac[n]) return false;
  return true;
};

const isAll = (frame: Uint8Array): boolean => {
  for (let n = 0; n < 6; n++) if (frame[n] !== 0xff) return false;
  return true;
};

const isIp = (ethertype: number): boolean => ethertype === 0x0800 || ethertype === IPV6;

/** RFC 4861: solicitations, advertisements and redirects (133 to 137); a hop limit of 255 proves that no router was between. */
function isNeighbour(frame: Uint8Array, view: DataView, length: number): boolean {
  if (length < 55 || view.getUint16(12) !== IPV6 || frame[20] !== ICMPV6 || frame[21] !== 255) return false;
  return frame[54]! >= 133 && frame[54]! <= 137;
}

const isEchoReply = ({ protocol, type }: Parts): boolean => type === (protocol === ICMP ? 0 : 129);
const isEchoRequest = ({ protocol, type }: Parts): boolean => type === (protocol === ICMP ? 8 : 128);

/** Beyond doubt the first packet of a flow. */
const begins = (parts: Parts): boolean =>
  parts.protocol === TCP ? (parts.flags & (SYN | ACK)) === SYN : isIcmp(parts) && isEchoRequest(parts);

/** It may be of a flow that the host began before we looked; refusals and answers are not. */
const mayBegin = (parts: Parts): boolean =>
  parts.protocol === TCP ? (parts.flags & (SYN | RST)) === 0 : !isIcmp(parts);

const isIcmp = ({ protocol }: Parts): boolean => protocol === ICMP || protocol === ICMPV6;

function partsOf(frame: Uint8Array, view: DataView, length: number, linkType: number): Parts | undefined {
  const place = finderOf(linkType)?.(frame, 0, length) ?? -1;
  return place < 0 ? undefined : partsAt(view, foundOffset(place), length);
}

/** Undefined for a packet without a whole header, and for fragments beyond the first: decoding knows why. */
function partsAt(view: DataView, at: number, length: number): Parts | undefined {
  if (at + 20 > length) return undefined;
  const version = view.getUint8(at) >>> 4;
  if (version === 6) {
    if (at + 40 > length) return undefined;
    return transport(view, at + 40, length, view.getUint8(at + 6), wordsAt(view, at + 8, 4), wordsAt(view, at + 24, 4));
  }
  if (version !== 4 || (view.getUint16(at + 6) & 0x1fff) !== 0) return undefined;
  const header = (view.getUint8(at) & 0xf) * 4;
  return transport(
    view,
    at + header,
    length,
    view.getUint8(at + 9),
    wordsAt(view, at + 12, 1),
    wordsAt(view, at + 16, 1),
  );
}

const wordsAt = (view: DataView, at: number, words: number): number[] =>
  Array.from({ length: words }, (_, n) => view.getUint32(at + 4 * n));

/** ICMP and ICMPv6 types that quote the packet they complain of. */
const ERRORS: Record<number, readonly number[]> = { [ICMP]: [3, 4, 5, 11, 12], [ICMPV6]: [1, 2, 3, 4] };

function transport(
  view: DataView,
  at: number,
  length: number,
  protocol: number,
  source: readonly number[],
  destination: readonly number[],
): Parts {
  const base = { protocol, src: source.join('.'), dst: destination.join('.'), source, destination };
  const none = { srcPort: 0, dstPort: 0, flags: 0, type: -1, quoted: undefined };
  if (at + 8 > length) return { ...base, ...none };
  if (protocol === ICMP || protocol === ICMPV6) {
    const type = view.getUint8(at);
    if (ERRORS[protocol]!.includes(type)) return { ...base, ...none, type, quoted: at + 8 };
    return { ...base, ...none, type, srcPort: view.getUint16(at + 4), dstPort: view.getUint16(at + 4) };
  }
  const flags = protocol === TCP && at + 14 <= length ? view.getUint8(at + 13) : 0;
  return { ...base, ...none, srcPort: view.getUint16(at), dstPort: view.getUint16(at + 2), flags };
}
