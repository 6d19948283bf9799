import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GeoError, loadGeo } from '../../common/geo/load.ts';
import { type MmdbValue, writeMmdb } from '../support/mmdb-writer.ts';
import { countryOf, newFolder, seen } from './support.ts';

function made(record: MmdbValue): string {
  const file = join(newFolder(), 'made.mmdb');
  writeMmdb(file, { databaseType: 'Made-Up', buildEpoch: 1_750_000_000, ipVersion: 4 }, [['192.0.2.0/24', record]]);
  return file;
}

function text(content: string | Buffer): string {
  const file = join(newFolder(), 'file');
  writeFileSync(file, content);
  return file;
}

const COUNTRY = made({ country_code: 'JP' });
const ASN = made({ asn: 'AS64496' });
const DELEGATED = text(
  '2|apnic|20260617|1|19830613|20260616|+1000\napnic|JP|ipv4|192.0.2.0|256|20100101|allocated|x\n',
);

test('a cached table equals a fresh one, and is not written again', () => {
  const cacheDir = join(newFolder(), 'a', 'cache');
  const options = { geoFiles: [COUNTRY], asnFile: ASN, cacheDir };
  const fresh = loadGeo(options);
  expect(readdirSync(cacheDir)).toEqual([`geo-3-${fresh.sha256}.table`]);
  const file = join(cacheDir, `geo-3-${fresh.sha256}.table`);
  utimesSync(file, 1000, 1000);
  const cached = loadGeo(options);
  expect(cached).toEqual(fresh);
  expect(cached.starts4.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(statSync(file).mtimeMs).toBe(1_000_000);
});

test("a sound table under another's name is not believed", () => {
  const cacheDir = newFolder();
  const { sha256 } = loadGeo({ geoFiles: [COUNTRY], cacheDir });
  const other = loadGeo({ geoFiles: [made({ country_code: 'TH' })], cacheDir });
  renameSync(join(cacheDir, `geo-3-${other.sha256}.table`), join(cacheDir, `geo-3-${sha256}.table`));
  expect(countryOf(loadGeo({ geoFiles: [COUNTRY], cacheDir }), '192.0.2.1')).toBe('JP');
});

test('a cache file cut or changed anywhere is built again', () => {
  const cacheDir = newFolder();
  const fresh = loadGeo({ geoFiles: [COUNTRY], cacheDir });
  const file = join(cacheDir, readdirSync(cacheDir)[0]!);
  const sound = readFileSync(file);
  const damages = [0, 7, 9, 41, 45, 60, 200, sound.length - 1].flatMap(at => {
    const changed = Buffer.from(sound);
    changed[at]! ^= 1;
    return [changed, sound.subarray(0, at)];
  });
  for (const damaged of damages) {
    writeFileSync(file, damaged);
    expect(loadGeo({ geoFiles: [COUNTRY], cacheDir })).toEqual(fresh);
    expect(readFileSync(file).equals(sound)).toBe(true);
  }
});

test('a cache folder that cannot be is no error', () => {
  const cacheDir = join(text('a file, not a folder'), 'cache');
  expect(countryOf(loadGeo({ geoFiles: [COUNTRY], cacheDir }), '192.0.2.1')).toBe('JP');
});

test('the folder keeps the tables written last', () => {
  const cacheDir = newFolder();
  const hashes = ['JP', 'TH', 'VN', 'ID', 'US', 'DE', 'FR', 'BR', 'ZA', 'NG'].map((code, i) => {
    const { sha256 } = loadGeo({ geoFiles: [made({ country_code: code })], cacheDir });
    const file = join(cacheDir, `geo-3-${sha256}.table`);
    utimesSync(file, 1000 + i, 1000 + i);
    return sha256;
  });
  const kept = hashes.map(sha256 => existsSync(join(cacheDir, `geo-3-${sha256}.table`)));
  expect(kept).toEqual([false, false, ...new Array(8).fill(true)]);
});

test('the default cache folder is $XDG_CACHE_HOME/enaga', () => {
  const before = process.env.XDG_CACHE_HOME;
  const folder = newFolder();
  process.env.XDG_CACHE_HOME = folder;
  try {
    loadGeo({ geoFiles: [COUNTRY] });
    expect(readdirSync(join(folder, 'enaga')).length).toBe(1);
  } finally {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
    rmSync(folder, { recursive: true });
  }
});

test("the hash tells geographies apart, and of one file it is the file's own", () => {
  const cacheDir = newFolder();
  const both = made({ country_code: 'JP', asn: 'AS64496' });
  const hashes = [{ geoFiles: [both] }, { geoFiles: [both], asnFile: both }, { geoFiles: [both], asnFile: ASN }].map(
    options => loadGeo({ ...options, cacheDir }).sha256,
  );
  expect(new Set(hashes).size).toBe(3);
  expect(hashes[0]).toBe(createHash('sha256').update(readFileSync(both)).digest('hex'));
  expect(seen(loadGeo({ geoFiles: [both], cacheDir }), '192.0.2.1')).toBe('JP 0');
});

const folder = newFolder();
mkdirSync(join(folder, 'sub'));

test.each([
  ['a missing file', { geoFiles: [join(folder, 'none.mmdb')] }, /none\.mmdb: no such file/],
  ['a folder', { geoFiles: [join(folder, 'sub')] }, /sub: is a folder/],
  ['an empty file', { geoFiles: [text('')] }, /is empty/],
  ['one byte', { geoFiles: [text('x')] }, /neither a whole MMDB nor/],
  ['garbage', { geoFiles: [text('country,of,addresses\n'.repeat(99))] }, /neither a whole MMDB nor/],
  ['gzip', { geoFiles: [text(Buffer.from([0x1f, 0x8b, 8, 0]))] }, /compressed \(gzip\); unpack/],
  [
    'an MMDB marker and nothing else',
    { geoFiles: [text(Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'))] },
    /damaged MMDB/,
  ],
  ['garbage beside a good file', { geoFiles: [DELEGATED, text('garbage')] }, /neither a whole MMDB nor/],
  ['an MMDB beside a delegated file', { geoFiles: [DELEGATED, COUNTRY] }, /beside other country databases/],
  ['an ASN database as country', { geoFiles: [ASN] }, /has no countries; an ASN database goes to --asn/],
  [
    'a country database as ASN',
    { geoFiles: [COUNTRY], asnFile: COUNTRY },
    /has no ASNs; a country database goes to --geo/,
  ],
  ['a delegated file as ASN', { geoFiles: [COUNTRY], asnFile: DELEGATED }, /map no prefix to an ASN/],
  ['garbage as ASN', { geoFiles: [COUNTRY], asnFile: text('garbage') }, /neither a whole MMDB nor/],
])('%s is refused with the file, what is wrong and what to do', (_, options, message) => {
  const load = () => loadGeo({ ...options, cacheDir: folder });
  expect(load).toThrow(GeoError);
  expect(load).toThrow(message);
});

test('more country codes than a byte numbers are refused', () => {
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const codes = letters.flatMap(a => letters.slice(0, 10).map(b => a + b));
  const file = join(newFolder(), 'many.mmdb');
  const write = (count: number) =>
    writeMmdb(
      file,
      { databaseType: 'Many', buildEpoch: 1, ipVersion: 4 },
      codes.slice(0, count).map((code, i) => [`10.${i >> 8}.${i & 255}.0/24`, { country_code: code }]),
    );
  write(255);
  expect(countryOf(loadGeo({ geoFiles: [file], cacheDir: newFolder() }), '10.0.254.1')).toBe(codes[254]);
  write(256);
  expect(() => loadGeo({ geoFiles: [file], cacheDir: newFolder() })).toThrow(/over 255 country codes/);
});
