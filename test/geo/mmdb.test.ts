import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import { type CountryResponse, Reader } from 'mmdb-lib';
import { describe, expect, test } from 'vitest';
import { GeoError, loadGeo } from '../../common/geo/load.ts';
import type { GeoTable } from '../../common/geo/table.ts';
import { type MmdbValue, writeMmdb } from '../support/mmdb-writer.ts';
import { countryOf, newFolder, seeded, seen } from './support.ts';

const DEFAULT_FILE = createRequire(import.meta.url).resolve(
  '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb',
);
const noMmdblookup = spawnSync('mmdblookup', ['--version']).error !== undefined;
const oracleTest = noMmdblookup ? 'skipped, mmdblookup (Debian: mmdb-bin) is not installed: ' : '';

/** mmdblookup exits with 6 where it finds nothing. */
function mmdblookup(file: string, address: string, ...path: string[]): string {
  const { status, stdout } = spawnSync('mmdblookup', ['-f', file, '-i', address, ...path], { encoding: 'utf8' });
  if (status === 6) return '';
  expect(status).toBe(0);
  return stdout;
}

const mmdblookupCountry = (address: string) =>
  /"([A-Z]{2})"/.exec(mmdblookup(DEFAULT_FILE, address, 'country_code'))?.[1] ?? '??';

function randomAddresses(count4: number, count6: number): string[] {
  const random = seeded(2026);
  const ipv4 = Array.from({ length: count4 }, () => random()).map(a =>
    [a >>> 24, (a >>> 16) & 255, (a >>> 8) & 255, a & 255].join('.'),
  );
  // Half of them where most allocations are: anywhere in 2000::/3 is mostly unknown space.
  const heads = [0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00];
  const groups = () => {
    const first = random() % 2 ? heads[random() % 5]! + (random() % 16) : 0x2003 + (random() % 0x1ffd);
    return [first, ...Array.from({ length: 7 }, () => random() & 0xffff)];
  };
  return [...ipv4, ...Array.from({ length: count6 }, () => new ipaddr.IPv6(groups()).toRFC5952String())];
}

function loadFile(options: { geo: string; asn?: string }): GeoTable {
  return loadGeo({ geoFiles: [options.geo], asnFile: options.asn, cacheDir: join(newFolder(), 'cache') });
}

type Entries = [string, MmdbValue][];

function made(entries: Entries, options: Partial<Parameters<typeof writeMmdb>[1]> = {}): string {
  const file = join(newFolder(), 'made.mmdb');
  writeMmdb(file, { databaseType: 'Made-Up', buildEpoch: 1_750_000_000, ipVersion: 6, ...options }, entries);
  return file;
}

describe('the default database', () => {
  const cacheDir = join(newFolder(), 'cache');

  test('names itself, and knows countries only', () => {
    const table = loadGeo({ cacheDir });
    expect(table.geo.name).toBe('geo-whois-asn-country');
    expect(table.geo.built).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(table.asn).toBeUndefined();
    expect(table.countries[0]).toBe('??');
    expect(table.countries.length).toBeGreaterThan(200);
    expect(
      ['10.0.0.1', '127.0.0.1', '224.0.0.1', '255.255.255.255', 'fe80::1', '::1'].map(at => seen(table, at)),
    ).toEqual(new Array(6).fill('?? 0'));
  });

  test.skipIf(noMmdblookup)(
    `${oracleTest}500 IPv4 and 200 IPv6 addresses are where mmdblookup says`,
    () => {
      const table = loadGeo({ cacheDir });
      const addresses = randomAddresses(500, 200);
      const ours = addresses.map(address => [address, countryOf(table, address)]);
      expect(ours).toEqual(addresses.map(address => [address, mmdblookupCountry(address)]));
      expect(ours.filter(([, country]) => country !== '??').length).toBeGreaterThan(400);
    },
    120_000,
  );

  test('50,000 addresses are where the library says, and the edges of 4,000 ranges', () => {
    const table = loadGeo({ cacheDir });
    const reader = new Reader<CountryResponse & { country_code: string }>(readFileSync(DEFAULT_FILE));
    const random = seeded(7);
    const edges = Array.from({ length: 2000 }, () => table.starts4[random() % table.starts4.length]!).flatMap(start => [
      start,
      start - 1,
    ]);
    const texts = edges.map(a => [a >>> 24, (a >>> 16) & 255, (a >>> 8) & 255, a & 255].join('.'));
    for (let i = 0; i < 2000; i++) {
      const at = 4 * (random() % table.places6.length);
      const groups = [...table.starts6.subarray(at, at + 4)].flatMap(word => [word >>> 16, word & 0xffff]);
      texts.push(new ipaddr.IPv6(groups).toRFC5952String());
    }
    const wrong = [...randomAddresses(40_000, 10_000), ...texts].filter(
      address => countryOf(table, address) !== (reader.get(address)?.country_code ?? '??'),
    );
    expect(wrong).toEqual([]);
  });
});

