import { BlockList } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodePackets } from '../../common/packet/decode.ts';
import { observe, observes4, observes6 } from '../../common/packet/observed.ts';
import { createPackets } from '../../common/packet/packets.ts';
import { SKIP_REASONS } from '../../common/packet/skip.ts';
import { formatAddress4, formatAddress6, parsePrefix } from '../../common/record/address.ts';
import { ipv4, ipv6, udp } from '../support/capture-writer.ts';
import { newDecoded } from '../support/captures.ts';

/** Networks that nest, touch and repeat, and addresses at their edges. */
const address4 = fc.oneof(
  fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xc0000200, 0xc00002ff, 0xc0000300),
  fc.integer({ min: 0xc0000100, max: 0xc0000400 }),
);
const prefix4 = fc.tuple(address4, fc.oneof(fc.integer({ min: 20, max: 32 }), fc.nat(32)));
const words6 = fc.tuple(
  fc.constantFrom(0x20010db8, 0x20010db9, 0),
  fc.constantFrom(0, 1, 0x10000, 0xffffffff),
  fc.constantFrom(0, 1, 0x80000000),
  fc.nat(3),
);
const prefix6 = fc.tuple(words6, fc.oneof(fc.constantFrom(0, 31, 32, 33, 47, 48, 64, 65, 127, 128), fc.nat(128)));

const listOf = (cidrs: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address, length] = cidr.split('/') as [string, string];
    list.addSubnet(address, Number(length), address.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
};

test('an IPv4 address is observed if it is in one of the networks', () => {
  fc.assert(
    fc.property(fc.array(prefix4, { minLength: 1, maxLength: 6 }), fc.array(address4), (prefixes, addresses) => {
      const cidrs = prefixes.map(([address, length]) => `${formatAddress4(address)}/${length}`);
      const observed = observe(cidrs.map(parsePrefix))!;
      const list = listOf(cidrs);
      const edges = prefixes.flatMap(([address, length]) =>
        [-1, 0, 2 ** (32 - length) - 1, 2 ** (32 - length)].map(by => address + by),
      );
      for (const address of [...addresses, ...edges].filter(one => one >= 0 && one < 2 ** 32))
        expect([address, observes4(observed, address)]).toEqual([address, list.check(formatAddress4(address), 'ipv4')]);
      expect(observes6(observed, 0, 0, 0xffff, prefixes[0]![0])).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test('an IPv6 address is observed if it is in one of the networks', () => {
  fc.assert(
    fc.property(fc.array(prefix6, { minLength: 1, maxLength: 4 }), fc.array(words6), (prefixes, addresses) => {
      const cidrs = prefixes.map(([words, length]) => `${formatAddress6(...words)}/${length}`);
      const observed = observe(cidrs.map(parsePrefix))!;
      // By their bits as text.
      const bits = (words: readonly number[]) => words.map(one => one.toString(2).padStart(32, '0')).join('');
      for (const words of [...addresses, ...prefixes.map(([words]) => words)]) {
        const expected = prefixes.some(
          ([network, length]) => bits(words).slice(0, length) === bits(network).slice(0, length),
        );
        expect(observes6(observed, ...words)).toBe(expected);
      }
      expect(observes4(observed, 0)).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test('no networks observe everything; networks of one family observe nothing of the other', () => {
  expect(observe([])).toBeUndefined();
  const outcomeOf = (cidr: string, packet: Uint8Array) => {
    const packets = createPackets(1);
    packets.count = 1;
    packets.linkType[0] = 101;
    packets.captured[0] = packet.length;
    const out = newDecoded(observe(cidr === '' ? [] : [parsePrefix(cidr)]), 1);
    decodePackets({ bytes: packet, view: new DataView(packet.buffer) }, packets, 0, out);
    return SKIP_REASONS[out.skipped.indexOf(1)] ?? 'record';
  };
  const four = () => ipv4({ src: '1.2.3.4', dst: '192.0.2.1', payload: udp({ dstPort: 1 }) });
  const six = () => ipv6({ src: '2a00::1', dst: '2001:db8::1', payload: udp({ dstPort: 1 }) });
  expect(['', '0.0.0.0/0', '192.0.2.1', '192.0.2.0', '::/0'].map(cidr => outcomeOf(cidr, four()))).toEqual([
    'record',
    'record',
    'record',
    'not-observed',
    'not-observed',
  ]);
  expect(['', '::/0', '2001:db8::1', '2001:db8::2', '0.0.0.0/0'].map(cidr => outcomeOf(cidr, six()))).toEqual([
    'record',
    'record',
    'record',
    'not-observed',
    'not-observed',
  ]);
});
