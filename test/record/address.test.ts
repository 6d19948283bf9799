import net from 'node:net';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { expect, test } from 'vitest';
import { formatAddress4, formatAddress6, parsePrefix, prefixMask } from '../../common/record/address.ts';

const word = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 1, 0xffff, 0x10000, 0xffffffff));
const words6 = fc.tuple(word, word, word, word);

test('an IPv4 address is the text that is parsed to it', () => {
  fc.assert(
    fc.property(word, address => {
      const text = formatAddress4(address);
      expect(net.isIPv4(text)).toBe(true);
      expect(text.split('.').reduce((sum, byte) => 256 * sum + Number(byte), 0)).toBe(address);
      expect(parsePrefix(text)).toEqual({ family: 4, words: [address], length: 32 });
      expect(formatAddress4(address | 0)).toBe(text); // tables keep signed words
    }),
  );
});

test('an IPv6 address is the text of RFC 5952 that is parsed to it', () => {
  fc.assert(
    fc.property(words6, words => {
      const text = formatAddress6(...words);
      expect(net.isIPv6(text)).toBe(true);
      // The URL standard writes addresses in the same form.
      const groups = words.flatMap(one => [one >>> 16, one & 0xffff]).map(group => group.toString(16));
      expect(text).toBe(new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1));
      expect(parsePrefix(text)).toEqual({ family: 6, words, length: 128 });
      const [w0, w1, w2, w3] = words;
      expect(formatAddress6(w0 | 0, w1 | 0, w2 | 0, w3 | 0)).toBe(text);
    }),
  );
});

test('a prefix has the bits of its network and no others', () => {
  const cidr = fc.oneof(
    fc.tuple(word, fc.nat(32)).map(([address, length]) => ({ text: formatAddress4(address), length })),
    fc.tuple(words6, fc.nat(128)).map(([words, length]) => ({ text: formatAddress6(...words), length })),
  );
  fc.assert(
    fc.property(cidr, ({ text, length }) => {
      const prefix = parsePrefix(`${text}/${length}`);
      const parser = prefix.family === 4 ? ipaddr.IPv4 : ipaddr.IPv6;
      const bytes = parser.networkAddressFromCIDR(`${text}/${length}`).toByteArray();
      expect(prefix.words.flatMap(one => [one >>> 24, (one >>> 16) & 255, (one >>> 8) & 255, one & 255])).toEqual(
        bytes,
      );
      expect(prefix.length).toBe(length);
    }),
  );
});

test('a mask has a bit for each of the prefix that falls on its word', () => {
  for (let length = 0; length <= 128; length++) {
    const bits = [0, 1, 2, 3].map(index => prefixMask(length, index).toString(2).padStart(32, '0')).join('');
    expect(bits).toBe('1'.repeat(length).padEnd(128, '0'));
  }
});

test.each([
  '',
  '192.0.2',
  '192.0.2.0/33',
  '192.0.2.0/-1',
  '192.0.2.0/',
  '192.0.2.0/24/24',
  '192.0.2.256',
  '0xc0000200/24',
  '3221225984',
  '1.2.3/24',
  '2001:db8::/129',
  '2001:db8::g',
  '::1::2',
  'example.org',
  ' 192.0.2.0/24',
])('%j is no network, and the message says how one is written', text => {
  expect(() => parsePrefix(text)).toThrow(RangeError);
  expect(() => parsePrefix(text)).toThrow(/192\.0\.2\.0\/24 or 2001:db8::\/32/);
});