const LAYOUTS: [name: string, country: MmdbValue, asn: MmdbValue][] = [
  ['GeoLite2', { country: { iso_code: 'JP', names: { en: 'Japan' } } }, { autonomous_system_number: 64496 }],
  ['GeoLite2, registered only', { registered_country: { iso_code: 'JP' } }, { autonomous_system_number: 64496 }],
  ['DB-IP', { country_code: 'JP' }, { autonomous_system_number: 64496, autonomous_system_organization: 'x' }],
  ['IPinfo', { country: 'JP', country_name: 'Japan' }, { asn: 'AS64496', name: 'x' }],
  ['IPinfo Lite', { country: 'Japan', country_code: 'JP' }, { asn: 'AS64496' }],
  ['lower case', { country_code: 'jp' }, { asn: '64496' }],
];

test.each(LAYOUTS)('layout of %s', (_, country, asn) => {
  const prefixes = ['192.0.2.0/24', '2001:db8::/32'];
  const geo = made(prefixes.map(prefix => [prefix, country]));
  const table = loadFile({
    geo,
    asn: made(
      prefixes.map(prefix => [prefix, asn]),
      { databaseType: 'Made-Up-ASN' },
    ),
  });
  const at = ['192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0', '2001:db8::', '2001:db8:ffff::1', '2001:db9::'];
  const known = 'JP 64496';
  expect(at.map(address => seen(table, address))).toEqual(['?? 0', known, known, '?? 0', known, known, '?? 0']);
  expect(table.geo).toEqual({ name: 'Made-Up', built: '2025-06-15' });
  expect(table.asn).toEqual({ name: 'Made-Up-ASN', built: '2025-06-15' });
});

test('country and ASN ranges that overlap in part: each address has its pair', () => {
  const geo = made([
    ['10.0.0.0/8', { country_code: 'JP' }],
    ['12.0.0.0/8', { country_code: 'US' }],
    ['2a00::/16', { country_code: 'DE' }],
  ]);
  const asn = made([
    ['10.128.0.0/9', { asn: 'AS1' }],
    ['11.0.0.0/8', { asn: 'AS1' }],
    ['12.0.0.0/16', { asn: 'AS4294967295' }],
    ['2a00:1::/32', { asn: 'AS2' }],
  ]);
  const table = loadFile({ geo, asn });
  const at = [
    '10.0.0.1',
    '10.127.255.255',
    '10.128.0.0',
    '11.0.0.0',
    '12.0.0.0',
    '12.1.0.0',
    '13.0.0.0',
    '2a00::1',
    '2a00:1::1',
    '2a01::',
  ];
  expect(at.map(address => seen(table, address))).toEqual([
    'JP 0',
    'JP 0',
    'JP 1',
    '?? 1',
    'US 4294967295',
    'US 0',
    '?? 0',
    'DE 0',
    'DE 2',
    '?? 0',
  ]);
});

test('one file may be given for both', () => {
  const file = made([['192.0.2.0/24', { country_code: 'JP', asn: 'AS64496' }]]);
  expect(seen(loadFile({ geo: file, asn: file }), '192.0.2.1')).toBe('JP 64496');
});

test('what is no code of two letters is unknown, and so is what is no AS number', () => {
  const geo = made([
    ['1.0.0.0/8', { country_code: 'JPN' }],
    ['2.0.0.0/8', { country_code: 7 }],
    ['3.0.0.0/8', { country: {} }],
    ['4.0.0.0/8', { country_code: 'zz' }],
    ['6.0.0.0/8', 'text'],
    ['5.0.0.0/8', { country_code: 'JP' }],
  ]);
  const asn = made([
    ['1.0.0.0/8', { asn: 'ASX' }],
    ['2.0.0.0/8', { asn: '' }],
    ['3.0.0.0/8', { asn: 1.5 }],
    ['4.0.0.0/8', { asn: 'AS4294967296' }],
    ['5.0.0.0/8', { asn: 5 }],
  ]);
  const table = loadFile({ geo, asn });
  expect([1, 2, 3, 4, 6, 5].map(octet => seen(table, `${octet}.0.0.1`))).toEqual([
    '?? 0',
    '?? 0',
    '?? 0',
    '?? 0',
    '?? 0',
    'JP 5',
  ]);
});

test('an IPv4 tree mounted for tunnels is read once, and tunnels are unknown', () => {
  const entries: Entries = [
    ['8.0.0.0/8', { country_code: 'US' }],
    ['2001:1::/32', { country_code: 'JP' }],
    ['2003::/16', { country_code: 'DE' }],
  ];
  const table = loadFile({ geo: made(entries, { aliases: true }) });
  expect(table.places6.length).toBe(5); // unknown, JP, unknown, DE, unknown
  expect(
    ['2002:808:808::1', '2001:0:808:808::1', '2001:1::1', '2003::1', '8.8.8.8'].map(at => countryOf(table, at)),
  ).toEqual(['??', '??', 'JP', 'DE', 'US']);
});

