import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GeoError, loadGeo } from '../../common/geo/load.ts';
import { allocatedIpv4 } from '../../common/geo/table.ts';
import { countryOf, newFolder } from './support.ts';

const APNIC = `# a comment, as APNIC puts at the top
2.3|apnic|20260617|9|19830613|20260616|+1000
apnic|*|asn|*|1|summary
apnic|*|ipv4|*|6|summary
apnic|*|ipv6|*|2|summary
apnic|JP|asn|2497|1|19980220|allocated|A91A7381
apnic|JP|ipv4|192.0.2.0|768|20100101|allocated|A9173591
apnic|th|ipv4|203.0.112.0|300|20110101|assigned|A91B1234|e-stats
apnic|AP|ipv4|198.51.100.0|256|20120101|allocated|A9000001
apnic|ZZ|ipv4|198.51.101.0|256|20120101|allocated|A9000002
apnic||ipv4|198.51.102.0|256||reserved|
apnic|CN|ipv4|198.51.103.0|256||available|
apnic|JP|ipv6|2001:200::|32|19990813|allocated|A9173591
apnic|TH|ipv6|2001:df0:1::|48|20080101|assigned|A91B1234
`;
const RIPE = `2|ripencc|1781560799|3|19830705|20260610|+0100\r
ripencc|EU|ipv4|255.255.255.0|256|20050101|allocated|x\r
ripencc|DE|ipv4|0.0.0.0|1|20050101|allocated|y\r
`;
const AFRINIC = `2|afrinic|20260612|1|00000000|00000000|00000
afrinic|ZA|ipv4|192.0.3.0|256|20200101|allocated|z
afrinic|GH|ipv4|203.0.112.0|8|20010101|allocated|z
afrinic|NG|ipv4|203.0.113.0|256|20200101|allocated|z
afrinic|EG|ipv4|192.0.2.0|768|20190101|allocated|z
afrinic|KE|ipv4|192.0.2.0|768|20090101|allocated|z
`;

function load(...texts: string[]) {
  const folder = newFolder();
  const geoFiles = texts.map((text, i) => {
    const file = join(folder, `delegated-${i}`);
    writeFileSync(file, text);
    return file;
  });
  return loadGeo({ geoFiles, cacheDir: join(folder, 'cache') });
}

const CASES: [address: string, country: string][] = [
  ['192.0.1.255', '??'],
  ['192.0.2.0', 'JP'],
  ['192.0.3.7', 'JP'],
  ['192.0.4.255', 'JP'], // 768 addresses: 192.0.2.0 - 192.0.4.255
  ['192.0.5.0', '??'],
  ['203.0.111.255', '??'],
  ['203.0.112.0', 'TH'],
  ['203.0.113.43', 'TH'], // 300 addresses: 203.0.112.0 - 203.0.113.43
  ['203.0.113.44', '??'],
  ['198.51.100.1', 'AP'],
  ['198.51.101.1', '??'],
  ['198.51.102.1', '??'],
  ['198.51.103.1', '??'],
  ['2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', '??'],
  ['2001:200::', 'JP'],
  ['2001:200:ffff:ffff:ffff:ffff:ffff:ffff', 'JP'],
  ['2001:201::', '??'],
  ['2001:df0:0:ffff::1', '??'],
  ['2001:df0:1::', 'TH'],
  ['2001:df0:1:ffff:ffff:ffff:ffff:ffff', 'TH'],
  ['2001:df0:2::', '??'],
];

test('one registry: only what is allocated or assigned, counts that are no power of two, prefixes', () => {
  const table = load(APNIC);
  expect(CASES.map(([address]) => [address, countryOf(table, address)])).toEqual(CASES);
  expect(Object.fromEntries(allocatedIpv4(table))).toEqual({ JP: 768, TH: 300, AP: 256 });
  expect(table.geo).toEqual({ name: 'delegated-extended apnic', built: '2026-06-16' });
  expect(table.asn).toBeUndefined();
});

test('several registries are one database, as old as the oldest; ends of the address space; CRLF', () => {
  const table = load(RIPE, APNIC, AFRINIC);
  expect(table.geo).toEqual({ name: 'delegated-extended afrinic apnic ripencc', built: '2026-06-10' });
  const at = ['0.0.0.0', '0.0.0.1', '255.255.254.255', '255.255.255.0', '255.255.255.255'];
  expect(at.map(address => countryOf(table, address))).toEqual(['DE', '??', '??', 'EU', 'EU']);
});

test('overlaps: the later start wins while it lasts, of equal ranges the later date, in any order of files', () => {
  for (const files of [
    [APNIC, AFRINIC],
    [AFRINIC, APNIC],
  ]) {
    const table = load(...files);
    const at = [
      '192.0.2.0',
      '192.0.3.0',
      '192.0.3.255',
      '192.0.4.0',
      '192.0.5.0',
      '203.0.112.7',
      '203.0.112.8',
      '203.0.113.0',
      '203.0.113.255',
    ];
    expect(at.map(address => countryOf(table, address))).toEqual([
      'EG',
      'ZA',
      'ZA',
      'EG',
      '??',
      'GH',
      'TH',
      'NG',
      'NG',
    ]);
  }
  expect(load(APNIC, AFRINIC).sha256).toBe(load(AFRINIC, APNIC).sha256);
});

const HEAD = '2|lacnic|20260617|1|19870101|20260616|-0300\n';

test.each([
  ['lacnic|BR|ipv4|200.0.0.0', 'fewer than 7 fields'],
  ['lacnic|BR|ipv5|200.0.0.0|256|20100101|allocated|x', 'type is none of'],
  ['lacnic|BRA|ipv4|200.0.0.0|256|20100101|allocated|x', 'not a country code'],
  ['lacnic|BR|ipv4|200.0.0|256|20100101|allocated|x', 'not an address and a count'],
  ['lacnic|BR|ipv4|200.0.0.0|0|20100101|allocated|x', 'not an address and a count'],
  ['lacnic|BR|ipv4|200.0.0.0|-256|20100101|allocated|x', 'not an address and a count'],
  ['lacnic|BR|ipv4|255.255.255.0|257|20100101|allocated|x', 'not an address and a count'],
  ['lacnic|BR|ipv6|2800::|0|20100101|allocated|x', 'not a prefix'],
  ['lacnic|BR|ipv6|2800::|129|20100101|allocated|x', 'not a prefix'],
  ['lacnic|BR|ipv6|2800::1|32|20100101|allocated|x', 'not a prefix'],
  ['lacnic|BR|ipv6|2800:::|32|20100101|allocated|x', 'not a prefix'],
  ['lacnic|BR|ipv6|200.0.0.0|32|20100101|allocated|x', 'not a prefix'],
  ['2|lacnic|nodate|1|x|y|z', 'without registry or date'],
])('a malformed line is named by file and number: %s', (line, wrong) => {
  const make = () => load(`${HEAD}lacnic|BR|ipv4|200.1.0.0|256|20100101|allocated|x\n${line}\n`);
  expect(make).toThrow(GeoError);
  expect(make).toThrow(new RegExp(`delegated-0: line 3: .*${wrong}`));
});
