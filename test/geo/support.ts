import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import { afterAll } from 'vitest';
import { type GeoTable, lookup4, lookup6 } from '../../common/geo/table.ts';

const folders: string[] = [];

/** Gone when the test file is done. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'enaga-geo-'));
  folders.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function wordsOf(address: string): number[] {
  const bytes = Buffer.from(ipaddr.parse(address).toByteArray());
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32BE(4 * i));
}

function placeOf(table: GeoTable, address: string): number {
  const [w0, w1, w2, w3] = wordsOf(address) as [number, number, number, number];
  return address.includes(':') ? lookup6(table, w0, w1, w2, w3) : lookup4(table, w0);
}

export const countryOf = (table: GeoTable, address: string) =>
  table.countries[table.placeCountry[placeOf(table, address)]!]!;

/** 'JP 64496' */
export const seen = (table: GeoTable, address: string) =>
  `${countryOf(table, address)} ${table.placeAsn[placeOf(table, address)]}`;

/** The same numbers in every run (mulberry32): a failure can be looked at again. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