test('tunnels are unknown inside a wider prefix, too', () => {
  const table = loadFile({ geo: made([['2000::/3', { country_code: 'JP' }]]) });
  const at = [
    '2001::',
    '2001:0:ffff::',
    '2002::',
    '2002:ffff::',
    '2000::',
    '2000:ffff::',
    '2001:1::',
    '2003::',
    '3fff::',
  ];
  expect(at.map(address => countryOf(table, address))).toEqual(at.map((_, i) => (i < 4 ? '??' : 'JP')));
});

test('prefixes down to one address, on every word of an IPv6 address, and an IPv4 database', () => {
  const prefixes = [
    '2a00::/31',
    '2a00:4::/33',
    '2a00:5::1/128',
    '2a00:6::ffff:ffff:ffff/128',
    '2a00:7:ffff:ffff::/64',
    '2a00:8:0:0:8000::/65',
  ];
  const table = loadFile({ geo: made(prefixes.map(prefix => [prefix, { country_code: 'DE' }])) });
  const inside = [
    '2a00:1:ffff::',
    '2a00:4:7fff::',
    '2a00:5::1',
    '2a00:6::ffff:ffff:ffff',
    '2a00:7:ffff:ffff:1::',
    '2a00:8:0:0:8000::',
  ];
  const outside = [
    '2a00:2::',
    '2a00:4:8000::',
    '2a00:5::',
    '2a00:5::2',
    '2a00:6:0:0:1::',
    '2a00:7:ffff:fffe::',
    '2a00:8::',
    '2a00:8:0:1::',
  ];
  expect(inside.map(at => countryOf(table, at))).toEqual(inside.map(() => 'DE'));
  expect(outside.map(at => countryOf(table, at))).toEqual(outside.map(() => '??'));
  const ipv4 = loadFile({
    geo: made(
      [
        ['255.255.255.255/32', { country_code: 'JP' }],
        ['0.0.0.0/1', { country_code: 'US' }],
      ],
      { ipVersion: 4 },
    ),
  });
  expect(
    ['0.0.0.0', '127.255.255.255', '128.0.0.0', '255.255.255.254', '255.255.255.255', '2a00::1'].map(at =>
      countryOf(ipv4, at),
    ),
  ).toEqual(['US', 'US', '??', '??', 'JP', '??']);
});

describe('damage', () => {
  const sound = readFileSync(
    made([
      ['192.0.2.0/24', { country_code: 'JP' }],
      ['2001:db8::/32', { country_code: 'TH' }],
    ]),
  );
  const file = join(newFolder(), 'damaged.mmdb');
  const outcome = (bytes: Buffer) => {
    writeFileSync(file, bytes);
    try {
      loadGeo({ geoFiles: [file], cacheDir: join(file, 'no folder') });
      return 'loaded';
    } catch (error) {
      return error instanceof GeoError ? 'refused' : error;
    }
  };

  test('a file cut at any byte, or with a byte changed, is refused or read, and nothing else happens', () => {
    for (let at = 0; at < sound.length; at++) expect([at, outcome(sound.subarray(0, at))]).toEqual([at, 'refused']);
    // Every fifth: a node has six bytes, so each of them has its turn.
    for (let at = 0; at < sound.length; at += 5) {
      const changed = Buffer.from(sound);
      changed[at]! ^= 0xff;
      expect(['loaded', 'refused']).toContain(outcome(changed));
    }
  }, 120_000);

  test('a tree that runs in circles is refused, not walked for ever', () => {
    const circle = Buffer.from(sound);
    circle.fill(0, 0, circle.indexOf(Buffer.alloc(16)) - 6);
    writeFileSync(file, circle);
    expect(() => loadFile({ geo: file })).toThrow(/damaged MMDB \(the search tree runs in circles\)/);
  });
});

test.skipIf(noMmdblookup).each([24, 28, 32] as const)(
  `${oracleTest}mmdblookup reads what the test writer wrote, %i bit records`,
  recordSize => {
    const record = {
      country: { iso_code: 'JP' },
      text: 'y'.repeat(300),
      middle: 'z'.repeat(40),
      number: -1.5,
      yes: true,
      list: [1, 4294967295],
    };
    const file = made(
      [
        ['192.0.2.0/24', record],
        ['192.0.2.128/25', { asn: 'AS1' }],
        ['2001:db8::/32', { country: { iso_code: 'TH' } }],
      ],
      { recordSize, aliases: true },
    );
    const plain = (address: string) => mmdblookup(file, address).replace(/<\w+>|\s/g, '');
    expect(plain('192.0.2.1')).toBe(
      `{"country":{"iso_code":"JP"}"text":"${record.text}""middle":"${record.middle}""number":-1.500000"yes":true"list":[14294967295]}`,
    );
    expect(plain('2002:c000:0201::1')).toBe(plain('192.0.2.1'));
    expect(plain('192.0.2.255')).toBe('{"asn":"AS1"}');
    expect(plain('2001:db8::1')).toBe('{"country":{"iso_code":"TH"}}');
    expect(plain('192.0.3.0')).toBe('');
    expect(execFileSync('mmdblookup', ['-v', '-f', file, '-i', '192.0.2.1'], { encoding: 'utf8' })).toMatch(
      /Type:\s+Made-Up/,
    );
  },
);
